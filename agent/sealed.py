"""Does a line or a file hold what was written there, to the last bit?

Standard library only: the keeper imports this file.
"""

from __future__ import annotations

from binascii import crc32

_FIELD = b',"c":'
# Begins no message of msgpack, so that what an earlier version wrote is known.
_PACKED = b"\xc1"
_SUM_BYTES = 4


def seal(line: bytes) -> bytes:
    """An object of JSON that is not empty, with a sum of all before it as its last field."""
    body = line[:-1]
    return b"%s%s%d}" % (body, _FIELD, crc32(body))


def opened(line: bytes) -> bytes | None:
    """The object as it was before, None where its sum does not fit.

    One without a sum, of an earlier version, is taken at its word.
    """
    body, found, said = line.rpartition(_FIELD)
    if not found:
        return line
    return body + b"}" if said == b"%d}" % crc32(body) else None


def seal_packed(body: bytes) -> bytes:
    """A message of msgpack behind its sum."""
    return _PACKED + crc32(body).to_bytes(_SUM_BYTES, "big") + body


def opened_packed(data: bytes) -> bytes | None:
    """As `opened`, of what `seal_packed` gave."""
    if not data.startswith(_PACKED):
        return data
    begin = len(_PACKED) + _SUM_BYTES
    said, body = data[len(_PACKED) : begin], data[begin:]
    return body if said == crc32(body).to_bytes(_SUM_BYTES, "big") else None
