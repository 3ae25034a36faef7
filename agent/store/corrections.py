"""What the ledger takes back once it is known that the clock had been wrong."""

from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from agent.definitions import Definition
from agent.rules.clocks import Happening
from agent.rules.sums import Sum
from agent.store import events, state, tasks
from schema.tables import executions

# These ended without a process, so nothing but the wrong clock made them.
_NEVER_RAN: Final = ("missed", "skipped")
MAX_NAMED: Final = 1_000
_DUE: Final = ("schedule", "catchup")


class Taken(msgspec.Struct, frozen=True):
    """A row of a due moment, or of the sum of several: the first, the last, how many."""

    first_ms: int
    last_ms: int
    count: int


class TakenBack(msgspec.Struct, frozen=True, kw_only=True):
    """The due moments of one task whose rows were taken back."""

    task_name: str
    first_ms: int
    last_ms: int
    count: int


class Overreaching(msgspec.Struct, frozen=True, kw_only=True):
    """A row that sums up moments of which some have not come yet."""

    run_id: str
    task_name: str
    def_rev: int
    first_ms: int
    last_ms: int
    count: int


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken back per task, and the sums that `cut_sum` still has to shorten.

    `newest` are the ids of the newest rows that were removed: those that may be shown somewhere.
    """

    tasks: tuple[TakenBack, ...]
    newest: tuple[str, ...]
    to_cut: tuple[Overreaching, ...]

    @property
    def count(self) -> int:
        """How many due moments will be decided again."""
        return sum(task.count for task in self.tasks)


def correct(
    connection: Connection,
    *,
    happening: Happening,
    highest_ms: int,
    cut: Callable[[Overreaching, Definition | None], Sum],
) -> Withdrawn:
    """Let the agent go on from the moment of a correction, and keep what was taken back for it.

    `highest_ms` is how far was ever decided: up to there moments may have rows. `cut` answers
    what remains of a sum that reaches beyond now, by the definition it was made by.
    """
    now_ms = happening.at_ms
    withdrawn = withdraw(connection, now_ms)
    for reaching in withdrawn.to_cut:
        made_by = tasks.definition_of(connection, reaching.task_name, reaching.def_rev)
        rest = cut(reaching, made_by)
        cut_sum(connection, reaching.run_id, rest.count, rest.last_ms)
    tasks.move_watermarks_back(connection, now_ms)
    state.set_highest(connection, highest_ms, now_ms=now_ms)
    details = {"withdrawn": [msgspec.to_builtins(task) for task in withdrawn.tasks]}
    events.record(connection, happening, details=details)
    return withdrawn


def withdraw(connection: Connection, now_ms: int) -> Withdrawn:
    """Remove the rows that say of moments later than now that they did not run.

    Those moments have not come. What ran, or is about to, keeps its row, so that its moment
    does not run twice; manual and chained runs and further attempts keep theirs.
    """
    column = executions.c
    is_to_come = and_(_never_ran(), column.scheduled_at > now_ms)
    last = func.max(func.coalesce(column.missed_until, column.scheduled_at))
    removed = connection.execute(
        select(
            column.task_name,
            func.min(column.scheduled_at),
            last,
            func.sum(column.missed_count),
        )
        .where(is_to_come)
        .group_by(column.task_name)
        .order_by(column.task_name)
    ).all()
    newest = connection.scalars(
        select(column.id).where(is_to_come).order_by(column.id.desc()).limit(MAX_NAMED)
    ).all()
    connection.execute(executions.delete().where(is_to_come))
    reaching = connection.execute(
        select(
            column.id,
            column.task_name,
            column.def_rev,
            column.scheduled_at,
            column.missed_until,
            column.missed_count,
        )
        .where(_never_ran(), column.missed_until > now_ms)
        .order_by(column.task_name, column.scheduled_at)
    )
    return Withdrawn(
        tasks=tuple(
            TakenBack(task_name=name, first_ms=first_ms, last_ms=last_ms, count=int(count))
            for name, first_ms, last_ms, count in removed
        ),
        newest=tuple(newest),
        to_cut=tuple(
            Overreaching(
                run_id=run_id,
                task_name=task_name,
                def_rev=def_rev,
                first_ms=first_ms,
                last_ms=last_ms,
                count=count,
            )
            for run_id, task_name, def_rev, first_ms, last_ms, count in reaching
        ),
    )


def cut_sum(connection: Connection, run_id: str, count: int, until_ms: int) -> None:
    """Let a row that sums up stand for fewer moments, the last of which is `until_ms`."""
    if count < 1:
        raise ValueError(f"a row stands for one moment at least, not for {count}")
    connection.execute(
        executions.update()
        .where(executions.c.id == run_id, _never_ran())
        .values(missed_count=count, missed_until=until_ms if count > 1 else None)
    )


def taken(connection: Connection, task_name: str, from_ms: int, until_ms: int) -> tuple[Taken, ...]:
    """The rows of this task's due moments within [from, until], and sums that reach into it.

    Manual and chained runs answer to no due moment and are left out.
    """
    column = executions.c
    rows = connection.execute(
        select(column.scheduled_at, column.missed_until, column.missed_count)
        .where(
            column.task_name == task_name,
            column.attempt == 1,
            column.trigger_type.in_(_DUE),
            or_(
                column.scheduled_at.between(from_ms, until_ms),
                and_(column.missed_until >= from_ms, column.scheduled_at < from_ms),
            ),
        )
        .order_by(column.scheduled_at)
    )
    return tuple(
        Taken(first_ms, first_ms if last_ms is None else last_ms, count)
        for first_ms, last_ms, count in rows
    )


def _never_ran() -> ColumnElement[bool]:
    column = executions.c
    return and_(
        column.attempt == 1,
        column.trigger_type.in_(_DUE),
        column.status.in_(_NEVER_RAN),
        column.started_at.is_(None),
    )
