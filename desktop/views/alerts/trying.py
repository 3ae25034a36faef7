"""On which records would a rule have fired: asked a little at a time, and called off at will."""

import re
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop import words
from desktop.parts.buttons import Button, Segmented
from desktop.parts.charts import Progress
from desktop.parts.clocks import Zone
from desktop.parts.dialogs import show_words
from desktop.parts.labels import Words
from desktop.parts.lines import Line, Lines
from desktop.theme import Theme
from shared.protocol.alerting import Fired, RuleTryReply

DAYS: Final = (7, 30, 90)
_BEGINNING: Final = re.compile(r"rule [^:]+: (run [0-9A-Z]{26}: )?")
"""What each message begins with, and stands in the head of the dialog."""


class Trial(QWidget):
    """Asks by signals for the first answer and for the next; who calls it off asks no more."""

    wanted = Signal(int, object)
    """Over how many days, and from which place; None begins anew."""

    def __init__(self, theme: Theme, now: words.Clock, *, zone: Zone) -> None:
        super().__init__()
        self._now, self._zone = now, zone
        self._days = DAYS[0]
        self._place: str | None = None
        self.is_asking = False
        self.span = Segmented(
            theme,
            [(str(days), self.tr("{0} days").format(days)) for days in DAYS],
            name=self.tr("How far back"),
        )
        self.span.chosen.connect(self._choose)
        self.start = Button(theme, self.tr("Test"), icon="flask", height=28)
        self.start.setAutoDefault(False)
        self.start.clicked.connect(self._press)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Words(theme, self.tr("Would have fired"), px=13, weight=600))
        head.addStretch(1)
        head.addWidget(self.span)
        head.addWidget(self.start)
        self.progress = Progress(theme)
        self.headline = Words(theme, px=12, weight=500, wrap=True)
        self.doubts = Words(theme, weight=500, ink="warn.text", wrap=True)
        self.lines = Lines(theme, name=self.tr("Records on which the rule would have fired"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self.progress)
        layout.addWidget(self.headline)
        layout.addWidget(self.doubts)
        layout.addWidget(self.lines, 1)
        self.progress.hide()
        show_words(self.doubts, "")
        self.forget()

    def forget(self) -> None:
        """The rule is another one: what was found says nothing of it."""
        self.is_asking, self._place = False, None
        self.progress.hide()
        self.start.setText(self.tr("Test"))
        self.start.updateGeometry()
        self.lines.show_lines([])
        self.lines.show_hint(self.tr("Test lays the rule over what happened; nothing is saved"))
        show_words(self.headline, "")

    def show_doubts(self, doubts: tuple[str, ...]) -> None:
        """Why it may hold for nothing, or for everything."""
        show_words(self.doubts, "\n".join(f"{one[:1].upper()}{one[1:]}" for one in doubts))

    def show_answer(self, reply: RuleTryReply) -> None:
        """How far it is, or what came of it."""
        if not self.is_asking:
            return
        if reply.place is not None:
            self._place = reply.place
            done = round(reply.share * 100)
            show_words(self.headline, self.tr("{0} % of the record is read").format(done))
            self.progress.show_progress(0, None, told=done)
            self.wanted.emit(self._days, self._place)
            return
        self.forget()
        self.show_doubts(reply.doubts)
        days = words.round_span(self._days * words.DAY_MS)
        times = words.plural(reply.fired, self.tr("time"), self.tr("times"))
        alerts = words.plural(reply.alerts, self.tr("alert"), self.tr("alerts"))
        looked = words.plural(reply.looked_at, self.tr("record"), self.tr("records"))
        said = self.tr("{0} in the last {1}, in {2}; {3} looked at").format(
            times, days, alerts, looked
        )
        if reply.is_cut:
            said += self.tr(". There are more than are read; choose fewer days")
        elif reply.fired > len(reply.records):
            shown = words.count(len(reply.records))
            said += self.tr(". The newest {0} are listed").format(shown)
        show_words(self.headline, said)
        self.lines.show_hint(self.tr("It would not have fired on any of them"))
        self.lines.show_lines([self._line(at, one) for at, one in enumerate(reply.records)])

    def show_problem(self, text: str) -> None:
        """It was refused."""
        self.forget()
        show_words(self.headline, text)

    def allow(self, allowed: bool, why_not: str) -> None:
        """Whether it can be tested now, and if not, why; what is under way can be called off."""
        self.start.allow(allowed or self.is_asking, why_not)

    def _line(self, at: int, one: Fired) -> Line:
        said = _BEGINNING.sub("", one.msg)
        return Line(
            key=at,
            time=self._zone.clock(one.at_ms, self._now()),
            icon="bell-ringing-fill" if one.opens else "bell",
            word=self.tr("New alert") if one.opens else self.tr("Again"),
            family="bad" if one.opens else "idle",
            text=f"{one.task_id}: {said}" if one.task_id else said,
            tip=one.msg,
        )

    def _press(self) -> None:
        if self.is_asking:
            self.forget()
            show_words(self.headline, self.tr("Called off"))
            return
        self.forget()
        self.is_asking = True
        self.start.setText(self.tr("Call off"))
        self.start.updateGeometry()
        self.progress.show_progress(0, None, told=0)
        self.progress.show()
        self.lines.show_hint(self.tr("The agent reads the record"))
        self.wanted.emit(self._days, None)

    def _choose(self, days: str) -> None:
        self._days = int(days)
        if self.is_asking:
            self.forget()
