"""Which row does a decision, an order or an end make: a run to come, or one that does not run."""

from collections.abc import Callable, Iterable

import msgspec

from agent.boot import host_name
from agent.rules.admission import Busy, Decision, Record, Start, Summed, in_the_way
from agent.rules.chains import follows
from agent.runs import Run
from agent.store.tasks import TaskRow
from agent.ulid import new_ulid


def new_run(
    task: TaskRow,
    *,
    moment_ms: int,
    now_ms: int,
    trigger: str,
    attempt: int = 1,
    requested_by: str | None = None,
    note: str | None = None,
    op: str | None = None,
    caused_by: str | None = None,
    not_before_ms: int | None = None,
) -> Run:
    """A run of this task that waits for a slot, not earlier than a moment if there is one."""
    return Run(
        id=new_ulid(now_ms),
        task_name=task.task_name,
        category=task.definition.category,
        def_rev=task.def_rev,
        scheduled_ms=moment_ms,
        attempt=attempt,
        trigger=trigger,
        status="queued",
        queued_ms=now_ms,
        requested_by=requested_by,
        note=note,
        op=op,
        caused_by=caused_by,
        retry_at_ms=not_before_ms,
        host=host_name(),
    )


def unrun(run: Run, status: str, reason: str, *, now_ms: int, note: str | None = None) -> Run:
    """This run as one that ends without having run."""
    return msgspec.structs.replace(
        run, status=status, reason=reason, note=note or run.note, ended_ms=now_ms
    )


def next_try(run: Run, *, retry_at_ms: int, now_ms: int) -> Run:
    """The attempt after this one, at the same moment."""
    return Run(
        id=new_ulid(now_ms),
        task_name=run.task_name,
        category=run.category,
        def_rev=run.def_rev,
        scheduled_ms=run.scheduled_ms,
        attempt=run.attempt + 1,
        trigger="retry",
        status="retry_wait",
        queued_ms=now_ms,
        retry_at_ms=retry_at_ms,
        requested_by=run.requested_by,
        caused_by=run.caused_by,
        host=host_name(),
    )


def followers(
    tasks: Iterable[TaskRow], run: Run, busy: Callable[[str], Busy], *, now_ms: int
) -> tuple[Run, ...]:
    """The rows of those tasks among the ones that wait for it which this end starts."""
    # Only failures are tried again: where the last try is not made, the failure was the end.
    status = "error" if run.trigger == "retry" and run.started_ms is None else run.status
    rows = []
    for task in tasks:
        definition = task.definition
        if not (task.enabled and follows(definition, status)):
            continue
        moment_ms = (run.ended_ms or now_ms) + definition.after_delay_s * 1000
        row = new_run(
            task,
            moment_ms=moment_ms,
            now_ms=now_ms,
            trigger="chain",
            caused_by=run.id,
            not_before_ms=moment_ms if definition.after_delay_s else None,
        )
        if task.is_paused(now_ms):
            row = unrun(row, "skipped", "paused", now_ms=now_ms, note=task.pause_reason)
        elif reason := in_the_way(definition, busy(task.task_name)):
            row = unrun(row, "skipped", reason, now_ms=now_ms)
        rows.append(row)
    return tuple(rows)


def decided(task: TaskRow, decision: Decision, now_ms: int) -> Run:
    """The row of a decision: queued when it starts, ended at once when it does not."""
    match decision:
        case Start(moment_ms, trigger, not_before_ms):
            return new_run(
                task,
                moment_ms=moment_ms,
                now_ms=now_ms,
                trigger=trigger,
                not_before_ms=not_before_ms,
            )
        case Record(moment_ms, status, reason, note):
            row = new_run(task, moment_ms=moment_ms, now_ms=now_ms, trigger="schedule")
            return unrun(row, status, reason, now_ms=now_ms, note=note)
        case Summed(first_ms, last_ms, count, reason, note):
            row = new_run(task, moment_ms=first_ms, now_ms=now_ms, trigger="schedule")
            ended = unrun(row, "missed", reason, now_ms=now_ms, note=note)
            return msgspec.structs.replace(ended, missed_count=count, missed_until_ms=last_ms)
