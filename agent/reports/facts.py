"""What does a report tell of a span of time?"""

from typing import Final

import msgspec

FAILED: Final = ("error", "timeout", "killed_memory", "lost")
ENDINGS: Final = ("success", *FAILED, "missed", "aborted", "skipped")
HOST: Final = ("cpu", "memory", "disk")


class Hour(msgspec.Struct, frozen=True, kw_only=True):
    """How many runs that were asked for in an hour ended in which way; nothing of what none did."""

    at_ms: int
    endings: dict[str, int]


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """What ended within a day, each moment with all its attempts as one."""

    from_ms: int
    runs: int
    failures: int

    @property
    def success_rate(self) -> float | None:
        """Share of the runs that did not fail; None without runs."""
        return 1 - self.failures / self.runs if self.runs else None


class TaskTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long a task's runs took; `usual_ms` is the median of the weeks before."""

    task_name: str
    runs: int
    failures: int
    avg_ms: int
    peak_ms: int
    usual_ms: int | None = None

    @property
    def factor(self) -> float | None:
        """How many times as long as usual; None when nobody knows what is usual."""
        return self.avg_ms / self.usual_ms if self.usual_ms else None


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that went wrong: `cause` in its own words or a code, and its last line."""

    run_id: str
    task_name: str
    at_ms: int
    status: str
    attempt: int
    exit_status: int | None
    cause: str
    last_line: str


class FailingTask(msgspec.Struct, frozen=True, kw_only=True):
    """How often a task went wrong in one way, and when last."""

    task_name: str
    status: str
    count: int
    last_ms: int


class Missed(msgspec.Struct, frozen=True, kw_only=True):
    """Due moments of a task that passed without a run, for one reason."""

    task_name: str
    cause: str
    count: int
    first_ms: int
    last_ms: int


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """An alert, as far as a report tells it."""

    id: str
    kind: str
    severity: str
    status: str
    title: str
    task_name: str | None
    occurrences: int
    opened_ms: int
    resolved_ms: int | None


class Troubles(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts came and went within a span and stand now, and the first of them.

    Those that stand come first, then the newest.
    """

    opened: int
    resolved: int
    open_now: int
    shown: tuple[Trouble, ...]


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of one thing of the host: when, mean and highest of each step, of at least one."""

    name: str
    points: tuple[tuple[int, float, float], ...]

    @property
    def mean(self) -> float:
        """The mean of the steps."""
        return sum(mean for _, mean, _ in self.points) / len(self.points)

    @property
    def peak(self) -> float:
        """The highest of all."""
        return max(highest for _, _, highest in self.points)


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was due against the rows of the ledger, up to a moment."""

    due: int
    rows: int
    missing: int
    doubled: int
    until_ms: int

    @property
    def is_clean(self) -> bool:
        """Nothing is missing, nothing is there twice."""
        return not self.missing and not self.doubled


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What every report tells: of whom, of when, and what went wrong.

    Of `failures` (newest first), `failing` and `missed` (the most first) there may be more than
    are in it: `attempts_failed` and `moments_missed` count all.
    """

    agent: str
    timezone: str
    from_ms: int
    to_ms: int
    made_ms: int
    attempts_failed: int
    moments_missed: int
    failures: tuple[Failure, ...]
    failing: tuple[FailingTask, ...]
    missed: tuple[Missed, ...]


class Daily(Span, frozen=True, kw_only=True):
    """A day in the agent's zone.

    `days` are those before, oldest first, and the day itself; `slowest` first are the longest on
    average; `proof` is None while nothing of the day has been decided, and for a day of which rows
    may have been removed by age. What is summed up by hours begins `sums_early_ms` before the day
    and ends as much before its end; without rows the hours do, too.
    """

    runs: int
    failed: int
    retries: int
    avg_ms: int | None
    p95_ms: int | None
    hours: tuple[Hour, ...]
    days: tuple[Day, ...]
    slowest: tuple[TaskTimes, ...]
    alerts: Troubles
    host: tuple[Curve, ...]
    proof: Proof | None
    are_rows_kept: bool
    sums_early_ms: int = 0

    @property
    def endings(self) -> dict[str, int]:
        """How many runs of the day ended in which way."""
        return {
            status: count
            for status in ENDINGS
            if (count := sum(hour.endings.get(status, 0) for hour in self.hours))
        }

    @property
    def is_empty(self) -> bool:
        """Nothing ran, was missed or was due."""
        return not (self.runs or self.endings or self.moments_missed) and not (
            self.proof and self.proof.due
        )


class Errors(Span, frozen=True, kw_only=True):
    """What went wrong within any span."""
