"""Ids that sort by time: 26 characters of Crockford base32 (ULID)."""

import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
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
    return "".join(_ALPHABET[(_last >> shift) & 31] for shift in range(125, -1, -5))


def first_ulid(at_ms: int) -> str:
    """Every id made at this moment or later is at least this one, and those before are less."""
    value = max(at_ms, 0) << _RANDOM_BITS
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))
