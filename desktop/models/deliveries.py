"""Which messages were written to people, as a table for Qt."""

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from shared.protocol.alerting import Delivery

Index = QModelIndex | QPersistentModelIndex

ROW: Final = Qt.ItemDataRole.UserRole


class Column(IntEnum):
    """The columns of messages."""

    TIME = 0
    CHANNEL = 1
    SEVERITY = 2
    SUBJECT = 3
    TO = 4
    TRIES = 5
    RESULT = 6


class DeliveriesModel(QAbstractTableModel):
    """Keeps messages, the newest first; how one is said is the view's matter."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[Delivery] = []
        self.say: Callable[[Delivery, Column], str] = lambda _row, _column: ""

    def show_rows(self, rows: Iterable[Delivery]) -> None:
        """The newest of them; older ones that are known stay."""
        known = {row.id: row for row in self._rows} | {row.id: row for row in rows}
        newest = sorted(known.values(), key=lambda row: row.id, reverse=True)
        if len(newest) == len(self._rows):
            for at, row in enumerate(newest):
                if self._rows[at] != row:
                    self._rows[at] = row
                    self.dataChanged.emit(self.index(at, 0), self.index(at, len(Column) - 1))
            return
        self.beginResetModel()
        self._rows = newest
        self.endResetModel()

    def clear(self) -> None:
        """Forget everything, for another agent."""
        self.beginResetModel()
        self._rows.clear()
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return self.tr(Column(section).name.capitalize()) if role == 0 else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._rows[index.row()], Column(index.column())
        if role == ROW:
            return row
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.say(row, column) or None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            # Whoever hears the table hears the whole row at its beginning.
            told = Column if column == Column.TIME else (column,)
            return ", ".join(text for text in (self.say(row, one) for one in told) if text)
        return None
