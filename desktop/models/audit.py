"""Who asked what of the agent, and what came of it, as a table for Qt."""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Final

from PySide6.QtCore import QCoreApplication, QObject

from desktop import words
from desktop.tables import Table
from shared.protocol.access import AuditRow

DONE: Final = "ok"


class Column(IntEnum):
    """The columns of the audit."""

    TIME = 0
    WHO = 1
    WHAT = 2
    TARGET = 3
    RESULT = 4
    DETAILS = 5
    ADDRESS = 6


_TITLES: Final = ("Time", "Who", "What", "About", "Result", "Details", "From")
# What the requests of the protocol are called by people; another one is called by its own name.
ENDED: Final = "session.end"
"""Says why a connection was ended, which is no refusal."""
_ACTS: Final = {
    "task.put": "Edited a task",
    "task.delete": "Deleted a task",
    "task.set": "Switched or paused",
    "task.skip": "Skipped moments",
    "task.ping": "Reported a job",
    "run.start": "Ran now",
    "run.backfill": "Ran as of past moments",
    "run.abort": "Stopped a run",
    "run.retry": "Tried again",
    "alert.ack": "Acknowledged",
    "alert.snooze": "Snoozed",
    "alert.resolve": "Resolved",
    "alert.reopen": "Opened again",
    "alert.note": "Noted",
    "rule.set": "Wrote a rule",
    "rule.remove": "Deleted a rule",
    "quiet.set": "Wrote a quiet time",
    "quiet.remove": "Ended a quiet time",
    "way.test": "Tested a channel",
    "key.revoke": "Revoked a key",
    "invite.create": "Invited",
    "agent.reload": "Reloaded settings",
    "enroll": "Enrolled",
    "hello": "Connected",
    ENDED: "Disconnected",
}


def _tr(text: str) -> str:
    return QCoreApplication.translate("audit", text)


class AuditModel(Table[AuditRow]):
    """Keeps what was told of it, the newest first; words hide what does not fit them."""

    def __init__(self, now: words.Clock, parent: QObject | None = None) -> None:
        super().__init__([_tr(title) for title in _TITLES], parent=parent)
        self._now = now
        self._rows: dict[int, AuditRow] = {}
        self._words: tuple[str, ...] = ()
        self._only_refused = False
        self._times, self._zone = words.TASK_TIMES, "UTC"

    # What it is told ---------------------------------------------------------------------

    def show_rows(self, rows: Iterable[AuditRow]) -> None:
        """More of it, newer or older."""
        self._rows.update((row.id, row) for row in rows)
        self._arrange()

    def clear(self) -> None:
        """Forget everything, for another agent."""
        self._rows.clear()
        self._arrange()

    def ask(self, text: str | None = None, *, only_refused: bool | None = None) -> None:
        """Only those in which each of these words stands, or that were refused."""
        if text is not None:
            self._words = tuple(text.lower().split())
        if only_refused is not None:
            self._only_refused = only_refused
        self._arrange()

    def set_times(self, times: str, zone: str) -> None:
        """In whose zone times are said; `zone` is the agent's own."""
        self._times, self._zone = times, zone
        self._arrange()

    # What it says ------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """How many are kept here, hidden ones too."""
        return len(self._rows)

    def reaches(self, rows: Sequence[AuditRow]) -> bool:
        """Whether these join on to what is known, without a hole."""
        return any(row.id in self._rows for row in rows)

    def say(self, row: AuditRow, column: int) -> str:
        """A cell in words."""
        zone = words.zone_for(self._times, self._zone)
        said: dict[int, str] = {
            Column.TIME: words.clock(row.at_ms, zone, self._now(), seconds=True),
            Column.WHO: row.label or row.key_id,
            Column.WHAT: _act(row.type),
            Column.TARGET: row.target,
            Column.RESULT: _result(row),
            Column.DETAILS: row.args,
            Column.ADDRESS: row.address,
        }
        return said[column]

    def tip(self, row: AuditRow, column: int) -> str | None:
        """What more there is to say of a cell."""
        if column == Column.TIME:
            return words.full_times(row.at_ms, self._zone)
        if column == Column.WHO:
            return "\n".join(
                part for part in (row.label, row.role, row.key_id, row.address) if part
            )
        if column == Column.WHAT:
            return row.type
        return super().tip(row, column)

    # Inside ------------------------------------------------------------------------------

    def _arrange(self) -> None:
        newest = sorted(self._rows.values(), key=lambda row: row.id, reverse=True)
        self._show_others(row for row in newest if self._fits(row))

    def _fits(self, row: AuditRow) -> bool:
        if self._only_refused and not _is_refused(row):
            return False
        if not self._words:
            return True
        text = " ".join((*(self.say(row, column) for column in Column), row.type, row.role)).lower()
        return all(word in text for word in self._words)


def _act(kind: str) -> str:
    if " " in kind:  # the command that somebody gave on the host itself
        return _tr("On the host: {0}").format(kind)
    return _tr(_ACTS.get(kind, kind))


def _is_refused(row: AuditRow) -> bool:
    return row.code != DONE and row.type != ENDED


def _result(row: AuditRow) -> str:
    if row.code == DONE:
        return _tr("Done")
    code = row.code.replace("_", " ")
    return (_tr("Refused: {0}") if _is_refused(row) else _tr("Ended: {0}")).format(code)
