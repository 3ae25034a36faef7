"""Ids that sort by time: 26 characters of Crockford base32 (ULID)."""

import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_LATEST_MS = (1 << 48) - 1
_TIME_CHARS = 10
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS = tuple(range(120, -1, -10))
_last = 0


def new_ulid(now_ms: int) -> str:
    """A fresh id: 48 bits of time, then 80 random bits (github.com/ulid/spec).

    Ids of the same millisecond made in a row by one process sort in that order.
    """
    global _last
    if _last >> _RANDOM_BITS == now_ms:
        _last += 1 + secrets.randbits(32)
    else:
        # The top bit stays free, so that counting on never runs over into the time.
        _last = (now_ms << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS - 1)
    return _text(_last)


def first_ulid(at_ms: int) -> str:
    """The lowest id of this millisecond: ids made before it are lower, others are not."""
    return _text(max(0, min(at_ms, _LATEST_MS)) << _RANDOM_BITS)


def ulid_ms(text: str) -> int:
    """The millisecond in which an id was made."""
    at_ms = 0
    for letter in text[:_TIME_CHARS]:
        at_ms = (at_ms << 5) | _ALPHABET.index(letter)
    return at_ms


def _text(number: int) -> str:
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])
