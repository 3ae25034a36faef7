"""What a client may ask about what is to come, and about what came of a moment."""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from shared.protocol.messages import Moment, Reply, Request, TaskId


class ClockChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A zone moves its clocks, from one offset to another in seconds; `next_ms` is due after it."""

    at_ms: int
    before_s: int
    after_s: int
    next_ms: int | None = None


class SchedulePreview(Request, frozen=True, kw_only=True):
    """When would this schedule fire?"""

    type: ClassVar[str] = "schedule.preview"
    schedule: Annotated[str, Meta(min_length=1, max_length=256)]
    tz: Annotated[str, Meta(min_length=1, max_length=64)] = "UTC"
    count: Annotated[int, Meta(ge=1, le=50)] = 10
    from_ms: Moment | None = None
    dst_gap: Literal["after", "skip"] = "after"
    dst_fold: Literal["first", "both"] = "first"
    task_name: TaskId | None = None


class SchedulePreviewReply(Reply, frozen=True, kw_only=True):
    """The next moments with their tags, the schedule in words, and what clock changes do to it."""

    times_ms: tuple[int, ...]
    schedule_text: str = ""
    notes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    changes: tuple[ClockChange, ...] = ()


class ScheduleNext(Request, frozen=True, kw_only=True):
    """What is to come of some tasks or of all?"""

    type: ClassVar[str] = "schedule.next"
    ids: Annotated[tuple[TaskId, ...], Meta(max_length=500)] = ()
    from_ms: Moment | None = None
    until_ms: Moment | None = None
    count: Annotated[int, Meta(ge=1, le=1000)] = 50


class Coming(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A due moment to come, and what is expected to become of it.

    `outcome` is runs, delayed, queued, beside, replaces, replaced or skipped (`reason` says why);
    `meets_ms` is the moment of the run that is expected to be alive still.
    """

    task_id: str
    at_ms: int
    tag: str = "normal"
    outcome: str = "runs"
    reason: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    meets_ms: int | None = None
    window: str | None = None


class ScheduleNextReply(Reply, frozen=True, kw_only=True):
    """The earliest first; `more` when there are others within the span."""

    rows: tuple[Coming, ...] = ()
    more: bool = False


class ScheduleForecast(Request, frozen=True, kw_only=True):
    """How busy will the agent be?"""

    type: ClassVar[str] = "schedule.forecast"
    from_ms: Moment | None = None
    until_ms: Moment


class Busy(msgspec.Struct, frozen=True, array_like=True):
    """One minute: the most runs at once in it, and how many begin."""

    at_ms: int
    running: int
    starts: int


class Wait(msgspec.Struct, frozen=True, array_like=True):
    """How often runs of a task find no slot free, and the longest wait for one."""

    task_id: str
    count: int
    longest_ms: int


class ScheduleForecastReply(Reply, frozen=True, kw_only=True):
    """A number for each step from `from_ms` on: the most runs at once, and how many begin."""

    from_ms: int
    until_ms: int
    step_ms: int = 60_000
    running: tuple[int, ...] = ()
    starts: tuple[int, ...] = ()
    moments: int = 0
    slots: int = 0
    peak: int = 0
    full_steps: int = 0
    busiest: tuple[Busy, ...] = ()
    waits: tuple[Wait, ...] = ()


class Draft(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What decides when a task runs, not saved yet; there is no way to say what it executes."""

    task_name: TaskId
    schedule: Annotated[tuple[Annotated[str, Meta(max_length=256)], ...], Meta(max_length=10)]
    timezone: Annotated[str, Meta(min_length=1, max_length=64)] = "UTC"
    priority: int = 3
    overlap: Literal["forbid", "queue", "allow", "replace"] = "forbid"
    overlap_limit: int | None = None
    dst_gap: Literal["after", "skip"] = "after"
    dst_fold: Literal["first", "both"] = "first"
    valid_from: Annotated[str, Meta(max_length=16)] | None = None
    valid_until: Annotated[str, Meta(max_length=16)] | None = None
    every_nth: int = 1
    spread_s: int = 0
    calendars: Annotated[tuple[TaskId, ...], Meta(max_length=16)] = ()
    in_blackout: Literal["skip", "delay"] = "skip"
    after: Annotated[tuple[TaskId, ...], Meta(max_length=32)] = ()
    enabled: bool = True


class ScheduleWhatIf(Request, frozen=True, kw_only=True):
    """What would be different with these definitions, and without those tasks?"""

    type: ClassVar[str] = "schedule.whatif"
    drafts: Annotated[tuple[Draft, ...], Meta(max_length=50)] = ()
    without: Annotated[tuple[TaskId, ...], Meta(max_length=500)] = ()
    from_ms: Moment | None = None
    until_ms: Moment


class TaskDifference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task that would be different: counts, and the first moments of each kind.

    `kind` is added, removed or changed; `moved` are pairs (from, to); overlaps and blackouts are
    those it does not have today; `odd` are moments that a change of clocks touches.
    """

    task_id: str
    kind: str
    added: int = 0
    removed: int = 0
    moved: int = 0
    added_ms: tuple[int, ...] = ()
    removed_ms: tuple[int, ...] = ()
    moved_ms: tuple[tuple[int, int], ...] = ()
    overlaps: tuple[Coming, ...] = ()
    blackouts: tuple[Coming, ...] = ()
    odd: tuple[Coming, ...] = ()
    changes: tuple[ClockChange, ...] = ()


class ScheduleWhatIfReply(Reply, frozen=True, kw_only=True):
    """Every task that would be different, by name; the load today (before) and then (after)."""

    tasks: tuple[TaskDifference, ...] = ()
    peak_before: int = 0
    peak_after: int = 0
    peak_before_ms: int | None = None
    peak_after_ms: int | None = None
    full_before: int = 0
    full_after: int = 0


class ScheduleWhy(Request, frozen=True, kw_only=True):
    """Why did a task run at a moment, or why did it not?"""

    type: ClassVar[str] = "schedule.why"
    id: TaskId
    at_ms: Moment


class Step(msgspec.Struct, frozen=True, array_like=True):
    """One thing that had to hold, whether it did, and a sentence."""

    code: str
    ok: bool
    say: str


class ScheduleWhyReply(Reply, frozen=True, kw_only=True):
    """The decisions on the moment in their order; `say` names the cause, `advice` what to do.

    `at_ms` is the due moment that was meant, `before_ms` and `after_ms` are its neighbours.
    """

    at_ms: int
    verdict: str
    code: str
    steps: tuple[Step, ...] = ()
    say: str = ""
    advice: str = ""
    before_ms: int | None = None
    after_ms: int | None = None
    run_id: str | None = None


class PausePreview(Request, frozen=True, kw_only=True):
    """What would a pause of these tasks do, from now until a moment or until resumed?"""

    type: ClassVar[str] = "pause.preview"
    ids: Annotated[tuple[TaskId, ...], Meta(min_length=1, max_length=500)]
    until_ms: Moment | None = None


class Held(msgspec.Struct, frozen=True, array_like=True):
    """A moment within the pause: why it will not run, and what would become of it otherwise."""

    at_ms: int
    reason: str
    otherwise: str


class InFlight(msgspec.Struct, frozen=True, array_like=True):
    """A run that a pause does not touch: goes_on, starts or retries, until or at a moment."""

    run_id: str
    kind: str
    at_ms: int | None = None


class Follower(msgspec.Struct, frozen=True, array_like=True):
    """A task that comes after a paused one: so many of its runs will not come."""

    task_id: str
    after: str
    count: int


class PausedTask(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a pause does to one task; `next_ms` is its first moment after the pause."""

    task_id: str
    count: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    next_ms: int | None = None
    held: tuple[Held, ...] = ()
    in_flight: tuple[InFlight, ...] = ()


class PausePreviewReply(Reply, frozen=True, kw_only=True):
    """A pause ends by itself at `until_ms`; without that, `seen_until_ms` is how far was looked."""

    from_ms: int
    seen_until_ms: int
    until_ms: int | None = None
    count: int = 0
    tasks: tuple[PausedTask, ...] = ()
    followers: tuple[Follower, ...] = ()
