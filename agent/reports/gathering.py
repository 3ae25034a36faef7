"""Where does what a report tells come from: a few bounded reads, whatever lies in the database."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from agent.proof import prove
from agent.reports.facts import (
    ENDINGS,
    FAILED,
    HOST,
    Curve,
    Daily,
    Day,
    Errors,
    FailingTask,
    Failure,
    Hour,
    Missed,
    Proof,
    TaskTimes,
    Trouble,
    Troubles,
)
from agent.rules.downsampling import Keeping
from agent.runs import Run
from agent.store import ledger, metrics, reporting, spans, state
from agent.store.database import Database
from agent.store.history import RunFilter
from agent.store.spans import Figures

HOUR_MS: Final = 3_600_000
DAYS_BEFORE: Final = 7
MOST_SLOW: Final = 10
MOST_ALERTS: Final = 25
MOST_MISSED_ROWS: Final = 20_000
MOST_FAILURES_OF_A_DAY: Final = 20
MOST_FAILURES: Final = 100
MOST_TASKS: Final = 50
_STEP_MS: Final = 900_000
_QUARTER_MS: Final = 900_000
"""No zone has been off from UTC by a part of it for a hundred years."""
_CAUSE_CHARS: Final = 300
_STEERING: Final = re.compile(r"\x1b\[[0-9;:?]{0,32}[ -/]?[@-~]")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Of what is read, and how: `mask` takes secrets out of texts that people wrote.

    Rows of runs are all there for `rows_days`; of what is older there may be counts alone.
    """

    database: Database
    agent: str
    timezone: str
    now_ms: int
    rows_days: int
    keeping: Keeping
    mask: Callable[[str], str]


def daily(source: Source, day: date) -> Daily:
    """All that is told of a day in the agent's zone."""
    midnights = [
        _midnight(day + timedelta(days=offset), source.timezone)
        for offset in range(-DAYS_BEFORE, 2)
    ]
    from_ms, to_ms = midnights[-2:]
    # Sums lie in the database by hours of UTC; where midnight is none, they begin a little earlier.
    summed = [at_ms - at_ms % HOUR_MS for at_ms in midnights]
    read = source.database.read_now
    figures = partial(spans.figures, to_ms=summed[-1], now_ms=source.now_ms)
    week = read(partial(figures, from_ms=summed[0]))
    whole = read(partial(figures, from_ms=summed[-2]))
    missed_rows = _missed_rows(source, from_ms, to_ms)
    return Daily(
        agent=source.agent,
        timezone=source.timezone,
        from_ms=from_ms,
        to_ms=to_ms,
        made_ms=source.now_ms,
        runs=whole.runs,
        failed=whole.failures,
        retries=whole.retries,
        avg_ms=whole.avg_ms,
        p95_ms=whole.p95_ms,
        hours=_hours(source, whole, missed_rows, from_ms, to_ms),
        days=_days(week, midnights, summed),
        slowest=_slowest(source, *summed[-2:]),
        attempts_failed=_count_failed(source, from_ms, to_ms),
        moments_missed=sum(one.count for one in missed_rows),
        failures=_failures(source, from_ms, to_ms, limit=MOST_FAILURES_OF_A_DAY),
        failing=_failing(source, from_ms, to_ms),
        missed=_by_task(missed_rows),
        alerts=_alerts(source, from_ms, to_ms),
        host=_host(source, from_ms, to_ms),
        proof=_proof(source, from_ms, to_ms) if _are_rows_kept(source, from_ms) else None,
        are_rows_kept=_are_rows_kept(source, from_ms),
        sums_early_ms=from_ms - summed[-2],
    )


def errors(source: Source, *, from_ms: int, to_ms: int) -> Errors:
    """All that went wrong within [from, to)."""
    missed_rows = _missed_rows(source, from_ms, to_ms)
    return Errors(
        agent=source.agent,
        timezone=source.timezone,
        from_ms=from_ms,
        to_ms=to_ms,
        made_ms=source.now_ms,
        attempts_failed=_count_failed(source, from_ms, to_ms),
        moments_missed=sum(one.count for one in missed_rows),
        failures=_failures(source, from_ms, to_ms, limit=MOST_FAILURES),
        failing=_failing(source, from_ms, to_ms),
        missed=_by_task(missed_rows),
    )


def last_words(text: str) -> str:
    """The last line of an output that says something, without what steers a terminal."""
    lines = _lines(text)
    return lines[-1] if lines else ""


def _lines(text: str) -> list[str]:
    lines = (line.strip() for line in _STEERING.sub("", text).splitlines())
    return [line for line in lines if line]


def within(one: Missed, from_ms: int, to_ms: int) -> int:
    """How many of these moments lie in [from, to), as if there were the same time between all."""
    if one.count == 1 or one.last_ms <= one.first_ms:
        return one.count if from_ms <= one.first_ms < to_ms else 0
    length_ms = one.last_ms - one.first_ms

    def before(at_ms: int) -> int:
        steps = -(-(at_ms - one.first_ms) * (one.count - 1) // length_ms)
        return min(max(steps, 0), one.count)

    return before(to_ms) - before(from_ms)


def _midnight(day: date, timezone: str) -> int:
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone))
    return round(start.timestamp() * 1000)


def _are_rows_kept(source: Source, from_ms: int) -> bool:
    return from_ms >= source.now_ms - source.rows_days * 24 * HOUR_MS


def _hours(
    source: Source, whole: Figures, missed: Sequence[Missed], from_ms: int, to_ms: int
) -> tuple[Hour, ...]:
    begins_ms = hours_of(from_ms, to_ms, source.timezone)
    if _are_rows_kept(source, from_ms):
        statuses = [status for status in ENDINGS if status != "missed"]
        count = partial(reporting.endings, statuses=statuses, hours_ms=begins_ms, to_ms=to_ms)
        found = source.database.read_now(count)
    else:
        counts = [Counter[str]() for _ in begins_ms]
        early_ms = from_ms - whole.from_ms
        for step in whole.steps:
            place = bisect_right(begins_ms, step.at_ms + early_ms) - 1
            counts[place].update(success=step.runs - step.failures, error=step.failures)
        found = tuple(dict(+one) for one in counts)
    hours = []
    for at_ms, end_ms, endings in zip(begins_ms, [*begins_ms[1:], to_ms], found, strict=True):
        if number := sum(within(one, at_ms, end_ms) for one in missed):
            endings = {**endings, "missed": number}
        hours.append(Hour(at_ms=at_ms, endings=endings))
    return tuple(hours)


def hours_of(from_ms: int, to_ms: int, timezone: str) -> list[int]:
    """When each hour of the wall clock begins in [from, to); one that is cut short counts too."""
    zone = ZoneInfo(timezone)
    begins_ms: list[int] = []
    before: tuple[int, timedelta | None] | None = None
    for at_ms in range(from_ms, to_ms, _QUARTER_MS):
        clock = datetime.fromtimestamp(at_ms / 1000, zone)
        hour = (clock.hour, clock.utcoffset())
        if hour != before:
            begins_ms.append(at_ms)
        before = hour
    return begins_ms


def _days(week: Figures, midnights: Sequence[int], summed: Sequence[int]) -> tuple[Day, ...]:
    days = []
    for day_ms, (from_ms, to_ms) in zip(midnights, pairwise(summed), strict=False):
        steps = [step for step in week.steps if from_ms <= step.at_ms < to_ms]
        runs, failures = sum(step.runs for step in steps), sum(step.failures for step in steps)
        days.append(Day(from_ms=day_ms, runs=runs, failures=failures))
    return tuple(days)


def _slowest(source: Source, from_ms: int, to_ms: int) -> tuple[TaskTimes, ...]:
    read = source.database.read_now
    found = read(partial(reporting.slowest, from_ms=from_ms, to_ms=to_ms, limit=MOST_SLOW))
    names = [one.task_name for one in found]
    usual = read(partial(reporting.usual_before, names=names, before_ms=from_ms))
    return tuple(
        TaskTimes(**msgspec.structs.asdict(one), usual_ms=usual.get(one.task_name)) for one in found
    )


def _count_failed(source: Source, from_ms: int, to_ms: int) -> int:
    count = partial(reporting.count, statuses=FAILED, from_ms=from_ms, to_ms=to_ms)
    return source.database.read_now(count)


def _failures(source: Source, from_ms: int, to_ms: int, *, limit: int) -> tuple[Failure, ...]:
    wanted = RunFilter(statuses=FAILED, from_ms=from_ms, to_ms=to_ms)
    page = source.database.read_now(partial(ledger.page, wanted=wanted, limit=limit))
    return tuple(_failure(run, source.mask) for run in page.runs)


def _failure(run: Run, mask: Callable[[str], str]) -> Failure:
    causes = _lines(mask(run.error_message or run.note or ""))
    cause = causes[0] if causes else run.reason or ""
    last_line = last_words(mask(run.output_tail or ""))
    return Failure(
        run_id=run.id,
        task_name=run.task_name,
        at_ms=run.ended_ms or run.queued_ms,
        status=run.status,
        attempt=run.attempt,
        exit_status=run.exit_status,
        cause=cause[:_CAUSE_CHARS],
        last_line="" if last_line == cause else last_line[:_CAUSE_CHARS],
    )


def _failing(source: Source, from_ms: int, to_ms: int) -> tuple[FailingTask, ...]:
    read = partial(
        reporting.failing, statuses=FAILED, from_ms=from_ms, to_ms=to_ms, limit=MOST_TASKS
    )
    return tuple(
        FailingTask(task_name=name, status=status, count=count, last_ms=last_ms)
        for name, status, count, last_ms in source.database.read_now(read)
    )


def _missed_rows(source: Source, from_ms: int, to_ms: int) -> tuple[Missed, ...]:
    """As they lie in the ledger, each with so many of its moments as lie in the span."""
    read = partial(reporting.missed, from_ms=from_ms, to_ms=to_ms, limit=MOST_MISSED_ROWS)
    rows = (
        Missed(
            task_name=row.task_name,
            cause=row.cause,
            count=row.count_,
            first_ms=row.first_ms,
            last_ms=row.last_ms,
        )
        for row in source.database.read_now(read)
    )
    return tuple(
        msgspec.structs.replace(
            row,
            count=count,
            first_ms=max(row.first_ms, from_ms),
            last_ms=min(row.last_ms, to_ms - 1),
        )
        for row in rows
        if (count := within(row, from_ms, to_ms))
    )


def _by_task(rows: Sequence[Missed]) -> tuple[Missed, ...]:
    found: dict[tuple[str, str], Missed] = {}
    for row in rows:
        known = found.setdefault((row.task_name, row.cause), row)
        if known is not row:
            found[row.task_name, row.cause] = msgspec.structs.replace(
                known,
                count=known.count + row.count,
                first_ms=min(known.first_ms, row.first_ms),
                last_ms=max(known.last_ms, row.last_ms),
            )
    most = sorted(found.values(), key=lambda one: (-one.count, one.task_name))
    return tuple(most[:MOST_TASKS])


def _alerts(source: Source, from_ms: int, to_ms: int) -> Troubles:
    read = source.database.read_now
    counts = read(partial(reporting.count_alerts, from_ms=from_ms, to_ms=to_ms))
    rows = read(partial(reporting.alerts_of, from_ms=from_ms, to_ms=to_ms, limit=MOST_ALERTS))
    found = (Trouble(**row._mapping) for row in rows)
    opened, resolved, open_now = counts
    return Troubles(
        opened=opened,
        resolved=resolved,
        open_now=open_now,
        shown=tuple(msgspec.structs.replace(one, title=source.mask(one.title)) for one in found),
    )


def _host(source: Source, from_ms: int, to_ms: int) -> tuple[Curve, ...]:
    found = []
    for name in HOST:
        read = partial(
            metrics.series,
            name=name,
            from_ms=from_ms,
            to_ms=to_ms,
            step_ms=_STEP_MS,
            now_ms=source.now_ms,
            keeping=source.keeping,
        )
        if steps := source.database.read_now(read):
            points = tuple((step.at_ms, step.mean, step.highest) for step in steps)
            found.append(Curve(name=name, points=points))
    return tuple(found)


def _proof(source: Source, from_ms: int, to_ms: int) -> Proof | None:
    decided_ms = source.database.read_now(state.decided_until)
    # A moment of midnight itself belongs to the day that begins then.
    after_ms, until_ms = from_ms - 1, min(to_ms - 1, decided_ms or 0)
    if until_ms <= after_ms:
        return None
    found = prove(source.database, after_ms, until_ms).values()
    return Proof(
        due=sum(one.expected for one in found),
        rows=sum(one.recorded for one in found),
        missing=sum(one.missing_count for one in found),
        doubled=sum(len(one.doubled) for one in found),
        until_ms=until_ms,
    )
