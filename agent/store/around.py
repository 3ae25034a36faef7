"""What stood at and around one moment of a task: rows, the run in its way, what befell the host."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, select

from agent.expected import Happened
from agent.runs import LIVE_STATES, Run
from agent.store import ledger
from schema.tables import events, executions

_ALL: Final = tuple(executions.c[name] for name in ledger.COLUMN_OF.values())
_MOST: Final = 10


def at_moment(connection: Connection, task_name: str, at_ms: int) -> tuple[Run, ...]:
    """Every attempt at this moment, first one first."""
    rows = connection.execute(
        select(*_ALL)
        .where(executions.c.task_name == task_name, executions.c.scheduled_at == at_ms)
        .order_by(executions.c.attempt)
    )
    return tuple(ledger.as_run(row) for row in rows)


def summing(connection: Connection, task_name: str, at_ms: int) -> Run | None:
    """The row that stands for several moments, this one among them."""
    row = connection.execute(
        select(*_ALL)
        .where(
            executions.c.task_name == task_name,
            executions.c.scheduled_at <= at_ms,
            executions.c.missed_until >= at_ms,
        )
        .order_by(executions.c.scheduled_at.desc())
        .limit(1)
    ).first()
    return None if row is None else ledger.as_run(row)


def alive_at(connection: Connection, task_name: str, at_ms: int, *, but: str) -> Run | None:
    """The newest run of the task that had begun and not ended then; this row itself left out."""
    column = executions.c
    row = connection.execute(
        select(*_ALL)
        .where(
            column.task_name == task_name,
            column.id != but,
            column.started_at <= at_ms,
            (column.ended_at >= at_ms) | column.ended_at.is_(None),
        )
        .order_by(column.id.desc())
        .limit(1)
    ).first()
    return None if row is None else ledger.as_run(row)


def live_runs(connection: Connection, names: Iterable[str] | None = None) -> dict[str, list[Run]]:
    """The runs that have not ended, oldest first, by task: of all tasks or of these."""
    wanted = None if names is None else frozenset(names)
    found: dict[str, list[Run]] = {}
    rows = connection.execute(
        select(*_ALL).where(executions.c.status.in_(LIVE_STATES)).order_by(executions.c.id)
    )
    for row in rows:
        run = ledger.as_run(row)
        if wanted is None or run.task_name in wanted:
            found.setdefault(run.task_name, []).append(run)
    return found


def happened(connection: Connection, from_ms: int, until_ms: int) -> tuple[Happened, ...]:
    """What befell the host's clock and the agent in a span, oldest first, the first few."""
    rows = connection.execute(
        select(events.c.happened_at, events.c.kind, events.c.size_ms, events.c.message)
        .where(events.c.happened_at.between(from_ms, until_ms))
        .order_by(events.c.happened_at, events.c.id)
        .limit(_MOST)
    )
    return tuple(
        Happened(at_ms=at_ms, kind=kind, size_ms=size_ms, message=message)
        for at_ms, kind, size_ms, message in rows
    )
