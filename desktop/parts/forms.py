"""Where a form is written and chosen in: a text field, and one of a few colours."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QAbstractButton, QLineEdit, QSizePolicy, QWidget

from desktop.theme import Theme, rounded


class TextField(QLineEdit):
    """One line to write; Enter means this field and presses no button of the dialog."""

    def __init__(
        self,
        theme: Theme,
        *,
        name: str,
        hint: str = "",
        fixed: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme, self._fixed = theme, fixed
        self.setAccessibleName(name)
        self.setPlaceholderText(hint)
        self.setFrame(False)
        self.setTextMargins(8, 0, 8, 0)
        self.setFixedHeight(32)
        theme.on_change(self._dress)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        fill = t.raised if self.isEnabled() else t.sunken
        border = t.focus if self.hasFocus() else t.line2 if self.isEnabled() else t.line
        rounded(
            painter,
            QRectF(self.rect()),
            6,
            fill=fill,
            border=border,
            width=2 if self.hasFocus() else 1,
        )
        metrics, room = QFontMetrics(self.font()), self.rect().adjusted(10, 0, -10, 0)
        if not self.hasFocus() and metrics.horizontalAdvance(self.text()) > room.width():
            # Nobody writes here now, so say that there is more instead of cutting a letter.
            painter.setFont(self.font())
            painter.setPen(QColor(t.text if self.isEnabled() else t.disabled))
            shown = metrics.elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
            painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
            return
        painter.end()
        super().paintEvent(event)

    def _dress(self) -> None:
        t = self._theme.tokens
        self.setFont(self._theme.font(12 if self._fixed else 13, fixed=self._fixed))
        # The frame is painted above; the style must not lay its own ground over it.
        self.setStyleSheet(
            f"QLineEdit {{ background: transparent; border: none; color: {t.text};"
            f" selection-background-color: {t.sel}; selection-color: {t.text}; }}"
            f"QLineEdit:disabled {{ color: {t.disabled}; }}"
        )
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.PlaceholderText, QColor(t.text3))
        self.setPalette(palette)


class Swatch(QAbstractButton):
    """An environment to choose: a bar in its colour, and its word."""

    def __init__(
        self, theme: Theme, environment: str, word: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme, self._environment = theme, environment
        self.setText(word)
        self.setCheckable(True)
        self.setFixedHeight(32)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        # As wide as when chosen, so that nothing moves with the choice.
        wide = QFontMetrics(self._theme.font(13, 600)).horizontalAdvance(self.text())
        return QSize(wide + 34, 32)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        is_on, is_chosen = self.isEnabled(), self.isChecked() and self.isEnabled()
        colour = t.environment(self._environment).ground
        fill = t.sunken if not is_on else t.hover if self.underMouse() else t.raised
        border = colour if is_chosen else t.line2 if is_on else t.line
        box = QRectF(self.rect())
        rounded(painter, box, 6, fill=fill, border=border, width=2 if is_chosen else 1)
        if self.hasFocus():
            rounded(painter, box.adjusted(3, 3, -3, -3), 4, border=t.focus, width=1)
        bar = QRectF(8, 8, 4, self.height() - 16)
        rounded(painter, bar, 2, fill=colour if is_on else t.disabled)
        painter.setFont(self._theme.font(13, 600 if is_chosen else 400))
        painter.setPen(QColor(t.text if is_on else t.disabled))
        painter.drawText(
            self.rect().adjusted(18, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self.text()
        )
