"""The chosen check in full: what was found, its limits and looks, and how its reading went."""

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop import words
from desktop.models.health import Column, HealthModel, limit_words
from desktop.parts.facts import Fact, Facts
from desktop.parts.labels import Elided, Ground, Pill, Words
from desktop.parts.passage import Passage
from desktop.states import check_look
from desktop.theme import Theme
from desktop.views.health.chart import ReadingChart
from shared.protocol.health import CheckDetail

FACTS_PX: Final = 348
CHART_PX: Final = 120
LABEL_PX: Final = 76


class CheckPanel(Ground):
    """Facts at the left, a chart at the right."""

    def __init__(
        self, model: HealthModel, theme: Theme, now: words.Clock, parent: QWidget | None = None
    ) -> None:
        super().__init__(theme, "surface", lines="t", parent=parent)
        self._model, self._now = model, now
        self.pill = Pill(theme)
        self.title = Elided(theme, px=16, weight=600, middle=True)
        self.message = Passage(theme, ink="text2")
        self.facts = Facts(theme, label_px=LABEL_PX)
        self.chart = ReadingChart(theme, height=CHART_PX)
        self.head = Elided(theme, px=12, weight=500)
        self.pointed = Words(theme, ink="text2")
        self.chart.pointed.connect(self.pointed.setText)
        inner = Ground(theme, "surface")
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 12, 12, 10)
        column.setSpacing(6)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.pill)
        top.addWidget(self.title, 1)
        column.addLayout(top)
        column.addWidget(self.message)
        column.addWidget(self.facts)
        column.addStretch(1)
        # Long words of a check of somebody's own scroll, and take nothing from the table.
        left = QScrollArea()
        left.setWidget(inner)
        left.setWidgetResizable(True)
        left.setFrameShape(QFrame.Shape.NoFrame)
        left.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        left.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        left.setFixedWidth(FACTS_PX)
        right = QVBoxLayout()
        right.setContentsMargins(8, 12, 16, 8)
        right.setSpacing(4)
        line = QHBoxLayout()
        line.addWidget(self.head, 1)
        line.addWidget(self.pointed)
        right.addLayout(line)
        right.addWidget(self.chart, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 1, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(left)
        layout.addLayout(right, 1)

    def show_check(self, one: CheckDetail | None, *, stale: bool) -> None:
        """That check; None: there is none."""
        for widget in (self.pill, self.facts, self.message):
            widget.setVisible(one is not None)
        if one is None:
            self.title.setText("")
            return
        self.pill.show_look(check_look(one.state), stale=stale)
        self.title.setText(one.name)
        self.message.setText(one.msg)
        self.facts.show_facts(self._facts(one, stale=stale))

    def _facts(self, one: CheckDetail, *, stale: bool) -> list[Fact]:
        model, now_ms = self._model, self._now()
        found: list[Fact] = []
        if reading := model.say(one, Column.READING):
            found.append((self.tr("Reading"), reading, "", ""))
        if limits := limit_words(one):
            found.append((self.tr("Limits"), limits[0].upper() + limits[1:], "", ""))
        if one.since_ms is not None:
            lasted = "" if stale else words.rough_span(max(0, now_ms - one.since_ms))
            found.append((self.tr("Since"), model.say(one, Column.SINCE), lasted, ""))
        if looked := model.say(one, Column.LOOKED):
            late = model.is_late(one) and not stale
            often = self.tr("each {0}").format(words.span(one.every_ms)) if one.every_ms else ""
            second = self.tr("nobody looks") if late else often
            found.append((self.tr("Last look"), looked, second, "warn.text" if late else ""))
        return found
