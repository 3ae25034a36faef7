"""What is alike in every table of rows for Qt: its size, its titles, what is asked of a cell?"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

Index = QModelIndex | QPersistentModelIndex
Row = TypeVar("Row")

ROW: Final = Qt.ItemDataRole.UserRole
"""By this role a model gives the row itself, for whoever draws or acts on it."""


class Table(QAbstractTableModel, Generic[Row]):
    """Shows `_shown`, a row each; whoever derives from it says what stands in a cell."""

    def __init__(
        self, titles: Sequence[str], *, right: Collection[int] = (), parent: QObject | None = None
    ) -> None:
        """The columns of `right` hold figures, which are compared by their last digit."""
        super().__init__(parent)
        self._titles, self._right = tuple(titles), frozenset(right)
        self._shown: list[Row] = []

    def say(self, row: Row, column: int) -> str:
        """A cell in words."""
        raise NotImplementedError

    def tip(self, row: Row, column: int) -> str | None:
        """What more there is to say of a cell; by itself all of what may not fit there."""
        return self.say(row, column) or None

    def heard(self, row: Row, column: int) -> str:
        """A cell for somebody who hears it; at the beginning of a row all of the row."""
        told = (column,) if column else range(len(self._titles))
        return ", ".join(text for text in (self.say(row, one) for one in told) if text)

    # What Qt asks ------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._titles)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        return self._side(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column = self._shown[index.row()], index.column()
        if role == ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return self.say(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._side(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.tip(row, column)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.heard(row, column)
        return None

    # What those who derive from it tell Qt -----------------------------------------------

    def _show_others(self, rows: Iterable[Row]) -> None:
        self.beginResetModel()
        self._shown = list(rows)
        self.endResetModel()

    def _tell_row(self, at: int) -> None:
        self.dataChanged.emit(self.index(at, 0), self.index(at, len(self._titles) - 1))

    def _tell_all(self) -> None:
        if self._shown:
            last = self.index(len(self._shown) - 1, len(self._titles) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def _side(self, column: int) -> Qt.AlignmentFlag:
        is_right = column in self._right
        side = Qt.AlignmentFlag.AlignRight if is_right else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter
