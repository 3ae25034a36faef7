"""What a task's hour came to: counts, times and a histogram, kept with each ending."""

from collections.abc import Mapping
from typing import Any, Final

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


_VALUES = ("runs", "failures", "timed_runs", "sum_ms", "max_ms", "histogram")
_FIND = (
    select(*[rollups.c[name] for name in _VALUES])
    .where(rollups.c.task_name == bindparam("task"), rollups.c.hour_at == bindparam("hour"))
    .with_for_update()
)
_UPSERT_SQLITE = sqlite.insert(rollups)
_UPSERT_SQLITE = _UPSERT_SQLITE.on_conflict_do_update(
    index_elements=["task_name", "hour_at"],
    set_={name: _UPSERT_SQLITE.excluded[name] for name in _VALUES},
)
_UPSERT_MYSQL = mysql.insert(rollups)
_UPSERT_MYSQL = _UPSERT_MYSQL.on_duplicate_key_update(
    {name: _UPSERT_MYSQL.inserted[name] for name in _VALUES}
)
_TIMES = select(func.sum(rollups.c.sum_ms), func.sum(rollups.c.timed_runs)).where(
    rollups.c.task_name == bindparam("task"), rollups.c.hour_at > bindparam("after")
)
_SET_AVERAGE = (
    tasks.update()
    .where(tasks.c.task_name == bindparam("task"))
    .values(avg_duration_ms=bindparam("average"))
)


def add(connection: Connection, run: Run, *, has_next: bool = False) -> None:
    """Count one ending in its task's hour, and renew the task's average.

    A moment counts once, as its last attempt ended (`has_next`: this was not the last one); the
    times of all its attempts count.
    """
    told = outcome(run, has_next=has_next)
    took_ms = None if run.status in ("skipped", "missed") else run.duration_ms
    if run.ended_ms is None or (told is None and took_ms is None):
        return
    hour_ms = run.ended_ms - run.ended_ms % HOUR_MS
    row = connection.execute(_FIND, {"task": run.task_name, "hour": hour_ms}).first()
    values: dict[str, Any] = (
        dict.fromkeys(_VALUES, 0) | {"histogram": {}} if row is None else dict(row._mapping)
    )
    values["runs"] += told is not None
    values["failures"] += told == "bad"
    if took_ms is not None:
        values["timed_runs"] += 1
        values["sum_ms"] += took_ms
        values["max_ms"] = max(values["max_ms"], took_ms)
        number = str(bucket(took_ms))
        values["histogram"][number] = values["histogram"].get(number, 0) + 1
    is_sqlite = connection.dialect.name == "sqlite"
    connection.execute(
        _UPSERT_SQLITE if is_sqlite else _UPSERT_MYSQL,
        {"task_name": run.task_name, "hour_at": hour_ms, **values},
    )
    if took_ms is not None:
        _renew_average(connection, run.task_name, hour_ms)


def _renew_average(connection: Connection, task_name: str, hour_ms: int) -> None:
    after_ms = hour_ms - AVERAGE_OVER_HOURS * HOUR_MS
    sum_ms, timed = connection.execute(_TIMES, {"task": task_name, "after": after_ms}).one()
    connection.execute(_SET_AVERAGE, {"task": task_name, "average": int(sum_ms) // int(timed)})
