"""Where does what a report tells come from: a few bounded reads, whatever lies in the database."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from agent.proof import prove
from agent.reports.facts import (
    FAILED,
    HOUR_MS,
    SHOWN_ENDINGS,
    Curve,
    Failure,
    Hour,
    Kind,
    Proof,
    Report,
    TaskFigures,
)
from agent.runs import Run
from agent.store import ledger, metrics, reporting, spans, state, statistics
from agent.store.database import Database
from agent.store.history import RunFilter

MOST_TASKS: Final = 1_000
MOST_USUAL: Final = 200
MOST_FAILURES: Final = {"daily": 20, "errors": 200}
MOST_ALERTS: Final = 30
REASON_CHARS: Final = 300
_STEP_MS: Final = 900_000
_CURVES: Final = ("cpu", "memory", "disk")
_DAY_HOURS: Final = 24


def last_day(now_ms: int) -> tuple[int, int]:
    """24 whole hours, the one that is not over yet the last of them."""
    last_hour_ms = now_ms - 1 - (now_ms - 1) % HOUR_MS
    return last_hour_ms - (_DAY_HOURS - 1) * HOUR_MS, now_ms


def of_date(day: date, timezone: str, *, now_ms: int) -> tuple[int, int]:
    """From midnight to midnight there, of today until now; it may have 23 or 25 hours."""
    zone = ZoneInfo(timezone)
    start, end = (
        round(datetime(each.year, each.month, each.day, tzinfo=zone).timestamp() * 1000)
        for each in (day, day + timedelta(days=1))
    )
    return start, min(end, max(now_ms, start + 1))


def gather(
    database: Database,
    kind: Kind,
    span: tuple[int, int],
    *,
    agent: str,
    timezone: str,
    now_ms: int,
    mask: Callable[[str], str],
) -> Report:
    """All that a report of this kind tells of the span; `mask` takes secrets out of it."""
    from_ms, to_ms = span
    ends = partial(reporting.endings, from_ms=from_ms, to_ms=to_ms)
    by_hour = database.read_now(lambda connection: ends(connection, SHOWN_ENDINGS))
    whole = database.read_now(partial(spans.figures, from_ms=from_ms, to_ms=to_ms, now_ms=now_ms))
    ended = {step.at_ms: step for step in whole.steps}
    came = database.read_now(
        partial(reporting.troubles, from_ms=from_ms, to_ms=to_ms, limit=MOST_ALERTS)
    )
    hours = tuple(
        Hour(
            at_ms=at_ms,
            endings=counted,
            runs=ended[hour_ms].runs if (hour_ms := at_ms - at_ms % HOUR_MS) in ended else 0,
            failures=ended[hour_ms].failures if hour_ms in ended else 0,
        )
        for at_ms, counted in by_hour
    )
    totals: dict[str, int] = {}
    for hour in hours:
        for status, number in hour.endings.items():
            totals[status] = totals.get(status, 0) + number
    return Report(
        kind=kind,
        agent=agent,
        timezone=timezone,
        from_ms=from_ms,
        to_ms=to_ms,
        made_ms=now_ms,
        endings=totals,
        runs=whole.runs,
        failed=whole.failures,
        success_rate=whole.success_rate,
        avg_ms=whole.avg_ms,
        p95_ms=whole.p95_ms,
        hours=hours,
        tasks=_tasks(database, span),
        failures=_failures(database, span, limit=MOST_FAILURES[kind], mask=mask),
        alerts_opened=came.opened,
        alerts_resolved=came.resolved,
        alerts=tuple(msgspec.structs.replace(one, title=mask(one.title)) for one in came.newest),
        curves=_curves(database, span, now_ms=now_ms) if kind == "daily" else (),
        proof=_proof(database, span),
    )


def _tasks(database: Database, span: tuple[int, int]) -> tuple[TaskFigures, ...]:
    from_ms, to_ms = span
    found = database.read_now(
        partial(reporting.of_tasks, from_ms=from_ms, to_ms=to_ms, limit=MOST_TASKS)
    )
    names = [one.task_name for one in found[:MOST_USUAL]]
    usual: dict[str, int] = {}
    if names:
        usual = database.read_now(lambda connection: statistics.usual_durations(connection, names))
    return tuple(
        TaskFigures(
            task_name=one.task_name,
            runs=one.runs,
            failures=one.failures,
            avg_ms=one.avg_ms,
            peak_ms=one.peak_ms,
            usual_ms=usual.get(one.task_name),
        )
        for one in found
    )


def _failures(
    database: Database, span: tuple[int, int], *, limit: int, mask: Callable[[str], str]
) -> tuple[Failure, ...]:
    wanted = RunFilter(statuses=(*FAILED, "missed"), from_ms=span[0], to_ms=span[1])
    page = database.read_now(lambda connection: ledger.page(connection, wanted, limit=limit))
    return tuple(_failure(run, mask) for run in page.runs)


def _failure(run: Run, mask: Callable[[str], str]) -> Failure:
    lines = (run.error_message or run.reason or "").split("\n", 1)
    return Failure(
        at_ms=run.ended_ms or run.scheduled_ms,
        task_name=run.task_name,
        status=run.status,
        exit_status=run.exit_status,
        reason=mask(lines[0])[:REASON_CHARS],
        count=run.missed_count,
    )


def _curves(database: Database, span: tuple[int, int], *, now_ms: int) -> tuple[Curve, ...]:
    found = []
    for name in _CURVES:
        read = partial(
            metrics.series,
            name=name,
            from_ms=span[0],
            to_ms=span[1],
            step_ms=_STEP_MS,
            now_ms=now_ms,
        )
        steps = database.read_now(read)
        if steps:
            points = tuple((step.at_ms, step.mean, step.highest) for step in steps)
            found.append(Curve(name=name, points=points))
    return tuple(found)


def _proof(database: Database, span: tuple[int, int]) -> Proof | None:
    decided_ms = database.read_now(state.decided_until)
    until_ms = min(span[1], decided_ms or 0)
    if until_ms <= span[0]:
        return None
    found = prove(database, span[0], until_ms).values()
    return Proof(
        expected=sum(one.expected for one in found),
        missing=sum(one.missing_count for one in found),
        doubled=sum(len(one.doubled) for one in found),
    )
