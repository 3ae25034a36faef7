"""How many runs ended how in each hour, how did each task do, which alerts came and went?"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, func, or_, select

from agent.store.rollups import HOUR_MS
from agent.ulid import first_ulid
from schema.tables import alerts, executions, rollups

_DAYS_BACK_MS: Final = 90 * 86_400_000


class TaskSums(msgspec.Struct, frozen=True, kw_only=True):
    """What the ends of one task within a span come to."""

    task_name: str
    runs: int
    failures: int
    avg_ms: int | None
    peak_ms: int | None


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """An alert, as far as a report tells it."""

    id: str
    severity: str
    title: str
    opened_ms: int
    resolved_ms: int | None


class Troubles(msgspec.Struct, frozen=True, kw_only=True):
    """How many alerts came and went within a span, and the newest of them."""

    opened: int
    resolved: int
    newest: tuple[Trouble, ...]


def endings(
    connection: Connection, statuses: Sequence[str], *, from_ms: int, to_ms: int
) -> list[tuple[int, dict[str, int]]]:
    """Each hour of [from, to) and how many runs queued in it have which ending.

    A row that stands for many missed moments counts as many.
    """
    # Counted in an index, a small range at a time: no row is read but those that were missed.
    column = executions.c
    found: list[tuple[int, dict[str, int]]] = []
    for at_ms in range(from_ms, to_ms, HOUR_MS):
        within = (
            column.id >= first_ulid(at_ms),
            column.id < first_ulid(min(at_ms + HOUR_MS, to_ms)),
        )
        counted: dict[str, int] = {}
        for status in statuses:
            what = func.sum(column.missed_count) if status == "missed" else func.count()
            number = connection.scalar(
                select(what).select_from(executions).where(column.status == status, *within)
            )
            if number:
                counted[status] = int(number)
        found.append((at_ms, counted))
    return found


def of_tasks(
    connection: Connection, *, from_ms: int, to_ms: int, limit: int
) -> tuple[TaskSums, ...]:
    """How each task did in the whole hours that the span touches, the slowest on average first."""
    column = rollups.c
    timed, spent = func.sum(column.timed_runs), func.sum(column.sum_ms)
    rows = connection.execute(
        select(
            column.task_name,
            func.sum(column.runs),
            func.sum(column.failures),
            timed,
            spent,
            func.max(column.max_ms),
        )
        .where(column.hour_at >= from_ms - from_ms % HOUR_MS, column.hour_at < to_ms)
        .group_by(column.task_name)
        .order_by((spent / func.nullif(timed, 0)).desc(), column.task_name)
        .limit(limit)
    )
    return tuple(
        TaskSums(
            task_name=name,
            runs=int(runs),
            failures=int(failures),
            avg_ms=round(int(sum_ms) / int(timed_runs)) if timed_runs else None,
            peak_ms=int(peak_ms) if timed_runs else None,
        )
        for name, runs, failures, timed_runs, sum_ms, peak_ms in rows
    )


def troubles(connection: Connection, *, from_ms: int, to_ms: int, limit: int) -> Troubles:
    """The alerts that were opened within [from, to), or resolved after 90 days at most."""
    column = alerts.c
    came = (column.id >= first_ulid(from_ms)) & (column.id < first_ulid(to_ms))
    went = (
        (column.id >= first_ulid(from_ms - _DAYS_BACK_MS))
        & (column.id < first_ulid(to_ms))
        & (column.resolved_at >= from_ms)
        & (column.resolved_at < to_ms)
    )
    opened, resolved = (
        connection.scalar(select(func.count()).select_from(alerts).where(which)) or 0
        for which in (came, went)
    )
    newest = connection.execute(
        select(
            column.id,
            column.severity,
            column.title,
            column.opened_at.label("opened_ms"),
            column.resolved_at.label("resolved_ms"),
        )
        .where(or_(came, went))
        .order_by(column.id.desc())
        .limit(limit)
    )
    return Troubles(
        opened=opened, resolved=resolved, newest=tuple(Trouble(**row._mapping) for row in newest)
    )
