"""Do the rollups say what the rows of the runs say, and how are they made anew from these?"""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import Connection, exists, select

from agent.runs import ENDINGS, Run
from agent.store.rollups import (
    ALL_TASKS,
    COUNTS,
    DAY_MS,
    HOUR_MS,
    LONGEST_RUN_MS,
    PEAKS,
    count,
    put,
)
from agent.ulid import first_ulid
from schema.tables import executions, rollup_totals, rollups

Key: TypeAlias = tuple[str, int, int]
"""Task (or all), hours of the step, when it begins."""
Amount: TypeAlias = tuple[tuple[int, ...], dict[int, int]]

_FIELDS: Final = {
    "id": "id",
    "task_name": "task_name",
    "category": "category",
    "def_rev": "def_rev",
    "scheduled_ms": "scheduled_at",
    "attempt": "attempt",
    "trigger": "trigger_type",
    "status": "status",
    "queued_ms": "queued_at",
    "reason": "reason",
    "started_ms": "started_at",
    "ended_ms": "ended_at",
    "duration_ms": "duration_ms",
    "cpu_ms": "cpu_ms",
    "peak_rss": "peak_rss",
}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A row of rollups that is not what the runs come to; no task: all of them together."""

    task_name: str
    step_hours: int
    begins_ms: int
    kept: dict[str, int]
    counted: dict[str, int]


def differences(connection: Connection, first_day_ms: int, last_day_ms: int) -> list[Difference]:
    """What is kept and what the runs come to where both differ, for the days from first to last.

    Rows of runs that were cleaned up are not counted: ask for days that still have them all.
    """
    counted = _summed(_recounted(connection, first_day_ms, last_day_ms + DAY_MS))
    kept = _kept(connection, first_day_ms, last_day_ms + DAY_MS)
    nothing: Amount = ((0,) * len(COUNTS), {})
    return [
        Difference(
            task_name=key[0],
            step_hours=key[1],
            begins_ms=key[2],
            kept=_said(kept.get(key, nothing), counted.get(key, nothing)),
            counted=_said(counted.get(key, nothing), kept.get(key, nothing)),
        )
        for key in sorted(kept.keys() | counted.keys())
        if kept.get(key, nothing) != counted.get(key, nothing)
    ]


def rebuild(connection: Connection, day_ms: int) -> int:
    """Make the rollups of a day anew from its runs; how many ends count.

    The day must be over, or nobody else may write: an end that comes meanwhile is counted twice
    or not at all.
    """
    ends = list(_ends(connection, day_ms, day_ms + DAY_MS))
    for column in (rollups.c.hour_at, rollup_totals.c.begins_at):
        of_day = (column >= day_ms) & (column < day_ms + DAY_MS)
        connection.execute(column.table.delete().where(of_day))
    if ends:
        put(connection, ends)
    return len(ends)


def _ends(
    connection: Connection, from_ms: int, to_ms: int
) -> Iterable[tuple[str, int, tuple[tuple[int, ...], int | None]]]:
    """What each end within the span adds to its task's hour."""
    column = executions.c
    later = executions.alias()
    has_next = exists().where(
        later.c.task_name == column.task_name,
        later.c.scheduled_at == column.scheduled_at,
        later.c.attempt == column.attempt + 1,
        later.c.trigger_type == "retry",
    )
    found = connection.execute(
        select(*[column[name] for name in _FIELDS.values()], has_next).where(
            column.id >= first_ulid(from_ms - LONGEST_RUN_MS),
            column.id < first_ulid(to_ms),
            column.ended_at >= from_ms,
            column.ended_at < to_ms,
            column.status.in_(ENDINGS),
        )
    )
    for *values, is_tried_again in found:
        fields: dict[str, Any] = dict(zip(_FIELDS, values, strict=True))
        run = Run(**fields)
        adds = count(run, has_next=bool(is_tried_again))
        if adds is not None and run.ended_ms is not None:
            yield run.task_name, run.ended_ms - run.ended_ms % HOUR_MS, adds


def _recounted(connection: Connection, from_ms: int, to_ms: int) -> dict[Key, Amount]:
    hours: dict[Key, Amount] = {}
    for name, hour_ms, (counts, number) in _ends(connection, from_ms, to_ms):
        _add(hours, (name, 1, hour_ms), (counts, {} if number is None else {number: 1}))
    return hours


def _summed(hours: dict[Key, Amount]) -> dict[Key, Amount]:
    """The hours of tasks, with the totals that belong to them."""
    found = dict(hours)
    for (name, _, hour_ms), amount in hours.items():
        day_ms = hour_ms - hour_ms % DAY_MS
        for key in ((name, 24, day_ms), (ALL_TASKS, 1, hour_ms), (ALL_TASKS, 24, day_ms)):
            _add(found, key, amount)
    return found


def _kept(connection: Connection, from_ms: int, to_ms: int) -> dict[Key, Amount]:
    found: dict[Key, Amount] = {}
    for table, at in ((rollups, rollups.c.hour_at), (rollup_totals, rollup_totals.c.begins_at)):
        rows = connection.execute(select(table).where(at >= from_ms, at < to_ms))
        for row in rows.mappings():
            key = (row["task_name"], row.get("step_hours", 1), row[at.name])
            histogram = {int(number): times for number, times in row["histogram"].items()}
            found[key] = (tuple(int(row[name]) for name in COUNTS), histogram)
    return found


def _add(amounts: dict[Key, Amount], key: Key, amount: Amount) -> None:
    before, histogram = amounts.get(key, ((0,) * len(COUNTS), {}))
    counts = tuple(
        max(old, new) if name in PEAKS else old + new
        for name, old, new in zip(COUNTS, before, amount[0], strict=True)
    )
    together = dict(histogram)
    for number, times in amount[1].items():
        together[number] = together.get(number, 0) + times
    amounts[key] = (counts, together)


def _said(amount: Amount, other: Amount) -> dict[str, int]:
    """The figures that differ from the other's."""
    pairs = zip(COUNTS, amount[0], other[0], strict=True)
    said = {name: mine for name, mine, theirs in pairs if mine != theirs}
    if amount[1] != other[1]:
        said["histogram"] = sum(amount[1].values())
    return said
