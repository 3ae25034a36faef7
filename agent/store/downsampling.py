"""How readings are summed up by minute and hour, and old ones go: a slice at a time."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Table, func, select

from agent.rules.downsampling import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    RAW_MS,
    Keeping,
    Step,
    fold,
    reading,
)
from agent.store.metrics import OF_HOST, readings_of_runs
from agent.store.upserts import Upsert
from schema.tables import metric_steps, metrics, run_samples

SLICE: Final = 2_000
"""Rows that one pass sums up, or lets go, of each level at most."""
LATE_MS: Final = 5_000
"""A reading may come so late: a minute is summed up after that."""

_Named = tuple[tuple[str, str], Step]

_INSERT = Upsert(metric_steps, key=("subject",))


def sum_up(connection: Connection, *, now_ms: int, keeping: Keeping) -> int:
    """Sum up what has become full minutes and hours, let go what is too old; how many rows it was.

    What does not fit into a slice is left to the next pass.
    """
    until_ms = now_ms - LATE_MS
    rows = _sum_up(connection, MINUTE_MS, until_ms) + _sum_up(connection, HOUR_MS, until_ms)
    column = metric_steps.c
    for level_ms, next_ms in ((RAW_MS, MINUTE_MS), (MINUTE_MS, HOUR_MS), (HOUR_MS, None)):
        before_ms = now_ms - keeping.days(level_ms) * DAY_MS
        # What has not been summed up yet stays, whatever its age.
        if next_ms is not None:
            before_ms = min(before_ms, _summed_until(connection, next_ms))
        if level_ms == RAW_MS:
            rows += _let_go(connection, metrics, metrics.c.recorded_at, before_ms)
        else:
            is_level = column.step_s == level_ms // 1000
            rows += _let_go(connection, metric_steps, column.recorded_at, before_ms, is_level)
    return rows


def _summed_until(connection: Connection, step_ms: int) -> int:
    """Up to when there are steps of this length."""
    column = metric_steps.c
    last_ms = connection.scalar(
        select(func.max(column.recorded_at)).where(column.step_s == step_ms // 1000)
    )
    return 0 if last_ms is None else last_ms + step_ms


def _sum_up(connection: Connection, step_ms: int, until_ms: int) -> int:
    """The steps of this length that are over and not yet there, oldest first."""
    from_ms = _summed_until(connection, step_ms)
    until_ms -= until_ms % step_ms
    if step_ms == HOUR_MS and from_ms < until_ms:
        # An hour has all its minutes once no reading of it waits to be summed up.
        since_ms = _summed_until(connection, MINUTE_MS)
        waits_ms = _first(connection, MINUTE_MS, since_ms, until_ms)
        until_ms = until_ms if waits_ms is None else waits_ms - waits_ms % step_ms
    if from_ms >= until_ms:
        return 0
    read = _readings if step_ms == MINUTE_MS else _minutes
    begins_ms = _first(connection, step_ms, from_ms, until_ms)
    if begins_ms is None:
        return 0
    # A minute has some ten rows a name, an hour sixty: so much is looked at that a slice holds.
    ends_ms = min(until_ms, begins_ms - begins_ms % step_ms + 24 * step_ms)
    found = list(read(connection, from_ms, ends_ms))
    while len(found) > SLICE and ends_ms - step_ms > begins_ms:
        ends_ms -= step_ms
        found = [one for one in found if one[1].at_ms < ends_ms]
    rows = [
        {
            "subject": name[0],
            "metric_name": name[1],
            "step_s": step_ms // 1000,
            "recorded_at": step.at_ms,
            "samples": step.samples,
            "mean": step.mean,
            "lowest": step.lowest,
            "highest": step.highest,
        }
        for name, those in groupby(sorted(found, key=lambda one: one[0]), key=lambda one: one[0])
        for step in fold((step for _, step in those), step_ms)
    ]
    if rows:
        connection.execute(_INSERT.on(connection), rows)
    return len(rows)


def _first(connection: Connection, step_ms: int, from_ms: int, until_ms: int) -> int | None:
    """The first moment of which there is something to sum up."""
    if step_ms == MINUTE_MS:
        at = [metrics.c.recorded_at, run_samples.c.sampled_at]
        asked = [select(func.min(one)).where(one >= from_ms, one < until_ms) for one in at]
    else:
        one = metric_steps.c.recorded_at
        of_minutes = metric_steps.c.step_s == MINUTE_MS // 1000
        asked = [select(func.min(one)).where(of_minutes, one >= from_ms, one < until_ms)]
    found = [at_ms for query in asked if (at_ms := connection.scalar(query)) is not None]
    return min(found, default=None)


def _readings(connection: Connection, from_ms: int, to_ms: int) -> Iterable[_Named]:
    column = metrics.c
    for name, at_ms, value in connection.execute(
        select(column.metric_name, column.recorded_at, column.value).where(
            column.recorded_at >= from_ms, column.recorded_at < to_ms
        )
    ):
        yield (OF_HOST, name), reading(at_ms, value)
    for one in readings_of_runs(connection, from_ms, to_ms):
        for name, value in one.values:
            yield (one.task_name, name), reading(one.at_ms, value)


def _minutes(connection: Connection, from_ms: int, to_ms: int) -> Iterable[_Named]:
    column = metric_steps.c
    for subject, name, *step in connection.execute(
        select(
            column.subject,
            column.metric_name,
            column.recorded_at,
            column.samples,
            column.mean,
            column.lowest,
            column.highest,
        ).where(
            column.step_s == MINUTE_MS // 1000,
            column.recorded_at >= from_ms,
            column.recorded_at < to_ms,
        )
    ):
        yield (subject, name), Step(*step)


def _let_go(connection: Connection, table: Table, at: Any, before_ms: int, *which: Any) -> int:
    """Delete the oldest rows, a slice of them, and all of a moment at once."""
    newest_ms = connection.scalar(
        select(at).where(*which, at < before_ms).order_by(at).limit(1).offset(SLICE - 1)
    )
    ends_at = at < before_ms if newest_ms is None else at <= newest_ms
    return connection.execute(table.delete().where(*which, ends_at)).rowcount
