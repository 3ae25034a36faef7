"""How the tasks have been doing: counts, times and the last runs, for all of them at once."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union_all,
)

from agent.rules.outcomes import NO_PING
from agent.runs import LIVE_STATES
from agent.store.rollups import (
    AVERAGE_OVER_HOURS,
    FAILURES,
    HOUR_MS,
    LONGEST_RUN_MS,
    percentile,
)
from agent.ulid import first_ulid
from schema.tables import executions, rollups, tasks

SPARK: Final = 20
"""So many last runs are looked at; a row of failures is counted up to here."""
DAY_HOURS: Final = 24
_TASKS_A_QUERY: Final = 100
# Where there are few tasks: a query for a hundred takes 5 MB, which stay.
_FEW_A_QUERY: Final = 10
_FEW: Final = 5 * _FEW_A_QUERY
_WATCHES: Final = select(tasks.c.task_name).where(tasks.c.kind == "watch")
_QUERY_SIZES: Final = (1, _FEW_A_QUERY, _TASKS_A_QUERY)
# Asked after every end, so it is built once.
_HOURS_OF: Final = select(
    rollups.c.task_name,
    rollups.c.hour_at,
    rollups.c.runs,
    rollups.c.failures,
    rollups.c.timed_runs,
    rollups.c.sum_ms,
    rollups.c.max_ms,
    rollups.c.histogram,
).where(
    rollups.c.task_name.in_(bindparam("names", expanding=True)),
    rollups.c.hour_at >= bindparam("from_ms"),
)

_STOPPED: Final = (
    select(executions.c.task_name, func.count())
    .where(
        executions.c.status == "aborted",
        executions.c.id >= bindparam("begin"),
        executions.c.id < bindparam("end"),
        executions.c.started_at.is_not(None),
        executions.c.ended_at >= bindparam("from_ms"),
        executions.c.ended_at < bindparam("to_ms"),
    )
    .group_by(executions.c.task_name)
)
_STOPPED_OF: Final = _STOPPED.where(executions.c.task_name.in_(bindparam("names", expanding=True)))


class LastRun(msgspec.Struct, frozen=True, kw_only=True):
    """The newest run of a task that came to an end."""

    run_id: str
    status: str
    started_ms: int | None
    ended_ms: int | None
    duration_ms: int | None
    exit_status: int | None


class _Attempt(msgspec.Struct, frozen=True):
    """A run of a task at one of its moments; one that `is_open` is a retry that has not ended."""

    run: LastRun
    moment_ms: int
    is_open: bool


class TaskStats(msgspec.Struct, frozen=True, kw_only=True):
    """One task: 24 clock hours up to the current one, times over 7 days, the last 20 runs.

    A moment with several attempts counts once, by its last one, also in the row of failures; while
    a retry waits or runs, its moment has not failed yet. The times and `spark` know each attempt.
    A moment for which no ping came counts as a failure. Not counted are other moments that were
    skipped or missed; runs that somebody stopped are counted apart, and neither their times count
    nor do they end a row of failures. `hours` are (runs, failures), oldest hour first; `spark` are
    durations, oldest first; `p95_ms` is at most an eighth too high.
    """

    runs_24h: int = 0
    fails_24h: int = 0
    stops_24h: int = 0
    hours: tuple[tuple[int, int], ...] = ((0, 0),) * DAY_HOURS
    avg_ms: int | None = None
    p95_ms: int | None = None
    peak_ms: int | None = None
    spark: tuple[int, ...] = ()
    fails_in_row: int = 0
    last: LastRun | None = None

    @property
    def success_rate_24h(self) -> float | None:
        """Share of the runs that did not fail; None without runs."""
        return None if not self.runs_24h else 1 - self.fails_24h / self.runs_24h


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """All tasks together: what there is, what runs now, how the last 24 clock hours went."""

    tasks: int
    enabled: int
    paused: int
    running: int
    waiting: int
    runs_24h: int
    fails_24h: int
    hours: tuple[tuple[int, int], ...]
    avg_ms: int | None

    @property
    def success_rate_24h(self) -> float | None:
        """Share of the runs that did not fail; None without runs."""
        return None if not self.runs_24h else 1 - self.fails_24h / self.runs_24h


def of_tasks(
    connection: Connection, now_ms: int, names: Sequence[str] | None = None
) -> dict[str, TaskStats]:
    """The statistics of these tasks, or of all; a task that never ran has empty ones."""
    day_ms = _first_hour(now_ms, DAY_HOURS)
    stops = stopped(connection, from_ms=day_ms, to_ms=now_ms + 1, names=names)
    if names is None:
        names = list(connection.scalars(select(tasks.c.task_name)))
    found: dict[str, TaskStats] = {}
    at_once = _FEW_A_QUERY if len(names) <= _FEW else _TASKS_A_QUERY
    for start in range(0, len(names), at_once):
        chunk = names[start : start + at_once]
        times = _times(connection, now_ms, chunk)
        last_runs = _last_runs(connection, chunk)
        for name in chunk:
            stats = _with_last_runs(times.get(name, TaskStats()), last_runs.get(name, []))
            if name in stops:
                stats = msgspec.structs.replace(stats, stops_24h=stops[name])
            found[name] = stats
    return found


def stopped(
    connection: Connection, *, from_ms: int, to_ms: int, names: Sequence[str] | None = None
) -> dict[str, int]:
    """How many runs of each task somebody stopped in [from, to), of those whose rows are kept."""
    span = {
        "begin": first_ulid(max(0, from_ms - LONGEST_RUN_MS)),
        "end": first_ulid(to_ms),
        "from_ms": from_ms,
        "to_ms": to_ms,
    }
    if names is None:
        found: dict[str, int] = dict(connection.execute(_STOPPED, span).all())
    else:
        found = dict(connection.execute(_STOPPED_OF, span | {"names": list(names)}).all())
    return found


def usual_durations(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """How long a run of each task usually takes: the median of its last 20 that ended well.

    A task that never ended well is not in it.
    """
    column = executions.c
    from statistics import median  # only here: it brings fractions into memory

    found: dict[str, list[int]] = {}
    for start in range(0, len(names), _TASKS_A_QUERY):
        newest = [
            select(column.task_name, column.duration_ms)
            .where(
                column.task_name == name,
                column.status == "success",
                column.duration_ms.is_not(None),
            )
            .order_by(column.id.desc())
            .limit(SPARK)
            .subquery()
            for name in names[start : start + _TASKS_A_QUERY]
        ]
        for name, duration_ms in connection.execute(union_all(*[select(one) for one in newest])):
            found.setdefault(name, []).append(duration_ms)
    return {name: round(median(durations)) for name, durations in found.items()}


def summary(connection: Connection, now_ms: int) -> Summary:
    """The figures of the whole agent."""
    flags = connection.execute(select(tasks.c.enabled, tasks.c.paused, tasks.c.paused_until)).all()
    counts = connection.execute(
        select(executions.c.status, func.count())
        .where(
            executions.c.status.in_(("running", "stopping", "starting", "queued")),
            # What waits for a ping waits for no slot.
            or_(executions.c.status != "queued", executions.c.task_name.not_in(_WATCHES)),
        )
        .group_by(executions.c.status)
    )
    live: dict[str, int] = dict(counts.all())
    column = rollups.c
    by_hour = connection.execute(
        select(
            column.hour_at,
            func.sum(column.runs),
            func.sum(column.failures),
            func.sum(column.timed_runs),
            func.sum(column.sum_ms),
        )
        .where(column.hour_at >= _first_hour(now_ms, DAY_HOURS))
        .group_by(column.hour_at)
    ).all()
    counted = {hour_ms: (int(runs), int(fails)) for hour_ms, runs, fails, _, _ in by_hour}
    timed = sum(int(row[3]) for row in by_hour)
    return Summary(
        tasks=len(flags),
        enabled=sum(enabled for enabled, _, _ in flags),
        paused=sum(
            paused and (until_ms is None or now_ms < until_ms) for _, paused, until_ms in flags
        ),
        running=sum(live.get(status, 0) for status in ("starting", "running", "stopping")),
        waiting=live.get("queued", 0),
        runs_24h=sum(runs for runs, _ in counted.values()),
        fails_24h=sum(fails for _, fails in counted.values()),
        hours=_hours(counted, now_ms),
        avg_ms=sum(int(row[4]) for row in by_hour) // timed if timed else None,
    )


def _times(connection: Connection, now_ms: int, names: Sequence[str]) -> dict[str, TaskStats]:
    rows = connection.execute(
        _HOURS_OF, {"names": names, "from_ms": _first_hour(now_ms, AVERAGE_OVER_HOURS)}
    )
    by_task: dict[str, list[tuple[int, int, int, int, int, int, dict[str, int]]]] = {}
    for name, *values in rows:
        by_task.setdefault(name, []).append(tuple(values))
    return {name: _add_up(hours, now_ms) for name, hours in by_task.items()}


def _add_up(
    rows: Sequence[tuple[int, int, int, int, int, int, dict[str, int]]], now_ms: int
) -> TaskStats:
    day_begins_ms = _first_hour(now_ms, DAY_HOURS)
    counted: dict[int, tuple[int, int]] = {}
    histogram: dict[int, int] = {}
    timed = sum_ms = peak_ms = 0
    for hour_ms, runs, failures, hour_timed, hour_sum_ms, hour_max_ms, buckets in rows:
        if hour_ms >= day_begins_ms:
            counted[hour_ms] = (runs, failures)
        timed += hour_timed
        sum_ms += hour_sum_ms
        peak_ms = max(peak_ms, hour_max_ms)
        for number, count in buckets.items():
            histogram[int(number)] = histogram.get(int(number), 0) + count
    return TaskStats(
        runs_24h=sum(runs for runs, _ in counted.values()),
        fails_24h=sum(failures for _, failures in counted.values()),
        hours=_hours(counted, now_ms),
        avg_ms=sum_ms // timed if timed else None,
        p95_ms=percentile(histogram, 0.95, peak_ms),
        peak_ms=peak_ms if timed else None,
    )


def _last_runs(connection: Connection, names: Sequence[str]) -> dict[str, list[_Attempt]]:
    """The newest counted runs of each task, newest first: a few index steps a task."""
    size = next(size for size in _QUERY_SIZES if len(names) <= size)
    asked = {f"name_{place}": name for place, name in enumerate(names)}
    nobody = {f"name_{place}": "" for place in range(len(names), size)}
    found: dict[str, list[_Attempt]] = {}
    for name, moment_ms, run_id, status, *times in connection.execute(
        _newest_runs(size), asked | nobody
    ):
        started_ms, ended_ms, duration_ms, exit_status = times
        run = LastRun(
            run_id=run_id,
            status=status,
            started_ms=started_ms,
            ended_ms=ended_ms,
            duration_ms=duration_ms,
            exit_status=exit_status,
        )
        found.setdefault(name, []).append(_Attempt(run, moment_ms, status in LIVE_STATES))
    for attempts in found.values():
        attempts.sort(key=lambda attempt: attempt.run.run_id, reverse=True)
    return found


@lru_cache(maxsize=len(_QUERY_SIZES))
def _newest_runs(size: int) -> CompoundSelect[Any]:
    """The query for so many tasks, kept: to build it takes ten times as long as to answer it."""
    column = executions.c
    counted = or_(
        column.status.in_(map(_word, ("success", *sorted(FAILURES)))),
        and_(column.status == _word("aborted"), column.started_at.is_not(None)),
        and_(column.status == _word("missed"), column.reason == _word(NO_PING)),
        and_(
            column.status.in_(map(_word, sorted(LIVE_STATES))),
            column.trigger_type == _word("retry"),
        ),
    )
    newest = [
        select(
            column.task_name,
            column.scheduled_at,
            column.id,
            column.status,
            column.started_at,
            column.ended_at,
            column.duration_ms,
            column.exit_status,
        )
        .where(column.task_name == bindparam(f"name_{place}"), counted)
        .order_by(column.id.desc())
        .limit(literal_column(str(SPARK)))
        .subquery()
        for place in range(size)
    ]
    return union_all(*[select(one) for one in newest])


def _word(text: str) -> ColumnElement[str]:
    """A word of ours as it stands in a query: a value is put in anew each time, for each task."""
    return literal_column(f"'{text}'")


def _with_last_runs(stats: TaskStats, attempts: Sequence[_Attempt]) -> TaskStats:
    runs = [attempt.run for attempt in attempts if not attempt.is_open]
    if not runs:
        return stats
    fails_in_row = 0
    judged = {attempt.moment_ms for attempt in attempts if attempt.is_open}
    for attempt in attempts:
        if attempt.moment_ms in judged:
            continue  # the last word on it was spoken later, or is still to come
        judged.add(attempt.moment_ms)
        if attempt.run.status == "aborted":
            continue
        if attempt.run.status not in FAILURES and attempt.run.status != "missed":
            break
        fails_in_row += 1
    return msgspec.structs.replace(
        stats,
        spark=tuple(
            run.duration_ms
            for run in reversed(runs)
            if run.duration_ms is not None and run.status != "aborted"
        ),
        fails_in_row=fails_in_row,
        last=runs[0],
    )


def _first_hour(now_ms: int, hours: int) -> int:
    """The beginning of the first of so many clock hours, the current one being the last."""
    return now_ms - now_ms % HOUR_MS - (hours - 1) * HOUR_MS


def _hours(counted: dict[int, tuple[int, int]], now_ms: int) -> tuple[tuple[int, int], ...]:
    first_ms = _first_hour(now_ms, DAY_HOURS)
    hours = [(0, 0)] * DAY_HOURS
    for hour_ms, told in counted.items():
        place = (hour_ms - first_ms) // HOUR_MS
        if 0 <= place < DAY_HOURS:
            hours[place] = told
    return tuple(hours)
