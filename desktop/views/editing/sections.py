"""Which sections are there, which is in sight, and where is something changed or wrong?"""

from collections.abc import Sequence, Set

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QVBoxLayout, QWidget

from desktop.parts.buttons import Pressable, draw_focus, stop_once
from desktop.theme import Theme, rounded

WIDE_PX = 168


class _Item(Pressable):
    def __init__(self, theme: Theme, word: str, icon: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme, self._icon = theme, icon
        self.is_changed = self.is_wrong = False
        self.setText(word)
        self.setCheckable(True)
        self.setFixedHeight(32)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        return QSize(WIDE_PX, 32)

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        is_on, box = self.isChecked(), QRectF(self.rect())
        if is_on or self.underMouse():
            rounded(painter, box, 6, fill=t.sel if is_on else t.hover)
        if is_on:
            rounded(painter, QRectF(0, 6, 3, self.height() - 12), 1.5, fill=t.focus)
        ink = t.text if is_on else t.text2
        self._theme.draw_icon(painter, QRectF(12, 8, 16, 16), self._icon, ink, 15)
        painter.setFont(self._theme.font(12, 600 if is_on else 400))
        painter.setPen(QColor(ink))
        room = self.rect().adjusted(36, 0, -22, 0)
        shown = painter.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
        mark = QRectF(self.width() - 20, 9, 14, 14)
        if self.is_wrong:
            self._theme.draw_icon(painter, mark, "warning-circle-fill", t.bad.text, 13)
        elif self.is_changed:
            rounded(painter, mark.adjusted(4, 4, -4, -4), 3, fill=t.focus)
        draw_focus(painter, self, self._theme, 6)


class SectionList(QWidget):
    """A word each, one below the other; arrows lead up and down."""

    chosen = Signal(str)

    def __init__(
        self, theme: Theme, items: Sequence[tuple[str, str, str]], parent: QWidget | None = None
    ) -> None:
        """`items` are key, word and icon."""
        super().__init__(parent)
        self.setFixedWidth(WIDE_PX)
        self._group = QButtonGroup(self)
        self._items: dict[str, _Item] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for key, word, icon in items:
            item = _Item(theme, word, icon, self)
            item.clicked.connect(lambda _=False, key=key: self.chosen.emit(key))
            self._items[key] = item
            self._group.addButton(item)
            layout.addWidget(item)
        layout.addStretch(1)
        next(iter(self._items.values())).setChecked(True)
        stop_once(self._group)

    @property
    def key(self) -> str:
        """The one in sight."""
        return next(key for key, item in self._items.items() if item.isChecked())

    def choose(self, key: str) -> None:
        """Show that one as chosen, and tell."""
        self._items[key].setChecked(True)
        self.chosen.emit(key)

    def step(self, by: int) -> None:
        """The next one, or the one before, around the ends."""
        keys = list(self._items)
        self.choose(keys[(keys.index(self.key) + by) % len(keys)])

    def mark(self, changed: Set[str], wrong: Set[str]) -> None:
        """In these something was changed, in those something is wrong."""
        for key, item in self._items.items():
            item.is_changed, item.is_wrong = key in changed, key in wrong
            said = [item.text()]
            if item.is_changed:
                said.append(self.tr("changed"))
            if item.is_wrong:
                said.append(self.tr("something is wrong"))
            item.setAccessibleName(", ".join(said))
            item.setToolTip("" if len(said) == 1 else ", ".join(said))
            item.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.step(1 if event.key() == Qt.Key.Key_Down else -1)
            self._items[self.key].setFocus()
            return
        super().keyPressEvent(event)
