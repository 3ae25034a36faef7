"""Buttons, switches and check boxes in the product's own look."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from desktop.theme import Theme, rounded

NORMAL: Final = "normal"
PRIMARY: Final = "primary"
DANGER: Final = "danger"
GHOST: Final = "ghost"
CARD_RADIUS: Final = 8


def draw_focus(painter: QPainter, widget: QWidget, theme: Theme, radius: float) -> None:
    """The ring that says where the keyboard is."""
    if widget.hasFocus():
        ring = QRectF(widget.rect())
        rounded(painter, ring, radius, border=theme.tokens.focus, width=2)


def draw_badge(painter: QPainter, theme: Theme, at: QPointF, count: int, family: str) -> None:
    """A small number on a pill whose top left corner is `at`; nothing at zero."""
    if not count:
        return
    t, said = theme.tokens, str(count) if count < 100 else "99+"
    font = theme.font(10, 600)
    wide = max(16, QFontMetrics(font).horizontalAdvance(said) + 9)
    box = QRectF(at.x(), at.y(), wide, 16)
    # Words of a family reach enough contrast with the paper, its fills do not all.
    rounded(painter, box, 8, fill=t.family(family).text, border=t.surface)
    painter.setFont(font)
    painter.setPen(QColor(t.surface))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, said)


class Pressable(QAbstractButton):
    """Painted by itself; Return presses it as Space does, whatever the system is used to."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not _is_pressed_by(event, self):
            super().keyPressEvent(event)


class CardButton(Pressable):
    """A card that leads somewhere."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        # Words on it keep their own inks: those of a button have one.
        self.setBackgroundRole(QPalette.ColorRole.Window)
        self.setForegroundRole(QPalette.ColorRole.WindowText)
        # A button by itself keeps its height; cards share the room there is.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter, box = self._theme.tokens, QPainter(self), QRectF(self.rect())
        rounded(
            painter, box, CARD_RADIUS, fill=t.surface, border=t.line2 if self._is_over else t.line
        )
        draw_focus(painter, self, self._theme, CARD_RADIUS)

    @property
    def _is_over(self) -> bool:
        return self.isDown() or self.underMouse()


def stop_once(group: QButtonGroup) -> None:
    """The keyboard stops at the chosen one alone; arrows lead to the others."""
    for button in group.buttons():
        button.toggled.connect(partial(_stop_at, button))
        _stop_at(button, button.isChecked())


def _stop_at(button: QAbstractButton, is_chosen: bool) -> None:
    policy = Qt.FocusPolicy.StrongFocus if is_chosen else Qt.FocusPolicy.ClickFocus
    button.setFocusPolicy(policy)


def _is_pressed_by(event: QKeyEvent, button: QAbstractButton) -> bool:
    is_return = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
    if is_return and not event.isAutoRepeat():
        button.click()
    return is_return


class Button(QPushButton):
    """A button: normal, primary (one per area), danger, or ghost; `why_not` says why it is off."""

    def __init__(
        self,
        theme: Theme,
        text: str = "",
        *,
        icon: str = "",
        kind: str = NORMAL,
        height: int = 28,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._theme = theme
        self._icon = icon
        self._kind = kind
        self._tip = ""
        self.setFixedHeight(height)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        theme.changed.connect(self.update)

    def set_icon_name(self, icon: str) -> None:
        """Another icon of the set."""
        self._icon = icon
        self.updateGeometry()
        self.update()

    def setToolTip(self, text: str, /) -> None:
        """The tip of the button while it is on."""
        self._tip = text
        super().setToolTip(text)

    def allow(self, allowed: bool, why_not: str = "") -> None:
        """Switch it on, or off with the reason in its tip."""
        self.setEnabled(allowed)
        super().setToolTip(self._tip if allowed else why_not)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not _is_pressed_by(event, self):
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self._theme.font(12, 500))
        wide = metrics.horizontalAdvance(self.text()) + 2 if self.text() else 0
        if self._icon:
            wide += 16 + (6 if self.text() else 0)
        if self.menu() is not None:
            wide += 18
        pad = 24 if self.text() else 12
        return QSize(max(wide + pad, 26), self.height())

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        fill, border, ink = self._colours()
        box = QRectF(self.rect()).adjusted(0, 0, 0, 0)
        if fill is not None or border is not None:
            rounded(painter, box, 6, fill=fill, border=border)
        draw_focus(painter, self, self._theme, 6)
        font = self._theme.font(12, 500)
        painter.setFont(font)
        wide = QFontMetrics(font).horizontalAdvance(self.text())
        total = wide + (16 + (6 if self.text() else 0) if self._icon else 0)
        total += 18 if self.menu() is not None else 0
        x = (self.width() - total) / 2
        if self._icon:
            mark = QRectF(x, (self.height() - 16) / 2, 16, 16)
            self._theme.draw_icon(painter, mark, self._icon, ink, 15)
            x += 22
        painter.setPen(QColor(ink))
        room = QRectF(x, 0, wide + 2, self.height())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.menu() is not None:
            caret = QRectF(x + wide + 4, (self.height() - 16) / 2, 16, 16)
            self._theme.draw_icon(painter, caret, "caret-down", ink, 12)

    def _colours(self) -> tuple[str | None, str | None, str]:
        t = self._theme.tokens
        held, over = self.isDown() or self.isChecked(), self.underMouse()
        if not self.isEnabled():
            return (
                (None, None, t.disabled) if self._kind == GHOST else (t.sunken, t.line, t.disabled)
            )
        if self._kind == GHOST:
            return (t.sel if held else t.hover if over else None), None, t.text2
        if self._kind == PRIMARY:
            ground = QColor(t.accent.ground)
            shown = ground.darker(112) if held else ground.lighter(108) if over else ground
            return shown.name(), t.line2 if t.is_contrast else None, t.accent.ink
        if self._kind == DANGER:
            return (t.bad.tint if held or over else t.raised), t.bad.fill, t.bad.text
        if self.isChecked():
            return t.sel, t.focus, t.text
        return (t.sel if held else t.hover if over else t.raised), t.line2, t.text


class Segmented(QWidget):
    """A few choices of which one is on, side by side."""

    chosen = Signal(str)

    def __init__(
        self,
        theme: Theme,
        choices: Sequence[tuple[str, str]],
        *,
        name: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._group = QButtonGroup(self)
        self.setAccessibleName(name)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(0)
        self._keys: dict[str, _Segment] = {}
        for key, word in choices:
            segment = _Segment(theme, word, self)
            segment.clicked.connect(lambda _=False, key=key: self.chosen.emit(key))
            self._keys[key] = segment
            self._group.addButton(segment)
            layout.addWidget(segment)
        next(iter(self._keys.values())).setChecked(True)
        stop_once(self._group)
        self.setFixedHeight(28)
        theme.changed.connect(self.update)

    def choose(self, key: str) -> None:
        """Show that one as chosen."""
        if key in self._keys:
            self._keys[key].setChecked(True)

    @property
    def key(self) -> str:
        """The one that is on."""
        return next(key for key, segment in self._keys.items() if segment.isChecked())

    def focus_chosen(self) -> None:
        """Bring the keyboard to the one that is on; arrows lead to the others."""
        button = self._group.checkedButton()
        if button is not None:
            button.setFocus()

    def paintEvent(self, _event: QPaintEvent) -> None:
        t = self._theme.tokens
        border = t.line2 if t.is_contrast else None
        rounded(QPainter(self), QRectF(self.rect()), 6, fill=t.idle.tint, border=border)


class _Segment(QAbstractButton):
    def __init__(self, theme: Theme, word: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setText(word)
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        wide = QFontMetrics(self._theme.font(12, 500)).horizontalAdvance(self.text())
        return QSize(wide + 22, 24)

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        if self.isChecked():
            rounded(painter, QRectF(self.rect()), 5, fill=t.raised, border=t.line2)
        draw_focus(painter, self, self._theme, 5)
        painter.setFont(self._theme.font(12, 500 if self.isChecked() else 400))
        painter.setPen(QColor(t.text if self.isChecked() else t.text2))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())


class Check(QCheckBox):
    """A check box drawn from the tokens."""

    def __init__(self, theme: Theme, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self._theme = theme
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        wide = QFontMetrics(self._theme.font(12)).horizontalAdvance(self.text())
        return QSize(wide + 26, 24)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def hitButton(self, at: QPoint, /) -> bool:
        return self.rect().contains(at)

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        box = QRectF(0, (self.height() - 14) / 2, 14, 14)
        is_on = self.isChecked()
        if is_on and self.isEnabled():
            rounded(painter, box, 3, fill=t.accent.ground)
            self._theme.draw_icon(painter, box, "check-bold", t.accent.ink, 10)
        else:
            rounded(painter, box, 3, fill=t.raised, border=t.control)
            if is_on:
                self._theme.draw_icon(painter, box, "check-bold", t.disabled, 10)
        draw_focus(painter, self, self._theme, 3)
        painter.setFont(self._theme.font(12))
        painter.setPen(QColor(t.text if self.isEnabled() else t.disabled))
        painter.drawText(
            self.rect().adjusted(22, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self.text()
        )


class LinkButton(Pressable):
    """Words that lead somewhere."""

    def __init__(self, theme: Theme, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setText(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        wide = QFontMetrics(self._theme.font(12, 500)).horizontalAdvance(self.text())
        return QSize(wide + 8, 24)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        event.accept()

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        painter.setFont(self._theme.font(12, 500))
        painter.setPen(QColor(t.focus if self.isEnabled() else t.disabled))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.text())
        draw_focus(painter, self, self._theme, 4)
