"""How the database is kept small and sound: cleanup, upkeep, integrity."""

from typing import Final

import msgspec
from sqlalchemy import Connection, func, select, text

from agent.runs import ENDINGS
from agent.store.rollups import FAILURES
from schema.migrate import VERSIONS
from schema.tables import (
    audit,
    executions,
    health_checks,
    invites,
    metadata,
    metrics,
    ops,
    rollups,
    run_samples,
    tasks,
)

SCHEMA_VERSION: Final = VERSIONS[-1]
SLICE: Final = 500
"""Rows deleted at once: between two slices every other write has its turn."""
DAY_MS: Final = 86_400_000
_VACUUM_PAGES = 1_000


class Ages(msgspec.Struct, frozen=True, kw_only=True):
    """How many days each kind of row is kept, and how many runs of a task in any case."""

    success_days: int = 90
    failure_days: int = 365
    keep_runs: int = 20
    rollup_days: int = 730
    metric_days: int = 30
    check_days: int = 30
    audit_days: int = 730
    op_days: int = 7
    invite_days: int = 30


def delete_slice(connection: Connection, ages: Ages, *, now_ms: int) -> int:
    """Delete up to 500 rows that are too old; how many. Call again until it says 0.

    A run that has not ended stays whatever its age, and so do the newest runs of each task.
    """
    deleted = _delete_runs(connection, ages, now_ms)
    for table, name, days in (
        (rollups, "hour_at", ages.rollup_days),
        (metrics, "recorded_at", ages.metric_days),
        (run_samples, "sampled_at", ages.metric_days),
        (health_checks, "checked_at", ages.check_days),
        (audit, "recorded_at", ages.audit_days),
        (ops, "created_at", ages.op_days),
        (invites, "expires_at", ages.invite_days),
    ):
        room = SLICE - deleted
        if room <= 0:
            break
        keys = list(table.primary_key.columns)
        is_old = table.c[name] < now_ms - days * DAY_MS
        for row in connection.execute(select(*keys).where(is_old).limit(room)).all():
            is_row = [key == value for key, value in zip(keys, row, strict=True)]
            connection.execute(table.delete().where(*is_row))
            deleted += 1
    return deleted


def maintain(connection: Connection) -> int:
    """Renew what the planner knows and give up to 1 000 free pages back; how many are left.

    InnoDB does both by itself.
    """
    if connection.dialect.name != "sqlite":
        return 0
    connection.exec_driver_sql("PRAGMA optimize = 0x10002")  # also tables never analysed
    free = int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())
    # The driver takes one step a call, and a step frees one page.
    for _ in range(min(free, _VACUUM_PAGES)):
        connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")
    return max(free - _VACUUM_PAGES, 0)


def problems(connection: Connection) -> tuple[str, ...]:
    """What is wrong inside the file; nothing when it is sound. Reads all of it."""
    if connection.dialect.name != "sqlite":
        return ()
    said = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    return () if said == ["ok"] else tuple(said)


def size_bytes(connection: Connection) -> int:
    """How much room the data takes."""
    if connection.dialect.name == "sqlite":
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
    return int(
        connection.scalar(
            text(
                "SELECT SUM(data_length + index_length) FROM information_schema.tables "
                "WHERE table_schema = DATABASE()"
            )
        )
        or 0
    )


def count_rows(connection: Connection) -> dict[str, int]:
    """How many rows each table has."""
    return {
        name: connection.scalar(select(func.count()).select_from(table)) or 0
        for name, table in sorted(metadata.tables.items())
    }


def _delete_runs(connection: Connection, ages: Ages, now_ms: int) -> int:
    column = executions.c
    old_failure = column.status.in_(sorted(FAILURES)) & (
        column.queued_at < now_ms - ages.failure_days * DAY_MS
    )
    old_other = column.status.in_(sorted(set(ENDINGS) - FAILURES)) & (
        column.queued_at < now_ms - ages.success_days * DAY_MS
    )
    deleted = 0
    for name in connection.scalars(select(tasks.c.task_name).order_by(tasks.c.task_name)).all():
        of_task = select(column.id).where(column.task_name == name)
        newest = connection.scalars(
            of_task.order_by(column.id.desc()).limit(max(ages.keep_runs, 1))
        ).all()
        if not newest:
            continue
        old = connection.scalars(
            of_task.where(column.id < newest[-1], old_failure | old_other)
            .order_by(column.id)
            .limit(SLICE - deleted)
        ).all()
        if old:
            connection.execute(executions.delete().where(column.id.in_(old)))
        deleted += len(old)
        if deleted >= SLICE:
            break
    return deleted
