"""The output of one run, as it grows."""

import codecs
import re
from itertools import pairwise
from pathlib import Path
from typing import Final

from PySide6.QtCore import QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)
from rich.ansi import AnsiDecoder
from rich.style import Style

from desktop import words
from desktop.parts.buttons import GHOST, Button, Check
from desktop.parts.fields import SearchField
from desktop.parts.labels import Elided, Ground, IconLabel, token_colour
from desktop.theme import Theme
from shared.protocol.rows import Run

KEPT_CHARACTERS: Final = 1_000_000
BATCH_CHARACTERS: Final = 64_000
BATCH_MS: Final = 30
MATCHES: Final = 5_000
PAINTED_MATCHES: Final = 500

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")
_ANSI_INKS: Final = {
    0: "text3",
    1: "bad.text",
    2: "ok.text",
    3: "warn.text",
    4: "run.text",
    5: "ansi_magenta",
    6: "ansi_cyan",
    7: "text",
    8: "text3",
}


class LogText(QPlainTextEdit):
    """Text with line numbers that are not copied, fed in batches."""

    caught_up = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._pending = ""
        self._partial = False
        self._dropped_lines = 0
        self._numbered = True
        self._is_stale = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ansi = AnsiDecoder()
        self._gutter = _Gutter(self)
        self._timer = QTimer(self, interval=BATCH_MS)
        self._timer.timeout.connect(self._feed)
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setAccessibleName(self.tr("Output"))
        self.updateRequest.connect(self._scroll_gutter)
        self.blockCountChanged.connect(self._size_gutter)
        theme.on_change(self._dress)

    def begin(self) -> None:
        """Empty, for another run."""
        self._timer.stop()
        self._pending = ""
        self._partial = False
        self._dropped_lines = 0
        self._numbered = True
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ansi = AnsiDecoder()
        self.clear()

    def append_bytes(self, data: bytes, skipped: int = 0) -> None:
        """Take more output; it shows within a few batches. A chunk may end inside a letter."""
        if skipped:
            self._numbered = False
            note = self.tr("{0} left out here").format(words.size(skipped))
            self._pending += f"{self._decoder.decode(b'', final=True)}\x1b[2m{note}\x1b[0m\n"
        self._pending += self._decoder.decode(data)
        surplus = len(self._pending) - 2 * KEPT_CHARACTERS
        if surplus > 0:
            # Faster than a screen can take; what would be dropped at once is not even painted.
            self._pending = self._pending[self._pending.find("\n", surplus) + 1 :]
            self._numbered = False
        if self._pending and not self._timer.isActive():
            self._timer.start()

    def finish(self) -> None:
        """No more will come."""
        self._pending += self._decoder.decode(b"", final=True)
        if self._pending and not self._timer.isActive():
            self._timer.start()

    def show_stale(self, stale: bool) -> None:
        """Grey text while nothing is known of its growth."""
        self._is_stale = stale
        self._dress()

    @property
    def is_busy(self) -> bool:
        """Some of what came is not shown yet."""
        return bool(self._pending)

    # Feeding -----------------------------------------------------------------------------

    def _feed(self) -> None:
        batch, self._pending = self._next_batch()
        if not self._pending:
            self._timer.stop()
        if batch:
            self._insert(batch)
            self._forget_surplus()
        if not self._pending:
            self.caught_up.emit()

    def _next_batch(self) -> tuple[str, str]:
        if len(self._pending) <= BATCH_CHARACTERS:
            return self._pending, ""
        cut = self._pending.rfind("\n", 0, BATCH_CHARACTERS) + 1 or BATCH_CHARACTERS
        return self._pending[:cut], self._pending[cut:]

    def _insert(self, batch: str) -> None:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        plain: list[str] = []
        text = batch.replace("\r\n", "\n")
        for at, line in enumerate(text.split("\n")):
            if at:
                plain.append("\n")
            line = _CONTROL.sub("", line)
            if "\x1b" not in line and "\r" not in line and self._ansi.style == Style.null():
                plain.append(line)
                continue
            self._put_plain(cursor, plain)
            self._put_styled(cursor, line)
        self._put_plain(cursor, plain)
        cursor.endEditBlock()

    def _put_plain(self, cursor: QTextCursor, plain: list[str]) -> None:
        if plain:
            cursor.insertText("".join(plain), QTextCharFormat())
            plain.clear()

    def _put_styled(self, cursor: QTextCursor, line: str) -> None:
        if not line:
            return
        if "\r" in line:
            # A progress line written over itself: only its last form stays.
            cursor.movePosition(
                QTextCursor.MoveOperation.StartOfBlock, QTextCursor.MoveMode.KeepAnchor
            )
            cursor.removeSelectedText()
        decoded = self._ansi.decode_line(line)
        bounds = sorted(
            {0, len(decoded.plain), *(b for s in decoded.spans for b in (s.start, s.end))}
        )
        for start, end in pairwise(bounds):
            styles = [s.style for s in decoded.spans if s.start <= start and s.end >= end]
            look = QTextCharFormat()
            for style in styles:
                if isinstance(style, Style):
                    self._apply(look, style)
            cursor.insertText(decoded.plain[start:end], look)

    def _apply(self, look: QTextCharFormat, style: Style) -> None:
        ink = None
        if style.color is not None and style.color.number is not None:
            number = style.color.number
            ink = _ANSI_INKS.get(number - 8 if 8 < number < 16 else number)
        if style.dim and ink is None:
            ink = "text3"
        if ink is not None:
            look.setForeground(QColor(token_colour(self._theme, ink)))
        if style.bold:
            look.setFontWeight(600)
        if style.underline:
            look.setFontUnderline(True)

    def _forget_surplus(self) -> None:
        surplus = self.document().characterCount() - KEPT_CHARACTERS
        if surplus <= 0:
            return
        block = self.document().findBlock(surplus).next()
        if not block.isValid():
            return
        self._dropped_lines += block.blockNumber()
        cursor = QTextCursor(self.document())
        cursor.setPosition(block.position(), QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()

    # Looks -------------------------------------------------------------------------------

    def _dress(self) -> None:
        t = self._theme.tokens
        self.setFont(self._theme.font(12, fixed=True))
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.Base, QColor(t.log_paper))
        ink = t.text2 if self._is_stale else t.text
        palette.setColor(QPalette.ColorRole.Text, QColor(ink))
        palette.setColor(QPalette.ColorRole.Highlight, QColor(t.sel))
        palette.setColor(QPalette.ColorRole.HighlightedText, QColor(t.text))
        self.setPalette(palette)
        self._size_gutter()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        inner = self.contentsRect()
        self._gutter.setGeometry(
            QRect(inner.left(), inner.top(), self.gutter_width(), inner.height())
        )

    def gutter_width(self) -> int:
        """How wide the line numbers are."""
        figures = max(4, len(str(self.blockCount() + self._dropped_lines)))
        return QFontMetrics(self._theme.font(11, fixed=True)).horizontalAdvance("0") * figures + 28

    def _size_gutter(self, *_: object) -> None:
        self.setViewportMargins(self.gutter_width() + 8, 0, 0, 0)
        self._gutter.update()

    def _scroll_gutter(self, _rect: QRect, dy: int) -> None:
        if dy:
            self._gutter.scroll(0, dy)
        else:
            self._gutter.update()

    def paint_numbers(self, painter: QPainter, wide: int) -> None:
        """The line numbers in sight; none where the first line is unknown."""
        t = self._theme.tokens
        painter.fillRect(0, 0, wide, self.height(), QColor(t.sunken))
        if not self._numbered:
            return
        painter.setFont(self._theme.font(11, fixed=True))
        painter.setPen(QColor(t.text3))
        block = self.firstVisibleBlock()
        geometry = self.blockBoundingGeometry(block).translated(self.contentOffset())
        while block.isValid() and geometry.top() <= self.viewport().height():
            number = str(block.blockNumber() + 1 + self._dropped_lines)
            line_high = self.fontMetrics().lineSpacing()
            room = QRect(0, round(geometry.top()), wide - 10, line_high)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(room, right, number)
            block = block.next()
            geometry = self.blockBoundingGeometry(block).translated(self.contentOffset())


class _Gutter(QWidget):
    def __init__(self, text: LogText) -> None:
        super().__init__(text)
        self._text = text

    def sizeHint(self) -> QSize:
        return QSize(self._text.gutter_width(), 0)

    def paintEvent(self, _event: QPaintEvent) -> None:
        self._text.paint_numbers(QPainter(self), self.width())


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
        self.title = Elided(theme, px=12, weight=600)
        self.subline = Elided(theme, px=12, ink="text2")
        self.search = SearchField(theme, self.tr("Search in the log"))
        self.search.setMaximumWidth(230)
        self.search.setMinimumWidth(140)
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
        bar.addWidget(self.title, 2)
        bar.addWidget(self.subline, 3)
        bar.addWidget(self.search, 2)
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

    def append(self, data: bytes, skipped: int = 0) -> None:
        """More output."""
        self.text.append_bytes(data, skipped)

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
            selection.cursor = cursor  # type: ignore[attr-defined]
            selection.format = look  # type: ignore[attr-defined]
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
