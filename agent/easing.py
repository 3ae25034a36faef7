"""Which pattern is found in just the same texts with less work, or bounded where one is not?"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

MOST: Final = 64
"""So often may repeat, in the pattern that is proposed, what had no bound."""
_FLAGS: Final = re.compile(r"\(\?[aimsu]+\)")
# Groups that are looked back at, verbose patterns, comments: these are left alone.
_ODD: Final = re.compile(r"\\[1-9]|\(\?(?:P=|\(|#|[aimsuL]*x|[aimsuL]*-)")
_PIECE: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_SINGLE: Final = re.compile(r"\\[dDwWsS]|\\[^a-zA-Z0-9]|\[.*\]|[^\\()|^$*+?{}]", re.DOTALL)
_REPEATED: Final = re.compile(r"(?:(\+)|(\*)|\{(\d{1,3}),\})(?:\?|(?!\+))(?!\+)")
_ANY_REPEATED: Final = re.compile(r"[*+?]|\{\d*,?\d*\}")


@lru_cache(maxsize=256)
def eased(pattern: str) -> str:
    """A pattern that is found wherever this one is, and nowhere else, though it finds less there.

    What may be repeated without a bound at the front of a search costs the square of the time, and
    tells nothing: one digit before ` rows` is there just when a thousand are.
    """
    if _ODD.search(pattern):
        return pattern
    flags = "".join(found[0] for found in [_FLAGS.match(pattern)] if found)
    return flags + _eased(pattern[len(flags) :])


def bounded(pattern: str) -> str:
    """The same with a bound for each repetition that has none: what may be written instead."""
    pieces: list[str] = []
    at = 0
    while at < len(pattern):
        found = _REPEATED.match(pattern, at) if pieces else None
        if found:
            pieces.append(f"{{{_least(found)},{MOST}}}{'?' if found[0].endswith('?') else ''}")
            at = found.end()
        else:
            piece = _PIECE.match(pattern, at)
            pieces.append(piece[0] if piece else pattern[at])
            at += len(pieces[-1])
    return "".join(pieces)


def _eased(pattern: str) -> str:
    return "|".join(_without_lead(one) for one in _alternatives(pattern))


def _without_lead(pattern: str) -> str:
    """The same where the first of a sequence is repeated no more often than it has to be."""
    first = _PIECE.match(pattern)
    if first is None:
        return pattern
    if first[0] == "(":
        return _with_eased_group(pattern)
    repeated = _REPEATED.match(pattern, first.end())
    if repeated is None or not _SINGLE.fullmatch(first[0]):
        return pattern
    least, rest = _least(repeated), pattern[repeated.end() :]
    if not least:
        return _without_lead(rest)
    return f"{first[0]}{f'{{{least}}}' if least > 1 else ''}{rest}"


def _with_eased_group(pattern: str) -> str:
    start = 3 if pattern.startswith("(?:") else 1
    end = _end_of_group(pattern)
    is_plain = start == 3 or not pattern.startswith("(?")
    if end is None or not is_plain or _ANY_REPEATED.match(pattern, end + 1):
        return pattern
    return f"{pattern[:start]}{_eased(pattern[start:end])}{pattern[end:]}"


def _least(repeated: re.Match[str]) -> int:
    return 1 if repeated[1] else 0 if repeated[2] else int(repeated[3])


def _alternatives(pattern: str) -> Iterator[str]:
    start = 0
    for at, depth, piece in _pieces(pattern):
        if piece == "|" and depth == 0:
            yield pattern[start:at]
            start = at + 1
    yield pattern[start:]


def _end_of_group(pattern: str) -> int | None:
    """Where the group ends with which the pattern begins."""
    for at, depth, piece in _pieces(pattern):
        if piece == ")" and depth == 0:
            return at
    return None


def _pieces(pattern: str) -> Iterator[tuple[int, int, str]]:
    """Each letter, class or escape, where it begins, and in how many groups it stands."""
    depth = 0
    for found in _PIECE.finditer(pattern):
        depth -= found[0] == ")"
        yield found.start(), depth, found[0]
        depth += found[0] == "("
