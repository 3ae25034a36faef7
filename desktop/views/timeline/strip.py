"""Two days at a glance, with the stretch that the lanes show as a window to drag."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Final

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QToolTip, QWidget

from desktop import words
from desktop.models.timeline import Timeline
from desktop.theme import Theme, rounded
from desktop.views.timeline.lanes import TICK_PX, Axis, ticks
from desktop.views.timeline.painting import Brushes
from shared.protocol.timeline import HourCount

HIGH_PX: Final = 68
FOOT_PX: Final = 18
EDGE_PX: Final = 16
TOP_PX: Final = 7
LEAST_WINDOW_PX: Final = 8


def reach(view: tuple[int, int], now_ms: int) -> tuple[int, int]:
    """What the strip shows: yesterday and tomorrow, and all of a longer stretch."""
    return min(view[0], now_ms - words.DAY_MS), max(view[1], now_ms + words.DAY_MS)


class Strip(QWidget):
    """Past hours are filled, those to come are outlines."""

    view_wanted = Signal(object)

    def __init__(
        self, timeline: Timeline, theme: Theme, now: words.Clock, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._timeline, self._theme, self._now = timeline, theme, now
        self._zone: tzinfo | None = None
        self._stale = False
        self.view = (0, words.HOUR_MS)
        self.names_px = 270
        self._grip: float | None = None
        self.setFixedHeight(HIGH_PX)
        self.setMouseTracking(True)
        self.setAccessibleName(self.tr("Two days; plus and minus zoom the lanes"))
        theme.changed.connect(self.update)

    def show_view(self, view: tuple[int, int], names_px: int) -> None:
        """That stretch is shown in the lanes, whose names are so wide."""
        self.view, self.names_px = view, names_px
        self.update()

    def show_zone(self, zone: tzinfo | None) -> None:
        """On whose clock times are said."""
        self._zone = zone
        self.update()

    def show_stale(self, is_stale: bool) -> None:
        """What is shown is old, or not."""
        self._stale = is_stale
        self.update()

    @property
    def axis(self) -> Axis:
        """What is shown here, and where."""
        wide = self.width() - self.names_px - 2 * EDGE_PX
        return Axis(*reach(self.view, self._now()), self.names_px + EDGE_PX, max(1, wide))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        x, axis = event.position().x(), self.axis
        if event.button() != Qt.MouseButton.LeftButton or x < axis.left - EDGE_PX:
            return
        left, right = axis.x(self.view[0]), axis.x(self.view[1])
        self._grip = x - left if left <= x <= right else (right - left) / 2
        self._drag(x)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._grip is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self._drag(x)
            return
        at_ms = self.axis.ms(x)
        hour_ms = at_ms - at_ms % words.HOUR_MS
        said = self._words(hour_ms) if x >= self.axis.left else ""
        if said:
            QToolTip.showText(event.globalPosition().toPoint(), said, self)
        else:
            QToolTip.hideText()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._grip = None

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = (event.angleDelta().y() or event.angleDelta().x()) / 120
        by_ms = round(-steps * (self.view[1] - self.view[0]) / 8)
        self.view_wanted.emit((self.view[0] + by_ms, self.view[1] + by_ms))
        event.accept()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, t, theme = QPainter(self), self._theme.tokens, self._theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(t.chrome))
        painter.fillRect(0, 0, self.width(), 1, QColor(t.line))
        self._paint_words(painter)
        axis, base, now_ms = self.axis, self.height() - FOOT_PX, self._now()
        brushes = Brushes(painter, theme, stale=self._stale)
        room = base - TOP_PX - 5
        most = max(
            (*(one.runs for one in self._timeline.totals.values()),
             *self._timeline.starts.values()),
            default=0,
        )  # fmt: skip
        for hour, high, bad in _past(self._timeline.totals, most):
            box = self._column(axis, hour, base, high * room)
            painter.fillRect(box, QColor(t.idle.fill))
            if bad:
                painter.fillRect(
                    self._column(axis, hour, base, max(3.0, bad * room)),
                    QColor(brushes.fill("bad")),
                )
        painter.setPen(QColor(t.control))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for hour, starts in self._timeline.starts.items():
            if starts and most and hour + words.HOUR_MS > now_ms:
                box = self._column(axis, hour, base, room * starts / most)
                painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setPen(QColor(t.text3))
        coarse = Axis(axis.from_ms, axis.to_ms, axis.left, axis.wide / 2)
        for tick in ticks(coarse, self._zone):
            left = min(axis.x(tick.at_ms), self.width() - TICK_PX / 2 - 4) - TICK_PX / 2
            painter.setFont(theme.font(11, 600 if tick.is_day else 400))
            painter.drawText(
                QRectF(left, base, TICK_PX, FOOT_PX), Qt.AlignmentFlag.AlignCenter, tick.said
            )
        self._paint_window(brushes, axis, base)
        brushes.now_line(axis.x(now_ms), TOP_PX, base)

    def _paint_words(self, painter: QPainter) -> None:
        t, theme = self._theme.tokens, self._theme
        painter.setFont(theme.font(12, 600))
        painter.setPen(QColor(t.text))
        room = QRectF(14, 10, self.names_px - 24, 18)
        first, last = reach(self.view, self._now())
        said = words.round_span(last - first)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, said[:1].upper() + said[1:])
        painter.setFont(theme.font(11))
        painter.setPen(QColor(t.text2))
        hint = self.tr("Drag the window, Ctrl+wheel zooms")
        painter.drawText(QRectF(14, 28, self.names_px - 24, 32), Qt.TextFlag.TextWordWrap, hint)

    def _paint_window(self, brushes: Brushes, axis: Axis, base: float) -> None:
        left, right = axis.x(self.view[0]), axis.x(self.view[1])
        if right - left < LEAST_WINDOW_PX:
            left, right = (left + right - LEAST_WINDOW_PX) / 2, (left + right + LEAST_WINDOW_PX) / 2
        box = QRectF(left, TOP_PX - 2, right - left, base - TOP_PX + 3)
        tint = QColor(brushes.tokens.focus)
        tint.setAlpha(36)
        brushes.painter.fillRect(box, tint)
        rounded(brushes.painter, box, 4, border=brushes.tokens.focus, width=1.5)

    def _column(self, axis: Axis, hour_ms: int, base: float, high: float) -> QRectF:
        x, end = axis.x(hour_ms), axis.x(hour_ms + words.HOUR_MS)
        left = max(x, axis.left)
        return QRectF(left, base - high, max(1.0, min(end, axis.right) - left - 1), high)

    def _drag(self, x: float) -> None:
        begin_ms = self.axis.ms(x - (self._grip or 0))
        self.view_wanted.emit((begin_ms, begin_ms + self.view[1] - self.view[0]))

    def _words(self, hour_ms: int) -> str:
        first = words.clock(hour_ms, self._zone, self._now())
        past, starts = self._timeline.totals.get(hour_ms), self._timeline.starts.get(hour_ms)
        said = []
        if past is not None:
            ended = words.plural(past.runs, self.tr("run ended"), self.tr("runs ended"))
            said.append(f"{ended}, {past.failures} " + self.tr("failed"))
        if starts and hour_ms + words.HOUR_MS > self._now():
            said.append(words.plural(starts, self.tr("run planned"), self.tr("runs planned")))
        return f"{first}: {', '.join(said)}" if said else ""


def _past(totals: Mapping[int, HourCount], most: int) -> list[tuple[int, float, float]]:
    return [(at, one.runs / most, one.failures / most) for at, one in totals.items() if one.runs]
