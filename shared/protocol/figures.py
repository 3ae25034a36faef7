"""What a client may ask about figures: of the server over time, of runs over a span."""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from shared.protocol.messages import Moment, Reply, Request, SeriesName, TaskId


class MetricsPage(Request, frozen=True, kw_only=True):
    """Samples of some series over a span, thinned to one a step: of the server, or of a task."""

    type: ClassVar[str] = "metrics.page"
    series: Annotated[tuple[SeriesName, ...], Meta(min_length=1, max_length=8)]
    from_ms: Moment
    to_ms: Moment
    step_ms: Annotated[int, Meta(ge=5_000, le=2**53)] = 60_000
    task_id: TaskId | None = None
    of: Literal["mean", "lowest", "highest"] = "mean"


class MetricsPageReply(Reply, frozen=True, kw_only=True):
    """At each of `times_ms`, one value per series asked (None: no sample)."""

    step_ms: int
    times_ms: tuple[int, ...] = ()
    values: tuple[tuple[float | None, ...], ...] = ()


class StatsGet(Request, frozen=True, kw_only=True):
    """The figures of the last 24 hours over all tasks; with a span those of it beside them.

    `from_ms` begins a span, which ends at `to_ms` or now; `task_id` is for the span alone.
    """

    type: ClassVar[str] = "stats.get"
    task_id: TaskId | None = None
    from_ms: Moment | None = None
    to_ms: Moment | None = None


class SpanStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An hour or a day of a span."""

    at_ms: int
    runs: int = 0
    failures: int = 0
    avg_ms: int | None = None
    max_ms: int | None = None


class SpanFigures(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the runs come to that ended in a span of whole hours.

    A moment with several attempts counts once in `runs`; times and usage know each attempt.
    Percentiles are never too low, and an eighth too high at most.
    """

    task_name: str | None = None
    from_ms: int
    to_ms: int
    runs: int = 0
    failures: int = 0
    success_rate: float | None = None
    retries: int = 0
    throughput_per_min: float = 0.0
    avg_ms: int | None = None
    p50_ms: int | None = None
    p95_ms: int | None = None
    p99_ms: int | None = None
    peak_ms: int | None = None
    cpu_ms: int = 0
    avg_cpu_ms: int | None = None
    avg_rss: int | None = None
    peak_rss: int | None = None
    step_hours: int = 1
    steps: tuple[SpanStep, ...] = ()
    stopped: int = 0


class StatsReply(Reply, frozen=True, kw_only=True):
    """`throughput_per_min` counts ended runs of the last hour, by minute."""

    runs_24h: int = 0
    fails_24h: int = 0
    success_rate_24h: float | None = None
    avg_ms: int | None = None
    tasks: int = 0
    active_tasks: int = 0
    running: int = 0
    throughput_per_min: float = 0.0
    span: SpanFigures | None = None
