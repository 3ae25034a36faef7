"""What every question and answer on the wire is made of: words, and the four kinds."""

from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Meta

TaskId: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z0-9._-]{1,64}\Z")]
RunId: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9A-HJKMNP-TV-Z]{26}\Z")]
AlertId: TypeAlias = RunId
Op: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
KeyId: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
Epoch: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}\Z")]
Label: TypeAlias = Annotated[str, Meta(min_length=1, max_length=120)]
Reason: TypeAlias = Annotated[str, Meta(max_length=300)]
Cursor: TypeAlias = Annotated[str, Meta(max_length=200)]
# Until the year 9000: beyond it neither database nor calendar can say a moment.
Moment: TypeAlias = Annotated[int, Meta(ge=0, le=221_845_392_000_000)]
Role: TypeAlias = Literal["viewer", "operator", "admin"]
Word: TypeAlias = Annotated[str, Meta(max_length=40)]
SeriesName: TypeAlias = Annotated[str, Meta(max_length=64)]


class Request(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Something a client asks; `type` is its word in the header.

    Agents refuse fields they do not know, so what has its default is not sent: an older agent
    then still understands whoever does without the newer field.
    """

    type: ClassVar[str]


class Command(Request, frozen=True, kw_only=True):
    """A request that changes something: done at most once per `op`, never after `expires_ms`."""

    op: Op
    expires_ms: Moment


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer; a reader leaves out what it does not know."""


class CommandReply(Reply, frozen=True, kw_only=True):
    """A command is durably accepted; `rev` is the state revision that shows its effect."""

    rev: int = 0
    replayed: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one of several went: `code` is "ok" or an error code."""

    id: str
    code: str
    msg: str = ""
