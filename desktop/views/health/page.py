"""The page of the system's health: its checks, its charts, and the same as text."""

from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from desktop import words
from desktop.freshness import NEVER, Link
from desktop.models.health import OWN, WORDLESS, HealthModel
from desktop.parts.buttons import Segmented
from desktop.parts.empty import Empty
from desktop.parts.labels import Elided, Ground, IconLabel, Words
from desktop.parts.tabs import Tabs
from desktop.theme import Theme
from desktop.views.health.course import (
    MOST_DRAWN,
    NARROWEST,
    RANGES,
    USUAL,
    Course,
    Points,
    Range,
    course_of,
    courses,
    drawn_span,
)
from desktop.views.health.gallery import Gallery
from desktop.views.health.lines import Lines
from desktop.views.health.panel import CheckPanel
from desktop.views.health.table import CheckTable

CHECKS, CHARTS, TEXT = range(3)
TABS_PX: Final = 44
PANEL_PX: Final = 208
LEAST_PX: Final = 480


class HealthPage(Ground):
    """Draws what it is told; which readings it wants is known by `series`."""

    wanted = Signal()
    """Other readings than before: another range, another check."""

    def __init__(
        self, model: HealthModel, theme: Theme, now: words.Clock, parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, "window", parent=parent)
        self._model, self._now = model, now
        self.setMinimumWidth(LEAST_PX)
        self._times, self._zone, self._as_of = words.TASK_TIMES, "UTC", ""
        self._link = Link()
        self.reach: Range = USUAL
        self._is_range_asked_for = False
        self._points: dict[str, Points] = {}
        self._worst: dict[str, Points] = {}
        self._span = (0, self.reach.span_ms)
        self.tabs = Tabs(
            theme, (self.tr("Checks"), self.tr("Charts"), self.tr("As text")), height=TABS_PX
        )
        self.tabs.chosen.connect(self._choose_tab)
        self._sum_icon = IconLabel(theme, "question-bold", ink="text3", px=15)
        self.summary = Elided(theme, ink="text2")
        self.summary.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.ranges = Segmented(
            theme, [(one.key, one.said) for one in RANGES], name=self.tr("How far back")
        )
        self.ranges.choose(self.reach.key)
        self.ranges.chosen.connect(self._ask_for_range)
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(12, 0, 0, 0)
        line.setSpacing(6)
        line.addWidget(self.summary, 1)
        line.addWidget(self._sum_icon)
        line.addSpacing(10)
        line.addWidget(self.ranges)
        self.tabs.add_right(holder, 20)
        self.hint = Words(theme, ink="warn.text", wrap=True)
        self.hint.setContentsMargins(16, 6, 16, 6)
        self._hint_ground = Ground(theme, "warn.tint", lines="b")
        over = QHBoxLayout(self._hint_ground)
        over.setContentsMargins(0, 0, 0, 0)
        over.addWidget(self.hint)
        self._hint_ground.hide()
        self.table = CheckTable(model, theme)
        self.panel = CheckPanel(model, theme, now)
        self.gallery = Gallery(model, theme)
        self.lines = Lines(theme)
        self._split = QSplitter(Qt.Orientation.Vertical)
        self._split.setHandleWidth(1)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self.table)
        self._split.addWidget(self.panel)
        self._split.setStretchFactor(0, 3)
        self._split.setStretchFactor(1, 1)
        self._split.setSizes([600, PANEL_PX])
        self.empty = Empty(theme)
        self._checks = QStackedWidget()
        self._checks.addWidget(self.empty)
        self._checks.addWidget(self._split)
        self._pages = QStackedWidget()
        for page in (self._checks, self.gallery, self.lines):
            self._pages.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.tabs)
        layout.addWidget(self._hint_ground)
        layout.addWidget(self._pages, 1)
        self.table.check_chosen.connect(self._choose_check)
        model.changed.connect(self.refresh)
        self.show_told(None)
        self.refresh()

    # What it is told ---------------------------------------------------------------------

    def show_link(self, link: Link) -> None:
        """The link changed."""
        self._link = link
        self.refresh()

    def show_stale(self, as_of: str) -> None:
        """What is shown is of that time; empty text means it is live."""
        self._as_of = as_of
        self.table.show_stale(bool(as_of))
        self.refresh()

    def set_times(self, times: str, zone: str) -> None:
        """In whose zone times are said; `zone` is the agent's own."""
        self._times, self._zone = times, zone
        self._model.set_times(times, zone)
        self.refresh()

    def show_points(self, points: Mapping[str, Points], span: tuple[int, int]) -> None:
        """Newer readings of some series; the others stay until theirs come."""
        self._span = span
        self._points.update(points)
        if not self._is_range_asked_for and self.reach is USUAL and self._fits_narrowest(points):
            self.choose_range(NARROWEST.key)
            return
        self.refresh()

    def show_worst(self, points: Mapping[str, Points]) -> None:
        """The worst reading of each step of some series."""
        self._worst.update(points)
        self.refresh()

    def show_told(self, lines: Sequence[str] | None) -> None:
        """The lines of the command; None: the agent has not told them."""
        self.lines.show_lines(lines or ())
        self.lines.show_note(
            self.tr("As “smartcron-agent health” prints them, by the agent's own looks")
            if lines
            else self.tr("The agent has not told these lines yet")
        )

    def show_hint(self, text: str) -> None:
        """Why something is not told; empty text when all is."""
        self.hint.setText(text)
        self.hint.setVisible(bool(text))
        self._hint_ground.setVisible(bool(text))

    def forget(self) -> None:
        """Another agent: nothing of the last one may stay."""
        self._points.clear()
        self._worst.clear()
        if not self._is_range_asked_for:
            self.reach = USUAL
            self.ranges.choose(self.reach.key)
        self.show_told(None)
        self.show_hint("")
        self.refresh()

    def tick(self) -> None:
        """A second has passed."""
        if self.isVisible():
            self._model.tick()
            self._show_summary()
            self._show_chosen()

    # What it wants -----------------------------------------------------------------------

    @property
    def series(self) -> list[Course]:
        """What is drawn of all that is in sight."""
        if self.tab == CHARTS:
            return courses(self._model.checks())[:MOST_DRAWN]
        chosen = self.chosen_course
        return [chosen] if self.tab == CHECKS and chosen is not None else []

    @property
    def tab(self) -> int:
        """The tab we are on."""
        return self._pages.currentIndex()

    @property
    def chosen_course(self) -> Course | None:
        """What is drawn of the chosen check: the figure that counts."""
        one = self.table.chosen
        if one is None or not one.series or one.unit in WORDLESS:
            return None
        return course_of(one, one.series[0])

    def open_worst(self, kind: str) -> None:
        """Show the checks, and of those of this kind the one that is worst."""
        self.tabs.choose(CHECKS)
        ours = [one for one in self._model.checks() if one.id.partition(":")[0] == kind]
        if ours:
            self.table.choose(ours[0].id)
            self.table.scrollTo(self.table.currentIndex())
            self.table.setFocus()

    def choose_range(self, key: str) -> None:
        """Reach back so far."""
        self.reach = next(one for one in RANGES if one.key == key)
        self.ranges.choose(key)
        self._points.clear()
        self._worst.clear()
        self._span = self.reach.until(self._now())
        self.refresh()
        self.wanted.emit()

    @property
    def entrance(self) -> QWidget:
        """Where the keyboard enters: what the tab is about."""
        return {CHECKS: self.table, CHARTS: self.gallery.entrance, TEXT: self.lines.text}[self.tab]

    # Showing -----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Draw what is in sight anew."""
        self._show_emptiness()
        self._show_summary()
        if not self.isVisible():
            return
        if self.tab == CHARTS:
            self.gallery.show_courses(courses(self._model.checks()))
            self.gallery.show_points(
                self._points,
                self._worst,
                self.reach,
                drawn_span(self._span, self._points.values()),
                times=self._times,
                zone=self._zone,
                stale=bool(self._as_of),
            )
        else:
            self._show_chosen()
            self._show_chart()

    def _ask_for_range(self, key: str) -> None:
        self._is_range_asked_for = True
        self.choose_range(key)

    def _fits_narrowest(self, points: Mapping[str, Points]) -> bool:
        """Whether the agent has kept nothing from before; an own check may be new by itself."""
        first = [told[0][0] for name, told in points.items() if told and not name.startswith(OWN)]
        return bool(first) and min(first) >= NARROWEST.until(self._now())[0]

    def _choose_tab(self, place: int) -> None:
        self._pages.setCurrentIndex(place)
        self.ranges.setVisible(place != TEXT)
        self.refresh()
        self.wanted.emit()

    def _choose_check(self, _check_id: str) -> None:
        self._show_chosen()
        self._show_chart()
        self.wanted.emit()

    def _show_chosen(self) -> None:
        self.panel.show_check(self.table.chosen, stale=bool(self._as_of))

    def _show_chart(self) -> None:
        course = self.chosen_course
        points = None if course is None else self._points.get(course.name)
        span = drawn_span(self._span, () if points is None else (points,))
        said = self.tr("Last {0}").format(self.reach.said)
        if points and span != self._span:
            zone = words.zone_for(self._times, self._zone)
            since = words.clock(points[0][0], zone, self._now())
            said = self.tr("{0}, kept since {1}").format(said, since)
        if course is not None and self.reach.hides_peaks:
            peak = self.tr("lowest") if course.falls else self.tr("highest")
            said = self.tr("{0}, dotted the {1} of each step").format(said, peak)
        self.panel.head.setText("" if course is None else said)
        self.panel.chart.show_course(
            course,
            points,
            worst=() if course is None else self._worst.get(course.name, ()),
            span=span,
            step_ms=self.reach.step_ms,
            times=self._times,
            zone=self._zone,
            stale=bool(self._as_of),
        )

    def _show_emptiness(self) -> None:
        has_any = bool(self._model.checks())
        self._checks.setCurrentWidget(self._split if has_any else self.empty)
        if not self._link.was_heard:
            icon, title = "question", self.tr("Nothing is known yet")
            text = self.tr("The checks of the server stand here as soon as its agent is heard.")
            if self._link.state == NEVER and not self._link.name:
                text = self.tr("No agent is chosen. Ctrl+O shows the connections.")
        else:
            icon, title = "heartbeat", self.tr("No check was done yet")
            text = self.tr("An agent looks for the first time a second after its start.")
        for empty in (self.empty, self.gallery.empty):
            empty.show_why(icon, title, text)

    def _show_summary(self) -> None:
        counts, total = self._model.counts(), len(self._model.checks())
        said = []
        for state, word in (
            ("crit", self.tr("{0} critical")),
            ("warn", self.tr("{0} to watch")),
            ("unknown", self.tr("{0} not known")),
            ("late", self.tr("{0} looked at too late")),
        ):
            if counts[state] and not (state == "late" and self._as_of):
                said.append(word.format(counts[state]))
        text = ", ".join(said) or (
            self.tr("All {0} checks are fine").format(total) if total else ""
        )
        icon, family = "check-bold", "ok"
        if counts["crit"]:
            icon, family = "warning-fill", "bad"
        elif counts["warn"] or counts["late"]:
            icon, family = "eye-fill", "warn"
        elif counts["unknown"] or not total:
            icon, family = "question-bold", "idle"
        if self._as_of:
            text = self.tr("{0}, as of {1}").format(text, self._as_of) if text else ""
            family = "idle"
        self.summary.setText(text)
        self.summary.set_ink(f"{family}.text" if family in ("bad", "warn") else "text2")
        self._sum_icon.show_icon(icon, f"{family}.text")
        self._sum_icon.setVisible(total > 0)
