"""How often did a task fail, one time after another, and when is that often enough?"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, select

from agent.rules import alerting
from agent.rules.outcomes import is_enough, outcome
from agent.runs import Run
from agent.store import alerts, ledger
from agent.store import tasks as definitions
from agent.store.alerts import Alert
from agent.store.ledger import Step
from agent.store.prepared import Among
from agent.store.tasks import TaskRow
from agent.troubles import Trouble, of_priority
from schema.tables import tasks

BY: Final = "smartcron"
"""Who changed a task, when it was the agent of its own accord."""

_THE_TASK: Final = tasks.c.task_name == bindparam("which")
_RESET: Final = Among(
    tasks.c.task_name,
    tasks.update()
    .where(tasks.c.failures_in_row > bindparam("none"))
    .values(failures_in_row=bindparam("none")),
    names=["none"],
)
_RAISE: Final = tasks.update().where(_THE_TASK).values(failures_in_row=tasks.c.failures_in_row + 1)
_READ: Final = select(
    tasks.c.failures_in_row, tasks.c.disable_after_failures, tasks.c.enabled, tasks.c.priority
).where(_THE_TASK)


class Consequence(msgspec.Struct, frozen=True, kw_only=True):
    """What an end came to beside its row: alerts, and the task that is disabled by it."""

    alerts: tuple[Alert, ...] = ()
    disabled: tuple[TaskRow, ...] = ()


def record(
    connection: Connection, steps: Sequence[Step]
) -> list[tuple[tuple[Run, ...], Consequence | None]]:
    """Write what became of runs as `ledger.record` does, and count ends in the rows of failures."""
    written = ledger.record(connection, steps)
    ends = [
        step
        for step, what in zip(steps, written, strict=True)
        if what.is_fresh and step.run.has_ended
    ]
    came_to = _note(connection, ends)
    return [
        (what.new, came_to.get(step.run.id) if what.is_fresh else None)
        for step, what in zip(steps, written, strict=True)
    ]


def _note(connection: Connection, ends: Sequence[Step]) -> dict[str, Consequence]:
    """Count ends in their tasks' rows of failures; what else came of them, by the id of the run."""
    came_to: dict[str, Consequence] = {}
    # A row of failures is made of one end after the other; tasks do not mind each other's.
    told = [(end, outcome(end.run, has_next=end.retry is not None)) for end in ends]
    failed = {end.run.task_name for end, how in told if how == "bad"}
    well = {end.run.task_name for end, how in told if how == "good"} - failed
    if well:
        reset = _RESET.execute(connection, sorted(well), 0)
        # Nearly always none of them had failed, and then there is no alert to look for.
        if reset.rowcount:
            for end, how in told:
                if how == "good" and end.run.task_name in well:
                    _recover(connection, end, came_to)
    for end, how in told:
        name = end.run.task_name
        if how == "good" and name in failed:
            _RESET.execute(connection, [name], 0)
            _recover(connection, end, came_to)
        elif how == "bad":
            consequence = _fail(connection, end.run, end.now_ms)
            if consequence is not None:
                came_to[end.run.id] = consequence
    return came_to


def _recover(connection: Connection, end: Step, came_to: dict[str, Consequence]) -> None:
    key = alerting.key_of_failure(end.run.task_name)
    ended = alerts.resolve(connection, key, now_ms=end.now_ms)
    if ended is not None:
        came_to[end.run.id] = Consequence(alerts=(ended,))


def _fail(connection: Connection, run: Run, now_ms: int) -> Consequence | None:
    which: dict[str, Any] = {"which": run.task_name}
    connection.execute(_RAISE, which)
    row = connection.execute(_READ, which).first()
    if row is None:
        return None
    if is_enough(row[0], row[1]):
        # Of one that is off already, its own alert says so.
        return _switch_off(connection, run, row[0], now_ms) if row.enabled else None
    if run.status == "missed":
        return None  # whoever found that no ping came has said so
    trouble = alerting.failed(run, priority=row.priority, in_row=row[0])
    return Consequence(alerts=(alerts.raise_alert(connection, trouble, now_ms=now_ms),))


def in_row(connection: Connection, task_name: str) -> int:
    """How often this task failed since it last succeeded."""
    row = connection.execute(_READ, {"which": task_name}).first()
    return 0 if row is None else int(row[0])


def _switch_off(connection: Connection, run: Run, times: int, now_ms: int) -> Consequence | None:
    name = run.task_name
    changed = definitions.set_flags(
        connection,
        [name],
        enabled=False,
        reason=f"failed {times} times in a row",
        who=BY,
        now_ms=now_ms,
    )
    if not changed:
        return None
    trouble = Trouble(
        dedupe_key=definitions.alert_of_disabled(name),
        kind="task_disabled",
        severity=of_priority(changed[0].definition.priority),
        title=f"{name} was disabled",
        message=(
            f"It failed {times} times in a row, the last time in run {run.id}; "
            f"`smartcron-agent tasks enable {name}` puts it back on the schedule."
        ),
        task_name=name,
        run_id=run.id,
    )
    raised = alerts.raise_alert(connection, trouble, now_ms=now_ms)
    # One trouble, one alert: that it was disabled says that it failed.
    covered = alerts.resolve(connection, alerting.key_of_failure(name), now_ms=now_ms)
    told = (raised,) if covered is None else (raised, covered)
    return Consequence(alerts=told, disabled=(changed[0],))
