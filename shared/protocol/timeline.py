"""What a client may ask to draw the course of all tasks: runs in short, counts, what was closed."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from shared.protocol.messages import Cursor, Moment, Reply, Request


class TimelineRuns(Request, frozen=True, kw_only=True):
    """The runs of all tasks within [from, to) in short, newest first."""

    type: ClassVar[str] = "timeline.runs"
    from_ms: Moment
    to_ms: Moment
    cursor: Cursor | None = None
    limit: Annotated[int, Meta(ge=1, le=2000)] = 1000


class Span(msgspec.Struct, frozen=True, array_like=True):
    """One run; `state` is how it ended, or how it lives.

    A missed one may stand for all moments until `until_ms`.
    """

    run_id: str
    task_id: str
    state: str
    due_ms: int
    start_ms: int | None = None
    end_ms: int | None = None
    reason: str | None = None
    until_ms: int | None = None


class TimelineRunsReply(Reply, frozen=True, kw_only=True):
    """One page; from `since_ms` on nothing is missing. `next` is the cursor of the next page."""

    spans: tuple[Span, ...] = ()
    since_ms: int
    next: str | None = None


class TimelineHours(Request, frozen=True, kw_only=True):
    """How many runs of each task, or of all together, ended in each hour of [from, to)."""

    type: ClassVar[str] = "timeline.hours"
    from_ms: Moment
    to_ms: Moment
    by_task: bool = False


class HourCount(msgspec.Struct, frozen=True, array_like=True):
    """The ends of one hour, each due moment once; no task means all of them."""

    task_id: str
    at_ms: int
    runs: int
    failures: int = 0


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """The agent did not work: outage, stall or suspend."""

    from_ms: int
    to_ms: int
    kind: str


class ClosedFor(msgspec.Struct, frozen=True, array_like=True):
    """A calendar lets tasks not start; the span may reach beyond the one asked for.

    Which tasks: those with this number in the `obeying` of the reply.
    """

    from_ms: int
    to_ms: int
    name: str
    obeying: int


class TimelineHoursReply(Reply, frozen=True, kw_only=True):
    """Hours without an end are left out; where there are many, those before `since_ms` are too.

    Each of `obeying` are tasks that obey the same calendars, told once for all times that are
    closed for them.
    """

    since_ms: int
    hours: tuple[HourCount, ...] = ()
    gaps: tuple[Gap, ...] = ()
    closed: tuple[ClosedFor, ...] = ()
    obeying: tuple[tuple[str, ...], ...] = ()
