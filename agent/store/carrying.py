"""What has the replaced database recorded since a backup was made, that must not be forgotten?"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Connection, Table, text

from agent.runs import LIVE_STATES
from agent.store.plausible import check_of
from agent.store.rollups import DAY_MS, HOUR_MS, LONGEST_RUN_MS
from agent.store.state import DECIDED_UNTIL, HIGHEST
from agent.store.tasks import load_all, remember, write_row
from agent.ulid import first_ulid
from schema.tables import (
    VERSION_TABLE,
    executions,
    holds,
    rollup_totals,
    rollups,
    state,
    task_versions,
    tasks,
)

BY: Final = "db restore"
WHY: Final = "a backup was put in place"
_CARRIED_OF_A_TASK: Final = (tasks.c.task_name.name, tasks.c.watermark.name)
_LIVE: Final = ", ".join(f"'{status}'" for status in sorted(LIVE_STATES))


def carry_over(
    connection: Connection, before: Callable[[str], str], *, made_ms: int, now_ms: int
) -> int | None:
    """Take over the runs that the replaced tables have and these do not; how many.

    A due moment that ran since the backup would else run again. What tasks were meanwhile is
    taken over too, or the ledger could not be proved: what is restored holds from `now_ms` on. And
    what was to be held stays held, or the next cleanup would take it.
    `before` says how each replaced table is called. None when they are of another version; raises
    what the database raises, and ValueError where rows of a damaged file are no rows of ours.
    """
    if _version(connection, VERSION_TABLE) != _version(connection, before(VERSION_TABLE)):
        return None
    since = _first_to_carry(connection, before(executions.name), made_ms)
    if connection.dialect.name == "sqlite":
        _check(connection, before, since)
    count, earliest_ms = _carry_runs(connection, before(executions.name), since)
    _carry_figures(connection, before, min(made_ms - 2 * HOUR_MS, earliest_ms or made_ms))
    _carry_progress(connection, before(tasks.name), before(state.name))
    _carry_versions(connection, before(task_versions.name), now_ms)
    _carry_holds(connection, before(holds.name))
    return count


def _version(connection: Connection, table: str) -> str | None:
    found = connection.scalar(text(f"SELECT version_num FROM {table}"))  # noqa: S608 - our own names
    return None if found is None else str(found)


def _first_to_carry(connection: Connection, old: str, made_ms: int) -> str:
    """The lowest id of runs made or told since, and of those that lived in the backup."""
    ours = executions.name
    live = connection.scalar(
        text(f"SELECT MIN(id) FROM {ours} WHERE status IN ({_LIVE})")  # noqa: S608 - our own names
    )
    # What the local journal kept while nothing could be written is older than its row.
    late = connection.scalar(
        text(
            f"SELECT MIN(o.id) FROM {old} AS o WHERE o.id >= :oldest "  # noqa: S608 - our own names
            f"AND NOT EXISTS (SELECT 1 FROM {ours} AS e WHERE e.id = o.id)"
        ),
        {"oldest": first_ulid(made_ms - LONGEST_RUN_MS)},
    )
    return min(live or "Z", str(late or "Z"), first_ulid(made_ms - HOUR_MS))


def _check(connection: Connection, before: Callable[[str], str], since: str) -> None:
    """Raise ValueError where a page of the replaced file was written over by something else."""
    for table in (executions, holds, rollups, rollup_totals, task_versions, tasks):
        names = [column.name for column in table.columns if _is_to_be_right(column)]
        check = check_of(table, names)
        where = " WHERE id >= :since" if table is executions else ""
        query = text(f"SELECT {', '.join(names)} FROM {before(table.name)}{where}")  # noqa: S608 - our own names
        for row in connection.execute(query, {"since": since} if where else {}):
            check(row)


def _is_to_be_right(column: Column[Any]) -> bool:
    """Not what people define: where that is wrong it is told of its task, and hinders nothing."""
    if column.table is tasks:
        return column.name in _CARRIED_OF_A_TASK
    return column is not task_versions.c.definition


def _carry_runs(connection: Connection, old: str, since: str) -> tuple[int, int | None]:
    """Runs made since, and how those ended that lived when the backup was made.

    How many, and when the first of them ended.
    """
    ours = executions.name
    bound = {"first": since}
    connection.execute(
        text(
            f"DELETE FROM {ours} WHERE status IN ({_LIVE}) "  # noqa: S608 - our own names
            f"AND id IN (SELECT id FROM {old} WHERE id >= :first)"
        ),
        bound,
    )
    names = _names(executions)
    is_new = f"o.id >= :first AND NOT EXISTS (SELECT 1 FROM {ours} AS e WHERE e.id = o.id)"  # noqa: S608 - our own names
    earliest_ms = connection.scalar(
        text(f"SELECT MIN(o.ended_at) AS ended_at FROM {old} AS o WHERE {is_new}").columns(  # noqa: S608 - our own names
            executions.c.ended_at
        ),
        bound,
    )
    count = connection.execute(
        text(
            f"INSERT INTO {ours} ({names}) SELECT {names} FROM {old} AS o WHERE {is_new} "  # noqa: S608 - our own names
            f"AND NOT EXISTS (SELECT 1 FROM {ours} AS e WHERE e.task_name = o.task_name "
            "AND e.scheduled_at = o.scheduled_at AND e.attempt = o.attempt)"
        ),
        bound,
    ).rowcount
    return count, earliest_ms


def _carry_figures(connection: Connection, before: Callable[[str], str], since_ms: int) -> None:
    """The statistics of every hour and day that have changed since the backup was made."""
    for begins, first_ms in (
        (rollups.c.hour_at, since_ms - since_ms % HOUR_MS),
        (rollup_totals.c.begins_at, since_ms - since_ms % DAY_MS),
    ):
        table = begins.table
        connection.execute(table.delete().where(begins >= first_ms))
        names = _names(table)
        is_same = " AND ".join(f"r.{key.name} = o.{key.name}" for key in table.primary_key)
        connection.execute(
            text(
                f"INSERT INTO {table.name} ({names}) "  # noqa: S608 - our own names
                f"SELECT {names} FROM {before(table.name)} AS o "
                f"WHERE NOT EXISTS (SELECT 1 FROM {table.name} AS r WHERE {is_same})"
            )
        )


def _carry_progress(connection: Connection, old_tasks: str, old_state: str) -> None:
    """How far the due moments of each task, and of all, were decided."""
    ours = tasks.name
    later = f"FROM {old_tasks} AS o WHERE o.task_name = {ours}.task_name"
    connection.execute(
        text(
            f"UPDATE {ours} SET watermark = (SELECT o.watermark {later}) "  # noqa: S608 - our own names
            f"WHERE EXISTS (SELECT 1 {later} AND o.watermark > {ours}.watermark)"
        )
    )
    for name in (DECIDED_UNTIL, HIGHEST):
        wanted = {"name": name}
        old = connection.scalar(text(f"SELECT value FROM {old_state} WHERE name = :name"), wanted)  # noqa: S608 - our own names
        now = connection.scalar(text(f"SELECT value FROM {state.name} WHERE name = :name"), wanted)  # noqa: S608 - our own names
        if old is not None and now is not None and int(old) > int(now):
            connection.execute(state.update().where(state.c.name == name).values(value=old))


def _carry_versions(connection: Connection, old: str, now_ms: int) -> None:
    """What was in force since the backup, until that of the backup holds again."""
    ours = task_versions.name
    newest = {"newest": connection.scalar(text(f"SELECT MAX(id) FROM {ours}")) or 0}  # noqa: S608 - our own names
    names = _names(task_versions)
    connection.execute(
        text(f"INSERT INTO {ours} ({names}) SELECT {names} FROM {old} AS o WHERE o.id > :newest"),  # noqa: S608 - our own names
        newest,
    )
    last = text(
        f"SELECT task_name, MAX(id), MAX(def_rev) FROM {ours} WHERE id > :newest GROUP BY task_name"  # noqa: S608 - our own names
    )
    changed = {name: (number, rev) for name, number, rev in connection.execute(last, newest)}
    restored = {row.task_name: row for row in load_all(connection) if row.task_name in changed}
    for name, (number, def_rev) in sorted(changed.items()):
        row = restored.get(name)
        if row is not None:
            row = msgspec.structs.replace(row, def_rev=def_rev + 1, updated_ms=now_ms)
            write_row(connection, row)
            remember(connection, row, who=BY, why=WHY, from_ms=max(now_ms, row.watermark_ms))
            continue
        gone = connection.execute(task_versions.select().where(task_versions.c.id == number)).one()
        values = {key: value for key, value in gone._mapping.items() if key != "id"}
        values |= {"changed_at": now_ms, "changed_by": BY, "why": WHY, "enabled": False}
        connection.execute(task_versions.insert(), values)


def _carry_holds(connection: Connection, old: str) -> None:
    """Whose history is held since; what was released meanwhile is held again."""
    names = _names(holds)
    connection.execute(
        text(
            f"INSERT INTO {holds.name} ({names}) SELECT {names} FROM {old} AS o "  # noqa: S608 - our own names
            f"WHERE NOT EXISTS (SELECT 1 FROM {holds.name} AS h WHERE h.task_name = o.task_name)"
        )
    )


def _names(table: Table) -> str:
    return ", ".join(f"`{column.name}`" for column in table.columns)
