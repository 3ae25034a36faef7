"""How often did a task fail, one time after another, and when is that often enough?"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, select

from agent.rules.outcomes import is_enough, outcome
from agent.runs import Run
from agent.store import alerts, ledger
from agent.store import tasks as definitions
from agent.store.alerts import Alert, Trouble
from agent.store.ledger import Step
from agent.store.tasks import TaskRow
from schema.tables import tasks

BY: Final = "smartcron"
"""Who changed a task, when it was the agent of its own accord."""
SEVERITIES: Final = {1: "critical", 2: "high"}
"""Of an alert about a task, by its priority; the others are medium."""

_THE_TASK: Final = tasks.c.task_name == bindparam("which")
_RESET: Final = (
    tasks.update().where(_THE_TASK, tasks.c.failures_in_row > 0).values(failures_in_row=0)
)
_RAISE: Final = tasks.update().where(_THE_TASK).values(failures_in_row=tasks.c.failures_in_row + 1)
_READ: Final = select(
    tasks.c.failures_in_row, tasks.c.disable_after_failures, tasks.c.enabled
).where(_THE_TASK)


class SwitchedOff(msgspec.Struct, frozen=True):
    """A task that was disabled because it kept failing, and the alert that says so."""

    task: TaskRow
    alert: Alert


def record(
    connection: Connection, steps: Sequence[Step]
) -> list[tuple[tuple[Run, ...], SwitchedOff | None]]:
    """Write what became of runs as `ledger.record` does, and count ends in the rows of failures."""
    written = ledger.record(connection, steps)
    ends = [
        step
        for step, what in zip(steps, written, strict=True)
        if what.is_fresh and step.run.has_ended
    ]
    off = _note(connection, ends)
    return [
        (what.new, off.get(step.run.id) if what.is_fresh else None)
        for step, what in zip(steps, written, strict=True)
    ]


def _note(connection: Connection, ends: Sequence[Step]) -> dict[str, SwitchedOff]:
    """Count ends in their tasks' rows of failures; the tasks disabled, by the id of the run."""
    off: dict[str, SwitchedOff] = {}
    # A row of failures is made of one end after the other; tasks do not mind each other's.
    told = [(end, outcome(end.run, has_next=end.retry is not None)) for end in ends]
    failed = {end.run.task_name for end, how in told if how == "bad"}
    well = {end.run.task_name for end, how in told if how == "good"} - failed
    if well:
        connection.execute(_RESET, [{"which": name} for name in sorted(well)])
    for end, how in told:
        name = end.run.task_name
        if how == "good" and name in failed:
            connection.execute(_RESET, {"which": name})
        elif how == "bad":
            disabled = _fail(connection, end.run, end.now_ms)
            if disabled is not None:
                off[end.run.id] = disabled
    return off


def _fail(connection: Connection, run: Run, now_ms: int) -> SwitchedOff | None:
    which: dict[str, Any] = {"which": run.task_name}
    connection.execute(_RAISE, which)
    row = connection.execute(_READ, which).first()
    if row is not None and row.enabled and is_enough(row[0], row[1]):
        return _switch_off(connection, run, row[0], now_ms)
    return None


def in_row(connection: Connection, task_name: str) -> int:
    """How often this task failed since it last succeeded."""
    row = connection.execute(_READ, {"which": task_name}).first()
    return 0 if row is None else int(row[0])


def _switch_off(connection: Connection, run: Run, times: int, now_ms: int) -> SwitchedOff | None:
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
        severity=SEVERITIES.get(changed[0].definition.priority, "medium"),
        title=f"{name} was disabled",
        message=(
            f"It failed {times} times in a row, the last time in run {run.id}; "
            f"`smartcron-agent tasks enable {name}` puts it back on the schedule."
        ),
        task_name=name,
    )
    return SwitchedOff(changed[0], alerts.raise_alert(connection, trouble, now_ms=now_ms))
