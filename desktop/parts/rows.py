"""What tables of rows look like, whatever their cells say."""

from typing import Final

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QStyle,
    QStyleOptionViewItem,
    QTableView,
)

from desktop.theme import Theme

HEAD_PX: Final = 28
FIRST_EDGE_PX: Final = 14
EDGE_PX: Final = 8


def as_rows(table: QTableView, name: str, *, row_px: int) -> None:
    """One row at a time is chosen as a whole; Tab leaves the table; `name` is for who hears it."""
    table.setAccessibleName(name)
    table.setShowGrid(False)
    table.setFrameShape(QFrame.Shape.NoFrame)
    table.setTabKeyNavigation(False)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(row_px)
    table.verticalHeader().setMinimumSectionSize(row_px)
    header = table.horizontalHeader()
    header.setFixedHeight(HEAD_PX)
    header.setHighlightSections(False)
    header.setSectionsClickable(False)
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


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
