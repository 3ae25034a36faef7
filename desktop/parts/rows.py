"""What tables of rows look like, whatever their cells say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop.tables import ROW, Index
from desktop.theme import Theme

HEAD_PX: Final = 28
FIRST_EDGE_PX: Final = 14
EDGE_PX: Final = 8
ICON_ROOM_PX: Final = 21


@dataclass(frozen=True, slots=True)
class Cell:
    """How the words of a cell are drawn, and which icon stands before them."""

    ink: str
    px: int = 12
    weight: int = 400
    icon: str = ""
    icon_ink: str = ""
    icon_px: int = 14
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight


class RowTable(QTableView):
    """One row at a time is chosen as a whole; Tab leaves the table.

    Whoever derives from it says how a cell is drawn.
    """

    def __init__(
        self,
        model: QAbstractItemModel,
        theme: Theme,
        name: str,
        *,
        row_px: int,
        hovers: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """`name` is for who hears it; with `hovers` the row under the pointer is marked."""
        super().__init__(parent)
        self._theme = theme
        self._stale = False
        self.hovered_row = -1
        self.setModel(model)
        self.setItemDelegate(_Cells(theme, self))
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(row_px)
        self.verticalHeader().setMinimumSectionSize(row_px)
        header = self.horizontalHeader()
        header.setFixedHeight(HEAD_PX)
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        if hovers:
            self.setMouseTracking(True)
            self.entered.connect(self._hover)
        theme.on_change(self._dress)

    def cell(self, row: Any, column: int) -> Cell:
        """How a cell of that row is drawn."""
        raise NotImplementedError

    @property
    def is_stale(self) -> bool:
        """Whether what is shown may be old."""
        return self._stale

    def show_stale(self, stale: bool) -> None:
        """Grey while nothing is known."""
        self._stale = stale
        self.viewport().update()

    def set_widths(self, widths: Mapping[Any, int]) -> None:
        """So many pixels for each of these columns."""
        for column, wide in widths.items():
            self.setColumnWidth(column, wide)

    def _hover(self, index: QModelIndex) -> None:
        self.hovered_row = index.row()
        self.viewport().update()

    def _dress(self) -> None:
        self.horizontalHeader().setFont(self._theme.font(11, 500))
        self.viewport().update()


class _Cells(QStyledItemDelegate):
    def __init__(self, theme: Theme, table: RowTable) -> None:
        super().__init__(table)
        self._theme, self._table = theme, table

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW)
        if row is None:
            return
        theme, cell = self._theme, self._table.cell(row, index.column())
        painter.save()
        room = paint_ground(
            painter,
            theme,
            option,
            is_first=index.column() == 0,
            is_hovered=index.row() == self._table.hovered_row,
        )
        if cell.icon:
            mark = QRect(room.left(), room.center().y() - 8, 16, 16)
            theme.draw_icon(painter, mark, cell.icon, cell.icon_ink, cell.icon_px)
            room.adjust(ICON_ROOM_PX, 0, 0, 0)
        font = theme.font(cell.px, cell.weight)
        painter.setFont(font)
        painter.setPen(QColor(cell.ink))
        said = str(index.data() or "").replace("\n", " ")
        shown = QFontMetrics(font).elidedText(said, cell.elide, room.width())
        painter.drawText(room, index.data(Qt.ItemDataRole.TextAlignmentRole), shown)
        painter.restore()


def paint_ground(
    painter: QPainter,
    theme: Theme,
    option: QStyleOptionViewItem,
    *,
    is_first: bool,
    is_hovered: bool = False,
) -> QRect:
    """The ground of a cell with the line below and the mark of a chosen row; the room for words."""
    t, rect = theme.tokens, QRect(option.rect)
    is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
    ground = t.sel if is_selected else t.hover if is_hovered else t.surface
    painter.setClipRect(rect)
    painter.fillRect(rect, QColor(ground))
    painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), QColor(t.line))
    if is_selected and is_first:
        painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), QColor(t.focus))
    return rect.adjusted(FIRST_EDGE_PX if is_first else EDGE_PX, 0, -EDGE_PX, 0)
