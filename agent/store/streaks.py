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


def end(
    connection: Connection, run: Run, retry: Run | None, chained: Sequence[Run], *, now_ms: int
) -> tuple[tuple[Run, ...], SwitchedOff | None]:
    """Write how a run ended as `ledger.end` does, and count it in its task's row of failures."""
    before = ledger.find(connection, run.id)
    new = ledger.end(connection, run, retry, chained)
    if not new or before is None or before.has_ended:
        return new, None  # told once more
    return new, note(connection, run, has_next=retry is not None, now_ms=now_ms)


def note(connection: Connection, run: Run, *, has_next: bool, now_ms: int) -> SwitchedOff | None:
    """Count an end, once, in its task's row of failures; disable the task when it is long."""
    which: dict[str, Any] = {"which": run.task_name}
    match outcome(run, has_next=has_next):
        case "good":
            connection.execute(_RESET, which)
        case "bad":
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
