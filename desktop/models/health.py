"""How every check of the host, of the agent and of the owner stands, as a table for Qt."""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Final

from msgspec import structs
from PySide6.QtCore import QCoreApplication, Signal

from desktop import words
from desktop.states import check_look
from desktop.tables import Table
from shared.protocol.health import CheckDetail, KeptSeries
from shared.protocol.rows import Check

OWN: Final = "check:"
"""What the id of every check of the owner's own begins with."""
TOLD_FOR_MS: Final = 20_000
"""What the agent told of its looks says no more after two questions without an answer."""
WORDLESS: Final = ("fault", "level")
"""Units of readings that are verdicts themselves."""
# Those of one file system stand together, own checks last.
_PLACES: Final = (
    "cpu", "memory", "swap", "disk", "inodes", "disk_days", "database", "database_size", "reads",
    "writes", "replication", "loop", "master_runner", "clock", "logs",
)  # fmt: skip
_WORST_FIRST: Final = ("crit", "warn", "unknown", "ok")
_OF_A_DISK: Final = ("disk", "inodes", "disk_days")
# What the checks of an agent are called that does not say so itself.
_NAMES: Final = {
    "cpu": "CPU",
    "memory": "Memory",
    "swap": "Swap",
    "disk": "Disk space",
    "inodes": "Inodes",
    "disk_days": "Disk trend",
    "database": "Database",
    "database_size": "Database size",
    "reads": "Database readers",
    "writes": "Writes",
    "replication": "Replication",
    "loop": "Scheduler",
    "clock": "Clock",
    "logs": "Log folder",
    "check": "Check",
}


def _tr(text: str) -> str:
    return QCoreApplication.translate("health", text)


class Column(IntEnum):
    """The columns of checks."""

    STATE = 0
    CHECK = 1
    READING = 2
    LIMITS = 3
    SINCE = 4
    LOOKED = 5
    MESSAGE = 6


_TITLES: Final = ("State", "Check", "Reading", "Limits", "Since", "Looked at", "What was found")


class HealthModel(Table[CheckDetail]):
    """Rows as they come by themselves, with what the agent told when it was asked."""

    changed = Signal()

    def __init__(self, now: words.Clock) -> None:
        super().__init__([_tr(title) for title in _TITLES])
        self._now = now
        self._rows: dict[str, Check] = {}
        self._told: dict[str, CheckDetail] = {}
        self._told_ms = 0
        self._times, self._zone = words.TASK_TIMES, "UTC"

    # What it is told ---------------------------------------------------------------------

    def show_rows(self, rows: Iterable[Check], gone: Iterable[str] = ()) -> None:
        """Newer rows; those that are no more go with all that was told of them."""
        rows, gone = list(rows), list(gone)
        self._rows.update((row.id, row) for row in rows)
        for check_id in gone:
            self._rows.pop(check_id, None)
            self._told.pop(check_id, None)
        if rows or gone:
            self._show()

    def show_details(self, details: Iterable[CheckDetail]) -> None:
        """The agent told of all its checks."""
        self._told = {detail.id: detail for detail in details}
        self._told_ms = self._now()
        self._show()

    def clear(self) -> None:
        """Forget everything, for another agent."""
        self._rows.clear()
        self._told.clear()
        self._show()

    def set_times(self, times: str, zone: str) -> None:
        """In whose zone times are said; `zone` is the agent's own."""
        if (times, zone) != (self._times, self._zone):
            self._times, self._zone = times, zone
            self._tell_all()

    def tick(self) -> None:
        """Time passed: a look may be overdue now."""
        self._tell_all()

    # What it says ------------------------------------------------------------------------

    def checks(self) -> list[CheckDetail]:
        """Every check, in the order of the table: the worst first."""
        return list(self._shown)

    def check(self, check_id: str) -> CheckDetail | None:
        """The check of this id."""
        return next((one for one in self._shown if one.id == check_id), None)

    def counts(self) -> Mapping[str, int]:
        """How many are in which state, and how many looks are "late"."""
        counted = dict.fromkeys(("ok", "warn", "crit", "unknown", "late"), 0)
        for one in self._shown:
            counted[one.state if one.state in counted else "unknown"] += 1
            counted["late"] += self.is_late(one)
        return counted

    def is_late(self, one: CheckDetail) -> bool:
        """It should have been looked at again, as far as the agent was asked."""
        return is_late(one, min(self._now(), self._told_ms + TOLD_FOR_MS))

    def say(self, row: CheckDetail, column: int) -> str:
        """A cell in words."""
        zone, now_ms = words.zone_for(self._times, self._zone), self._now()
        match column:
            case Column.STATE:
                return check_look(row.state).said
            case Column.CHECK:
                return row.name
            case Column.READING:
                return words.reading(row.value, row.unit)
            case Column.LIMITS:
                return limits_in_short(row)
            case Column.SINCE:
                return "" if row.since_ms is None else words.clock(row.since_ms, zone, now_ms)
            case Column.LOOKED:
                if row.checked_ms is None:
                    return _tr("not yet") if row.every_ms else ""
                if self.is_late(row):
                    return _tr("late, {0}").format(words.clock(row.checked_ms, zone, now_ms))
                return words.clock(row.checked_ms, zone, now_ms, seconds=True)
            case _:
                return row.msg

    def sentence(self, one: CheckDetail) -> str:
        """The whole row for somebody who hears it."""
        said = [one.name, check_look(one.state).said.lower()]
        said += [self.say(one, Column.READING), limit_words(one), one.msg]
        if one.since_ms is not None:
            said.append(_tr("since {0}").format(self.say(one, Column.SINCE)))
        if looked := self.say(one, Column.LOOKED):
            said.append(_tr("looked at {0}").format(looked))
        return ", ".join(word for word in said if word)

    def heard(self, row: CheckDetail, column: int) -> str:
        """A cell for somebody who hears it; where a row begins its sentence."""
        return self.say(row, column) if column else self.sentence(row)

    def tip(self, row: CheckDetail, column: int) -> str | None:
        """What more there is to say of a cell."""
        if column == Column.LIMITS:
            return limit_words(row) or None
        times = {int(Column.SINCE): row.since_ms, int(Column.LOOKED): row.checked_ms}
        at_ms = times.get(column)
        if at_ms is not None:
            return words.full_times(at_ms, self._zone)
        if column == Column.CHECK:
            return "\n".join(filter(None, (row.name, row.msg)))
        return row.msg or None

    # Inside ------------------------------------------------------------------------------

    def _show(self) -> None:
        found = [_together(row, self._told.get(row.id)) for row in self._rows.values()]
        found += [one for one in self._told.values() if one.id not in self._rows]
        found.sort(key=_worst_first)
        if [one.id for one in found] != [one.id for one in self._shown]:
            self._show_others(found)
        else:
            self._shown = found
            self._tell_all()
        self.changed.emit()


def is_own(one: CheckDetail) -> bool:
    """One that the owner has added."""
    return one.id.startswith(OWN)


def is_late(one: CheckDetail, now_ms: int) -> bool:
    """It should have been looked at again by now."""
    return one.late_ms is not None and now_ms > one.late_ms


def limit_words(one: CheckDetail) -> str:
    """Its limits in full: "warns from 80 %, critical from 90 %"."""
    if one.unit in WORDLESS:
        return ""
    warn = _tr("warns below {0}") if one.falls else _tr("warns from {0}")
    crit = _tr("critical below {0}") if one.falls else _tr("critical from {0}")
    said = []
    if one.warn is not None and one.warn != one.crit:
        said.append(warn.format(limit(one.warn, one.unit)))
    if one.crit is not None:
        said.append(crit.format(limit(one.crit, one.unit)))
    if said and one.for_s:
        said.append(_tr("once it lasts {0}").format(words.rough_span(one.for_s * words.SECOND_MS)))
    return ", ".join(said)


def limits_in_short(one: CheckDetail) -> str:
    """The same for a cell: "80, 90 %", "below 7, 2 days", "250 ms, 2 s"."""
    if one.unit in WORDLESS:
        return ""
    known = [value for value in (one.warn, one.crit) if value is not None]
    both = list(dict.fromkeys(limit(value, one.unit) for value in known))
    if len(both) == 2:
        figure, _, unit = both[0].rpartition(words.NO_BREAK)
        # A unit that they share is said once.
        both[0] = figure if figure and both[1].endswith(words.NO_BREAK + unit) else both[0]
    said = ", ".join(both)
    return _tr("below {0}").format(said) if said and one.falls else said


def limit(value: float, unit: str | None) -> str:
    """A limit, which is rounder than a reading."""
    if unit == "share":
        return f"{100 * value:.3g}{words.NO_BREAK}%"
    if unit == "days":
        return f"{value:g}{words.NO_BREAK}" + _tr("days")
    if unit == "bytes" and value >= 1e9:
        return f"{value / 1e9:g}{words.NO_BREAK}GB"
    if unit == "ms" and value >= words.SECOND_MS:
        return f"{value / words.SECOND_MS:g}{words.NO_BREAK}s"
    return words.reading(value, unit)


def _together(row: Check, told: CheckDetail | None) -> CheckDetail:
    if told is None:
        is_drawn = row.value is not None and row.unit not in WORDLESS
        return CheckDetail(
            id=row.id,
            name=row.name if row.name != row.id else _name(row.id),
            kind=row.kind,
            state=row.state,
            since_ms=row.since_ms,
            value=row.value,
            unit=row.unit,
            msg=row.msg,
            series=(KeptSeries(name=row.id, unit=row.unit or ""),) if is_drawn else (),
        )
    return structs.replace(
        told,
        state=row.state,
        since_ms=row.since_ms,
        value=row.value,
        unit=row.unit,
        msg=row.msg,
    )


def _name(check_id: str) -> str:
    kind, _, which = check_id.partition(":")
    return f"{_tr(_NAMES[kind])} {which}".rstrip() if kind in _NAMES else check_id


def _worst_first(one: CheckDetail) -> tuple[int, tuple[int, int, str, int]]:
    state = one.state if one.state in _WORST_FIRST else "unknown"
    return _WORST_FIRST.index(state), place(one)


def place(one: CheckDetail) -> tuple[int, int, str, int]:
    """Where it stands however it is: host, agent, own; those of one file system together."""
    kind, _, which = one.id.partition(":")
    if is_own(one):
        return (2, 0, which, 0)
    if kind not in _PLACES:
        return (1, 0, one.id, 0)
    at = _PLACES.index(kind)
    return (0, _PLACES.index("disk") if kind in _OF_A_DISK else at, which, at)
