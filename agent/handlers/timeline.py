"""What stands on the timeline: runs in short, counts of hours, and when nothing could start?"""

from functools import partial
from typing import Final

from agent.handlers import cursors
from agent.handlers.context import Context
from agent.store import timeline
from agent.wire.sessions import Who
from shared.protocol.errors import BadRequest
from shared.protocol.timeline import (
    ClosedFor,
    Gap,
    HourCount,
    Span,
    TimelineHours,
    TimelineHoursReply,
    TimelineRuns,
    TimelineRunsReply,
)

DAY_MS: Final = 86_400_000
MOST_DAYS: Final = 32
"""Nobody sees an hour of a longer span."""


async def runs(context: Context, who: Who, request: TimelineRuns) -> TimelineRunsReply:
    """Recorded runs, those that live among them."""
    _check(request.from_ms, request.to_ms)
    question = TimelineRuns(from_ms=request.from_ms, to_ms=request.to_ms)
    found = await context.database.read(
        partial(
            timeline.runs,
            from_ms=request.from_ms,
            to_ms=request.to_ms,
            before=cursors.read(request.cursor, question, str),
            limit=request.limit,
        )
    )
    return TimelineRunsReply(
        spans=tuple(
            Span(
                run_id=run.run_id,
                task_id=run.task_name,
                state=run.status,
                due_ms=run.scheduled_ms,
                start_ms=run.started_ms,
                end_ms=run.ended_ms,
                reason=run.reason,
                until_ms=run.missed_until_ms,
            )
            for run in found.runs
        ),
        since_ms=found.since_ms,
        next=None if found.next is None else cursors.make(found.next, question),
    )


async def hours(context: Context, who: Who, request: TimelineHours) -> TimelineHoursReply:
    """Counts of past hours; what was closed and will be, also of time to come."""
    _check(request.from_ms, request.to_ms)
    from_ms, to_ms = request.from_ms, request.to_ms
    since_ms, counted = await context.database.read(
        partial(timeline.hours, from_ms=from_ms, to_ms=to_ms, by_task=request.by_task)
    )
    gaps = await context.database.read(partial(timeline.gaps, from_ms=from_ms, to_ms=to_ms))
    rows = tuple(context.known())
    found = await context.database.read(
        partial(timeline.closed, rows=rows, from_ms=from_ms, to_ms=to_ms)
    )
    return TimelineHoursReply(
        since_ms=since_ms,
        hours=tuple(HourCount(one.task_name, one.at_ms, one.runs, one.failures) for one in counted),
        gaps=tuple(Gap(one.from_ms, one.to_ms, one.kind) for one in gaps),
        closed=tuple(
            ClosedFor(one.from_ms, one.to_ms, one.name, one.obeying) for one in found.shut
        ),
        obeying=found.obeying,
    )


def _check(from_ms: int, to_ms: int) -> None:
    if to_ms <= from_ms:
        raise BadRequest(f"to_ms = {to_ms}: must be later than from_ms", detail={"path": "$.to_ms"})
    if to_ms - from_ms > MOST_DAYS * DAY_MS:
        raise BadRequest(
            f"to_ms = {to_ms}: at most {MOST_DAYS} days are told at once; choose it earlier",
            detail={"path": "$.to_ms"},
        )
