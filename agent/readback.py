"""What stands in a file that this program wrote itself: exactly that, or nothing at all?"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from agent import sealed

T = TypeVar("T")


class NotWhole(ValueError):
    """It is not what was written, or not of the type that belongs there."""


def from_json(
    data: bytes, kind: type[T], *, dec_hook: Callable[[type, Any], Any] | None = None
) -> T:
    """The value, sealed or of a version that did not seal yet; raises NotWhole."""
    body = sealed.opened(data.rstrip())
    return _told(lambda: msgspec.json.decode(_whole(body), type=kind, dec_hook=dec_hook))


def from_msgpack(data: bytes, kind: Any) -> Any:
    """As `from_json`."""
    return unpacked(data, lambda body: msgspec.msgpack.decode(body, type=kind))


def unpacked(data: bytes, decode: Callable[[bytes], T]) -> T:
    """As `from_msgpack`, with a decoder that is at hand."""
    body = sealed.opened_packed(data)
    return _told(lambda: decode(_whole(body)))


def _whole(body: bytes | None) -> bytes:
    if body is None:
        raise ValueError("its sum does not fit")
    return body


def _told(decode: Callable[[], T]) -> T:
    try:
        return decode()
    except (ValueError, RecursionError) as error:
        # Of wrong UTF-8 and of what is nested deeply msgspec has no error of its own.
        raise NotWhole(str(error)) from error
