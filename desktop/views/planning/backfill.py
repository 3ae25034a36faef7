"""As of which past moments is a task to run once more, and how far is that."""

from collections.abc import Iterable, Sequence
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop import words
from desktop.parts.buttons import Button
from desktop.parts.charts import Progress
from desktop.parts.clocks import EXAMPLE, Zone
from desktop.parts.dialogs import AskingDialog, labelled, problem_words, show_words
from desktop.parts.forms import TextField
from desktop.parts.labels import Words
from desktop.parts.lines import Line, Lines
from desktop.states import ending_look, reason_words, run_look
from desktop.theme import Theme
from shared.protocol.planning import ScheduleNext, ScheduleNextReply
from shared.protocol.requests import RunDetail, RunFilter, RunGet, RunsPage, RunsPageReply
from shared.protocol.rows import ENDED, Run

MOST: Final = 1000
"""An agent takes no more moments at once."""
PAGE: Final = 200
REASON_CHARS: Final = 200
_MISSING: Final = "missing"
_WITHIN: Final = "within"
_RUN: Final = "run:"


class BackfillDialog(AskingDialog):
    """First the moments are chosen, then their runs are watched until the last has ended."""

    backfill_requested = Signal(str, list, str)
    """The task, the moments, and why."""

    def __init__(
        self,
        theme: Theme,
        task_id: str,
        now: words.Clock,
        *,
        zone: Zone,
        server: str,
        environment: str,
        chosen: Sequence[int] = (),
        parent: QWidget | None = None,
    ) -> None:
        """`chosen` are moments that are ticked from the start."""
        super().__init__(
            theme,
            title=task_id,
            second=zone.said,
            environment=environment or "production",
            wide=640,
            parent=parent,
        )
        self.setWindowTitle(self.tr("Run {0} on {1} as of past moments").format(task_id, server))
        self.title.setText(self.windowTitle())
        show_words(
            self.second,
            self.tr("Each is run once more, one after another, behind what is due. {0}.").format(
                zone.said
            ),
        )
        self._id, self._now, self._zone = task_id, now, zone
        self._wanted = set(chosen)
        self._moments: dict[int, Line] = {}
        self._runs: dict[str, Run | None] = {}
        self._at: dict[str, int] = {}
        self._may, self._why_not, self._is_sent = True, "", False
        self._note = ""
        for at_ms in chosen:
            self._moments[at_ms] = self._own(at_ms, self.tr("chosen in the run history"))
        self.headline = Words(theme, px=13, weight=600, wrap=True)
        self.all = Button(theme, self.tr("Choose all"), height=26)
        self.none = Button(theme, self.tr("Choose none"), height=26)
        self.lines = Lines(theme, name=self.tr("Past moments"), checkable=True)
        self.lines.chosen_changed.connect(self._show_act)
        self.all.clicked.connect(lambda: self.lines.choose(list(self._moments)))
        self.none.clicked.connect(lambda: self.lines.choose(list(self._moments), chosen=False))
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.headline, 1)
        top.addWidget(self.all)
        top.addWidget(self.none)
        self.progress = Progress(theme)
        self.progress.hide()
        self.moment = TextField(theme, name=self.tr("Another moment"), hint=EXAMPLE)
        self.moment.returnPressed.connect(self._add)
        self.add = Button(theme, self.tr("Add"), height=32)
        self.add.clicked.connect(self._add)
        for button in (self.all, self.none, self.add):
            button.setAutoDefault(False)
        self.problem = problem_words(theme)
        self.reason = TextField(theme, name=self.tr("Reason"), hint=self.tr("Kept with the runs"))
        self.reason.setMaxLength(REASON_CHARS)
        self.reason.returnPressed.connect(self._order)
        self._form = QWidget()
        across = QHBoxLayout()
        across.setSpacing(8)
        across.addWidget(self.moment, 1)
        across.addWidget(self.add)
        left = labelled(theme, self.tr("Another moment"))
        left.addLayout(across)
        right = labelled(theme, self.tr("Reason"), self.reason)
        form = QHBoxLayout(self._form)
        form.setContentsMargins(0, 0, 0, 0)
        form.setSpacing(16)
        form.addLayout(left, 1)
        form.addLayout(right, 1)
        self.body.addLayout(top)
        self.body.addWidget(self.progress)
        self.body.addWidget(self.lines, 1)
        self.body.addWidget(self._form)
        self.body.addWidget(self.problem)
        self.leave.setText(self.tr("Run nothing"))
        self.act.show()
        self.act.clicked.connect(self._order)
        self._show_moments()
        self.lines.setFocus()

    # --- choosing --------------------------------------------------------------------------------

    def ask(self) -> None:
        """Which moments of the task did not run?"""
        self.lines.show_hint(self.tr("The agent is asked which moments did not run"))
        wanted = RunFilter(task_id=self._id, results=("missed", "skipped"))
        self.asked.emit(_MISSING, RunsPage(filter=wanted, limit=PAGE))

    def show_answer(self, key: str, reply: object) -> None:
        if isinstance(reply, RunsPageReply):
            self._take_rows(reply)
        elif isinstance(reply, ScheduleNextReply):
            self._take_within(reply)
        elif isinstance(reply, RunDetail):
            self.show_runs((reply.run,))

    def show_problem(self, key: str, text: str, path: str) -> None:
        """A question or the order was refused."""
        self._is_sent = False
        if key.startswith((_MISSING, _WITHIN)):
            self.lines.show_hint(self.tr("Which moments did not run is not known; name some below"))
        if "moments" in path:
            show_words(self.problem, text)
            self.moment.setFocus()
        elif not key.startswith(_RUN):
            self.say(text)
        self._show_act()

    def allow(self, allowed: bool, why_not: str) -> None:
        self._may, self._why_not = allowed, why_not
        self._show_act()

    def _take_rows(self, reply: RunsPageReply) -> None:
        for run in reply.rows:
            if run.missed_count > 1 and run.missed_until_ms is not None:
                # One row stands for many moments; which, the schedule says.
                request = ScheduleNext(
                    ids=(self._id,),
                    from_ms=run.scheduled_ms - 1,
                    until_ms=run.missed_until_ms,
                    count=MOST,
                )
                self.asked.emit(f"{_WITHIN}:{run.id}", request)
            elif run.scheduled_ms not in self._moments or run.scheduled_ms in self._wanted:
                self._moments[run.scheduled_ms] = self._of_row(run)
        more = self.tr("Only the newest {0} are listed.").format(PAGE)
        self._note = more if reply.next is not None else ""
        self._show_moments()

    def _take_within(self, reply: ScheduleNextReply) -> None:
        look = ending_look("missed")
        for one in reply.rows:
            if one.at_ms <= self._now():
                line = Line(
                    key=one.at_ms,
                    time=self._zone.clock(one.at_ms, self._now()),
                    icon=look.icon,
                    word=look.said,
                    family=look.family,
                    text=self.tr("one of many that were missed together"),
                )
                self._moments.setdefault(one.at_ms, line)
        self._show_moments()

    def _add(self) -> None:
        now_ms = self._now()
        at_ms = self._zone.read(self.moment.text(), now_ms, to_come=False)
        if at_ms is None:
            said = self.tr("Write a time such as {0} or 18:30").format(EXAMPLE)
        elif at_ms > now_ms:
            said = self.tr("This moment is still to come; only past ones can be run again")
        else:
            said = ""
            self._moments.setdefault(at_ms, self._own(at_ms, self.tr("named here")))
            self._wanted.add(at_ms)
            self._show_moments()
            self.moment.clear()
        show_words(self.problem, said)
        self.moment.setFocus()

    def _order(self) -> None:
        chosen = self._chosen()
        if not chosen or not self.act.isEnabled() or self._runs:
            return
        self._is_sent = True
        self.say("")
        show_words(self.problem, "")
        self._show_act()
        self.backfill_requested.emit(self._id, chosen, self.reason.text().strip())

    def _chosen(self) -> list[int]:
        return sorted(key for key in self.lines.chosen() if isinstance(key, int))

    # --- watching --------------------------------------------------------------------------------

    def watch(self, run_ids: Sequence[str]) -> None:
        """The order was taken: from now on these runs are shown."""
        chosen = self._chosen()
        self._is_sent = False
        self._runs = dict.fromkeys(run_ids)
        self.lines.stop_choosing()
        for part in (self._form, self.all, self.none):
            part.hide()
        self.act.hide()
        self.leave.setText(self.tr("Close"))
        self.leave.setDefault(True)
        self.leave.setFocus()
        self.progress.show()
        self._at = dict(zip(run_ids, chosen, strict=False))
        self._show_runs()

    def show_runs(self, runs: Iterable[Run], gone: Iterable[str] = ()) -> None:
        """Rows of runs came or went; those of others are left out."""
        changed = False
        for run in runs:
            if run.id in self._runs:
                old = self._runs[run.id]
                if old is None or old.state != ENDED or run.state == ENDED:
                    self._runs[run.id] = run
                    changed = True
        for run_id in gone:
            run_known = self._runs.get(run_id)
            if run_id in self._runs and (run_known is None or run_known.state != ENDED):
                self.asked.emit(f"{_RUN}{run_id}", RunGet(run_id=run_id))
        if changed:
            self._show_runs()

    def _show_runs(self) -> None:
        ended = [run for run in self._runs.values() if run is not None and run.state == ENDED]
        good = sum(run.result == "success" for run in ended)
        total = len(self._runs)
        said = self.tr("{0} of {1} ended").format(len(ended), total)
        if ended:
            said = self.tr("{0}, {1} with success").format(said, good)
        if len(ended) == total:
            self.leave.setText(self.tr("Done"))
        show_words(self.headline, said)
        # A bar has a least length, so none is drawn before the first end.
        self.progress.show_progress(len(ended), total if ended else None)
        self.lines.show_lines([self._watched(run_id, run) for run_id, run in self._runs.items()])

    def _watched(self, run_id: str, run: Run | None) -> Line:
        at_ms = self._at.get(run_id) if run is None else run.scheduled_ms
        time = "" if at_ms is None else self._zone.clock(at_ms, self._now())
        if run is None:
            return Line(run_id, time, "hourglass-medium-fill", self.tr("Ordered"), "run")
        look = run_look(run)
        text = words.duration(run.dur_ms) or reason_words(run.reason)
        return Line(run_id, time, look.icon, look.said, look.family, text)

    # --- how it looks ----------------------------------------------------------------------------

    def _own(self, at_ms: int, text: str) -> Line:
        time = self._zone.clock(at_ms, self._now())
        return Line(key=at_ms, time=time, icon="clock", word=self.tr("Past"), text=text)

    def _of_row(self, run: Run) -> Line:
        look = run_look(run)
        text = reason_words(run.reason)
        if run.note:
            text = f"{text}: {run.note}" if text else run.note
        return Line(
            key=run.scheduled_ms,
            time=self._zone.clock(run.scheduled_ms, self._now()),
            icon=look.icon,
            word=look.said,
            family=look.family,
            text=text,
        )

    def _show_moments(self) -> None:
        self.lines.show_lines([self._moments[at] for at in sorted(self._moments, reverse=True)])
        self.lines.choose(list(self._wanted))
        self._wanted.clear()
        self.lines.show_hint(
            self.tr("No moment of this task was missed or skipped. Name one below to run it again.")
        )
        self._show_act()

    def _show_act(self) -> None:
        if self._runs:
            return
        count = len(self._chosen())
        said = self.tr("Choose the moments to run again")
        if count:
            said = words.plural(count, self.tr("moment is chosen"), self.tr("moments are chosen"))
        show_words(self.headline, f"{said}. {self._note}" if self._note else said)
        self.all.allow(bool(self._moments), self.tr("There is nothing to choose"))
        self.none.allow(count > 0, self.tr("Nothing is chosen"))
        moments = words.plural(count, self.tr("moment"), self.tr("moments"))
        self.act.setText(self.tr("Run {0}").format(moments) if count else self.tr("Run"))
        self.act.updateGeometry()
        why = self._why_not
        if self._is_sent:
            why = self.tr("Waiting for the agent")
        elif self._may:
            why = self._what_is_wrong(count)
        self.act.allow(not why and self._may, why)

    def _what_is_wrong(self, count: int) -> str:
        if count > MOST:
            return self.tr("At most {0} moments at once").format(words.count(MOST))
        return "" if count else self.tr("Choose a moment first")
