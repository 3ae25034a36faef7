"""Which rows are too old to stay, and how do they go without holding anybody up?"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, and_, func, select

from agent.runs import ENDINGS
from agent.settings import Retention
from agent.store import audit as audits
from agent.store import holds, state
from agent.store.database import Database
from agent.store.rollups import FAILURES
from agent.ulid import first_ulid
from schema.tables import (
    alert_mutes,
    alert_notes,
    alerts,
    audit,
    events,
    executions,
    health_checks,
    invites,
    ops,
    outbox,
    rollup_totals,
    rollups,
    run_samples,
)
from schema.tables import holds as held_tasks

DAY_MS: Final = 86_400_000
_GONE_BEFORE: Final = "runs_gone_before_ms"
MOST_AT_ONCE: Final = 500
"""Rows deleted in one slice at most: between two slices every other write has its turn."""
FIRST_SLICE: Final = 50
GOAL_MS: Final = 10.0
"""So long a slice should take; the next one is made smaller or larger accordingly."""
_FOUND_AT_ONCE: Final = 5_000
_SAMPLED_ROWS: Final = 100


class Slice(msgspec.Struct, frozen=True):
    """Rows of one kind that may go, by their keys."""

    kind: str
    table: str
    keys: tuple[tuple[Any, ...], ...]


class Cleaned(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of each kind went, in how many slices, the longest of which took so long."""

    rows: dict[str, int]
    slices: int
    longest_ms: float


class Outdated(msgspec.Struct, frozen=True, kw_only=True):
    """What a cleanup would remove of one kind; the bytes are an estimate."""

    kind: str
    rows: int
    about_bytes: int


# kind, table, column of its age, which field of the settings says how old it may become
_PLAIN: Final = (
    ("rollups", rollups, "hour_at", "rollup_days"),
    ("totals", rollup_totals, "begins_at", "rollup_days"),
    ("samples", run_samples, "sampled_at", "sample_days"),
    ("checks", health_checks, "checked_at", "check_days"),
    ("alerts", alerts, "resolved_at", "alert_days"),
    ("alert notes", alert_notes, "noted_at", "alert_days"),
    ("alert mutes", alert_mutes, "to_at", "alert_days"),
    ("messages", outbox, "created_at", "alert_days"),
    ("events", events, "happened_at", "event_days"),
    ("commands", ops, "created_at", "op_days"),
    ("invites", invites, "expires_at", "invite_days"),
)
_TABLES: Final = {table.name: table for table in (executions, audit, *(row[1] for row in _PLAIN))}


def clean(
    database: Database,
    ages: Retention,
    *,
    now_ms: int,
    pause: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Cleaned:
    """Remove everything that is too old, slice by slice, with a pause as long as each slice.

    A run that has not ended stays whatever its age, and so do the newest runs of each task and
    all of a task that is held.
    """
    gone: Counter[str] = Counter()
    slices, longest_s, size = 0, 0.0, FIRST_SLICE
    before_ms = now_ms - ages.audit_days * DAY_MS
    database.write_now(partial(_remember, ages=ages, now_ms=now_ms))
    removable = database.write_now(
        partial(audits.announce_removal, before_ms=before_ms, now_ms=now_ms)
    )
    while found := database.read_now(
        partial(_find_some, ages=ages, now_ms=now_ms, audit_to=removable)
    ):
        removed = 0
        for one in found:
            keys = list(one.keys)
            while keys:
                part, keys = keys[:size], keys[size:]
                began_s = clock()
                count = database.write_now(
                    partial(_delete, kind=one.kind, table=one.table, keys=part)
                )
                took_s = clock() - began_s
                removed += count
                gone[one.kind] += count
                slices, longest_s = slices + 1, max(longest_s, took_s)
                size = _next_size(size, took_s * 1000)
                pause(took_s)
        if not removed:
            break  # what was found is held meanwhile, or somebody else has removed it
    return Cleaned(
        rows={kind: count for kind, count in sorted(gone.items()) if count},
        slices=slices,
        longest_ms=round(longest_s * 1000, 1),
    )


def whole_since(connection: Connection, ages: Retention, *, now_ms: int) -> int:
    """From when on the runs of all tasks are still there, as far as cleanups go."""
    # Ages may have been shorter once, or for one cleanup.
    gone_ms = state.number(connection, _GONE_BEFORE) or 0
    return max(gone_ms, now_ms - ages.shortest_run_days * DAY_MS)


def _remember(connection: Connection, ages: Retention, *, now_ms: int) -> None:
    """Put down how far back runs go, before the first of them."""
    to_ms = whole_since(connection, ages, now_ms=now_ms)
    state.put(connection, _GONE_BEFORE, str(to_ms), now_ms=now_ms)


def outdated(connection: Connection, ages: Retention, *, now_ms: int) -> list[Outdated]:
    """How many rows of each kind `clean` would remove now."""
    found: list[Outdated] = []
    runs: Counter[str] = Counter()
    for name, newest in _tasks_with_runs(connection, ages):
        for kind, is_old in _old_runs(ages, name, newest, now_ms).items():
            runs[kind] += connection.scalar(select(func.count()).where(is_old)) or 0
    counts = [(kind, executions, count) for kind, count in sorted(runs.items())]
    counts += [
        (
            kind,
            table,
            connection.scalar(select(func.count()).where(_is_old(table, name, days))) or 0,
        )
        for kind, table, name, days in _plain_bounds(ages, now_ms)
    ]
    before_ms = now_ms - ages.audit_days * DAY_MS
    old_audit = select(func.count()).where(audit.c.recorded_at < before_ms)
    counts.append(("audit", audit, connection.scalar(old_audit) or 0))
    for kind, table, count in counts:
        if count:
            size = round(count * _row_bytes(connection, table))
            found.append(Outdated(kind=kind, rows=count, about_bytes=size))
    return found


def _find_some(
    connection: Connection, ages: Retention, *, now_ms: int, audit_to: int
) -> list[Slice]:
    """Up to some thousand rows that may go; none when there are none left."""
    found: list[Slice] = []
    room = _FOUND_AT_ONCE
    for one in _find(connection, ages, now_ms, audit_to):
        keys = one.keys[:room]
        found.append(Slice(one.kind, one.table, keys))
        room -= len(keys)
        if room <= 0:
            break
    return found


def _find(connection: Connection, ages: Retention, now_ms: int, audit_to: int) -> Iterator[Slice]:
    for name, newest in _tasks_with_runs(connection, ages):
        for kind, is_old in _old_runs(ages, name, newest, now_ms).items():
            yield from _some(connection, kind, executions, is_old)
    for kind, table, name, before_ms in _plain_bounds(ages, now_ms):
        yield from _some(connection, kind, table, _is_old(table, name, before_ms))
    if audit_to:
        # From the beginning on, so that what a break leaves is still a chain.
        yield from _some(connection, "audit", audit, audit.c.chain_number <= audit_to)
    is_unchained = audit.c.chain_number.is_(None) & (
        audit.c.recorded_at < now_ms - ages.audit_days * DAY_MS
    )
    yield from _some(connection, "audit", audit, is_unchained)


def _some(
    connection: Connection, kind: str, table: Table, is_old: ColumnElement[bool]
) -> Iterator[Slice]:
    keys = list(table.primary_key.columns)
    rows = connection.execute(
        select(*keys).where(is_old).order_by(*keys).limit(_FOUND_AT_ONCE)
    ).all()
    if rows:
        yield Slice(kind, table.name, tuple(tuple(row) for row in rows))


def _tasks_with_runs(connection: Connection, ages: Retention) -> Iterator[tuple[str, str]]:
    """Each task that is not held, also those that are no more, and the oldest run it keeps."""
    held = holds.held(connection)
    column = executions.c
    # One step along the index for each task; DISTINCT would read all of it.
    name = connection.scalar(select(func.min(column.task_name)))
    while name is not None:
        if name not in held:
            keep = max(ages.of_task(name).keep_runs, 1)
            newest = connection.scalar(
                select(column.id)
                .where(column.task_name == name)
                .order_by(column.id.desc())
                .offset(keep - 1)  # a few, not a page of history
                .limit(1)
            )
            if newest is not None:
                yield name, newest
        name = connection.scalar(select(func.min(column.task_name)).where(column.task_name > name))


def _old_runs(
    ages: Retention, name: str, newest: str, now_ms: int
) -> dict[str, ColumnElement[bool]]:
    """By kind: the ended runs of a task that are too old; an id tells when its row was made."""
    of_task = ages.of_task(name)
    column = executions.c

    def older(statuses: frozenset[str], days: int) -> ColumnElement[bool]:
        before_ms = now_ms - days * DAY_MS
        return and_(
            column.task_name == name,
            column.id < min(newest, first_ulid(before_ms)),
            column.status.in_(sorted(statuses)),
        )

    return {
        "failures": older(frozenset(FAILURES), of_task.failure_days),
        "successes": older(frozenset(ENDINGS) - FAILURES, of_task.success_days),
    }


def _plain_bounds(ages: Retention, now_ms: int) -> Iterator[tuple[str, Table, str, int]]:
    for kind, table, name, days in _PLAIN:
        yield kind, table, name, now_ms - getattr(ages, days) * DAY_MS


def _is_old(table: Table, name: str, before_ms: int) -> ColumnElement[bool]:
    return and_(table.c[name] < before_ms)


def _delete(
    connection: Connection, *, kind: str, table: str, keys: Sequence[tuple[Any, ...]]
) -> int:
    """Remove these rows; how many were still there and may go."""
    found = _TABLES[table]
    columns = list(found.primary_key.columns)
    if len(columns) > 1:
        return sum(
            connection.execute(
                found.delete().where(*(c == v for c, v in zip(columns, key, strict=True)))
            ).rowcount
            for key in keys
        )
    gone = found.delete().where(columns[0].in_([key[0] for key in keys]))
    if found is executions:
        # Somebody may have held it since it was found.
        gone = gone.where(executions.c.task_name.not_in(select(held_tasks.c.task_name)))
    return connection.execute(gone).rowcount


def _next_size(size: int, took_ms: float) -> int:
    if took_ms > GOAL_MS:
        return max(size // 2, 1)
    return min(size * 2, MOST_AT_ONCE) if took_ms < GOAL_MS / 2 else size


def _row_bytes(connection: Connection, table: Table) -> float:
    """What a row takes, by the looks of some."""
    rows = connection.execute(select(table).limit(_SAMPLED_ROWS)).all()
    if not rows:
        return 0.0
    return sum(len(str(value)) for row in rows for value in row if value is not None) / len(rows)
