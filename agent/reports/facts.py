"""What does a report tell of a span of time?"""

from typing import Final, Literal

import msgspec

from agent.store.reporting import Trouble

Kind = Literal["daily", "errors"]
FAILED: Final = ("error", "timeout", "killed_memory", "lost")
SHOWN_ENDINGS: Final = ("success", *FAILED, "missed", "aborted", "skipped")
HOUR_MS: Final = 3_600_000


class Hour(msgspec.Struct, frozen=True, kw_only=True):
    """How many runs that were due in an hour ended in which way; endings without any are left out.

    `runs` and `failures` are those that ended in it, each with all its attempts as one.
    """

    at_ms: int
    endings: dict[str, int]
    runs: int = 0
    failures: int = 0


class TaskFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How a task did; `usual_ms` is the median of its last 20 good runs."""

    task_name: str
    runs: int
    failures: int
    avg_ms: int | None
    peak_ms: int | None
    usual_ms: int | None = None

    @property
    def factor(self) -> float | None:
        """How many times as long as usual it took; None when that says nothing."""
        if self.avg_ms is None or not self.usual_ms:
            return None
        return self.avg_ms / self.usual_ms


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A run that went wrong, or moments that were missed (`count` of them)."""

    at_ms: int
    task_name: str
    status: str
    exit_status: int | None
    reason: str
    count: int = 1


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of one thing of the host: when, mean and highest of each step."""

    name: str
    points: tuple[tuple[int, float, float], ...]

    @property
    def mean(self) -> float:
        return sum(point[1] for point in self.points) / len(self.points)

    @property
    def peak(self) -> float:
        return max(point[2] for point in self.points)


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What was due against what is recorded."""

    expected: int
    missing: int
    doubled: int

    @property
    def is_clean(self) -> bool:
        return not self.missing and not self.doubled


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that a report tells; whoever words it reads nothing else.

    `tasks` are the slowest first, `failures` and `alerts` the newest first; of both there may be
    more than are in it. `proof` is None while nothing of the span has been decided.
    """

    kind: Kind
    agent: str
    timezone: str
    from_ms: int
    to_ms: int
    made_ms: int
    endings: dict[str, int]
    runs: int
    failed: int
    success_rate: float | None
    avg_ms: int | None
    p95_ms: int | None
    hours: tuple[Hour, ...]
    tasks: tuple[TaskFigures, ...]
    failures: tuple[Failure, ...]
    alerts_opened: int
    alerts_resolved: int
    alerts: tuple[Trouble, ...]
    curves: tuple[Curve, ...]
    proof: Proof | None

    @property
    def wrong(self) -> int:
        """How many runs went wrong or were missed."""
        return sum(self.endings.get(status, 0) for status in (*FAILED, "missed"))

    @property
    def missed(self) -> int:
        return self.endings.get("missed", 0)
