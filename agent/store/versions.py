"""Which versions did a task have, and how does it become an older one again?"""

import msgspec
from sqlalchemy import Connection, select

from agent.definitions import Definition
from agent.errors import Conflict, TaskNotFound, WrongUse
from agent.store import tasks
from agent.store.task_rows import Version
from schema.tables import task_versions


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a task, and what it was before: None where that is not known or it was new."""

    version: Version
    before: Version | None


def steps(connection: Connection, task_name: str, *, limit: int) -> tuple[Step, ...]:
    """The newest changes of a task, newest first; raises TaskNotFound."""
    found = tasks.versions(connection, task_name, limit=limit + 1)
    older = (*found[1:], None)
    return tuple(
        Step(version=version, before=before)
        for version, before in zip(found[:limit], older, strict=False)
    )


def current(connection: Connection, task_name: str) -> tasks.TaskRow | None:
    """The task as it stands; None where it was removed."""
    try:
        return tasks.load(connection, [task_name])[0]
    except TaskNotFound:
        return None


def why_made(connection: Connection, task_name: str, def_rev: int) -> str:
    """What was said when this version of a task came to be; empty where that is not known."""
    column = task_versions.c
    found = connection.scalar(
        select(column.why)
        .where(column.task_name == task_name, column.def_rev == def_rev)
        .order_by(column.id)
        .limit(1)
    )
    return found or ""


def wanted(connection: Connection, task_name: str, def_rev: int) -> Definition:
    """What the task was in this version; raises TaskNotFound, and WrongUse with those there are."""
    definition = tasks.definition_of(connection, task_name, def_rev)
    if definition is None:
        known = sorted({one.def_rev for one in tasks.versions(connection, task_name)})
        raise WrongUse(
            f"--to {def_rev}: {task_name} has no such version; "
            f"there is {', '.join(map(str, known))}"
        )
    return definition


def go_back(
    connection: Connection,
    definition: Definition,
    *,
    seen: int | None,
    who: str,
    why: str,
    now_ms: int,
) -> int:
    """Let a task be this again, as a new version; its number.

    Raises Conflict where it is not the version any more that somebody has seen (None: removed).
    """
    name = definition.task_name
    now = current(connection, name)
    if (None if now is None else now.def_rev) != seen:
        raise Conflict(f"{name} was changed meanwhile; look at `smartcron-agent tasks history`")
    tasks.apply(connection, [definition], who=who, why=why, now_ms=now_ms)
    return tasks.load(connection, [name])[0].def_rev
