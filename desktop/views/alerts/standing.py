"""The tabs of what stands: own rules of alerts, and times in which nobody is told."""

from collections.abc import Sequence
from typing import Final

import msgspec
from PySide6.QtCore import QCoreApplication, Qt, Signal, SignalInstance
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QStackedWidget, QVBoxLayout, QWidget

from desktop import words
from desktop.models.ruleform import label_of, texts_of
from desktop.parts.buttons import PRIMARY, Button
from desktop.parts.empty import Empty
from desktop.parts.labels import Elided, Ground
from desktop.parts.rows import Cell, RowTable
from desktop.states import severity_look
from desktop.tables import ROW, Table
from desktop.theme import Theme
from shared.protocol.alerting import OwnRule, QuietTime

ROW_PX: Final = 32
RULES: Final = (("Rule", 170), ("Severity", 84), ("State", 56), ("Holds for", 0), ("By", 120))
TIMES: Final = (("From", 112), ("To", 112), ("Now", 76), ("Alerts", 190), ("Why", 0), ("By", 120))


class Line(msgspec.Struct, frozen=True):
    """One row in words; what does not hold now is grey; `id` names what it is about."""

    cells: tuple[str, ...]
    holds: bool
    id: str = ""


def _tr(text: str) -> str:
    return QCoreApplication.translate("alerts", text)


def rule_line(rule: OwnRule) -> Line:
    """An own rule in words."""
    texts = texts_of(rule)
    given = ", ".join(f"{label_of(name).lower()} {value}" for name, value in texts.items())
    state = _tr("On") if rule.enabled else _tr("Off")
    severity = severity_look(rule.sev).said
    return Line((rule.name, severity, state, given, rule.by), rule.enabled, rule.name)


def time_line(one: QuietTime, times: str, zone: str, now_ms: int) -> Line:
    """A window in words."""
    tz = words.zone_for(times, zone)
    about = [_tr("tasks {0}").format(one.task_id)] if one.task_id else []
    about += [_tr("category {0}").format(one.category)] if one.category else []
    what = ", ".join(about) or _tr("all alerts")
    is_on = one.from_ms <= now_ms < one.to_ms
    now = _tr("On") if is_on else _tr("To come")
    began, ends = words.clock(one.from_ms, tz, now_ms), words.clock(one.to_ms, tz, now_ms)
    return Line((began, ends, now, what, one.reason, one.by), is_on, one.id)


class Standing(Ground):
    """A bar of what can be done, over a table of lines, or over the hint that there is none.

    It asks by signals with the id of the chosen line; whoever may change nothing is told why.
    """

    made = Signal()
    edited = Signal(str)
    switched = Signal(str)
    removed = Signal(str)

    def __init__(
        self,
        theme: Theme,
        columns: Sequence[tuple[str, int]],
        *,
        name: str,
        empty: tuple[str, str, str],
        make: str,
        switch: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        """`make` is the word on the button; with `switch` a line can be switched on and off."""
        super().__init__(theme, "surface", parent=parent)
        self._may, self._why_not = False, ""
        self._switches = switch
        self.make = Button(theme, make, icon="plus", kind=PRIMARY)
        self.make.clicked.connect(self.made)
        self.edit = Button(theme, self.tr("Edit"), icon="pencil-simple")
        self.edit.clicked.connect(self._edit)
        self.switch = Button(theme, self.tr("Switch off"), icon="power")
        self.switch.clicked.connect(lambda: self._tell(self.switched))
        self.switch.setVisible(switch)
        self.remove = Button(theme, self.tr("Delete"), icon="trash")
        self.remove.clicked.connect(lambda: self._tell(self.removed))
        self.why = Elided(theme, ink="text2")
        bar = Ground(theme, "chrome", lines="b")
        across = QHBoxLayout(bar)
        across.setContentsMargins(16, 8, 16, 8)
        across.setSpacing(8)
        for button in (self.make, self.edit, self.switch, self.remove):
            across.addWidget(button)
        across.addWidget(self.why, 1)
        self.model = _Lines(columns)
        self.table = _Table(self.model, theme, name, row_px=ROW_PX)
        self._lay_out(columns)
        self._empty = Empty(theme)
        self._empty.show_why(*empty)
        self.pages = QStackedWidget()
        self.pages.addWidget(self._empty)
        self.pages.addWidget(self.table)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.column.addWidget(bar)
        self.column.addWidget(self.pages, 1)
        self._show_buttons()

    def _lay_out(self, columns: Sequence[tuple[str, int]]) -> None:
        table = self.table
        header = table.horizontalHeader()
        for at, (_, wide) in enumerate(columns):
            if wide:
                table.setColumnWidth(at, wide)
            else:
                header.setSectionResizeMode(at, QHeaderView.ResizeMode.Stretch)
        table.activated.connect(lambda _: self._edit())
        remove = QShortcut(QKeySequence.StandardKey.Delete, table)
        remove.setContext(Qt.ShortcutContext.WidgetShortcut)
        remove.activated.connect(self.remove.click)
        table.selectionModel().selectionChanged.connect(lambda *_: self._show_buttons())

    def show_lines(self, lines: Sequence[Line]) -> None:
        """These; the one that is chosen stays so while it is there, else its neighbour is chosen.

        One always is: keys only move on from a line, and the only line could not be reached.
        """
        chosen, row = self.chosen(), max(0, self.table.currentIndex().row())
        self.model.show_lines(lines)
        self.pages.setCurrentWidget(self.table if lines else self._empty)
        ids = [line.id for line in lines]
        if lines and (not chosen or self.chosen() != chosen):
            self.table.selectRow(ids.index(chosen) if chosen in ids else min(row, len(ids) - 1))
        self._show_buttons()

    def allow(self, allowed: bool, why_not: str) -> None:
        """Whether anything can be changed, and if not, why."""
        self._may, self._why_not = allowed, why_not
        self._show_buttons()

    def chosen(self) -> str:
        """The id of the chosen line; empty where there is none."""
        line = self._line()
        return "" if line is None else line.id

    def choose(self, line_id: str) -> None:
        """Stand on that line, if it is there."""
        ids = [line.id for line in self.model.lines]
        if line_id in ids:
            self.table.selectRow(ids.index(line_id))

    def _line(self) -> Line | None:
        rows = self.table.selectionModel().selectedRows()
        line = rows[0].data(ROW) if rows else None
        return line if isinstance(line, Line) else None

    def _edit(self) -> None:
        if self.edit.isEnabled():
            self._tell(self.edited)

    def _tell(self, signal: SignalInstance) -> None:
        if self.chosen():
            signal.emit(self.chosen())

    def _show_buttons(self) -> None:
        line = self._line()
        none = self.tr("Choose one first")
        self.make.allow(self._may, self._why_not)
        for button in (self.edit, self.switch, self.remove):
            button.allow(self._may and line is not None, self._why_not or none)
        if self._switches:
            is_on = line is None or line.holds
            self.switch.setText(self.tr("Switch off") if is_on else self.tr("Switch on"))
            self.switch.updateGeometry()
        self.why.setText("" if self._may else self._why_not)


class _Lines(Table[Line]):
    def __init__(self, columns: Sequence[tuple[str, int]]) -> None:
        super().__init__([_tr(title) for title, _ in columns])

    @property
    def lines(self) -> Sequence[Line]:
        """What is shown."""
        return self._shown

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Take others; the same ones again change nothing."""
        if list(lines) != self._shown:
            self._show_others(lines)

    def say(self, row: Line, column: int) -> str:
        """A cell in words."""
        return row.cells[column]


class _Table(RowTable):
    def cell(self, row: Line, column: int) -> Cell:
        """How a cell of that row is drawn; what does not hold now is grey."""
        t = self._theme.tokens
        return Cell(t.text if row.holds else t.text3, weight=400 if column else 500)
