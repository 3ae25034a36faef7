"""A chart of one series: its limits, its holes, and the value under the cursor."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QEvent, QPointF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QStackedLayout, QWidget

from desktop import words
from desktop.models.health import limit
from desktop.parts.buttons import draw_focus
from desktop.parts.charts import AREA_ALPHA, HEADROOM, bare_plot, plotting, time_ticks
from desktop.parts.labels import Words
from desktop.theme import Theme
from desktop.views.health.axis import value_range, value_ticks
from desktop.views.health.course import Course, Points, longest_step, with_gaps

AXIS_PX: Final = 54
FAR_STEPS: Final = 20
# The words of a limit near the top stand above its line.
MARKED_HEADROOM: Final = 1.2
PAPER_ALPHA: Final = 150


class ReadingChart(QWidget):
    """Drawn when it is first seen; arrows and the pointer move the cursor from point to point."""

    pointed = Signal(str)
    """What is at the cursor, in words; empty when there is none."""

    def __init__(self, theme: Theme, *, height: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._plot: Any = None
        self._course: Course | None = None
        self._points: Points = ()
        self._worst: Points = ()
        self._span = (0, 1)
        self._step_ms = 1
        self._times, self._zone = words.TASK_TIMES, "UTC"
        self._stale = False
        self._shown: tuple[object, ...] = ()
        self._at: int | None = None
        self._limits: list[Any] = []
        self._lines: list[Any] = []
        self.setMinimumHeight(height)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._empty = Words(theme, ink="text3", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        # Room for the ring that says where the keyboard is; a stack of widgets keeps no margins.
        self.setContentsMargins(2, 2, 2, 2)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self._empty)
        theme.changed.connect(self._dress)

    def sizeHint(self) -> QSize:
        return QSize(200, self.minimumHeight())

    # What it is told ---------------------------------------------------------------------

    @property
    def points(self) -> Points:
        """What is drawn."""
        return self._points

    @property
    def span(self) -> tuple[int, int]:
        """From where to where its axis of time reaches."""
        return self._span

    @property
    def parts(self) -> list[tuple[int, float]]:
        """What is drawn, with its holes."""
        return with_gaps(self._points, self._longest())

    def show_course(
        self,
        course: Course | None,
        points: Points | None,
        *,
        worst: Points = (),
        span: tuple[int, int],
        step_ms: int,
        times: str,
        zone: str,
        stale: bool,
    ) -> None:
        """These points of that series, oldest first; None: they are not here yet.

        `worst` is the worst reading of each step, where a point is the mean of many.
        """
        points, is_awaited = points or (), points is None
        # Most of what is told comes with a row, and changes nothing of what is drawn.
        drawn = (course, points, worst, is_awaited, span, step_ms, times, zone, stale)
        if drawn == self._shown:
            return
        self._shown = drawn
        if course is None or self._course is None or course.name != self._course.name:
            self._at = None
        self._course, self._points, self._worst = course, points, worst
        self._span, self._step_ms = span, step_ms
        self._times, self._zone, self._stale = times, zone, stale
        if self._at is not None and self._at >= len(self._points):
            self._at = None
        said = self.tr("On its way") if is_awaited else self.tr("Nothing was kept in this time")
        self._empty.setText(said if course is not None else self.tr("It has no readings to draw"))
        self._name()
        if self.isVisible():
            self._draw()

    def point_at(self, place: int | None) -> None:
        """Put the cursor on that point, or take it away."""
        self._at = None if place is None or not self._points else place % len(self._points)
        self._show_cursor()

    @property
    def at_cursor(self) -> str:
        """What the cursor stands on, in words."""
        if self._at is None or self._course is None or self._at >= len(self._points):
            return ""
        at_ms, value = self._points[self._at]
        zone = words.zone_for(self._times, self._zone)
        seconds = self._step_ms < words.MINUTE_MS
        at = words.clock(at_ms, zone, self._span[1], seconds=seconds)
        said = f"{at}: {words.reading(value, self._course.unit)}"
        worst = dict(self._worst).get(at_ms)
        if worst is None or worst == value:
            return said
        peak = self.tr("lowest {0}") if self._course.falls else self.tr("highest {0}")
        return f"{said}, {peak.format(words.reading(worst, self._course.unit))}"

    # What the user does ------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._plot is not None and self._points:
            self.point_at(self._nearest(self._time_at(event.position())))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if not self.hasFocus():
            self.point_at(None)

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.setCursor(Qt.CursorShape.CrossCursor if self._points else Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        last = len(self._points) - 1
        here = last + 1 if self._at is None else self._at
        places = {
            Qt.Key.Key_Left: here - 1,
            Qt.Key.Key_Right: here + 1,
            Qt.Key.Key_PageUp: here - FAR_STEPS,
            Qt.Key.Key_PageDown: here + FAR_STEPS,
            Qt.Key.Key_Home: 0,
            Qt.Key.Key_End: last,
        }
        if last >= 0 and event.key() in places:
            self.point_at(min(max(places[Qt.Key(event.key())], 0), last))
        elif event.key() == Qt.Key.Key_Escape and self._at is not None:
            self.point_at(None)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.point_at(None)
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw()

    def paintEvent(self, _event: QPaintEvent) -> None:
        draw_focus(QPainter(self), self, self._theme, 6)

    # Drawing -----------------------------------------------------------------------------

    def _longest(self) -> float:
        every_ms = 0 if self._course is None else self._course.every_ms
        return longest_step(self._points, self._step_ms, every_ms)

    def _draw(self) -> None:
        course = self._course
        if course is None or not self._points:
            self._stack.setCurrentWidget(self._empty)
            return
        if self._plot is None:
            self._build()
        self._stack.setCurrentWidget(self._plot)
        parts, longest = self.parts, self._longest()
        self._curve.setData(
            [at / 1000 for at, _ in parts], [value for _, value in parts], connect="finite"
        )
        alone = _alone(self._points, longest)
        self._dots.setData([at / 1000 for at, _ in alone], [value for _, value in alone])
        beyond = with_gaps(self._worst, longest) if self._worst else []
        self._peaks.setData(
            [at / 1000 for at, _ in beyond], [value for _, value in beyond], connect="finite"
        )
        values = [value for _, value in (*self._points, *self._worst)]
        bottom, top = value_range(values, course)
        is_marked = course.warn is not None or course.crit is not None
        head = MARKED_HEADROOM if is_marked else HEADROOM
        self._plot.setYRange(bottom, bottom + (top - bottom) * head, padding=0)
        self._plot.setXRange(self._span[0] / 1000, self._span[1] / 1000, padding=0)
        self._curve.setFillLevel(max(0.0, bottom))
        ticks = value_ticks(bottom, top, course.unit)
        self._value_axis.setTicks([ticks])
        most = 6 if self.width() > 520 else 4 if self.width() > 260 else 3
        zone = words.zone_for(self._times, self._zone)
        self._time_axis.setTicks([time_ticks(*self._span, zone, most=most)])
        self._draw_lines([at for at, _ in ticks])
        self._draw_limits(course, bottom, top)
        self._dress()
        self._show_cursor()

    def _build(self) -> None:
        pg = plotting()
        self._pg = pg
        self._plot = bare_plot(self)
        item = self._plot.getPlotItem()
        item.setContentsMargins(0, 4, 6, 0)
        self._value_axis, self._time_axis = item.getAxis("left"), item.getAxis("bottom")
        self._value_axis.setWidth(AXIS_PX)
        self._time_axis.setHeight(18)
        self._curve = pg.PlotDataItem()
        self._peaks = pg.PlotDataItem()
        self._dots = pg.ScatterPlotItem(symbol="o", size=4)
        self._hair = pg.InfiniteLine(angle=90, movable=False)
        self._spot = pg.ScatterPlotItem(symbol="o", size=8)
        for mark in (self._peaks, self._curve, self._dots, self._hair, self._spot):
            self._plot.addItem(mark)
        self._stack.addWidget(self._plot)

    def _draw_lines(self, levels: Sequence[float]) -> None:
        for line in self._lines:
            self._plot.removeItem(line)
        self._lines = [self._pg.InfiniteLine(pos=at, angle=0, movable=False) for at in levels]
        for line in self._lines:
            line.setZValue(-20)
            self._plot.addItem(line)

    def _draw_limits(self, course: Course, bottom: float, top: float) -> None:
        for line, _ in self._limits:
            self._plot.removeItem(line)
        self._limits = []
        same = course.warn == course.crit
        for value, family, word in (
            (None if same else course.warn, "warn", self.tr("warns")),
            (course.crit, "bad", self.tr("critical")),
        ):
            if value is None or not bottom <= value <= top:
                continue
            # The worse of the two lies outside: their words do not stand on each other.
            is_below = (family == "warn") != course.falls
            line = self._pg.InfiniteLine(
                pos=value,
                angle=0,
                movable=False,
                label=f"{word} {limit(value, course.unit)}",
                labelOpts={"position": 0.01, "anchors": [(0, 0 if is_below else 1)] * 2},
            )
            line.setZValue(5)
            self._plot.addItem(line)
            self._limits.append((line, family))

    def _dress(self) -> None:
        if self._plot is None:
            return
        t, pg = self._theme.tokens, self._pg
        self._plot.setBackground(QColor(t.surface))
        stroke = t.idle.fill if self._stale else t.series
        self._curve.setPen(pg.mkPen(stroke, width=1.25))
        faint = t.idle.fill if self._stale else t.text3
        self._peaks.setPen(pg.mkPen(faint, width=1, style=Qt.PenStyle.DotLine))
        area = QColor(stroke)
        area.setAlpha(AREA_ALPHA)
        self._curve.setBrush(pg.mkBrush(area))
        self._dots.setBrush(pg.mkBrush(stroke))
        self._dots.setPen(pg.mkPen(None))
        self._hair.setPen(pg.mkPen(t.focus, width=1))
        self._spot.setBrush(pg.mkBrush(t.focus))
        self._spot.setPen(pg.mkPen(t.surface, width=1))
        font = self._theme.font(11)
        paper = QColor(t.surface)
        paper.setAlpha(PAPER_ALPHA)
        for axis in (self._value_axis, self._time_axis):
            axis.setTickFont(font)
            axis.setTextPen(pg.mkPen(t.text3))
            axis.setPen(pg.mkPen(None))
            axis.setTickPen(pg.mkPen(None))
        for line in self._lines:
            line.setPen(pg.mkPen(t.grid, width=1))
        for line, name in self._limits:
            family = t.idle if self._stale else t.family(name)
            line.setPen(pg.mkPen(family.fill, width=1, style=Qt.PenStyle.DashLine))
            line.label.setColor(QColor(family.text))
            line.label.setFont(font)
            # A curve that leads through the words must not make them unreadable.
            line.label.fill = pg.mkBrush(paper)

    def _show_cursor(self) -> None:
        said = self.at_cursor
        if self._plot is not None:
            for mark in (self._hair, self._spot):
                mark.setVisible(bool(said))
            if self._at is not None and said:
                at_ms, value = self._points[self._at]
                self._hair.setPos(at_ms / 1000)
                self._spot.setData([at_ms / 1000], [value])
        if said != self.accessibleDescription():
            self.setAccessibleDescription(said)
            self.pointed.emit(said)

    def _name(self) -> None:
        course = self._course
        if course is None or not self._points:
            self.setAccessibleName(self._empty.text())
            return
        values = [value for _, value in self._points]
        said = [
            words.reading(value, course.unit) for value in (values[-1], min(values), max(values))
        ]
        self.setAccessibleName(
            self.tr("{0}: newest {1}, lowest {2}, highest {3}").format(course.title, *said)
        )

    def _time_at(self, place: QPointF) -> float:
        scene = self._plot.mapToScene(self._plot.mapFrom(self, place.toPoint()))
        seconds: float = self._plot.getPlotItem().vb.mapSceneToView(scene).x()
        return seconds * 1000

    def _nearest(self, at_ms: float) -> int:
        after = bisect_left(self._points, (at_ms, 0.0))
        near = [place for place in (after - 1, after) if 0 <= place < len(self._points)]
        return min(near, key=lambda place: abs(self._points[place][0] - at_ms))


def _alone(points: Points, longest_ms: float) -> list[tuple[int, float]]:
    """Points without a neighbour: no line makes them seen."""
    found = []
    for at, (at_ms, value) in enumerate(points):
        before = at > 0 and at_ms - points[at - 1][0] <= longest_ms
        after = at + 1 < len(points) and points[at + 1][0] - at_ms <= longest_ms
        if not before and not after:
            found.append((at_ms, value))
    return found
