"""Ids that sort by time: 26 characters of Crockford base32 (ULID)."""

import secrets

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_ulid(now_ms: int) -> str:
    """A fresh id: 48 bits of time, then 80 random bits (github.com/ulid/spec)."""
    number = (now_ms << 80) | secrets.randbits(80)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
