"""What the agent's probes found, as a list for Qt."""

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, Qt

from desktop.states import check_look
from desktop.tables import ROW, Index
from shared.protocol.rows import Check


class ChecksModel(QAbstractListModel):
    """Keeps the checks in the order of their names."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Check] = []

    def show_rows(self, rows: Iterable[Check], gone: Iterable[str] = ()) -> None:
        """Take newer rows, and drop those that are no more."""
        for check_id in gone:
            at = self._place(check_id)
            if at is not None:
                self.beginRemoveRows(QModelIndex(), at, at)
                del self._rows[at]
                self.endRemoveRows()
        for row in rows:
            at = self._place(row.id)
            if at is not None:
                self._rows[at] = row
                self.dataChanged.emit(self.index(at), self.index(at))
                continue
            at = sum(1 for check in self._rows if check.id < row.id)
            self.beginInsertRows(QModelIndex(), at, at)
            self._rows.insert(at, row)
            self.endInsertRows()

    def clear(self) -> None:
        """Forget everything, for another agent."""
        self.beginResetModel()
        self._rows.clear()
        self.endResetModel()

    def checks(self) -> list[Check]:
        """Every row, by name."""
        return list(self._rows)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        check = self._rows[index.row()]
        if role == ROW:
            return check
        if role == Qt.ItemDataRole.DisplayRole:
            return check.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return check.msg or None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{check.name}, {check_look(check.state).said}, {check.msg}"
        return None

    def _place(self, check_id: str) -> int | None:
        return next((at for at, row in enumerate(self._rows) if row.id == check_id), None)
