"""Secrets vanish byte for byte, however they are written, and whatever is thrown at the rules."""

import base64
import html
import json
import shlex
from urllib.parse import quote

import pytest

from agent.running.redaction import Redactor
from tests.effort import growth

SECRET = "pa$$ w0rd/of+Ålesund"
REDACTOR = Redactor([SECRET, "abc"])


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
@pytest.mark.parametrize("kind", ["raw", "url", "base64", "base64 url"])
def test_a_known_value_is_masked_in_every_spelling(kind: str, before: str) -> None:
    raw = SECRET.encode()
    if kind == "raw":
        data, core = before.encode() + raw, raw
    elif kind == "url":
        core = quote(SECRET, safe="").encode()
        data = before.encode() + core
    else:
        encode = base64.urlsafe_b64encode if "url" in kind else base64.b64encode
        data = encode(before.encode() + raw + b"tail of it")
        core = data[len(before) * 4 // 3 + 2 :][:20]

    masked = REDACTOR.mask(b"say " + data + b" end")

    assert len(masked) == len(data) + 8
    assert core not in masked
    assert masked.startswith(b"say ")
    assert masked.endswith(b" end")


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("Authorization: Bearer abcdef.ghijkl-123", "abcdef.ghijkl-123"),
        ("mysql://root:hunter2@db/x", "hunter2"),
        ("DB_PASSWORD=correcthorse rest", "correcthorse"),
        ("password: 'correct horse'", "correct"),
        ('{"client_secret": "a b c d"}', "a b c d"),
        (r'"{\"client_secret\": \"a b c d\"}"', "a b c d"),
        ("password:aws_secret_access_key = wJalrXUtnFEMI", "wJalrXUtnFEMI"),
        ("token:x_token = abcdef", "abcdef"),
        ("sk_live_0123456789abcdef01", "0123456789abcdef"),
        ("Authorization: Digest username=bob", "username"),
        ("was paid.4111 1111 1111 1111", "1111 1111 1111"),
        (r'{"password": "a\"bcd efg"}', "bcd efg"),
        ("api-key = 12345abc", "12345abc"),
        ("key AKIAIOSFODNN7EXAMPLE end", "AKIAIOSFODNN7EXAMPLE"),
        ("jwt eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.dozjgNryP4J3jVmN", "eyJzdWIiOiIxMjM0"),
        ("ghp_0123456789abcdef0123456789abcdef0123", "0123456789abcdef"),
        ("card 4111 1111 1111 1111 paid", "4111 1111 1111 1111"),
        ("mysqldump --password hunter22 db", "hunter22"),
        ("mysqldump -h db -u root -phunter22 shop", "hunter22"),
        ("mysql -uroot -p'hunter22' shop", "hunter22"),
        ("curl -sS -u bob:hunter22 https://host/x", "hunter22"),
        ("curl --user 'bob:hunter22' https://host/x", "hunter22"),
        ("curl -ubob:hunter22 https://host/x", "hunter22"),
        ("sshpass -p hunter22 ssh host", "hunter22"),
        ("DB_PWD=/hunter22", "hunter22"),
        ("password: 'correct horse'", "horse"),
        ("amqp://user:p@ss@host/x", "p@ss"),
        ("card 5500-0000-0000-0004", "5500-0000-0000-0004"),
    ],
)
def test_what_looks_like_a_secret_is_masked(line: str, secret: str) -> None:
    masked = Redactor().mask(line.encode())

    assert len(masked) == len(line.encode())
    assert secret.encode() not in masked
    assert b"*" * 4 in masked


def test_a_private_key_is_masked_whole_even_while_it_is_being_written() -> None:
    key = b"a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabcd\n"

    assert Redactor().mask(key) == b"a\n-----BEGIN RSA PRIVATE KEY-----\n****\n****\n"
    assert Redactor().mask(key + b"-----END RSA PRIVATE KEY-----\nz") == (
        b"a\n-----BEGIN RSA PRIVATE KEY-----\n****\n****\n-----END RSA PRIVATE KEY-----\nz"
    )


@pytest.mark.parametrize(
    "text",
    ['say "it\'s\\there"', "a<b>&c'd", "ümläut\twert"],
)
@pytest.mark.parametrize("kind", ["json", "json ascii", "html", "repr", "shell"])
def test_a_known_value_is_masked_as_programs_escape_it(text: str, kind: str) -> None:
    escaped = {
        "json": json.dumps(text, ensure_ascii=False),
        "json ascii": json.dumps(text),
        "html": html.escape(text),
        "repr": repr(text),
        "shell": shlex.quote(text),
    }[kind]

    masked = Redactor([text]).mask(f"<{escaped}>".encode()).decode()

    assert set(masked) <= set("<>*'\"")


@pytest.mark.parametrize(
    "line",
    [
        b"\x1b[31mAKIAIOSFODNN7EXAMPLE\x1b[0m",
        b"key AKIA\x1b[1;31mIOSFODNN7\x1b[0mEXAMPLE",
        b"password=\x1b[31mhunter2\x1b[0m",
        b"pa\x1b[1mssword\x1b[0m: hunter2",
        b"\x1b[1m4111\x1b[0m 1111 1111 1111",
        b"done\x1b[0mghp_0123456789abcdef0123",
        b"say a secr\x1b[4met val\x1b[0mue",
    ],
)
def test_colours_neither_part_a_secret_nor_hide_where_it_begins(line: bytes) -> None:
    masked = Redactor(["a secret value"]).mask(line)

    assert len(masked) == len(line)
    for secret in (b"IOSFODNN7", b"hunter2", b"1111 1111", b"0123", b"secr", b"val"):
        assert secret not in masked


def test_at_the_end_of_all_there_is_a_value_that_has_only_begun_is_masked() -> None:
    redactor = Redactor(["correct-horse-battery"])

    assert redactor.mask(b"say correct-hor", is_end=True) == b"say ***********"
    assert redactor.mask(b"say correct-hor") == b"say correct-hor"
    assert redactor.mask(b"say cor", is_end=True) == b"say cor"


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-24T07:05:00Z 1795478400000 rows=4111 took 3.5 s",
        "https://example.com:8080/path?x=1",
        "card 4111 1111 1111 1112 is no card",
        "the token ring is a basic idea",
        "abc",
        "PWD=/srv/shop",
        "OLDPWD=/srv",
        "docker run -u 1000:1000 shop",
        "mysql -u root -p shop",
        "curl -u bob https://host:8080/x",
    ],
)
def test_harmless_lines_stay_as_they_are(line: str) -> None:
    assert REDACTOR.mask(line.encode()) == line.encode()


@pytest.mark.parametrize(
    "piece",
    [b"-eyJ", b"eyJa.", b"://", b"://a:", b"password=", b"password='", b"1 ", b"4-", b"bearer ",
     b"-----BEGIN PRIVATE KEY-----", b"a", b"akia", b"ghp_", b"key\"  ", b"AAAAA==",
     b"4444 ", b"4444-4", b"--token ", b"--", b"\x1b[", b"\x1b[1m", b"1\x1b[m"],
)  # fmt: skip
def test_four_times_as_much_of_what_is_hostile_takes_about_four_times_as_long(piece: bytes) -> None:
    redactor = Redactor(["a secret value", "another one"])

    def mask(size: int) -> None:
        data = piece * (size // len(piece))
        assert len(redactor.mask(data)) == len(data)

    assert growth(mask, 250_000) < 8


@pytest.mark.parametrize(
    "line",
    [
        "on 2026-11-24 4111 1111 1111 1111 was charged",
        "till 3 4111-1111-1111-1111 12/29",
        "4111 1111 1111 1111 12",
        "2222 3333 4111 1111 1111 1111",
        "amex 3782 822463 10005",
    ],
)
def test_a_card_is_found_amid_other_numbers(line: str) -> None:
    masked = Redactor().mask(line.encode())

    assert b"1111" not in masked
    assert b"822463" not in masked
