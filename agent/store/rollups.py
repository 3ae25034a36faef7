"""What a task's hour came to: counts, times and a histogram, kept with each ending."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import add as add_up
from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, func, select

from agent.rules.outcomes import FAILURES, outcome
from agent.runs import Run
from agent.store.prepared import Among
from schema.columns import Instant
from schema.tables import rollup_totals, rollups, tasks

__all__ = ["FAILURES"]

HOUR_MS: Final = 3_600_000
_DAY_HOURS: Final = 24
DAY_MS: Final = _DAY_HOURS * HOUR_MS
LONGEST_RUN_MS: Final = 32 * DAY_MS
"""Runs are looked for from so long before a span on: nothing knows when a row ended but itself."""
ALL_TASKS: Final = ""
"""The name under which all tasks together are counted."""
AVERAGE_OVER_HOURS: Final = 7 * 24
"""Averages are over this many hours; `avg_duration_ms` of a task over as many whole days."""

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


SUMS: Final = (
    "runs",
    "failures",
    "timed_runs",
    "sum_ms",
    "retries",
    "used_runs",
    "sum_cpu_ms",
    "sum_rss",
)
PEAKS: Final = ("max_ms", "max_rss")
COUNTS: Final = (*SUMS, *PEAKS)

_OF_DAYS: Final = (
    rollup_totals.c.task_name == tasks.c.task_name,
    rollup_totals.c.step_hours == bindparam("day_hours"),
    rollup_totals.c.begins_at > bindparam("since"),
)
_RENEW_AVERAGES: Final = Among(
    tasks.c.task_name,
    tasks.update().values(
        avg_duration_ms=select(
            func.sum(rollup_totals.c.sum_ms) // func.sum(rollup_totals.c.timed_runs)
        )
        .where(*_OF_DAYS)
        .scalar_subquery()
    ),
    names=["since", "day_hours"],
)

# What one ending adds to each of COUNTS, and the bucket of its duration.
_Counted = tuple[tuple[int, ...], int | None]
# Task, hour, bucket, what they add to each of COUNTS, how many ends these are.
_Ends = tuple[str, int, int | None, tuple[int, ...], int]


def add(connection: Connection, ends: Iterable[tuple[Run, bool]]) -> None:
    """Count each of these endings in its task's hour, and renew the averages of their tasks.

    A moment counts once, as its last attempt ended (True beside a run: this was not the last
    one); the times of all its attempts count. The same is added to the task's day and to the hour
    and day of all tasks, so that what is asked of years need not add up hours.
    """
    hours: list[tuple[str, int, _Counted]] = []
    for run, has_next in ends:
        counted = count(run, has_next=has_next)
        if run.ended_ms is not None and counted is not None:
            hours.append((run.task_name, run.ended_ms - run.ended_ms % HOUR_MS, counted))
    if not hours:
        return
    put(connection, hours)
    newest = {name: hour_ms for name, hour_ms, (counts, _) in hours if counts[2]}
    names_of: dict[int, list[str]] = {}
    for name, hour_ms in sorted(newest.items()):
        since_ms = hour_ms - hour_ms % DAY_MS - AVERAGE_OVER_HOURS * HOUR_MS
        names_of.setdefault(since_ms, []).append(name)
    for since_ms, names in names_of.items():
        _RENEW_AVERAGES.execute(connection, names, since_ms, _DAY_HOURS)


def put(connection: Connection, hours: Iterable[tuple[str, int, _Counted]]) -> None:
    """Add these counts to the rows of their tasks and hours, and to the totals."""
    instant = _instants(connection)
    is_told_places = connection.dialect.name == "sqlite"
    of_hours: list[tuple[Any, ...]] = []
    of_totals: list[tuple[Any, ...]] = []
    # All tasks share a row: it is written once for all of the same length, not once for each.
    of_tasks = _summed((name, at_ms, bucket, each, 1) for name, at_ms, (each, bucket) in hours)
    of_all = _summed((ALL_TASKS, *end[1:]) for end in of_tasks)
    for name, hour_ms, number, counts, times in (*of_tasks, *of_all):
        what: tuple[Any, ...] = (*counts, "{}" if number is None else f'{{"{number}":{times}}}')
        if is_told_places:
            what = (*what, f"$.{number}", times)
        hour, day = instant(hour_ms), instant(hour_ms - hour_ms % DAY_MS)
        if name == ALL_TASKS:
            of_totals.append((name, 1, hour, *what))
        else:
            of_hours.append((name, hour, *what))
        of_totals.append((name, 24, day, *what))
    for table, rows in ((rollups, of_hours), (rollup_totals, of_totals)):
        # SQLAlchemy's own statements take longer to prepare than these do to be carried out.
        connection.exec_driver_sql(_upsert(table, connection.dialect.name), rows)


def _summed(ends: Iterable[_Ends]) -> list[_Ends]:
    """Those of the same task and hour whose durations fall into the same bucket as one."""
    found: dict[tuple[str, int, int | None], _Ends] = {}
    for each in ends:
        key = each[:3]
        so_far = found.get(key)
        found[key] = (
            each if so_far is None else (*key, _joined(so_far[3], each[3]), so_far[4] + each[4])
        )
    return list(found.values())


def _joined(some: tuple[int, ...], more: tuple[int, ...]) -> tuple[int, ...]:
    sums = len(SUMS)
    return (*map(add_up, some[:sums], more), *map(max, some[sums:], more[sums:]))


def count(run: Run, *, has_next: bool) -> _Counted | None:
    """What an ending adds; None when it says nothing of how its task is doing."""
    told = outcome(run, has_next=has_next)
    if run.status == "aborted" and told != "bad":
        # Somebody stopped it: neither did it come to good, nor did it take its usual time.
        return None
    took_ms = None if run.status in ("skipped", "missed") else run.duration_ms
    if told is None and took_ms is None:
        return None
    is_used = took_ms is not None and (run.cpu_ms is not None or run.peak_rss is not None)
    cpu_ms, rss = (run.cpu_ms or 0, run.peak_rss or 0) if is_used else (0, 0)
    is_timed = took_ms is not None
    spent_ms = took_ms or 0
    return (
        (
            int(told is not None),
            int(told == "bad"),
            int(is_timed),
            spent_ms,
            int(is_timed and run.trigger == "retry"),
            int(is_used),
            cpu_ms,
            rss,
            spent_ms,
            rss,
        ),
        None if took_ms is None else bucket(took_ms),
    )


def _instants(connection: Connection) -> Callable[[int], Any]:
    return Instant().bind_processor(connection.dialect)


@lru_cache(maxsize=8)
def _upsert(table: Table, dialect: str) -> str:
    """Make a row, or add to the one there is, without reading it: one step of the database."""
    keys = [column.name for column in table.primary_key]
    names = [*keys, *COUNTS, "histogram"]
    is_sqlite = dialect == "sqlite"
    # SQLite is told where in the histogram something is added; MariaDB takes many rows at once
    # only where nothing but the rows is told, and reads it out of the new one.
    place, times = f"?{len(names) + 1}", f"?{len(names) + 2}"
    marks = ", ".join(f"?{number}" if is_sqlite else "%s" for number, _ in enumerate(names, 1))
    new = ("excluded.{}" if is_sqlite else "VALUES({})").format
    old = (f"{table.name}.{{}}" if is_sqlite else "{}").format
    higher = "max" if is_sqlite else "GREATEST"
    sets = [f"{name} = {old(name)} + {new(name)}" for name in SUMS]
    sets += [f"{name} = {higher}({old(name)}, {new(name)})" for name in PEAKS]
    # A histogram that somebody broke by hand begins anew; it must not stop every later write.
    kept = f"CASE WHEN JSON_VALID({old('histogram')}) THEN {old('histogram')} ELSE '{{}}' END"
    number = "INTEGER" if is_sqlite else "UNSIGNED"
    if not is_sqlite:
        place = f"CONCAT('$.', JSON_EXTRACT(JSON_KEYS({new('histogram')}), '$[0]'))"
        # MySQL adds what it extracts as a double.
        times = f"CAST(JSON_EXTRACT({new('histogram')}, {place}) AS UNSIGNED)"
    so_far = f"CAST(COALESCE(JSON_EXTRACT({kept}, {place}), 0) AS {number})"
    sets.append(
        f"histogram = CASE WHEN {new('histogram')} = '{{}}' THEN {old('histogram')}"
        f" ELSE JSON_SET({kept}, {place}, {so_far} + {times}) END"
    )
    insert = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - names of ours
    on = (
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET" if is_sqlite else "ON DUPLICATE KEY UPDATE"
    )
    return f"{insert} {on} {', '.join(sets)}"
