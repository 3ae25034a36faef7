"""What a client may ask about the output of runs, live and kept."""

from typing import Annotated, ClassVar, Final

import msgspec
from msgspec import Meta

from shared.protocol.messages import Cursor, Moment, Reply, Request, RunId, TaskId, Word

OUTPUT: Final = "output"
"""The one stream of a run: what it wrote to stdout and stderr, in order."""


class LogStat(Request, frozen=True, kw_only=True):
    """How much output of a run is there?"""

    type: ClassVar[str] = "log.stat"
    run_id: RunId


class Stream(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Bytes `first` to `size` of a stream are kept, but for the gaps."""

    name: str = OUTPUT
    first: int = 0
    size: int = 0
    ended: bool = False
    gaps: tuple[tuple[int, int], ...] = ()


class LogStatReply(Reply, frozen=True, kw_only=True):
    """The streams of a run."""

    streams: tuple[Stream, ...] = ()


class LogRead(Request, frozen=True, kw_only=True):
    """A range of output from `offset`, or its last `tail` bytes; exactly one of the two.

    With `wait_ms`, an answer without bytes is held back until there are some or the run ended.
    """

    type: ClassVar[str] = "log.read"
    run_id: RunId
    stream: Word = OUTPUT
    offset: Moment | None = None
    tail: Moment | None = None
    limit: Annotated[int, Meta(ge=1, le=262_144)] = 65_536
    wait_ms: Annotated[int, Meta(ge=0, le=20_000)] = 0

    def __post_init__(self) -> None:
        if (self.offset is None) == (self.tail is None):
            raise ValueError("exactly one of offset and tail is needed")


class LogReadReply(Reply, frozen=True, kw_only=True):
    """The bytes come beside this body; `next` is the offset to go on from."""

    offset: int
    next: int
    first: int = 0
    size: int
    eof: bool = False
    skipped: int = 0


class LogSearch(Request, frozen=True, kw_only=True):
    """Which lines of kept output hold this text or regular expression, newest logs first?

    Each answer takes about `within_ms` at most; to go on is to ask again with its cursor, to
    cancel is not to.
    """

    type: ClassVar[str] = "log.search"
    pattern: Annotated[str, Meta(min_length=1, max_length=200)]
    regex: bool = False
    ignore_case: bool = False
    task_id: TaskId | None = None
    from_ms: Moment | None = None
    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    within_ms: Annotated[int, Meta(ge=100, le=10_000)] = 2_000


class LogHit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line, cut to what fits on a screen; `offset` is its place for `log.read`.

    Of a run whose row is gone only the task is known.
    """

    task_id: str
    line: str
    run_id: str | None = None
    offset: int | None = None
    start_ms: int | None = None


class LogSearchReply(Reply, frozen=True, kw_only=True):
    """Some lines; `next` is None when all was searched, `problem` says what could not be."""

    hits: tuple[LogHit, ...] = ()
    next: str | None = None
    searched_bytes: int = 0
    problem: str = ""
