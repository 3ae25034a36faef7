"""What a client asks to be let in, to stay in, and to know what changed."""

from typing import Annotated, ClassVar, Final

import msgspec
from msgspec import Meta

from shared.protocol.events import Revs
from shared.protocol.messages import (
    Command,
    CommandReply,
    Cursor,
    Epoch,
    Label,
    Moment,
    Op,
    Reply,
    Request,
    Word,
)

MAJOR: Final = 1
MINOR: Final = 0
CAPABILITIES: Final = (
    "zlib",
    "edit",
    "logs",
    "metrics",
    "audit",
    "checks",
    "invites",
    "planning",
    "spans",
    "alerts",
    "health",
    "rules",
    "timeline",
)
BRIEF: Final = "brief"
"""What a client says it can: do without its session, as it asks little and goes without a word."""


class Hello(Request, frozen=True, kw_only=True):
    """Opens a session; the only request that needs none. It grows by capabilities alone."""

    type: ClassVar[str] = "hello"
    proto: Annotated[tuple[int, ...], Meta(min_length=1, max_length=16)] = (MAJOR,)
    client: Annotated[str, Meta(max_length=120)]
    inst: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    caps: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()


class AgentInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who answers."""

    id: str
    name: str
    version: str
    host: str
    tz: str
    environment: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent bears; sizes in bytes."""

    request_bytes: int = 1 << 20
    reply_bytes: int = 512 << 10
    page_rows: int = 1000
    chunk_bytes: int = 256 << 10
    sessions_per_key: int = 4
    in_flight: int = 8
    parked: int = 8
    reads_per_s: int = 50
    commands_per_s: int = 5


class HelloReply(Reply, frozen=True, kw_only=True):
    """The session stands: what the client may do, and where to listen."""

    proto: int
    minor: int = 0
    epoch: str
    role: str
    key_id: str
    label: str = ""
    agent: AgentInfo
    caps: tuple[str, ...] = ()
    limits: Limits = Limits()
    events_port: int = 0
    now_ms: int
    revs: Revs = Revs()


class Ping(Request, frozen=True, kw_only=True):
    """Are you there, and what time is it?"""

    type: ClassVar[str] = "ping"


class Pong(Reply, frozen=True, kw_only=True):
    """Here; `now_ms` by the agent's clock."""

    now_ms: int
    epoch: str
    revs: Revs = Revs()


class Enroll(Request, frozen=True, kw_only=True):
    """Turn this invite into my own key; `pub` is its public half in base32."""

    type: ClassVar[str] = "enroll"
    pub: Annotated[str, Meta(pattern=r"^[A-Z2-7]{52}\Z")]
    label: Label
    platform: Annotated[str, Meta(max_length=120)] = ""


class EnrollReply(Reply, frozen=True, kw_only=True):
    """The key is known from now on."""

    key_id: str
    role: str
    agent: AgentInfo


class Sync(Request, frozen=True, kw_only=True):
    """What changed in a scope after `since`; answered by a Delta."""

    type: ClassVar[str] = "sync"
    scope: Word
    epoch: Epoch | None = None
    since: Moment = 0
    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000


class OpGet(Request, frozen=True, kw_only=True):
    """What became of a command?"""

    type: ClassVar[str] = "op.get"
    op: Op


class OpReply(Reply, frozen=True, kw_only=True):
    """`state` is "done", "refused" or "unfinished"; `run_id` is there if it began a run."""

    op: str
    type: str
    state: str
    at_ms: int
    code: str = "ok"
    run_id: str | None = None


class AgentReload(Command, frozen=True, kw_only=True):
    """Read settings and definitions anew."""

    type: ClassVar[str] = "agent.reload"


class ReloadReply(CommandReply, frozen=True, kw_only=True):
    """What could not be taken over."""

    problems: tuple[str, ...] = ()
