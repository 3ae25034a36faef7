"""Where does the next page begin, and is it a page of the same list?"""

import base64
import binascii
import hashlib
from typing import TypeVar

import msgspec

from shared.protocol.errors import BadCursor

Place = TypeVar("Place", str, int)


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    place: str | int
    digest: bytes


def make(place: str | int, question: msgspec.Struct) -> str:
    """The opaque text for a place within the answers to this question."""
    cursor = msgspec.msgpack.encode(_Cursor(place, _digest(question)))
    return base64.urlsafe_b64encode(cursor).decode()


def read(text: str | None, question: msgspec.Struct, kind: type[Place]) -> Place | None:
    """The place a cursor names, None without one; raises BadCursor for another question's."""
    if text is None:
        return None
    try:
        cursor = msgspec.msgpack.decode(base64.urlsafe_b64decode(text), type=_Cursor)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadCursor("the cursor cannot be read; begin again without one") from error
    if cursor.digest != _digest(question) or not isinstance(cursor.place, kind):
        raise BadCursor("the cursor belongs to another question; begin again without one")
    return cursor.place


def _digest(question: msgspec.Struct) -> bytes:
    return hashlib.sha256(msgspec.msgpack.encode(question)).digest()[:8]
