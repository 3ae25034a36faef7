"""Short words at the bottom left: what was done, and the way back."""

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.theme import Theme, rounded

SHOWN_MS: Final = 8_000
MOST: Final = 3
# A toast is dark in every appearance, so it has inks of its own.
PAPER: Final = "#171A21"
INK: Final = "#F4F6FA"
LINK: Final = "#AEB9FF"


class Toast(QWidget):
    """One message with an optional act: the way back, or the way there."""

    def __init__(
        self, theme: Theme, text: str, icon: str, act: Callable[[], None] | None, word: str
    ) -> None:
        super().__init__()
        self._theme, self._icon = theme, icon
        self.text, self.can_undo = text, False
        self.setMinimumHeight(40)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(38, 4, 14, 4)
        layout.setSpacing(18)
        label = QLabel(text)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setWordWrap(len(text) > 90)
        label.setFont(theme.font(12, 500))
        label.setStyleSheet(f"color: {INK};")
        layout.addWidget(label, 1)
        self.act: QPushButton | None = None
        if act is not None:
            self.act = QPushButton(word)
            self.act.setFlat(True)
            self.act.setFont(theme.font(12, 600))
            self.act.setStyleSheet(f"color: {LINK}; border: none; padding: 4px;")
            self.act.setCursor(Qt.CursorShape.PointingHandCursor)
            self.act.clicked.connect(act)
            self.act.clicked.connect(self.close)
            layout.addWidget(self.act)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName(text)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        t = self._theme.tokens
        border = t.line2 if t.is_dark else None
        rounded(painter, QRectF(self.rect()), 8, fill=PAPER, border=border)
        mark = QRectF(12, (self.height() - 18) / 2, 18, 18)
        self._theme.draw_icon(painter, mark, self._icon, QColor(INK).name(), 14)


class Toasts(QWidget):
    """At most three, the newest at the bottom, each for eight seconds."""

    def __init__(self, theme: Theme, over: QWidget) -> None:
        super().__init__(over)
        self._theme, self._over = theme, over
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(8)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)
        over.installEventFilter(self)
        self.hide()

    def show_toast(
        self,
        text: str,
        *,
        icon: str = "info",
        undo: Callable[[], None] | None = None,
        go: Callable[[], None] | None = None,
    ) -> Toast:
        """Say it; `undo` takes it back, or `go` leads to what it is about, by a button."""
        while self._layout.count() >= MOST:
            self._take(0)
        if undo is not None:
            self.forget_undo()
        word = self.tr("Undo") if undo is not None else self.tr("Open")
        toast = Toast(self._theme, text, icon, undo or go, word)
        toast.can_undo = undo is not None
        self._layout.addWidget(toast, 0, Qt.AlignmentFlag.AlignLeft)
        toast.destroyed.connect(self._place_later)
        timer = QTimer(toast, interval=SHOWN_MS, singleShot=True)
        timer.timeout.connect(toast.close)
        timer.start()
        self.show()
        toast.show()
        self.raise_()
        self._place()
        return toast

    def forget(self) -> None:
        """Another agent: what was said is of the last one, and so is what the buttons do."""
        while self._layout.count():
            self._take(0)
        self.hide()

    def forget_undo(self) -> None:
        """Only the last act can be taken back, and only once."""
        for toast in self.findChildren(Toast):
            if toast.can_undo and toast.act is not None:
                toast.act.hide()

    def take_back(self) -> None:
        """What was said last is not true any more: it is being taken back."""
        for toast in self.findChildren(Toast):
            if toast.can_undo and toast.act is not None and not toast.act.isHidden():
                toast.close()

    def texts(self) -> list[str]:
        """What is said now."""
        found = []
        for at in range(self._layout.count()):
            item = self._layout.itemAt(at)
            widget = item.widget() if item is not None else None
            if isinstance(widget, Toast):
                found.append(widget.text)
        return found

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._over and event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _take(self, at: int) -> None:
        item = self._layout.takeAt(at)
        widget = item.widget() if item is not None else None
        if widget is not None:
            widget.close()

    def _place_later(self) -> None:
        QTimer.singleShot(0, self, self._place)

    def _place(self) -> None:
        if self._layout.count() == 0:
            self.hide()
            return
        self.adjustSize()
        self.move(88, self._over.height() - self.height() - 36)
