"""What a client may ask about who may connect, and who asked for what."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from shared.protocol.messages import (
    Command,
    CommandReply,
    Cursor,
    KeyId,
    Label,
    Moment,
    Reply,
    Request,
    Role,
    Word,
)


class AuditFilter(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Which audit rows."""

    key_id: KeyId | None = None
    type: Word | None = None
    target: Annotated[str, Meta(max_length=200)] | None = None
    from_ms: Moment | None = None
    to_ms: Moment | None = None


class AuditPage(Request, frozen=True, kw_only=True):
    """Who asked what, newest first."""

    type: ClassVar[str] = "audit.page"
    filter: AuditFilter = AuditFilter()
    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class AuditRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing somebody asked for, and what came of it."""

    id: int
    at_ms: int
    key_id: str = ""
    label: str = ""
    role: str = ""
    address: str = ""
    op: str | None = None
    type: str
    target: str = ""
    args: str = ""
    code: str = "ok"
    dur_ms: int | None = None


class AuditPageReply(Reply, frozen=True, kw_only=True):
    """One page; `next` is the cursor of the following one."""

    rows: tuple[AuditRow, ...] = ()
    next: str | None = None


class KeyList(Request, frozen=True, kw_only=True):
    """Who may connect?"""

    type: ClassVar[str] = "key.list"


class KeyRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One enrolled key."""

    key_id: str
    label: str
    role: str
    enabled: bool = True
    created_ms: int
    by: str = ""
    last_seen_ms: int | None = None
    last_addr: str | None = None


class KeyListReply(Reply, frozen=True, kw_only=True):
    """All keys, oldest first."""

    keys: tuple[KeyRow, ...] = ()


class KeyRevoke(Command, frozen=True, kw_only=True):
    """Shut a key out, now and for good."""

    type: ClassVar[str] = "key.revoke"
    key_id: KeyId


class InviteCreate(Command, frozen=True, kw_only=True):
    """A link that lets one more key in."""

    type: ClassVar[str] = "invite.create"
    role: Role = "viewer"
    ttl_s: Annotated[int, Meta(ge=60, le=86_400)] = 900
    label: Label


class InviteReply(CommandReply, frozen=True, kw_only=True):
    """The link, shown this once."""

    invite_id: str
    text: str
    expires_ms: int
