"""What the window is told, and who gets it.

Plain slots:
    show_link(Link)            show_rows(rows, gone)        forget_rows()
    show_heartbeat(Heartbeat)  show_metric(Metric)          show_detail(TaskDetail)
    show_history(task_id, runs)                             show_run_detail(RunDetail)
    append_log(run_id, bytes|str, skipped=0)                end_log(run_id)
    show_agents({id: (name, environment)}, other than the one shown)
    show_notice(text, kind="done"|"bad"|"doubt", can_undo=False)
    show_pending(task_id, bool)   an order for the task is on its way, or answered
    show_metrics_history({"cpu" | "memory" | "database" | "loop": [(ms, value)]})
    restore_state(text)        what `save_state() -> str` gave at the last end
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from desktop import freshness
from desktop.allowing import allow
from desktop.freshness import Link
from desktop.piloting import Piloted
from desktop.theme import Theme
from desktop.views.rail import ALERTS, AUDIT, HEALTH, OVERVIEW, RUNS, TASKS, TIMELINE
from shared.protocol.events import Heartbeat, Metric
from shared.protocol.requests import RunDetail, TaskDetail
from shared.protocol.rows import Agent, Alert, Check, Key, Row, Run, Task

TICK_MS: Final = 1_000


class MainWindow(Piloted):
    """Gives each panel what it shows, and passes on what the user asks."""

    def __init__(
        self, theme: Theme, here: Callable[[], int], parent: QWidget | None = None
    ) -> None:
        """`here` is this machine's clock in ms since 1970 UTC."""
        super().__init__(theme, here, parent)
        self._has_metrics = False
        self._tasks.set_heard(False)
        self._join_panels()
        self._join_orders()
        self._join_alerts()
        self._ticker = QTimer(self, interval=TICK_MS)
        self._ticker.timeout.connect(self.tick)
        self._ticker.start()
        self.show_screen(TASKS)
        self.show_link(Link())
        self.grid.setFocus()

    # What it is told ---------------------------------------------------------------------

    def show_link(self, link: Link) -> None:
        """The link changed."""
        had, self.watch.link = self.watch.link, link
        self._orders.show_link(link)
        name, environment = link.name, link.environment
        said = f"{name} ({environment})" if environment else name
        self.setWindowTitle(f"{said} \N{EN DASH} Smart Cron" if said else "Smart Cron")
        self.stripe.show_environment(environment)
        self._tasks.set_heard(link.was_heard)
        as_of = self.gauges.as_of
        # The clock stands still at the last beat now, so nothing turns late by silence alone.
        self._tasks.tick()
        self._tasks.set_as_of(as_of)
        self.grid.show_stale(as_of)
        self.details.show_stale(as_of)
        self.executions.show_stale(as_of)
        self.log.show_stale(bool(as_of))
        self.centre.show_stale(as_of)
        self.health.show_stale(as_of)
        self.audit.show_stale(as_of)
        self.timeline.show_stale(as_of)
        for view in (self.grid, self.details, self.executions, self.overview):
            view.allow_commands(self._orders.may, self._orders.why_not)
        is_refused = link.state == freshness.REFUSED
        self._screens.setVisible(link.has_agent and not is_refused)
        self.welcome.setVisible(not link.has_agent)
        self.refusal.setVisible(link.has_agent and is_refused)
        self.refusal.show_link(link)
        pages = (self.alarms, self.vitals, self.paging, self.auditing, self.lanes)
        for asker in (self.planner, self.ruling, self.waytests, *pages):
            asker.show_link(link, may=self._orders.may, why_not=self._orders.why_not)
        self.editing.show_link(link, may=self._orders.may_edit, why_not=self._orders.why_no_edit)
        self._set_actions()
        self.gauges.show_clocks()
        self._show_counts()
        if link.is_live and not had.is_live:
            self._has_metrics = False
            self._want_metrics()
            self.history_requested.emit("")
            self.chosen.ask_soon()

    def show_agents(self, others: Mapping[str, tuple[str, str]]) -> None:
        """Which other agents one can go to from here: name and environment by id."""
        self._other_agents = dict(others)

    def show_rows(self, rows: Iterable[Row], gone: Sequence[Key] = ()) -> None:
        """Rows came or went; each model takes its own."""
        rows = list(rows)
        lost: dict[str, list[str]] = {}
        for kind, row_id in gone:
            lost.setdefault(kind, []).append(row_id)
        tasks = [row for row in rows if isinstance(row, Task)]
        runs = [row for row in rows if isinstance(row, Run)]
        self._tasks.show_rows(tasks, lost.get("task", ()))
        if tasks or lost.get("task"):
            self.timeline.show_tasks(self._tasks.tasks())
        if tasks:
            zones = {task.id: task.tz for task in self._tasks.tasks()}
            for model in (self._runs, self._trouble, self._found):
                model.set_zones(zones)
        for model in (self._runs, self._trouble):
            model.show_rows(runs, lost.get("run", ()))
        # Whether a new one fits what is sought, only the agent knows.
        self._found.show_rows([run for run in runs if self._found.run(run.id) is not None])
        if runs:
            self.lanes.show_runs(runs)
        self.planner.show_runs(runs, lost.get("run", ()))
        self.editing.show_tasks(tasks, lost.get("task", ()))
        checks = [row for row in rows if isinstance(row, Check)]
        self._checks.show_rows(checks, lost.get("check", ()))
        self.vitals.show_rows(checks, lost.get("check", ()))
        alerts = [row for row in rows if isinstance(row, Alert)]
        self.alarms.show_rows(alerts, lost.get("alert", ()))
        for row in rows:
            if isinstance(row, Agent):
                self.gauges.agent = row
                self.overview.set_zone(row.tz)
                for page in (self.centre, self.health, self.audit, self.timeline):
                    page.set_times(self._tasks.times, row.tz)
                self.ruling.show_agent(row)
                self.banner.show_database(row.database_away_since_ms, row.kept_writes)
                self.gauges.show_clocks()
        self.details.show_runs(runs)
        self._following.name(runs)
        self.chosen.follow(tasks, lost.get("task", ()))

    def forget_rows(self) -> None:
        """Another agent: nothing of the last one may stay."""
        self.gauges.agent = None
        self.banner.forget()
        self.toasts.forget()
        self.chosen.forget()
        self._has_metrics = False
        self.grid.forget_pending()
        self._tasks.clear()
        for model in (self._runs, self._trouble, self._found):
            model.follow(None)
        self.paging.forget()
        self.auditing.forget()
        self.lanes.forget()
        self._checks.clear()
        self.overview.forget()
        self._following.forget()
        self.planner.forget()
        self.editing.forget()
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
            for model in (self._runs, self._trouble):
                model.show_rows(runs)
        self.lanes.show_runs(runs)
        self.details.show_runs(runs)
        self._following.name(runs)

    def show_run_detail(self, detail: RunDetail) -> None:
        """One run in full came."""
        self._following.name([detail.run])

    def append_log(self, run_id: str, output: bytes | str, skipped: int = 0) -> None:
        """More of that log, as bytes or as text; `skipped` bytes before it were left out."""
        self._following.append(run_id, output, skipped)

    def end_log(self, run_id: str) -> None:
        """That log is complete."""
        self._following.end(run_id)

    def show_pending(self, task_id: str, pending: bool) -> None:
        """An order for that task is on its way, or was answered."""
        self.grid.show_pending(task_id, pending)

    def tick(self) -> None:
        """A second has passed: one timer for all countdowns."""
        self.gauges.show_clocks()
        if not self.watch.link.is_live:
            return
        self._tasks.tick()
        self.grid.tick()
        self._runs.tick()
        self._trouble.tick()
        self.details.tick()
        self.overview.tick()
        self.centre.tick()
        self.health.tick()
        self.timeline.tick()

    def show_screen(self, screen: str) -> None:
        """Go to a screen."""
        super().show_screen(screen)
        self.alarms.show_screen(screen == ALERTS)
        self.vitals.show_screen(screen == HEALTH)
        self.auditing.show_screen(screen == AUDIT)
        self.lanes.show_screen(screen == TIMELINE)
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
        self.welcome.connect_requested.connect(self.connections_requested)
        self.toolbar.compact_chosen.connect(self.set_compact)
        self._tasks.counts_changed.connect(self._show_counts)
        self.grid.task_opened.connect(self.open_task)
        self.grid.log_requested.connect(self.open_newest_log)
        self.grid.menu_requested.connect(self._open_menu)
        self.details.closed.connect(self.toggle_details)
        self.executions.log_requested.connect(self._following.open)
        self.executions.task_opened.connect(self.open_task)
        self.timeline.run_opened.connect(self._following.open)
        self.timeline.task_opened.connect(self.open_task)
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
        self.chosen.changed.connect(self._doorways.show_task)
        self.chosen.changed.connect(self._set_actions)
        self.chosen.detail_requested.connect(self.detail_requested)
        self.chosen.history_requested.connect(self.history_requested)
        self._following.wanted.connect(self.log_requested)
        self._following.left.connect(self.log_closed)
        self._following.unknown.connect(self.run_detail_requested)

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
        self.undo_requested.connect(self.toasts.take_back)
        orders.run_requested.connect(self.run_requested)
        orders.stop_requested.connect(self.stop_requested)
        orders.try_again_requested.connect(self.try_again_requested)
        orders.pause_asked.connect(self.planner.ask_pause)
        self.planner.asked.connect(self.question_asked)
        self.vitals.asked.connect(self.question_asked)
        self.paging.asked.connect(self.question_asked)
        self.auditing.asked.connect(self.question_asked)
        self.lanes.asked.connect(self.question_asked)
        self.planner.pause_requested.connect(self.pause_requested)
        self.planner.backfill_requested.connect(self.backfill_requested)
        self.planner.log_requested.connect(self._following.open)
        self.planner.task_opened.connect(self.open_task)
        self.planner.refused.connect(self._complain)
        self.editing.asked.connect(self.question_asked)
        self.editing.ordered.connect(self.standing_ordered)
        self.editing.refused.connect(self._complain)
        self.details.edit_requested.connect(self.editing.open_task)
        self.toolbar.new.clicked.connect(self.editing.open_new)
        orders.resume_requested.connect(self.resume_requested)
        orders.skip_requested.connect(self.skip_requested)
        orders.enable_requested.connect(self.enable_requested)
        orders.disable_requested.connect(self.disable_requested)

    # Showing -----------------------------------------------------------------------------

    def _want_metrics(self) -> None:
        """The curves of the overview begin with the last hour, asked for once a link."""
        if self.screen_name == OVERVIEW and self.watch.link.is_live and not self._has_metrics:
            self._has_metrics = True
            self.metrics_requested.emit()

    def _show_counts(self) -> None:
        self.gauges.show_counts()
        self._sifting.show_emptiness()

    def _set_actions(self) -> None:
        may, why = self._orders.may, self._orders.why_not
        allow(
            self.actions_by_name,
            self.chosen.task,
            may=may,
            why_not=why,
            is_live=self.watch.link.is_live or not why,
            alerts_chosen=self.screen_name == ALERTS and bool(self.alarms.ids),
            may_edit=self._orders.may_edit,
            why_no_edit=self._orders.why_no_edit,
        )
        edits = (self._orders.may_edit, self._orders.why_no_edit)
        self.details.allow_edit(*edits)
        self.toolbar.new.allow(*edits)
        unheard = "" if self.watch.link.is_live else why
        self.details.allow_questions(not unheard, unheard)
        self.executions.allow_questions(not unheard, unheard)
