"""Curves over time and bars of runs; the plotting library comes with the first curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from importlib import import_module
from itertools import pairwise
from math import nan
from statistics import median
from typing import Any, Final

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QToolTip, QVBoxLayout, QWidget

from desktop import words
from desktop.parts.labels import Words
from desktop.parts.marks import draw_progress, run_progress
from desktop.states import ending_look
from desktop.theme import Theme, rounded

AREA_ALPHA: Final = 40
LABELS_PX: Final = 140
EDGE_SHARE: Final = 0.06
HEADROOM: Final = 1.12
# Samples come evenly; a pause of so many of them means that nothing was heard.
GAP_SAMPLES: Final = 5
_TIME_STEPS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800,
                        21_600, 43_200, 86_400)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """One run as a bar: how long, how it ended, when it began."""

    dur_ms: int | None
    result: str
    start_ms: int
    run_id: str = ""


class RunBars(QWidget):
    """The last runs: the height says how long, the shape above how it ended."""

    clicked = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._bars: tuple[Bar, ...] = ()
        self._stale = False
        self._zone = "UTC"
        self._now_ms = 0
        self.setFixedHeight(76)
        self.setMouseTracking(True)
        theme.changed.connect(self.update)

    def show_bars(self, bars: Sequence[Bar], *, zone: str, now_ms: int, stale: bool) -> None:
        """These runs, oldest first."""
        self._bars, self._zone, self._now_ms, self._stale = tuple(bars), zone, now_ms, stale
        said = ", ".join(ending_look(bar.result).said for bar in bars)
        self.setAccessibleName(self.tr("Last {0} runs: {1}").format(len(bars), said))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        if not self._bars:
            painter.setFont(self._theme.font(12))
            painter.setPen(QColor(t.text3))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.tr("No run yet"))
            return
        longest = max((bar.dur_ms or 0 for bar in self._bars), default=0) or 1
        base = self.height() - 18
        for at, bar in enumerate(self._bars):
            column = self._column(at)
            look = ending_look(bar.result)
            family = t.family("idle" if self._stale else look.family)
            high = max(3.0, 26 * (bar.dur_ms or 0) / longest)
            box = QRectF(column.left(), base - high, column.width(), high)
            rounded(painter, box, 2, fill=family.fill)
            mark = QRectF(column.center().x() - 7, base - high - 15, 14, 13)
            self._theme.draw_icon(painter, mark, look.icon, family.text, 11)
        painter.fillRect(QRectF(0, base, self.width(), 1), QColor(t.line))
        painter.setFont(self._theme.font(11))
        painter.setPen(QColor(t.text2))
        foot = QRectF(0, base + 2, self.width(), 16)
        zone = words.zone_named(self._zone)
        first, last = self._bars[0], self._bars[-1]
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        painter.drawText(foot, left, words.clock(first.start_ms, zone, self._now_ms))
        end = self._column(len(self._bars) - 1).right()
        if end > LABELS_PX:
            foot.setRight(end)
            painter.drawText(foot, right, words.clock(last.start_ms, zone, self._now_ms))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        for at, bar in enumerate(self._bars):
            if self._column(at).adjusted(-1, 0, 1, 0).contains(event.position()):
                when = words.full_times(bar.start_ms, self._zone)
                said = f"{ending_look(bar.result).said}, {words.duration(bar.dur_ms)}\n{when}"
                QToolTip.showText(event.globalPosition().toPoint(), said, self)
                return
        QToolTip.hideText()

    def _column(self, at: int) -> QRectF:
        pitch = self.width() / max(20, len(self._bars))
        return QRectF(at * pitch, 0, pitch - 3, self.height() - 18)


def plotting() -> Any:
    """The plotting library; it takes half a second, so the grid stands before it is asked for."""
    pg = import_module("pyqtgraph")
    pg.setConfigOptions(antialias=True)
    return pg


def bare_plot(parent: QWidget) -> Any:
    """A plot that only shows: no menu, no frame, axes without ticks; the pointer passes it by."""
    plot = plotting().PlotWidget(parent, background=None)
    plot.setMouseEnabled(False, False)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setFrameShape(plot.Shape.NoFrame)
    plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    item = plot.getPlotItem()
    item.getViewBox().setDefaultPadding(0)
    for name in ("left", "bottom"):
        item.getAxis(name).setStyle(tickLength=0, tickTextOffset=5, tickAlpha=0)
    return plot


class TimeCurve(QWidget):
    """A curve over time with its usual band and its failures marked."""

    def __init__(
        self,
        theme: Theme,
        *,
        height: int,
        ground: str = "surface",
        share: bool = False,
        axes: bool = True,
        least_top: float = 1.0,
        why_empty: str = "",
        parent: QWidget | None = None,
    ) -> None:
        """With `why_empty` that stands there while there is nothing to draw."""
        super().__init__(parent)
        self._theme, self._ground = theme, ground
        self._share, self._axes, self._least_top = share, axes, least_top
        self._plot: Any = None
        self._points: tuple[tuple[int, float], ...] = ()
        self._failures: tuple[tuple[int, float], ...] = ()
        self._band: tuple[float, float] | None = None
        self._zone = "UTC"
        self._stale = False
        self.setMinimumHeight(height)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.empty = Words(theme, why_empty, ink="text3", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.empty.hide()
        layout.addWidget(self.empty)
        theme.changed.connect(self._dress)

    def sizeHint(self) -> QSize:
        return QSize(120, self.minimumHeight())

    @property
    def points(self) -> tuple[tuple[int, float], ...]:
        """What is drawn."""
        return self._points

    def show_points(
        self,
        points: Sequence[tuple[int, float]],
        *,
        failures: Sequence[tuple[int, float]] = (),
        band: tuple[float, float] | None = None,
        zone: str = "UTC",
        stale: bool = False,
    ) -> None:
        """These (instant in ms, value) pairs, oldest first."""
        self._points, self._failures = tuple(points), tuple(failures)
        self._band, self._zone, self._stale = band, zone, stale
        if self.isVisible():
            self._draw()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._draw()

    def _draw(self) -> None:
        is_empty = not self._points and bool(self.empty.text())
        self.empty.setVisible(is_empty)
        if self._plot is not None:
            self._plot.setVisible(not is_empty)
        if is_empty:
            return
        if self._plot is None:
            self._build()
        values = [value for _, value in self._points]
        parts = with_gaps(self._points) if self._share or not self._axes else self._points
        self._curve.setData(
            [at / 1000 for at, _ in parts], [value for _, value in parts], connect="finite"
        )
        self._marks.setData(
            [at / 1000 for at, _ in self._failures], [value for _, value in self._failures]
        )
        if self._band is not None and self._band[1] > self._band[0]:
            self._usual.setRegion(self._band)
            self._usual.show()
        else:
            self._usual.hide()
        tops = [*values, *(value for _, value in self._failures), *(self._band or ())]
        top = 1.0 if self._share else max(self._least_top, max(tops, default=1.0) * 1.15)
        # A little more than the top, or the label of the highest line would be cut.
        self._plot.setYRange(0, top * (HEADROOM if self._axes else 1.02), padding=0)
        if self._axes:
            self._value_axis.setTicks([self._value_ticks(top)])
            self._time_axis.setTicks([self._time_ticks()])
        self._dress()

    def _build(self) -> None:
        pg = plotting()
        self._pg = pg
        self._plot = bare_plot(self)
        item = self._plot.getPlotItem()
        item.setContentsMargins(0, 8, 4, 0)
        self._value_axis, self._time_axis = item.getAxis("left"), item.getAxis("bottom")
        if self._axes:
            self._value_axis.setWidth(44)
            self._time_axis.setHeight(18)
        else:
            item.hideAxis("left")
            item.hideAxis("bottom")
        self._grid_lines: list[Any] = []
        self._usual = pg.LinearRegionItem(orientation="horizontal", movable=False)
        self._usual.setZValue(-10)
        for edge in self._usual.lines:
            edge.setPen(pg.mkPen(None))
        self._plot.addItem(self._usual)
        self._curve = pg.PlotDataItem()
        self._plot.addItem(self._curve)
        self._marks = pg.ScatterPlotItem(symbol="s", size=7)
        self._plot.addItem(self._marks)
        layout = self.layout()
        if layout is not None:
            layout.addWidget(self._plot)

    def _dress(self) -> None:
        if self._plot is None:
            return
        t, pg = self._theme.tokens, self._pg
        self._plot.setBackground(QColor(getattr(t, self._ground)))
        stroke = t.idle.fill if self._stale else t.series
        self._curve.setPen(pg.mkPen(stroke, width=1.25))
        area = QColor(stroke)
        area.setAlpha(AREA_ALPHA)
        if self._share or not self._axes:
            self._curve.setFillLevel(0)
            self._curve.setBrush(pg.mkBrush(area))
        mark = t.idle.text if self._stale else t.bad.fill
        self._marks.setBrush(pg.mkBrush(mark))
        self._marks.setPen(pg.mkPen(t.surface, width=1))
        self._usual.setBrush(pg.mkBrush(t.band))
        font = QFont(self._theme.font(11))
        for axis in (self._value_axis, self._time_axis):
            axis.setTickFont(font)
            axis.setTextPen(pg.mkPen(t.text3))
            axis.setPen(pg.mkPen(None))
            axis.setTickPen(pg.mkPen(None))
        for line in self._grid_lines:
            line.setPen(pg.mkPen(t.grid, width=1))

    def _value_ticks(self, top: float) -> list[tuple[float, str]]:
        if self._share:
            ticks = [(0.0, "0"), (0.5, "50"), (1.0, f"100{words.NO_BREAK}%")]
        else:
            step = _round_step(top / 2)
            marks = [at * step for at in range(4) if at * step <= top]
            ticks = [(mark, _short(mark)) for mark in marks]
        for line in self._grid_lines:
            self._plot.removeItem(line)
        self._grid_lines = [
            self._pg.InfiniteLine(pos=at, angle=0, movable=False) for at, _ in ticks
        ]
        for line in self._grid_lines:
            line.setZValue(-20)
            self._plot.addItem(line)
        return ticks

    def _time_ticks(self) -> list[tuple[float, str]]:
        stamps = [at for at, _ in (*self._points, *self._failures)]
        if len(stamps) < 2:
            return []
        first, last = min(stamps), max(stamps)
        self._plot.setXRange(first / 1000, last / 1000 + (last - first) / 60_000, padding=0)
        most = 4 if self.width() > 260 else 3
        return time_ticks(first, last, words.zone_named(self._zone), most=most)


def with_gaps(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Samples with a hole where nothing was heard, so that no line pretends it was known."""
    if len(points) < GAP_SAMPLES:
        return list(points)
    steps = [after[0] - before[0] for before, after in pairwise(points)]
    longest = GAP_SAMPLES * median(steps)
    parts = [points[0]]
    for step, (at, value) in zip(steps, points[1:], strict=True):
        if step > longest:
            parts.append((at - step // 2, nan))
        parts.append((at, value))
    return parts


def time_ticks(first: int, last: int, zone: tzinfo | None, *, most: int) -> list[tuple[float, str]]:
    """Up to `most` round moments in between, as (seconds, words); no two say the same."""
    reach = last - first
    steps = (*_TIME_STEPS_S, *(days * 86_400 for days in (2, 7, 14, 30)))
    step = next((s for s in steps if s * 1000 * (most + 0.5) >= reach), steps[-1]) * 1000
    # Round on the clock of the zone, not on that of UTC.
    offset = words.moment(first, zone).utcoffset()
    shift = 0 if offset is None else round(offset.total_seconds() * 1000)
    at = -(-(first + shift) // step) * step - shift
    form = "%H:%M:%S" if step < words.MINUTE_MS else "%H:%M" if step < words.DAY_MS else "%a"
    if step >= words.WEEK_MS:
        form = "%d %b"
    edge = reach * EDGE_SHARE
    ticks: list[tuple[float, str]] = []
    while at <= last:
        # A label at the very edge would be cut.
        if first + edge <= at <= last - edge:
            ticks.append((at / 1000, words.moment(at, zone).strftime(form)))
        at += step
    return ticks


def _round_step(rough_ms: float) -> float:
    """A step for durations that reads well: 1, 2, 5, 10, 15, 30 of a unit."""
    steps = (1, 2, 5, 10, 20, 50, 100, 200, 500)
    seconds = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
    choices = [float(step) for step in steps] + [1000.0 * step for step in seconds]
    fitting = [step for step in choices if step <= rough_ms]
    return fitting[-1] if fitting else 1.0


def _short(ms: float) -> str:
    """A duration at an axis: "0", "30 s", "5 m", "2 h"."""
    whole = int(ms)
    if whole == 0:
        return f"0{words.NO_BREAK}s"
    for unit, word in ((words.HOUR_MS, "h"), (words.MINUTE_MS, "m"), (words.SECOND_MS, "s")):
        if whole >= unit and whole % unit == 0:
            return f"{whole // unit}{words.NO_BREAK}{word}"
    return f"{whole / 1000:g}{words.NO_BREAK}s"


class Meter(QWidget):
    """How full something is: a bar with its limit ticked."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._share: float | None = None
        self._limit = 0.8
        self._stale = False
        self.setFixedHeight(12)
        theme.changed.connect(self.update)

    def show_share(self, share: float | None, *, limit: float = 0.8, stale: bool = False) -> None:
        """That share of one."""
        self._share, self._limit, self._stale = share, limit, stale
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        track = QRectF(0, 3, self.width(), 6)
        rounded(painter, track, 3, fill=t.grid)
        if self._share is not None:
            above = self._share >= self._limit and not self._stale
            fill = t.warn.fill if above else t.idle.fill
            wide = max(6.0, track.width() * min(1.0, self._share))
            rounded(painter, QRectF(0, 3, wide, 6), 3, fill=fill)
        x = round(track.width() * self._limit)
        painter.setPen(QColor(t.text2))
        painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))


class Progress(QWidget):
    """How far a run is against its usual end."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._elapsed_ms = 0
        self._usual_ms: int | None = None
        self._told: int | None = None
        self._stale = False
        self.setFixedHeight(14)
        theme.changed.connect(self.update)

    def show_progress(
        self,
        elapsed_ms: int,
        usual_ms: int | None,
        *,
        told: int | None = None,
        stale: bool = False,
    ) -> None:
        """So long by now, of so long as usual, or so many percent as it tells itself."""
        self._elapsed_ms, self._usual_ms, self._stale = elapsed_ms, usual_ms, stale
        self._told = told
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        t = self._theme.tokens
        share, usual = run_progress(self._elapsed_ms, self._usual_ms, self._told)
        fill = t.idle.fill if self._stale else t.run.fill
        box = QRectF(QRect(0, 4, self.width(), 6))
        draw_progress(QPainter(self), box, share, t, colour=fill, usual_share=usual)
