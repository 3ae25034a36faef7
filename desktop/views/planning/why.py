"""Why did a task run at a moment, why did it not, and what is expected of the next one."""

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop import words
from desktop.parts.buttons import Button
from desktop.parts.clocks import EXAMPLE, Zone
from desktop.parts.dialogs import AskingDialog, problem_words, show_words
from desktop.parts.forms import TextField
from desktop.parts.labels import IconLabel, Words
from desktop.parts.scrolling import scrolled
from desktop.states import Look
from desktop.theme import Theme
from shared.protocol.planning import ScheduleWhy, ScheduleWhyReply, Step

_WHY: Final = "why"
LOOKS: Final[dict[str, Look]] = {
    "ran": Look("check-circle-fill", "It ran", "ok"),
    "failed": Look("x-square-fill", "It failed", "bad"),
    "runs": Look("circle-half-fill", "It is running", "run"),
    "waits": Look("hourglass-medium-fill", "It waits", "run"),
    "skipped": Look("skip-forward-fill", "It was skipped", "idle"),
    "missed": Look("circle-dashed-bold", "It was missed", "warn"),
    "will_run": Look("clock", "It will run", "run"),
    "will_not_run": Look("prohibit-bold", "It will not run", "warn"),
    "not_due": Look("question-bold", "It is not due then", "idle"),
    "undecided": Look("hourglass-medium-fill", "Not decided yet", "idle"),
    "no_row": Look("ghost-fill", "Nothing is recorded", "bad"),
}
UNKNOWN: Final = Look("question-bold", "Unknown", "idle")
_DID_NOT_RUN: Final = ("skipped", "missed")


class WhyDialog(AskingDialog):
    """One moment of a task, step by step, and the way to its neighbours."""

    log_requested = Signal(str)
    again_requested = Signal(str, object)
    """The task, and the past moment as of which it is to run."""

    def __init__(
        self,
        theme: Theme,
        task_id: str,
        at_ms: int,
        now: words.Clock,
        *,
        zone: Zone,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, title=task_id, second=zone.said, wide=660, parent=parent)
        self.setWindowTitle(self.tr("Why did {0} run, or why not").format(task_id))
        self.title.setText(self.windowTitle())
        self._id, self._now, self._zone = task_id, now, zone
        self._at_ms = at_ms
        self._reply: ScheduleWhyReply | None = None
        self._may, self._why_not = True, ""
        self.earlier = Button(theme, self.tr("Earlier"), icon="caret-left", height=32)
        self.later = Button(theme, self.tr("Later"), icon="caret-right", height=32)
        self.moment = TextField(theme, name=self.tr("Moment"), hint=EXAMPLE)
        self.moment.returnPressed.connect(self._go)
        self.ask_it = Button(theme, self.tr("Ask"), height=32)
        self.ask_it.clicked.connect(self._go)
        self.earlier.clicked.connect(lambda: self._step(-1))
        self.later.clicked.connect(lambda: self._step(1))
        for button in (self.earlier, self.later, self.ask_it):
            button.setAutoDefault(False)
        self.problem = problem_words(theme)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.earlier)
        line.addWidget(self.moment, 1)
        line.addWidget(self.ask_it)
        line.addWidget(self.later)
        self._mark = IconLabel(theme, UNKNOWN.icon, px=18)
        self.verdict = Words(theme, px=13, weight=600, selectable=True, wrap=True)
        verdict = QHBoxLayout()
        verdict.setSpacing(8)
        verdict.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        verdict.addWidget(self.verdict, 1)
        self.reason = Words(theme, px=13, selectable=True, wrap=True)
        self.advice = Words(theme, ink="text2", selectable=True, wrap=True)
        self.steps = _StepRows(theme)
        area = scrolled(self.steps, self.tr("What was decided, step by step"))
        self.body.addLayout(line)
        self.body.addWidget(self.problem)
        self.body.addLayout(verdict)
        self.body.addWidget(self.reason)
        self.body.addWidget(self.advice)
        self.body.addWidget(area, 1)
        self.log = Button(theme, self.tr("Open the log"), icon="file-text", height=32)
        self.log.setAutoDefault(False)
        self.log.clicked.connect(self._open_log)
        self.again = Button(
            theme, self.tr("Run as of this moment"), icon="clock-counter-clockwise", height=32
        )
        self.again.setAutoDefault(False)
        self.again.clicked.connect(self._run_again)
        self.foot.insertWidget(0, self.log)
        self.foot.insertWidget(1, self.again)
        self.resize(660, 480)
        self._show_nothing(self.tr("The agent is asked"))
        self.earlier.setFocus()

    def ask(self, at_ms: int | None = None) -> None:
        """Ask about that moment, else about the one in sight."""
        self._at_ms = self._at_ms if at_ms is None else at_ms
        self.moment.setText(self._zone.written(self._at_ms))
        show_words(self.problem, "")
        self.say("")
        self.asked.emit(_WHY, ScheduleWhy(id=self._id, at_ms=self._at_ms))

    def show_answer(self, key: str, reply: object) -> None:
        if not isinstance(reply, ScheduleWhyReply):
            return
        self._reply, self._at_ms = reply, reply.at_ms
        if not self.moment.hasFocus():
            self.moment.setText(self._zone.written(reply.at_ms))
        look = LOOKS.get(reply.verdict, UNKNOWN)
        ink = f"{look.family}.text"
        self._mark.show_icon(look.icon, ink)
        at = self._zone.clock(reply.at_ms, self._now())
        self.verdict.setText(self.tr("{0}: {1}").format(at, self.tr(look.word)))
        self.verdict.set_ink(ink)
        show_words(self.reason, _sentence(reply.say))
        advice = self.tr("Next: {0}").format(_sentence(reply.advice)) if reply.advice else ""
        show_words(self.advice, advice)
        self.steps.show_steps(reply.steps)
        self._show_buttons()

    def show_problem(self, key: str, text: str, path: str) -> None:
        self._reply = None
        self._show_nothing(self.tr("Nothing is known of this moment"))
        if path.endswith("at_ms"):
            show_words(self.problem, text)
            self.moment.setFocus()
        else:
            self.say(text)

    def allow(self, allowed: bool, why_not: str) -> None:
        self._may, self._why_not = allowed, why_not
        self._show_buttons()

    def _go(self) -> None:
        at_ms = self._zone.read(self.moment.text(), self._now(), to_come=False)
        if at_ms is None:
            said = self.tr("Write a time such as {0} or 18:30").format(EXAMPLE)
            show_words(self.problem, said)
            self.moment.setFocus()
        else:
            self.ask(at_ms)

    def _step(self, step: int) -> None:
        reply = self._reply
        at_ms = None if reply is None else reply.before_ms if step < 0 else reply.after_ms
        if at_ms is not None:
            self.ask(at_ms)

    def _open_log(self) -> None:
        if self._reply is not None and self._reply.run_id is not None:
            self.log_requested.emit(self._reply.run_id)
            self.accept()

    def _run_again(self) -> None:
        self.accept()
        self.again_requested.emit(self._id, self._at_ms)

    def _show_nothing(self, said: str) -> None:
        self._mark.show_icon(UNKNOWN.icon, "text3")
        self.verdict.setText(said)
        self.verdict.set_ink("text3")
        show_words(self.reason, "")
        show_words(self.advice, "")
        self.steps.show_steps(())
        self._show_buttons()

    def _show_buttons(self) -> None:
        reply = self._reply
        none = self.tr("No other moment is known")
        self.earlier.allow(reply is None or reply.before_ms is not None, none)
        self.later.allow(reply is None or reply.after_ms is not None, none)
        ran = reply is not None and reply.run_id is not None
        began = ran and reply is not None and reply.verdict not in _DID_NOT_RUN
        self.log.allow(began, self.tr("There is no log of a moment that did not run"))
        past = reply is not None and reply.at_ms <= self._now()
        due = reply is not None and reply.verdict not in ("not_due", "runs", "waits", "undecided")
        idle = self.tr("Only a due moment that has passed and is over can be run again")
        self.again.allow(self._may and past and due, idle if self._may else self._why_not)


class _StepRows(QWidget):
    """Each decision with its mark; all that is said can be selected."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: list[tuple[IconLabel, Words, QWidget]] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 8, 0)
        self._column.setSpacing(8)
        self._column.addStretch(1)

    def show_steps(self, steps: tuple[Step, ...]) -> None:
        while len(self._rows) < len(steps):
            self._add_row()
        for number, (mark, said, holder) in enumerate(self._rows):
            holder.setVisible(number < len(steps))
            if number >= len(steps):
                continue
            step = steps[number]
            icon, ink = ("check-bold", "ok.text") if step.ok else ("x-bold", "bad.text")
            mark.show_icon(icon, ink)
            said.setText(_sentence(step.say))
            said.set_ink("text2" if step.ok else "text", 400 if step.ok else 500)
            word = self.tr("holds") if step.ok else self.tr("does not hold")
            holder.setAccessibleName(f"{word}: {step.say}")

    def texts(self) -> list[str]:
        """What is said now."""
        return [said.text() for _, said, holder in self._rows if not holder.isHidden()]

    def _add_row(self) -> None:
        holder = QWidget()
        line = QHBoxLayout(holder)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        mark = IconLabel(self._theme, "check-bold", px=14)
        said = Words(self._theme, selectable=True, wrap=True)
        line.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        line.addWidget(said, 1)
        self._column.insertWidget(len(self._rows), holder)
        self._rows.append((mark, said, holder))


def _sentence(text: str) -> str:
    """The agent's words, which begin small, as a sentence."""
    return text[:1].upper() + text[1:]
