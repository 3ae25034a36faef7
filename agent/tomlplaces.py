"""In which line of a TOML text does each table of a kind, and each key of it, begin?"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

# Longer quotations first; what is in one is no key, no bracket and no comment.
_PIECES: Final = re.compile(
    r'(?P<text>"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\')'
    r"|(?P<comment>\#[^\n]*)|(?P<end>\n)|(?P<open>[\[{])|(?P<close>[\]}])",
    re.DOTALL,
)
_HEADER: Final = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY: Final = re.compile(r"\s*(?:\"([^\"\n]*)\"|'([^'\n]*)'|([A-Za-z0-9_-]+))\s*[.=]")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a table begins, and the first line of each of its keys."""

    line: int
    keys: dict[str, int]


def places(text: str, kind: str) -> list[Place]:
    """One for each `[[kind]]` table of a text that is TOML, in its order."""
    found: list[Place] = []
    inside = False
    for number, line in _statements(text):
        header = _HEADER.match(line)
        if header is not None:
            name, _, rest = header[2].partition(".")
            if header[1] == "[[" and header[2] == kind:
                found.append(Place(line=number, keys={}))
            inside = bool(found) and name.strip() == kind
            if inside and rest:
                found[-1].keys.setdefault(rest.partition(".")[0].strip(" \"'"), number)
            continue
        key = _KEY.match(line)
        is_of_table = inside and key is not None
        if is_of_table and key is not None:
            found[-1].keys.setdefault(next(filter(None, key.groups()), ""), number)
    return found


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each line that begins something, with its number; not what goes on in a value."""
    number, depth, begin, begin_at = 1, 0, 1, 0
    for piece in _PIECES.finditer(text):
        if piece["open"] is not None:
            depth += 1
        elif piece["close"] is not None:
            depth -= 1
        elif piece["text"] is not None:
            number += piece[0].count("\n")
        elif piece["end"] is not None:
            number += 1
            if depth == 0:
                yield begin, text[begin_at : piece.start()]
                begin, begin_at = number, piece.end()
    yield begin, text[begin_at:]
