"""In which window is nobody to be told: of which alerts, from when until when, and why?"""

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from desktop import words
from desktop.parts.buttons import Segmented
from desktop.parts.clocks import EXAMPLE, Zone
from desktop.parts.dialogs import labelled, problem_words, show_words
from desktop.parts.forms import TextField
from desktop.parts.labels import Words
from desktop.parts.lines import Line, Lines
from desktop.parts.writing import CHECK, WritingDialog
from desktop.theme import Theme
from shared.protocol.alerting import Fired, QuietTime, QuietTry, QuietTryReply

WIDE_PX: Final = 600
HIGH_PX: Final = 560
USUAL_MS: Final = 2 * words.HOUR_MS
REASON_CHARS: Final = 500
UNSAID: Final = "-"
ALL, SOME = "all", "some"


class QuietDialog(WritingDialog):
    """Emits what is to be saved; the agent says whether it can be, and whom it would mean."""

    saved = Signal(object, object)
    """The window as it is to be, and as it was when it was opened; None for a new one."""

    def __init__(
        self,
        theme: Theme,
        quiet: QuietTime | None,
        now: words.Clock,
        *,
        zone: Zone,
        environment: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            theme, second=zone.said, environment=environment, wide=WIDE_PX, parent=parent
        )
        self._quiet, self._now, self._zone = quiet, now, zone
        self._newest = quiet
        self._what = SOME
        title = self.tr("New quiet time") if quiet is None else self.tr("Quiet time")
        self.setWindowTitle(title)
        self.title.setText(title)
        show_words(
            self.second,
            self.tr(
                "Tasks run as ever and alerts are kept, but told to nobody; what still stands "
                "at the end is told then. {0}."
            ).format(zone.said),
        )
        self.choices = Segmented(
            theme,
            ((SOME, self.tr("Some tasks")), (ALL, self.tr("All alerts"))),
            name=self.tr("Which alerts"),
        )
        self.choices.chosen.connect(self.choose)
        self.task = TextField(theme, name=self.tr("Tasks"), hint=self.tr("a name such as shop-*"))
        self.category = TextField(theme, name=self.tr("Category"), hint=self.tr("any"))
        self.begin = TextField(theme, name=self.tr("From"), hint=EXAMPLE)
        self.end = TextField(theme, name=self.tr("To"), hint=EXAMPLE)
        self.reason = TextField(
            theme, name=self.tr("Reason"), hint=self.tr("shown beside every alert it mutes")
        )
        self.reason.setMaxLength(REASON_CHARS)
        self._problems = {
            name: problem_words(theme)
            for name in ("task_id", "category", "from_ms", "to_ms", "reason")
        }
        self.said = Words(theme, px=13, weight=500, wrap=True)
        self._some = QWidget()
        which = QGridLayout(self._some)
        which.setContentsMargins(0, 0, 0, 0)
        which.setHorizontalSpacing(12)
        places = (("task_id", self.tr("Tasks"), self.task),
                  ("category", self.tr("Category"), self.category))  # fmt: skip
        for at, (name, label, field) in enumerate(places):
            which.addLayout(labelled(theme, label, field, self._problems[name]), 0, at)
            which.setColumnStretch(at, 1)
        times = QGridLayout()
        times.setHorizontalSpacing(12)
        places = (("from_ms", self.tr("From"), self.begin), ("to_ms", self.tr("To"), self.end))
        for at, (name, label, field) in enumerate(places):
            column = labelled(theme, label, field, self._problems[name])
            column.addStretch(1)
            times.addLayout(column, 0, at)
            times.setColumnStretch(at, 1)
        self.body.addWidget(self.choices)
        self.body.addWidget(self._some)
        self.body.addLayout(times)
        self.body.addLayout(
            labelled(theme, self.tr("Reason"), self.reason, self._problems["reason"])
        )
        self.body.addWidget(self.said)
        self.lines = Lines(theme, name=self.tr("Alerts that it would have muted"))
        self.lines.show_hint(self.tr("What it would have muted in the last 7 days stands here"))
        self.body.addWidget(self.lines, 1)
        for made in (self.task, self.category, self.begin, self.end, self.reason):
            made.textChanged.connect(self._written)
            made.returnPressed.connect(self._save)
        is_new = quiet is None
        self.leave.setText(self.tr("Mute nothing") if is_new else self.tr("Leave it as it is"))
        self.act.setText(self.tr("Mute them") if is_new else self.tr("Save it"))
        self.act.show()
        self.act.clicked.connect(self._save)
        self._fill(quiet)
        self.task.setFocus()
        self.resize(WIDE_PX, HIGH_PX)

    # --- what it is told -------------------------------------------------------------------------

    @property
    def base(self) -> QuietTime | None:
        """The window as it was when it was opened; None for a new one."""
        return self._quiet

    def show_answer(self, key: str, reply: object) -> None:
        if not isinstance(reply, QuietTryReply):
            return
        self._was_checked()
        alerts = words.plural(
            reply.alerts, self.tr("alert that is open"), self.tr("alerts that are open")
        )
        of = words.plural(reply.of, self.tr("task"), self.tr("tasks"))
        said = self.tr("Means {0} of {1} now, and {2}").format(words.count(reply.tasks), of, alerts)
        past = words.plural(reply.fired, self.tr("alert"), self.tr("alerts"))
        muted = self.tr("; it would have muted {0} in the last 7 days")
        if reply.is_cut:
            muted = self.tr("; it would have muted at least {0} in the last 7 days")
        said += muted.format(past)
        is_none = self._what == SOME and not reply.tasks
        is_every = self._what == SOME and reply.of > 1 and reply.tasks == reply.of
        if is_none:
            said = self.tr("No task is meant by it now")
        elif is_every:
            said = self.tr("Every one of the {0} is meant by it").format(of)
        show_words(self.said, said)
        self.said.set_ink("warn.text" if is_none or is_every else "text2")
        self.lines.show_lines([self._line(at, one) for at, one in enumerate(reply.records)])
        self.lines.show_hint(self.tr("It would have muted nothing in the last 7 days"))
        self._show_act()

    def show_newest(self, quiet: QuietTime | None) -> None:
        """The same window as it is now; another one than was opened is told."""
        if self._quiet is None or self._is_sent:
            return
        self._newest = quiet
        if quiet is None:
            self._quiet = None
            self.say(self.tr("Somebody took this window away meanwhile; saving makes a new one."))
        is_other = quiet is not None and self._quiet is not None and quiet.rev != self._quiet.rev
        if is_other and quiet is not None:
            ends = self._zone.clock(quiet.to_ms, self._now())
            said = self.tr("{0} changed this window meanwhile: it ends {1}, for: {2}.")
            self.say(said.format(quiet.by, ends, quiet.reason))
        self.theirs.setVisible(is_other)
        self._show_act()

    def _line(self, at: int, one: Fired) -> Line:
        return Line(
            key=at,
            time=self._zone.clock(one.at_ms, self._now()),
            icon="bell-ringing-fill" if one.opens else "circle-wavy-check-fill",
            word=self.tr("Open") if one.opens else self.tr("Over"),
            family="bad" if one.opens else "ok",
            text=one.msg,
        )

    # --- what it asks and orders -----------------------------------------------------------------

    def choose(self, what: str) -> None:
        """All alerts, or those of some tasks."""
        self._what = what
        self.choices.choose(what)
        self._some.setVisible(what == SOME)
        self._written()

    def ask(self) -> None:
        """Can it be so, and whom would it mean?"""
        window = self._window()
        if window is None:
            return
        request = QuietTry(
            from_ms=window.from_ms,
            to_ms=window.to_ms,
            task_id=window.task_id,
            category=window.category,
            # Whom it means can be told before anybody has said why.
            reason=window.reason or UNSAID,
        )
        self.asked.emit(CHECK, request)

    def _window(self) -> QuietTime | None:
        """What is written; None where something is no moment, or nothing is named."""
        self._clear()
        if self._is_unnamed:
            show_words(self.said, self._name_something())
            self.said.set_ink("text3")
            return None
        from_ms = self._moment("from_ms", self.begin)
        to_ms = self._moment("to_ms", self.end)
        if from_ms is None or to_ms is None:
            return None
        is_some = self._what == SOME
        return QuietTime(
            id="" if self._quiet is None else self._quiet.id,
            from_ms=from_ms,
            to_ms=to_ms,
            task_id=(self.task.text().strip() or None) if is_some else None,
            category=(self.category.text().strip() or None) if is_some else None,
            reason=self.reason.text().strip(),
        )

    @property
    def _is_unnamed(self) -> bool:
        is_named = self.task.text().strip() or self.category.text().strip()
        return self._what == SOME and not is_named

    def _name_something(self) -> str:
        return self.tr("Name tasks or a category, or choose all alerts")

    def _moment(self, name: str, field: TextField) -> int | None:
        text = field.text().strip()
        if self._quiet is not None:
            # What nobody touched stays what it was, to the millisecond.
            known_ms = self._quiet.from_ms if name == "from_ms" else self._quiet.to_ms
            if text == self._zone.written(known_ms):
                return known_ms
        at_ms = self._zone.read(text, self._now(), to_come=True)
        if at_ms is None:
            said = self.tr("Write a moment as {0} or 18:30").format(EXAMPLE)
            show_words(self._problems[name], said)
        return at_ms

    def _save(self) -> None:
        window = self._window() if self.act.isEnabled() else None
        if window is None:
            return
        self._is_on_its_way()
        self.saved.emit(window, self._quiet)

    def _show_theirs(self) -> None:
        self._quiet = self._newest
        self._fill(self._quiet)

    def _place_of(self, path: str) -> str:
        name = path.rpartition(".")[2]
        return name if name in self._problems else ""

    def _reason_in(self, text: str) -> str:
        return text.rpartition(": ")[2]

    def _what_is_missing(self) -> str:
        if self._is_unnamed:
            return self._name_something()
        if not self.reason.text().strip():
            return self.tr("Say why first: it is shown beside every alert it mutes")
        return ""

    # --- how it looks ----------------------------------------------------------------------------

    def _fill(self, quiet: QuietTime | None) -> None:
        now_ms = self._now()
        begin_ms = now_ms - now_ms % words.MINUTE_MS if quiet is None else quiet.from_ms
        end_ms = begin_ms + USUAL_MS if quiet is None else quiet.to_ms
        self.task.setText("" if quiet is None else quiet.task_id or "")
        self.category.setText("" if quiet is None else quiet.category or "")
        self.begin.setText(self._zone.written(begin_ms))
        self.end.setText(self._zone.written(end_ms))
        self.reason.setText("" if quiet is None else quiet.reason)
        is_all = quiet is not None and quiet.task_id is None and quiet.category is None
        self.choose(ALL if is_all else SOME)

    def _written(self) -> None:
        show_words(self.said, "")
        super()._written()
