"""The screen of the timeline: which stretch is shown, of which lanes, and what is said of it."""

from collections.abc import Iterable
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop import words
from desktop.freshness import Link
from desktop.models.timeline import Timeline
from desktop.parts.buttons import Button, Segmented
from desktop.parts.empty import Empty
from desktop.parts.fields import SearchField
from desktop.parts.labels import Elided, Ground, Words
from desktop.theme import Theme
from desktop.views.timeline.canvas import Canvas
from desktop.views.timeline.lanes import RANGES, USUAL, lanes, shows_counts, zoomed
from desktop.views.timeline.legend import Legend
from desktop.views.timeline.strip import Strip
from shared.protocol.rows import Task

MOST_RUNS: Final = 45_000
"""More runs than these are shown as counts of hours."""
LEAST_PX: Final = 480
WIDE_PX: Final = 1_100
"""A narrower page has no room for the meaning of its shapes; their words stand in the tips."""


class TimelinePage(Ground):
    """Draws what its timeline knows; which stretch of it is wanted, it says."""

    wanted = Signal()
    """Another stretch is looked at."""
    run_opened = Signal(str)
    task_opened = Signal(str)

    def __init__(
        self, timeline: Timeline, theme: Theme, now: words.Clock, parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, "chrome", parent=parent)
        self._timeline, self._now = timeline, now
        self.setMinimumWidth(LEAST_PX)
        self._times, self._agent_zone, self._as_of = words.TASK_TIMES, "UTC", ""
        self._link = Link()
        self._tasks: dict[str, Task] = {}
        self._folded: frozenset[str] = frozenset()
        self.reach = USUAL
        self.follows = True
        self.view = self.reach.at(now())
        self.earlier = Button(theme, icon="caret-left")
        self.earlier.setAccessibleName(self.tr("Earlier"))
        self.earlier.setToolTip(self.tr("Earlier (Shift+wheel)"))
        self.earlier.clicked.connect(lambda: self._pan(-0.5))
        self.later = Button(theme, icon="caret-right")
        self.later.setAccessibleName(self.tr("Later"))
        self.later.setToolTip(self.tr("Later (Shift+wheel)"))
        self.later.clicked.connect(lambda: self._pan(0.5))
        self.title = Elided(theme, px=13, weight=600)
        self.now_button = Button(theme, self.tr("Now"), icon="crosshair-simple")
        self.now_button.setToolTip(self.tr("Go to now, and along with it (N)"))
        self.now_button.setCheckable(True)
        self.now_button.clicked.connect(self.go_to_now)
        self.ranges = Segmented(
            theme,
            [(one.key, one.word.replace(" ", words.NO_BREAK)) for one in RANGES],
            name=self.tr("How long a stretch"),
        )
        self.ranges.chosen.connect(self.choose_range)
        self.field = SearchField(theme, self.tr("Filter lanes"), key="/")
        self.field.setMinimumWidth(130)
        self.field.setMaximumWidth(240)
        self.field.changed.connect(lambda _text: self._show_lanes())
        bar = Ground(theme, "chrome", lines="b")
        line = QHBoxLayout(bar)
        line.setContentsMargins(16, 10, 14, 10)
        line.setSpacing(8)
        line.addWidget(self.earlier)
        line.addWidget(self.later)
        line.addWidget(self.title, 3)
        line.addWidget(self.field, 1)
        line.addWidget(self.ranges)
        line.addWidget(self.now_button)
        self.hint = Words(theme, ink="warn.text", wrap=True)
        self._hint_ground = Ground(theme, "warn.tint", lines="b")
        over = QHBoxLayout(self._hint_ground)
        over.setContentsMargins(16, 6, 16, 6)
        over.addWidget(self.hint)
        self._hint_ground.hide()
        self.canvas = Canvas(timeline, theme, now)
        self.field.left.connect(self.canvas.setFocus)
        self.strip = Strip(timeline, theme, now)
        self.empty = Empty(theme)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self.canvas)
        self.said = Elided(theme, ink="text2")
        self.said.setContentsMargins(14, 4, 14, 4)
        self._legend = Legend(theme)
        foot = Ground(theme, "chrome", lines="t")
        below = QHBoxLayout(foot)
        below.setContentsMargins(0, 0, 14, 0)
        below.addWidget(self.said, 1)
        below.addWidget(self._legend)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget in (bar, self._hint_ground):
            layout.addWidget(widget)
        layout.addWidget(self._pages, 1)
        layout.addWidget(foot)
        layout.addWidget(self.strip)
        self.canvas.view_wanted.connect(self._want)
        self.canvas.zoom_wanted.connect(self._zoom)
        self.canvas.now_wanted.connect(self.go_to_now)
        self.canvas.group_pressed.connect(self._fold)
        self.canvas.run_opened.connect(self.run_opened)
        self.canvas.task_opened.connect(self.task_opened)
        self.canvas.chosen_changed.connect(self._say_chosen)
        self.strip.view_wanted.connect(self._want)
        self.choose_range(self.reach.key)

    # What it is told ---------------------------------------------------------------------

    def show_tasks(self, tasks: Iterable[Task]) -> None:
        """All tasks there are."""
        self._tasks = {task.id: task for task in tasks}
        if self.isVisible():
            self._show_lanes()

    def show_link(self, link: Link) -> None:
        """The link changed."""
        self._link = link
        self._show_lanes()

    def show_stale(self, as_of: str) -> None:
        """What is shown is of that time; empty text means it is live."""
        self._as_of = as_of
        self.canvas.show_stale(bool(as_of))
        self.strip.show_stale(bool(as_of))
        self._show_title()

    def set_times(self, times: str, zone: str) -> None:
        """In whose zone times are said; `zone` is the agent's own: all lanes have one axis."""
        self._times, self._agent_zone = times, zone
        tz = words.zone_for(times, zone)
        self.canvas.show_zone(tz)
        self.strip.show_zone(tz)
        self._show_title()

    def set_compact(self, is_compact: bool) -> None:
        """Lower lanes, or comfortable ones."""
        self.canvas.set_compact(is_compact)

    def show_hint(self, text: str) -> None:
        """Why something is not told; empty text when all is."""
        self.hint.setText(text)
        self._hint_ground.setVisible(bool(text))

    def renew(self, task_ids: frozenset[str]) -> None:
        """Runs of these tasks came or went on."""
        self.canvas.renew(task_ids)
        if self.isVisible():
            self._say_chosen()

    def refresh(self) -> None:
        """More is known: draw it."""
        self._show_view()
        self.canvas.renew()
        self.strip.update()
        self._say_chosen()

    def forget(self) -> None:
        """Another agent: nothing of the last one may stay."""
        self._tasks = {}
        self._folded = frozenset()
        self.show_hint("")
        self._show_lanes()
        self.go_to_now()

    def tick(self) -> None:
        """A second has passed."""
        if not self.isVisible():
            return
        if self.follows and self._has_moved():
            self.go_to_now()
        self.canvas.tick()
        self.strip.update()

    # What the user does ------------------------------------------------------------------

    def enter(self) -> None:
        """The screen comes into sight."""
        self._show_lanes()
        if self.follows:
            self.go_to_now()

    def choose_range(self, key: str) -> None:
        """Show so long a stretch: that at now, or around what is looked at."""
        middle = sum(self.view) // 2
        self.reach = next(one for one in RANGES if one.key == key)
        self.ranges.choose(key)
        if self.follows:
            self._show(self.reach.at(self._now()))
            return
        begin_ms = middle - self.reach.span_ms // 2
        self._show((begin_ms, begin_ms + self.reach.span_ms))

    def go_to_now(self) -> None:
        """Show what is now, and go along with it; a stretch that was zoomed keeps its length."""
        self.follows = True
        to_ms = self._now() + round(self._span_ms * self.reach.ahead)
        self._show((to_ms - self._span_ms, to_ms))

    def focus_filter(self) -> None:
        """Go to the filter field."""
        self.field.edit.setFocus()

    @property
    def task_ids(self) -> tuple[str, ...]:
        """All tasks, those of lanes that are hidden too."""
        return tuple(self._tasks)

    @property
    def shows_counts(self) -> bool:
        """Whether hours are drawn instead of runs."""
        return shows_counts(self.view, self._timeline.totals, MOST_RUNS)

    # Inside ------------------------------------------------------------------------------

    @property
    def _span_ms(self) -> int:
        return self.view[1] - self.view[0]

    def _want(self, view: tuple[int, int]) -> None:
        """Somebody moved it: it no longer goes along with now."""
        self.follows = False
        self._show(view)

    def _zoom(self, factor: float, around_ms: int) -> None:
        view = zoomed(self.view, factor, around_ms)
        self.follows = self.follows and view[0] <= self._now() <= view[1]
        self._show(view)

    def _pan(self, share: float) -> None:
        by_ms = round(self._span_ms * share)
        self._want((self.view[0] + by_ms, self.view[1] + by_ms))

    def _has_moved(self) -> bool:
        """Whether now has gone on by as much as can be seen."""
        axis = self.canvas.axis
        to_ms = self._now() + round(axis.span_ms * self.reach.ahead)
        return abs(to_ms - self.view[1]) * axis.wide >= axis.span_ms

    def _show(self, view: tuple[int, int]) -> None:
        is_other = view != self.view
        self.view = view
        self._show_view()
        if is_other:
            self.wanted.emit()

    def _show_view(self) -> None:
        self.canvas.show_view(self.view, counts=self.shows_counts)
        self.strip.show_view(self.view, self.canvas.scene.names_px)
        self.now_button.setChecked(self.follows)
        self._show_title()

    def _show_title(self) -> None:
        tz = words.zone_for(self._times, self._agent_zone)
        first, last = (words.moment(at_ms, tz) for at_ms in self.view)
        day = f"{words.day_name(first)} {first.day} {words.month_name(first)}"
        said = self.tr("{0}, {1} to {2}").format(
            day, first.strftime("%H:%M"), last.strftime("%H:%M")
        )
        if first.date() != last.date():
            other = f"{words.day_name(last)} {last.day} {words.month_name(last)}"
            said = self.tr("{0} {1} to {2} {3}").format(
                day, first.strftime("%H:%M"), other, last.strftime("%H:%M")
            )
        if self.shows_counts:
            said = self.tr("{0}, runs per hour").format(said)
        planned_ms = self._timeline.planned_until_ms
        if planned_ms is not None and planned_ms < self.view[1] and not self.shows_counts:
            until = words.clock(planned_ms, tz, self._now())
            said = self.tr("{0}, planned until {1}").format(said, until)
        if self._as_of:
            said = self.tr("{0}, as of {1}").format(said, self._as_of)
        self.title.setText(said)

    def _show_lanes(self) -> None:
        wanted = self.field.text()
        shown = lanes(self._tasks.values(), folded=self._folded, wanted=wanted)
        self.canvas.show_lanes(shown, self._tasks)
        self._pages.setCurrentWidget(self.canvas if shown else self.empty)
        if not self._link.was_heard:
            hint = self.tr("The runs of all tasks stand here as soon as the agent is heard.")
            self.empty.show_why("question", self.tr("Nothing is known yet"), hint)
        elif self._tasks:
            hint = self.tr("Clear the filter to see all {0}.").format(words.count(len(self._tasks)))
            self.empty.show_why("magnifying-glass", self.tr("No lane matches"), hint)
        else:
            hint = self.tr("“smartcron-agent tasks apply” or “import” registers some.")
            self.empty.show_why("rows", self.tr("There is no task yet"), hint)
        self._say_chosen()

    def _fold(self, category: str) -> None:
        self._folded = self._folded ^ {category}
        self._show_lanes()

    def _say_chosen(self) -> None:
        self.said.setText(self.canvas.scene.sentence())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._legend.setVisible(self.width() >= WIDE_PX)
        self.strip.show_view(self.view, self.canvas.scene.names_px)
