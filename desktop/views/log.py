"""The output of one run, as it grows."""

import re
from pathlib import Path
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from desktop import words
from desktop.parts.buttons import GHOST, Button, Check
from desktop.parts.fields import SearchField
from desktop.parts.labels import Elided, Ground, IconLabel, Words
from desktop.parts.log_text import LogText
from desktop.theme import Theme
from shared.protocol.rows import Run

MATCHES: Final = 5_000
PAINTED_MATCHES: Final = 500


class LogDock(Ground):
    """Title, search and the text of one run's output."""

    closed = Signal()
    failed = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "chrome", lines="t", parent=parent)
        self._theme = theme
        self._matches: list[tuple[int, int]] = []
        self._current = -1
        self._ended = False
        self._run_id = ""
        self.text = LogText(theme)
        self.title = Words(theme, px=12, weight=600)
        self.subline = Elided(theme, px=12, ink="text2")
        self.search = SearchField(theme, self.tr("Search in the log"))
        self.search.setFixedWidth(210)
        self.search.changed.connect(self._search)
        self.search.submitted.connect(lambda: self.go_to_match(1))
        self.search.left.connect(self.text.setFocus)
        self._up = self._tool("caret-up", self.tr("Previous match (Shift+F3)"))
        self._up.clicked.connect(lambda: self.go_to_match(-1))
        self._down = self._tool("caret-down", self.tr("Next match (F3)"))
        self._down.clicked.connect(lambda: self.go_to_match(1))
        self.follow = Check(theme, self.tr("Follow"))
        self.follow.setChecked(True)
        self.follow.toggled.connect(self._follow)
        self.wrap = Check(theme, self.tr("Wrap"))
        self.wrap.toggled.connect(self._wrap)
        save = self._tool("download-simple", self.tr("Save what is shown"))
        save.clicked.connect(self._save)
        close = self._tool("x", self.tr("Close (Ctrl+J)"))
        close.clicked.connect(self.closed)

        bar = QHBoxLayout()
        bar.setContentsMargins(16, 0, 10, 0)
        bar.setSpacing(8)
        bar.addWidget(IconLabel(theme, "file-text", px=15))
        bar.addWidget(self.title)
        bar.addWidget(self.subline, 1)
        bar.addWidget(self.search)
        bar.addWidget(self._up)
        bar.addWidget(self._down)
        bar.addSpacing(6)
        bar.addWidget(self.follow)
        bar.addWidget(self.wrap)
        bar.addSpacing(4)
        bar.addWidget(save)
        bar.addWidget(close)
        top = QWidget()
        top.setFixedHeight(36)
        top.setLayout(bar)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 1, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(top)
        layout.addWidget(self.text, 1)
        self.text.caught_up.connect(self._caught_up)
        scroll = self.text.verticalScrollBar()
        scroll.valueChanged.connect(self._scrolled)
        self.show_nothing()

    @property
    def run_id(self) -> str:
        """Whose output this is; empty for nobody's."""
        return self._run_id

    def show_nothing(self) -> None:
        """No run is chosen."""
        self._run_id = ""
        self.text.begin()
        self.text.setPlaceholderText("")
        self.title.setText(self.tr("Log"))
        self.subline.setText(self.tr("Choose a task and press Ctrl+L to see its newest output."))

    def begin(self, run_id: str) -> None:
        """The output of that run follows."""
        self._run_id = run_id
        self._ended = False
        self._matches = []
        self._current = -1
        self.text.begin()
        self.follow.setChecked(True)

    def show_run(self, run: Run, *, zone: str, now_ms: int) -> None:
        """Name the run: its task, its moment, its attempt, whether it still grows."""
        if run.id != self._run_id:
            return
        at = words.clock(
            run.start_ms or run.scheduled_ms, words.zone_named(zone), now_ms, seconds=True
        )
        grows = self.tr("ended") if run.state == "ended" else self.tr("still growing")
        self.title.setText(run.task_id)
        self.subline.setText(self.tr("run of {0}, attempt {1}, {2}").format(at, run.attempt, grows))

    def append(self, output: bytes | str, skipped: int = 0) -> None:
        """More output."""
        self.text.append_output(output, skipped)

    def end(self) -> None:
        """The output is complete."""
        self._ended = True
        self.text.finish()

    def show_stale(self, stale: bool) -> None:
        """While the agent is silent there is nothing to follow."""
        self.text.show_stale(stale)
        self.follow.setEnabled(not stale)
        self.follow.setToolTip(self.tr("Off while the agent is silent") if stale else "")

    def focus_search(self) -> None:
        """Go to the search field."""
        self.search.edit.setFocus()
        self.search.edit.selectAll()

    def go_to_match(self, step: int) -> None:
        """Go to the next match (1) or the previous (-1)."""
        if not self._matches:
            return
        self._current = (self._current + step) % len(self._matches)
        self._show_matches()
        cursor = QTextCursor(self.text.document())
        cursor.setPosition(self._matches[self._current][0])
        self.follow.setChecked(False)
        self.text.setTextCursor(cursor)
        self.text.ensureCursorVisible()

    def go_to_end(self) -> None:
        """The end of the log, and follow it."""
        self.follow.setChecked(True)
        self._follow(True)

    @property
    def match_count(self) -> int:
        """How many places match the search."""
        return len(self._matches)

    def _tool(self, icon: str, tip: str) -> Button:
        button = Button(self._theme, icon=icon, kind=GHOST)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        return button

    def _caught_up(self) -> None:
        if self.search.text():
            self._search(self.search.text())
        if self.follow.isChecked():
            self._follow(True)

    def _follow(self, on: bool) -> None:
        if on:
            bar = self.text.verticalScrollBar()
            bar.setValue(bar.maximum())

    def _scrolled(self, value: int) -> None:
        at_end = value >= self.text.verticalScrollBar().maximum() - 1
        if at_end != self.follow.isChecked() and not self.text.is_busy:
            self.follow.blockSignals(True)
            self.follow.setChecked(at_end)
            self.follow.blockSignals(False)

    def _wrap(self, on: bool) -> None:
        modes = QPlainTextEdit.LineWrapMode
        self.text.setLineWrapMode(modes.WidgetWidth if on else modes.NoWrap)

    def _search(self, needle: str) -> None:
        self._matches = []
        if needle:
            pattern = re.compile(re.escape(needle), re.IGNORECASE)
            for found in pattern.finditer(self.text.toPlainText()):
                self._matches.append(found.span())
                if len(self._matches) == MATCHES:
                    break
        self._current = min(self._current, len(self._matches) - 1)
        self._show_matches()

    def _show_matches(self) -> None:
        t = self._theme.tokens
        selections: list[QTextEdit.ExtraSelection] = []
        first = max(0, self._current - PAINTED_MATCHES // 2)
        for at, (start, end) in enumerate(self._matches[first : first + PAINTED_MATCHES], first):
            selection = QTextEdit.ExtraSelection()
            cursor = QTextCursor(self.text.document())
            cursor.setPosition(start)
            cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
            look = QTextCharFormat()
            is_current = at == self._current
            look.setBackground(QColor(t.warn.fill if is_current else t.warn.tint))
            look.setForeground(QColor("#000000" if is_current else t.warn.text))
            selection.cursor = cursor
            selection.format = look
            selections.append(selection)
        self.text.setExtraSelections(selections)
        total = len(self._matches)
        if not self.search.text():
            self.search.show_note("")
        elif not total:
            self.search.show_note(self.tr("none"))
        elif self._current < 0:
            self.search.show_note(self.tr("{0} found").format(words.count(total)))
        else:
            self.search.show_note(self.tr("{0} of {1}").format(self._current + 1, total))

    def _save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, self.tr("Save the log"), f"{self.title.text()}.log"
        )
        if name:
            self.save_to(Path(name))

    def save_to(self, path: Path) -> None:
        """Write what is shown into a file."""
        try:
            path.write_text(self.text.toPlainText() + "\n", encoding="utf-8")
        except OSError as error:
            self.failed.emit(
                self.tr("The log could not be saved to {0}: {1}").format(path, error.strerror)
            )
