"""When is the agent asked for what the timeline shows, and what becomes of the answers?"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from desktop import words
from desktop.freshness import Link
from desktop.models.timeline import Timeline
from desktop.views.timeline.page import MOST_RUNS, TimelinePage
from desktop.views.timeline.strip import reach
from shared.protocol.planning import (
    Coming,
    ScheduleForecast,
    ScheduleForecastReply,
    ScheduleNext,
    ScheduleNextReply,
)
from shared.protocol.requests import Request
from shared.protocol.rows import Run
from shared.protocol.timeline import (
    TimelineHours,
    TimelineHoursReply,
    TimelineRuns,
    TimelineRunsReply,
)

QUIET_MS: Final = 150
AGAIN_MS: Final = 30_000
PAGE: Final = 1_000
AHEAD: Final = 8
MOST_PLANNED: Final = 3_000
MOST_KEPT: Final = 2 * MOST_RUNS
OVERLAP_MS: Final = words.MINUTE_MS
"""What was told of the last minute before a look is asked once more with the next."""
DENSE: Final = 8
"""A task that fills more than this part of a page is not followed further ahead."""
MOST_IDS: Final = 500


def sparse(rows: Iterable[Coming], task_ids: Sequence[str]) -> tuple[str, ...]:
    """Those of the tasks that may be followed further: a frequent one must not hide the others."""
    counts = Counter(one.task_id for one in rows)
    rest = tuple(task_id for task_id in task_ids if counts[task_id] <= PAGE // DENSE)
    return rest if len(rest) <= MOST_IDS or len(rest) == len(task_ids) else ()


class Lanes(QObject):
    """Asks only while the page is in sight, one page after the other, newest first."""

    asked = Signal(object, object, object)
    """A request, who takes its reply, and who takes the sentence and the path of a refusal."""

    def __init__(
        self, page: TimelinePage, timeline: Timeline, now: words.Clock, over: QWidget
    ) -> None:
        super().__init__(over)
        self._page, self._timeline, self._now = page, timeline, now
        self._link = Link()
        self._is_shown = False
        self._agent = 0
        """Counts the agents, so that no answer of the last one is taken for one of this."""
        self._awaited: set[str] = set()
        self._refused: dict[str, str] = {}
        self._told_totals: tuple[int, int] | None = None
        self._coming: dict[tuple[str, int], Coming] = {}
        self._cut_ms: int | None = None
        self._planned_to_ms = 0
        self._looked_ms = 0
        """What came later is heard, and asked for with the next look."""
        self._soon = QTimer(self, interval=QUIET_MS, singleShot=True)
        self._soon.timeout.connect(self._ask)
        self._again = QTimer(self, interval=AGAIN_MS)
        self._again.timeout.connect(self._look_again)
        page.wanted.connect(self._want)

    # What the window tells ---------------------------------------------------------------

    def show_link(self, link: Link, *, may: bool, why_not: str) -> None:
        """The link changed; to look needs no role."""
        had, self._link = self._link, link
        self._page.show_link(link)
        if link.is_live and not had.is_live:
            # Runs went by unheard, and it may be another version of the agent that answers now.
            self._awaited.clear()
            self.refresh()
        if link.is_live != had.is_live:
            self._set_timers()

    def show_runs(self, runs: Sequence[Run]) -> None:
        """Rows of runs, as they come by themselves, whether anybody looks or not."""
        self._timeline.show_runs(runs)
        if self._timeline.count > MOST_KEPT:
            # Days in which nobody looks must not fill the memory.
            first, last = self._page.view
            if not self._is_shown or self._page.shows_counts or self._is_too_much(first, last):
                first, last = self._now() - words.HOUR_MS, self._now() + words.HOUR_MS
            self._timeline.keep_only(first, last)
        self._page.renew(frozenset(run.task_id for run in runs))

    def _is_too_much(self, first: int, last: int) -> bool:
        return self._timeline.count_within(first, last) > MOST_RUNS

    def show_screen(self, is_ours: bool) -> None:
        """The page is in sight now, or not."""
        had, self._is_shown = self._is_shown, is_ours
        if is_ours and not had:
            self._page.enter()
            self._look_again()
        self._set_timers()

    def forget(self) -> None:
        """Another agent."""
        self._agent += 1
        self._awaited.clear()
        self._refused.clear()
        self._told_totals = None
        self._timeline.forget()
        self._page.forget()

    def refresh(self) -> None:
        """Ask for everything that is in sight anew."""
        self._timeline.doubt()
        self._told_totals = None
        self._page.show_hint("")
        self._look_again()

    # What is asked -----------------------------------------------------------------------

    @property
    def _may_ask(self) -> bool:
        return self._is_shown and self._link.is_live

    def _set_timers(self) -> None:
        if self._may_ask:
            self._again.start()
        else:
            self._again.stop()
            self._soon.stop()

    def _want(self) -> None:
        if self._refused.pop("runs", None) is not None:
            self._show_refusals()  # another stretch may be told
        if self._may_ask:
            self._soon.start()

    def _look_again(self) -> None:
        """What came meanwhile without being heard, and what is planned by now."""
        if not self._may_ask:
            return
        self._refused.clear()
        self._timeline.doubt_since(self._looked_ms - OVERLAP_MS)
        self._looked_ms = self._now()
        self._ask_totals()
        self._ask_planned()
        self._ask_forecast()
        self._ask()

    def _ask(self) -> None:
        """The next page of what is missing in sight; its answer asks for the one after it."""
        if not self._may_ask:
            return
        first, last = self._page.view
        told = self._told_totals
        if told is None or first < told[0]:
            self._ask_totals()
        if "totals" in self._awaited:
            return  # by what it tells is decided whether runs or hours are drawn
        if self._planned_to_ms < last:
            self._ask_planned()
        stretch = self._timeline.missing(
            first, min(last, self._looked_ms), of_hours=self._page.shows_counts
        )
        if stretch is None:
            return
        if self._page.shows_counts:
            self._ask_hours(*stretch)
        else:
            self._ask_runs(*stretch)

    def _ask_totals(self) -> None:
        first, last = reach(self._page.view, self._now())

        def show(reply: TimelineHoursReply) -> None:
            self._told_totals = (first, last)
            self._timeline.show_totals(reply.hours)
            self._timeline.gaps = reply.gaps
            self._timeline.show_closed(reply.closed, reply.obeying)
            self._page.refresh()
            self._ask()

        self._put("totals", TimelineHours(from_ms=first, to_ms=last), show)

    def _ask_hours(self, from_ms: int, to_ms: int) -> None:
        def show(reply: TimelineHoursReply) -> None:
            self._timeline.show_hours(reply.hours, (min(reply.since_ms, to_ms - 1), to_ms))
            self._page.refresh()
            self._ask()

        self._put("runs", TimelineHours(from_ms=from_ms, to_ms=to_ms, by_task=True), show)

    def _ask_runs(self, from_ms: int, to_ms: int, cursor: str | None = None) -> None:
        first, last = self._page.view
        if self._timeline.count > MOST_RUNS:
            self._timeline.keep_only(first, last)
        if self._timeline.count > MOST_RUNS:
            self._refuse("runs", self.tr("There are more runs than can be drawn. Zoom in."))
            return

        def show(reply: TimelineRunsReply) -> None:
            self._timeline.show_spans(reply.spans, (max(from_ms, reply.since_ms), to_ms))
            self._page.refresh()
            if reply.next is not None and self._page.view == (first, last):
                self._ask_runs(from_ms, to_ms, reply.next)
            else:
                self._ask()

        request = TimelineRuns(from_ms=from_ms, to_ms=to_ms, cursor=cursor, limit=PAGE)
        self._put("runs", request, show)

    def _ask_planned(self, after_ms: int | None = None, ids: tuple[str, ...] = ()) -> None:
        now_ms, (first, last) = self._now(), self._page.view
        if last <= now_ms or self._page.shows_counts:
            return
        if "planned" in self._awaited:
            return  # its pages are put together first; then what is in sight by then is asked for
        # The stretch goes along with now: not each of its steps is a question.
        last += (last - first) // AHEAD
        if after_ms is None:
            self._coming, self._cut_ms = {}, None

        def show(reply: ScheduleNextReply) -> None:
            self._coming |= {(one.task_id, one.at_ms): one for one in reply.rows}
            self._planned_to_ms = last
            if reply.more and reply.rows:
                until_ms, known = reply.rows[-1].at_ms, ids or self._page.task_ids
                rest = sparse(reply.rows, known)
                has_room = len(self._coming) < MOST_PLANNED
                if self._cut_ms is None and (len(rest) < len(known) or not has_room):
                    self._cut_ms = until_ms
                if rest and has_room:
                    # Others may be due at that very moment too, unless the whole page is.
                    since_ms = until_ms - (reply.rows[0].at_ms < until_ms)
                    self._ask_planned(since_ms, () if len(rest) == len(known) else rest)
                    return
            self._timeline.show_planned(self._coming.values(), self._cut_ms)
            self._page.refresh()
            if last < self._page.view[1]:
                self._ask_planned()

        request = ScheduleNext(ids=ids, from_ms=after_ms or now_ms, until_ms=last, count=PAGE)
        self._put("planned", request, show)

    def _ask_forecast(self) -> None:
        now_ms = self._now()

        def show(reply: ScheduleForecastReply) -> None:
            starts: dict[int, int] = {}
            for place, count in enumerate(reply.starts):
                at_ms = reply.from_ms + place * reply.step_ms
                hour_ms = at_ms - at_ms % words.HOUR_MS
                starts[hour_ms] = starts.get(hour_ms, 0) + count
            self._timeline.starts = starts
            self._page.refresh()

        request = ScheduleForecast(from_ms=now_ms, until_ms=now_ms + words.DAY_MS)
        self._put("forecast", request, show)

    def _put(self, what: str, request: Request, show: object) -> None:
        """Ask, unless an answer of the same kind is on its way."""
        if what in self._awaited or what in self._refused:
            return
        agent = self._agent
        self._awaited.add(what)

        def answered(reply: object) -> None:
            if agent == self._agent:
                self._awaited.discard(what)
                self._refused.pop(what, None)
                self._show_refusals()
                show(reply)  # type: ignore[operator]

        def failed(text: str, _path: str) -> None:
            if agent == self._agent:
                self._awaited.discard(what)
                self._refuse(what, self.tr("Something is missing here. {0}").format(text))

        self.asked.emit(request, answered, failed)

    def _refuse(self, what: str, text: str) -> None:
        self._refused[what] = text
        self._show_refusals()

    def _show_refusals(self) -> None:
        self._page.show_hint("  ".join(dict.fromkeys(self._refused.values())))
