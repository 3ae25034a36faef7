"""Which versions did a task have, and how does it become an older one again?"""

from itertools import zip_longest

import msgspec
from sqlalchemy import Connection, select

from agent.definitions import Definition
from agent.errors import Conflict, TaskNotFound, WrongUse
from agent.store import tasks
from agent.store.task_rows import VERSION_COLUMNS, Version, read_versions
from schema.tables import task_versions


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a task, and what it was before: None where that is not known or it was new."""

    version: Version
    before: Version | None


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """Some changes, how many among them cannot be read, and whether there are older ones."""

    steps: tuple[Step, ...]
    unread: int
    has_older: bool


def steps(connection: Connection, task_name: str, *, limit: int) -> Steps:
    """The newest changes of a task, newest first; raises TaskNotFound."""
    column = task_versions.c
    newest = select(column.id).where(column.task_name == task_name).order_by(column.id.desc())
    ids = connection.execute(newest.limit(limit + 1)).scalars().all()
    if not ids:
        raise TaskNotFound(task_name)
    query = select(*VERSION_COLUMNS).where(column.id.in_(ids))
    known = {version.id: version for version in read_versions(connection, query)}
    found = [known.get(number) for number in ids]
    return Steps(
        steps=tuple(
            Step(version=version, before=before)
            for version, before in zip_longest(found[:limit], found[1 : limit + 1])
            if version is not None
        ),
        unread=found[:limit].count(None),
        has_older=len(ids) > limit,
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
