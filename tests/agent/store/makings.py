"""Rows as the tests want them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from agent.definitions import Definition
from agent.runs import Run
from agent.store import ledger, streaks
from agent.store.ledger import Step
from agent.ulid import new_ulid

NOW_MS = 1_795_500_000_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000


def a_task(name: str = "backup", **fields: Any) -> Definition:
    values: dict[str, Any] = {
        "task_name": name,
        "schedule": ("0 1 * * *",),
        "command": "backup.sh",
        **fields,
    }
    return Definition(**values)


def a_run(at_ms: int = NOW_MS, **fields: Any) -> Run:
    values: dict[str, Any] = {
        "id": new_ulid(at_ms),
        "task_name": "backup",
        "category": "General",
        "def_rev": 1,
        "scheduled_ms": at_ms,
        "attempt": 1,
        "trigger": "schedule",
        "status": "queued",
        "queued_ms": at_ms,
        **fields,
    }
    return Run(**values)


def ended(run: Run, status: str = "success", duration_ms: int = 1_500, **fields: Any) -> Run:
    started_ms = run.scheduled_ms + 20
    values: dict[str, Any] = {
        "status": status,
        "started_ms": started_ms,
        "ended_ms": started_ms + duration_ms,
        "duration_ms": duration_ms,
        "late_ms": 20,
        "exit_status": 0 if status == "success" else 1,
        "pid": 4711,
        **fields,
    }
    return msgspec.structs.replace(run, **values)


def move(connection: Connection, run: Run) -> bool:
    """Write what a run that lives is now."""
    return ledger.move(connection, [run])[0]


def end(
    connection: Connection, run: Run, retry: Run | None = None, chained: Sequence[Run] = ()
) -> tuple[Run, ...]:
    """Write how a run ended, and say which rows are new by it."""
    return end_and_count(connection, run, retry, chained)[0]


def end_and_count(
    connection: Connection, run: Run, retry: Run | None = None, chained: Sequence[Run] = ()
) -> tuple[tuple[Run, ...], streaks.Consequence | None]:
    """The same, and whether the task was disabled for it."""
    step = Step(run=run, retry=retry, chained=tuple(chained), now_ms=NOW_MS)
    return streaks.record(connection, [step])[0]
