"""How the agent says no: the codes, and what a client may do about each."""

from typing import Any, Final

import msgspec

# code -> may the client try again: "no"; "same" request; "after" a while; after "hello"; "fix" it.
RETRY: Final[dict[str, str]] = {
    "bad_frame": "no",
    "bad_request": "fix",
    "too_large": "fix",
    "unknown_type": "no",
    "unsupported_version": "no",
    "hello_required": "hello",
    "revoked": "no",
    "forbidden": "no",
    "disabled": "no",
    "rate_limited": "after",
    "busy": "after",
    "expired": "no",
    "not_found": "no",
    "gone": "no",
    "conflict": "fix",
    "op_conflict": "no",
    "bad_cursor": "fix",
    "outcome_unknown": "no",
    "internal": "same",
    "stopping": "after",
}
# These never cross the wire: the client finds them by itself.
CLIENT_ONLY: Final = ("offline", "timeout", "auth_refused", "key_mismatch", "cancelled")

MESSAGE_LIMIT: Final = 500


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of an `err` reply; `msg` is for the log, the screen speaks by `code`."""

    code: str
    msg: str = ""
    retry: str = "no"
    after_ms: int | None = None
    detail: dict[str, Any] = {}


class ProtocolError(Exception):
    """A request that gets no: carries everything its `err` reply needs."""

    code = "internal"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        after_ms: int | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.after_ms = after_ms
        self.detail = detail or {}

    def body(self) -> ErrorBody:
        """What goes over the wire."""
        return ErrorBody(
            code=self.code,
            msg=self.message[:MESSAGE_LIMIT],
            retry=RETRY.get(self.code, "no"),
            after_ms=self.after_ms,
            detail=self.detail,
        )


class BadFrame(ProtocolError):
    """Not a message at all: wrong number of frames, or a header that cannot be read."""

    code = "bad_frame"


class BadRequest(ProtocolError):
    """A body that does not fit its type; `detail["path"]` says where."""

    code = "bad_request"


class TooLarge(ProtocolError):
    """A frame, or what became of it, over its cap."""

    code = "too_large"


class UnknownType(ProtocolError):
    """A type this side does not know; the other may be newer."""

    code = "unknown_type"


class UnsupportedVersion(ProtocolError):
    """A major version this side does not speak."""

    code = "unsupported_version"


class Forbidden(ProtocolError):
    """The key's role is too low; `detail["needs"]` names the lowest that will do."""

    code = "forbidden"


class BadCursor(ProtocolError):
    """A cursor that was not made here, or for other questions."""

    code = "bad_cursor"


def error_from(body: ErrorBody) -> ProtocolError:
    """The other side's refusal, to be raised on this one."""
    return ProtocolError(body.msg, code=body.code, after_ms=body.after_ms, detail=body.detail)
