"""Runs as rows: when, which, how it ended and why."""

from collections.abc import Collection
from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from desktop.models.runs import ROW, Column, RunsModel
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
        rect: QRect = option.rect
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        over = index.row() == self._table.hovered_row
        painter.save()
        painter.fillRect(rect, QColor(t.sel if selected else t.hover if over else t.surface))
        painter.fillRect(QRect(rect.left(), rect.bottom(), rect.width(), 1), QColor(t.line))
        if selected and index.column() == 0:
            painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), QColor(t.focus))
        painter.setClipRect(rect)
        column = Column(index.column())
        room = rect.adjusted(14 if column == Column.TIME else 8, 0, -8, 0)
        colour = getattr(t, _INKS.get(column, "text2"))
        font = theme.font(13 if column == Column.TASK else 12)
        if column == Column.RESULT and isinstance(run, Run):
            look = run_look(run)
            stale = self._table.is_stale
            colour = t.family("idle" if stale else look.family).text
            mark = QRect(room.left(), rect.center().y() - 8, 16, 16)
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
        self._theme = theme
        self._stale = False
        self.hovered_row = -1
        self.setModel(model)
        self.setItemDelegate(_Cells(theme, self))
        self.setAccessibleName(self.tr("Runs"))
        self.setShowGrid(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_PX)
        self.verticalHeader().setMinimumSectionSize(ROW_PX)
        header = self.horizontalHeader()
        header.setFixedHeight(28)
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
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
