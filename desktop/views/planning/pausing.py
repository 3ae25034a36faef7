"""Until when are tasks to pause, and which of their moments would fall into that."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QCoreApplication, QTimer, Signal
from PySide6.QtWidgets import QWidget

from desktop import words
from desktop.parts.buttons import Segmented
from desktop.parts.clocks import EXAMPLE, Zone
from desktop.parts.dialogs import AskingDialog, labelled, problem_words, show_words
from desktop.parts.forms import TextField
from desktop.parts.labels import Words
from desktop.parts.lines import Line, Lines
from desktop.states import reason_words
from desktop.theme import Theme
from shared.protocol.planning import Held, InFlight, PausePreview, PausePreviewReply

QUARTER, HOUR, TOMORROW, OWN, ENDLESS = "quarter", "hour", "tomorrow", "own", "endless"
MORNING_HOUR: Final = 6
WRITING_MS: Final = 250
REASON_CHARS: Final = 200
LISTED: Final = 200
"""More moments than these are counted only."""
_PREVIEW: Final = "preview"
_OTHERWISE: Final = {
    "runs": "would run",
    "delayed": "would start when its calendar lets it",
    "queued": "would wait for the run before",
    "beside": "would run beside the one before",
    "replaces": "would take the place of the run before",
    "replaced": "would give way to a newer run",
    "paused": "is paused already",
}


class PauseDialog(AskingDialog):
    """What a pause does is in sight before it begins."""

    pause_requested = Signal(list, object, str)
    """The tasks, until when (None: until resumed), and why."""

    def __init__(
        self,
        theme: Theme,
        task_ids: Sequence[str],
        now: words.Clock,
        *,
        zone: Zone,
        server: str,
        environment: str,
        parent: QWidget | None = None,
    ) -> None:
        self._ids, self._now, self._zone = list(task_ids), now, zone
        what = self._ids[0] if len(self._ids) == 1 else ""
        super().__init__(
            theme,
            title="",
            second="",
            environment=environment or "production",
            wide=640,
            parent=parent,
        )
        what = what or self.tr("{0} tasks").format(len(self._ids))
        title = self.tr("Pause {0} on {1} until…").format(what, server)
        self.setWindowTitle(title)
        self.title.setText(title)
        show_words(
            self.second,
            self.tr(
                "Moments within a pause are written down as skipped and are not made up for. {0}."
            ).format(zone.said),
        )
        self._may, self._why_not = True, ""
        self._is_sent = False
        self.choices = Segmented(
            theme,
            (
                (QUARTER, self.tr("For 15 minutes")),
                (HOUR, self.tr("For 1 hour")),
                (TOMORROW, self.tr("Tomorrow 06:00")),
                (OWN, self.tr("Own moment")),
                (ENDLESS, self.tr("Until resumed")),
            ),
            name=self.tr("Until when"),
        )
        self.choice = HOUR
        self.choices.choose(HOUR)
        self.choices.chosen.connect(self.choose)
        self.until = TextField(theme, name=self.tr("Until"), hint=EXAMPLE)
        self.until.setText(zone.written(zone.tomorrow(MORNING_HOUR, now())))
        self._until_problem = problem_words(theme)
        self._until = QWidget()
        column = labelled(theme, self.tr("Until"), self.until, self._until_problem)
        column.setContentsMargins(0, 0, 0, 0)
        self._until.setLayout(column)
        self._until.hide()
        self.reason = TextField(
            theme, name=self.tr("Reason"), hint=self.tr("Others read it beside the task")
        )
        self.reason.setMaxLength(REASON_CHARS)
        self._reason_problem = problem_words(theme)
        self.headline = Words(theme, px=13, weight=600, wrap=True)
        self.after = Words(theme, ink="text2", wrap=True)
        self.lines = Lines(theme, name=self.tr("What falls into the pause"))
        self.body.addWidget(self.choices)
        self.body.addWidget(self._until)
        self.body.addLayout(labelled(theme, self.tr("Reason"), self.reason, self._reason_problem))
        self.body.addWidget(self.headline)
        self.body.addWidget(self.after)
        self.body.addWidget(self.lines, 1)
        self.leave.setText(self.tr("Let them run") if len(self._ids) > 1 else self.tr("Let it run"))
        self.act.show()
        self.act.clicked.connect(self._pause)
        for field in (self.until, self.reason):
            field.returnPressed.connect(self._pause)
        self._later = QTimer(self, interval=WRITING_MS, singleShot=True)
        self._later.timeout.connect(self.ask)
        self.until.textChanged.connect(self._written)
        self._show_act()
        self.choices.focus_chosen()

    # --- what it asks and orders -----------------------------------------------------------------

    def choose(self, choice: str) -> None:
        """Another end of the pause."""
        self.choice = choice
        self.choices.choose(choice)
        self._until.setVisible(choice == OWN)
        show_words(self._until_problem, "")
        self.ask()
        if choice == OWN:
            self.until.setFocus()
            self.until.selectAll()

    def until_ms(self) -> int | None:
        """When the pause would end; None for one without an end, or for what is no time."""
        now_ms = self._now()
        ends = {
            QUARTER: now_ms + 15 * words.MINUTE_MS,
            HOUR: now_ms + words.HOUR_MS,
            TOMORROW: self._zone.tomorrow(MORNING_HOUR, now_ms),
            OWN: self._zone.read(self.until.text(), now_ms, to_come=True),
        }
        return ends.get(self.choice)

    def ask(self) -> None:
        """What would fall into the pause that is chosen now?"""
        self.say("")
        until_ms = self.until_ms()
        problem = self._what_is_wrong(until_ms)
        show_words(self._until_problem, problem)
        self._show_act()
        if problem:
            self._show_nothing(self.tr("Name a moment to come, and what falls into it stands here"))
            return
        self.lines.show_hint(self.tr("The agent is asked what falls into it"))
        self.asked.emit(_PREVIEW, PausePreview(ids=tuple(self._ids), until_ms=until_ms))

    def _pause(self) -> None:
        until_ms = self.until_ms()
        problem = self._what_is_wrong(until_ms)
        show_words(self._until_problem, problem)
        if problem:
            self.until.setFocus()
        elif self.act.isEnabled():
            self._is_sent = True
            self.say("")
            show_words(self._reason_problem, "")
            self._show_act()
            self.pause_requested.emit(self._ids, until_ms, self.reason.text().strip())

    def _what_is_wrong(self, until_ms: int | None) -> str:
        if self.choice == OWN and until_ms is None:
            return self.tr("Write a time such as {0} or 18:30").format(EXAMPLE)
        if until_ms is not None and until_ms <= self._now():
            return self.tr("This moment has passed; name one to come")
        return ""

    def _written(self) -> None:
        if self.choice == OWN:
            self._show_act()
            self._later.start()

    # --- what it is told -------------------------------------------------------------------------

    def show_answer(self, key: str, reply: object) -> None:
        if isinstance(reply, PausePreviewReply):
            self._show_preview(reply)

    def show_problem(self, key: str, text: str, path: str) -> None:
        """The preview or the pause itself was refused."""
        self._is_sent = False
        self._show_act()
        if key == _PREVIEW:
            self._show_nothing(self.tr("What falls into it is not known"))
        if path.endswith("until_ms") and self.choice == OWN:
            show_words(self._until_problem, text)
            self.until.setFocus()
        elif path.endswith("reason"):
            show_words(self._reason_problem, text)
            self.reason.setFocus()
        else:
            self.say(text)

    def allow(self, allowed: bool, why_not: str) -> None:
        self._may, self._why_not = allowed, why_not
        self._show_act()

    # --- how it looks ----------------------------------------------------------------------------

    def _show_act(self) -> None:
        until_ms = self.until_ms()
        problem = self._what_is_wrong(until_ms)
        if self.choice == ENDLESS:
            self.act.setText(self.tr("Pause until resumed"))
        elif until_ms is None or problem:
            self.act.setText(self.tr("Pause"))
        else:
            at = self._zone.clock(until_ms - until_ms % words.MINUTE_MS, self._now())
            self.act.setText(self.tr("Pause until {0}").format(at))
        if self._is_sent:
            self.act.allow(False, self.tr("Waiting for the agent"))
        else:
            self.act.allow(self._may and not problem, problem if self._may else self._why_not)
        self.act.updateGeometry()

    def _show_nothing(self, hint: str) -> None:
        show_words(self.headline, "")
        show_words(self.after, "")
        self.lines.show_lines(())
        self.lines.show_hint(hint)

    def _show_preview(self, reply: PausePreviewReply) -> None:
        count, now_ms = reply.count, self._now()
        if not count:
            headline = self.tr("No run falls into this pause")
        elif reply.until_ms is None:
            reach = words.round_span(reply.seen_until_ms - reply.from_ms)
            headline = self.tr("{0} within the next {1}, and so on until resumed").format(
                self._moments(count), reach
            )
        else:
            headline = self.tr("{0} into this pause").format(self._falls(count))
        show_words(self.headline, headline)
        nexts = [task.next_ms for task in reply.tasks if task.next_ms is not None]
        ending = ""
        if reply.until_ms is not None:
            ending = self.tr("It ends by itself.")
            if nexts:
                at = self._zone.clock(min(nexts), now_ms)
                ending = self.tr("It ends by itself; the first run after it is due {0}.").format(at)
        show_words(self.after, ending)
        self.lines.show_lines(self._say_lines(reply, now_ms))
        self.lines.show_hint(self.tr("Nothing is due by then, and nothing is in progress"))

    def _say_lines(self, reply: PausePreviewReply, now_ms: int) -> list[Line]:
        held = [(one, task.task_id) for task in reply.tasks for one in task.held]
        held.sort(key=lambda pair: (pair[0].at_ms, pair[1]))
        lines = [
            self._in_flight(run, task.task_id, now_ms)
            for task in reply.tasks
            for run in task.in_flight
        ]
        lines += [
            Line(
                key=(follower.task_id, follower.after),
                time=self.tr("Afterwards"),
                icon="arrow-bend-down-right",
                word=self.tr("Does not come"),
                text=self.tr("{0} comes after {1}: {2} will not come").format(
                    follower.task_id, follower.after, self._runs(follower.count)
                ),
            )
            for follower in reply.followers
        ]
        lines += [self._held(one, task_id, now_ms) for one, task_id in held[:LISTED]]
        shown = min(len(held), LISTED)
        if reply.count > shown:
            more = words.count(reply.count - shown)
            lines.append(Line(key="more", time="…", text=self.tr("and {0} more").format(more)))
        return lines

    def _held(self, one: Held, task_id: str, now_ms: int) -> Line:
        text = otherwise_words(one.otherwise)
        if len(self._ids) > 1:
            text = f"{task_id}: {text}"
        return Line(
            key=(task_id, one.at_ms),
            time=self._zone.clock(one.at_ms, now_ms),
            icon="skip-forward-fill",
            word=self.tr("Skipped"),
            text=text,
            middle=len(self._ids) > 1,
        )

    def _in_flight(self, run: InFlight, task_id: str, now_ms: int) -> Line:
        at = "" if run.at_ms is None else self._zone.clock(run.at_ms, now_ms)
        if run.kind == "retries":
            word = self.tr("Retries")
            text = self.tr("it is tried again {0} all the same").format(at)
        elif run.kind == "starts":
            word, text = self.tr("Starts"), self.tr("it waits for a slot and still starts")
        else:
            word = self.tr("Goes on")
            text = self.tr("the run in progress is not touched")
            if at:
                text = self.tr("{0}; it is expected to end {1}").format(text, at)
        if len(self._ids) > 1:
            text = f"{task_id}: {text}"
        return Line(
            key=run.run_id,
            time=self.tr("Now"),
            icon="circle-half-fill",
            word=word,
            family="run",
            text=text,
            middle=len(self._ids) > 1,
        )

    def _moments(self, count: int) -> str:
        return words.plural(count, self.tr("run"), self.tr("runs"))

    def _runs(self, count: int) -> str:
        return words.plural(count, self.tr("of its runs"), self.tr("of its runs"))

    def _falls(self, count: int) -> str:
        return words.plural(count, self.tr("run falls"), self.tr("runs fall"))


def otherwise_words(otherwise: str) -> str:
    """What would become of a moment without the pause."""
    if otherwise in _OTHERWISE:
        return _tr(_OTHERWISE[otherwise])
    return _tr("would not run anyway: {0}").format(reason_words(otherwise))


def _tr(text: str) -> str:
    return QCoreApplication.translate("pausing", text)
