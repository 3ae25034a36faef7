"""Runs as rows: when, which, how it ended and why."""

from collections.abc import Collection
from typing import Final

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QWidget

from desktop.models.runs import Column, RunsModel
from desktop.parts.rows import Cell, RowTable
from desktop.states import run_look
from desktop.tables import ROW
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


class RunTable(RowTable):
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
        super().__init__(model, theme, self.tr("Runs"), row_px=ROW_PX, hovers=True, parent=parent)
        self._hidden = frozenset(hidden)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        header = self.horizontalHeader()
        self.set_widths(_WIDTHS)
        shown = [column for column in Column if column not in hidden]
        for column in hidden:
            self.setColumnHidden(column, True)
        header.setSectionResizeMode(shown[-1], QHeaderView.ResizeMode.Stretch)
        self.doubleClicked.connect(self._open)
        self.watch_selection()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._hidden:
            return
        is_narrow = self.width() < NARROW_PX
        self.set_widths(_NARROW if is_narrow else _WIDTHS)
        for column in _LEFT_OUT:
            self.setColumnHidden(column, is_narrow)

    def cell(self, row: Run, column: int) -> Cell:
        """How a cell of that row is drawn."""
        t = self._theme.tokens
        if column == Column.RESULT:
            look = run_look(row)
            ink = t.family("idle" if self.is_stale else look.family).text
            return Cell(ink, weight=500, icon=look.icon, icon_ink=ink)
        if column == Column.TASK:
            return Cell(t.text, px=13, elide=Qt.TextElideMode.ElideMiddle)
        return Cell(t.text2)

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
