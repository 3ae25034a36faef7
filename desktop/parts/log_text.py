"""Output with its ANSI colours, fed in batches and kept to a bound."""

import codecs
import re
from itertools import pairwise
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
from PySide6.QtWidgets import QPlainTextEdit, QWidget
from rich.ansi import AnsiDecoder
from rich.style import Style

from desktop import words
from desktop.parts.labels import token_colour
from desktop.theme import Theme, put_palette

KEPT_CHARACTERS: Final = 1_000_000
BATCH_CHARACTERS: Final = 64_000
BATCH_MS: Final = 30

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

    def __init__(
        self, theme: Theme, *, numbers: bool = True, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._has_gutter = numbers
        self._pending = ""
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
        self._dropped_lines = 0
        self._numbered = True
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ansi = AnsiDecoder()
        self.setPlaceholderText(self.tr("Waiting for output"))
        self.clear()

    def append_output(self, output: bytes | str, skipped: int = 0) -> None:
        """Take more output; it shows within a few batches. Bytes may end inside a letter."""
        if skipped:
            self._numbered = False
            note = self.tr("{0} left out here").format(words.size(skipped))
            self._pending += f"{self._decoder.decode(b'', final=True)}\x1b[2m{note}\x1b[0m\n"
        self._pending += self._decoder.decode(output) if isinstance(output, bytes) else output
        surplus = len(self._pending) - 2 * KEPT_CHARACTERS
        if surplus > 0:
            # Faster than a screen can take; what would be dropped at once is not even painted.
            self._pending = self._pending[self._pending.find("\n", surplus) + 1 :]
            self._numbered = False
        if self._pending and not self._timer.isActive():
            self._timer.start()

    def finish(self) -> None:
        """No more will come."""
        self.setPlaceholderText(self.tr("This run has written nothing"))
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
        put_palette(self, palette)
        self._size_gutter()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        inner = self.contentsRect()
        self._gutter.setGeometry(
            QRect(inner.left(), inner.top(), self.gutter_width(), inner.height())
        )

    def gutter_width(self) -> int:
        """How wide the line numbers are."""
        if not self._has_gutter:
            return 4
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
        if not self._numbered or not self._has_gutter:
            return
        painter.setFont(self._theme.font(11, fixed=True))
        painter.setPen(QColor(t.text3))
        block = self.firstVisibleBlock()
        geometry = self.blockBoundingGeometry(block).translated(self.contentOffset())
        while block.isValid() and geometry.top() <= self.viewport().height():
            if not block.next().isValid() and not block.length() > 1:
                break
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
