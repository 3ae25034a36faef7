"""What a task's hour came to: counts, times and a histogram, kept with each ending."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.dialects import mysql, sqlite

from agent.rules.outcomes import FAILURES, outcome
from agent.runs import Run
from schema.tables import rollups, tasks

__all__ = ["FAILURES"]

HOUR_MS: Final = 3_600_000
AVERAGE_OVER_HOURS: Final = 7 * 24
"""`avg_duration_ms` of a task is the mean over this many hours."""

# Durations below 16 ms have a bucket each; above, each doubling is cut into 8, so that a
# percentile read from the buckets is at most an eighth too high.
_EXACT = 16
_CUTS_BITS = 3


def bucket(duration_ms: int) -> int:
    """The number of the histogram bucket a duration falls into."""
    if duration_ms < _EXACT:
        return max(duration_ms, 0)
    shift = duration_ms.bit_length() - _CUTS_BITS - 1
    return _EXACT + ((shift - 1) << _CUTS_BITS) + ((duration_ms >> shift) & 7)


def bucket_top(number: int) -> int:
    """The longest duration in ms that falls into this bucket."""
    if number < _EXACT:
        return number
    octave, cut = divmod(number - _EXACT, 1 << _CUTS_BITS)
    shift = octave + 1
    return (((1 << _CUTS_BITS) + cut + 1) << shift) - 1


def percentile(histogram: Mapping[int, int], share: float, peak_ms: int) -> int | None:
    """The duration that this share of the runs did not exceed; None without runs."""
    total = sum(histogram.values())
    if not total:
        return None
    wanted = max(1, -(-total * share // 1))
    seen = 0
    for number in sorted(histogram):
        seen += histogram[number]
        if seen >= wanted:
            return min(bucket_top(number), peak_ms)
    return peak_ms


# How an ending counts, if it does, and the milliseconds that it took, if it ran.
_Counted: TypeAlias = tuple[str | None, int | None]

_VALUES = ("runs", "failures", "timed_runs", "sum_ms", "max_ms", "histogram")
_UPSERT_SQLITE = sqlite.insert(rollups)
_UPSERT_SQLITE = _UPSERT_SQLITE.on_conflict_do_update(
    index_elements=["task_name", "hour_at"],
    set_={name: _UPSERT_SQLITE.excluded[name] for name in _VALUES},
)
_UPSERT_MYSQL = mysql.insert(rollups)
_UPSERT_MYSQL = _UPSERT_MYSQL.on_duplicate_key_update(
    {name: _UPSERT_MYSQL.inserted[name] for name in _VALUES}
)
_SET_AVERAGE = (
    tasks.update()
    .where(tasks.c.task_name == bindparam("task"))
    .values(avg_duration_ms=bindparam("average"))
)


def add(connection: Connection, ends: Iterable[tuple[Run, bool]]) -> None:
    """Count each of these endings in its task's hour, and renew the averages of their tasks.

    A moment counts once, as its last attempt ended (True beside a run: this was not the last
    one); the times of all its attempts count.
    """
    by_hour: dict[int, dict[str, list[_Counted]]] = {}
    for run, has_next in ends:
        counted = _counted(run, has_next=has_next)
        if run.ended_ms is not None and counted is not None:
            hour = by_hour.setdefault(run.ended_ms - run.ended_ms % HOUR_MS, {})
            hour.setdefault(run.task_name, []).append(counted)
    for hour_ms, by_task in by_hour.items():
        rows = _hour(connection, hour_ms, by_task)
        for task_name, those in by_task.items():
            for one in those:
                _count(rows[task_name], one)
        is_sqlite = connection.dialect.name == "sqlite"
        connection.execute(
            _UPSERT_SQLITE if is_sqlite else _UPSERT_MYSQL,
            [{"task_name": name, "hour_at": hour_ms, **row} for name, row in rows.items()],
        )
        timed = [
            name
            for name, those in by_task.items()
            if any(took_ms is not None for _, took_ms in those)
        ]
        _renew_averages(connection, timed, hour_ms)


def _counted(run: Run, *, has_next: bool) -> _Counted | None:
    told = outcome(run, has_next=has_next)
    took_ms = None if run.status in ("skipped", "missed") else run.duration_ms
    return None if told is None and took_ms is None else (told, took_ms)


def _hour(connection: Connection, hour_ms: int, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The row of this hour of each of these tasks; all nothing for one that has none."""
    found = connection.execute(
        select(rollups.c.task_name, *[rollups.c[name] for name in _VALUES])
        .where(rollups.c.hour_at == hour_ms, rollups.c.task_name.in_(names))
        .with_for_update()
    )
    rows: dict[str, dict[str, Any]] = {
        name: dict.fromkeys(_VALUES, 0) | {"histogram": {}} for name in names
    }
    for row in found:
        name, *values = row
        rows[name] = dict(zip(_VALUES, values, strict=True))
    return rows


def _count(row: dict[str, Any], one: _Counted) -> None:
    told, took_ms = one
    row["runs"] += told is not None
    row["failures"] += told == "bad"
    if took_ms is not None:
        row["timed_runs"] += 1
        row["sum_ms"] += took_ms
        row["max_ms"] = max(row["max_ms"], took_ms)
        number = str(bucket(took_ms))
        row["histogram"][number] = row["histogram"].get(number, 0) + 1


def _renew_averages(connection: Connection, names: Sequence[str], hour_ms: int) -> None:
    if not names:
        return
    column = rollups.c
    times = connection.execute(
        select(column.task_name, func.sum(column.sum_ms), func.sum(column.timed_runs))
        .where(
            column.task_name.in_(names),
            column.hour_at > hour_ms - AVERAGE_OVER_HOURS * HOUR_MS,
        )
        .group_by(column.task_name)
    )
    averages = [
        {"task": name, "average": int(sum_ms) // int(timed)} for name, sum_ms, timed in times
    ]
    connection.execute(_SET_AVERAGE, averages)
