"""The runs of all tasks, the newest first, as far back as somebody asks."""

from collections.abc import Callable
from datetime import tzinfo

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop import words
from desktop.models.runquery import Sought, read
from desktop.models.runs import ALL, LIVE, TROUBLE, RunFilter, RunsModel
from desktop.parts.buttons import Button, Segmented
from desktop.parts.dialogs import show_words
from desktop.parts.empty import Empty
from desktop.parts.fields import SearchField
from desktop.parts.labels import Ground, Words
from desktop.parts.older import Older
from desktop.parts.run_table import RunTable
from desktop.states import run_look
from desktop.theme import Theme
from shared.protocol.rows import ENDED

LEAST_PX = 480
FOUND = "found"
"""What the agent found by conditions that somebody wrote."""
WAIT_MS = 500
"""Whoever writes on is not asked for yet."""


class Executions(Ground):
    """Newest first; Enter opens the log of one, the end of the list asks for older ones."""

    log_requested = Signal(str)
    task_opened = Signal(str)
    stop_requested = Signal(str)
    try_again_requested = Signal(str)
    why_requested = Signal(str, object)
    """A task, and the moment in question."""
    again_requested = Signal(str, object)
    """A task, and the past moment as of which it is to run."""

    kind_chosen = Signal(str)
    sought = Signal(object)
    """A filter of runs for the agent; an empty one for none."""
    older_wanted = Signal(str)
    """More of this kind, from before what is shown."""
    alert_wanted = Signal(str, str)
    """A run and its task, of which an alert is open."""

    def __init__(
        self,
        model: RunsModel,
        theme: Theme,
        *,
        trouble: RunsModel,
        found: RunsModel,
        now: words.Clock,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, "chrome", parent=parent)
        self._models = {ALL: model, LIVE: model, TROUBLE: trouble, FOUND: found}
        self._kind = ALL
        self._now = now
        self._zone: Callable[[], tzinfo | None] = lambda: None
        self._sought = Sought()
        self._is_awaited = self._is_answered = False
        self._pause = QTimer(self, interval=WAIT_MS, singleShot=True)
        self._pause.timeout.connect(self._seek)
        # Of each kind: whether there is more, and what is said of that.
        self._rest: dict[str, tuple[bool, str]] = {}
        self._may_ask_older, self._why_no_older = False, ""
        # The details panel never stands beside this screen; a window sized for both would be wide.
        self.setMinimumWidth(LEAST_PX)
        self._filter = RunFilter()
        self._filter.setSourceModel(model)
        title = Words(theme, self.tr("Recent executions"), px=16, weight=600)
        self.count = Words(theme, ink="text3")
        self.field = SearchField(theme, self.tr("Filter runs, or task: result: from:"), key="/")
        self.field.setMinimumWidth(236)
        self.field.setMaximumWidth(460)
        self.field.setToolTip(
            self.tr(
                "Words filter what is shown. Conditions are asked of the agent, all of them must "
                "hold:\ntask:NAME  result:error,timeout  cat:CATEGORY  trigger:manual  host:NAME\n"
                'from:2026-11-01  to:2026-11-20T06:00  from:7d  text:"what it wrote"'
            )
        )
        self.field.changed.connect(self._read)
        self.field.submitted.connect(self._seek)
        self.problem = Words(theme, weight=500, ink="bad.text", wrap=True)
        self.problem.hide()
        self.which = Segmented(
            theme,
            ((ALL, self.tr("All")), (TROUBLE, self.tr("Trouble")), (LIVE, self.tr("In progress"))),
            name=self.tr("Which runs"),
        )
        self.which.chosen.connect(self._choose)
        self.open_log = Button(theme, self.tr("Open the log"), icon="file-text")
        self.open_log.clicked.connect(self._open)
        self.open_task = Button(theme, self.tr("Go to the task"), icon="rows")
        self.open_task.clicked.connect(self._go)
        self.why = Button(theme, self.tr("Why"), icon="question")
        self.why.setToolTip(self.tr("Why did it run, or not (Ctrl+Y)"))
        self.why.clicked.connect(self._ask_why)
        self.again = Button(theme, self.tr("Run as of"), icon="clock-counter-clockwise")
        self.again.setToolTip(self.tr("Run it as of this moment (Ctrl+Shift+R)"))
        self.again.clicked.connect(self._run_again)
        self.stop = Button(theme, self.tr("Stop"), icon="stop-fill")
        self.stop.clicked.connect(self._stop)
        self.retry = Button(theme, self.tr("Retry"), icon="arrow-clockwise")
        self.retry.clicked.connect(self._try_again)
        self.alert = Button(theme, self.tr("Alert"), icon="bell")
        self.alert.setToolTip(self.tr("Show what is open about this run or its task"))
        self.alert.clicked.connect(self._show_alert)
        self._has_alert: Callable[[str, str], bool] = lambda _run, _task: False
        self.table = RunTable(model, theme)
        self.table.setModel(self._filter)
        self.table.watch_selection()
        self.table.log_requested.connect(self.log_requested)
        self.table.run_selected.connect(lambda _: self._set_buttons())
        self.field.left.connect(self.table.setFocus)
        self._may, self._why_not = False, ""
        self._may_ask, self._why_silent = False, ""

        upper = QHBoxLayout()
        upper.setSpacing(10)
        upper.addWidget(title)
        upper.addWidget(self.count)
        upper.addStretch(1)
        for button in (self.open_log, self.open_task, self.why, self.again, self.stop):
            upper.addWidget(button)
        lower = QHBoxLayout()
        lower.setSpacing(10)
        lower.addWidget(self.field, 4)
        lower.addWidget(self.which)
        lower.addStretch(1)
        lower.addWidget(self.alert)
        lower.addWidget(self.retry)
        bar = Ground(theme, "chrome", lines="b")
        inner = QVBoxLayout(bar)
        inner.setContentsMargins(16, 12, 14, 10)
        inner.setSpacing(10)
        inner.addLayout(upper)
        inner.addLayout(lower)
        inner.addWidget(self.problem)
        self._empty = Empty(theme)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self.table, 1)
        self._foot = Older(theme, self.table)
        self._foot.wanted.connect(lambda: self.older_wanted.emit(self._older_kind))
        self.reach, self.older = self._foot.reach, self._foot.button
        layout.addWidget(self._foot)
        for signal in (
            self._filter.rowsInserted,
            self._filter.rowsRemoved,
            self._filter.modelReset,
            self._filter.dataChanged,
        ):
            signal.connect(self._count)
        # A run that ends while it is chosen, or goes with its agent, selects nothing anew.
        for signal in (self._filter.modelReset, self._filter.dataChanged):
            signal.connect(self._set_buttons)
        self._count()
        self._set_buttons()

    def show_stale(self, as_of: str) -> None:
        """The runs shown are of that time; empty text means live."""
        self.table.show_stale(bool(as_of))

    def allow_commands(self, allowed: bool, why_not: str = "") -> None:
        """Whether the agent can be commanded, and if not, why."""
        self._may, self._why_not = allowed, why_not
        self._set_buttons()

    def allow_questions(self, allowed: bool, why_not: str) -> None:
        """Whether the agent can be asked, and if not, why."""
        self._may_ask, self._why_silent = allowed, why_not
        self._set_buttons()

    def know_alerts(self, has_alert: Callable[[str, str], bool]) -> None:
        """Whom to ask whether something is open about a run (its id, and its task's)."""
        self._has_alert = has_alert
        self._set_buttons()

    def focus_filter(self) -> None:
        """Go to the filter field."""
        self.field.edit.setFocus()

    def allow_older(self, allowed: bool, why_not: str) -> None:
        """Whether the agent can be asked for older runs, and if not, why."""
        self._may_ask_older, self._why_no_older = allowed, why_not
        self._show_rest()

    def show_rest(
        self,
        kind: str,
        *,
        is_more: bool,
        is_awaited: bool = False,
        is_answered: bool = False,
        is_full: bool = False,
        problem: str = "",
    ) -> None:
        """Whether there are older runs of this kind, or why they are not here."""
        said = problem
        if is_awaited:
            said = self.tr("Older runs are on their way")
        elif is_full:
            said = self.tr("A list holds no more; “smartcron-agent runs list” goes further back")
        elif not is_more and kind == FOUND:
            said = self.tr("All that is kept was searched")
        elif not is_more:
            said = self.tr("These are all that are kept")
        self._rest[kind] = (is_more and not is_awaited, said)
        if kind == FOUND:
            self._is_awaited, self._is_answered = is_awaited, is_answered
            self._count()
        self._show_rest()

    @property
    def kind(self) -> str:
        """Which runs are shown now."""
        return self._kind

    @property
    def _older_kind(self) -> str:
        """What is in progress is known without asking: behind it are all."""
        if self._sought.is_asked:
            return FOUND
        return TROUBLE if self._kind == TROUBLE else ALL

    @property
    def _model(self) -> RunsModel:
        """Where the rows come from that are shown."""
        return self._models[FOUND if self._sought.is_asked else self._kind]

    def know_zone(self, zone: Callable[[], tzinfo | None]) -> None:
        """Whom to ask in whose time days are written here."""
        self._zone = zone

    def _read(self, _text: str) -> None:
        """Words filter at once; conditions wait until nobody writes."""
        said = read(self.field.text(), now_ms=self._now(), zone=self._zone())
        if not said.is_asked and not said.problem:
            self._seek()
            return
        self._filter.ask(said.words)
        self._pause.start()

    def _seek(self) -> None:
        """Ask the agent for what the conditions say, all of its history."""
        self._pause.stop()
        said = read(self.field.text(), now_ms=self._now(), zone=self._zone())
        show_words(self.problem, said.problem)
        if said.wanted != self._sought.wanted:
            self._sought = said
            self.sought.emit(said.wanted)
        if self._filter.sourceModel() is not self._model:
            self._filter.setSourceModel(self._model)
        self._ask(text=said.words)

    def _choose(self, which: str) -> None:
        self._kind = which
        if self._filter.sourceModel() is not self._model:
            self._filter.setSourceModel(self._model)
        self._ask(which=which)
        self._set_buttons()
        self.kind_chosen.emit(which)

    def _show_rest(self) -> None:
        is_more, said = self._rest.get(self._older_kind, (True, ""))
        model = self._model
        oldest = model.oldest_words()
        if oldest and not said:
            said = self.tr("Back to {0}").format(oldest)
        elif oldest:
            said = self.tr("Back to {0}. {1}").format(oldest, said)
        self.reach.setText(said)
        self.older.setVisible(self._kind != LIVE or self._sought.is_asked)
        self.older.allow(is_more and self._may_ask_older, self._why_no_older or said)

    def _ask(self, text: str | None = None, which: str | None = None) -> None:
        self._filter.ask(text, which)
        self._count()

    def _count(self, *_: object) -> None:
        shown, total = self._filter.rowCount(), self._model.rowCount()
        said = self.tr("the last {0}").format(total)
        if shown != total:
            said = self.tr("{0} of the last {1}").format(shown, total)
        if self._sought.is_asked:
            said = self.tr("{0} found").format(shown)
        self.count.setText(said if total else "")
        self._show_rest()
        self._empty.setVisible(shown == 0)
        self.table.setVisible(shown > 0)
        self._foot.setVisible(total > 0 or self._kind == TROUBLE or self._sought.is_asked)
        self._empty.show_why(*self._why_empty(total))

    def _why_empty(self, total: int) -> tuple[str, str, str]:
        """An icon, what is true, and the next step."""
        if total:
            hint = self.tr("Clear the filter to see all {0}.").format(words.count(total))
            return "magnifying-glass", self.tr("No run matches"), hint
        if self._is_awaited:
            hint = self.tr("What it finds comes here.")
            return "hourglass-medium-fill", self.tr("The agent is asked"), hint
        if self._sought.is_asked and not self._is_answered:
            hint = self.tr("The agent is asked for these conditions as soon as it is heard.")
            return "question", self.tr("The agent was not asked yet"), hint
        if self._sought.is_asked:
            hint = self.tr("The agent was asked for these conditions; what it says stands below.")
            return "magnifying-glass", self.tr("No run was found"), hint
        if self._kind == TROUBLE:
            hint = self.tr("Runs that fail, and moments that are missed, stand here.")
            return "check-circle", self.tr("No run went wrong"), hint
        hint = self.tr("Runs appear here as soon as a task starts.")
        return "clock-counter-clockwise", self.tr("No run yet"), hint

    def _set_buttons(self, *_: object) -> None:
        run = self.table.current_run()
        choose = self.tr("Choose a run first")
        self.open_log.allow(run is not None, choose)
        self.open_task.allow(run is not None, choose)
        failed = run is not None and (
            run.state == "retry_wait" or run_look(run).family == "bad" or run.result == "aborted"
        )
        good = choose if run is None else self.tr("Only what failed is tried again")
        self.retry.allow(self._may and failed, good if self._may else self._why_not)
        quiet = choose if run is None else self.tr("No alert is open about it")
        has_alert = run is not None and self._has_alert(run.id, run.task_id)
        self.alert.allow(has_alert, quiet)
        stoppable = run is not None and run.state in ("running", "queued", "retry_wait")
        ended = choose if run is None else self.tr("This run is not in progress")
        self.stop.allow(self._may and stoppable, ended if self._may else self._why_not)
        self.why.allow(
            self._may_ask and run is not None, choose if self._may_ask else self._why_silent
        )
        over = choose if run is None else self.tr("This run is still in progress")
        again = run is not None and run.state == ENDED
        self.again.allow(self._may and again, over if self._may else self._why_not)

    def _open(self) -> None:
        run = self.table.current_run()
        if run is not None:
            self.log_requested.emit(run.id)

    def _go(self) -> None:
        run = self.table.current_run()
        if run is not None:
            self.task_opened.emit(run.task_id)

    def _ask_why(self) -> None:
        run = self.table.current_run()
        if run is not None:
            self.why_requested.emit(run.task_id, run.scheduled_ms)

    def _run_again(self) -> None:
        run = self.table.current_run()
        if run is not None:
            self.again_requested.emit(run.task_id, run.scheduled_ms)

    def _show_alert(self) -> None:
        run = self.table.current_run()
        if run is not None:
            self.alert_wanted.emit(run.id, run.task_id)

    def _try_again(self) -> None:
        run = self.table.current_run()
        if run is not None:
            self.try_again_requested.emit(run.id)

    def _stop(self) -> None:
        run = self.table.current_run()
        if run is not None:
            self.stop_requested.emit(run.id)
