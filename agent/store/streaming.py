"""How do runs, statistics and audit rows leave the database without being held in memory?"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Table, and_, or_, select

from agent.clock import iso
from agent.store.database import Database
from agent.store.rollups import percentile
from schema.columns import Instant
from schema.tables import audit, executions, rollups

PAGE: Final = 1_000
"""Rows read at once, each page in a moment of its own: whoever reads slowly holds up nobody."""
_OUTPUT: Final = ("output_tail", "stack_trace", "frames")
_SHARES: Final = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}

Cell = str | int | float | dict[str, Any] | None
Page = Callable[[Connection], Sequence[Any]]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows: of when (from <= moment < to), and of which task."""

    from_ms: int | None = None
    to_ms: int | None = None
    task_name: str | None = None
    with_output: bool = False


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the cells, and a way through all rows, oldest first."""

    columns: tuple[str, ...]
    rows: Iterator[dict[str, Cell]]


def runs(database: Database, wanted: Wanted) -> Stream:
    """Runs by the moment they were due; what they wrote only where that is wanted."""
    left_out = () if wanted.with_output else _OUTPUT
    columns = [column for column in executions.columns if column.name not in left_out]
    of_task = executions.c.task_name == wanted.task_name if wanted.task_name else None
    keys = (executions.c.scheduled_at, executions.c.id)
    return _stream(database, executions, columns, keys, wanted, of_task)


def statistics(database: Database, wanted: Wanted) -> Stream:
    """Counts, times and percentiles of each task and hour."""
    of_task = rollups.c.task_name == wanted.task_name if wanted.task_name else None
    keys = (rollups.c.hour_at, rollups.c.task_name)
    found = _stream(database, rollups, list(rollups.columns), keys, wanted, of_task)
    plain = tuple(name for name in found.columns if name != "histogram")
    return Stream(columns=(*plain, "avg_ms", *_SHARES), rows=map(_with_percentiles, found.rows))


def audit_rows(database: Database, wanted: Wanted) -> Stream:
    """Who asked for what; with the digests, so that a copy elsewhere can prove the chain."""
    about = audit.c.target == wanted.task_name if wanted.task_name else None
    return _stream(database, audit, list(audit.columns), (audit.c.id,), wanted, about)


STREAMS: Final[dict[str, Callable[[Database, Wanted], Stream]]] = {
    "audit": audit_rows,
    "runs": runs,
    "stats": statistics,
}
_MOMENTS: Final[dict[Table, Column[Any]]] = {
    audit: audit.c.recorded_at,
    executions: executions.c.scheduled_at,
    rollups: rollups.c.hour_at,
}


def _stream(
    database: Database,
    table: Table,
    columns: list[Column[Any]],
    keys: tuple[Column[Any], ...],
    wanted: Wanted,
    only: ColumnElement[bool] | None,
) -> Stream:
    bounds = [] if only is None else [only]
    if wanted.from_ms is not None:
        bounds.append(_MOMENTS[table] >= wanted.from_ms)
    if wanted.to_ms is not None:
        bounds.append(_MOMENTS[table] < wanted.to_ms)
    query = select(*columns).where(*bounds).order_by(*keys).limit(PAGE)
    places = [columns.index(key) for key in keys]
    moments = [isinstance(column.type, Instant) for column in columns]
    names = [column.name for column in columns]

    def each() -> Iterator[dict[str, Cell]]:
        after: ColumnElement[bool] | None = None
        while True:
            page = query if after is None else query.where(after)
            rows = database.read_now(lambda connection, page=page: connection.execute(page).all())  # type: ignore[misc]
            for row in rows:
                yield {
                    name: _cell(value, is_moment=is_moment)
                    for name, value, is_moment in zip(names, row, moments, strict=True)
                }
            if len(rows) < PAGE:
                return
            after = _behind(keys, [rows[-1][place] for place in places])

    return Stream(columns=tuple(names), rows=each())


def _behind(keys: tuple[Column[Any], ...], last: list[Any]) -> ColumnElement[bool]:
    """Everything that stands behind this row; said so that the index of the first key is used."""
    if len(keys) == 1:
        return and_(keys[0] > last[0])
    return and_(
        keys[0] >= last[0], or_(keys[0] > last[0], and_(keys[0] == last[0], keys[1] > last[1]))
    )


def _cell(value: Any, *, is_moment: bool) -> Any:
    return iso(value) if is_moment and value is not None else value


def _with_percentiles(row: dict[str, Any]) -> dict[str, Cell]:
    histogram = {int(bucket): count for bucket, count in (row.pop("histogram") or {}).items()}
    timed = row["timed_runs"]
    row["avg_ms"] = round(row["sum_ms"] / timed) if timed else None
    for name, share in _SHARES.items():
        row[name] = percentile(histogram, share, row["max_ms"])
    return row
