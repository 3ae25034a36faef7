"""How busy will the agent be, when most, and what will have to wait for a slot."""

from typing import Final

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QToolTip, QVBoxLayout, QWidget

from desktop import words
from desktop.parts.buttons import Segmented
from desktop.parts.charts import time_ticks
from desktop.parts.clocks import Zone
from desktop.parts.dialogs import AskingDialog, show_words
from desktop.parts.labels import Words
from desktop.parts.lines import Line, Lines
from desktop.theme import Theme, rounded
from shared.protocol.planning import ScheduleForecast, ScheduleForecastReply

_FORECAST: Final = "forecast"
# Each reach with the width of one bar.
REACHES: Final = {
    "6h": (6 * words.HOUR_MS, 10 * words.MINUTE_MS),
    "24h": (24 * words.HOUR_MS, 30 * words.MINUTE_MS),
    "7d": (7 * words.DAY_MS, 6 * words.HOUR_MS),
}
_LEFT_PX: Final = 34
_FOOT_PX: Final = 18


class LoadDialog(AskingDialog):
    """The hours to come: bars of the runs that begin, the busiest minutes, and who waits."""

    task_opened = Signal(str)

    def __init__(
        self, theme: Theme, now: words.Clock, *, zone: Zone, parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, title="", second=zone.said, wide=760, parent=parent)
        self.setWindowTitle(self.tr("Coming up"))
        self.title.setText(self.windowTitle())
        self._now, self._zone = now, zone
        self._step_ms = REACHES["24h"][1]
        self.reach = Segmented(
            theme,
            (("6h", self.tr("6 hours")), ("24h", self.tr("24 hours")), ("7d", self.tr("7 days"))),
            name=self.tr("How far"),
        )
        self.reach.choose("24h")
        self.reach.chosen.connect(self.ask)
        self.headline = Words(theme, px=13, weight=600, wrap=True)
        top = QHBoxLayout()
        top.addWidget(self.headline, 1)
        top.addWidget(self.reach, 0, Qt.AlignmentFlag.AlignTop)
        self.bars = LoadBars(theme, zone)
        self.busiest = Lines(theme, name=self.tr("Busiest minutes"))
        self.waits = Lines(theme, name=self.tr("Waits for a slot"))
        self.waits.itemActivated.connect(self._open)
        lists = QHBoxLayout()
        lists.setSpacing(16)
        for title, lines in (
            (self.tr("Busiest minutes"), self.busiest),
            (self.tr("Waits for a slot"), self.waits),
        ):
            column = QVBoxLayout()
            column.setSpacing(6)
            column.addWidget(Words(theme, title, weight=600))
            column.addWidget(lines, 1)
            lists.addLayout(column, 1)
        self.body.addLayout(top)
        self.body.addWidget(self.bars)
        self.body.addLayout(lists, 1)
        self.leave.setDefault(True)
        self.reach.focus_chosen()

    def ask(self, reach: str = "24h") -> None:
        """How busy will it be for so long?"""
        span_ms, self._step_ms = REACHES[reach]
        for lines in (self.busiest, self.waits):
            lines.show_hint(self.tr("The agent is asked"))
        self.say("")
        now_ms = self._now()
        self.asked.emit(_FORECAST, ScheduleForecast(from_ms=now_ms, until_ms=now_ms + span_ms))

    def show_answer(self, key: str, reply: object) -> None:
        if isinstance(reply, ScheduleForecastReply):
            self._show_forecast(reply)

    def show_problem(self, key: str, text: str, path: str) -> None:
        self.say(text)
        for lines in (self.busiest, self.waits):
            lines.show_lines(())
            lines.show_hint(self.tr("Not known"))

    def _show_forecast(self, reply: ScheduleForecastReply) -> None:
        now_ms = self._now()
        begin = words.plural(reply.moments, self.tr("run begins"), self.tr("runs begin"))
        said = self.tr("{0}, at most {1} at once").format(begin, reply.peak)
        if reply.slots:
            slots = words.plural(reply.slots, self.tr("slot"), self.tr("slots"))
            said = self.tr("{0} where there are {1}").format(said, slots)
        if reply.full_steps:
            minutes = words.plural(reply.full_steps, self.tr("minute"), self.tr("minutes"))
            said = self.tr("{0}; no slot is free for {1}").format(said, minutes)
        show_words(self.headline, self.tr("{0}.").format(said))
        self.bars.show_load(reply, self._step_ms, now_ms)
        self.busiest.show_lines(
            [
                Line(
                    key=one.at_ms,
                    time=self._zone.clock(one.at_ms - one.at_ms % words.MINUTE_MS, now_ms),
                    text=self.tr("{0} at once, {1}").format(
                        one.running,
                        words.plural(one.starts, self.tr("begins"), self.tr("begin")),
                    ),
                )
                for one in reply.busiest
            ]
        )
        self.busiest.show_hint(self.tr("Nothing is due in this time"))
        self.waits.show_lines(
            [
                Line(
                    key=one.task_id,
                    time=self.tr("up to {0}").format(words.rough_span(one.longest_ms)),
                    icon="hourglass-medium-fill",
                    word=words.plural(one.count, self.tr("run"), self.tr("runs")),
                    family="warn",
                    text=one.task_id,
                )
                for one in reply.waits
            ]
        )
        self.waits.show_hint(self.tr("Every run finds a free slot"))

    def _open(self) -> None:
        item = self.waits.currentRow()
        lines = self.waits.lines()
        if 0 <= item < len(lines):
            self.accept()
            self.task_opened.emit(str(lines[item].key))


class LoadBars(QWidget):
    """A bar for each stretch of time: how many runs begin in it."""

    def __init__(self, theme: Theme, zone: Zone, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._zone = theme, zone
        self._from_ms, self._step_ms, self._now_ms = 0, 1, 0
        self.counts: tuple[int, ...] = ()
        self.peaks: tuple[int, ...] = ()
        self._slots = 0
        self.setFixedHeight(150)
        self.setMouseTracking(True)
        theme.changed.connect(self.update)

    def show_load(self, reply: ScheduleForecastReply, step_ms: int, now_ms: int) -> None:
        """What is reckoned, in bars of that width."""
        each = max(1, step_ms // reply.step_ms)
        self._from_ms, self._step_ms, self._now_ms = reply.from_ms, each * reply.step_ms, now_ms
        self._slots = reply.slots
        # A rest at the end that is no whole bar would look like a quiet time.
        places = range(0, max(len(reply.starts) - each + 1, 1), each)
        self.counts = tuple(sum(reply.starts[at : at + each]) for at in places)
        self.peaks = tuple(max(reply.running[at : at + each], default=0) for at in places)
        self.setAccessibleName(
            self.tr("Runs that begin, by {0}: {1}").format(
                words.round_span(self._step_ms), ", ".join(map(str, self.counts))
            )
        )
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        t, painter = self._theme.tokens, QPainter(self)
        base, top = self.height() - _FOOT_PX, max(self.counts, default=0)
        painter.setFont(self._theme.font(11))
        labels = sorted({0, top, (top + 1) // 2 if top > 1 else top})
        for value in labels:
            y = base - self._high(value)
            painter.fillRect(QRectF(_LEFT_PX, y, self.width() - _LEFT_PX, 1), QColor(t.grid))
            painter.setPen(QColor(t.text3))
            room = QRectF(0, y - 8, _LEFT_PX - 8, 16)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(room, right, words.count(value))
        for at, value in enumerate(self.counts):
            column, is_full = self._column(at), self._is_full(at)
            if value:
                box = QRectF(column.left(), base - self._high(value), column.width(), 0)
                box.setBottom(base)
                # What is planned is an outline; where no slot is left it is told by its colour too.
                family = t.warn if is_full else t.idle
                rounded(painter, box, 2, fill=family.tint, border=family.fill)
        painter.setPen(QColor(t.text3))
        if self.counts:
            last_ms = self._from_ms + len(self.counts) * self._step_ms
            zone = self._zone.tz or words.moment(self._from_ms, None).tzinfo
            if zone is not None:
                for at_s, said in time_ticks(self._from_ms, last_ms, zone, most=8):
                    share = (at_s * 1000 - self._from_ms) / (last_ms - self._from_ms)
                    x = _LEFT_PX + share * (self.width() - _LEFT_PX)
                    foot = QRectF(x - 30, base + 3, 60, _FOOT_PX - 3)
                    painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, said)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        for at, value in enumerate(self.counts):
            column = self._column(at).adjusted(-1, 0, 1, 0)
            if column.left() <= event.position().x() <= column.right():
                from_ms = self._from_ms + at * self._step_ms
                when = self._zone.clock(from_ms - from_ms % words.MINUTE_MS, self._now_ms)
                begin = words.plural(value, self.tr("run begins"), self.tr("runs begin"))
                said = self.tr("{0}: {1}, at most {2} at once").format(when, begin, self.peaks[at])
                QToolTip.showText(event.globalPosition().toPoint(), said, self)
                return
        QToolTip.hideText()

    def _is_full(self, at: int) -> bool:
        return 0 < self._slots <= self.peaks[at]

    def _high(self, value: int) -> float:
        top = max(self.counts, default=0)
        return 0.0 if not top else (self.height() - _FOOT_PX - 10) * value / top

    def _column(self, at: int) -> QRectF:
        pitch = (self.width() - _LEFT_PX) / max(1, len(self.counts))
        return QRectF(_LEFT_PX + at * pitch, 0, max(2.0, pitch - 2), self.height() - _FOOT_PX)
