"""What is this task, and may it run?"""

import asyncio
from functools import partial
from typing import Final

from agent.due import fault_of, next_dues
from agent.errors import AgentError, TaskNotFound
from agent.handlers.context import Context
from agent.handlers.rights import may_read_output, may_see_commands
from agent.handlers.rows import settings_row, task_row
from agent.runs import Run
from agent.store import ledger, tasks
from agent.store.ledger import RunFilter
from agent.store.rollups import FAILURES
from agent.store.tasks import TaskRow
from agent.wire.operations import Done
from agent.wire.sessions import Who
from shared.protocol import rows as wire
from shared.protocol.errors import BadRequest
from shared.protocol.requests import (
    Failure,
    Outcome,
    Point,
    Skipped,
    TaskDetail,
    TaskGet,
    TaskSet,
    TaskSetReply,
    TaskSkip,
    TaskSkipReply,
)

_COMING: Final = 10
_SERIES: Final = 200


async def get(context: Context, who: Who, request: TaskGet) -> TaskDetail:
    """One task, its definition as far as the role may see it, and how it went."""
    (task,) = await context.database.read(partial(tasks.load, names=[request.id]))
    definition = task.definition
    now_ms = context.clock.now_ms()
    series = await context.database.read(
        partial(
            ledger.page, wanted=RunFilter(task_name=request.id), limit=_SERIES, with_words=False
        )
    )
    failures = await context.database.read(
        partial(
            ledger.page,
            wanted=RunFilter(task_name=request.id, statuses=tuple(sorted(FAILURES))),
            limit=1,
        )
    )
    is_due = task.enabled and fault_of(definition) is None
    coming = await asyncio.to_thread(next_dues, definition, now_ms, _COMING) if is_due else ()
    row = context.journal.get("task", request.id)
    return TaskDetail(
        row=row if isinstance(row, wire.Task) else task_row(task, now_ms=now_ms),
        def_rev=task.def_rev,
        definition=settings_row(definition, with_command=may_see_commands(who)),
        next_ms=tuple(moment.at_ms for moment in coming),
        last_failure=next(
            (_failure(run, may_read_output(context, who)) for run in failures.runs), None
        ),
        series=tuple(
            Point(run.started_ms, run.duration_ms, run.status)
            for run in reversed(series.runs)
            if run.started_ms is not None and run.has_ended
        ),
    )


async def change(context: Context, who: Who, request: TaskSet) -> Done:
    """Enable, disable, pause or resume tasks; those that exist, all of them at once."""
    _check_change(request, context.clock.now_ms())
    names = tuple(dict.fromkeys(request.ids))
    known = [name for name in names if context.journal.get("task", name) is not None]
    if known:
        changed = await context.flags.set_flags(
            known,
            enabled=request.enabled,
            paused=request.paused,
            until_ms=request.until_ms,
            reason=request.reason,
            who=who.name,
        )
        await context.plans.take(changed)
        context.hurry()
    return Done(
        TaskSetReply(
            rev=context.journal.revs.state,
            results=tuple(
                Outcome(id=name, code="ok")
                if name in known
                else Outcome(id=name, code="not_found", msg="there is no such task")
                for name in names
            ),
        )
    )


async def skip(context: Context, who: Who, request: TaskSkip) -> Done:
    """Let the next due moments of some tasks pass without a run, or take that back."""
    results = []
    changed: list[TaskRow] = []
    for name in dict.fromkeys(request.ids):
        try:
            result, rows = await _skip(context, who, request, name)
        except TaskNotFound:
            result, rows = Skipped(id=name, code="not_found", msg="there is no such task"), ()
        except AgentError as error:
            # What was done for those before it stands, and is told.
            result, rows = Skipped(id=name, code=error.code, msg=str(error)), ()
        results.append(result)
        changed += rows
    await context.plans.take(changed)
    context.hurry()
    return Done(TaskSkipReply(rev=context.journal.revs.state, results=tuple(results)))


async def _skip(
    context: Context, who: Who, request: TaskSkip, name: str
) -> tuple[Skipped, tuple[TaskRow, ...]]:
    """How it went for one task, and the task as it is now where it is different."""
    (task,) = await context.database.read(partial(tasks.load, names=[name]))
    now_ms = context.clock.now_ms()
    if not task.enabled:
        msg = task.fault or "it is disabled: nothing of it is due"
        return Skipped(id=name, code="conflict", msg=msg), ()
    # One more than is skipped: the moment after which it runs again.
    coming = await asyncio.to_thread(
        next_dues, task.definition, now_ms, request.count + 1, boots=context.plans.boots
    )
    skipped = coming[: request.count]
    if request.count and not skipped:
        return Skipped(id=name, code="conflict", msg="nothing of it is due any more"), ()
    until_ms = skipped[-1].at_ms if skipped else None
    changed = await context.flags.set_flags(
        [name], skip_until_ms=until_ms or 0, reason=request.reason, who=who.name
    )
    following = coming[request.count :]
    next_ms = following[0].at_ms if following else None
    return Skipped(id=name, code="ok", until_ms=until_ms, next_ms=next_ms), changed


def _check_change(request: TaskSet, now_ms: int) -> None:
    if request.enabled is None and request.paused is None:
        raise BadRequest("nothing to change: give enabled or paused", detail={"path": "$"})
    if request.until_ms is not None and (not request.paused or request.until_ms <= now_ms):
        raise BadRequest(
            f"until_ms = {request.until_ms}: needs paused = true and a moment to come",
            detail={"path": "$.until_ms"},
        )


def _failure(run: Run, with_output: bool) -> Failure:
    return Failure(
        run_id=run.id,
        result=run.status,
        end_ms=run.ended_ms or run.queued_ms,
        reason=run.reason,
        exit=run.exit_status,
        signal=run.signal,
        message=run.error_message if with_output else None,
        stack_trace=run.stack_trace if with_output else None,
    )
