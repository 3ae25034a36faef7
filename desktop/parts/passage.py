"""Words of any length, and names longer than a line: wrapped anywhere, selected, copied."""

from math import ceil

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPalette, QResizeEvent, QTextOption, QWheelEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextEdit, QWidget

from desktop.parts.labels import token_colour
from desktop.theme import Theme


class Passage(QTextEdit):
    """As high as its words are at the width it is given; it never asks for more width."""

    def __init__(
        self,
        theme: Theme,
        *,
        px: int = 12,
        weight: int = 400,
        ink: str = "text",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._px, self._weight, self._ink = px, weight, ink
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setCursor(Qt.CursorShape.IBeamCursor)
        self.document().setDocumentMargin(0)
        theme.on_change(self._dress)
        self._fit()

    def text(self) -> str:
        """What it says."""
        return self.toPlainText()

    def setText(self, text: str, /) -> None:
        """Say that; what is the same stays selected."""
        if text != self.toPlainText():
            self.setPlainText(text)
            self._fit()

    def set_ink(self, ink: str, weight: int | None = None) -> None:
        """Another colour: a plain token ("text2") or a family's words ("bad.text")."""
        self._ink, self._weight = ink, self._weight if weight is None else weight
        self._dress()

    def sizeHint(self) -> QSize:
        return QSize(120, self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(24, self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """There is nothing to scroll here: the page around it scrolls."""
        event.ignore()

    def _fit(self) -> None:
        self.document().setTextWidth(self.viewport().width())
        self.setFixedHeight(max(1, ceil(self.document().size().height())))

    def _dress(self) -> None:
        self.setFont(self._theme.font(self._px, self._weight))
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.Text, QColor(token_colour(self._theme, self._ink)))
        palette.setColor(QPalette.ColorRole.Base, QColor(Qt.GlobalColor.transparent))
        self.setPalette(palette)
        self._fit()
