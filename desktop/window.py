"""The window: what it asks of the outside, and what it is told.

What it asks for (connect these to whatever talks to the agent):
    run_requested(task_id)              stop_requested(run_id)  try_again_requested(run_id)
    pause_requested(ids, until_ms|None, reason|None, done(), failed(text, path))
    backfill_requested(task_id, moments_ms, reason|None, done(run_ids), failed(text, path))
    question_asked(request, answered(reply), failed(text, path))
    alerts_ordered(command, said when done, commands that take it back)
    standing_ordered(command, said when done, back(reply), taken(reply), failed(text, path))
    resume_requested(ids)               skip_requested(ids)
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
    metrics_requested()                 the server's samples of the last hour

What it is told (plain slots):
    show_link(Link)            show_rows(rows, gone)        forget_rows()
    show_heartbeat(Heartbeat)  show_metric(Metric)          show_detail(TaskDetail)
    show_history(task_id, runs)                             show_run_detail(RunDetail)
    begin_log(run_id)          append_log(run_id, bytes|str, skipped=0)   end_log(run_id)
    show_notice(text, kind="done"|"bad"|"doubt", can_undo=False)
    show_pending(task_id, bool)   an order for the task is on its way, or answered
    show_metrics_history({"cpu" | "memory" | "database" | "loop": [(ms, value)]})
    restore_state(text)        what `save_state() -> str` gave at the last end
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QWidget

from desktop import freshness, keys, words
from desktop.actions import Actions
from desktop.alarms import Alarms
from desktop.allowing import allow, menu_of_task
from desktop.doorways import Doorways
from desktop.finding import entries
from desktop.following import Following
from desktop.frame import Frame
from desktop.freshness import Link
from desktop.models.tasks import ROW
from desktop.planner import Planner
from desktop.ruling import Ruling
from desktop.sifting import Sifting
from desktop.theme import Theme
from desktop.views.alerts.page import DELIVERY, QUIET, RULES_TAB
from desktop.views.palette import Palette
from desktop.views.rail import ALERTS, HEALTH, OVERVIEW, RUNS, TASKS
from desktop.views.shortcuts import Shortcuts
from desktop.vitals import Vitals
from desktop.waytests import WayTests
from shared.protocol.events import Heartbeat, Metric
from shared.protocol.requests import RunDetail, TaskDetail
from shared.protocol.rows import Agent, Alert, Check, Key, Row, Run, Task

TICK_MS: Final = 1_000
AGE_MS: Final = 200
QUIET_MS: Final = 300
_NOTICE_ICONS: Final = {"done": "check-bold", "bad": "warning-fill", "doubt": "question-bold"}


class MainWindow(Frame):
    """Gives each panel what it shows, and passes on what the user asks."""

    run_requested = Signal(str)
    stop_requested = Signal(str)
    try_again_requested = Signal(str)
    pause_requested = Signal(list, object, object, object, object)
    backfill_requested = Signal(str, list, object, object, object)
    question_asked = Signal(object, object, object)
    alerts_ordered = Signal(object, str, object)
    standing_ordered = Signal(object, str, object, object, object)
    resume_requested = Signal(list)
    skip_requested = Signal(list)
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
    metrics_requested = Signal()

    def __init__(
        self, theme: Theme, here: Callable[[], int], parent: QWidget | None = None
    ) -> None:
        """`here` is this machine's clock in ms since 1970 UTC."""
        self._here, self._link = here, Link()
        super().__init__(theme, self.now, parent)
        self._agent: Agent | None = None
        self._shown_task = ""
        self._has_metrics = False
        self._tasks.set_heard(False)
        self._sifting = Sifting(
            self.toolbar,
            self.grid,
            self.nothing,
            self._tasks,
            self._filter,
            was_heard=lambda: self._link.was_heard,
        )
        self._orders = Actions(theme, self._tasks, self._runs, self.now, self)
        self.planner = Planner(theme, self.now, self)
        self.planner.know(self._tasks.task, self._zone)
        self.alarms = Alarms(self.centre, self._alerts, self.now, self)
        self.vitals = Vitals(self.health, self._health, self.now, self)
        self.ruling = Ruling(theme, self.centre, self.now, self)
        self.waytests = WayTests(self.centre.ways, self.now, self)
        self._doorways = Doorways(
            self._alerts,
            header=self.header,
            rail=self.rail,
            overview=self.overview,
            details=self.details,
            executions=self.executions,
            toasts=self.toasts,
        )
        self._following = Following(
            self.log, self.details, self._runs, now=self.now, zone_of=self._zone_of
        )
        self._following.wanted.connect(self.log_requested)
        self._following.left.connect(self.log_closed)
        self._following.unknown.connect(self.run_detail_requested)
        # A task's details are asked for once the keyboard has come to rest on it.
        self._ask_detail = QTimer(self, interval=QUIET_MS, singleShot=True)
        self._ask_detail.timeout.connect(self._request_detail)
        self.actions_by_name = keys.make_actions(self, self._acts(), theme)
        self._join_panels()
        self._join_orders()
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
        self._orders.show_link(link)
        name, environment = link.name, link.environment
        said = f"{name} ({environment})" if environment else name
        self.setWindowTitle(f"{said} \N{EN DASH} Smart Cron" if said else "Smart Cron")
        self.stripe.show_environment(environment)
        self._tasks.set_heard(link.was_heard)
        as_of = self._as_of()
        # The clock stands still at the last beat now, so nothing turns late by silence alone.
        self._tasks.tick()
        self._tasks.set_as_of(as_of)
        self.grid.show_stale(as_of)
        self.details.show_stale(as_of)
        self.executions.show_stale(as_of)
        self.log.show_stale(bool(as_of))
        self.centre.show_stale(as_of)
        self.health.show_stale(as_of)
        for view in (self.grid, self.details, self.executions, self.overview):
            view.allow_commands(self._orders.may, self._orders.why_not)
        self._screens.setVisible(link.state != freshness.REFUSED)
        self.refusal.setVisible(link.state == freshness.REFUSED)
        self.refusal.show_link(link)
        for asker in (self.planner, self.alarms, self.vitals, self.ruling, self.waytests):
            asker.show_link(link, may=self._orders.may, why_not=self._orders.why_not)
        self._set_actions()
        self._show_clocks()
        self._show_counts()
        if link.is_live and not had.is_live:
            self._has_metrics = False
            self._want_metrics()
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
        self.planner.show_runs(runs, lost.get("run", ()))
        checks = [row for row in rows if isinstance(row, Check)]
        self._checks.show_rows(checks, lost.get("check", ()))
        self.vitals.show_rows(checks, lost.get("check", ()))
        alerts = [row for row in rows if isinstance(row, Alert)]
        self.alarms.show_rows(alerts, lost.get("alert", ()))
        for row in rows:
            if isinstance(row, Agent):
                self._agent = row
                self.overview.set_zone(row.tz)
                for page in (self.centre, self.health):
                    page.set_times(self._tasks.times, row.tz)
                self.ruling.show_agent(row)
                self.banner.show_database(row.database_away_since_ms, row.kept_writes)
        self.details.show_runs(runs)
        self._following.name(runs)
        self._follow_shown(tasks, lost.get("task", ()))

    def forget_rows(self) -> None:
        """Another agent: nothing of the last one may stay."""
        self._agent = None
        self.banner.forget()
        self._shown_task = ""
        self._has_metrics = False
        self._tasks.clear()
        self._runs.follow(None)
        self._checks.clear()
        self.overview.forget()
        self.details.show_task(None, "unknown")
        self._following.forget()
        self.planner.forget()
        self.alarms.forget()
        self.vitals.forget()
        self.ruling.forget()
        self.waytests.forget()
        self._sifting.show_emptiness()

    def show_heartbeat(self, heartbeat: Heartbeat) -> None:
        """The agent lives."""
        self.overview.show_heartbeat(heartbeat)
        self.status.show_backlog(heartbeat.sum)

    def show_metric(self, metric: Metric) -> None:
        """A sample of the server came."""
        self.overview.show_metric(metric)

    def show_metrics_history(self, series: dict[str, list[tuple[int, float]]]) -> None:
        """The last hour of the server: cpu and memory (shares), database and loop (ms)."""
        self._has_metrics = True
        self.overview.show_metrics_history(series)

    def show_detail(self, detail: TaskDetail) -> None:
        """A task's settings, series and last failure came."""
        self.details.show_detail(detail)

    def show_history(self, task_id: str, runs: Sequence[Run]) -> None:
        """Runs of a task came, or of all where `task_id` is empty."""
        if not task_id:
            self._runs.show_rows(runs)
        self.details.show_runs(runs)
        self._following.name(runs)

    def show_run_detail(self, detail: RunDetail) -> None:
        """One run in full came."""
        self._following.name([detail.run])

    def begin_log(self, run_id: str) -> None:
        """The log of that run follows."""
        self._following.begin(run_id)

    def append_log(self, run_id: str, output: bytes | str, skipped: int = 0) -> None:
        """More of that log, as bytes or as text; `skipped` bytes before it were left out."""
        self._following.append(run_id, output, skipped)

    def end_log(self, run_id: str) -> None:
        """That log is complete."""
        self._following.end(run_id)

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
        self.centre.tick()
        self.health.tick()

    def show_screen(self, screen: str) -> None:
        """Go to a screen."""
        super().show_screen(screen)
        self.alarms.show_screen(screen == ALERTS)
        self.vitals.show_screen(screen == HEALTH)
        self._set_actions()
        self._want_metrics()

    # Joining -----------------------------------------------------------------------------

    def _join_panels(self) -> None:
        """Connect what the panels tell of themselves to what the window does with it."""
        self.rail.chosen.connect(self.show_screen)
        self.rail.appearance_chosen.connect(self._choose_theme)
        self.rail.compact_chosen.connect(self.set_compact)
        self.rail.keys_requested.connect(self.open_keys)
        self.rail.connections_requested.connect(self.connections_requested)
        self.header.connections_requested.connect(self.connections_requested)
        self.header.times_chosen.connect(self.set_times)
        self.header.palette_requested.connect(self.open_palette)
        self.banner.retry_requested.connect(self.retry_requested)
        self.refusal.connections_requested.connect(self.connections_requested)
        self.toolbar.compact_chosen.connect(self.set_compact)
        self._tasks.counts_changed.connect(self._show_counts)
        self.grid.task_selected.connect(self._select)
        self.grid.task_opened.connect(self.open_task)
        self.grid.log_requested.connect(self.open_newest_log)
        self.grid.menu_requested.connect(self._open_menu)
        self.details.closed.connect(self.toggle_details)
        self.executions.log_requested.connect(self._following.open)
        self.executions.task_opened.connect(self.open_task)
        self.overview.task_opened.connect(self.open_task)
        self.overview.newest_log_requested.connect(self.open_newest_log)
        self.overview.log_requested.connect(self._following.open)
        self.overview.tasks_requested.connect(self._open_list)
        self.overview.runs_requested.connect(lambda: self.show_screen(RUNS))
        self.overview.health.opened.connect(self.open_health)
        self.log.failed.connect(self._complain)
        self.executions.why_requested.connect(self.planner.ask_why)
        self.executions.again_requested.connect(self.planner.ask_backfill)
        self.details.why_requested.connect(self.planner.ask_why)
        self.details.again_requested.connect(self.planner.ask_backfill)
        self.details.try_requested.connect(self._try_schedule)
        self.overview.load_requested.connect(self.planner.open_load)
        self._join_alerts()

    def _join_alerts(self) -> None:
        """Connect the alert centre, and every way that leads to an alert."""
        alarms, panel = self.alarms, self.centre.panel
        alarms.asked.connect(self.question_asked)
        alarms.ordered.connect(self.alerts_ordered)
        alarms.refused.connect(self._complain)
        alarms.standing_wanted.connect(self.ruling.ask)
        self.ruling.asked.connect(self.question_asked)
        self.ruling.ordered.connect(self.standing_ordered)
        self.waytests.ordered.connect(self.standing_ordered)
        self.ruling.refused.connect(self._complain)
        alarms.noticed.connect(self._doorways.tell)
        alarms.counted.connect(self._doorways.show_counts)
        alarms.counted.connect(self._set_actions)
        alarms.chosen_changed.connect(self._set_actions)
        panel.run_opened.connect(self._following.open)
        panel.task_opened.connect(self.open_task)
        panel.run_requested.connect(self._orders.run)
        panel.cause_opened.connect(self.open_alert)
        self._doorways.opened.connect(self.open_alert)

    def _join_orders(self) -> None:
        """Every order of every panel goes through one gate, and from there outside."""
        orders = self._orders
        self.grid.run_requested.connect(orders.run)
        self.grid.pause_requested.connect(orders.pause_or_resume)
        self.details.run_requested.connect(orders.run)
        self.details.stop_requested.connect(orders.stop)
        self.details.pause_requested.connect(orders.pause)
        self.details.resume_requested.connect(orders.resume)
        self.details.enable_requested.connect(orders.enable)
        self.details.disable_requested.connect(orders.disable)
        self.executions.stop_requested.connect(orders.stop)
        self.executions.try_again_requested.connect(orders.try_again)
        self.overview.run_requested.connect(orders.run)
        orders.refused.connect(self._complain)
        self.undo_requested.connect(self.toasts.forget_undo)
        orders.run_requested.connect(self.run_requested)
        orders.stop_requested.connect(self.stop_requested)
        orders.try_again_requested.connect(self.try_again_requested)
        orders.pause_asked.connect(self.planner.ask_pause)
        self.planner.asked.connect(self.question_asked)
        self.vitals.asked.connect(self.question_asked)
        self.planner.pause_requested.connect(self.pause_requested)
        self.planner.backfill_requested.connect(self.backfill_requested)
        self.planner.log_requested.connect(self._following.open)
        self.planner.task_opened.connect(self.open_task)
        self.planner.refused.connect(self._complain)
        orders.resume_requested.connect(self.resume_requested)
        orders.skip_requested.connect(self.skip_requested)
        orders.enable_requested.connect(self.enable_requested)
        orders.disable_requested.connect(self.disable_requested)

    def _acts(self) -> dict[str, Callable[[], object]]:
        """What each act of `keys` does here."""
        return {
            "run": self._run_chosen,
            "stop": self._stop_chosen,
            "pause": lambda: self._orders.pause_or_resume(self._chosen_ids()),
            "skip": lambda: self._orders.skip(self._chosen_ids()),
            "switch": lambda: self._orders.enable_or_disable(self._chosen_ids()),
            "why": lambda: self.planner.ask_why(*self._moment_at_hand()),
            "again": lambda: self.planner.ask_backfill(*self._moment_at_hand()),
            "try": self._try_schedule,
            "load": self.planner.open_load,
            "ack": self.alarms.acknowledge,
            "snooze": self.centre.panel.open_snooze,
            "note": self.centre.panel.focus_note,
            "resolve": self.alarms.resolve,
            "log": self.open_newest_log,
            "copy": self._copy_name,
            "undo": self.undo_requested.emit,
            "search": self._search_log,
            "match": lambda: self.log.go_to_match(1),
            "back": lambda: self.log.go_to_match(-1),
            "end": self.log.go_to_end,
            "dock": self._following.toggle,
            "filter": self._focus_filter,
            "trouble": lambda: self._to_trouble(1),
            "earlier": lambda: self._to_trouble(-1),
            "times": self._next_times,
            "details": self.toggle_details,
            "density": lambda: self.set_compact(not self.grid.is_compact),
            "refresh": self._refresh,
            "palette": self.open_palette,
            "overview": lambda: self.show_screen(OVERVIEW),
            "tasks": lambda: self.show_screen(TASKS),
            "runs": lambda: self.show_screen(RUNS),
            "alerts": lambda: self.show_screen(ALERTS),
            "rules": lambda: self._show_alerts(RULES_TAB),
            "quiet": lambda: self._show_alerts(QUIET),
            "messages": lambda: self._show_alerts(DELIVERY),
            "health": lambda: self.show_screen(HEALTH),
            "pane": lambda: self.go_to_pane(1),
            "pane_back": lambda: self.go_to_pane(-1),
            "connections": self.connections_requested.emit,
            "settings": self.rail.settings.click,
            "keys": self.open_keys,
        }

    # What the user does ------------------------------------------------------------------

    def set_times(self, times: str) -> None:
        """In whose zone every time is said."""
        self.header.times.choose(times)
        for part in (self._tasks, self._runs, self.details, self.overview, self.planner):
            part.set_times(times)
        for page in (self.centre, self.health):
            page.set_times(times, self._zone())
        self.ruling.set_times(times)

    def set_compact(self, compact: bool) -> None:
        """Lower rows, or comfortable ones."""
        if compact != self.grid.is_compact:
            self.grid.set_compact(compact)
            self.compact_chosen.emit(compact)
        self.toolbar.show_compact(compact)

    def open_newest_log(self, task_id: str = "") -> None:
        """The log of the run in progress, else of the last one."""
        task = self._tasks.task(task_id) if task_id else self._chosen_task()
        if task is None:
            return
        run_id = task.run_id or (task.last.run_id if task.last is not None else None)
        if run_id is None:
            self.show_notice(self.tr("{0} has not run yet, so it has no log.").format(task.name))
            return
        self._following.open(run_id)

    def open_palette(self) -> None:
        """Find a task or a command by a few letters."""
        found = entries(
            self.actions_by_name,
            self._tasks,
            self._alerts,
            open_task=self.open_task,
            open_alert=self.open_alert,
        )
        Palette(self._theme, found, self).open()

    def open_keys(self) -> None:
        """All keys on one page."""
        Shortcuts(self._theme, keys.key_list(), self).open()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc takes one layer away: the filter, then the log, then a floating panel."""
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self.screen_name == ALERTS and self.centre.leave_layer():
            return
        elif self.screen_name == TASKS and self.toolbar.is_filtering:
            self.toolbar.clear()
        elif self.log.isVisible():
            self._following.toggle()
        elif self._floats and self.details.isVisible():
            self.toggle_details()

    def _choose_theme(self, choice: str) -> None:
        self._theme.choose(choice)
        self.theme_chosen.emit(choice)

    def _next_times(self) -> None:
        order = (words.TASK_TIMES, words.LOCAL_TIMES, words.UTC_TIMES)
        self.set_times(order[(order.index(self._tasks.times) + 1) % len(order)])

    def _focus_filter(self) -> None:
        if self.screen_name == RUNS:
            self.executions.focus_filter()
        elif self.screen_name == ALERTS:
            self.centre.focus_filter()
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
        self.alarms.refresh()
        self.vitals.refresh()
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
        self._doorways.show_task(task_id)
        self._set_actions()
        self._ask_detail.start()

    def open_task(self, task_id: str) -> None:
        """Show that task in the grid and in the details panel."""
        self.show_screen(TASKS)
        self.show_details(True)
        self.grid.select_task(task_id)
        self._select(task_id)

    def open_alert(self, alert_id: str) -> None:
        """Show that alert in the centre; one that is over is looked for in the history."""
        self.show_screen(ALERTS)
        if alert_id and not self.centre.open_alert(alert_id):
            self.show_notice(self.tr("That alert is over; it stands under History."))

    def _show_alerts(self, tab: int) -> None:
        self.show_screen(ALERTS)
        self.centre.tabs.choose(tab)
        self.centre.enter()

    def _request_detail(self) -> None:
        if self._shown_task and self._link.was_heard:
            self.detail_requested.emit(self._shown_task)
            self.history_requested.emit(self._shown_task)

    def _chosen_task(self) -> Task | None:
        return self._tasks.task(self._shown_task)

    def _chosen_ids(self) -> list[str]:
        return [task.id for task in self.grid.chosen_tasks()]

    def _want_metrics(self) -> None:
        """The curves of the overview begin with the last hour, asked for once a link."""
        if self.screen_name == OVERVIEW and self._link.is_live and not self._has_metrics:
            self._has_metrics = True
            self.metrics_requested.emit()

    def _complain(self, text: str) -> None:
        self.show_notice(text, "bad")

    def _run_chosen(self) -> None:
        task = self._chosen_task()
        if task is not None:
            self._orders.run(task.id)

    def _stop_chosen(self) -> None:
        task = self._chosen_task()
        if task is not None and task.run_id is not None:
            self._orders.stop(task.run_id)

    def _moment_at_hand(self) -> tuple[str, int | None]:
        """The run the keyboard stands on in a list of runs, else the chosen task."""
        table = self.executions.table if self.screen_name == RUNS else self.details.runs
        run = table.current_run() if self.screen_name == RUNS or table.hasFocus() else None
        return (self._shown_task, None) if run is None else (run.task_id, run.scheduled_ms)

    def _try_schedule(self) -> None:
        task, settings = self._chosen_task(), self.details.shown_settings
        if task is not None and settings is not None:
            self.planner.open_try(task, settings)
        elif task is not None:
            self._complain(self.tr("The settings of {0} are on their way.").format(task.name))

    def _open_menu(self, at: QPoint) -> None:
        menu_of_task(self.actions_by_name, self).popup(at)

    # Showing -----------------------------------------------------------------------------

    def _as_of(self) -> str:
        """The time of the state shown, while it may be old; empty while it is live."""
        link = self._link
        if link.is_live or link.beat_ms is None:
            return ""
        zone = words.zone_named(self._zone())
        return words.clock(link.beat_ms, zone, link.beat_ms, seconds=True)

    def _zone(self) -> str:
        return self._agent.tz if self._agent is not None else "UTC"

    def _zone_of(self, task_id: str) -> str:
        task = self._tasks.task(task_id)
        return task.tz if task is not None else self._zone()

    def _set_actions(self) -> None:
        may, why = self._orders.may, self._orders.why_not
        allow(
            self.actions_by_name,
            self._chosen_task(),
            may=may,
            why_not=why,
            is_live=self._link.is_live or not why,
            alerts_chosen=self.screen_name == ALERTS and bool(self.alarms.ids),
        )
        unheard = "" if self._link.is_live else why
        self.details.allow_questions(not unheard, unheard)
        self.executions.allow_questions(not unheard, unheard)

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
        slots = self._agent.max_running if self._agent is not None else 0
        running = sum(task.running for task in tasks)
        queued = counts["queued"]
        self.status.show_load(tasks=len(tasks), running=running, slots=slots, queued=queued)
        self.overview.show_load(slots=slots, queued=queued)
        self._sifting.show_emptiness()

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
