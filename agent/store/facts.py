"""What is known of one moment of one task: gathered, so that it can be explained."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from agent.cron.moments import DueMoment
from agent.definitions import Definition
from agent.due import due_between, next_dues
from agent.errors import TaskNotFound, WrongUse
from agent.rules.calendar import closed_at
from agent.rules.why import Facts
from agent.runs import Run
from agent.store import around, calendars, events, state, tasks
from agent.store.tasks import TaskRow

LAST_MS: Final = 221_845_392_000_000
"""The year 9000: nothing later is looked for."""
_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
# The moment before is looked for in longer and longer spans.
_LOOK_BACK_MS: Final = (_DAY_MS, 40 * _DAY_MS, 400 * _DAY_MS, 3000 * _DAY_MS)
_AROUND_MS: Final = 10 * _MINUTE_MS
# Of these the events of that time tell more.
_ABSENCES: Final = ("agent_down", "clock_jump", "suspended", "too_late")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The moment meant by a question, what is known of it, and the boots of the host."""

    at_ms: int
    facts: Facts
    boots: tuple[int, ...] = ()


def gather(connection: Connection, task_name: str, at_ms: int, *, now_ms: int) -> Asked:
    """All that explains this moment; raises TaskNotFound.

    A full minute means the due moment within it, if there is one.
    """
    check_moment("at", at_ms)
    (task,) = tasks.load(connection, [task_name])
    facts = _standing(connection, task, at_ms, now_ms)
    boots = events.boots(connection)
    if facts.definition is None:
        return Asked(at_ms=at_ms, facts=facts, boots=boots)
    definition = facts.definition
    at_ms, due, following = _meant(definition, at_ms, boots)
    rows = around.at_moment(connection, task_name, at_ms)
    summed = None if rows else around.summing(connection, task_name, at_ms)
    row = rows[0] if rows else summed
    known = calendars.load_all(connection)
    facts = msgspec.structs.replace(
        facts,
        decided_ms=state.decided_until(connection),
        tag=None if due is None else due.tag,
        before_ms=_before(definition, at_ms, boots),
        after_ms=following,
        closed=closed_at(known, definition.calendars, at_ms),
        rows=rows,
        summed=summed,
    )
    return Asked(
        at_ms=at_ms, facts=facts if row is None else _more(connection, facts, row), boots=boots
    )


def check_moment(field: str, at_ms: int) -> None:
    """Raise WrongUse for a moment that no calendar reaches."""
    if at_ms > LAST_MS:
        raise WrongUse(f"{field}: lies after the year 9000; name an earlier moment")


def is_due(definition: Definition, at_ms: int, boots: Sequence[int] = ()) -> bool:
    """Is this instant one of its due moments?"""
    return due_between(definition, at_ms - 1, at_ms, boots=boots).count > 0


def _standing(connection: Connection, task: TaskRow, at_ms: int, now_ms: int) -> Facts:
    """The definition and flags in force then; for a moment to come those of now."""
    facts = Facts(
        task_name=task.task_name,
        now_ms=now_ms,
        definition=task.definition,
        first_known_ms=task.created_ms,
        enabled=task.enabled,
        paused_until_ms=task.paused_until_ms,
        pause_reason=task.pause_reason,
        skip_until_ms=task.skip_until_ms,
    )
    if at_ms > now_ms:
        return facts
    try:
        (version,) = tasks.versions(connection, task.task_name, before_ms=at_ms, limit=1)
    except TaskNotFound:
        return msgspec.structs.replace(facts, definition=None)
    return msgspec.structs.replace(
        facts,
        definition=version.definition,
        changed_ms=version.changed_ms,
        changed_by=version.changed_by,
        enabled=version.enabled,
        paused_until_ms=version.paused_until_ms,
        pause_reason=version.pause_reason,
    )


def _meant(
    definition: Definition, at_ms: int, boots: Sequence[int]
) -> tuple[int, DueMoment | None, int | None]:
    """The moment that is meant, itself if it is due, and the next due one after it."""
    coming = next_dues(definition, at_ms - 1, 2, boots=boots)
    reach_ms = _MINUTE_MS if at_ms % _MINUTE_MS == 0 else 1
    if coming and coming[0].at_ms < at_ms + reach_ms:
        after_ms = coming[1].at_ms if len(coming) > 1 else None
        return coming[0].at_ms, coming[0], after_ms
    return at_ms, None, coming[0].at_ms if coming else None


def _before(definition: Definition, at_ms: int, boots: Sequence[int]) -> int | None:
    for span_ms in _LOOK_BACK_MS:
        found = due_between(definition, at_ms - span_ms, at_ms - 1, limit=1, boots=boots)
        if found.newest:
            return found.newest[-1]
    return None


def _more(connection: Connection, facts: Facts, row: Run) -> Facts:
    """What stood in the way of a row that did not run, and what befell the host then."""
    if row.reason in ("overlap", "queue_full"):
        in_way = around.alive_at(connection, row.task_name, row.queued_ms, but=row.id)
        return msgspec.structs.replace(facts, in_way=in_way)
    if row.reason in _ABSENCES:
        told = around.happened(
            connection, row.scheduled_ms - _AROUND_MS, row.queued_ms + _AROUND_MS
        )
        return msgspec.structs.replace(facts, events=told)
    return facts
