"""How the lanes of the timeline look: strokes and fills for what `lanes` has placed."""

from collections.abc import Iterable, Sequence
from typing import Final

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QPainter, QPen

from desktop.models.timeline import LIVE
from desktop.theme import Theme, rounded
from desktop.views.timeline.lanes import LEFT_OUT, Axis, Bar, HourBar, Outline
from desktop.views.timeline.telling import look_of

BAR_PX: Final = 10
BAD_PX: Final = 14
ICON_PX: Final = 12
RING_PX: Final = 11


class Brushes:
    """Draws in the colours in force; what is old is grey."""

    def __init__(self, painter: QPainter, theme: Theme, *, stale: bool) -> None:
        self.painter, self.theme, self._stale = painter, theme, stale
        self.tokens = theme.tokens

    def fill(self, family: str) -> str:
        """The colour of bars of a family."""
        return self.tokens.family("idle" if self._stale else family).fill

    def ink(self, family: str) -> str:
        """The colour of words and icons of a family."""
        return self.tokens.family("idle" if self._stale else family).text

    def tint(self, family: str) -> str:
        """The ground of a family."""
        return self.tokens.family("idle" if self._stale else family).tint

    def bars(self, bars: Sequence[Bar], middle: float, usual_x: dict[int, float]) -> None:
        """Runs: quiet ones first, so that no failure is hidden."""
        loud = []
        for place, bar in enumerate(bars):
            if look_of(bar.state).family == "ok":
                self._box(bar.x, bar.wide, middle, BAR_PX, self.fill("ok"))
            else:
                loud.append((place, bar))
        for place, bar in loud:
            follower = bars[place + 1].x if place + 1 < len(bars) else None
            self._loud(bar, middle, follower, usual_x.get(bar.last))

    def outlines(self, outlines: Iterable[Outline], middle: float) -> None:
        """What is to come, dashed where it will be left out."""
        painter, top = self.painter, middle - BAR_PX / 2
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for one in outlines:
            pen = _pen(self.tokens.control, 1, dashed=one.state == LEFT_OUT)
            painter.setPen(pen)
            boxes = [QRectF(x + 0.5, top + 0.5, wide - 1, BAR_PX - 1) for x, wide in one.boxes]
            if len(boxes) == 1:
                painter.drawRoundedRect(boxes[0], 1.5, 1.5)
            else:
                # There may be a hundred of them in each lane: on whole pixels they are drawn at
                # once, and look alike.
                painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
                painter.drawRects(boxes)
                painter.setRenderHint(QPainter.RenderHint.Antialiasing)

    def hours(self, hours: Iterable[HourBar], bottom: float, room: float) -> None:
        """Counts of hours, the failures of each at its foot."""
        painter = self.painter
        painter.setPen(Qt.PenStyle.NoPen)
        for one in hours:
            high = max(2.0, one.high * room)
            box = QRectF(one.x, bottom - high, one.wide, high)
            painter.fillRect(box, QColor(self.fill("ok")))
            if one.bad:
                bad = max(3.0, one.bad * room)
                painter.fillRect(
                    QRectF(one.x, bottom - bad, one.wide, bad), QColor(self.fill("bad"))
                )

    def hatch(self, box: QRectF) -> None:
        """A time in which nothing may start."""
        ground = QColor(self.tokens.idle.tint)
        self.painter.fillRect(box, ground)
        self.painter.fillRect(box, QBrush(QColor(self.tokens.line2), Qt.BrushStyle.BDiagPattern))

    def caption(self, room: QRectF, said: str) -> None:
        """Words in the middle of a room, on a ground of their own."""
        font = self.theme.font(11, 500)
        metrics = QFontMetrics(font)
        wide = metrics.horizontalAdvance(said) + 12
        box = QRectF(room.center().x() - wide / 2, room.top(), wide, room.height())
        rounded(self.painter, box, 4, fill=self.tokens.idle.tint)
        self.painter.setFont(font)
        self.painter.setPen(QColor(self.tokens.text))
        self.painter.drawText(box, Qt.AlignmentFlag.AlignCenter, said)

    def note(self, x: float, middle: float, wide: float, said: str, icon: str) -> None:
        """Quiet words with their icon, cut where there is no more room."""
        font = self.theme.font(11)
        room = QRectF(x + 20, middle - 9, max(0.0, wide - 24), 18)
        metrics, elide = QFontMetrics(font), Qt.TextElideMode.ElideRight
        text = metrics.elidedText(said, elide, int(room.width()))
        ground = QRectF(x, middle - 8, 26 + metrics.horizontalAdvance(text), 16)
        rounded(self.painter, ground, 4, fill=self.tokens.surface)
        mark = QRectF(x, middle - 8, 16, 16)
        self.theme.draw_icon(self.painter, mark, icon, self.tokens.text3, ICON_PX)
        self.painter.setFont(font)
        self.painter.setPen(QColor(self.tokens.text2))
        self.painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, text)

    def pill(self, x: float, middle: float, said: str, icon: str, family: str) -> QRectF:
        """Words on their ground, from there to the right."""
        font = self.theme.font(11, 500)
        wide = QFontMetrics(font).horizontalAdvance(said) + 30
        box = QRectF(x, middle - 9, wide, 18)
        border = self.ink(family) if self.tokens.is_contrast else None
        rounded(self.painter, box, 9, fill=self.tint(family), border=border)
        mark = QRectF(x + 5, middle - 8, 16, 16)
        self.theme.draw_icon(self.painter, mark, icon, self.ink(family), ICON_PX)
        self.painter.setFont(font)
        self.painter.setPen(QColor(self.ink(family)))
        self.painter.drawText(box.adjusted(22, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, said)
        return box

    def now_line(self, x: float, top: float, bottom: float) -> None:
        """Where the past ends."""
        self.painter.setPen(_pen(self.tokens.focus, 1.5))
        self.painter.drawLine(QLineF(QPointF(x, top), QPointF(x, bottom)))

    def _loud(self, bar: Bar, middle: float, follower: float | None, usual_x: float | None) -> None:
        look = look_of(bar.state)
        if bar.state == "missed":
            self._ring(bar, middle)
        elif bar.state in LIVE:
            self._going_on(bar, middle, usual_x)
        elif look.family == "bad":
            self._box(bar.x, bar.wide, middle, BAD_PX, self.fill("bad"))
            end = bar.x + bar.wide
            if bar.wide >= ICON_PX + 4:
                mark = QRectF(bar.x, middle - 8, bar.wide, 16)
                self.theme.draw_icon(self.painter, mark, look.icon, self.tokens.surface, ICON_PX)
            elif follower is None or follower - end >= ICON_PX + 2:
                mark = QRectF(end + 1, middle - 8, ICON_PX + 2, 16)
                self.theme.draw_icon(self.painter, mark, look.icon, self.ink("bad"), ICON_PX)
        elif bar.state == "skipped":
            self._dashed(bar.x, bar.wide, middle, self.fill("idle"))
        else:
            self._box(bar.x, bar.wide, middle, BAR_PX, self.fill(look.family))

    def _ring(self, bar: Bar, middle: float) -> None:
        """Dashed, and as long as what it stands for."""
        self.painter.setPen(_pen(self.ink("warn"), 1.5, dashed=True))
        self.painter.setBrush(QColor(self.tokens.surface))
        wide = max(RING_PX, bar.wide)
        box = QRectF(bar.x - RING_PX / 2, middle - RING_PX / 2, wide, RING_PX)
        self.painter.drawRoundedRect(box, RING_PX / 2, RING_PX / 2)

    def _going_on(self, bar: Bar, middle: float, usual_x: float | None) -> None:
        if bar.state in ("queued", "retry_wait"):
            self._dashed(bar.x, bar.wide, middle, self.fill("run"))
            return
        self._box(bar.x, bar.wide, middle, BAR_PX, self.fill("run"))
        end = bar.x + bar.wide
        if usual_x is not None and usual_x > end + 2:
            self._dashed(end, usual_x - end, middle, self.fill("run"))

    def _box(self, x: float, wide: float, middle: float, high: float, colour: str) -> None:
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(QColor(colour))
        self.painter.drawRoundedRect(QRectF(x, middle - high / 2, wide, high), 1.5, 1.5)

    def _dashed(self, x: float, wide: float, middle: float, colour: str) -> None:
        self.painter.setPen(_pen(colour, 1, dashed=True))
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        box = QRectF(x, middle - BAR_PX / 2, wide, BAR_PX)
        self.painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 1.5, 1.5)


def drawn(axis: Axis, from_ms: int, to_ms: int) -> tuple[float, float]:
    """From where to where a stretch of time is drawn within the axis."""
    return max(axis.left, axis.x(from_ms)), min(axis.right, axis.x(to_ms))


def _pen(colour: str, wide: float, *, dashed: bool = False) -> QPen:
    pen = QPen(QColor(colour), wide)
    if dashed:
        # Square ends would close the gaps.
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setDashPattern([2.2, 1.8])
    return pen
