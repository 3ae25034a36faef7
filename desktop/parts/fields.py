"""Fields to write in, and counters and chips to choose with."""

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QMouseEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from desktop import words
from desktop.parts.buttons import Pressable, draw_focus
from desktop.states import Look
from desktop.theme import Theme, rounded


class SearchField(QWidget):
    """A field with a magnifier, a hint, and the key that leads to it."""

    changed = Signal(str)
    submitted = Signal()
    left = Signal()

    def __init__(
        self, theme: Theme, hint: str, *, key: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme, self._key, self._note = theme, key, ""
        self.edit = QLineEdit(self)
        self.edit.setFrame(False)
        self.edit.setPlaceholderText(hint)
        self.edit.setAccessibleName(hint)
        self.edit.textChanged.connect(self.changed)
        self.edit.textChanged.connect(self.update)
        self.edit.returnPressed.connect(self.submitted)
        self.edit.installEventFilter(self)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(30, 1, 30 if key else 10, 1)
        self._layout.addWidget(self.edit)
        self.setFixedHeight(28)
        self.setFocusProxy(self.edit)
        theme.on_change(self._dress)

    def show_note(self, note: str) -> None:
        """A short word at the right, such as "2 of 7"."""
        self._note = note
        wide = QFontMetrics(self._theme.font(11)).horizontalAdvance(note)
        self._layout.setContentsMargins(30, 1, wide + 16 if note else 10, 1)
        self.update()

    def text(self) -> str:
        """What was written."""
        return self.edit.text()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.update()
        if event.type() == QEvent.Type.KeyPress and event.key() == Qt.Key.Key_Escape:  # type: ignore[attr-defined]
            if self.edit.text():
                self.edit.clear()
            else:
                self.left.emit()
            return True
        return super().eventFilter(watched, event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.edit.setFocus()
        super().mousePressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        has_focus = self.edit.hasFocus()
        rounded(
            painter,
            QRectF(self.rect()),
            6,
            fill=t.raised,
            border=t.focus if has_focus else t.line2,
            width=2 if has_focus else 1,
        )
        self._theme.draw_icon(painter, QRectF(8, 6, 16, 16), "magnifying-glass", t.text3, 14)
        if self._note:
            painter.setFont(self._theme.font(11))
            painter.setPen(QColor(t.text2))
            room = self.rect().adjusted(0, 0, -10, 0)
            painter.drawText(
                room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._note
            )
        elif self._key and not self.edit.text() and not has_focus:
            box = QRectF(self.width() - 26, 5, 18, 18)
            rounded(painter, box, 4, fill=t.sunken, border=t.line)
            painter.setFont(self._theme.font(11))
            painter.setPen(QColor(t.text2))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._key)

    def _dress(self) -> None:
        t = self._theme.tokens
        self.edit.setFont(self._theme.font(12))
        self.edit.setStyleSheet(f"background: transparent; border: none; color: {t.text};")
        palette = QPalette(self.edit.palette())
        palette.setColor(QPalette.ColorRole.PlaceholderText, QColor(t.text3))
        self.edit.setPalette(palette)
        self.update()


class Counter(Pressable):
    """How many are in a state, and a filter for them."""

    def __init__(
        self, theme: Theme, word: str, look: Look | None = None, *, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme, self._look = theme, look
        self._number = 0
        self._stale = self._is_terse = False
        self.setText(word)
        self.setCheckable(True)
        self.setFixedHeight(36)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def show_number(self, number: int, *, stale: bool) -> None:
        """That many; stale ones are grey."""
        self._number, self._stale = number, stale
        self.setAccessibleName(f"{self.text()} {number}")
        self.updateGeometry()
        self.update()

    def set_terse(self, terse: bool) -> None:
        """Leave the word out where there is a shape and little room."""
        self._is_terse = terse and self._look is not None
        self.setToolTip(self.text() if self._is_terse else "")
        self.updateGeometry()
        self.update()

    @property
    def number(self) -> int:
        """How many."""
        return self._number

    def _shown_word(self) -> str:
        return "" if self._is_terse else self.text()

    def sizeHint(self) -> QSize:
        word = QFontMetrics(self._theme.font(12, 500)).horizontalAdvance(self._shown_word())
        said = words.count(self._number)
        figure = QFontMetrics(self._theme.font(16, 600)).horizontalAdvance(said)
        icon = 24 if self._look is not None else 0
        gap = 2 if self._is_terse else 14
        return QSize(12 + icon + word + gap + figure + 13, 36)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        loud = self._look is not None and self._look.family in ("bad", "warn")
        loud = loud and self._number > 0 and not self._stale
        ink, fill, border = t.text, t.surface, t.line2
        if self._look is not None and loud:
            family = t.family(self._look.family)
            ink, fill = family.text, family.tint
            border = family.text if t.is_contrast else family.tint
        elif self.underMouse():
            fill = t.hover
        if self.isChecked():
            border = t.focus
            fill = fill if loud else t.sel
        rounded(painter, QRectF(self.rect()), 8, fill=fill, border=border)
        draw_focus(painter, self, self._theme, 8)
        x = 12
        if self._look is not None:
            family = t.family("idle" if self._stale else self._look.family)
            self._theme.draw_icon(painter, QRectF(x, 10, 16, 16), self._look.icon, family.text, 16)
            x += 24
        painter.setPen(QColor(ink))
        painter.setFont(self._theme.font(12, 500))
        room = self.rect().adjusted(x, 0, 0, 0)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, self._shown_word())
        painter.setFont(self._theme.font(16, 600))
        painter.drawText(
            self.rect().adjusted(0, 0, -12, 0),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            words.count(self._number),
        )


class Chip(Pressable):
    """What the filter understood; a click takes it away."""

    def __init__(self, theme: Theme, key: str, value: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._key_word, self._value = theme, key, value
        self.setText(f"{key} {value}".strip())
        self.setFixedHeight(24)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(self.tr("Take this condition away"))
        theme.changed.connect(self.update)

    def _widths(self) -> tuple[int, int]:
        key = f"{self._key_word} " if self._key_word else ""
        return (
            QFontMetrics(self._theme.font(12)).horizontalAdvance(key),
            QFontMetrics(self._theme.font(12, 500)).horizontalAdvance(self._value),
        )

    def sizeHint(self) -> QSize:
        return QSize(sum(self._widths()) + 34, 24)

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        border = t.line2 if t.is_contrast else None
        rounded(painter, QRectF(self.rect()), 5, fill=t.idle.tint, border=border)
        key, value = self._widths()
        painter.setPen(QColor(t.text2))
        painter.setFont(self._theme.font(12))
        painter.drawText(
            self.rect().adjusted(8, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._key_word
        )
        painter.setPen(QColor(t.text))
        painter.setFont(self._theme.font(12, 500))
        painter.drawText(
            self.rect().adjusted(8 + key, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._value
        )
        cross = QRectF(12 + key + value, 4, 16, 16)
        self._theme.draw_icon(painter, cross, "x", t.text3, 10)
        draw_focus(painter, self, self._theme, 5)
