"""How has the server, how have the tasks been doing?"""

from functools import partial
from typing import Final

import msgspec

from agent.handlers.context import Context
from agent.handlers.rights import may_read_output
from agent.store import metrics, spans, statistics, tasks
from agent.wire.sessions import Who
from shared.protocol.errors import BadRequest
from shared.protocol.health import HealthGet, HealthReply
from shared.protocol.requests import (
    MetricsPage,
    MetricsPageReply,
    SpanFigures,
    StatsGet,
    StatsReply,
)

_MAX_POINTS: Final = 2_000
_HOUR_MS: Final = 3_600_000


async def page(context: Context, who: Who, request: MetricsPage) -> MetricsPageReply:
    """Some series over a span; a step without a sample of a series has None there."""
    span_ms = request.to_ms - request.from_ms
    if span_ms <= 0:
        raise BadRequest(
            f"to_ms = {request.to_ms}: must be later than from_ms", detail={"path": "$.to_ms"}
        )
    if span_ms > request.step_ms * _MAX_POINTS:
        raise BadRequest(
            f"step_ms = {request.step_ms}: gives more than {_MAX_POINTS} points; "
            f"choose {-(-span_ms // _MAX_POINTS)} or more",
            detail={"path": "$.step_ms"},
        )
    columns: list[dict[int, float]] = []
    for name in request.series:
        samples = await context.database.read(
            partial(
                metrics.series,
                name=name,
                from_ms=request.from_ms,
                to_ms=request.to_ms,
                step_ms=request.step_ms,
                now_ms=context.clock.now_ms(),
                task_name=request.task_id,
                keeping=context.identity.keeping,
            )
        )
        columns.append({step.at_ms: getattr(step, request.of) for step in samples})
    times_ms = sorted(set[int]().union(*columns))
    return MetricsPageReply(
        step_ms=request.step_ms,
        times_ms=tuple(times_ms),
        values=tuple(tuple(column.get(at_ms) for column in columns) for at_ms in times_ms),
    )


async def stats(context: Context, who: Who, request: StatsGet) -> StatsReply:
    """All tasks together; the throughput is that of the current clock hour and the one before."""
    now_ms = context.clock.now_ms()
    span = None if request.from_ms is None else await _span(context, request, now_ms)
    summary = await context.database.read(partial(statistics.summary, now_ms=now_ms))
    minutes = 60 + (now_ms % _HOUR_MS) / 60_000
    return StatsReply(
        runs_24h=summary.runs_24h,
        fails_24h=summary.fails_24h,
        success_rate_24h=summary.success_rate_24h,
        avg_ms=summary.avg_ms,
        tasks=summary.tasks,
        active_tasks=summary.enabled,
        running=summary.running,
        throughput_per_min=sum(runs for runs, _ in summary.hours[-2:]) / minutes,
        span=span,
    )


async def health(context: Context, who: Who, request: HealthGet) -> HealthReply:
    """Every check as it stands, also while the database is away."""
    return await context.health(with_words=may_read_output(context, who))


async def _span(context: Context, request: StatsGet, now_ms: int) -> SpanFigures:
    from_ms = request.from_ms or 0
    to_ms = now_ms if request.to_ms is None else request.to_ms
    if to_ms <= from_ms:
        raise BadRequest(f"to_ms = {to_ms}: must be later than from_ms", detail={"path": "$.to_ms"})
    if request.task_id is not None:
        await context.database.read(partial(tasks.load, names=[request.task_id]))
    found = await context.database.read(
        partial(
            spans.figures,
            from_ms=from_ms,
            to_ms=to_ms,
            now_ms=now_ms,
            task_name=request.task_id,
        )
    )
    # Both are the same words: what the store tells is what the wire says.
    return msgspec.convert(msgspec.to_builtins(found), SpanFigures)
