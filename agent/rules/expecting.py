"""What will become of a task's coming due moments, as far as is known now."""

from collections.abc import Iterable, Iterator

import msgspec

from agent.cron.moments import DueMoment
from agent.expected import ClosedAt, Expected, Outcome, Planned
from agent.runs import Run


def expect(
    task: Planned, moments: Iterable[DueMoment], *, closed: ClosedAt, now_ms: int
) -> Iterator[Expected]:
    """One answer to each moment, in their order; walks no farther than it is asked to.

    Runs are taken to be as long as usual; a run that is overdue is taken to end now.
    """
    alive = going_on(task, now_ms)
    held: list[Expected] = []
    for moment in moments:
        one = _decide(task, moment, closed, alive)
        # A run is told of once it is known whether a later one takes its place.
        if held and (held[0].ends_ms or 0) <= (one.starts_ms or one.at_ms):
            yield from held
            held = []
        if one.outcome == "replaces" and held:
            yield _replaced(held[0], one)
            yield from held[1:]
            held = []
        if held or (one.will_run and task.definition.overlap == "replace"):
            held.append(one)
        else:
            yield one
        if one.will_run:
            alive.append(one)
    yield from held


def going_on(task: Planned, now_ms: int) -> list[Expected]:
    """The runs of the task that have not ended, as if their moments were to come."""
    return [_as_expected(task, run, now_ms) for run in task.live]


def _as_expected(task: Planned, run: Run, now_ms: int) -> Expected:
    starts_ms = run.started_ms
    if starts_ms is None:
        starts_ms = max(now_ms, run.retry_at_ms or 0)
    return Expected(
        task_name=task.task_name,
        at_ms=run.scheduled_ms,
        priority=task.definition.priority,
        starts_ms=starts_ms,
        ends_ms=max(now_ms, starts_ms + (_takes_ms(task) or 0)),
    )


def _decide(task: Planned, moment: DueMoment, closed: ClosedAt, alive: list[Expected]) -> Expected:
    at_ms, definition = moment.at_ms, task.definition
    if not definition.enabled:
        return _skipped(task, moment, "disabled")
    if task.is_paused(at_ms):
        return _skipped(task, moment, "paused")
    if task.is_skipped(at_ms):
        return _skipped(task, moment, "skip_next")
    window = closed(definition, at_ms)
    if window is None:
        return _start(task, moment, at_ms, alive)
    if definition.in_blackout == "skip" or window.until_ms is None:
        return _skipped(task, moment, "blackout", window=window.name)
    late = _start(task, moment, window.until_ms, alive)
    return msgspec.structs.replace(late, window=window.name)


def _start(task: Planned, moment: DueMoment, starts_ms: int, alive: list[Expected]) -> Expected:
    definition = task.definition
    alive[:] = [run for run in alive if _end(run) > starts_ms]
    if not alive:
        outcome: Outcome = "delayed" if starts_ms > moment.at_ms else "runs"
        return _running(task, moment, outcome, starts_ms)
    meets_ms = alive[0].at_ms
    if definition.overlap == "replace":
        alive.clear()
        return _running(task, moment, "replaces", starts_ms, meets_ms)
    if definition.overlap == "allow" and len(alive) < definition.most_running:
        return _running(task, moment, "beside", starts_ms, meets_ms)
    if definition.overlap != "queue":
        return _skipped(task, moment, "overlap", meets_ms=meets_ms)
    waiting = sum((run.starts_ms or 0) > starts_ms for run in alive)
    if waiting >= definition.most_waiting:
        return _skipped(task, moment, "queue_full", meets_ms=meets_ms)
    free_ms = max(map(_end, alive))
    return _running(task, moment, "queued", free_ms, meets_ms)


def _end(run: Expected) -> int:
    # One of unknown length still waits, with others, for the end of a window that delays it.
    return (run.starts_ms or 0) + 1 if run.ends_ms is None else run.ends_ms


def _running(
    task: Planned,
    moment: DueMoment,
    outcome: Outcome,
    starts_ms: int,
    meets_ms: int | None = None,
) -> Expected:
    takes_ms = _takes_ms(task)
    return Expected(
        task_name=task.task_name,
        at_ms=moment.at_ms,
        priority=task.definition.priority,
        tag=moment.tag,
        outcome=outcome,
        starts_ms=starts_ms,
        ends_ms=None if takes_ms is None else starts_ms + takes_ms,
        meets_ms=meets_ms,
    )


def _takes_ms(task: Planned) -> int | None:
    """How long it keeps a slot; what a watch waits for is started by somebody else."""
    return 0 if task.definition.kind == "watch" else task.takes_ms


def _skipped(
    task: Planned,
    moment: DueMoment,
    reason: str,
    *,
    meets_ms: int | None = None,
    window: str | None = None,
) -> Expected:
    return Expected(
        task_name=task.task_name,
        at_ms=moment.at_ms,
        priority=task.definition.priority,
        tag=moment.tag,
        outcome="skipped",
        reason=reason,
        meets_ms=meets_ms,
        window=window,
    )


def _replaced(run: Expected, by: Expected) -> Expected:
    return msgspec.structs.replace(run, outcome="replaced", reason="replaced", ends_ms=by.starts_ms)
