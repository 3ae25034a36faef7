"""How the host has been doing: readings by name and time."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from agent.rules.downsampling import RAW_MS, Keeping, Step, finer, fold, level_for, reading
from agent.store.upserts import Upsert
from schema.tables import executions, metric_steps, metrics, run_samples

MAX_POINTS: Final = 2_000
OF_HOST: Final = ""
"""The subject of what is no task's."""

_INSERT = Upsert(metrics, key=("metric_name", "recorded_at"), renews=("value",))


class Usage(msgspec.Struct, frozen=True):
    """What a long run used when it was looked at."""

    task_name: str
    at_ms: int
    values: tuple[tuple[str, float], ...]


def record(
    connection: Connection,
    readings: Mapping[str, float],
    *,
    at_ms: int,
    earlier: Iterable[tuple[int, Mapping[str, float]]] = (),
) -> None:
    """Keep the readings of one moment, and those taken since the last time."""
    moments = [*earlier, (at_ms, readings)]
    if not any(values for _, values in moments):
        return
    connection.execute(
        _INSERT.on(connection),
        [
            {"metric_name": name, "recorded_at": taken_ms, "value": value}
            for taken_ms, values in moments
            for name, value in values.items()
        ],
    )


def latest(connection: Connection) -> tuple[int, dict[str, float]] | None:
    """The newest moment with readings, and these; None when there are none."""
    at_ms = connection.scalar(select(func.max(metrics.c.recorded_at)))
    if at_ms is None:
        return None
    rows = connection.execute(
        select(metrics.c.metric_name, metrics.c.value).where(metrics.c.recorded_at == at_ms)
    )
    return at_ms, dict(rows.all())


def series(
    connection: Connection,
    name: str,
    *,
    from_ms: int,
    to_ms: int,
    step_ms: int,
    now_ms: int,
    task_name: str | None = None,
    keeping: Keeping | None = None,
) -> tuple[Step, ...]:
    """Each step that has readings, from <= t < to, in order, 2 000 steps at most.

    Of the host, or of a task's long runs: `cpu` (processors used), `rss`, `processes`.
    """
    step_ms = max(step_ms, -(-(to_ms - from_ms) // MAX_POINTS), 1)
    level_ms = level_for(step_ms, from_ms, now_ms, keeping or Keeping())
    subject = OF_HOST if task_name is None else task_name
    found: list[Step] = []
    begins_ms = from_ms
    for each_ms in (level_ms, *finer(level_ms)):
        # What begins before the span is part of a step that is not asked for.
        steps = _steps(connection, subject, name, each_ms, begins_ms, to_ms)
        found += steps
        if steps:
            begins_ms = steps[-1].at_ms + (each_ms if each_ms > RAW_MS else 1)
    return fold(found, step_ms, from_ms=from_ms)


def readings_of_runs(
    connection: Connection, from_ms: int, to_ms: int, task_name: str | None = None
) -> Iterable[Usage]:
    """What long runs used at each look, from <= t < to."""
    now, before = run_samples.c, run_samples.alias().c
    earlier = (
        select(before.sampled_at)
        .where(before.run_id == now.run_id, before.sampled_at < now.sampled_at)
        .order_by(before.sampled_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    cpu_earlier = (
        select(before.cpu_ms)
        .where(before.run_id == now.run_id, before.sampled_at < now.sampled_at)
        .order_by(before.sampled_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(
            executions.c.task_name,
            now.sampled_at,
            now.cpu_ms,
            now.rss_bytes,
            now.processes,
            func.coalesce(earlier, executions.c.started_at),
            func.coalesce(cpu_earlier, 0),
        )
        .join_from(run_samples, executions, now.run_id == executions.c.id)
        .where(now.sampled_at >= from_ms, now.sampled_at < to_ms)
    )
    if task_name is not None:
        query = query.where(executions.c.task_name == task_name)
    for name, at_ms, cpu_ms, rss, processes, since_ms, cpu_before_ms in connection.execute(query):
        values = [("rss", float(rss)), ("processes", float(processes))]
        if since_ms is not None and since_ms < at_ms:
            values.append(("cpu", (cpu_ms - cpu_before_ms) / (at_ms - since_ms)))
        yield Usage(name, at_ms, tuple(values))


def _steps(
    connection: Connection, subject: str, name: str, level_ms: int, from_ms: int, to_ms: int
) -> list[Step]:
    if level_ms == RAW_MS and subject == OF_HOST:
        rows = connection.execute(
            select(metrics.c.recorded_at, metrics.c.value)
            .where(
                metrics.c.metric_name == name,
                metrics.c.recorded_at >= from_ms,
                metrics.c.recorded_at < to_ms,
            )
            .order_by(metrics.c.recorded_at)
        )
        return [reading(at_ms, value) for at_ms, value in rows]
    if level_ms == RAW_MS:
        looks = readings_of_runs(connection, from_ms, to_ms, subject)
        found = [
            reading(look.at_ms, value)
            for look in looks
            for its_name, value in look.values
            if its_name == name
        ]
        return sorted(found, key=lambda step: step.at_ms)
    column = metric_steps.c
    rows = connection.execute(
        select(column.recorded_at, column.samples, column.mean, column.lowest, column.highest)
        .where(
            column.subject == subject,
            column.metric_name == name,
            column.step_s == level_ms // 1000,
            column.recorded_at >= from_ms,
            column.recorded_at < to_ms,
        )
        .order_by(column.recorded_at)
    )
    return [Step(*values) for values in map(tuple, rows)]
