"""Of which tasks is the history held, whatever its age?"""

import msgspec
from sqlalchemy import Connection, select

from agent.errors import Conflict, TaskNotFound, WrongUse
from schema.tables import executions, holds, tasks

LONGEST_REASON = 500


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A task whose runs and logs no cleanup touches, and who said so."""

    task_name: str
    reason: str
    held_ms: int
    held_by: str


def hold(connection: Connection, wanted: Hold) -> None:
    """Keep what there is of this task, and what will be; refused when it is held already."""
    if not wanted.reason.strip() or len(wanted.reason) > LONGEST_REASON:
        raise WrongUse(
            f"reason {wanted.reason[:40]!r}: say why, in at most {LONGEST_REASON} characters"
        )
    # A task may be gone and its history still be wanted.
    places = (
        select(table.c.task_name).where(table.c.task_name == wanted.task_name).limit(1)
        for table in (tasks, executions)
    )
    if not any(connection.scalar(place) for place in places):
        raise TaskNotFound(wanted.task_name)
    before = held(connection).get(wanted.task_name)
    if before is not None:
        raise Conflict(
            f"{wanted.task_name} is held already, by {before.held_by}: {before.reason}; "
            f"`smartcron-agent release {wanted.task_name}` ends that"
        )
    connection.execute(
        holds.insert(),
        {
            "task_name": wanted.task_name,
            "reason": wanted.reason,
            "held_at": wanted.held_ms,
            "held_by": wanted.held_by,
        },
    )


def release(connection: Connection, task_name: str) -> Hold:
    """Let age decide again; what was held until now."""
    before = held(connection).get(task_name)
    if before is None:
        raise Conflict(f"{task_name} is not held; `smartcron-agent hold` lists what is")
    connection.execute(holds.delete().where(holds.c.task_name == task_name))
    return before


def held(connection: Connection) -> dict[str, Hold]:
    """Every hold by its task."""
    found = connection.execute(select(holds).order_by(holds.c.task_name))
    return {
        row.task_name: Hold(
            task_name=row.task_name, reason=row.reason, held_ms=row.held_at, held_by=row.held_by
        )
        for row in found
    }
