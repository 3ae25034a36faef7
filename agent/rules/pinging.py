"""Which due moment of a watch does a ping answer, and when is a moment left without one?"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from agent.definitions import Definition
from agent.errors import WrongUse
from agent.runs import Run

What = Literal["start", "ok", "fail"]
MESSAGE_CHARS: Final = 300


class Ping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job that somebody else starts says how it is; `op` is the same however often it is told."""

    op: str
    task_name: str
    at_ms: int
    what: What = "ok"
    message: str | None = None
    exit_status: int | None = None
    signal: int | None = None
    run_id: str | None = None
    who: str = ""


def check_expected(definition: Definition) -> None:
    """Raise WrongUse for a task that expects no pings."""
    if definition.kind != "watch":
        raise WrongUse(
            f"task_name = {definition.task_name!r}: runs a command and expects no pings; "
            "a task that expects them has kind = 'watch'"
        )


def answered_by(rows: Sequence[Run], at_ms: int, *, grace_ms: int) -> Run | None:
    """The row of the due moment in whose span a ping lies: the newest one that had come by then.

    `rows` are those of a task's last due moments. None when the ping comes before all of them, or
    too late.
    """
    come = [row for row in rows if row.scheduled_ms <= at_ms]
    newest = max(come, key=lambda row: row.scheduled_ms, default=None)
    return newest if newest is not None and at_ms <= newest.scheduled_ms + grace_ms else None


def begun_by(alive: Sequence[Run], run_id: str | None) -> Run | None:
    """The run that a ping at an end belongs to: the one it names, else the one begun last."""
    if run_id is not None:
        return next((run for run in alive if run.id == run_id), None)
    return max(alive, key=lambda run: run.started_ms or 0, default=None)


def is_overdue(row: Run, now_ms: int, *, grace_ms: int) -> bool:
    """Nothing came, and what comes now comes too late."""
    return now_ms > row.scheduled_ms + grace_ms


def is_too_long(run: Run, now_ms: int, *, timeout_ms: int) -> bool:
    """It said when it began, and should long have said how it ended."""
    return now_ms > (run.started_ms or run.scheduled_ms) + timeout_ms
