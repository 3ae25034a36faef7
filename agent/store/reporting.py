"""What does a report count: endings by hour, slow and failing tasks, missed moments, alerts?"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, Text, bindparam, func, or_, select, type_coerce

from agent.store.rollups import DAY_MS, HOUR_MS, percentile
from agent.ulid import first_ulid
from schema.tables import alerts, executions, rollup_totals, rollups

USUAL_DAYS: Final = 28
_LONGEST_ALERT_DAYS: Final = 365
_read_histogram = msgspec.json.Decoder(dict[str, int]).decode


def _walking(query: Any) -> Any:
    """Left alone MariaDB may walk whole rows."""
    for dialect in ("mysql", "mariadb"):
        query = query.with_hint(
            executions, f"FORCE INDEX (ix_{executions.name}_status_id)", dialect
        )
    return query


# Asked some hundred times: to build it takes longer than to answer it.
_COUNT: Final[Select[Any]] = _walking(
    select(func.count())
    .select_from(executions)
    .where(
        executions.c.status == bindparam("ending"),
        executions.c.id >= bindparam("first"),
        executions.c.id < bindparam("after"),
    )
)


class TaskSums(msgspec.Struct, frozen=True, kw_only=True):
    """What the ends of one task within a span come to."""

    task_name: str
    runs: int
    failures: int
    avg_ms: int
    peak_ms: int


def endings(
    connection: Connection, statuses: Sequence[str], *, hours_ms: Sequence[int], to_ms: int
) -> tuple[dict[str, int], ...]:
    """For each of these hours, how many rows that were made in it have which ending.

    The hours are in order, and the last one ends at `to_ms`.
    """
    ends_ms = [*hours_ms[1:], to_ms]
    counted: list[dict[str, int]] = [{} for _ in hours_ms]
    for status in statuses:
        # Counted in an index, a small range at a time: no row is read.
        for place, (from_ms, until_ms) in enumerate(zip(hours_ms, ends_ms, strict=True)):
            if number := count(connection, (status,), from_ms=from_ms, to_ms=until_ms):
                counted[place][status] = number
    return tuple(counted)


def count(connection: Connection, statuses: Iterable[str], *, from_ms: int, to_ms: int) -> int:
    """How many rows that were made within [from, to) have one of these endings."""
    span = {"first": first_ulid(from_ms), "after": first_ulid(to_ms)}
    return sum(connection.scalar(_COUNT, span | {"ending": one}) or 0 for one in statuses)


def slowest(
    connection: Connection, *, from_ms: int, to_ms: int, limit: int
) -> tuple[TaskSums, ...]:
    """The tasks that took longest on average in the hours that the span touches, slowest first."""
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
        .having(timed > 0)
        .order_by((spent / timed).desc(), column.task_name)
        .limit(limit)
    )
    return tuple(
        TaskSums(
            task_name=name,
            runs=int(runs),
            failures=int(failures),
            avg_ms=int(sum_ms) // int(timed_runs),
            peak_ms=int(peak_ms),
        )
        for name, runs, failures, timed_runs, sum_ms, peak_ms in rows
    )


def usual_before(connection: Connection, names: Sequence[str], *, before_ms: int) -> dict[str, int]:
    """The median of each of these tasks over the four weeks before; of some nothing is known."""
    column = rollup_totals.c
    day_ms = before_ms - before_ms % DAY_MS
    rows = connection.execute(
        select(column.task_name, type_coerce(column.histogram, Text), column.max_ms).where(
            column.task_name.in_(names),
            column.step_hours == 24,
            column.begins_at >= day_ms - USUAL_DAYS * DAY_MS,
            column.begins_at < day_ms,
        )
    )
    found: dict[str, dict[int, int]] = {}
    peaks: dict[str, int] = {}
    for name, histogram, max_ms in rows:
        counts = found.setdefault(name, {})
        for number, times in _read_histogram(histogram).items():
            counts[int(number)] = counts.get(int(number), 0) + times
        peaks[name] = max(peaks.get(name, 0), max_ms)
    medians = {name: percentile(counts, 0.5, peaks[name]) for name, counts in found.items()}
    return {name: median for name, median in medians.items() if median is not None}


def failing(
    connection: Connection, statuses: Iterable[str], *, from_ms: int, to_ms: int, limit: int
) -> list[tuple[str, str, int, int]]:
    """Task, ending, how often, and when last; the most first."""
    column = executions.c
    found: list[tuple[str, str, int, int]] = []
    for status in statuses:
        query = (
            select(
                column.task_name,
                func.count(),
                func.max(func.coalesce(column.ended_at, column.queued_at)),
            )
            .where(*_made_within(status, from_ms, to_ms))
            .group_by(column.task_name)
            .order_by(func.count().desc(), column.task_name)
            .limit(limit)
        )
        found += [
            (name, status, number, last_ms)
            for name, number, last_ms in connection.execute(_walking(query))
        ]
    return sorted(found, key=lambda one: (-one[2], one[0], one[1]))[:limit]


def missed(connection: Connection, *, from_ms: int, to_ms: int, limit: int) -> Sequence[Row[Any]]:
    """Task, reason, first and last moment and count of each row of moments missed in the span.

    A row may begin before the span, and end after it. Rows are made after their moments.
    """
    column = executions.c
    last_at = func.coalesce(column.missed_until, column.scheduled_at)
    query = (
        select(
            column.task_name,
            func.coalesce(column.reason, "").label("cause"),
            column.scheduled_at.label("first_ms"),
            last_at.label("last_ms"),
            column.missed_count.label("count_"),
        )
        .where(
            column.status == "missed",
            column.id >= first_ulid(from_ms),
            column.scheduled_at < to_ms,
            last_at >= from_ms,
        )
        .order_by(column.id)
        .limit(limit)
    )
    return connection.execute(_walking(query)).all()


def count_alerts(connection: Connection, *, from_ms: int, to_ms: int) -> tuple[int, int, int]:
    """How many were opened within [from, to), how many resolved, and how many are open now."""
    wanted = (_came(from_ms, to_ms), _went(from_ms, to_ms), alerts.c.status != "resolved")
    counts = [
        connection.scalar(select(func.count()).select_from(alerts).where(which)) or 0
        for which in wanted
    ]
    return counts[0], counts[1], counts[2]


def alerts_of(
    connection: Connection, *, from_ms: int, to_ms: int, limit: int
) -> Sequence[Row[Any]]:
    """Those that are open now, then those opened or resolved within [from, to), newest first."""
    column = alerts.c
    is_open = column.status != "resolved"
    all_ = select(
        column.id,
        column.kind,
        column.severity,
        column.status,
        column.title,
        column.task_name,
        column.occurrences,
        column.opened_at.label("opened_ms"),
        column.resolved_at.label("resolved_ms"),
    ).order_by(column.id.desc())
    found: list[Row[Any]] = list(connection.execute(all_.where(is_open).limit(limit)))
    over = all_.where(~is_open, or_(_came(from_ms, to_ms), _went(from_ms, to_ms)))
    return [*found, *connection.execute(over.limit(limit - len(found)))]


def _came(from_ms: int, to_ms: int) -> Any:
    return (alerts.c.id >= first_ulid(from_ms)) & (alerts.c.id < first_ulid(to_ms))


def _went(from_ms: int, to_ms: int) -> Any:
    earliest_ms = max(0, from_ms - _LONGEST_ALERT_DAYS * DAY_MS)
    return (
        (alerts.c.id >= first_ulid(earliest_ms))
        & (alerts.c.id < first_ulid(to_ms))
        & (alerts.c.resolved_at >= from_ms)
        & (alerts.c.resolved_at < to_ms)
    )


def _made_within(status: str, from_ms: int, to_ms: int) -> tuple[Any, ...]:
    column = executions.c
    return (
        column.status == status,
        column.id >= first_ulid(from_ms),
        column.id < first_ulid(to_ms),
    )
