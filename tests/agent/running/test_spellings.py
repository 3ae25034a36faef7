"""A secret is masked as the programs of this machine spell it, and as PHP and Ruby print theirs."""

import base64
import html
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.running.redaction import Redactor, redactor_of

SECRETS = [
    "correct-horse/battery+9==",
    'it\'s <b>"quoted"</b> & back\\slashed/',
    "pa$$ w0rd~(of) Ålesund!*",
    "0123456789abcdef/" * 6,
]
PYTHON = [sys.executable, "-I", "-c"]
# How a program spells the value that it is given as its first argument.
WAYS: dict[str, list[tuple[str, ...]]] = {
    "python": [
        (*PYTHON, f"import sys, {module}; s = sys.argv[1]; print({spelled})")
        for module, spelled in (
            ("json", "json.dumps(s)"),
            ("json", "json.dumps(s, ensure_ascii=False)"),
            ("json", "json.dumps(s).replace('/', chr(92) + '/')"),
            ("json", "repr(s)"),
            ("json", "ascii(s)"),
            ("json", "s.encode()"),
            ("shlex", "shlex.quote(s)"),
            ("html", "html.escape(s)"),
            ("html", "html.escape(s, quote=False)"),
            ("html", 'html.escape(s).replace("&#x27;", "&#039;")'),
            ("html", 'html.escape(s).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")'),
            ("binascii", "s.encode().hex()"),
            ("binascii", "s.encode().hex().upper()"),
            ("base64", "base64.b64encode(s.encode()).decode()"),
            ("base64", "base64.urlsafe_b64encode(s.encode()).decode()"),
            ("base64", "base64.encodebytes(s.encode()).decode()"),
            ("urllib.parse", "urllib.parse.quote(s)"),
            ("urllib.parse", "urllib.parse.quote(s, safe='')"),
            ("urllib.parse", "urllib.parse.quote(s, safe='').lower()"),
            ("urllib.parse", "urllib.parse.quote(urllib.parse.quote(s, safe=''), safe='')"),
            ("urllib.parse", "urllib.parse.quote(urllib.parse.quote_plus(s), safe='').lower()"),
            ("urllib.parse", "urllib.parse.quote_plus(s)"),
        )
    ],
    "node": [
        ("node", "-e", f"const s = process.argv[1]; console.log({spelled})")
        for spelled in (
            "JSON.stringify(s)",
            "JSON.stringify({s}).slice(5, -1)",
            "require('util').inspect(s)",
            "encodeURIComponent(s)",
            "encodeURIComponent(encodeURIComponent(s))",
            "new URLSearchParams({s}).toString().slice(2)",
            "require('querystring').escape(s)",
            "Buffer.from(s).toString('hex')",
            "Buffer.from(s).toString('base64')",
            "Buffer.from(s).toString('base64url')",
        )
    ],
    "jq": [
        ("jq", "-nr", f"$ARGS.positional[0] | {spelled}", "--args")
        for spelled in ("@json", "@uri", "@html", "@sh", "@base64")
    ],
    "perl": [
        ("perl", "-MMIME::Base64", "-e", f"$_ = $ARGV[0]; print {spelled}")
        for spelled in (
            'unpack("H*", $_)',
            "encode_base64($_)",
            'join("", map { sprintf(/[A-Za-z0-9]/ ? "%s" : "%%%02x", /\\w/ ? $_ : ord) } split //)',
        )
    ],
    "openssl": [
        ("sh", "-c", 'printf %s "$1" | openssl base64', "sh"),
        ("sh", "-c", 'printf %s "$1" | openssl base64 -A', "sh"),
    ],
    "curl": [
        (
            "sh",
            "-c",
            'curl -sv -m 2 -u "me:$1" http://127.0.0.1:9 2>&1 | grep -i basic; true',
            "sh",
        ),
    ],
    "php": [
        ("php", "-r", f"$s = $argv[1]; {spelled};")
        for spelled in (
            "echo json_encode($s)",
            "echo json_encode($s, JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS | JSON_HEX_QUOT)",
            "echo urlencode($s)",
            "echo rawurlencode($s)",
            "echo htmlspecialchars($s)",
            "echo htmlentities($s)",
            "echo bin2hex($s)",
            "echo base64_encode($s)",
            "echo chunk_split(base64_encode($s))",
            "var_export($s)",
            "print_r([$s])",
            "var_dump($s)",
        )
    ],
}
INSTALLED = [name for name in WAYS if name == "python" or shutil.which(name)]
# Too short to tell anything: the letters at an end that also depend on what stands beside them.
MOST_LEFT = 4


def spelled_by(program: Sequence[str], secret: str) -> str:
    done = subprocess.run(
        [*program, secret], capture_output=True, timeout=20, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("program", INSTALLED)
def test_a_known_value_is_masked_as_programs_spell_it(program: str) -> None:
    redactor = Redactor(SECRETS)
    seen = []
    for way in WAYS[program]:
        for secret in SECRETS:
            said = spelled_by(way, secret)
            masked = redactor.mask_text(said)
            left = re.findall(r"[A-Za-z0-9+/=-]+", masked)
            if len("".join(left)) > MOST_LEFT + left.count("string") * 20:
                seen.append((way[-2:], said, masked))

    assert seen == []


HERE = [
    lambda s: json.dumps(s),
    lambda s: json.dumps(s, ensure_ascii=False),
    lambda s: php_json(s),
    lambda s: php_json(s, hexed=True),
    lambda s: go_json(s),
    lambda s: s.encode().hex(),
    lambda s: quote(s, safe=""),
    lambda s: quote(s, safe="").lower(),
    lambda s: quote(quote(s, safe=""), safe=""),
    lambda s: quote_plus(s),
    lambda s: html.escape(s),
    lambda s: repr(s),
    lambda s: ascii(s),
    lambda s: repr(s.encode()),
    lambda s: shlex.quote(s),
    lambda s: base64.b64encode(s.encode()).decode(),
]


@settings(deadline=None, max_examples=300)
@given(
    secret=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=6),
    spell=st.sampled_from(HERE),
)
def test_whatever_the_value_is_nothing_of_it_is_left(
    secret: str, spell: Callable[[str], str]
) -> None:
    said = spell(secret)

    masked = Redactor([secret]).mask_text(f"<{said}>")

    assert set(masked) <= set("<>*'\"b="), said


def php_json(secret: str, *, hexed: bool = False) -> str:
    """As `json_encode` does it, for where no PHP is installed."""
    said = json.dumps(secret).replace("/", "\\/")
    if hexed:
        inner = said[1:-1].replace('\\"', "\\u0022").replace("'", "\\u0027")
        for letter in "<>&":
            inner = inner.replace(letter, f"\\u{ord(letter):04X}")
        return f'"{inner}"'
    return said


def go_json(secret: str) -> str:
    said = json.dumps(secret, ensure_ascii=False)
    for letter in "<>&":
        said = said.replace(letter, f"\\u{ord(letter):04x}")
    return said


@pytest.mark.parametrize("secret", SECRETS)
def test_a_known_value_is_masked_as_php_and_go_spell_it(secret: str) -> None:
    redactor = Redactor([secret])
    for said in (
        php_json(secret),
        php_json(secret, hexed=True),
        go_json(secret),
        quote(secret, safe="").replace("~", "%7E").replace("%20", "+"),
        re.sub(
            r"\\u[0-9a-f]{4}", lambda found: found[0].upper().replace("U", "u"), php_json(secret)
        ),
    ):
        assert set(redactor.mask_text(said)) <= set('*"'), said


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("    [password] => hunter22", "hunter22"),
        ("    [DB_PASSWORD] => hunter22", "hunter22"),
        ('  ["password"]=>\n  string(8) "hunter22"', "hunter22"),
        ('["api_token"]=> string(8) "hunter22"', "hunter22"),
        ("  'password' => 'hunter22',", "hunter22"),
        ("  \"password\" => 'hunter22',", "hunter22"),
        ('{:password=>"hunter22"}', "hunter22"),
        ('{password: "hunter22"}', "hunter22"),
        ("DB_PASS=hunter22", "hunter22"),
        ("DB_PASS='hunter22'", "hunter22"),
        ("$dbpass = 'hunter22';", "hunter22"),
        ('{"pass":"hunter22"}', "hunter22"),
        ("passphrase: hunter22", "hunter22"),
        ("define('DB_PASSWORD', 'hunter22');", "hunter22"),
        ("AccountName=shop;AccountKey=aHVudGVyMjI=;EndpointSuffix=x", "aHVudGVyMjI"),
        ("https://hooks.slack.com/services/T0000/B0000/XXXXhunter22XXXX0000", "hunter22"),
        ("AIzaSyA-1234567890abcdefghijklmnopqrstu", "1234567890"),
        ("PHPSESSID=abcdef0123456789", "abcdef0123456789"),
        ("[PHPSESSID] => abcdef0123456789", "abcdef0123456789"),
        ("JSESSIONID=ABCDEF0123456789", "ABCDEF0123456789"),
        ("Set-Cookie: shop=abcdef0123456789; Path=/; HttpOnly", "abcdef0123456789"),
        ("> Cookie: a=b; shop=abcdef0123456789", "abcdef0123456789"),
        ("#0 /srv/x.php(3): PDO->__construct('mysql:host=x;d...', 'root', 'hunter22')", "hunter22"),
        ("new PDO('mysql:host=x', 'root', 'hunter22')", "hunter22"),
        ('mysqli_connect("localhost", "root", "hunter22", "shop")', "hunter22"),
    ],
)
def test_what_programs_print_beside_the_word_for_a_secret_is_masked(line: str, secret: str) -> None:
    masked = Redactor().mask_text(line)

    assert len(masked) == len(line)
    assert secret not in masked
    assert "****" in masked


@pytest.mark.parametrize(
    "line",
    [
        "    [password] => \n    [name] => bob",
        "all 12 tests passed: 12 of 12",
        "PASS tests/test_shop.py",
        "compass = north",
        "a cookie: chocolate",
        "new PDO('sqlite::memory:')",
        "pass 3 of 5: sorting",
        "Maizadata imported",
    ],
)
def test_lines_that_only_look_alike_stay_as_they_are(line: str) -> None:
    assert Redactor().mask_text(line) == line


def test_a_value_too_short_to_be_looked_for_is_named_when_secrets_are_loaded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    redactor = redactor_of({"PIN": "abc", "EMPTY": "", "LONG": "hunter22"})

    (told,) = (record.__dict__["facts"] for record in caplog.records)
    assert redactor.mask_text("abc hunter22") == "abc ********"
    assert told["names"] == ["EMPTY", "PIN"]
    assert "abc" not in repr(told)
