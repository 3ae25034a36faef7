"""How a message becomes frames, and frames a message or a plain refusal."""

import re
import zlib
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from shared.protocol.errors import (
    BadFrame,
    BadRequest,
    ErrorBody,
    ProtocolError,
    TooLarge,
    UnknownType,
    UnsupportedVersion,
)
from shared.protocol.events import (
    HEARTBEAT_TOPIC,
    METRIC_TOPIC,
    SCOPE_TOPICS,
    Heartbeat,
    Metric,
)
from shared.protocol.requests import MAJOR, REPLY_TO, REQUESTS, AnyReply, Request
from shared.protocol.rows import Delta

HEADER_BYTES: Final = 256
REQUEST_BYTES: Final = 1 << 20
INFLATED_BYTES: Final = 4 << 20
WORTH_PACKING_BYTES: Final = 16 << 10
BODY_PACKED: Final = 1
EXTRA_PACKED: Final = 2
OK: Final = "ok"
ERR: Final = "err"

Event: TypeAlias = Heartbeat | Delta | Metric
_EVENTS: Final[dict[str, type[Event]]] = {"hb": Heartbeat, "delta": Delta, "metric": Metric}
_EVENT_WORDS: Final = {event: word for word, event in _EVENTS.items()}


class RequestHeader(msgspec.Struct, frozen=True, array_like=True):
    """Tells where a request goes, before its body is read."""

    major: int
    type: Annotated[str, Meta(max_length=40)]
    id: Annotated[int, Meta(ge=1, le=2**53)]


class ReplyHeader(msgspec.Struct, frozen=True, array_like=True):
    """Tells which request a reply is for."""

    major: int
    status: str
    id: int
    flags: int = 0


class EventHeader(msgspec.Struct, frozen=True, array_like=True):
    """Tells what an event is."""

    major: int
    type: str
    flags: int = 0


_encode: Final = msgspec.msgpack.Encoder().encode
_request_headers: Final = msgspec.msgpack.Decoder(RequestHeader)
_reply_headers: Final = msgspec.msgpack.Decoder(ReplyHeader)
_event_headers: Final = msgspec.msgpack.Decoder(EventHeader)
_errors: Final = msgspec.msgpack.Decoder(ErrorBody)
_requests: Final[dict[str, msgspec.msgpack.Decoder[Any]]] = {
    name: msgspec.msgpack.Decoder(request) for name, request in REQUESTS.items()
}
_replies: Final[dict[str, msgspec.msgpack.Decoder[Any]]] = {
    name: msgspec.msgpack.Decoder(REPLY_TO[request]) for name, request in REQUESTS.items()
}
_events: Final[dict[str, msgspec.msgpack.Decoder[Any]]] = {
    name: msgspec.msgpack.Decoder(event) for name, event in _EVENTS.items()
}

Value = TypeVar("Value")


def encode_request(request_id: int, request: Request) -> list[bytes]:
    """The two frames of a request."""
    return [_encode(RequestHeader(MAJOR, request.type, request_id)), _encode(request)]


def read_request_header(frames: Sequence[bytes]) -> RequestHeader:
    """The first step at the agent's door; raises BadFrame, TooLarge or UnsupportedVersion."""
    _expect_frames(frames, 2, 2)
    header = _header(_request_headers, frames[0])
    _expect_major(header.major)
    if len(frames[1]) > REQUEST_BYTES:
        raise TooLarge(
            f"the body has {len(frames[1])} bytes, {REQUEST_BYTES} is the cap",
            detail={"limit": REQUEST_BYTES},
        )
    return header


def decode_request(request_type: str, body: bytes) -> Request:
    """The second step; raises UnknownType, or BadRequest that says where."""
    decoder = _requests.get(request_type)
    if decoder is None:
        raise UnknownType(f"there is no request {request_type[:40]!r}")
    request: Request = _decode(decoder, body)
    return request


def encode_reply(
    request_id: int, reply: AnyReply, extra: bytes | None = None, *, pack: bool = False
) -> list[bytes]:
    """The frames of an answer; `pack` (the client can zlib) makes big parts smaller."""
    body, body_flag = _packed(_encode(reply), BODY_PACKED, pack)
    if extra is None:
        return [_encode(ReplyHeader(MAJOR, OK, request_id, body_flag)), body]
    extra, extra_flag = _packed(extra, EXTRA_PACKED, pack)
    return [_encode(ReplyHeader(MAJOR, OK, request_id, body_flag | extra_flag)), body, extra]


def encode_error(request_id: int, error: ProtocolError) -> list[bytes]:
    """The frames of a refusal."""
    return [_encode(ReplyHeader(MAJOR, ERR, request_id)), _encode(error.body())]


def read_reply_header(frames: Sequence[bytes]) -> ReplyHeader:
    """The client's first step: which request is this about; raises BadFrame."""
    _expect_frames(frames, 2, 3)
    header = _header(_reply_headers, frames[0])
    _expect_major(header.major)
    if header.status not in (OK, ERR):
        raise BadFrame(f"a reply is ok or err, not {header.status[:40]!r}")
    return header


def decode_reply(
    request_type: str, header: ReplyHeader, frames: Sequence[bytes]
) -> tuple[AnyReply | ErrorBody, bytes]:
    """The client's second step: the answer to a request of that type, and the bytes beside it."""
    body = _unpacked(frames[1], header.flags & BODY_PACKED)
    if header.status == ERR:
        return _decode(_errors, body), b""
    extra = _unpacked(frames[2], header.flags & EXTRA_PACKED) if len(frames) > 2 else b""
    decoder = _replies.get(request_type)
    if decoder is None:
        raise UnknownType(f"nothing is known of replies to {request_type[:40]!r}")
    return _decode(decoder, body), extra


def topic_of(event: Event) -> bytes:
    """The topic an event is published under."""
    if isinstance(event, Heartbeat):
        return HEARTBEAT_TOPIC
    if isinstance(event, Metric):
        return METRIC_TOPIC
    return SCOPE_TOPICS[event.scope]


def encode_event(event: Event, *, pack: bool = False) -> list[bytes]:
    """The three frames of an event: topic, header, body."""
    body, flag = _packed(_encode(event), BODY_PACKED, pack)
    header = EventHeader(MAJOR, _EVENT_WORDS[type(event)], flag)
    return [topic_of(event), _encode(header), body]


def decode_event(frames: Sequence[bytes]) -> Event | None:
    """An event, or None for a type that this side does not know yet; raises ProtocolError."""
    _expect_frames(frames, 3, 3)
    header = _header(_event_headers, frames[1])
    _expect_major(header.major)
    decoder = _events.get(header.type)
    if decoder is None:
        return None
    event: Event = _decode(decoder, _unpacked(frames[2], header.flags & BODY_PACKED))
    return event


def _expect_frames(frames: Sequence[bytes], least: int, most: int) -> None:
    if not least <= len(frames) <= most:
        wanted = str(least) if least == most else f"{least} or {most}"
        raise BadFrame(f"{len(frames)} frames, {wanted} expected")


def _expect_major(major: int) -> None:
    if major != MAJOR:
        raise UnsupportedVersion(
            f"major version {major} is not spoken here", detail={"majors": [MAJOR]}
        )


def _header(decoder: msgspec.msgpack.Decoder[Value], frame: bytes) -> Value:
    if len(frame) > HEADER_BYTES:
        raise BadFrame(f"the header has {len(frame)} bytes, {HEADER_BYTES} is the cap")
    try:
        return decoder.decode(frame)
    except Exception as error:
        raise BadFrame(f"the header cannot be read: {_said(error)}") from error


def _decode(decoder: msgspec.msgpack.Decoder[Value], body: bytes) -> Value:
    try:
        return decoder.decode(body)
    except Exception as error:
        said = _said(error)
        place = re.search(r" - at `(.+)`\Z", said)
        raise BadRequest(
            f"the body does not fit: {said}", detail={"path": place[1] if place else "$"}
        ) from error


def _said(error: Exception) -> str:
    # What a stranger sent must not fill the log through our own error messages.
    return (str(error) or type(error).__name__)[:300]


def _packed(part: bytes, flag: int, pack: bool) -> tuple[bytes, int]:
    if not pack or len(part) <= WORTH_PACKING_BYTES:
        return part, 0
    return zlib.compress(part, 1), flag


def _unpacked(part: bytes, is_packed: int) -> bytes:
    if not is_packed:
        if len(part) > INFLATED_BYTES:
            raise TooLarge(f"{len(part)} bytes, {INFLATED_BYTES} is the cap")
        return part
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(part, INFLATED_BYTES + 1)
    except zlib.error as error:
        raise BadFrame(f"a part cannot be unpacked: {error}") from error
    if len(plain) > INFLATED_BYTES:
        raise TooLarge(f"a part unpacks to more than {INFLATED_BYTES} bytes")
    if not inflater.eof:
        raise BadFrame("a packed part is cut off")
    return plain
