"""What is to come, what would be different, and why did a task (not) run?"""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

import msgspec

from agent import outlook as ahead
from agent.cron.changes import Change, coming_changes
from agent.cron.moments import DueMoment
from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.expected import Expected
from agent.handlers.context import Context
from agent.outlook import Outlook
from agent.rules.schedule import Timing, in_words, next_moment, next_moments
from agent.rules.whatif import TaskChange
from agent.store import facts, plans
from agent.taskcheck import check
from agent.tasktables import read_definition
from agent.wire.sessions import Who
from shared.protocol import planning as wire
from shared.protocol.errors import BadRequest
from shared.protocol.requests import SchedulePreview, SchedulePreviewReply

_LISTED: Final = 100
"""So many moments of each kind are listed; all are counted."""
CHANGES: Final = 2
"""A zone with summer time has so many a year."""
_NOTES: Final = {
    "moved": (
        "1 of these falls into the hour that is skipped when clocks go forward; "
        "it runs right after it",
        "{} of these fall into the hour that is skipped when clocks go forward; "
        "they run right after it",
    ),
    "first_of_two": (
        "1 of these falls into the hour that comes twice when clocks go back; "
        "it runs the first time",
        "{} of these fall into the hour that comes twice when clocks go back; "
        "they run the first time",
    ),
    "second_of_two": (
        "1 of these runs in the second of the two hours when clocks go back",
        "{} of these run in the second of the two hours when clocks go back",
    ),
}
"""Of one moment, and of many."""


async def preview(context: Context, who: Who, request: SchedulePreview) -> SchedulePreviewReply:
    """The moments at which a schedule would be due, also after each coming change of clocks."""
    after_ms = context.clock.now_ms() if request.from_ms is None else request.from_ms
    facts.check_moment("from_ms", after_ms)
    timing = Timing(
        (request.schedule,),
        request.tz,
        dst_gap=request.dst_gap,
        dst_fold=request.dst_fold,
        task_name=request.task_name or "",
    )
    moments = await asyncio.to_thread(next_moments, timing, after_ms, request.count)
    changes = await asyncio.to_thread(coming_changes, request.tz, after_ms, count=CHANGES)
    return SchedulePreviewReply(
        times_ms=tuple(moment.at_ms for moment in moments),
        schedule_text=in_words((request.schedule,), task_name=timing.task_name),
        notes=notes(moments),
        tags=tuple(moment.tag for moment in moments),
        changes=tuple(
            clock_change(change, next_moment(timing, change.at_ms - 1)) for change in changes
        ),
    )


async def coming(context: Context, who: Who, request: wire.ScheduleNext) -> wire.ScheduleNextReply:
    """The next moments of some tasks or of all."""
    outlook = await _outlook(context)
    if request.ids:
        outlook = outlook.only(request.ids)
    from_ms = outlook.now_ms if request.from_ms is None else request.from_ms
    if request.until_ms is not None and request.until_ms <= from_ms:
        raise BadRequest(
            f"until_ms = {request.until_ms}: must be later than from_ms",
            detail={"path": "$.until_ms"},
        )
    found = await asyncio.to_thread(
        ahead.coming,
        outlook,
        from_ms=from_ms,
        until_ms=request.until_ms,
        count=request.count + 1,
    )
    return wire.ScheduleNextReply(
        rows=_rows(found[: request.count]), more=len(found) > request.count
    )


async def forecast(
    context: Context, who: Who, request: wire.ScheduleForecast
) -> wire.ScheduleForecastReply:
    """How busy the agent will be in each minute of a span."""
    outlook = await _outlook(context)
    from_ms = outlook.now_ms if request.from_ms is None else request.from_ms
    found = await asyncio.to_thread(ahead.load, outlook, from_ms=from_ms, until_ms=request.until_ms)
    return wire.ScheduleForecastReply(
        from_ms=found.from_ms,
        until_ms=found.until_ms,
        running=found.running,
        starts=found.starts,
        moments=found.moments,
        slots=found.slots,
        peak=found.peak,
        full_steps=found.full_minutes,
        busiest=tuple(wire.Busy(one.at_ms, one.running, one.starts) for one in found.busiest),
        waits=tuple(
            wire.Wait(one.task_name, one.count, one.longest_ms) for one in found.waits[:_LISTED]
        ),
    )


async def what_if(
    context: Context, who: Who, request: wire.ScheduleWhatIf
) -> wire.ScheduleWhatIfReply:
    """What definitions that are not saved would change."""
    outlook = await _outlook(context)
    saved = {task.task_name: task.definition for task in outlook.tasks}
    found = await asyncio.to_thread(
        ahead.what_if,
        outlook,
        [
            _drafted(draft, saved.get(draft.task_name), number)
            for number, draft in enumerate(request.drafts)
        ],
        request.without,
        from_ms=outlook.now_ms if request.from_ms is None else request.from_ms,
        until_ms=request.until_ms,
    )
    return wire.ScheduleWhatIfReply(
        tasks=tuple(_difference(change) for change in found.tasks),
        peak_before=found.peak_before,
        peak_after=found.peak_after,
        peak_before_ms=found.peak_before_ms,
        peak_after_ms=found.peak_after_ms,
        full_before=found.full_minutes_before,
        full_after=found.full_minutes_after,
    )


async def why(context: Context, who: Who, request: wire.ScheduleWhy) -> wire.ScheduleWhyReply:
    """Why a task ran at a moment, or why it did not."""
    outlook = await _outlook(context)
    asked = await context.database.read(
        partial(facts.gather, task_name=request.id, at_ms=request.at_ms, now_ms=outlook.now_ms)
    )
    found = await asyncio.to_thread(ahead.why, outlook, asked)
    return wire.ScheduleWhyReply(
        at_ms=found.at_ms,
        verdict=found.verdict,
        code=found.code,
        steps=tuple(wire.Step(step.code, step.ok, step.say) for step in found.steps),
        say=found.say,
        advice=found.advice,
        before_ms=found.before_ms,
        after_ms=found.after_ms,
        run_id=found.run_id,
    )


async def pause(context: Context, who: Who, request: wire.PausePreview) -> wire.PausePreviewReply:
    """What a pause of these tasks from now on would do."""
    outlook = await _outlook(context)
    found = await asyncio.to_thread(ahead.pause, outlook, request.ids, until_ms=request.until_ms)
    return wire.PausePreviewReply(
        from_ms=found.from_ms,
        seen_until_ms=found.seen_until_ms,
        until_ms=found.until_ms,
        count=found.count,
        tasks=tuple(
            wire.PausedTask(
                task_id=task.task_name,
                count=task.count,
                first_ms=task.first_ms,
                last_ms=task.last_ms,
                next_ms=task.next_ms,
                held=tuple(wire.Held(one.at_ms, one.reason, one.otherwise) for one in task.held),
                in_flight=tuple(
                    wire.InFlight(one.run_id, one.kind, one.at_ms) for one in task.in_flight
                ),
            )
            for task in found.tasks
        ),
        followers=tuple(
            wire.Follower(one.task_name, one.after, one.count) for one in found.followers
        ),
    )


async def _outlook(context: Context) -> Outlook:
    now_ms = context.clock.now_ms()
    tasks, calendars = await context.database.read(partial(plans.load, now_ms=now_ms))
    return Outlook(
        now_ms=now_ms, slots=context.identity.max_running, tasks=tasks, calendars=calendars
    )


def _drafted(draft: wire.Draft, saved: Definition | None, number: int) -> Definition:
    """The draft as a definition; what it cannot say is as it was saved."""
    table = {name: getattr(draft, name) for name in draft.__struct_fields__}
    try:
        if saved is None:
            return read_definition({**table, "command": "true"})
        definition = msgspec.structs.replace(saved, **table)
        check(definition)
    except BadDefinition as error:
        path = f"$.drafts[{number}].{error.field}"
        raise BadRequest(str(error), detail={"path": path}) from None
    return definition


def _difference(change: TaskChange) -> wire.TaskDifference:
    return wire.TaskDifference(
        task_id=change.task_name,
        kind=change.kind,
        added=len(change.added),
        removed=len(change.removed),
        moved=len(change.moved),
        added_ms=change.added[:_LISTED],
        removed_ms=change.removed[:_LISTED],
        moved_ms=tuple((move.from_ms, move.to_ms) for move in change.moved[:_LISTED]),
        overlaps=_rows(change.overlaps[:_LISTED]),
        blackouts=_rows(change.blackouts[:_LISTED]),
        odd=_rows(change.odd[:_LISTED]),
        changes=tuple(clock_change(one) for one in change.clock_changes[:_LISTED]),
    )


def _rows(expected: Iterable[Expected]) -> tuple[wire.Coming, ...]:
    return tuple(
        wire.Coming(
            task_id=one.task_name,
            at_ms=one.at_ms,
            tag=one.tag,
            outcome=one.outcome,
            reason=one.reason,
            start_ms=one.starts_ms,
            end_ms=one.ends_ms,
            meets_ms=one.meets_ms,
            window=one.window,
        )
        for one in expected
    )


def clock_change(change: Change, next_ms: int | None = None) -> wire.ClockChange:
    """A change of clocks, with the moment that is due after it."""
    return wire.ClockChange(
        at_ms=change.at_ms, before_s=change.before_s, after_s=change.after_s, next_ms=next_ms
    )


def notes(moments: Sequence[DueMoment]) -> tuple[str, ...]:
    """What changes of clocks do to these moments, a sentence each."""
    counts: dict[str, int] = {}
    for moment in moments:
        counts[moment.tag] = counts.get(moment.tag, 0) + 1
    return tuple(
        one if counts[tag] == 1 else many.format(counts[tag])
        for tag, (one, many) in _NOTES.items()
        if tag in counts
    )
