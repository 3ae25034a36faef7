"""What did somebody change in the table of tasks by hand, and does it stand?"""

from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from agent.errors import AgentError
from agent.store import calendars, state, tasks
from agent.store.task_rows import FIELDS, VERSION_COLUMNS, TaskRow, Version, read_versions
from agent.taskcheck import check
from schema.tables import task_versions
from schema.tables import tasks as table

WHO: Final = "database"
WHY: Final = "changed in the database"
REMOVED: Final = "removed in the database"
_COUNTED: Final = (*FIELDS, "paused", "paused_until", "pause_reason")


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A change that cannot stand, and which version of the definition goes on; 0 where none."""

    task_name: str
    cause: str
    def_rev: int


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What was changed by hand: what stands now, is gone, and was put back."""

    changed: tuple[TaskRow, ...] = ()
    gone: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()


def mark(connection: Connection) -> object:
    """The same as long as nobody else wrote: cheap, to be asked by the writer and often."""
    if connection.dialect.name == "sqlite":
        # Counts what other connections commit; ours alone writes for this agent.
        return connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    columns = [func.coalesce(func.hex(table.c[name]), "-") for name in _COUNTED]
    return connection.execute(
        select(func.count(), func.bit_xor(func.crc32(func.concat_ws(",", *columns))))
    ).one()


def take_up(connection: Connection, *, now_ms: int) -> Found:
    """Make versions of what was changed by hand and can be; put the last good ones back else.

    What differs from the newest version of its task was written by nobody of us.
    """
    newest = _newest(connection)
    rows = tasks.load_all(connection)
    changed: list[TaskRow] = []
    refused: list[Refusal] = []
    for task in rows:
        version = newest.get(task.task_name)
        if version is not None and task.fault is None and _says_the_same(task, version):
            continue
        cause = task.fault or _cause(connection, task)
        if cause is None:
            changed.append(_taken(connection, task, version, now_ms))
        else:
            _put_back(connection, task, version, now_ms)
            rev = 0 if version is None else version.def_rev
            refused.append(Refusal(task_name=task.task_name, cause=cause, def_rev=rev))
    there = {task.task_name for task in rows}
    gone = [version for name, version in newest.items() if version.enabled and name not in there]
    for version in gone:
        last = _as_it_was(connection, version, now_ms=now_ms, is_enabled=False)
        tasks.remember(connection, last, who=WHO, why=REMOVED)
    return Found(
        changed=tuple(changed),
        gone=tuple(version.task_name for version in gone),
        refused=tuple(refused),
    )


def _newest(connection: Connection) -> dict[str, Version]:
    ids = select(func.max(task_versions.c.id)).group_by(task_versions.c.task_name)
    query = select(*VERSION_COLUMNS).where(task_versions.c.id.in_(ids))
    return {version.task_name: version for version in read_versions(connection, query)}


def _says_the_same(task: TaskRow, version: Version) -> bool:
    return (
        task.definition == version.definition
        and task.paused == version.paused
        and task.paused_until_ms == version.paused_until_ms
        and task.pause_reason == version.pause_reason
    )


def _cause(connection: Connection, task: TaskRow) -> str | None:
    """Why this cannot be a task's definition; None when it can."""
    try:
        check(task.definition)
        tasks.check_chains(connection, [task.definition])
        calendars.check_names(connection, [task.definition])
    except AgentError as error:
        return str(error)
    return None


def _taken(connection: Connection, task: TaskRow, version: Version | None, now_ms: int) -> TaskRow:
    """The row as somebody wrote it, as a version of its own."""
    if version is None:
        new = msgspec.structs.replace(
            task, def_rev=1, watermark_ms=max(task.watermark_ms, now_ms), updated_ms=now_ms
        )
        tasks.write_row(connection, new)
        tasks.remember(connection, new, who=WHO, why=WHY)
        return new
    old = msgspec.structs.replace(
        _as_it_was(connection, version, now_ms=now_ms), watermark_ms=task.watermark_ms
    )
    new = tasks.defined_anew(old, task.definition, now_ms)
    is_same = old.definition == task.definition
    begins = old.paused and not task.paused
    new = msgspec.structs.replace(
        new,
        def_rev=old.def_rev if is_same else new.def_rev,
        watermark_ms=max(new.watermark_ms, now_ms) if begins else new.watermark_ms,
        paused=task.paused,
        paused_until_ms=task.paused_until_ms,
        pause_reason=task.pause_reason,
        skip_until_ms=task.skip_until_ms,
        skip_reason=task.skip_reason,
        avg_duration_ms=task.avg_duration_ms,
        created_ms=task.created_ms,
    )
    tasks.change(connection, old, new, who=WHO, why=WHY)
    return new


def _put_back(connection: Connection, task: TaskRow, version: Version | None, now_ms: int) -> None:
    """Let the row say again what it said last that could be; what never could does not run."""
    if version is None:
        connection.execute(
            table.update().where(table.c.task_name == task.task_name).values(enabled=False)
        )
        return
    last = _as_it_was(connection, version, now_ms=now_ms)
    known_ms = task.watermark_ms or state.decided_until(connection) or 0
    tasks.write_row(
        connection,
        msgspec.structs.replace(
            last,
            watermark_ms=known_ms,
            skip_until_ms=task.skip_until_ms,
            skip_reason=task.skip_reason,
        ),
    )


def _as_it_was(
    connection: Connection, version: Version, *, now_ms: int, is_enabled: bool | None = None
) -> TaskRow:
    definition = version.definition
    if is_enabled is not None:
        definition = msgspec.structs.replace(definition, enabled=is_enabled)
    return TaskRow(
        definition=definition,
        def_rev=version.def_rev,
        paused=version.paused,
        paused_until_ms=version.paused_until_ms,
        pause_reason=version.pause_reason,
        watermark_ms=now_ms,
        avg_duration_ms=None,
        created_ms=now_ms,
        updated_ms=now_ms,
    )
