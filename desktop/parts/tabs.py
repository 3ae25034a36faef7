"""Tabs: a word each, the chosen one underlined."""

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QWidget

from desktop.parts.buttons import Pressable, draw_focus, stop_once
from desktop.parts.labels import Ground
from desktop.theme import Theme, rounded


class _Tab(Pressable):
    def __init__(self, theme: Theme, word: str, height: int, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._height = height
        self.setText(word)
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        wide = QFontMetrics(self._theme.font(12, 600)).horizontalAdvance(self.text())
        return QSize(wide + 2, self._height)

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        on = self.isChecked()
        painter.setFont(self._theme.font(12, 600 if on else 400))
        painter.setPen(QColor(t.text if on or self.underMouse() else t.text2))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())
        if on:
            rounded(painter, QRectF(0, self.height() - 2, self.width(), 2), 1, fill=t.focus)
        draw_focus(painter, self, self._theme, 4)


class Tabs(Ground):
    """A row of tabs; `chosen` tells the place of the one that was clicked."""

    chosen = Signal(int)

    def __init__(
        self,
        theme: Theme,
        names: Sequence[str],
        *,
        height: int = 32,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, "chrome", lines="b", parent=parent)
        self.setFixedHeight(height)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 0, 16, 0)
        layout.setSpacing(18)
        self._group = QButtonGroup(self)
        for place, name in enumerate(names):
            tab = _Tab(theme, name, height, self)
            self._group.addButton(tab, place)
            layout.addWidget(tab)
        layout.addStretch(1)
        self._line = layout
        self._group.button(0).setChecked(True)
        stop_once(self._group)
        self._group.idClicked.connect(self.chosen)

    def add_right(self, widget: QWidget, stretch: int = 0) -> None:
        """Something at the right end."""
        self._line.addWidget(widget, stretch)

    def say(self, place: int, word: str) -> None:
        """Another word for that tab."""
        tab = self._group.button(place)
        if tab.text() != word:
            tab.setText(word)
            tab.updateGeometry()

    def choose(self, place: int) -> None:
        """Show that one as chosen, and tell."""
        self._group.button(place).setChecked(True)
        self.chosen.emit(place)
