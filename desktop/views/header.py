"""Which server this is, how fresh the picture is, and in whose time it speaks."""

from typing import Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetrics, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from desktop import freshness, words
from desktop.freshness import Link
from desktop.parts.buttons import Pressable, Segmented, draw_badge, draw_focus
from desktop.parts.labels import Elided, Ground, IconLabel, Words, token_colour
from desktop.theme import Theme, rounded

BELL_PX: Final = 40
NAME_PX: Final = 200
"""A longer name of a connection is elided, so that what stands beside it stays in sight."""


class Stripe(QWidget):
    """Four pixels in the colour of the environment."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._environment = theme, ""
        self.setFixedHeight(4)
        theme.changed.connect(self.update)

    def show_environment(self, environment: str) -> None:
        """The colour of that environment."""
        self._environment = environment
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        ground = self._theme.tokens.environment(self._environment).ground
        QPainter(self).fillRect(self.rect(), QColor(ground))


class Switcher(Pressable):
    """Environment, connection and heartbeat; leads to the list of connections."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._link = Link()
        self._age = ""
        self.setToolTip(self.tr("Connections (Ctrl+O)"))
        self.setFixedHeight(28)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        theme.changed.connect(self.update)

    def show_link(self, link: Link, here_ms: int) -> None:
        """The link, and how old its last heartbeat is now."""
        self._link = link
        self._age = self._say_age(link, here_ms)
        environment = link.environment or self.tr("no environment")
        said = f"{link.name}, {environment}, {self._age}" if link.has_agent else self._name()
        self.setAccessibleName(said)
        tip = self.tr("Connections (Ctrl+O)")
        is_whole = self.name_text == self._name()
        self.setToolTip(tip if is_whole else f"{self._name()}\n{tip}")
        self.updateGeometry()
        self.update()

    @property
    def age_text(self) -> str:
        """What it says about the heartbeat."""
        return self._age

    @property
    def name_text(self) -> str:
        """As much of the name as there is room for."""
        metrics = QFontMetrics(self._theme.font(13, 600))
        return metrics.elidedText(self._name(), Qt.TextElideMode.ElideMiddle, NAME_PX)

    def sizeHint(self) -> QSize:
        # Figures of one width, so that the ticking age does not make it breathe.
        name = QFontMetrics(self._theme.font(13, 600)).horizontalAdvance(self.name_text)
        if not self._link.has_agent:
            return QSize(8 + name + 40, 28)
        age = QFontMetrics(self._theme.font(12)).horizontalAdvance(self._age)
        return QSize(self._badge_px() + 8 + name + 14 + 20 + max(age, 64) + 44, 28)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, t, painter = self._theme, self._theme.tokens, QPainter(self)
        rounded(painter, QRectF(self.rect()), 6, fill=t.raised, border=t.line2)
        x = 8
        badge = self._badge_px()
        if badge:
            ink = t.environment(self._link.environment)
            rounded(painter, QRectF(0, 0, badge, 28), 6, fill=ink.ground)
            theme.draw_icon(painter, QRectF(9, 6, 16, 16), "flag-fill", ink.ink, 12)
            painter.setFont(theme.font(11, 700))
            painter.setPen(QColor(ink.ink))
            painter.drawText(
                QRectF(30, 0, badge, 28), Qt.AlignmentFlag.AlignVCenter, self._environment_word()
            )
            x = badge + 9
        painter.setFont(theme.font(13, 600))
        painter.setPen(QColor(t.text))
        name = self.name_text
        painter.drawText(QRectF(x, 0, 400, 28), Qt.AlignmentFlag.AlignVCenter, name)
        x += QFontMetrics(theme.font(13, 600)).horizontalAdvance(name) + 14
        if self._link.has_agent:
            self._paint_heart(painter, x)
        caret = QRectF(self.width() - 24, 6, 16, 16)
        theme.draw_icon(painter, caret, "caret-down", t.text2, 12)
        draw_focus(painter, self, theme, 6)

    def _paint_heart(self, painter: QPainter, x: float) -> None:
        theme = self._theme
        icon, mark_ink, word_ink = self._heart()
        theme.draw_icon(painter, QRectF(x, 6, 16, 16), icon, token_colour(theme, mark_ink), 14)
        painter.setFont(theme.font(12))
        painter.setPen(QColor(token_colour(theme, word_ink)))
        painter.drawText(QRectF(x + 20, 0, 200, 28), Qt.AlignmentFlag.AlignVCenter, self._age)

    def _name(self) -> str:
        return self._link.name or self.tr("No agent")

    def _environment_word(self) -> str:
        return self._link.environment.upper()

    def _badge_px(self) -> int:
        if not self._link.environment:
            return 0
        metrics = QFontMetrics(self._theme.font(11, 700))
        return metrics.horizontalAdvance(self._environment_word()) + 40

    def _heart(self) -> tuple[str, str, str]:
        return {
            freshness.LIVE: ("heartbeat-fill", "ok.text", "text2"),
            freshness.LATE: ("heartbeat-fill", "warn.text", "warn.text"),
            freshness.LOST: ("clock-counter-clockwise", "bad.text", "bad.text"),
            freshness.REFUSED: ("lock-fill", "bad.text", "bad.text"),
        }.get(self._link.state, ("question-bold", "idle.text", "text2"))

    def _say_age(self, link: Link, here_ms: int) -> str:
        age_ms = link.age_ms(here_ms)
        if link.state == freshness.REFUSED:
            return self.tr("refused")
        if age_ms is None:
            return self.tr("not heard yet")
        if link.state == freshness.LOST:
            return self.tr("silent {0}").format(words.span(age_ms))
        return words.age(age_ms)


class Header(Ground):
    """The bar at the top."""

    connections_requested = Signal()
    times_chosen = Signal(str)
    palette_requested = Signal()
    alerts_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, "chrome", lines="b", parent=parent)
        self.setFixedHeight(44)
        self.switcher = Switcher(theme)
        self.switcher.clicked.connect(self.connections_requested)
        self.times = Segmented(
            theme,
            (
                (words.TASK_TIMES, self.tr("Task")),
                (words.LOCAL_TIMES, self.tr("Local")),
                (words.UTC_TIMES, self.tr("UTC")),
            ),
            name=self.tr("Times in"),
        )
        self.times.chosen.connect(self.times_chosen)
        self._lock = IconLabel(theme, "lock-simple", ink="text2", px=14)
        self._role = _Badge(theme)
        self._label = Elided(theme, px=12, weight=500)
        self._label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._user = IconLabel(theme, "user-circle", ink="text2", px=18)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 0, 14, 0)
        layout.setSpacing(8)
        self.finder = _Finder(
            theme, self.tr("Find a task or command"), "Ctrl+K", short=self.tr("Find")
        )
        self.finder.clicked.connect(self.palette_requested)
        self._times_word = Words(theme, self.tr("Times in"), ink="text3")
        layout.addWidget(self.switcher)
        layout.addStretch(1)
        layout.addWidget(self.finder, 4)
        layout.addStretch(1)
        self.bell = _Bell(theme)
        self.bell.clicked.connect(self.alerts_requested)
        layout.addWidget(self.bell)
        layout.addSpacing(6)
        layout.addWidget(self._times_word)
        layout.addWidget(self.times)
        layout.addSpacing(10)
        layout.addWidget(self._lock)
        layout.addWidget(self._role)
        layout.addWidget(self._label)
        layout.addWidget(self._user)

    def show_link(self, link: Link, here_ms: int) -> None:
        """Which server, in which role, how fresh."""
        self.switcher.show_link(link, here_ms)
        self._role.show_word(link.role.capitalize())
        self._role.setVisible(bool(link.role))
        self._label.setText(link.label)
        self._label.setVisible(bool(link.label))
        self._label.setFixedWidth(min(160, self._label.sizeHint().width() + 2))
        self._lock.setVisible(link.role == "viewer")
        self._lock.setToolTip(self.tr("View only"))

    def show_alerts(self, count: int, family: str) -> None:
        """How many alerts nobody cares for yet, in the colour of the worst."""
        self.bell.show_count(count, family)

    def set_narrow(self, narrow: bool) -> None:
        """Leave words out on a small window."""
        self._times_word.setVisible(not narrow)


class _Finder(Pressable):
    """Looks like a field and opens the palette, where the letters go."""

    def __init__(self, theme: Theme, hint: str, key: str, *, short: str) -> None:
        """On a small window the hint is `short`."""
        super().__init__()
        self._theme, self._short = theme, short
        self._key_text = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
        self.setText(hint)
        self.setFixedHeight(30)
        self.setMinimumWidth(120)
        self.setMaximumWidth(380)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(f"{hint} ({self._key_text})")
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(380, 30)

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, t, painter = self._theme, self._theme.tokens, QPainter(self)
        fill = t.hover if self.underMouse() else t.raised
        rounded(painter, QRectF(self.rect()), 6, fill=fill, border=t.line2)
        theme.draw_icon(painter, QRectF(9, 7, 16, 16), "magnifying-glass", t.text3, 14)
        small = theme.font(11)
        wide = QFontMetrics(small).horizontalAdvance(self._key_text) + 12
        font = theme.font(12)
        room = QRectF(32, 0, self.width() - wide - 46, self.height())
        painter.setFont(font)
        painter.setPen(QColor(t.text3))
        metrics = QFontMetrics(font)
        fits = metrics.horizontalAdvance(self.text()) <= room.width()
        said = self.text() if fits else self._short
        shown = metrics.elidedText(said, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
        box = QRectF(self.width() - wide - 7, 6, wide, 18)
        rounded(painter, box, 4, fill=t.sunken, border=t.line)
        painter.setFont(small)
        painter.setPen(QColor(t.text2))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._key_text)
        draw_focus(painter, self, theme, 6)


class _Bell(Pressable):
    """Open alerts, in sight on every screen; gone when there are none."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._count, self._family = theme, 0, "bad"
        self.setFixedSize(BELL_PX, 28)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.hide()
        theme.changed.connect(self.update)

    def show_count(self, count: int, family: str) -> None:
        self._count, self._family = count, family
        said = words.plural(count, self.tr("alert is open"), self.tr("alerts are open"))
        self.setToolTip(said)
        self.setAccessibleName(said)
        # As wide as the number on it.
        self.setFixedWidth(BELL_PX + 8 * (len(str(min(count, 100))) - 1))
        self.setVisible(count > 0)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        t = theme.tokens
        if self.underMouse():
            rounded(painter, QRectF(self.rect()), 6, fill=t.hover)
        ink = t.family(self._family).text
        theme.draw_icon(painter, QRectF(4, 6, 18, 18), "bell-ringing-fill", ink, 17)
        draw_badge(painter, theme, QPointF(18, 1), self._count, self._family)
        draw_focus(painter, self, theme, 6)


class _Badge(QWidget):
    """A word in a thin frame."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme, self._word = theme, ""
        self.setFixedHeight(20)
        theme.changed.connect(self.update)

    def show_word(self, word: str) -> None:
        self._word = word
        self.setAccessibleName(word)
        self.setFixedWidth(QFontMetrics(self._theme.font(11, 500)).horizontalAdvance(word) + 14)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        rounded(painter, QRectF(self.rect()), 4, border=t.line2)
        painter.setFont(self._theme.font(11, 500))
        painter.setPen(QColor(t.text))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._word)
