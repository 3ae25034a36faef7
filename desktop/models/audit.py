"""Who asked what of the agent, and what came of it, as a table for Qt."""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from desktop import words
from shared.protocol.access import AuditRow

Index = QModelIndex | QPersistentModelIndex

ROW: Final = Qt.ItemDataRole.UserRole
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
}


def _tr(text: str) -> str:
    return QCoreApplication.translate("audit", text)


class AuditModel(QAbstractTableModel):
    """Keeps what was told of it, the newest first; words hide what does not fit them."""

    def __init__(self, now: words.Clock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._rows: dict[int, AuditRow] = {}
        self._shown: list[AuditRow] = []
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

    def say(self, row: AuditRow, column: Column) -> str:
        """A cell in words."""
        zone = words.zone_for(self._times, self._zone)
        said = {
            Column.TIME: words.clock(row.at_ms, zone, self._now(), seconds=True),
            Column.WHO: row.label or row.key_id,
            Column.WHAT: _tr(_ACTS.get(row.type, row.type)),
            Column.TARGET: row.target,
            Column.RESULT: _tr("Done") if row.code == DONE else _refused(row.code),
            Column.DETAILS: row.args,
            Column.ADDRESS: row.address,
        }
        return said[column]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _tr(_TITLES[section])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._shown[index.row()], Column(index.column())
        if role == ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return self.say(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(row, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            # Whoever hears the table hears the whole row at its beginning.
            told = Column if column == Column.TIME else (column,)
            return ", ".join(text for text in (self.say(row, one) for one in told) if text)
        return None

    # Inside ------------------------------------------------------------------------------

    def _tip(self, row: AuditRow, column: Column) -> str | None:
        if column == Column.TIME:
            return words.full_times(row.at_ms, self._zone)
        if column == Column.WHO:
            return "\n".join(
                part for part in (row.label, row.role, row.key_id, row.address) if part
            )
        if column == Column.WHAT:
            return row.type
        return self.say(row, column) or None

    def _arrange(self) -> None:
        self.beginResetModel()
        newest = sorted(self._rows.values(), key=lambda row: row.id, reverse=True)
        self._shown = [row for row in newest if self._fits(row)]
        self.endResetModel()

    def _fits(self, row: AuditRow) -> bool:
        if self._only_refused and row.code == DONE:
            return False
        if not self._words:
            return True
        text = " ".join((*(self.say(row, column) for column in Column), row.type, row.role)).lower()
        return all(word in text for word in self._words)


def _refused(code: str) -> str:
    return _tr("Refused: {0}").format(code.replace("_", " "))
