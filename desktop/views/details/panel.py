"""The panel at the right: one task, its buttons and its tabs."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop import words
from desktop.models.runs import Column, RunsModel
from desktop.parts.buttons import GHOST, PRIMARY, Button
from desktop.parts.facts import Facts
from desktop.parts.labels import Elided, Ground, Pill, Words
from desktop.parts.run_table import RunTable
from desktop.parts.scrolling import scrolled
from desktop.parts.tabs import Tabs
from desktop.states import is_watch, task_look
from desktop.theme import Theme
from desktop.views.details.policies import say_settings
from desktop.views.details.summary import Section, Summary
from desktop.views.details.tail import Tail
from shared.protocol.requests import TaskDetail, TaskSettings
from shared.protocol.rows import Run, Task

SUMMARY_TAB: Final = 0
RUNS_TAB: Final = 1
LOG_TAB: Final = 2
SETTINGS_TAB: Final = 3
MIN_PX: Final = 330
USUAL_PX: Final = 348
MOST_PX: Final = 520


class Details(Ground):
    """One task in full. It asks by signals; it changes only by what it is shown."""

    run_requested = Signal(str)
    stop_requested = Signal(str)
    pause_requested = Signal(list)
    why_requested = Signal(str, object)
    """The task, and the moment in question; None leaves it open."""
    again_requested = Signal(str, object)
    edit_requested = Signal(str)
    try_requested = Signal()
    resume_requested = Signal(list)
    enable_requested = Signal(list)
    disable_requested = Signal(list)
    log_requested = Signal(str)
    tail_wanted = Signal(str)
    tail_left = Signal()
    closed = Signal()
    alert_opened = Signal(str)

    def __init__(self, theme: Theme, now: words.Clock, parent: QWidget | None = None) -> None:
        super().__init__(theme, "chrome", lines="l", parent=parent)
        self._theme, self._now = theme, now
        self._task: Task | None = None
        self._state = "unknown"
        self._times = words.TASK_TIMES
        self._stale_since = ""
        self._may_command, self._why_not = False, ""
        self._newest = ""
        self.shown_settings: TaskSettings | None = None
        """The definition of the task shown; None while it has not come."""
        self._may_ask, self._why_silent = False, ""
        self._may_edit, self._why_no_edit = False, ""
        self.setMinimumWidth(MIN_PX)
        self.setMaximumWidth(MOST_PX)
        self.setObjectName("details")
        self.pill = Pill(theme)
        self.name = Elided(theme, px=16, weight=600, middle=True)
        self.subline = Elided(theme, ink="text2")
        self.run = Button(theme, self.tr("Run now"), icon="play-fill", kind=PRIMARY)
        self.run.setToolTip(self.tr("Run now (Ctrl+R)"))
        self.run.clicked.connect(self._ask_run)
        self.stop = Button(theme, self.tr("Stop"), icon="stop-fill")
        self.stop.setToolTip(self.tr("Stop the run (Ctrl+.)"))
        self.stop.clicked.connect(self._ask_stop)
        self.pause = Button(theme, self.tr("Pause until"), icon="pause-fill")
        self.pause.setToolTip(self.tr("Choose until when (Ctrl+P)"))
        self.pause.clicked.connect(self._ask_pause)
        self.resume = Button(theme, self.tr("Resume"), icon="play")
        self.resume.clicked.connect(self._ask_resume)
        self.resume.hide()
        self.enable = Button(theme, self.tr("Enable"), icon="power")
        self.enable.clicked.connect(self._ask_enable)
        self.enable.hide()
        self.alert = Button(theme, self.tr("Alert"), icon="bell-ringing-fill")
        self.alert.setToolTip(self.tr("Show what is open about this task"))
        self.alert.clicked.connect(self._ask_alert)
        self.alert.hide()
        self._alert_id = ""
        self.more = Button(theme, icon="dots-three", kind=GHOST)
        self.more.setAccessibleName(self.tr("More"))
        self.more.clicked.connect(self._open_more)
        close = Button(theme, icon="x", kind=GHOST)
        close.setToolTip(self.tr("Close (Ctrl+I)"))
        close.setAccessibleName(self.tr("Close"))
        close.clicked.connect(self.closed)

        first = QHBoxLayout()
        first.addWidget(self.pill)
        first.addStretch(1)
        first.addWidget(self.alert)
        first.addWidget(self.more)
        first.addWidget(close)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.run, self.stop, self.pause, self.resume, self.enable):
            buttons.addWidget(button)
        buttons.addStretch(1)
        head = QVBoxLayout()
        head.setContentsMargins(16, 10, 10, 8)
        head.setSpacing(2)
        head.addLayout(first)
        head.addSpacing(4)
        head.addWidget(self.name)
        head.addWidget(self.subline)
        head.addSpacing(8)
        head.addLayout(buttons)

        self.tabs = Tabs(
            theme, (self.tr("Summary"), self.tr("Runs"), self.tr("Log"), self.tr("Settings"))
        )
        self.summary = Summary(theme)
        self.summary.log_requested.connect(self.log_requested)
        self.summary.why.clicked.connect(self._ask_why)
        self.summary.again.clicked.connect(self._ask_again)
        self.summary.try_it.clicked.connect(self.try_requested)
        self._runs_model = RunsModel(now, limit=100, task_id="")
        hidden = set(Column) - {Column.TIME, Column.RESULT, Column.DURATION}
        self.runs = RunTable(self._runs_model, theme, hidden=hidden)
        self.runs.setColumnWidth(Column.TIME, 112)
        self.runs.setColumnWidth(Column.RESULT, 126)
        self.runs.log_requested.connect(self.log_requested)
        self.settings = Facts(theme, label_px=104)
        section = Section(theme)
        section.body.addWidget(self.settings)
        self._unknown = Words(
            theme, self.tr("The settings come from the agent."), ink="text3", wrap=True
        )
        section.body.addWidget(self._unknown)
        section.body.addStretch(1)
        self._stack = QStackedWidget()
        self._stack.addWidget(scrolled(self.summary, self.tr("Summary")))
        self._stack.addWidget(self.runs)
        self.tail = Tail(theme)
        self._stack.addWidget(self.tail)
        self._stack.addWidget(scrolled(section, self.tr("Settings")))
        self.tabs.chosen.connect(self._show_tab)
        self._body = QWidget()
        body = QVBoxLayout(self._body)
        body.setContentsMargins(1, 0, 0, 0)
        body.setSpacing(0)
        body.addLayout(head)
        body.addWidget(self.tabs)
        body.addWidget(self._stack, 1)
        self._empty = Words(
            theme,
            self.tr("Choose a task to see its runs, its settings and its last error."),
            ink="text3",
            wrap=True,
        )
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setMargin(32)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._empty)
        layout.addWidget(self._body)
        self._body.hide()

    # What the window tells ---------------------------------------------------------------

    def show_task(self, task: Task | None, state: str) -> None:
        """This task, or the newest row of it; none empties the panel."""
        is_other = task is None or self._task is None or task.id != self._task.id
        self._task, self._state = task, state
        self._body.setVisible(task is not None)
        self._empty.setVisible(task is None)
        if is_other:
            self.summary.forget()
        if task is None:
            return
        if is_other:
            self._runs_model.follow(task.id)
            self.settings.show_facts(())
            self.shown_settings = None
            self._unknown.show()
        self._runs_model.set_zones({task.id: task.tz})
        self._refresh()
        if self._stack.currentIndex() == LOG_TAB and newest_run(task) != self._newest:
            self._want_tail()

    def show_detail(self, detail: TaskDetail) -> None:
        """Settings, series and the last failure of the task."""
        if self._task is None or detail.row.id != self._task.id:
            return
        self.summary.show_detail(detail, now_ms=self._now(), stale=bool(self._stale_since))
        self._unknown.hide()
        self.shown_settings = detail.definition
        self.settings.show_facts(say_settings(detail.definition, detail.def_rev))
        self._refresh()

    def show_alert(self, alert_id: str) -> None:
        """The alert that is open about the task; empty for none."""
        self._alert_id = alert_id
        self.alert.setVisible(bool(alert_id))

    def show_runs(self, runs: Sequence[Run]) -> None:
        """Runs of any task; those of others are left out."""
        if self._task is not None:
            self._runs_model.show_rows(runs)

    def show_stale(self, as_of: str) -> None:
        """The state shown is of that time; empty text means it is live."""
        self._stale_since = as_of
        self.runs.show_stale(bool(as_of))
        self.tail.show_stale(bool(as_of))
        self._refresh()

    def allow_edit(self, allowed: bool, why_not: str) -> None:
        """Whether the task can be edited from here, and if not, why."""
        self._may_edit, self._why_no_edit = allowed, why_not

    def allow_commands(self, allowed: bool, why_not: str = "") -> None:
        """Whether the agent can be commanded, and if not, why."""
        self._may_command, self._why_not = allowed, why_not
        self._refresh()

    def allow_questions(self, allowed: bool, why_not: str) -> None:
        """Whether the agent can be asked, and if not, why."""
        self._may_ask, self._why_silent = allowed, why_not
        self._refresh()

    def set_times(self, times: str) -> None:
        """In whose zone times are said."""
        self._times = times
        self._runs_model.set_times(times)
        self._refresh()

    def tick(self) -> None:
        """A second has passed."""
        if self._task is not None and self.isVisible():
            self._runs_model.tick()
            self._refresh()

    @property
    def task_id(self) -> str:
        """Whose panel this is now; empty for nobody's."""
        return "" if self._task is None else self._task.id

    # Inside ------------------------------------------------------------------------------

    def _refresh(self) -> None:
        task = self._task
        if task is None:
            return
        stale = bool(self._stale_since)
        look = task_look(self._state)
        said = look.said
        if self._state == "failing" and task.fails > 1:
            said = self.tr("{0}, {1} in a row").format(said, task.fails)
        if stale:
            said = self.tr("{0} at {1}").format(look.said, self._stale_since)
        if self.pill.text != said:
            self.pill.show_look(look, said, stale=stale)
        self.name.setText(task.name)
        parts = [task.category, self.tr("priority {0}").format(task.priority), *task.tags]
        self.subline.setText(", ".join(parts))
        self._set_buttons(task)
        self.summary.show_task(task, now_ms=self._now(), times=self._times, stale=stale)

    def _set_buttons(self, task: Task) -> None:
        may, why = self._may_command, self._why_not
        runs = task.run_id is not None and task.state in ("running", "queued", "retry_wait")
        stopping = task.state == "stopping"
        idle = self.tr("It is stopping") if stopping else self.tr("It is not running")
        self.stop.allow(may and runs, idle if may else why)
        invalid, watch = task.state == "invalid", is_watch(task)
        busy = self.tr("Its definition is invalid") if invalid else self.tr("It is running already")
        if watch:
            busy = self.tr("It runs nothing: it waits for pings")
        free = not (runs or stopping or invalid or watch)
        self.run.allow(may and free, busy if may else why)
        self.pause.setVisible(not task.paused and task.enabled)
        self.pause.allow(may, why)
        self.resume.setVisible(task.paused and task.enabled)
        self.resume.allow(may, why)
        self.enable.setVisible(not task.enabled)
        self.enable.allow(may, why)
        self.summary.why.allow(self._may_ask, self._why_silent)
        self.summary.again.allow(may and not watch, busy if may else why)
        known = self._may_ask and self.shown_settings is not None
        silent = self.tr("The settings are on their way") if self._may_ask else self._why_silent
        self.summary.try_it.allow(known, silent)

    def _show_tab(self, place: int) -> None:
        was_log = self._stack.currentIndex() == LOG_TAB
        self._stack.setCurrentIndex(place)
        if place == LOG_TAB:
            self._want_tail()
        elif was_log:
            self.tail.leave()
            self.tail_left.emit()

    def _want_tail(self) -> None:
        """Follow the run in progress, else show the last one."""
        self._newest = newest_run(self._task)
        if self._newest:
            self.tail_wanted.emit(self._newest)
        else:
            self.tail.show_none()

    def _ask_run(self) -> None:
        if self._task is not None:
            self.run_requested.emit(self._task.id)

    def _ask_alert(self) -> None:
        if self._alert_id:
            self.alert_opened.emit(self._alert_id)

    def _ask_stop(self) -> None:
        if self._task is not None and self._task.run_id is not None:
            self.stop_requested.emit(self._task.run_id)

    def _ask_pause(self) -> None:
        if self._task is not None:
            self.pause_requested.emit([self._task.id])

    def _ask_why(self) -> None:
        if self._task is not None:
            self.why_requested.emit(self._task.id, None)

    def _ask_again(self) -> None:
        if self._task is not None:
            self.again_requested.emit(self._task.id, None)

    def _ask_resume(self) -> None:
        if self._task is not None:
            self.resume_requested.emit([self._task.id])

    def _ask_enable(self) -> None:
        if self._task is not None:
            self.enable_requested.emit([self._task.id])

    def _ask_disable(self) -> None:
        if self._task is not None:
            self.disable_requested.emit([self._task.id])

    def _open_more(self) -> None:
        task = self._task
        if task is None:
            return
        menu = QMenu(self)
        switch = menu.addAction(self.tr("Disable") if task.enabled else self.tr("Enable"))
        switch.triggered.connect(self._ask_disable if task.enabled else self._ask_enable)
        switch.setEnabled(self._may_command)
        switch.setToolTip(self._why_not)
        edit = menu.addAction(self.tr("Edit"))
        edit.triggered.connect(lambda: self.edit_requested.emit(task.id))
        edit.setEnabled(self._may_edit)
        edit.setToolTip(self._why_no_edit)
        menu.setToolTipsVisible(True)
        if task.last is not None:
            run_id = task.run_id or task.last.run_id
            log = menu.addAction(self.tr("Newest log"))
            log.triggered.connect(lambda: self.log_requested.emit(run_id))
        menu.popup(self.more.mapToGlobal(self.more.rect().bottomLeft()))


def newest_run(task: Task | None) -> str:
    """The run in progress, else the last one, else nothing."""
    if task is None:
        return ""
    return task.run_id or (task.last.run_id if task.last is not None else "")
