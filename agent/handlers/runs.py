"""What ran, what runs, and what shall run now?"""

from functools import partial

from agent.errors import Conflict, RunNotFound, TaskNotFound
from agent.handlers import cursors
from agent.handlers.context import Context
from agent.handlers.rights import check_output, may_read_output, may_see_commands
from agent.handlers.rows import frames_of, run_row
from agent.retrying import check_retry
from agent.rules.pinging import Ping
from agent.runs import ENDINGS, Run
from agent.store import ledger, samples, tasks
from agent.store.history import PAGE_BUDGET_MS
from agent.wire.operations import Done
from agent.wire.sessions import Who
from shared.protocol.errors import BadRequest
from shared.protocol.requests import (
    RunAbort,
    RunAbortReply,
    RunBackfill,
    RunBackfillReply,
    RunDetail,
    RunFilter,
    RunGet,
    RunRetry,
    RunRetryReply,
    RunSample,
    RunSamples,
    RunSamplesReply,
    RunsPage,
    RunsPageReply,
    RunStart,
    RunStartReply,
    TaskPing,
    TaskPingReply,
)
from shared.protocol.rows import ENDED
from shared.protocol.rows import Run as Row


async def start(context: Context, who: Who, request: RunStart) -> Done:
    """Order one run of a task, exactly as the task is defined."""
    run = await context.orders.start_now(
        request.task_id,
        who=who.name,
        reason=request.reason,
        op=request.op,
        if_running=request.if_running,
    )
    context.hurry()
    return Done(RunStartReply(run_id=run.id, state=run.status, rev=context.journal.revs.state))


async def backfill(context: Context, who: Who, request: RunBackfill) -> Done:
    """Order runs of a task as of moments that have passed."""
    runs = await context.orders.backfill(
        request.task_id,
        request.moments_ms,
        who=who.name,
        reason=request.reason,
        op=request.op,
    )
    context.hurry()
    return Done(
        RunBackfillReply(run_ids=tuple(run.id for run in runs), rev=context.journal.revs.state)
    )


async def abort(context: Context, who: Who, request: RunAbort) -> Done:
    """Stop a run that is queued or alive."""
    try:
        state = await context.orders.abort(request.run_id, who=who.name, grace_ms=request.grace_ms)
    except RunNotFound:
        state = await _abort_watch(context, who, request)
    context.hurry()
    return Done(RunAbortReply(state=state, rev=context.journal.revs.state))


async def _abort_watch(context: Context, who: Who, request: RunAbort) -> str:
    try:
        return await context.pings.abort(request.run_id, who=who.name)
    except RunNotFound:
        run = await context.database.read(partial(ledger.get, run_id=request.run_id))
        if run.has_ended:
            raise Conflict(f"run {run.id} has ended already: {run.status}") from None
        raise


async def ping(context: Context, who: Who, request: TaskPing) -> Done:
    """A job that somebody else starts says how it is."""
    now_ms = context.clock.now_ms()
    run = await context.pings.ping(
        Ping(
            op=request.op,
            task_name=request.task_id,
            what=request.what,
            # What is yet to come cannot be told of.
            at_ms=now_ms if request.at_ms is None else min(request.at_ms, now_ms),
            message=request.message,
            exit_status=request.exit_status,
            signal=request.signal,
            run_id=request.run_id,
            who=who.name,
        )
    )
    context.hurry()
    return Done(TaskPingReply(run_id=run.id, state=run.status, rev=context.journal.revs.state))


async def retry(context: Context, who: Who, request: RunRetry) -> Done:
    """Try a run again at once, whichever of the attempts at its moment is named."""
    named = await context.database.read(partial(ledger.get, run_id=request.run_id))
    last = (await context.database.read(partial(ledger.attempts, run=named)))[-1]
    if last.status == "retry_wait":
        context.orders.hasten(last.id)
        tried = last
    else:
        check_retry(last)
        (tried,) = await context.orders.backfill(
            last.task_name,
            (last.scheduled_ms,),
            who=who.name,
            reason=request.reason,
            op=request.op,
        )
    context.hurry()
    return Done(RunRetryReply(run_id=tried.id, rev=context.journal.revs.state))


async def get(context: Context, who: Who, request: RunGet) -> RunDetail:
    """One run, all attempts at its moment, and what it said at its end."""
    run = await context.database.read(partial(ledger.get, run_id=request.run_id))
    attempts = await context.database.read(partial(ledger.attempts, run=run))
    with_output = may_read_output(context, who)
    return RunDetail(
        run=_row(context, run, with_words=with_output),
        attempts=tuple(_row(context, attempt, with_words=with_output) for attempt in attempts),
        output_tail=run.output_tail if with_output else None,
        error_message=run.error_message if with_output else None,
        stack_trace=run.stack_trace if with_output else None,
        env_names=await _variables(context, run.task_name) if may_see_commands(who) else None,
        log_bytes=run.log_bytes or 0,
        def_rev=run.def_rev,
        trace_language=run.frames.get("language") if run.frames and with_output else None,
        frames=frames_of(run) if with_output else (),
    )


async def samples_of(context: Context, _who: Who, request: RunSamples) -> RunSamplesReply:
    """What a run used while it went on; raises RunNotFound."""
    await context.database.read(partial(ledger.get, run_id=request.run_id))
    taken = await context.database.read(partial(samples.of_run, run_id=request.run_id))
    return RunSamplesReply(
        samples=tuple(
            RunSample(
                at_ms=sample.sampled_ms,
                cpu_ms=sample.cpu_ms,
                rss_bytes=sample.rss_bytes,
                processes=sample.processes,
            )
            for sample in taken
        )
    )


async def page(context: Context, who: Who, request: RunsPage) -> RunsPageReply:
    """Recorded runs, newest first."""
    if request.filter.text:
        # Finding by text would tell what the output says.
        check_output(context, who)
    found = await context.database.read(
        partial(
            ledger.page,
            wanted=_wanted(request.filter),
            before=cursors.read(request.cursor, request.filter, str),
            limit=request.limit,
            budget_ms=PAGE_BUDGET_MS,
            with_words=False,
        )
    )
    with_words = may_read_output(context, who)
    return RunsPageReply(
        rows=tuple(_row(context, run, with_words=with_words) for run in found.runs),
        next=None if found.next is None else cursors.make(found.next, request.filter),
        searched_ms=found.searched_ms,
    )


def _row(context: Context, run: Run, *, with_words: bool) -> Row:
    """A run as it is shown: what a living one tells of itself is recorded at its end only."""
    live = None if run.has_ended else context.journal.get("run", run.id)
    return live if isinstance(live, Row) else run_row(run, with_words=with_words)


async def _variables(context: Context, task_name: str) -> tuple[str, ...] | None:
    try:
        (task,) = await context.database.read(partial(tasks.load, names=[task_name]))
    except TaskNotFound:
        return None  # deleted since
    return tuple(sorted(task.definition.environment))


def _wanted(asked: RunFilter) -> ledger.RunFilter:
    if asked.from_ms is not None and asked.to_ms is not None and asked.from_ms >= asked.to_ms:
        raise BadRequest(
            f"to_ms = {asked.to_ms}: must be later than from_ms", detail={"path": "$.filter.to_ms"}
        )
    live = tuple(state for state in asked.states if state != ENDED)
    ended = ENDINGS if ENDED in asked.states and not asked.results else ()
    return ledger.RunFilter(
        task_name=asked.task_id,
        category=asked.category,
        statuses=tuple(dict.fromkeys((*asked.results, *live, *ended))),
        triggers=() if asked.trigger is None else (asked.trigger,),
        from_ms=asked.from_ms,
        to_ms=asked.to_ms,
        text=asked.text,
        host=asked.host,
    )
