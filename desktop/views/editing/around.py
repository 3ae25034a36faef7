"""How is it shown how busy the hours around the next moment are, and which are quieter?"""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QToolTip, QVBoxLayout, QWidget

from desktop import words
from desktop.models.around import (
    Bar,
    Stretch,
    bar_words,
    bars_of,
    own_bar,
    sentence,
    stretch_around,
)
from desktop.parts.buttons import draw_focus
from desktop.parts.dialogs import show_words
from desktop.parts.labels import Words
from desktop.theme import Theme, rounded
from shared.protocol.planning import (
    Coming,
    ScheduleForecast,
    ScheduleForecastReply,
    ScheduleNext,
    ScheduleNextReply,
)

LOAD: Final = "around"
OWN: Final = "around.own"
KEYS: Final = (LOAD, OWN)
ASKED_FOR: Final = 10
"""So many of the next moments the agent tells at most."""
MOST: Final = 1000
HIGH_PX: Final = 76
_FOOT_PX: Final = 18
_EDGE_PX: Final = 6
_GAP_PX: Final = 2
_LABEL_PX: Final = 40


class Around(QWidget):
    """Asks the agent for itself, and says in a sentence what its bars show."""

    asked = Signal(str, object)

    def __init__(self, theme: Theme, now: words.Clock, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._now = now
        self._task, self._version, self._zone = "", 0, "UTC"
        self._times: tuple[int, ...] = ()
        self._stretch: Stretch | None = None
        self._about: object = None
        """What was asked for; None: nothing, or it could not be told."""
        self._load: ScheduleForecastReply | None = None
        self._own: tuple[Coming, ...] | None = None
        self.title = Words(theme, self.tr("How busy it is around then"), weight=600, px=13)
        self.strip = Strip(theme, name=self.title.text())
        self.said = Words(theme, ink="text2", wrap=True, selectable=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for one in (self.title, self.strip, self.said):
            layout.addWidget(one)
        self._show("", with_bars=False)
        self.hide()

    # --- what it is told -------------------------------------------------------------------------

    def show_times(self, times_ms: tuple[int, ...], zone: str, task: str, version: int) -> None:
        """The next moments of what is written; `task` is its name, if there is one saved."""
        now_ms = self._now()
        self._times, self._zone = times_ms, zone
        self._task, self._version = task, version
        tz = words.zone_named(zone)
        self._stretch = stretch_around(times_ms, ASKED_FOR, tz, now_ms)
        self.setVisible(bool(times_ms))
        if self._stretch is None:
            self._forget()
            said = self.tr("Its next moments follow so closely that no minute is without one.")
            self._show(said, with_bars=False)
        elif self._about != (self._stretch, task, version):
            self._ask()
        else:
            self._show_bars()

    def show_answer(self, reply: ScheduleForecastReply | ScheduleNextReply) -> None:
        """The load, or which of it is the task as it is saved."""
        if isinstance(reply, ScheduleForecastReply):
            self._load = reply
        elif reply.more:
            said = self.tr("as it is saved it is due too often to be told apart.")
            self._show(self.tr("Not known: {0}").format(said), with_bars=False)
            return
        else:
            self._own = reply.rows
        self._show_bars()

    def show_problem(self, text: str) -> None:
        """It cannot be told, for this reason; the next check asks again."""
        if self._about is None:
            return
        self._forget()
        self._show(self.tr("Not known: {0}").format(text), with_bars=False)

    def again(self) -> None:
        """Ask once more for what could not be told."""
        if self._stretch is not None and self._about is None:
            self._ask()

    # --- inside ----------------------------------------------------------------------------------

    def _ask(self) -> None:
        stretch = self._stretch
        if stretch is None:
            return
        self._about = (stretch, self._task, self._version)
        self._load, self._own = None, None if self._task else ()
        self.strip.veil()
        self._show(self.tr("The agent is asked"), with_bars=True)
        # The moment at which a span begins does not belong to it.
        from_ms, until_ms = stretch.from_ms - 1, stretch.until_ms - 1
        self.asked.emit(LOAD, ScheduleForecast(from_ms=from_ms, until_ms=until_ms))
        if self._task:
            ids = (self._task,)
            wanted = ScheduleNext(ids=ids, from_ms=from_ms, until_ms=until_ms, count=MOST)
            self.asked.emit(OWN, wanted)

    def _show_bars(self) -> None:
        stretch, load, own = self._stretch, self._load, self._own
        if stretch is None or load is None or own is None:
            return
        zone = words.zone_named(self._zone)
        bars = bars_of(stretch, load, own, self._times, self._now())
        step_ms, next_ms = stretch.step_ms, self._times[0]
        here = own_bar(bars, next_ms)
        self.strip.show_bars(
            bars,
            [bar_words(one, step_ms, zone, load.slots) for one in bars],
            [words.moment(one.at_ms, zone).strftime("%H:%M") for one in bars],
            0 if here is None else bars.index(here),
        )
        self._show(sentence(bars, next_ms, step_ms, zone, load.slots), with_bars=True)

    def _show(self, said: str, *, with_bars: bool) -> None:
        self.strip.setVisible(with_bars)
        show_words(self.said, said)
        self.strip.setAccessibleDescription(said)

    def _forget(self) -> None:
        self._about = self._load = self._own = None
        self.strip.show_bars((), (), (), 0)


class Strip(QWidget):
    """A bar for each hour or less; arrows lead from one to the next."""

    def __init__(self, theme: Theme, *, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._name = theme, name
        self.bars: tuple[Bar, ...] = ()
        self._said: tuple[str, ...] = ()
        self._labels: tuple[str, ...] = ()
        self._here = 0
        self._at: int | None = None
        self._is_veiled = False
        self.setFixedHeight(HIGH_PX)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAccessibleName(name)
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(240, HIGH_PX)

    def show_bars(
        self,
        bars: tuple[Bar, ...],
        said: Sequence[str],
        labels: Sequence[str],
        here: int,
    ) -> None:
        """These, each with its sentence and its time; the task's next moment lies in `here`."""
        self.bars, self._said, self._labels = bars, tuple(said), tuple(labels)
        self._here, self._is_veiled = here, False
        if self._at is not None:
            self.point_at(min(self._at, len(bars) - 1) if bars else None)
        self.update()

    def veil(self) -> None:
        """What is shown is of another moment; what is asked for comes instead."""
        self._is_veiled = True
        self.update()

    @property
    def at_cursor(self) -> str:
        """The bar under the cursor, in words."""
        return "" if self._at is None else self._said[self._at]

    def point_at(self, place: int | None) -> None:
        """Put the cursor on that bar, or take it away."""
        self._at = place
        said = self.at_cursor
        self.setToolTip(said)
        self.setAccessibleName(f"{self._name}: {said}" if said else self._name)
        if self.hasFocus():
            QAccessible.updateAccessibility(QAccessibleEvent(self, QAccessible.Event.NameChanged))
        self.update()

    # --- what the user does ----------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self.bars) - 1
        at = self._here if self._at is None else self._at
        places = {
            Qt.Key.Key_Left: at - 1,
            Qt.Key.Key_Right: at + 1,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if last >= 0 and event.key() in places:
            self.point_at(min(max(places[Qt.Key(event.key())], 0), last))
            # Who has no pointer is to read it as well.
            at_px = self._column(self._at or 0).bottomLeft().toPoint()
            QToolTip.showText(self.mapToGlobal(at_px), self.at_cursor, self)
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        here = (at for at in range(len(self.bars)) if self._column(at).right() + _GAP_PX > x)
        self.point_at(next(here, None))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if not self.hasFocus():
            self.point_at(None)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.point_at(self._here if self.bars else None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        QToolTip.hideText()
        self.point_at(None)

    # --- drawing ---------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        base = self.height() - _FOOT_PX
        painter.setFont(self._theme.font(11))
        for at, bar in enumerate(self.bars):
            column = self._column(at)
            if at == self._at:
                # The ground alone could not be seen where contrast is high.
                rounded(painter, column.adjusted(-2, -2, 2, 0), 3, fill=t.hover, border=t.text3)
            family = t.warn if bar.is_full and not self._is_veiled else t.idle
            y = base - self._high(bar.others)
            if bar.others:
                box = QRectF(column.left(), y, column.width(), base - y)
                rounded(painter, box, 2, fill=family.tint, border=family.fill)
            if bar.own:
                own = max(4.0, self._high(bar.own))
                fill = t.idle.fill if self._is_veiled else t.focus
                rounded(
                    painter, QRectF(column.left(), y - own - 1, column.width(), own), 2, fill=fill
                )
                y -= own + 1
            if bar.gone and not self._is_veiled:
                gone = max(6.0, self._high(bar.gone))
                box = QRectF(column.left(), y - gone - 1, column.width(), gone)
                rounded(painter, box, 2, border=t.focus)
        painter.fillRect(QRectF(0, base, self.width(), 1), QColor(t.line2))
        self._draw_labels(painter, base)
        draw_focus(painter, self, self._theme, 6)

    def _draw_labels(self, painter: QPainter, base: float) -> None:
        """The time of the next moment, and as many others as there is room for."""
        if not self.bars:
            return
        t = self._theme.tokens
        pitch = self._column(1).left() - self._column(0).left()
        every = max(1, -(-_LABEL_PX // max(1, int(pitch))))
        for at, label in enumerate(self._labels):
            if (at - self._here) % every:
                continue
            is_here = at == self._here and not self._is_veiled
            painter.setFont(self._theme.font(11, 600 if is_here else 400))
            painter.setPen(QColor(t.text if is_here else t.text3))
            room = QRectF(self._column(at).center().x() - 24, base + 2, 48, _FOOT_PX - 3)
            if room.left() >= 0 and room.right() <= self.width():
                painter.drawText(room, Qt.AlignmentFlag.AlignCenter, label)

    def _high(self, value: int) -> float:
        top = max((one.total + one.gone for one in self.bars), default=0)
        return 0.0 if not top else (self.height() - _FOOT_PX - 16) * value / top

    def _column(self, at: int) -> QRectF:
        pitch = (self.width() - 2 * _EDGE_PX) / max(1, len(self.bars))
        wide = max(2.0, pitch - _GAP_PX)
        return QRectF(_EDGE_PX + at * pitch, 4, wide, self.height() - _FOOT_PX - 4)
