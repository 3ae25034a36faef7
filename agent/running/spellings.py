"""In which spellings may the value of a secret turn up in what programs write?"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus

SHORTEST_SECRET: Final = 4
"""What is shorter stands everywhere by chance, and so it is looked for nowhere."""
SHORTEST_LINE: Final = 8
_WIDTHS: Final = (60, 64, 76)
_IN_HTML: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SIGN: Final = re.compile(r"[^A-Za-z0-9_]")


def forms(secret: str) -> set[bytes]:
    """All but base64, in small letters: the case of some is a program's choice."""
    raw = secret.encode()
    if len(raw) < SHORTEST_SECRET:
        return set()
    whole = raw.hex().encode()
    lines = (line.strip() for line in raw.splitlines())
    found = {raw, repr(raw)[2:-1].encode(), whole, *_lines(whole)}
    found.update(line for line in lines if len(line) >= SHORTEST_LINE)
    for escaped in (_in_code, _in_urls, _in_html, _in_json):
        found.update(form.encode() for form in escaped(secret))
    return {form.lower() for form in found}


def base64_forms(secret: str) -> set[bytes]:
    """Whole, and as a part of something longer."""
    raw = secret.encode()
    if len(raw) < SHORTEST_SECRET:
        return set()
    found: set[bytes] = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # In something longer it is shifted by 0, 1 or 2 bytes; what surely stays is the middle,
        # without the letters that also depend on its neighbours.
        for shift in range(3):
            text = encode(b"\0" * shift + raw).rstrip(b"=")
            whole_letters = (shift + len(raw)) // 3 * 4
            middle = text[(0, 2, 3)[shift] : whole_letters]
            if len(middle) >= SHORTEST_LINE:
                found.add(middle)
        found.add(encode(raw).rstrip(b"="))
        found.update(_lines(encode(raw).rstrip(b"=")))
    return found


def _in_code(secret: str) -> Iterator[str]:
    """As Python, PHP, JavaScript and shells quote it."""
    doubled = secret.replace("\\", "\\\\")
    yield from (repr(secret)[1:-1], ascii(secret)[1:-1], doubled)
    yield from (doubled.replace(mark, f"\\{mark}") for mark in "'\"")
    yield from (secret.replace("'", quoted) for quoted in ("'\\''", "'\"'\"'"))


def _in_urls(secret: str) -> Iterator[str]:
    """Once and twice; which signs need no code is seen differently."""
    once = {quote(secret, safe=safe) for safe in ("", "/", "*", "!'()*")}
    once |= {quote_plus(secret), quote_plus(secret, safe="*"), _SIGN.sub(_percent, secret)}
    once |= {form.replace("~", "%7E") for form in once}
    yield from once
    yield from (quote(form, safe=safe) for form in once for safe in ("", "!'()*"))


def _in_html(secret: str) -> Iterator[str]:
    escaped = secret.translate(_IN_HTML)
    yield from (escaped, _named(secret))
    for apostrophe in ("&#x27;", "&#039;", "&#39;", "&apos;", "'"):
        for mark in ("&quot;", "&#34;"):
            yield escaped.replace("'", apostrophe).replace('"', mark)


def _in_json(secret: str) -> Iterator[str]:
    """PHP writes `\\/`, and whoever puts JSON into HTML writes codes for the signs of that."""
    for is_ascii in (True, False):
        dumped = json.dumps(secret, ensure_ascii=is_ascii)[1:-1]
        for said in (dumped, _hidden(dumped, "<>&"), _hidden(dumped, "<>&'\"")):
            yield from (said, said.replace("/", "\\/"))


def _percent(sign: re.Match[str]) -> str:
    """A sign of a URL, also one that need not be written so."""
    return "".join(f"%{byte:02X}" for byte in sign[0].encode())


def _hidden(dumped: str, letters: str) -> str:
    """JSON that may stand amid HTML."""
    for letter in letters:
        code = f"\\u{ord(letter):04x}"
        dumped = dumped.replace('\\"' if letter == '"' else letter, code)
    return dumped


def _named(secret: str) -> str:
    """HTML with a name for each letter that has one."""
    if secret.isascii():
        return secret.translate(_IN_HTML)
    # Only here: it brings some thousand names into memory with it.
    from html.entities import codepoint2name as names

    return "".join(f"&{names[ord(sign)]};" if ord(sign) in names else sign for sign in secret)


def _lines(code: bytes) -> Iterator[bytes]:
    """The lines into which programs break what is long."""
    for width in _WIDTHS:
        if len(code) > width:
            pieces = (code[at : at + width] for at in range(0, len(code), width))
            yield from (piece for piece in pieces if len(piece) >= SHORTEST_LINE)
