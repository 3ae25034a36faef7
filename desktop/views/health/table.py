"""The checks as a table: verdict, reading, limits, since when, last look, what was found."""

from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop.models.health import ROW, Column, HealthModel, is_own
from desktop.parts.rows import as_rows, paint_ground
from desktop.states import check_look
from desktop.theme import Theme
from shared.protocol.health import CheckDetail

ROW_PX: Final = 30
NARROW_PX: Final = 1_000
WIDE_PX: Final = 1_500
_WIDTHS: Final = {
    Column.STATE: 104,
    Column.CHECK: 190,
    Column.READING: 92,
    Column.LIMITS: 140,
    Column.SINCE: 96,
    Column.LOOKED: 116,
}
_NARROW: Final = {Column.STATE: 98, Column.CHECK: 156, Column.READING: 82, Column.LIMITS: 122,
                  Column.SINCE: 86, Column.LOOKED: 114}  # fmt: skip
_WIDE: Final = {**_WIDTHS, Column.CHECK: 300, Column.LIMITS: 180, Column.LOOKED: 140}


class CheckTable(QTableView):
    """One row a check; the keyboard stands on one from the start."""

    check_chosen = Signal(str)

    def __init__(self, model: HealthModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._theme = model, theme
        self._chosen = ""
        self.is_stale = False
        self.hovered_row = -1
        self.setModel(model)
        self.setItemDelegate(_Cells(theme, self))
        as_rows(self, self.tr("Checks"), row_px=ROW_PX)
        self.setMouseTracking(True)
        header = self.horizontalHeader()
        header.setSectionResizeMode(Column.MESSAGE, QHeaderView.ResizeMode.Stretch)
        self.entered.connect(self._hover)
        self.selectionModel().currentRowChanged.connect(self._tell)
        model.modelReset.connect(self._choose_again)
        theme.on_change(self._dress)

    @property
    def chosen(self) -> CheckDetail | None:
        """The check the keyboard stands on."""
        return self._model.check(self._chosen)

    def is_late(self, one: CheckDetail) -> bool:
        """Nobody has looked at it for too long."""
        return self._model.is_late(one)

    def choose(self, check_id: str) -> None:
        """Go to that check."""
        for row, one in enumerate(self._model.checks()):
            if one.id == check_id:
                self.setCurrentIndex(self._model.index(row, 0))

    def show_stale(self, stale: bool) -> None:
        """Grey while nothing is known."""
        self.is_stale = stale
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width()
        widths = _NARROW if wide < NARROW_PX else _WIDE if wide >= WIDE_PX else _WIDTHS
        for column, px in widths.items():
            self.setColumnWidth(column, px)

    def _choose_again(self) -> None:
        """Other rows: stay on the check, or begin with the worst."""
        rows = self._model.checks()
        if not any(one.id == self._chosen for one in rows):
            self._chosen = rows[0].id if rows else ""
        if self._chosen:
            self.choose(self._chosen)
        else:
            self.check_chosen.emit("")

    def _tell(self, current: QModelIndex, _before: QModelIndex) -> None:
        one = current.data(ROW)
        if isinstance(one, CheckDetail):
            self._chosen = one.id
            self.check_chosen.emit(one.id)

    def _hover(self, index: QModelIndex) -> None:
        self.hovered_row = index.row()
        self.viewport().update()

    def _dress(self) -> None:
        self.horizontalHeader().setFont(self._theme.font(11, 500))
        self.viewport().update()


class _Cells(QStyledItemDelegate):
    def __init__(self, theme: Theme, table: CheckTable) -> None:
        super().__init__(table)
        self._theme, self._table = theme, table

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        one = index.data(ROW)
        if not isinstance(one, CheckDetail):
            return
        theme, t, column = self._theme, self._theme.tokens, Column(index.column())
        look = check_look(one.state)
        family = t.family("idle" if self._table.is_stale else look.family)
        painter.save()
        room = paint_ground(
            painter,
            theme,
            option,
            is_first=column == Column.STATE,
            is_hovered=index.row() == self._table.hovered_row,
        )
        ink = t.text2
        if column == Column.STATE:
            mark = QRect(room.left(), room.center().y() - 8, 16, 16)
            theme.draw_icon(painter, mark, look.icon, family.text, 14)
            room.adjust(21, 0, 0, 0)
            ink = family.text
        elif column in (Column.CHECK, Column.READING):
            ink = t.text
        elif column == Column.LOOKED and self._table.is_late(one):
            ink = t.idle.text if self._table.is_stale else t.warn.text
        is_news = one.state in ("warn", "crit") and column in (Column.CHECK, Column.READING)
        painter.setFont(theme.font(12, 500 if is_news or column == Column.STATE else 400))
        painter.setPen(QColor(ink))
        said = " ".join(str(index.data() or "").split("\n"))
        # The name of an own check and a mount differ at their end.
        is_name = column == Column.CHECK and not is_own(one)
        mode = Qt.TextElideMode.ElideMiddle if is_name else Qt.TextElideMode.ElideRight
        shown = QFontMetrics(painter.font()).elidedText(said, mode, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()
