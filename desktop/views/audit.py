"""The screen of the audit: who asked what, what came of it, and from where."""

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QStackedWidget, QVBoxLayout, QWidget

from desktop import words
from desktop.models.audit import DONE, AuditModel, Column
from desktop.parts.buttons import Segmented
from desktop.parts.empty import Empty
from desktop.parts.fields import SearchField
from desktop.parts.labels import Ground, Words
from desktop.parts.older import Older
from desktop.parts.rows import Cell, RowTable
from desktop.theme import Theme
from shared.protocol.access import AuditRow

ROW_PX: Final = 30
LEAST_PX: Final = 480
NARROW_PX: Final = 1_200
ALL, REFUSED = "all", "refused"
_WIDTHS: Final = {Column.TIME: 118, Column.WHO: 170, Column.WHAT: 190, Column.TARGET: 240,
                  Column.RESULT: 170, Column.ADDRESS: 120}  # fmt: skip
_NARROW: Final = {Column.TIME: 112, Column.WHO: 140, Column.WHAT: 160, Column.TARGET: 190,
                  Column.RESULT: 164, Column.ADDRESS: 96}  # fmt: skip


class Audit(Ground):
    """Draws its model; asks for older rows, and says why there is none."""

    older_wanted = Signal()

    def __init__(self, model: AuditModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "chrome", parent=parent)
        self._model = model
        self.setMinimumWidth(LEAST_PX)
        self._may_ask, self._why_not = False, ""
        self._is_more, self._said = True, ""
        self._hindrance: tuple[str, str, str] | None = None
        title = Words(theme, self.tr("Audit"), px=16, weight=600)
        self.count = Words(theme, ink="text3")
        self.field = SearchField(theme, self.tr("Filter by who, what or about"), key="/")
        self.field.setFixedWidth(270)
        self.field.changed.connect(lambda text: model.ask(text))
        self.which = Segmented(
            theme,
            ((ALL, self.tr("All")), (REFUSED, self.tr("Refused"))),
            name=self.tr("Which requests"),
        )
        self.which.chosen.connect(lambda which: model.ask(only_refused=which == REFUSED))
        bar = Ground(theme, "chrome", lines="b")
        line = QHBoxLayout(bar)
        line.setContentsMargins(16, 10, 14, 10)
        line.setSpacing(10)
        line.addWidget(title)
        line.addWidget(self.count)
        line.addStretch(1)
        line.addWidget(self.which)
        line.addWidget(self.field)
        self.table = _Table(model, theme)
        self.field.left.connect(self.table.setFocus)
        self.empty = Empty(theme)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.table)
        self._foot = Older(theme, self.table)
        self._foot.wanted.connect(self.older_wanted)
        self.reach, self.older = self._foot.reach, self._foot.button
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self._foot)
        model.modelReset.connect(self.refresh)
        self.refresh()

    def show_stale(self, as_of: str) -> None:
        """What is shown is of that time; empty text means it is live."""
        self.table.show_stale(bool(as_of))

    def set_times(self, times: str, zone: str) -> None:
        """In whose zone times are said; `zone` is the agent's own."""
        self._model.set_times(times, zone)

    def show_hindrance(self, hindrance: tuple[str, str, str] | None) -> None:
        """Why nothing is told here: an icon, what is true, and the next step; None: it is."""
        self._hindrance = hindrance
        self.refresh()

    def allow_older(self, allowed: bool, why_not: str) -> None:
        """Whether the agent can be asked for more, and if not, why."""
        self._may_ask, self._why_not = allowed, why_not
        self.refresh()

    def show_rest(self, *, is_more: bool, said: str = "") -> None:
        """Whether there is more, and what is said of that."""
        self._is_more, self._said = is_more, said
        self.refresh()

    def refresh(self) -> None:
        """Show the table, or why there is nothing in it."""
        shown, total = self._model.rowCount(), self._model.total
        said = self.tr("the last {0}").format(words.count(total))
        if shown != total:
            said = self.tr("{0} of the last {1}").format(words.count(shown), words.count(total))
        self.count.setText(said if total else "")
        self._pages.setCurrentWidget(self.table if shown else self.empty)
        self._foot.setVisible(total > 0)
        self.reach.setText(self._said)
        self.older.allow(self._is_more and self._may_ask, self._why_not or self._said)
        if self._hindrance is not None and not total:
            self.empty.show_why(*self._hindrance)
        elif total:
            hint = self.tr("Clear the filter to see all {0}.").format(words.count(total))
            self.empty.show_why("magnifying-glass", self.tr("Nothing matches"), hint)
        else:
            hint = self.tr("Whatever a person changes, here or by command, stands here with name.")
            self.empty.show_why("shield-check", self.tr("Nobody changed anything yet"), hint)

    def focus_filter(self) -> None:
        """Go to the filter field."""
        self.field.edit.setFocus()


class _Table(RowTable):
    def __init__(self, model: AuditModel, theme: Theme) -> None:
        super().__init__(model, theme, self.tr("Audit"), row_px=ROW_PX)
        self.horizontalHeader().setSectionResizeMode(Column.DETAILS, QHeaderView.ResizeMode.Stretch)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        is_narrow = self.width() < NARROW_PX
        self.set_widths(_NARROW if is_narrow else _WIDTHS)
        # From where stands in the tip of who as well.
        self.setColumnHidden(Column.ADDRESS, is_narrow)

    def cell(self, row: AuditRow, column: int) -> Cell:
        """How a cell of that row is drawn."""
        t = self._theme.tokens
        if column == Column.RESULT:
            is_done = row.code == DONE
            ink = t.family("idle" if self.is_stale else "ok" if is_done else "warn").text
            icon = "check-bold" if is_done else "prohibit-bold"
            return Cell(t.text2 if is_done else ink, icon=icon, icon_ink=ink, icon_px=13)
        if column in (Column.TARGET, Column.ADDRESS):
            ink = t.text if column == Column.TARGET else t.text2
            return Cell(ink, elide=Qt.TextElideMode.ElideMiddle)
        return Cell(t.text if column in (Column.WHO, Column.WHAT) else t.text2)
