"""The checks as a table: verdict, reading, limits, since when, last look, what was found."""

from typing import Final

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHeaderView, QWidget

from desktop.models.health import Column, HealthModel, is_own
from desktop.parts.rows import Cell, RowTable
from desktop.states import check_look
from desktop.tables import ROW
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


class CheckTable(RowTable):
    """One row a check; the keyboard stands on one from the start."""

    check_chosen = Signal(str)

    def __init__(self, model: HealthModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(model, theme, self.tr("Checks"), row_px=ROW_PX, hovers=True, parent=parent)
        self._model = model
        self._chosen = ""
        self.horizontalHeader().setSectionResizeMode(Column.MESSAGE, QHeaderView.ResizeMode.Stretch)
        self.selectionModel().currentRowChanged.connect(self._tell)
        model.modelReset.connect(self._choose_again)

    @property
    def chosen(self) -> CheckDetail | None:
        """The check the keyboard stands on."""
        return self._model.check(self._chosen)

    def choose(self, check_id: str) -> None:
        """Go to that check."""
        for row, one in enumerate(self._model.checks()):
            if one.id == check_id:
                self.setCurrentIndex(self._model.index(row, 0))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width()
        self.set_widths(_NARROW if wide < NARROW_PX else _WIDE if wide >= WIDE_PX else _WIDTHS)

    def cell(self, row: CheckDetail, column: int) -> Cell:
        """How a cell of that row is drawn."""
        t = self._theme.tokens
        weight = 500 if row.state in ("warn", "crit") else 400
        match column:
            case Column.STATE:
                look = check_look(row.state)
                ink = t.family("idle" if self.is_stale else look.family).text
                return Cell(ink, weight=500, icon=look.icon, icon_ink=ink)
            case Column.CHECK:
                # Mounts differ at their end, checks of the owner's own at the beginning.
                mode = Qt.TextElideMode
                elide = mode.ElideRight if is_own(row) else mode.ElideMiddle
                return Cell(t.text, weight=weight, elide=elide)
            case Column.READING:
                return Cell(t.text, weight=weight)
            case Column.LOOKED if self._model.is_late(row):
                return Cell(t.idle.text if self.is_stale else t.warn.text)
        return Cell(t.text2)

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
