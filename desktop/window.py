"""The window: every panel in its place, and everything the user may want.

What it asks for (connect these to whatever talks to the agent):
    run_requested(task_id)              stop_requested(run_id)
    pause_requested(ids, until_ms|None) resume_requested(ids)
    enable_requested(ids)               disable_requested(ids)
    detail_requested(task_id)           the newest `task.get` of the task now shown
    history_requested(task_id|"")       the newest runs of a task, or of all
    run_detail_requested(run_id)        the row of a run that is not known here
    log_requested(run_id)               show this run's log, from its tail, and go on
    log_closed(run_id)                  nobody looks at it any more
    refresh_requested()                 F5: ask for everything anew
    retry_requested()                   "Try now"
    connections_requested()             the list of connections
    undo_requested()                    take the last reversible act back
    theme_chosen(choice)                remember the appearance
    compact_chosen(bool)                remember the density

What it is told (plain slots):
    show_link(Link)            show_rows(rows, gone)        forget_rows()
    show_heartbeat(Heartbeat)  show_metric(Metric)          show_detail(TaskDetail)
    show_history(task_id, runs)                             show_run_detail(RunDetail)
    begin_log(run_id)          append_log(run_id, bytes|str, skipped=0)   end_log(run_id)
    show_notice(text, kind="done"|"bad"|"doubt", can_undo=False)
    show_pending(task_id, bool)   an order for the task is on its way, or answered
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from desktop import freshness, words
from desktop.freshness import Link
from desktop.models.checks import ChecksModel
from desktop.models.filter import Query, TaskFilter
from desktop.models.runs import RunsModel
from desktop.models.tasks import ROW, STATE, TaskModel
from desktop.theme import Theme
from desktop.views.banner import Banner, Refusal
from desktop.views.confirm import Confirm
from desktop.views.details.panel import MIN_PX, USUAL_PX, Details
from desktop.views.executions import Executions
from desktop.views.grid.view import TaskGrid
from desktop.views.header import Header, Stripe
from desktop.views.log import LogDock
from desktop.views.nothing import Nothing
from desktop.views.overview.page import Overview
from desktop.views.rail import OVERVIEW, RUNS, TASKS, Rail
from desktop.views.status import StatusBar
from desktop.views.toasts import Toasts
from desktop.views.toolbar import Toolbar
from shared.protocol.events import Heartbeat, Metric
from shared.protocol.requests import RunDetail, TaskDetail
from shared.protocol.rows import Agent, Check, Key, Row, Run, Task

RECENT: Final = 50
TICK_MS: Final = 1_000
AGE_MS: Final = 200
NARROW_PX: Final = 900
FLOAT_BELOW_PX: Final = 1_100
SMALLEST: Final = (960, 600)
USUAL: Final = (1440, 900)
LOG_PX: Final = 196
SMALL_PX: Final = 1_360
LARGE_PX: Final = 1_800
LARGE_PANEL_PX: Final = 440
QUIET_MS: Final = 300
_NOTICE_ICONS: Final = {"done": "check-bold", "bad": "warning-fill", "doubt": "question-bold"}


class MainWindow(QMainWindow):
    """Composes the panels and passes on what they ask."""

    run_requested = Signal(str)
    stop_requested = Signal(str)
    pause_requested = Signal(list, object)
    resume_requested = Signal(list)
    enable_requested = Signal(list)
    disable_requested = Signal(list)
    detail_requested = Signal(str)
    history_requested = Signal(str)
    run_detail_requested = Signal(str)
    log_requested = Signal(str)
    log_closed = Signal(str)
    refresh_requested = Signal()
    retry_requested = Signal()
    connections_requested = Signal()
    undo_requested = Signal()
    theme_chosen = Signal(str)
    compact_chosen = Signal(bool)

    def __init__(
        self, theme: Theme, here: Callable[[], int], parent: QWidget | None = None
    ) -> None:
        """`here` is this machine's clock in ms since 1970 UTC."""
        super().__init__(parent)
        self._theme, self._here = theme, here
        self._link = Link()
        self._agent: Agent | None = None
        self._shown_task = ""
        self._query = Query()
        self._tasks = TaskModel(self.now)
        self._filter = TaskFilter(ROW, STATE)
        self._filter.setSourceModel(self._tasks)
        self._runs = RunsModel(self.now, limit=RECENT)
        self._checks = ChecksModel()
        self._tasks.set_heard(False)
        # A task's details are asked for once the keyboard has come to rest on it.
        self._ask_detail = QTimer(self, interval=QUIET_MS, singleShot=True)
        self._ask_detail.timeout.connect(self._request_detail)
        self._build()
        self._join()
        self.actions_by_name = self._make_actions()
        theme.on_change(self._dress_actions)
        self.setMinimumSize(*SMALLEST)
        self.resize(*USUAL)
        self._ticker = QTimer(self, interval=TICK_MS)
        self._ticker.timeout.connect(self.tick)
        self._ticker.start()
        self._ager = QTimer(self, interval=AGE_MS)
        self._ager.timeout.connect(self._show_age)
        self._ager.start()
        self.show_screen(TASKS)
        self.show_link(self._link)
        self.grid.setFocus()

    def now(self) -> int:
        """The agent's time; it stands still while the agent is silent."""
        return self._link.agent_now_ms(self._here())

    # What it is told ---------------------------------------------------------------------

    def show_link(self, link: Link) -> None:
        """The link changed."""
        had, self._link = self._link, link
        name, environment = link.name, link.environment
        said = f"{name} ({environment})" if environment else name
        self.setWindowTitle(f"{said} \N{EN DASH} Smart Cron" if said else "Smart Cron")
        self._stripe.show_environment(environment)
        self._tasks.set_heard(link.was_heard)
        as_of = self._as_of()
        # The clock stands still at the last beat now, so nothing turns late by silence alone.
        self._tasks.tick()
        self._tasks.set_as_of(as_of)
        self.grid.show_stale(as_of)
        self.details.show_stale(as_of)
        self.executions.show_stale(as_of)
        self.log.show_stale(bool(as_of))
        may, why = link.may_command, self._why_not()
        for view in (self.grid, self.details, self.executions, self.overview):
            view.allow_commands(may, why)
        self._screens.setVisible(link.state != freshness.REFUSED)
        self.refusal.setVisible(link.state == freshness.REFUSED)
        self.refusal.show_link(link)
        self._set_actions()
        self._show_clocks()
        self._show_counts()
        if link.is_live and not had.is_live:
            self.history_requested.emit("")
            self._ask_detail.start()

    def show_rows(self, rows: Iterable[Row], gone: Sequence[Key] = ()) -> None:
        """Rows came or went; each model takes its own."""
        rows = list(rows)
        lost: dict[str, list[str]] = {}
        for kind, row_id in gone:
            lost.setdefault(kind, []).append(row_id)
        tasks = [row for row in rows if isinstance(row, Task)]
        runs = [row for row in rows if isinstance(row, Run)]
        self._tasks.show_rows(tasks, lost.get("task", ()))
        if tasks:
            self._runs.set_zones({task.id: task.tz for task in self._tasks.tasks()})
        self._runs.show_rows(runs, lost.get("run", ()))
        self._checks.show_rows(
            [row for row in rows if isinstance(row, Check)], lost.get("check", ())
        )
        for row in rows:
            if isinstance(row, Agent):
                self._agent = row
                self.overview.set_zone(row.tz)
        self.details.show_runs(runs)
        self._name_log(runs)
        self._follow_shown(tasks, lost.get("task", ()))

    def forget_rows(self) -> None:
        """Another agent: nothing of the last one may stay."""
        self._agent = None
        self._shown_task = ""
        self._tasks.clear()
        self._runs.follow(None)
        self._checks.clear()
        self.overview.forget()
        self.details.show_task(None, "unknown")
        self.log.show_nothing()

    def show_heartbeat(self, heartbeat: Heartbeat) -> None:
        """The agent lives."""
        self.overview.show_heartbeat(heartbeat)

    def show_metric(self, metric: Metric) -> None:
        """A sample of the server came."""
        self.overview.show_metric(metric)

    def show_detail(self, detail: TaskDetail) -> None:
        """A task's settings, series and last failure came."""
        self.details.show_detail(detail)

    def show_history(self, task_id: str, runs: Sequence[Run]) -> None:
        """Runs of a task came, or of all where `task_id` is empty."""
        if not task_id:
            self._runs.show_rows(runs)
        self.details.show_runs(runs)
        self._name_log(runs)

    def show_run_detail(self, detail: RunDetail) -> None:
        """One run in full came."""
        self._name_log([detail.run])

    def begin_log(self, run_id: str) -> None:
        """The log of that run follows."""
        self.log.begin(run_id)
        self.log.show()
        run = self._runs.run(run_id)
        if run is None:
            self.run_detail_requested.emit(run_id)
        else:
            self._name_log([run])

    def append_log(self, run_id: str, output: bytes | str, skipped: int = 0) -> None:
        """More of that log, as bytes or as text; `skipped` bytes before it were left out."""
        if run_id == self.log.run_id:
            self.log.append(output, skipped)

    def end_log(self, run_id: str) -> None:
        """That log is complete."""
        if run_id == self.log.run_id:
            self.log.end()

    def show_notice(self, text: str, kind: str = "done", can_undo: bool = False) -> None:
        """What became of an order, with the way back if there is one."""
        undo = self.undo_requested.emit if can_undo else None
        self.toasts.show_toast(text, icon=_NOTICE_ICONS.get(kind, "info"), undo=undo)

    def show_pending(self, task_id: str, pending: bool) -> None:
        """An order for that task is on its way, or was answered."""
        self.grid.show_pending(task_id, pending)

    def tick(self) -> None:
        """A second has passed: one timer for all countdowns."""
        self._show_clocks()
        if not self._link.is_live:
            return
        self._tasks.tick()
        self.grid.tick()
        self._runs.tick()
        self.details.tick()
        self.overview.tick()

    def show_screen(self, screen: str) -> None:
        """Go to a screen."""
        self._pages.setCurrentWidget(self._by_screen[screen])
        self.rail.choose(screen)
        if screen == OVERVIEW:
            self.overview.refresh()
        focus: dict[str, QWidget] = {
            OVERVIEW: self.overview,
            TASKS: self.grid,
            RUNS: self.executions.table,
        }
        focus[screen].setFocus()
        self.details.setVisible(screen == TASKS and self._wants_details)

    @property
    def screen_name(self) -> str:
        """The screen we are on."""
        current = self._pages.currentWidget()
        return next(name for name, page in self._by_screen.items() if page is current)

    # Building ----------------------------------------------------------------------------

    def _build(self) -> None:
        theme = self._theme
        self._stripe = Stripe(theme)
        self.header = Header(theme)
        self.rail = Rail(theme)
        self.banner = Banner(theme)
        self.refusal = Refusal(theme)
        self.refusal.hide()
        self.toolbar = Toolbar(theme)
        self.grid = TaskGrid(self._tasks, self._filter, theme, self.now)
        self.nothing = Nothing(theme)
        self.details = Details(theme, self.now)
        self._wants_details = True
        self._floats = False
        self.log = LogDock(theme)
        self.executions = Executions(self._runs, theme)
        self.overview = Overview(self._tasks, self._checks, theme, self.now)
        self.status = StatusBar(theme)

        upper = QWidget()
        column = _column(upper)
        column.addWidget(self.toolbar)
        column.addWidget(self.nothing, 1)
        column.addWidget(self.grid, 1)
        tasks = upper
        self._pages = QStackedWidget()
        self._by_screen = {OVERVIEW: self.overview, TASKS: tasks, RUNS: self.executions}
        for page in self._by_screen.values():
            self._pages.addWidget(page)
        self._left = QSplitter(Qt.Orientation.Vertical)
        self._left.setHandleWidth(1)
        self._left.setChildrenCollapsible(False)
        self._left.addWidget(self._pages)
        self._left.addWidget(self.log)
        self._left.setStretchFactor(0, 1)
        self._left.setSizes([USUAL[1] - 72 - LOG_PX, LOG_PX])
        self._across = QSplitter(Qt.Orientation.Horizontal)
        self._across.setHandleWidth(1)
        self._across.setChildrenCollapsible(False)
        self._across.addWidget(self._left)
        self._across.addWidget(self.details)
        self._across.setStretchFactor(0, 1)
        self._across.setSizes([USUAL[0] - 72 - USUAL_PX, USUAL_PX])
        self._screens = QWidget()
        screens = _column(self._screens)
        screens.addWidget(self._across, 1)
        body = QWidget()
        inner = _column(body)
        inner.addWidget(self.banner)
        inner.addWidget(self._screens, 1)
        inner.addWidget(self.refusal, 1)
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.rail)
        middle.addWidget(body, 1)
        whole = QWidget()
        outer = _column(whole)
        outer.addWidget(self._stripe)
        outer.addWidget(self.header)
        outer.addLayout(middle, 1)
        outer.addWidget(self.status)
        self.setCentralWidget(whole)
        self.toasts = Toasts(theme, whole)
        self.log.hide()
        self.nothing.hide()

    def _join(self) -> None:
        """Connect what the panels ask to what the window asks."""
        self.rail.chosen.connect(self.show_screen)
        self.rail.appearance_chosen.connect(self._choose_theme)
        self.rail.compact_chosen.connect(self.set_compact)
        self.rail.connections_requested.connect(self.connections_requested)
        self.header.connections_requested.connect(self.connections_requested)
        self.header.times_chosen.connect(self.set_times)
        self.banner.retry_requested.connect(self.retry_requested)
        self.refusal.connections_requested.connect(self.connections_requested)
        self.toolbar.states_chosen.connect(self._filter_states)
        self.toolbar.query_changed.connect(self._filter_query)
        self.toolbar.sort_chosen.connect(self._tasks.set_sort)
        self.toolbar.grouping_chosen.connect(self._tasks.set_grouped)
        self.toolbar.compact_chosen.connect(self.set_compact)
        self.toolbar.left.connect(self.grid.setFocus)
        self.nothing.cleared.connect(self.toolbar.clear)
        self._tasks.counts_changed.connect(self._show_counts)
        self.grid.task_selected.connect(self._select)
        self.grid.task_opened.connect(self.open_task)
        self.grid.run_requested.connect(self._run)
        self.grid.pause_requested.connect(self._pause_or_resume)
        self.grid.log_requested.connect(self.open_newest_log)
        self.grid.menu_requested.connect(self._open_menu)
        self.details.run_requested.connect(self._run)
        self.details.stop_requested.connect(self._ask_stop)
        self.details.pause_requested.connect(self._pause)
        self.details.resume_requested.connect(self._resume)
        self.details.enable_requested.connect(self._enable)
        self.details.disable_requested.connect(self._disable)
        self.details.log_requested.connect(self._open_log)
        self.details.closed.connect(self.toggle_details)
        self.executions.log_requested.connect(self._open_log)
        self.executions.stop_requested.connect(self._ask_stop)
        self.executions.task_opened.connect(self.open_task)
        self.overview.task_opened.connect(self.open_task)
        self.overview.run_requested.connect(self._run)
        self.overview.log_requested.connect(self.open_newest_log)
        self.overview.tasks_requested.connect(self._open_list)
        self.overview.runs_requested.connect(lambda: self.show_screen(RUNS))
        self.log.closed.connect(self.toggle_log)
        self.log.failed.connect(self._complain)

    def _make_actions(self) -> dict[str, QAction]:
        """Every action once; menus and keys share them."""
        table: tuple[tuple[str, str, str, str, Callable[[], object]], ...] = (
            ("run", self.tr("Run now"), "play-fill", "Ctrl+R", self._run_chosen),
            ("stop", self.tr("Stop the run"), "stop-fill", "Ctrl+.", self._stop_chosen),
            ("pause", self.tr("Pause or resume"), "pause-fill", "Ctrl+P", self._pause_chosen),
            ("switch", self.tr("Enable or disable"), "power", "", self._switch_chosen),
            ("log", self.tr("Newest log"), "file-text", "Ctrl+L", self.open_newest_log),
            ("details", self.tr("Details panel"), "", "Ctrl+I", self.toggle_details),
            ("dock", self.tr("Log dock"), "", "Ctrl+J", self.toggle_log),
            ("overview", self.tr("Overview"), "", "Ctrl+1", lambda: self.show_screen(OVERVIEW)),
            ("tasks", self.tr("Tasks"), "", "Ctrl+2", lambda: self.show_screen(TASKS)),
            ("runs", self.tr("Runs"), "", "Ctrl+3", lambda: self.show_screen(RUNS)),
            ("filter", self.tr("Filter"), "", "/", self._focus_filter),
            ("refresh", self.tr("Ask for everything anew"), "", "F5", self._refresh),
            ("search", self.tr("Search in the log"), "", "Ctrl+F", self._search_log),
            ("match", self.tr("Next match"), "", "F3", lambda: self.log.go_to_match(1)),
            ("back", self.tr("Previous match"), "", "Shift+F3", lambda: self.log.go_to_match(-1)),
            ("end", self.tr("End of the log"), "", "Ctrl+End", self.log.go_to_end),
            ("trouble", self.tr("Next trouble"), "", "Alt+Down", lambda: self._to_trouble(1)),
            ("earlier", self.tr("Previous trouble"), "", "Alt+Up", lambda: self._to_trouble(-1)),
            ("undo", self.tr("Undo"), "", "Ctrl+Z", self.undo_requested.emit),
            ("copy", self.tr("Copy the name"), "copy", "", self._copy_name),
            ("times", self.tr("Times in"), "", "Ctrl+Shift+T", self._next_times),
            ("settings", self.tr("Settings"), "", "Ctrl+,", self.rail.settings.click),
            ("connections", self.tr("Connections"), "", "Ctrl+O", self.connections_requested.emit),
        )
        actions: dict[str, QAction] = {}
        for name, text, icon, key, act in table:
            action = QAction(text, self)
            action.setProperty("icon_name", icon)
            if key:
                action.setShortcut(QKeySequence(key))
            action.triggered.connect(lambda _=False, act=act: act())
            self.addAction(action)
            actions[name] = action
        return actions

    def _dress_actions(self) -> None:
        for action in self.actions_by_name.values():
            name = action.property("icon_name")
            if name:
                action.setIcon(self._theme.icon(name))

    # What the user does ------------------------------------------------------------------

    def set_times(self, times: str) -> None:
        """In whose zone every time is said."""
        self.header.times.choose(times)
        for part in (self._tasks, self._runs, self.details, self.overview):
            part.set_times(times)

    def set_compact(self, compact: bool) -> None:
        """Lower rows, or comfortable ones."""
        if compact != self.grid.is_compact:
            self.grid.set_compact(compact)
            self.compact_chosen.emit(compact)
        self.toolbar.show_compact(compact)

    def toggle_details(self) -> None:
        """Show the details panel, or hide it."""
        self._wants_details = not self.details.isVisible()
        self._place_floating()
        self.details.setVisible(self._wants_details)

    def toggle_log(self) -> None:
        """Show the log, or hide it and say that nobody looks at it any more."""
        if self.log.isVisible():
            self.log.hide()
            if self.log.run_id:
                self.log_closed.emit(self.log.run_id)
                self.log.show_nothing()
        else:
            self.log.show()

    def open_newest_log(self, task_id: str = "") -> None:
        """The log of the run in progress, else of the last one."""
        task = self._tasks.task(task_id) if task_id else self._chosen_task()
        if task is None:
            return
        run_id = task.run_id or (task.last.run_id if task.last is not None else None)
        if run_id is None:
            self.show_notice(self.tr("{0} has not run yet, so it has no log.").format(task.name))
            return
        self._open_log(run_id)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < FLOAT_BELOW_PX
        if narrow != self._floats:
            self._float_details(narrow)
        self._place_floating()
        if not narrow and event.size().width() != event.oldSize().width():
            self._share_room()
        self.rail.set_narrow(self.width() < NARROW_PX)
        self.status.set_narrow(narrow)

    def _float_details(self, floats: bool) -> None:
        """On a small window the panel stands over the grid, and only when it is asked for."""
        self._floats = floats
        if floats:
            self.details.setParent(self._screens)
            self._wants_details = False
            self.details.hide()
        else:
            self._across.addWidget(self.details)
            self._share_room()
            self._wants_details = True
            self.details.setVisible(self.screen_name == TASKS)

    def _share_room(self) -> None:
        """A small window leaves the grid more of its width, a large one the panel."""
        wide = USUAL_PX
        if self.width() < SMALL_PX:
            wide = MIN_PX
        elif self.width() >= LARGE_PX:
            wide = LARGE_PANEL_PX
        self._across.setSizes([self.width() - 72 - wide, wide])

    def _place_floating(self) -> None:
        if self._floats:
            room = self._screens.rect()
            self.details.setGeometry(room.width() - USUAL_PX, 0, USUAL_PX, room.height())
            self.details.raise_()

    def _open_log(self, run_id: str) -> None:
        if self.log.run_id and self.log.run_id != run_id:
            self.log_closed.emit(self.log.run_id)
        self.begin_log(run_id)
        self.log_requested.emit(run_id)

    def _choose_theme(self, choice: str) -> None:
        self._theme.choose(choice)
        self.theme_chosen.emit(choice)

    def _next_times(self) -> None:
        order = (words.TASK_TIMES, words.LOCAL_TIMES, words.UTC_TIMES)
        self.set_times(order[(order.index(self._tasks.times) + 1) % len(order)])

    def _focus_filter(self) -> None:
        if self.screen_name == RUNS:
            self.executions.focus_filter()
        else:
            self.show_screen(TASKS)
            self.toolbar.field.edit.setFocus()

    def _search_log(self) -> None:
        self.log.show()
        self.log.focus_search()

    def _to_trouble(self, step: int) -> None:
        self.show_screen(TASKS)
        self.grid.go_to_trouble(step)

    def _refresh(self) -> None:
        self.grid.refresh_order()
        self.refresh_requested.emit()

    def _copy_name(self) -> None:
        task = self._chosen_task()
        if task is not None:
            QGuiApplication.clipboard().setText(task.name)

    def _open_list(self, state: str) -> None:
        self.show_screen(TASKS)
        self.toolbar.choose_state(state)

    def _select(self, task_id: str) -> None:
        if task_id == self._shown_task:
            return
        self._shown_task = task_id
        task = self._tasks.task(task_id)
        self.details.show_task(task, self._tasks.state(task_id))
        self.details.show_runs(self._runs.runs())
        self._set_actions()
        self._ask_detail.start()

    def open_task(self, task_id: str) -> None:
        """Show that task in the grid and in the details panel."""
        self.show_screen(TASKS)
        self._wants_details = True
        self._place_floating()
        self.details.show()
        self.grid.select_task(task_id)
        self._select(task_id)

    def _request_detail(self) -> None:
        if self._shown_task and self._link.was_heard:
            self.detail_requested.emit(self._shown_task)
            self.history_requested.emit(self._shown_task)

    def _chosen_task(self) -> Task | None:
        return self._tasks.task(self._shown_task)

    # Commands ----------------------------------------------------------------------------

    def _complain(self, text: str) -> None:
        self.show_notice(text, "bad")

    def _may(self) -> bool:
        if not self._link.may_command:
            self._complain(self._why_not())
        return self._link.may_command

    def _run(self, task_id: str) -> None:
        if self._may():
            self.run_requested.emit(task_id)

    def _run_chosen(self) -> None:
        task = self._chosen_task()
        if task is not None:
            self._run(task.id)

    def _stop_chosen(self) -> None:
        task = self._chosen_task()
        if task is not None and task.run_id is not None:
            self._ask_stop(task.run_id)

    def _ask_stop(self, run_id: str) -> None:
        """Ask first: what a run has done cannot be taken back."""
        if not self._may():
            return
        run = self._runs.run(run_id)
        by_task = (task.id for task in self._tasks.tasks() if task.run_id == run_id)
        name = run.task_id if run is not None else next(by_task, self.details.task_id)
        spent = ""
        if run is not None and run.start_ms is not None:
            spent = self.tr("It has run for {0}. ").format(words.span(self.now() - run.start_ms))
        dialog = Confirm(
            self._theme,
            question=self.tr("Stop {0} on {1}?").format(name, self._link.name),
            consequence=spent
            + self.tr(
                "It gets its time of grace to end by itself, then all its processes are killed. "
                "What it has done so far stays."
            ),
            keep=self.tr("Let it run"),
            act=self.tr("Stop the run"),
            environment=self._link.environment,
            parent=self,
        )
        dialog.accepted.connect(lambda: self.stop_requested.emit(run_id))
        dialog.open()

    def _pause_or_resume(self, ids: list[str]) -> None:
        tasks = [task for task in map(self._tasks.task, ids) if task is not None]
        if all(task.paused for task in tasks):
            self._resume(ids)
        else:
            self._pause(ids, None)

    def _pause_chosen(self) -> None:
        chosen = self.grid.chosen_tasks()
        if chosen:
            self._pause_or_resume([task.id for task in chosen])

    def _pause(self, ids: list[str], until_ms: int | None) -> None:
        if self._may():
            self.pause_requested.emit(ids, until_ms)

    def _resume(self, ids: list[str]) -> None:
        if self._may():
            self.resume_requested.emit(ids)

    def _switch_chosen(self) -> None:
        tasks = self.grid.chosen_tasks()
        ids = [task.id for task in tasks]
        if not ids:
            return
        if all(not task.enabled for task in tasks):
            self._enable(ids)
        else:
            self._disable(ids)

    def _enable(self, ids: list[str]) -> None:
        if self._may():
            self.enable_requested.emit(ids)

    def _disable(self, ids: list[str]) -> None:
        if self._may():
            self.disable_requested.emit(ids)

    def _open_menu(self, at: QPoint) -> None:
        menu = QMenu(self)
        for name in ("run", "stop", "pause", "switch"):
            menu.addAction(self.actions_by_name[name])
        menu.addSeparator()
        for name in ("log", "copy"):
            menu.addAction(self.actions_by_name[name])
        menu.setToolTipsVisible(True)
        menu.popup(at)

    # Showing -----------------------------------------------------------------------------

    def _why_not(self) -> str:
        """Why no command can be given now."""
        link = self._link
        if link.state == freshness.NEVER:
            return self.tr("Off until the agent is heard")
        if link.state == freshness.OFFLINE:
            return self.tr("Off: the connection is closed")
        if link.state == freshness.REFUSED:
            return self.tr("Off: the agent refuses this desktop's key")
        if not link.is_live:
            return self.tr("Off while the agent is silent")
        if not link.may_command:
            return self.tr("Needs the operator role")
        return ""

    def _as_of(self) -> str:
        """The time of the state shown, while it may be old; empty while it is live."""
        link = self._link
        if link.is_live or link.beat_ms is None:
            return ""
        zone = words.zone_named(self._zone())
        return words.clock(link.beat_ms, zone, link.beat_ms, seconds=True)

    def _zone(self) -> str:
        return self._agent.tz if self._agent is not None else "UTC"

    def _set_actions(self) -> None:
        may, why = self._link.may_command, self._why_not()
        task = self._chosen_task()
        runs = task is not None and task.run_id is not None
        on = {
            "run": task is not None and not runs,
            "stop": runs,
            "pause": task is not None,
            "switch": task is not None,
        }
        for name, possible in on.items():
            action = self.actions_by_name.get(name) if hasattr(self, "actions_by_name") else None
            if action is not None:
                action.setEnabled(may and possible)
                action.setToolTip(why or action.text())

    def _show_age(self) -> None:
        self.header.show_link(self._link, self._here())

    def _show_clocks(self) -> None:
        here_ms, zone = self._here(), self._zone()
        self.header.show_link(self._link, here_ms)
        self.banner.show_link(self._link, here_ms=here_ms, zone=zone)
        self.status.show_link(self._link, here_ms=here_ms, zone=zone)
        self.overview.show_link(self._link, stale=bool(self._as_of()))

    def _show_counts(self) -> None:
        counts = self._tasks.counts()
        self.toolbar.show_counts(counts, stale=bool(self._as_of()))
        tasks = self._tasks.tasks()
        self.status.show_load(
            tasks=len(tasks),
            running=sum(task.running for task in tasks),
            slots=self._agent.max_running if self._agent is not None else 0,
            queued=counts["queued"],
        )
        self._show_emptiness()

    def _show_emptiness(self) -> None:
        empty = self._filter.shown_tasks() == 0
        self.grid.setVisible(not empty)
        self.nothing.setVisible(empty)
        if empty:
            known = [task.name for task in self._tasks.tasks()]
            self.nothing.show_why(heard=self._link.was_heard, known=known, words=self._query.words)

    def _filter_states(self, states: frozenset[str]) -> None:
        self._filter.set_states(states)
        self._show_emptiness()

    def _filter_query(self, query: Query) -> None:
        self._query = query
        self._filter.set_query(query)
        self._show_emptiness()

    def _name_log(self, runs: Iterable[Run]) -> None:
        for run in runs:
            if run.id == self.log.run_id:
                task = self._tasks.task(run.task_id)
                zone = task.tz if task is not None else self._zone()
                self.log.show_run(run, zone=zone, now_ms=self.now())

    def _follow_shown(self, tasks: Sequence[Task], gone: Sequence[str]) -> None:
        """Keep the details panel with the newest row, and ask for more when a run has ended."""
        if self._shown_task in gone:
            self._shown_task = ""
            self.details.show_task(None, "unknown")
            return
        for task in tasks:
            if task.id == self._shown_task:
                self.details.show_task(task, self._tasks.state(task.id))
                self._set_actions()
                self._ask_detail.start()
        if not self._shown_task and self._tasks.tasks() and self._filter.rowCount():
            self._show_first()

    def _show_first(self) -> None:
        """Something is chosen from the start: the first task of the grid."""
        index = self._filter.index(0, 0)
        if self._filter.rowCount(index):
            index = self._filter.index(0, 0, index)
        task = index.data(ROW)
        if isinstance(task, Task):
            self.grid.select_task(task.id)
            self._select(task.id)
            self.grid.setFocus()


def _column(holder: QWidget) -> QVBoxLayout:
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    return layout
