"""Runs as rows: when, which, how it ended and why."""

from collections.abc import Collection
from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop.models.runs import ROW, Column, RunsModel
from desktop.parts.rows import as_rows, paint_ground
from desktop.states import run_look
from desktop.theme import Theme
from shared.protocol.rows import Run

ROW_PX: Final = 30
_WIDTHS: Final = {
    Column.TIME: 118,
    Column.TASK: 270,
    Column.RESULT: 132,
    Column.TRIGGER: 84,
    Column.ATTEMPT: 68,
    Column.DURATION: 96,
    Column.CPU: 80,
    Column.MEMORY: 84,
}
NARROW_PX: Final = 1_000
_NARROW: Final = {**_WIDTHS, Column.TIME: 112, Column.TASK: 226, Column.RESULT: 124,
                  Column.TRIGGER: 78, Column.ATTEMPT: 62, Column.DURATION: 80}  # fmt: skip
_LEFT_OUT: Final = (Column.CPU, Column.MEMORY)
"""Of a narrow table: why a run failed says more than what it used."""
_INKS: Final = {Column.TIME: "text2", Column.TASK: "text", Column.REASON: "text2"}


class _Cells(QStyledItemDelegate):
    def __init__(self, theme: Theme, table: "RunTable") -> None:
        super().__init__(table)
        self._theme, self._table = theme, table

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        theme, t = self._theme, self._theme.tokens
        run = index.data(ROW)
        column = Column(index.column())
        painter.save()
        room = paint_ground(
            painter,
            theme,
            option,
            is_first=column == Column.TIME,
            is_hovered=index.row() == self._table.hovered_row,
        )
        colour = getattr(t, _INKS.get(column, "text2"))
        font = theme.font(13 if column == Column.TASK else 12)
        if column == Column.RESULT and isinstance(run, Run):
            look = run_look(run)
            stale = self._table.is_stale
            colour = t.family("idle" if stale else look.family).text
            mark = QRect(room.left(), room.center().y() - 8, 16, 16)
            theme.draw_icon(painter, mark, look.icon, colour, 14)
            room.adjust(21, 0, 0, 0)
            font = theme.font(12, 500)
        painter.setFont(font)
        painter.setPen(QColor(colour))
        metrics = QFontMetrics(font)
        said = str(index.data() or "").replace("\n", " ")
        mode = (
            Qt.TextElideMode.ElideMiddle if column == Column.TASK else Qt.TextElideMode.ElideRight
        )
        text = metrics.elidedText(said, mode, room.width())
        side = index.data(Qt.ItemDataRole.TextAlignmentRole)
        painter.drawText(room, side, text)
        painter.restore()


class RunTable(QTableView):
    """A table of runs; Enter and a double click open the log of one."""

    run_selected = Signal(str)
    log_requested = Signal(str)

    def __init__(
        self,
        model: RunsModel,
        theme: Theme,
        *,
        hidden: Collection[Column] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._hidden = theme, frozenset(hidden)
        self._stale = False
        self.hovered_row = -1
        self.setModel(model)
        self.setItemDelegate(_Cells(theme, self))
        as_rows(self, self.tr("Runs"), row_px=ROW_PX)
        self.setMouseTracking(True)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        for column, wide in _WIDTHS.items():
            self.setColumnWidth(column, wide)
        shown = [column for column in Column if column not in hidden]
        for column in hidden:
            self.setColumnHidden(column, True)
        header.setSectionResizeMode(shown[-1], QHeaderView.ResizeMode.Stretch)
        self.entered.connect(self._hover)
        self.doubleClicked.connect(self._open)
        self.watch_selection()
        theme.on_change(self._dress)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._hidden:
            return
        is_narrow = self.width() < NARROW_PX
        for column, wide in (_NARROW if is_narrow else _WIDTHS).items():
            self.setColumnWidth(column, wide)
        for column in _LEFT_OUT:
            self.setColumnHidden(column, is_narrow)

    @property
    def is_stale(self) -> bool:
        """Whether what is shown may be old."""
        return self._stale

    def show_stale(self, stale: bool) -> None:
        """Grey while nothing is known."""
        self._stale = stale
        self.viewport().update()

    def watch_selection(self) -> None:
        """Listen to the selection of the model now shown; a new model brings a new one."""
        self.selectionModel().currentRowChanged.connect(self._tell)

    def current_run(self) -> Run | None:
        """The run the keyboard stands on."""
        run = self.currentIndex().data(ROW)
        return run if isinstance(run, Run) else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._open(self.currentIndex())
            return
        ends = {Qt.Key.Key_Home: 0, Qt.Key.Key_End: self.model().rowCount() - 1}
        if event.key() in ends and not event.modifiers():
            # By itself the table goes to the ends of the line, of which all is chosen anyway.
            self.setCurrentIndex(self.model().index(ends[Qt.Key(event.key())], 0))
            return
        super().keyPressEvent(event)

    def _open(self, index: QModelIndex) -> None:
        run = index.data(ROW)
        if isinstance(run, Run):
            self.log_requested.emit(run.id)

    def _tell(self, current: QModelIndex, _before: QModelIndex) -> None:
        run = current.data(ROW)
        if isinstance(run, Run):
            self.run_selected.emit(run.id)

    def _hover(self, index: QModelIndex) -> None:
        self.hovered_row = index.row()
        self.viewport().update()

    def _dress(self) -> None:
        self.horizontalHeader().setFont(self._theme.font(11, 500))
        self.viewport().update()
