"""What is drawn of a span of time: its runs in short, or how many ended in each hour."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, bindparam, func, select

from agent.rules.calendar import closures
from agent.runs import LIVE_STATES
from agent.store import calendars
from agent.store.rollups import ALL_TASKS, HOUR_MS
from agent.store.tasks import TaskRow
from agent.ulid import first_ulid, ulid_ms
from schema.tables import events, executions, rollup_totals, rollups

MOST_HOURS: Final = 1_000
"""So many counts are read at once, the newest of them."""
MOST_GAPS: Final = 200
MOST_CLOSED: Final = 500
GAPS: Final = ("outage", "stall", "suspend")
_BESIDE: Final = 200
"""So many rows are looked for at most of each kind that ids do not lead to."""
_LONG: Final = 500
"""A run that is shorter than this part of the span is not looked for from before it."""
_QUEUED_MS: Final = 600_000
"""Ids tell when a run was claimed; so long it may have waited before it started."""

_STATUS: Final = f"ix_{executions.name}_status_id"
_C = executions.c
_BRIEF: Final[Select[Any]] = select(
    _C.id,
    _C.task_name,
    _C.status,
    _C.scheduled_at,
    _C.started_at,
    _C.ended_at,
    _C.reason,
    _C.missed_until,
)


def _by(query: Select[Any], index: str) -> Select[Any]:
    """Left alone MariaDB walks all rows where it expects the limit to be reached soon."""
    for dialect in ("mysql", "mariadb"):
        query = query.with_hint(executions, f"FORCE INDEX ({index})", dialect)
    return query


_SOME: Final = _BRIEF.limit(bindparam("most"))
_NEWEST_FIRST: Final = _SOME.order_by(_C.id.desc())
_CLAIMED: Final = _NEWEST_FIRST.where(_C.id < bindparam("before"), _C.id >= bindparam("floor"))
_PAGE: Final = _by(_CLAIMED, "PRIMARY")
# An agent that was away writes down what it missed when it is back: after the span, it may be.
_MISSED: Final = _by(
    _NEWEST_FIRST.where(
        _C.status == "missed",
        _C.id >= bindparam("after"),
        _C.scheduled_at >= bindparam("from_at"),
        _C.scheduled_at < bindparam("to_at"),
    ),
    _STATUS,
)
_LIVE: Final = _by(
    _SOME.where(_C.status.in_(sorted(LIVE_STATES)), _C.id < bindparam("floor")), _STATUS
)
_OF_A_TASK: Final = _by(
    _CLAIMED.where(_C.task_name == bindparam("name"), _C.ended_at > bindparam("from_at")),
    f"ix_{executions.name}_task_name_id",
)


class Brief(msgspec.Struct, frozen=True, array_like=True):
    """A run in short."""

    run_id: str
    task_name: str
    status: str
    scheduled_ms: int
    started_ms: int | None
    ended_ms: int | None
    reason: str | None
    missed_until_ms: int | None


class Page(msgspec.Struct, frozen=True):
    """Some runs, newest first; from `since_ms` on none is missing. `next` is None at the end."""

    runs: tuple[Brief, ...]
    since_ms: int
    next: str | None


class HourOf(msgspec.Struct, frozen=True):
    """What ended in an hour of one task; no name means all of them."""

    task_name: str
    at_ms: int
    runs: int
    failures: int


class Stopped(msgspec.Struct, frozen=True):
    """A span in which the agent did not work."""

    from_ms: int
    to_ms: int
    kind: str


class Shut(msgspec.Struct, frozen=True):
    """A span in which the tasks of one set, by its number, must not start."""

    from_ms: int
    to_ms: int
    name: str
    obeying: int


class Closings(msgspec.Struct, frozen=True):
    """Spans in which tasks must not start, and the sets of tasks that they are about."""

    shut: tuple[Shut, ...]
    obeying: tuple[tuple[str, ...], ...]


def runs(
    connection: Connection, *, from_ms: int, to_ms: int, before: str | None = None, limit: int
) -> Page:
    """The runs that were claimed in the span, and those that reach into it; each once.

    A page costs the same however many rows there are: it is the end of an index.
    """
    floor, top = first_ulid(from_ms), first_ulid(to_ms)
    span = {"before": top if before is None else min(before, top), "floor": floor}
    rows = _read(connection, _PAGE, **span, most=limit + 1)
    shown = rows[:limit]
    has_more = len(rows) > limit
    if before is None:
        shown += _read(connection, _MISSED, after=top, from_at=from_ms, to_at=to_ms, most=_BESIDE)
    if not has_more:
        shown += _reaching_into(connection, from_ms, to_ms)
    last = rows[limit - 1].run_id if has_more else None
    return Page(tuple(shown), from_ms if last is None else ulid_ms(last) + 1, last)


def hours(
    connection: Connection, *, from_ms: int, to_ms: int, by_task: bool
) -> tuple[int, tuple[HourOf, ...]]:
    """Since when they are complete, and the counts of each hour, oldest first.

    Where there are many it is the newest hours that are told, each whole, and one at least.
    """
    first_ms = from_ms - from_ms % HOUR_MS
    table, at = (rollups, "hour_at") if by_task else (rollup_totals, "begins_at")
    column = table.c
    query = (
        select(column.task_name, column[at], column.runs, column.failures)
        .where(column[at] >= bindparam("since"), column[at] < to_ms)
        .order_by(column[at].desc())
    )
    if not by_task:
        query = query.where(column.task_name == ALL_TASKS, column.step_hours == 1)
    found = _hours(connection, query.limit(MOST_HOURS + 1), first_ms)
    since_ms = first_ms
    if len(found) > MOST_HOURS:
        cut_ms, newest_ms = found[-1].at_ms, found[0].at_ms
        since_ms = min(cut_ms + HOUR_MS, newest_ms)
        if cut_ms == newest_ms:
            found = _hours(connection, query, newest_ms)
    return since_ms, tuple(one for one in reversed(found) if one.at_ms >= since_ms)


def gaps(connection: Connection, *, from_ms: int, to_ms: int) -> tuple[Stopped, ...]:
    """When the agent did not work, as far as that reaches into the span, newest first."""
    rows = connection.execute(
        select(events.c.happened_at, events.c.size_ms, events.c.kind)
        .where(events.c.kind.in_(GAPS), events.c.happened_at > from_ms)
        .order_by(events.c.happened_at.desc())
        .limit(MOST_GAPS)
    )
    found = (Stopped(at_ms - (size_ms or 0), at_ms, kind) for at_ms, size_ms, kind in rows)
    return tuple(one for one in found if one.from_ms < min(to_ms, one.to_ms))


def closed(
    connection: Connection, *, rows: Iterable[TaskRow], from_ms: int, to_ms: int
) -> Closings:
    """When calendars let these tasks not start, in order for each set that obeys the same."""
    known = calendars.load_all(connection)
    sets: dict[tuple[str, ...], list[str]] = {}
    for row in rows if known else ():
        if row.fault is None:
            sets.setdefault(row.definition.calendars, []).append(row.task_name)
    shut: list[Shut] = []
    obeying: list[tuple[str, ...]] = []
    for names, obedient in sets.items():
        spans = islice(closures(known, names, from_ms, to_ms), MOST_CLOSED - len(shut))
        found = [
            Shut(
                one.from_ms, to_ms if one.until_ms is None else one.until_ms, one.name, len(obeying)
            )
            for one in spans
        ]
        if found:
            shut += found
            obeying.append(tuple(obedient))
    return Closings(tuple(shut), tuple(obeying))


def _reaching_into(connection: Connection, from_ms: int, to_ms: int) -> list[Brief]:
    """Runs from before the span that were not over when it began."""
    floor = first_ulid(from_ms)
    found = _read(connection, _LIVE, floor=floor, most=_BESIDE)
    for name, longest_ms in _long_ones(connection, from_ms, to_ms):
        found += _read(
            connection,
            _OF_A_TASK,
            name=name,
            from_at=from_ms,
            floor=first_ulid(from_ms - longest_ms - _QUEUED_MS),
            before=floor,
            most=_BESIDE,
        )
    return found


def _long_ones(connection: Connection, from_ms: int, to_ms: int) -> list[tuple[str, int]]:
    """Tasks of which a run that was long enough to be seen ended in the span, and how long.

    Only of hours in which one ended that may have begun before the span: what the tasks of an
    hour came to is as many rows as there are tasks.
    """
    least_ms = (to_ms - from_ms) // _LONG
    total = rollup_totals.c
    of_all = select(total.begins_at, total.max_ms).where(
        total.task_name == ALL_TASKS,
        total.step_hours == 1,
        total.begins_at >= from_ms - from_ms % HOUR_MS,
        total.begins_at < to_ms,
        total.max_ms >= least_ms,
    )
    hours_ms = [
        hour_ms
        for hour_ms, longest_ms in connection.execute(of_all)
        if hour_ms - longest_ms - _QUEUED_MS <= from_ms
    ]
    if not hours_ms:
        return []
    longest = func.max(rollups.c.max_ms)
    query = (
        select(rollups.c.task_name, longest)
        .where(rollups.c.hour_at.in_(hours_ms), rollups.c.max_ms >= least_ms)
        .group_by(rollups.c.task_name)
        .order_by(longest.desc())
        .limit(_BESIDE)
    )
    return [(name, int(longest_ms)) for name, longest_ms in connection.execute(query)]


def _hours(connection: Connection, query: Select[Any], since_ms: int) -> list[HourOf]:
    return [HourOf(*row) for row in connection.execute(query, {"since": since_ms})]


def _read(connection: Connection, query: Select[Any], **values: Any) -> list[Brief]:
    return [Brief(*row) for row in connection.execute(query, values)]
