"""How has a task been doing lately: its last moments, a span, this hour of the week?"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, func, select, union_all

from agent.alertrules import OF_TASKS, AlertRule
from agent.rules.conditions import Recent
from agent.rules.outcomes import FAILURES
from agent.runs import LIVE_STATES, Run
from agent.store import ledger, metrics
from agent.store.history import RunFilter
from agent.store.rollups import HOUR_MS, bucket_top
from schema.tables import executions, rollups

WEEKS: Final = 8
"""So many weeks are looked back at for what is usual at an hour of the week."""
_WEEK_MS: Final = 7 * 24 * HOUR_MS
_ATTEMPTS: Final = 4
_TASKS_A_QUERY: Final = 100
_TOLD: Final = ("success", *sorted(FAILURES), *LIVE_STATES)


def last_moments(connection: Connection, task_name: str, *, limit: int) -> tuple[bool, ...]:
    """Whether each of a task's last moments ended well, newest first.

    A moment counts as its last attempt ended, and not at all while one is still to come.
    """
    wanted = RunFilter(task_name=task_name, statuses=_TOLD)
    page = ledger.page(connection, wanted, limit=min(ledger.MAX_PAGE, limit * _ATTEMPTS))
    last: dict[int, tuple[int, str]] = {}
    for run in page.runs:
        known = last.get(run.scheduled_ms)
        if known is None or run.attempt > known[0]:
            last[run.scheduled_ms] = (run.attempt, run.status)
    ended = [status for _, status in last.values() if status not in LIVE_STATES]
    return tuple(status == "success" for status in ended[:limit])


def known(connection: Connection, rule: AlertRule, run: Run) -> Recent:
    """What a rule about several runs wants to know, as this run of a task has ended."""
    name = run.task_name
    if rule.of_last is not None:
        return Recent(were_good=last_moments(connection, name, limit=rule.of_last))
    if rule.within_s is not None and run.ended_ms is not None:
        from_ms = run.ended_ms - rule.within_s * 1000
        runs, failures = of_span(connection, name, from_ms=from_ms)
        return Recent(runs=runs, failures=failures)
    return Recent()


def readings(
    connection: Connection, rule: AlertRule, *, from_ms: int, now_ms: int
) -> dict[str, list[tuple[int, float]]]:
    """The readings of a rule's series by task, in order; those of the host under no name."""
    metric = rule.metric or ""
    found: dict[str, list[tuple[int, float]]] = {}
    if rule.is_of_host:
        steps = metrics.series(
            connection, metric, from_ms=from_ms, to_ms=now_ms + 1, step_ms=1, now_ms=now_ms
        )
        return {metrics.OF_HOST: [(step.at_ms, step.mean) for step in steps]}
    wanted = metric.removeprefix(OF_TASKS)
    for look in metrics.readings_of_runs(connection, from_ms, now_ms + 1):
        found.setdefault(look.task_name, []).extend(
            (look.at_ms, value) for name, value in look.values if name == wanted
        )
    return {name: sorted(values) for name, values in found.items()}


def of_span(connection: Connection, task_name: str, *, from_ms: int) -> tuple[int, int]:
    """How many runs a task had, and how many failed, in the clock hours since this moment's."""
    row = connection.execute(
        select(func.sum(rollups.c.runs), func.sum(rollups.c.failures)).where(
            rollups.c.task_name == task_name, rollups.c.hour_at >= from_ms - from_ms % HOUR_MS
        )
    ).one()
    return int(row[0] or 0), int(row[1] or 0)


def at_hour_of_week(connection: Connection, task_name: str, at_ms: int) -> list[tuple[int, int]]:
    """How long runs took at this hour of the week and those beside it, before: (ms, count)."""
    hour_ms = at_ms - at_ms % HOUR_MS
    hours = [
        hour_ms - week * _WEEK_MS + beside * HOUR_MS
        for week in range(1, WEEKS + 1)
        for beside in (-1, 0, 1)
    ]
    found = connection.scalars(
        select(rollups.c.histogram).where(
            rollups.c.task_name == task_name, rollups.c.hour_at.in_(hours)
        )
    )
    counts: Counter[int] = Counter()
    for histogram in found:
        counts.update({int(number): int(count) for number, count in histogram.items()})
    return [(_middle_of(number), count) for number, count in counts.items()]


def last_successes(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """When each of these tasks last ended well; one that never did is not in it."""
    column = executions.c
    found: dict[str, int] = {}
    for start in range(0, len(names), _TASKS_A_QUERY):
        newest = [
            select(column.task_name, column.ended_at)
            .where(column.task_name == name, column.status == "success")
            .order_by(column.id.desc())
            .limit(1)
            .subquery()
            for name in names[start : start + _TASKS_A_QUERY]
        ]
        rows = connection.execute(union_all(*[select(one) for one in newest]))
        found.update((name, ended_ms) for name, ended_ms in rows if ended_ms is not None)
    return found


def success_ends(connection: Connection, task_name: str, *, limit: int) -> tuple[int, ...]:
    """When a task's last good runs ended, newest first."""
    column = executions.c
    rows = connection.scalars(
        select(column.ended_at)
        .where(
            column.task_name == task_name,
            column.status == "success",
            column.ended_at.is_not(None),
        )
        .order_by(column.id.desc())
        .limit(limit)
    )
    return tuple(rows)


def _middle_of(number: int) -> int:
    lowest = bucket_top(number - 1) + 1 if number else 0
    return (lowest + bucket_top(number)) // 2
