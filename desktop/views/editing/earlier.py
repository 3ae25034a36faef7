"""What was the task before, what would that change, and is it to be so again?"""

from collections.abc import Mapping
from typing import Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop import words
from desktop.models.taskform import sparse
from desktop.models.tasktext import difference
from desktop.parts.areas import Comparison
from desktop.parts.buttons import PRIMARY, Button
from desktop.parts.dialogs import show_words
from desktop.parts.labels import Words
from desktop.parts.lines import ROW_PX, Line, Lines
from desktop.theme import Theme
from shared.protocol.defining import TaskVersion, TaskVersionsReply

LEAST_ROWS: Final = 4


class Earlier(QWidget):
    """The versions of a task, newest first; one of them can be written into the form."""

    asked = Signal(int)
    """Those below this version are wanted; 0: from the newest on."""
    chosen = Signal(dict)
    """The definition that is to be written into the form."""

    def __init__(self, theme: Theme, now: words.Clock, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._base: Mapping[str, Any] = {}
        self._rev = 0
        self._versions: list[TaskVersion] = []
        self._unread: set[int] = set()
        self._next = 0
        said = self.tr("What the task was. Nothing is saved by writing a version into the form.")
        self.lines = Lines(theme, name=self.tr("Versions"))
        self.lines.setMinimumHeight(LEAST_ROWS * ROW_PX)
        self.lines.currentRowChanged.connect(self._show_one)
        self.unread = Words(theme, ink="warn.text")
        self.change_title = Words(theme, weight=600, px=13)
        self.why = Words(theme, ink="text2", wrap=True, selectable=True)
        self.change = Comparison(theme, name=self.tr("What it would change"))
        self.use = Button(theme, self.tr("Write it into the form"), kind=PRIMARY)
        self.more = Button(theme, self.tr("Show older"))
        for button in (self.use, self.more):
            button.setAutoDefault(False)
        self.use.clicked.connect(self._use)
        self.more.clicked.connect(lambda: self.asked.emit(self._next))
        foot = QHBoxLayout()
        foot.addWidget(self.use)
        foot.addStretch(1)
        foot.addWidget(self.more)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 14, 2)
        column.setSpacing(6)
        column.addWidget(Words(theme, said, ink="text2", wrap=True))
        column.addWidget(self.lines, 3)
        column.addWidget(self.unread)
        column.addWidget(self.change_title)
        column.addWidget(self.why)
        column.addWidget(self.change, 2)
        column.addLayout(foot)
        self._show_lines()

    # --- what it is told -------------------------------------------------------------------------

    def show_base(self, rev: int, definition: Mapping[str, Any]) -> None:
        """The task as it is now, which is the newest version; another one is asked for anew."""
        if (rev, definition) == (self._rev, self._base):
            return
        self._rev, self._base = rev, dict(definition)
        self._versions, self._unread, self._next = [], set(), 0
        self._show_lines()

    def look(self) -> None:
        """It comes in sight: what is not known yet is asked for."""
        if not (self._versions or self._unread):
            self.lines.show_hint(self.tr("The agent is asked"))
            self.asked.emit(0)

    def show_page(self, reply: TaskVersionsReply) -> None:
        """More of them."""
        known = {one.def_rev for one in self._versions}
        self._versions += [one for one in reply.versions if one.def_rev not in known]
        # A page may be told twice; each number is counted once.
        self._unread.update(reply.unread)
        self._next = reply.next
        self._show_lines()

    def show_problem(self, text: str) -> None:
        """They could not be told."""
        self.lines.show_hint(text)
        self.change_title.setText(text if self._versions else "")

    # --- inside ----------------------------------------------------------------------------------

    def _show_lines(self) -> None:
        self.lines.show_lines([self._line(one) for one in self._versions])
        none = self.tr("Nothing is kept of what it was")
        self.lines.show_hint(none if not self._unread else "")
        count = len(self._unread)
        said = words.plural(
            count, self.tr("version cannot be read"), self.tr("versions cannot be read")
        )
        show_words(self.unread, said if count else "")
        self.more.setVisible(bool(self._next))
        self._show_one(self.lines.currentRow())

    def _line(self, one: TaskVersion) -> Line:
        who = one.changed_by or self.tr("somebody")
        text = self.tr("version {0}, {1}").format(one.def_rev, who)
        return Line(
            key=one.def_rev,
            time=words.clock(one.changed_ms, None, self._now()),
            text=f"{text}: {one.why}" if one.why else text,
            tip=one.why,
        )

    def _show_one(self, row: int) -> None:
        if not 0 <= row < len(self._versions):
            self.change_title.setText("")
            show_words(self.why, "")
            self.change.show_lines((), "")
            self.use.setEnabled(False)
            return
        one = self._versions[row]
        lines = difference(sparse(self._base), self._wanted(one))
        title = self.tr("What going back to version {0} would change")
        self.change_title.setText(title.format(one.def_rev))
        # The row has no room for a reason of more than a few words.
        who = one.changed_by or self.tr("somebody")
        show_words(self.why, self.tr("{0}: {1}").format(who, one.why) if one.why else "")
        self.change.show_lines(lines, self.tr("Nothing: that is what it is now"))
        self.use.setEnabled(bool(lines))

    def _wanted(self, one: TaskVersion) -> dict[str, Any]:
        """As it was, but as enabled as it is now: who goes back means what it does."""
        wanted = {**one.definition, "enabled": self._base.get("enabled", True)}
        return sparse(wanted)

    def _use(self) -> None:
        self.chosen.emit(self._wanted(self._versions[self.lines.currentRow()]))
