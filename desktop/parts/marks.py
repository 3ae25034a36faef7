"""How curves, columns and bars of a few pixels are drawn."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from desktop.theme import rounded
from desktop.tokens import Tokens

HOURS: Final = 24
SUCCESS_PX: Final = 8
FAILURE_PX: Final = 15


def spark_scale(values: Sequence[float]) -> tuple[float, float]:
    """From 80 % of the lowest to the highest; values that hardly differ stand in the middle."""
    lowest = min(values)
    if max(values) <= 0:
        return -1.0, 1.0
    return 0.8 * lowest, max(*values, 1.2 * lowest)


def draw_spark(
    painter: QPainter,
    rect: QRectF,
    values: Sequence[float],
    tokens: Tokens,
    *,
    low: float | None = None,
    high: float | None = None,
    is_bad: bool = False,
    is_stale: bool = False,
) -> None:
    """A curve of the last values over the usual band, its last point marked."""
    if not values:
        return
    bounds = [*values, *(bound for bound in (low, high) if bound is not None)]
    bottom, top = spark_scale(bounds)
    height = top - bottom

    def y_of(value: float) -> float:
        return rect.bottom() - (value - bottom) / height * rect.height()

    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if low is not None and high is not None and high > low:
        band = QRectF(rect.left(), y_of(high), rect.width(), max(2.0, y_of(low) - y_of(high)))
        painter.fillRect(band, QColor(tokens.band))
    step = rect.width() / max(1, len(values) - 1)
    points = [QPointF(rect.left() + at * step, y_of(value)) for at, value in enumerate(values)]
    if len(points) == 1:
        points = [QPointF(rect.right(), y_of(values[0]))]
    else:
        pen = QPen(QColor(tokens.idle.fill if is_stale else tokens.series), 1.25)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPolyline(QPolygonF(points))
    mark = tokens.idle.fill if is_stale else tokens.bad.fill if is_bad else tokens.series
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(mark))
    painter.drawEllipse(points[-1], 2, 2)
    painter.restore()


def draw_hours(
    painter: QPainter,
    rect: QRectF,
    hours: Sequence[tuple[int, int]],
    tokens: Tokens,
    *,
    is_stale: bool = False,
) -> None:
    """One column an hour: a low one for success, a tall one for failure, a dot for nothing."""
    pitch = rect.width() / HOURS
    width = max(1.0, round(pitch) - 1.0)
    missing = HOURS - len(hours)
    for at in range(HOURS):
        ok, bad = hours[at - missing] if at >= missing else (0, 0)
        if bad:
            height, colour = FAILURE_PX, tokens.bad.fill
        elif ok:
            height, colour = SUCCESS_PX, tokens.ok.fill
        else:
            height, colour = 2, tokens.line2
        if is_stale and (ok or bad):
            colour = tokens.idle.text if bad else tokens.idle.fill
        x = round(rect.left() + at * pitch)
        painter.fillRect(QRectF(x, rect.bottom() - height, width, height), QColor(colour))


def draw_progress(
    painter: QPainter,
    rect: QRectF,
    share: float | None,
    tokens: Tokens,
    *,
    colour: str | None = None,
    usual_share: float | None = None,
) -> None:
    """A bar to the expected end, with a tick where "usual" was passed."""
    radius = rect.height() / 2
    rounded(painter, rect, radius, fill=tokens.grid)
    if share is None:
        return
    part = max(rect.height(), rect.width() * min(1.0, max(0.0, share)))
    rounded(
        painter,
        QRectF(rect.left(), rect.top(), part, rect.height()),
        radius,
        fill=colour or tokens.run.fill,
    )
    if usual_share is not None and 0 < usual_share < 1:
        x = round(rect.left() + rect.width() * usual_share)
        painter.fillRect(QRectF(x, rect.top() - 3, 2, rect.height() + 6), QColor(tokens.text))


def run_progress(
    elapsed_ms: int, usual_ms: int | None, told: int | None = None
) -> tuple[float | None, float | None]:
    """How far a run is, and where on the bar its usual end lies once it took longer.

    What it tells of itself, in percent, goes before what its time makes likely.
    """
    if told is not None:
        return told / 100, None
    if not usual_ms:
        return None, None
    if elapsed_ms <= usual_ms:
        return elapsed_ms / usual_ms, None
    return 1.0, usual_ms / elapsed_ms
