"""May this edit of a task's definition still be made, and what comes of it?"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, func, select

from agent.definitions import Definition, digest
from agent.errors import BadDefinition, Conflict, TaskNotFound
from agent.store import calendars, tasks
from agent.store.task_rows import VERSION_COLUMNS, TaskRow, Version, read_tasks, read_versions
from schema.tables import task_versions as rows
from schema.tables import tasks as table


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it stands, and who changed it last."""

    task: TaskRow
    newest: Version | None = None


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """What an edit came to: digests before and after, and the task; None: it is no more."""

    task_name: str
    task: TaskRow | None
    before: str = ""
    after: str = ""


class Overtaken(Conflict):
    """Somebody changed the task after the version that was edited; `seen` is what it is now."""

    def __init__(self, message: str, seen: Seen | None = None) -> None:
        super().__init__(message)
        self.seen = seen


def see(connection: Connection, task_name: str) -> Seen:
    """The task as it stands; raises TaskNotFound."""
    (task,) = tasks.load(connection, [task_name])
    return _seen(connection, task)


def versions(
    connection: Connection, task_name: str, *, before: int, limit: int
) -> dict[int, Version | None]:
    """Each definition that the task has had, as it became it, newest first; raises TaskNotFound.

    By numbers, of those below `before`, 0: of all; None stands for what cannot be read. To switch
    or pause a task makes no other definition.
    """
    number = func.min(rows.c.id)
    became = (
        select(number)
        .where(rows.c.task_name == task_name)
        .group_by(rows.c.def_rev)
        .order_by(number.desc())
        .limit(limit)
    )
    if before:
        became = became.having(number < before)
    ids = connection.execute(became).scalars().all()
    if not ids and not before:
        raise TaskNotFound(task_name)
    query = select(*VERSION_COLUMNS).where(rows.c.id.in_(ids))
    found = {version.id: version for version in read_versions(connection, query)}
    return {one: found.get(one) for one in ids}


def check(connection: Connection, definition: Definition) -> tuple[BadDefinition, ...]:
    """What of it does not fit what else is there: tasks to come after, calendars."""
    found = []
    for look in (tasks.check_chains, calendars.check_names):
        try:
            look(connection, [definition])
        except BadDefinition as error:
            found.append(error)
    return tuple(found)


def put(
    connection: Connection,
    definition: Definition,
    *,
    based_on: int,
    seen_digest: str,
    who: str,
    why: str,
    now_ms: int,
) -> Edited:
    """Make this the definition, if the task is still what was edited; 0: if there is none yet.

    Raises Overtaken otherwise, and BadDefinition as `tasks.apply` does; then nothing is changed.
    """
    name = definition.task_name
    before = _held(connection, name)
    if before is None and based_on:
        raise Overtaken(f"{name} was removed meanwhile; save it as a new task, or leave it")
    if before is not None:
        _check_same(connection, before, based_on=based_on, seen_digest=seen_digest)
    tasks.apply(connection, [definition], who=who, why=why, now_ms=now_ms)
    (task,) = tasks.load(connection, [name])
    return Edited(
        task_name=name,
        task=task,
        before="" if before is None else digest(before.definition),
        after=digest(task.definition),
    )


def delete(
    connection: Connection,
    task_name: str,
    *,
    based_on: int,
    seen_digest: str,
    who: str,
    why: str,
    now_ms: int,
) -> Edited:
    """Forget the task, if it is still what was looked at.

    Raises TaskNotFound, Overtaken, and Conflict as `tasks.remove` does; then nothing is changed.
    """
    before = _held(connection, task_name)
    if before is None:
        raise TaskNotFound(task_name)
    _check_same(connection, before, based_on=based_on, seen_digest=seen_digest)
    tasks.remove(connection, [task_name], who=who, why=why, now_ms=now_ms)
    return Edited(task_name=task_name, task=None, before=digest(before.definition))


def _held(connection: Connection, task_name: str) -> TaskRow | None:
    """The task of this name, which nobody else changes until this is done."""
    is_it = table.c.task_name == task_name
    newest = connection.scalar(select(table.c.def_rev).where(is_it).with_for_update())
    found: Sequence[TaskRow] = list(read_tasks(connection, is_it))
    if not found:
        return None
    if found[0].fault is None and found[0].def_rev != newest:
        # What a transaction reads may be older than what it holds.
        raise Overtaken(f"{task_name} was changed meanwhile; look at it and save again")
    return found[0]


def _check_same(connection: Connection, task: TaskRow, *, based_on: int, seen_digest: str) -> None:
    # To enable and to disable makes no new version, so the definition itself is compared too.
    is_same = not seen_digest or seen_digest == digest(task.definition)
    if based_on == task.def_rev and is_same:
        return
    seen = _seen(connection, task)
    by = "" if seen.newest is None else f" by {seen.newest.changed_by}"
    if not based_on:
        raise Overtaken(f"there is a task {task.task_name} already, made{by}", seen)
    raise Overtaken(
        f"{task.task_name} was changed{by} meanwhile: it is version {task.def_rev} now, "
        f"and this edit began at version {based_on}",
        seen,
    )


def _seen(connection: Connection, task: TaskRow) -> Seen:
    try:
        (newest,) = tasks.versions(connection, task.task_name, limit=1)
    except TaskNotFound:
        return Seen(task=task)
    return Seen(task=task, newest=newest)
