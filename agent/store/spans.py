"""How did a task, or all of them, do within a span of time, however long?"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, Table, Text, or_, select, type_coerce

from agent.store.rollups import ALL_TASKS, COUNTS, DAY_MS, HOUR_MS, PEAKS, percentile
from agent.store.statistics import stopped
from schema.tables import rollup_totals, rollups

_read_histogram = msgspec.json.Decoder(dict[str, int]).decode
MOST_HOURS: Final = 14 * 24
"""A span up to so long is told hour by hour, a longer one day by day."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """An hour or a day of a span; steps without an end are left out."""

    at_ms: int
    runs: int
    failures: int
    avg_ms: int | None
    max_ms: int | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs that ended in [from, to) come to; the span is in whole hours of UTC.

    A moment with several attempts counts once in `runs` and `failures`, by its last attempt;
    times and usage know each attempt, `retries` are those after the first. Runs that somebody
    stopped are counted in `stopped` alone, while their rows are kept. Percentiles are never
    too low, and an eighth too high at most. Memory is the peak of each run: the mean of the
    peaks, and the highest.
    """

    task_name: str | None
    from_ms: int
    to_ms: int
    runs: int
    failures: int
    stopped: int
    success_rate: float | None
    retries: int
    throughput_per_min: float
    avg_ms: int | None
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None
    peak_ms: int | None
    cpu_ms: int
    avg_cpu_ms: int | None
    avg_rss: int | None
    peak_rss: int | None
    step_hours: int
    steps: tuple[Step, ...] = ()


def figures(
    connection: Connection,
    *,
    from_ms: int,
    to_ms: int,
    now_ms: int,
    task_name: str | None = None,
) -> Figures:
    """The figures of the hours that the span touches; it reads a row a day, and a few hours.

    What has not passed yet of the last hour does not make the throughput smaller.
    """
    first_ms, last_ms = from_ms - from_ms % HOUR_MS, to_ms + -to_ms % HOUR_MS
    rows = _rows(connection, task_name, first_ms, last_ms)
    counts, histogram = _sum(rows), _histogram(rows)
    minutes = max(min(last_ms, now_ms) - first_ms, 0) / 60_000
    is_short = last_ms - first_ms <= MOST_HOURS * HOUR_MS
    return Figures(
        task_name=task_name,
        from_ms=first_ms,
        to_ms=last_ms,
        runs=counts["runs"],
        failures=counts["failures"],
        stopped=_stopped(connection, task_name, first_ms, last_ms),
        success_rate=1 - counts["failures"] / counts["runs"] if counts["runs"] else None,
        retries=counts["retries"],
        throughput_per_min=counts["runs"] / minutes if minutes else 0.0,
        avg_ms=_mean(counts["sum_ms"], counts["timed_runs"]),
        p50_ms=percentile(histogram, 0.5, counts["max_ms"]),
        p95_ms=percentile(histogram, 0.95, counts["max_ms"]),
        p99_ms=percentile(histogram, 0.99, counts["max_ms"]),
        peak_ms=counts["max_ms"] if counts["timed_runs"] else None,
        cpu_ms=counts["sum_cpu_ms"],
        avg_cpu_ms=_mean(counts["sum_cpu_ms"], counts["used_runs"]),
        avg_rss=_mean(counts["sum_rss"], counts["used_runs"]),
        peak_rss=counts["max_rss"] if counts["used_runs"] else None,
        step_hours=1 if is_short else 24,
        steps=_steps(rows, HOUR_MS if is_short else DAY_MS),
    )


def _stopped(connection: Connection, task_name: str | None, first_ms: int, last_ms: int) -> int:
    names = None if task_name is None else [task_name]
    return sum(stopped(connection, from_ms=first_ms, to_ms=last_ms, names=names).values())


# Two years are some 800 rows: what is done for each of them counts.
def _sum(rows: Sequence[tuple[Any, ...]]) -> dict[str, int]:
    """Counts added up, and the highest of the peaks."""
    if not rows:
        return dict.fromkeys(COUNTS, 0)
    columns = list(zip(*rows, strict=True))[1:-1]
    return {
        name: int(max(column) if name in PEAKS else sum(column))
        for name, column in zip(COUNTS, columns, strict=True)
    }


def _histogram(rows: Sequence[tuple[Any, ...]]) -> dict[int, int]:
    found: dict[str, int] = {}
    for row in rows:
        for number, times in _read_histogram(row[-1]).items():
            found[number] = found.get(number, 0) + times
    return {int(number): times for number, times in found.items()}


def _rows(
    connection: Connection, task_name: str | None, first_ms: int, last_ms: int
) -> list[tuple[Any, ...]]:
    """When each begins, its counts and its histogram: hours at the edges, days between them."""
    day_ms, last_day_ms = first_ms + -first_ms % DAY_MS, last_ms - last_ms % DAY_MS
    if last_ms - first_ms <= MOST_HOURS * HOUR_MS:
        edges = [(first_ms, last_ms)]
    else:
        edges = [(first_ms, day_ms), (last_day_ms, last_ms)]
    table = rollup_totals if task_name is None else rollups
    at = rollup_totals.c.begins_at if task_name is None else rollups.c.hour_at
    name = ALL_TASKS if task_name is None else task_name
    hours = _select(table, at).where(
        table.c.task_name == name,
        or_(*[(at >= start_ms) & (at < end_ms) for start_ms, end_ms in edges]),
    )
    if task_name is None:
        hours = hours.where(rollup_totals.c.step_hours == 1)
    found = [tuple(row) for row in connection.execute(hours)]
    if len(edges) > 1:
        column = rollup_totals.c
        days = _select(rollup_totals, column.begins_at).where(
            column.task_name == name,
            column.step_hours == 24,
            column.begins_at >= day_ms,
            column.begins_at < last_day_ms,
        )
        found += [tuple(row) for row in connection.execute(days)]
    return sorted(found)


def _select(table: Table, at: Any) -> Select[Any]:
    return select(at, *[table.c[name] for name in COUNTS], type_coerce(table.c.histogram, Text))


def _steps(rows: Sequence[tuple[Any, ...]], step_ms: int) -> tuple[Step, ...]:
    steps = []
    for at_ms, of_step in groupby(rows, key=lambda row: row[0] - row[0] % step_ms):
        first, *others = of_step
        # Most steps are one row.
        counts = _sum([first, *others]) if others else dict(zip(COUNTS, first[1:-1], strict=True))
        timed = counts["timed_runs"]
        steps.append(
            Step(
                at_ms=at_ms,
                runs=counts["runs"],
                failures=counts["failures"],
                avg_ms=_mean(counts["sum_ms"], timed),
                max_ms=counts["max_ms"] if timed else None,
            )
        )
    return tuple(steps)


def _mean(total: int, count: int) -> int | None:
    return total // count if count else None
