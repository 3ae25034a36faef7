"""Where several lines are written or compared in."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetrics,
    QPalette,
    QResizeEvent,
    QTextBlockFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from desktop.models.tasktext import GONE, NEW, DiffLine, as_text
from desktop.theme import Theme

LEAST_LINES: Final = 1
MOST_LINES: Final = 8
_MARGIN_PX: Final = 7
_EDGE_PX: Final = 2
"""Border and padding together, with the focus and without."""


class TextArea(QPlainTextEdit):
    """Lines to write; it grows with them, and Tab leads to the next field."""

    changed = Signal()

    def __init__(
        self,
        theme: Theme,
        *,
        name: str,
        hint: str = "",
        grows: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._grows = theme, grows
        self.setAccessibleName(name)
        self.setPlaceholderText(hint)
        self.setTabChangesFocus(True)
        self.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.document().setDocumentMargin(_MARGIN_PX)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        if grows:
            self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.textChanged.connect(self.changed)
        self.textChanged.connect(self._fit)
        theme.on_change(self._dress)

    def text(self) -> str:
        """What is written; plain text of Qt's would have hard spaces as others."""
        # Lines end as paragraphs, and as line separators where Shift+Enter was pressed.
        raw = self.document().toRawText()
        return raw.replace("\N{PARAGRAPH SEPARATOR}", "\n").replace("\N{LINE SEPARATOR}", "\n")

    def setText(self, text: str) -> None:
        """Write that instead."""
        self.setPlainText(text)
        self.moveCursor(QTextCursor.MoveOperation.End)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._dress()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._dress()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            self._dress()

    def _fit(self) -> None:
        if not self._grows:
            return
        # Of a plain text that is how many lines are seen, also those that were broken.
        seen = round(self.document().size().height())
        lines = min(max(seen, LEAST_LINES), MOST_LINES)
        # Without the one pixel more Qt lets the last line scroll, and shows a bar for that.
        edges = 2 * (_MARGIN_PX + _EDGE_PX) + 1
        self.setFixedHeight(max(32, lines * QFontMetrics(self.font()).lineSpacing() + edges))

    def _dress(self) -> None:
        t = self._theme.tokens
        self.setFont(self._theme.font(12, fixed=True))
        has_focus = self.hasFocus()
        border = t.focus if has_focus else t.line2
        wide = 2 if has_focus else 1
        self.setStyleSheet(
            f"QPlainTextEdit {{ background: {t.raised}; border: {wide}px solid {border};"
            f" border-radius: 6px; color: {t.text}; padding: {2 - wide}px;"
            f" selection-background-color: {t.sel}; selection-color: {t.text}; }}"
        )
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.PlaceholderText, QColor(t.text3))
        self.setPalette(palette)
        self._fit()


class Comparison(QTextEdit):
    """Lines that are gone and lines that are new, each with its sign; they can be copied."""

    def __init__(self, theme: Theme, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._lines: tuple[DiffLine, ...] = ()
        self._hint = ""
        self.setReadOnly(True)
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QTextEdit.LineWrapMode.NoWrap)
        self.setFrameShape(QTextEdit.Shape.NoFrame)
        self.document().setDocumentMargin(0)
        theme.on_change(self._dress)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, 56)

    def sizeHint(self) -> QSize:
        return QSize(240, 120)

    def show_lines(self, lines: Sequence[DiffLine], hint: str = "") -> None:
        """These differences; where there are none, the hint."""
        self._lines, self._hint = tuple(lines), hint
        self._fill()

    def copied(self) -> str:
        """What is compared, as text."""
        return as_text(self._lines)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._dress_frame()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._dress_frame()

    def _fill(self) -> None:
        t = self._theme.tokens
        self.clear()
        cursor = self.textCursor()
        looks = {GONE: (t.bad.tint, t.bad.text), NEW: (t.ok.tint, t.ok.text)}
        if not self._lines:
            self._put(cursor, f" {self._hint}", t.text3, None, is_first=True)
        for place, line in enumerate(self._lines):
            ground, ink = looks.get(line.sign, (None, t.text2))
            self._put(cursor, f" {line.sign} {line.text} ", ink, ground, is_first=place == 0)
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def _put(
        self, cursor: QTextCursor, text: str, ink: str, ground: str | None, *, is_first: bool
    ) -> None:
        shape = QTextBlockFormat()
        shape.setTopMargin(1)
        shape.setBottomMargin(1)
        if ground is not None:
            shape.setBackground(QColor(ground))
        if is_first:
            cursor.setBlockFormat(shape)
        else:
            cursor.insertBlock(shape)
        letters = cursor.charFormat()
        letters.setForeground(QColor(ink))
        cursor.insertText(text, letters)

    def _dress(self) -> None:
        self.setFont(self._theme.font(12, fixed=True))
        self._dress_frame()
        self._fill()

    def _dress_frame(self) -> None:
        t = self._theme.tokens
        wide, border = (2, t.focus) if self.hasFocus() else (1, t.line)
        self.setStyleSheet(
            f"QTextEdit {{ background: {t.log_paper}; border: {wide}px solid {border};"
            f" border-radius: 6px; padding: {5 - wide}px {2 - wide}px; }}"
        )
