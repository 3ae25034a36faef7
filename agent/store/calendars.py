"""Which calendars there are, and which tasks obey them."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, select

from agent.definitions import Definition
from agent.errors import BadDefinition, CalendarNotFound, Conflict
from agent.log import log_of
from agent.store import naming
from agent.store.task_rows import read_tasks
from agent.windows import BY_HAND, MAX_SPANS, Calendar, check_calendar
from schema.tables import calendars

MAX_CALENDARS: Final = 200
_NAMED_AT_MOST: Final = 5

log = log_of(__name__)


class CalendarRow(msgspec.Struct, frozen=True, kw_only=True):
    """One calendar as it stands, and who put it there."""

    calendar: Calendar
    updated_ms: int
    updated_by: str


_COLUMNS: Final = (
    calendars.c.calendar_name,
    calendars.c.definition,
    calendars.c.updated_at,
    calendars.c.updated_by,
)


def put(connection: Connection, calendar: Calendar, *, who: str, now_ms: int) -> bool:
    """Make this calendar the one of its name; False when it was that already."""
    check_calendar(calendar)
    values = {
        "calendar_name": calendar.name,
        "kind": calendar.kind,
        "definition": msgspec.to_builtins(calendar),
        "updated_at": now_ms,
        "updated_by": who,
    }
    full = (
        f"calendar {calendar.name!r}: {MAX_CALENDARS} calendars are kept at most; "
        "remove one, or write several windows into one calendar"
    )
    kept = naming.keep(connection, calendars.c.calendar_name, values, most=MAX_CALENDARS, full=full)
    return kept != "unchanged"


def get(connection: Connection, name: str) -> CalendarRow:
    """The calendar of this name; raises CalendarNotFound."""
    row = connection.execute(select(*_COLUMNS).where(calendars.c.calendar_name == name)).first()
    if row is None:
        raise CalendarNotFound(name)
    return _as_calendar(row)


def load_rows(connection: Connection) -> tuple[CalendarRow, ...]:
    """Every calendar that can be read, by name; one that cannot is left out and logged."""
    found = []
    for row in connection.execute(select(*_COLUMNS).order_by(calendars.c.calendar_name)):
        try:
            known = _as_calendar(row)
            check_calendar(known.calendar)
        except (msgspec.ValidationError, BadDefinition) as error:
            # A zone that the host no longer knows, or a hand in the table.
            log.error("calendar left out", calendar=row.calendar_name, error=str(error))
            continue
        found.append(known)
    return tuple(found)


def load_all(connection: Connection) -> dict[str, Calendar]:
    """The calendars by name, as the rules take them."""
    return {row.calendar.name: row.calendar for row in load_rows(connection)}


def remove(connection: Connection, name: str) -> None:
    """Forget a calendar; raises CalendarNotFound, and Conflict while a task names it."""
    named_by = users(connection).get(name, ())
    if named_by:
        shown = ", ".join(named_by[:_NAMED_AT_MOST])
        more = len(named_by) - _NAMED_AT_MOST
        raise Conflict(
            f"calendar {name!r} is named by {shown}{f' and {more} more' if more > 0 else ''}; "
            "take it out of their calendars first"
        )
    done = connection.execute(calendars.delete().where(calendars.c.calendar_name == name))
    if not done.rowcount:
        raise CalendarNotFound(name)


def close(connection: Connection, *, until_ms: int, why: str, who: str, now_ms: int) -> Calendar:
    """Let nothing start from now until this moment; one that goes on ends then instead."""
    known = _by_hand(connection)
    spans = known.spans if known else ()
    over = tuple(span for span in spans if span[1] <= now_ms)
    going_on = [start_ms for start_ms, end_ms in spans if start_ms <= now_ms < end_ms]
    calendar = Calendar(
        name=BY_HAND,
        kind="maintenance",
        # Those that are over are kept, so that what did not start then can be explained.
        spans=(*over[1 - MAX_SPANS :], (min([*going_on, now_ms]), until_ms)),
        description=why,
        source="calendars close",
    )
    put(connection, calendar, who=who, now_ms=now_ms)
    return calendar


def open_again(connection: Connection, *, who: str, now_ms: int) -> None:
    """End now what was closed by hand; raises Conflict when nothing is."""
    known = _by_hand(connection)
    if known is None or not any(end_ms > now_ms for _, end_ms in known.spans):
        raise Conflict(
            "nothing is closed by hand; `smartcron-agent calendars list` shows what else closes"
        )
    spans = tuple(
        (start_ms, min(end_ms, now_ms)) for start_ms, end_ms in known.spans if start_ms < now_ms
    )
    if not spans:
        remove(connection, BY_HAND)
        return
    put(connection, msgspec.structs.replace(known, spans=spans), who=who, now_ms=now_ms)


def users(connection: Connection) -> dict[str, tuple[str, ...]]:
    """The tasks that name each calendar, by the name of the calendar."""
    found: dict[str, list[str]] = {}
    for task in read_tasks(connection):
        for name in dict.fromkeys(task.definition.calendars):
            found.setdefault(name, []).append(task.task_name)
    return {name: tuple(task_names) for name, task_names in found.items()}


def check_names(connection: Connection, definitions: Iterable[Definition]) -> None:
    """Raise BadDefinition for the first task that names a calendar which is not there."""
    for fault in name_faults(connection, definitions):
        raise fault


def name_faults(
    connection: Connection, definitions: Iterable[Definition]
) -> Iterator[BadDefinition]:
    """Every name of a calendar in these tasks that none has."""
    naming = [definition for definition in definitions if definition.calendars]
    if not naming:
        return
    known = set(connection.scalars(select(calendars.c.calendar_name)))
    for definition in naming:
        for name in definition.calendars:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                meant = f"did you mean {near[0]!r}?" if near else "make it first"
                yield BadDefinition(
                    "calendars",
                    name,
                    f"there is no such calendar; {meant} "
                    "(`smartcron-agent calendars list` shows them)",
                    where=f"task {definition.task_name}",
                )


def _by_hand(connection: Connection) -> Calendar | None:
    try:
        return get(connection, BY_HAND).calendar
    except CalendarNotFound:
        return None


def _as_calendar(row: Row[*tuple[Any, ...]]) -> CalendarRow:
    values = row._mapping
    return CalendarRow(
        calendar=msgspec.convert(values["definition"], Calendar),
        updated_ms=values["updated_at"],
        updated_by=values["updated_by"],
    )
