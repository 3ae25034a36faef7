"""All charts, group after group, as many side by side as there is room for."""

from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop import words
from desktop.models.health import HealthModel, limit_words
from desktop.parts.empty import Empty
from desktop.parts.labels import Card, Elided, Ground, IconLabel, Words
from desktop.states import check_look
from desktop.theme import Theme
from desktop.views.health.chart import ReadingChart
from desktop.views.health.course import GROUPS, MOST_DRAWN, Course, Points, Range
from shared.protocol.health import CheckDetail

CHART_PX: Final = 116
CARD_PX: Final = 400
"""About as wide is a card; the rest is shared."""
MOST_COLUMNS: Final = 4


class ChartCard(Card):
    """One series: its newest reading, its course, and what there is to say of it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.title = Elided(theme, px=13, weight=600, middle=True)
        self._icon = IconLabel(theme, "check-bold", ink="ok.text", px=14)
        self._state = Words(theme, weight=500)
        self.figure = Words(theme, px=16, weight=600)
        self.pointed = Words(theme, ink="text2")
        self.foot = Elided(theme, ink="text2")
        self.chart = ReadingChart(theme, height=CHART_PX)
        self.chart.pointed.connect(self.pointed.setText)
        head = QHBoxLayout()
        head.setSpacing(5)
        head.addWidget(self.title, 1)
        head.addWidget(self._icon)
        head.addWidget(self._state)
        line = QHBoxLayout()
        line.addWidget(self.figure)
        line.addStretch(1)
        line.addWidget(self.pointed, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 12, 10)
        layout.setSpacing(4)
        layout.addLayout(head)
        layout.addLayout(line)
        layout.addWidget(self.chart, 1)
        layout.addWidget(self.foot)

    def show_check(
        self, course: Course, one: CheckDetail | None, foot: str, *, stale: bool
    ) -> None:
        """How the check stands that this series is of."""
        self.title.setText(course.title)
        self.foot.setText(foot)
        counts = one is not None and course.name == one.id
        look = check_look("unknown" if one is None else one.state)
        family = "idle" if stale else look.family
        for widget in (self._icon, self._state):
            widget.setVisible(counts)
        self._icon.show_icon(look.icon, f"{family}.text")
        self._state.setText(look.said)
        self._state.set_ink(f"{family}.text")
        value = one.value if one is not None and counts else None
        points = self.chart.points
        if value is None and points:
            value = points[-1][1]
        self.figure.setText(words.reading(value, course.unit) or "\N{EN DASH}")
        self.figure.set_ink("text2" if stale else "text")


class Gallery(QStackedWidget):
    """The charts, or why there are none."""

    def __init__(self, model: HealthModel, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model, self._theme = model, theme
        self._cards: dict[str, ChartCard] = {}
        self._heads: dict[str, Words] = {}
        self._courses: list[Course] = []
        self._columns = 0
        self._rest = Words(theme, ink="text3", wrap=True)
        self.empty = Empty(theme)
        self._page = Ground(theme, "window")
        self._grid = QGridLayout(self._page)
        self._grid.setContentsMargins(16, 12, 16, 16)
        self._grid.setSpacing(12)
        self.area = QScrollArea()
        self.area.setWidget(self._page)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setAccessibleName(self.tr("Charts"))
        self.setAccessibleName(self.tr("Charts"))
        self.addWidget(self.empty)
        self.addWidget(self.area)

    @property
    def cards(self) -> Mapping[str, ChartCard]:
        """The cards by the name of their series."""
        return self._cards

    def show_courses(self, courses: Sequence[Course]) -> None:
        """These series; the card of one that was there already is kept."""
        self._rest.setText(
            self.tr("{0} more figures are kept; these are the first {1}.").format(
                len(courses) - MOST_DRAWN, MOST_DRAWN
            )
            if len(courses) > MOST_DRAWN
            else ""
        )
        courses = courses[:MOST_DRAWN]
        names = [course.name for course in courses]
        same = names == [course.name for course in self._courses]
        self._courses = list(courses)
        if not same:
            for name in self._cards.keys() - set(names):
                self._cards.pop(name).deleteLater()
            for name in names:
                if name not in self._cards:
                    self._cards[name] = ChartCard(self._theme)
            self._place()
        self.setCurrentWidget(self.area if courses else self.empty)

    def show_points(
        self,
        points: Mapping[str, Points],
        worst: Mapping[str, Points],
        reach: Range,
        span: tuple[int, int],
        *,
        times: str,
        zone: str,
        stale: bool,
    ) -> None:
        """The course of each over that range, and the worst of each step."""
        for course in self._courses:
            card = self._cards[course.name]
            card.chart.show_course(
                course,
                points.get(course.name),
                worst=worst.get(course.name, ()),
                span=span,
                step_ms=reach.step_ms,
                times=times,
                zone=zone,
                stale=stale,
            )
            one = self._model.check(course.check_id)
            card.show_check(course, one, self._foot(course, one), stale=stale)

    @property
    def entrance(self) -> QWidget:
        """Where the keyboard enters: the first chart."""
        return self._cards[self._courses[0].name].chart if self._courses else self

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._columns_fitting() != self._columns:
            self._place()

    # Inside ------------------------------------------------------------------------------

    def _foot(self, course: Course, one: CheckDetail | None) -> str:
        if one is None or course.name != one.id:
            return ""
        said = [limit_words(one)]
        kind, _, where = one.id.partition(":")
        if kind == "disk":
            days = self._model.check(f"disk_days:{where}" if where else "disk_days")
            said.insert(0, _days_words(days))
        text = ", ".join(word for word in said if word)
        return text[:1].upper() + text[1:]

    def _columns_fitting(self) -> int:
        return max(1, min(MOST_COLUMNS, round(self.width() / CARD_PX)))

    def _place(self) -> None:
        """Lay the cards out anew, a heading before each group."""
        columns = self._columns = self._columns_fitting()
        while self._grid.count():
            self._grid.takeAt(0)
        for column in range(MOST_COLUMNS):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        row = 0
        groups = [group for group in GROUPS if any(one.group == group for one in self._courses)]
        for head in self._heads.values():
            head.setVisible(False)
        before: QWidget | None = None
        for group in groups:
            head = self._heads.setdefault(group, Words(self._theme, px=12, weight=600, ink="text2"))
            head.setText(QCoreApplication.translate("health", group))
            self._grid.addWidget(head, row, 0, 1, columns)
            head.setVisible(True)
            row += 1
            ours = [course for course in self._courses if course.group == group]
            for at, course in enumerate(ours):
                card = self._cards[course.name]
                self._grid.addWidget(card, row + at // columns, at % columns)
                card.setVisible(True)
                if before is not None:
                    # Cards that came later stand where they are seen, also for the keyboard.
                    QWidget.setTabOrder(before, card.chart)
                before = card.chart
            row += -(-len(ours) // columns)
        self._grid.addWidget(self._rest, row, 0, 1, columns)
        row += 1
        for at in range(row + 1):
            self._grid.setRowStretch(at, 0)
        self._grid.setRowStretch(row, 1)


def _days_words(days: CheckDetail | None) -> str:
    if days is None or days.value is None:
        return QCoreApplication.translate("health", "days until full not known")
    if days.value >= 365:
        return QCoreApplication.translate("health", "does not fill")
    told = f"{days.value:.0f}" if days.value >= 10 else f"{days.value:.1f}"
    return QCoreApplication.translate("health", "full in {0} days").format(told)
