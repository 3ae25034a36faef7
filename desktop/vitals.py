"""When is the agent asked for what the health page shows, and what becomes of the answers?"""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from desktop import words
from desktop.freshness import Link
from desktop.models.health import HealthModel
from desktop.views.health.course import answers, questions
from desktop.views.health.page import HealthPage
from shared.protocol.health import HealthGet, HealthReply
from shared.protocol.requests import MetricsPage, MetricsPageReply
from shared.protocol.rows import Check

DETAILS_MS: Final = 10_000
"""The agent itself looks as often."""
PATIENCE_MS: Final = 60_000
"""Whoever refuses is not asked as often."""
QUIET_MS: Final = 120


class Vitals(QObject):
    """Asks only while the page is in sight, and the agent is heard."""

    asked = Signal(object, object, object)
    """A request, who takes its reply, and who takes the sentence and the path of a refusal."""

    def __init__(
        self, page: HealthPage, model: HealthModel, now: words.Clock, over: QWidget
    ) -> None:
        super().__init__(over)
        self._page, self._model, self._now = page, model, now
        self._link = Link()
        self._is_shown = False
        self._agent = 0
        """Counts the agents, so that no answer of the last one is taken for one of this."""
        self._refused: dict[str, str] = {}
        self._newest: object = None
        self._details = QTimer(self, interval=DETAILS_MS)
        self._details.timeout.connect(self._ask_details)
        self._readings = QTimer(self)
        self._readings.timeout.connect(self._ask_readings)
        # Readings are asked for once the keyboard has come to rest on a check.
        self._soon = QTimer(self, interval=QUIET_MS, singleShot=True)
        self._soon.timeout.connect(self._begin_readings)
        page.wanted.connect(self._soon.start)

    # What the window tells ---------------------------------------------------------------

    def show_link(self, link: Link, *, may: bool, why_not: str) -> None:
        """The link changed; to look needs no role."""
        had, self._link = self._link, link
        self._page.show_link(link)
        if link.is_live and not had.is_live:
            # It may be another version of the agent that answers now.
            self._refused.clear()
            self._show_refusals()
        if link.is_live != had.is_live:
            self._set_timers()

    def show_rows(self, rows: Sequence[Check], gone: Sequence[str]) -> None:
        """Checks came, changed, or are no more."""
        before = self._page.series
        self._model.show_rows(rows, gone)
        if self._is_shown and self._page.series != before:
            self._soon.start()

    def forget(self) -> None:
        """Another agent."""
        self._agent += 1
        self._newest = None
        self._refused.clear()
        self._model.clear()
        self._page.forget()

    def show_screen(self, is_ours: bool) -> None:
        """The page is in sight now, or not."""
        had, self._is_shown = self._is_shown, is_ours
        if is_ours != had:
            self._set_timers()

    def refresh(self) -> None:
        """Ask for everything that is in sight anew."""
        self._refused.clear()
        self._show_refusals()
        self._set_timers()

    # What is asked -----------------------------------------------------------------------

    @property
    def _may_ask(self) -> bool:
        return self._is_shown and self._link.is_live

    def _set_timers(self) -> None:
        if not self._may_ask:
            for timer in (self._details, self._readings, self._soon):
                timer.stop()
            return
        self._page.refresh()
        self._ask_details()
        self._begin_readings()

    def _ask_details(self) -> None:
        if not self._may_ask:
            return
        agent = self._agent
        self._details.start(PATIENCE_MS if "details" in self._refused else DETAILS_MS)

        def show(reply: HealthReply) -> None:
            if agent != self._agent:
                return
            before = self._page.series
            self._take_back("details")
            self._model.show_details(reply.checks)
            self._page.show_told(reply.lines)
            if self._page.series != before:
                self._soon.start()

        def failed(text: str, _path: str) -> None:
            if agent == self._agent:
                self._refuse(
                    "details",
                    self.tr("Limits, last looks and the text are missing. {0}").format(text),
                )
                self._details.setInterval(PATIENCE_MS)

        self.asked.emit(HealthGet(), show, failed)

    def _begin_readings(self) -> None:
        if self._may_ask:
            self._ask_readings()

    def _ask_readings(self) -> None:
        courses, reach = self._page.series, self._page.reach
        if not self._may_ask or not courses:
            return
        self._readings.start(reach.again_ms)
        self._newest = batch = object()
        for request in questions([one.name for one in courses], reach, self._now()):
            self._ask_page(request, batch)
        if reach.hides_peaks:
            rising = [one.name for one in courses if not one.falls]
            falling = [one.name for one in courses if one.falls]
            worst = questions(rising, reach, self._now(), "highest")
            for request in (*worst, *questions(falling, reach, self._now(), "lowest")):
                self._ask_worst(request, batch)

    def _ask_page(self, request: MetricsPage, batch: object) -> None:
        def show(reply: MetricsPageReply) -> None:
            if self._is_wanted(request, batch):
                self._take_back("readings")
                span = (request.from_ms, request.to_ms)
                self._page.show_points(answers(request, reply), span)

        def failed(text: str, _path: str) -> None:
            if self._is_wanted(request, batch):
                self._refuse("readings", self.tr("Readings are missing. {0}").format(text))

        self.asked.emit(request, show, failed)

    def _ask_worst(self, request: MetricsPage, batch: object) -> None:
        def show(reply: MetricsPageReply) -> None:
            if self._is_wanted(request, batch):
                self._page.show_worst(answers(request, reply))

        # An older agent knows means alone; the curve says enough without the rest.
        self.asked.emit(request, show, _unsaid)

    def _is_wanted(self, request: MetricsPage, batch: object) -> bool:
        """No other range, check or agent was chosen meanwhile."""
        reach = self._page.reach
        return batch is self._newest and request.to_ms - request.from_ms == reach.span_ms

    def _refuse(self, what: str, text: str) -> None:
        self._refused[what] = text
        self._show_refusals()

    def _take_back(self, what: str) -> None:
        if self._refused.pop(what, None) is not None:
            self._show_refusals()

    def _show_refusals(self) -> None:
        self._page.show_hint("  ".join(self._refused.values()))


def _unsaid(_text: str, _path: str) -> None:
    """What is missing is not missed."""
