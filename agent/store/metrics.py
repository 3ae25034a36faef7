"""How the host has been doing: readings by name and time."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import mysql, sqlite

from schema.tables import metrics

MAX_POINTS: Final = 2_000

_INSERT_SQLITE = sqlite.insert(metrics)
_INSERT_SQLITE = _INSERT_SQLITE.on_conflict_do_update(
    index_elements=["metric_name", "recorded_at"],
    set_={"value": _INSERT_SQLITE.excluded["value"]},
)
_INSERT_MYSQL = mysql.insert(metrics)
_INSERT_MYSQL = _INSERT_MYSQL.on_duplicate_key_update(value=_INSERT_MYSQL.inserted["value"])


def record(connection: Connection, readings: Mapping[str, float], *, at_ms: int) -> None:
    """Keep the readings of one moment."""
    if not readings:
        return
    connection.execute(
        _INSERT_SQLITE if connection.dialect.name == "sqlite" else _INSERT_MYSQL,
        [
            {"metric_name": name, "recorded_at": at_ms, "value": value}
            for name, value in readings.items()
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
    connection: Connection, name: str, *, from_ms: int, to_ms: int, step_ms: int
) -> tuple[tuple[int, float], ...]:
    """The mean of each step that has readings, from <= t < to, in order, 2 000 steps at most."""
    step_ms = max(step_ms, -(-(to_ms - from_ms) // MAX_POINTS), 1)
    steps: dict[int, tuple[float, int]] = {}
    rows = connection.execute(
        select(metrics.c.recorded_at, metrics.c.value).where(
            metrics.c.metric_name == name,
            metrics.c.recorded_at >= from_ms,
            metrics.c.recorded_at < to_ms,
        )
    )
    for at_ms, value in rows:
        step = from_ms + (at_ms - from_ms) // step_ms * step_ms
        total, count = steps.get(step, (0.0, 0))
        steps[step] = (total + value, count + 1)
    return tuple((step, total / count) for step, (total, count) in sorted(steps.items()))
