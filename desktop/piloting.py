"""What does somebody do here, by key, by pointer or from the palette, and what comes of it?"""

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QWidget

from desktop import keys, words
from desktop.actions import Actions
from desktop.alarms import Alarms
from desktop.allowing import menu_of_task
from desktop.auditing import Auditing
from desktop.chosen import Chosen
from desktop.doorways import Doorways
from desktop.editing import Editing
from desktop.finding import entries
from desktop.following import Following
from desktop.freshness import Watch
from desktop.gauges import Gauges
from desktop.lanes import Lanes
from desktop.models.runs import ALL, TROUBLE
from desktop.outlets import Outlets
from desktop.paging import Paging
from desktop.planner import Planner
from desktop.ruling import Ruling
from desktop.sifting import Sifting
from desktop.theme import Theme
from desktop.views.alerts.page import DELIVERY, QUIET, RULES_TAB
from desktop.views.executions import FOUND
from desktop.views.palette import Palette
from desktop.views.rail import ALERTS, AUDIT, HEALTH, OVERVIEW, RUNS, TASKS, TIMELINE
from desktop.views.shortcuts import Shortcuts
from desktop.vitals import Vitals
from desktop.waytests import WayTests

_NOTICE_ICONS: Final = {"done": "check-bold", "bad": "warning-fill", "doubt": "question-bold"}


class Piloted(Outlets):
    """The panels, everybody who works with them, and every act by its name."""

    def __init__(
        self, theme: Theme, here: Callable[[], int], parent: QWidget | None = None
    ) -> None:
        """`here` is this machine's clock in ms since 1970 UTC."""
        self.watch = Watch(here)
        self.now = self.watch.now
        self._other_agents: dict[str, tuple[str, str]] = {}
        super().__init__(theme, self.now, parent)
        self.gauges = Gauges(
            self._tasks,
            self.watch,
            header=self.header,
            banner=self.banner,
            toolbar=self.toolbar,
            status=self.status,
            overview=self.overview,
        )
        self._sifting = Sifting(
            self.toolbar,
            self.grid,
            self.nothing,
            self._tasks,
            self._filter,
            link=lambda: self.watch.link,
        )
        self._orders = Actions(theme, self._tasks, self._runs, self.now, self)
        self.planner = Planner(theme, self.now, self)
        self.planner.know(self._tasks.task, lambda: self.gauges.zone)
        self.editing = Editing(theme, self.now, self)
        self.editing.know(lambda: self.gauges.zone)
        self.alarms = Alarms(self.centre, self._alerts, self.now, self)
        self.vitals = Vitals(self.health, self._health, self.now, self)
        self.ruling = Ruling(theme, self.centre, self.now, self)
        self.lanes = Lanes(self.timeline, self._timeline, self.now, self)
        self.auditing = Auditing(self.audit, self._audit, self)
        self.waytests = WayTests(self.centre.ways, self.now, self)
        models = {ALL: self._runs, TROUBLE: self._trouble, FOUND: self._found}
        self.executions.know_zone(lambda: words.zone_for(self._tasks.times, self.gauges.zone))
        self.paging = Paging(self.executions, models, self)
        self._doorways = Doorways(
            self._alerts,
            header=self.header,
            rail=self.rail,
            overview=self.overview,
            details=self.details,
            executions=self.executions,
            toasts=self.toasts,
        )
        self.chosen = Chosen(
            self.grid,
            self.details,
            tasks=self._tasks,
            runs=self._runs,
            sifted=self._filter,
            was_heard=lambda: self.watch.link.was_heard,
        )
        self._following = Following(
            self.log, self.details, self._runs, now=self.now, zone_of=self._zone_of
        )
        self.actions_by_name = keys.make_actions(self, self._acts(), theme)

    def _acts(self) -> dict[str, Callable[[], object]]:
        """What each act of `keys` does here."""
        return {
            "run": self._run_chosen,
            "stop": self._stop_chosen,
            "pause": lambda: self._orders.pause_or_resume(self.chosen.ids),
            "skip": lambda: self._orders.skip(self.chosen.ids),
            "switch": lambda: self._orders.enable_or_disable(self.chosen.ids),
            "why": lambda: self.planner.ask_why(*self._moment_at_hand()),
            "again": lambda: self.planner.ask_backfill(*self._moment_at_hand()),
            "try": self._try_schedule,
            "load": self.planner.open_load,
            "edit": lambda: self.editing.open_task(self.chosen.id),
            "duplicate": lambda: self.editing.duplicate(self.chosen.id),
            "delete": lambda: self.editing.delete(self.chosen.id),
            "new": self.editing.open_new,
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
            "timeline": lambda: self.show_screen(TIMELINE),
            "runs": lambda: self.show_screen(RUNS),
            "alerts": lambda: self.show_screen(ALERTS),
            "rules": lambda: self._show_alerts(RULES_TAB),
            "quiet": lambda: self._show_alerts(QUIET),
            "messages": lambda: self._show_alerts(DELIVERY),
            "health": lambda: self.show_screen(HEALTH),
            "audit": lambda: self.show_screen(AUDIT),
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
        runs = (self._runs, self._trouble, self._found)
        for part in (self._tasks, *runs, self.details, self.overview, self.planner):
            part.set_times(times)
        for page in (self.centre, self.health, self.audit, self.timeline):
            page.set_times(times, self.gauges.zone)
        self.ruling.set_times(times)

    def set_compact(self, compact: bool) -> None:
        """Lower rows, or comfortable ones."""
        if compact != self.grid.is_compact:
            self.grid.set_compact(compact)
            self.timeline.set_compact(compact)
            self.compact_chosen.emit(compact)
        self.toolbar.show_compact(compact)
        self.rail.show_compact(compact)

    def open_newest_log(self, task_id: str = "") -> None:
        """The log of the run in progress, else of the last one."""
        task = self._tasks.task(task_id) if task_id else self.chosen.task
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
            self._other_agents,
            chosen=self.chosen.task.name if self.chosen.task is not None else "",
            several=self._said_chosen(),
            go_to_agent=self.agent_requested.emit,
            open_task=self.open_task,
            open_alert=self.open_alert,
        )
        Palette(self._theme, found, self).open()

    def open_keys(self) -> None:
        """All keys on one page."""
        Shortcuts(self._theme, keys.key_list(), self).open()

    def open_task(self, task_id: str) -> None:
        """Show that task in the grid and in the details panel."""
        self.show_screen(TASKS)
        self.show_details(True)
        self.grid.select_task(task_id)
        self.chosen.choose(task_id)

    def open_alert(self, alert_id: str) -> None:
        """Show that alert in the centre; one that is over is looked for in the history."""
        self.show_screen(ALERTS)
        if alert_id and not self.centre.open_alert(alert_id):
            self.show_notice(self.tr("That alert is over; it stands under History."))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc takes one layer away: the filter, then the log, then a floating panel."""
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
            self._say_why_not(event)
        elif self.screen_name == ALERTS and self.centre.leave_layer():
            return
        elif self.screen_name == TASKS and self.toolbar.is_filtering:
            self.toolbar.clear()
        elif self.log.isVisible():
            self._following.toggle()
        elif self._floats and self.details.isVisible():
            self.toggle_details()

    def show_notice(self, text: str, kind: str = "done", can_undo: bool = False) -> None:
        """What became of an order, with the way back if there is one."""
        undo = self.undo_requested.emit if can_undo else None
        self.toasts.show_toast(text, icon=_NOTICE_ICONS.get(kind, "info"), undo=undo)

    def _say_why_not(self, event: QKeyEvent) -> None:
        """The key of an act that is off comes here: nothing else has taken it."""
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return
        pressed = QKeySequence(event.keyCombination())
        for action in self.actions_by_name.values():
            if not action.isEnabled() and pressed in action.shortcuts():
                self._complain(f"{action.text()}: {self._why_off()}")

    def _why_off(self) -> str:
        why = self._orders.why_not
        if not why and self.chosen.task is None:
            why = self.tr("Choose a task first")
        return why or self.tr("Not possible for the chosen task now")

    # Inside ------------------------------------------------------------------------------

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
        elif self.screen_name == TIMELINE:
            self.timeline.focus_filter()
        elif self.screen_name == AUDIT:
            self.audit.focus_filter()
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
        self.auditing.refresh()
        self.lanes.refresh()
        self.refresh_requested.emit()

    def _copy_name(self) -> None:
        task = self.chosen.task
        if task is not None:
            QGuiApplication.clipboard().setText(task.name)

    def _open_list(self, state: str) -> None:
        self.show_screen(TASKS)
        self.toolbar.choose_state(state)

    def _show_alerts(self, tab: int) -> None:
        self.show_screen(ALERTS)
        self.centre.tabs.choose(tab)
        self.centre.enter()

    def _complain(self, text: str) -> None:
        self.show_notice(text, "bad")

    def _run_chosen(self) -> None:
        task = self.chosen.task
        if task is not None:
            self._orders.run(task.id)

    def _said_chosen(self) -> str:
        """What an act is about: the name of a task, or of how many."""
        ids = self.chosen.ids
        if len(ids) > 1:
            return words.plural(len(ids), self.tr("task"), self.tr("tasks"))
        return self.chosen.task.name if self.chosen.task is not None else ""

    def _stop_chosen(self) -> None:
        task = self.chosen.task
        if task is not None and task.run_id is not None:
            self._orders.stop(task.run_id)

    def _moment_at_hand(self) -> tuple[str, int | None]:
        """The run the keyboard stands on in a list of runs, else the chosen task."""
        table = self.executions.table if self.screen_name == RUNS else self.details.runs
        run = table.current_run() if self.screen_name == RUNS or table.hasFocus() else None
        return (self.chosen.id, None) if run is None else (run.task_id, run.scheduled_ms)

    def _try_schedule(self) -> None:
        task, settings = self.chosen.task, self.details.shown_settings
        if task is not None and settings is not None:
            self.planner.open_try(task, settings)
        elif task is not None:
            self._complain(self.tr("The settings of {0} are on their way.").format(task.name))

    def _open_menu(self, at: QPoint) -> None:
        menu_of_task(self.actions_by_name, self).popup(at)

    def _zone_of(self, task_id: str) -> str:
        task = self._tasks.task(task_id)
        return task.tz if task is not None else self.gauges.zone
