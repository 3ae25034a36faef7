"""How it is going: figures, what needs somebody, what runs, what comes, how the server is."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeVar

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop import words
from desktop.freshness import Link
from desktop.models.alerts import AlertsModel
from desktop.models.checks import ChecksModel
from desktop.models.runs import RunsModel, began_ms, reason_of
from desktop.models.tasks import TaskModel
from desktop.parts.buttons import LinkButton
from desktop.parts.labels import Ground
from desktop.states import ending_words, run_look, runs_next_ms, task_look
from desktop.theme import Theme
from desktop.views.overview.alerts import ROW_PX as ALERT_PX
from desktop.views.overview.alerts import AlertsCard
from desktop.views.overview.cards import HEAD_PX, Entry, ListCard, NextRow, RecentRow, StatCard
from desktop.views.overview.health import Health
from shared.protocol.events import Heartbeat, Metric
from shared.protocol.rows import ENDED, Task

MOST_NEEDY: Final = 4
MOST_RUNNING: Final = 4
MOST_ALERTS: Final = 3
# Rows of the lists: as many as leave the charts of the server about a third of the page.
ROW_PX: Final = 28
LEAST_ROWS: Final = 6
USUAL_ROWS: Final = 10
MOST_ROWS: Final = 22
OTHER_PX: Final = 470
TALL_PX: Final = 1_000
THREE_COLUMNS_PX: Final = 1_080

Widget = TypeVar("Widget", bound=QWidget)


class Overview(QScrollArea):
    """Draws the models; every figure leads to the list behind it."""

    task_opened = Signal(str)
    run_requested = Signal(str)
    newest_log_requested = Signal(str)
    log_requested = Signal(str)
    tasks_requested = Signal(str)
    runs_requested = Signal()
    load_requested = Signal()

    def __init__(
        self,
        tasks: TaskModel,
        checks: ChecksModel,
        runs: RunsModel,
        alerts: AlertsModel,
        theme: Theme,
        now: words.Clock,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._tasks, self._recent_runs, self._theme, self._now = tasks, runs, theme, now
        self.alerts_card = AlertsCard(alerts, theme)
        self._times = words.TASK_TIMES
        self._zone = "UTC"
        self._slots = self._queued = 0
        self._rows_shown = LEAST_ROWS
        self._stale = False
        self._may, self._why = False, ""
        self._needy: list[Entry] = []
        self._running: list[Entry] = []
        self._coming: list[NextRow] = []
        self._recent: list[RecentRow] = []
        self._ordered: tuple[int, ...] = ()
        self.health = Health(checks, theme, now)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName(self.tr("Overview"))
        page = Ground(theme, "window")
        layout = QVBoxLayout(page)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(12)
        layout.addLayout(self._build_stats())
        layout.addLayout(self._build_lists())
        layout.addWidget(self.health, 1)
        self.setWidget(page)
        tasks.counts_changed.connect(self.refresh)
        alerts.counted.connect(self._show_alerts)
        for signal in (runs.rowsInserted, runs.rowsRemoved, runs.modelReset, runs.dataChanged):
            signal.connect(self._show_recent)
        self.refresh()

    # What the window tells ---------------------------------------------------------------

    def show_link(self, link: Link, *, stale: bool) -> None:
        """The link changed, or time passed."""
        is_other, self._stale = stale != self._stale, stale
        self.health.show_link(link, stale=stale)
        # Nothing else draws while the agent is silent.
        if is_other or stale:
            self.tick()

    def allow_commands(self, allowed: bool, why_not: str = "") -> None:
        """Whether the agent can be commanded, and if not, why."""
        self._may, self._why = allowed, why_not
        for entry in self._needy:
            entry.run.allow(allowed, why_not)

    def set_zone(self, zone: str) -> None:
        """The agent's own zone, for what belongs to no task."""
        self._zone = zone
        self.health.set_zone(zone)

    def show_load(self, *, slots: int, queued: int) -> None:
        """How many runs the agent takes at once (0: not known), and how many wait."""
        self._slots, self._queued = slots, queued

    def set_times(self, times: str) -> None:
        """In whose zone times are said."""
        self._times = times
        self.refresh()

    def show_heartbeat(self, heartbeat: Heartbeat) -> None:
        """The scheduler lives."""
        self.health.show_heartbeat(heartbeat)

    def show_metric(self, metric: Metric) -> None:
        """A sample of the server came."""
        self.health.show_metric(metric)

    def show_metrics_history(self, series: Mapping[str, Sequence[tuple[int, float]]]) -> None:
        """The last hour of the server, by name: cpu, memory (shares), database, loop (ms)."""
        self.health.show_history(series)

    def forget(self) -> None:
        """Another agent."""
        self.health.forget()
        self.refresh()

    def tick(self) -> None:
        """A second has passed."""
        if self.isVisible():
            self.refresh()

    def refresh(self) -> None:
        """Draw everything anew."""
        tasks = self._tasks.tasks()
        self._show_stats(tasks)
        self._show_needy()
        self._show_running(tasks)
        self._show_coming(tasks)
        self._show_alerts()
        self.health.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Longer lists on a higher window; the charts of the server keep their part."""
        super().resizeEvent(event)
        high, wide = self.viewport().height(), self.viewport().width()
        most = MOST_ROWS if high >= TALL_PX else USUAL_ROWS
        self._rows_shown = max(LEAST_ROWS, min(most, (high - OTHER_PX) // ROW_PX))
        is_wide = wide >= THREE_COLUMNS_PX
        self._side.setVisible(is_wide)
        column, at = (self._right, 0) if is_wide else (self._left, 1)
        if column.indexOf(self.alerts_card) < 0:
            for other in (self._left, self._right):
                other.removeWidget(self.alerts_card)
            column.insertWidget(at, self.alerts_card)
        if self.isVisible():
            self.refresh()

    # Building ----------------------------------------------------------------------------

    def _build_stats(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        self.success = StatCard(self._theme, self.tr("Success rate, 24 h"))
        self.success.clicked.connect(lambda: self.tasks_requested.emit(""))
        self.runs = StatCard(self._theme, self.tr("Runs, 24 h"))
        self.runs.clicked.connect(self.runs_requested)
        self.average = StatCard(self._theme, self.tr("Average duration"))
        self.average.clicked.connect(lambda: self.tasks_requested.emit(""))
        self.active = StatCard(self._theme, self.tr("Active tasks"))
        self.active.clicked.connect(lambda: self.tasks_requested.emit(""))
        self.failing = StatCard(self._theme, self.tr("Failing"))
        self.failing.clicked.connect(lambda: self.tasks_requested.emit("failing"))
        for card in (self.success, self.runs, self.average, self.active, self.failing):
            row.addWidget(card, 1)
        return row

    def _build_lists(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        left = self._left = QVBoxLayout()
        left.setSpacing(12)
        self.needs = ListCard(self._theme, self.tr("Needs attention"))
        self.now_card = ListCard(self._theme, self.tr("Running now"))
        left.addWidget(self.needs)
        left.addWidget(self.now_card, 1)
        self.next_card = ListCard(self._theme, self.tr("Next runs"))
        self.load = LinkButton(self._theme, self.tr("How busy"))
        self.load.setToolTip(self.tr("Coming up: how busy it gets (Ctrl+U)"))
        self.load.clicked.connect(self.load_requested)
        self.next_card.add_to_head(self.load)
        self.recent_card = ListCard(self._theme, self.tr("Recent executions"))
        self.all_runs = LinkButton(self._theme, self.tr("Show all"))
        self.all_runs.clicked.connect(self.runs_requested)
        self.recent_card.add_to_head(self.all_runs)
        row.addLayout(left, 5)
        row.addWidget(self.next_card, 4)
        self._side = QWidget()
        right = self._right = QVBoxLayout(self._side)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(12)
        right.addWidget(self.alerts_card)
        right.addWidget(self.recent_card, 1)
        row.addWidget(self._side, 4)
        return row

    # Showing -----------------------------------------------------------------------------

    def _show_stats(self, tasks: Sequence[Task]) -> None:
        stale = self._stale
        runs, fails = sum(t.runs_24h for t in tasks), sum(t.fails_24h for t in tasks)
        hourly = _by_hour(tasks)
        shares = tuple(ok / (ok + bad) for ok, bad in hourly if ok + bad)
        again = self._tasks.counts()["retrying"]
        if runs:
            figure = words.percent((runs - fails) / runs).split(words.NO_BREAK)[0]
            note = (
                self.tr("{0} of {1} failed").format(words.count(fails), words.count(runs))
                if fails
                else self.tr("none failed, {0} tried again").format(again)
                if again
                else self.tr("none failed")
            )
            icon, family = ("warning", "warn") if fails else ("check", "ok")
            self.success.show_figure(
                figure, "%", note, family=family, icon=icon, values=shares, stale=stale
            )
        else:
            self.success.show_figure("\N{EN DASH}", "", self.tr("no run yet"), family="idle")
        self.runs.show_figure(
            words.count(runs),
            "",
            self.tr("{0} running now").format(sum(t.running for t in tasks)),
            family="run",
            icon="circle-half",
            values=tuple(float(ok + bad) for ok, bad in hourly),
            stale=stale,
        )
        weight = sum(t.runs_24h for t in tasks if t.avg_ms is not None)
        spent = sum((t.avg_ms or 0) * t.runs_24h for t in tasks)
        said = words.duration(spent // weight) if weight else "\N{EN DASH}"
        figure, _, unit = (
            said.rpartition(words.NO_BREAK) if said.count(" ") == 1 else (said, "", "")
        )
        slowest = max(tasks, key=lambda t: t.avg_ms or 0, default=None)
        note = "" if slowest is None or not slowest.avg_ms else slowest.name
        self.average.show_figure(
            figure, unit, self.tr("slowest {0}").format(note) if note else self.tr("no run yet"),
            family="idle", icon="timer", stale=stale,
        )  # fmt: skip
        active = sum(1 for t in tasks if t.enabled and not t.paused and t.state != "invalid")
        off = len(tasks) - active
        self.active.show_figure(
            words.count(active),
            self.tr("of {0}").format(words.count(len(tasks))),
            self.tr("{0} paused or disabled").format(words.count(off))
            if off
            else self.tr("all are on")
            if tasks
            else self.tr("none is registered yet"),
            family="ok" if tasks and not off else "idle",
            icon="pause" if off else "check" if tasks else "tray",
            stale=stale,
        )
        counts = self._tasks.counts()
        bad, late = counts["failing"] + counts["invalid"], counts["late"]
        note = self.tr("{0} late").format(late) if late else self.tr("none late")
        self.failing.show_figure(
            words.count(bad),
            "",
            note,
            family="warn" if late else "idle" if bad else "ok",
            icon="clock-afternoon-fill" if late else "check",
            stale=stale,
        )

    def _show_needy(self) -> None:
        needy = self._tasks.in_attention()
        self.needs.second.setText(self._tasks_said(len(needy)) if needy else "")
        self.needs.empty.setVisible(not needy)
        self.needs.empty.setText(self._all_well())
        shown = needy[:MOST_NEEDY]
        self._grow(self._needy, len(shown), self.needs, self._new_needy)
        now_ms = self._now()
        for entry, task in zip(self._needy, shown, strict=False):
            state = self._tasks.state(task.id)
            entry.show_entry(
                task.id,
                task_look(state),
                task.name,
                self._why_needy(task, state),
                right=self._since(task, state, now_ms),
                ink=f"{task_look(state).family}.text",
                stale=self._stale,
            )

    def _new_needy(self) -> Entry:
        entry = Entry(self._theme, actions=True)
        entry.clicked.connect(lambda: self.task_opened.emit(entry.task_id))
        entry.log_requested.connect(self.newest_log_requested)
        entry.run_requested.connect(self.run_requested)
        entry.run.allow(self._may, self._why)
        return entry

    def _all_well(self) -> str:
        total = len(self._tasks.tasks())
        if not total:
            return self.tr("No task is known yet.")
        said = self.tr("Nothing needs you. {0}, none failing or late.").format(
            self._tasks_said(total)
        )
        zone = words.zone_for(self._times, self._zone)
        at = words.clock(self._now(), zone, self._now(), seconds=True)
        return f"{said} " + self.tr("As of {0}.").format(at)

    def _why_needy(self, task: Task, state: str) -> str:
        if state == "invalid":
            return task.invalid_reason or self.tr("the definition cannot be used")
        last = task.last
        if state == "late" or last is None:
            return self.tr("due and not started")
        said = ending_words(
            last.result, exit_status=last.exit, signal=last.signal, reason=last.reason
        )
        if last.dur_ms is not None and last.result == "timeout":
            said = self.tr("timeout after {0}").format(words.duration(last.dur_ms))
        if task.fails > 1:
            said += self.tr(", {0} in a row").format(task.fails)
        return said

    def _since(self, task: Task, state: str, now_ms: int) -> str:
        if state == "late" and task.next_ms is not None:
            return words.span(max(0, now_ms - task.next_ms))
        if task.last is None:
            return ""
        zone = words.zone_for(self._times, task.tz)
        return self.tr("at {0}").format(words.clock(task.last.end_ms, zone, now_ms))

    def _show_running(self, tasks: Sequence[Task]) -> None:
        running = sorted(
            (t for t in tasks if t.run_start_ms is not None and t.state in ("running", "stopping")),
            key=lambda t: t.run_start_ms or 0,
        )
        self.now_card.second.setText(self.tr("{0} running").format(len(running)) if running else "")
        self.now_card.empty.setVisible(not running)
        self.now_card.empty.setText(self.tr("Nothing runs at the moment."))
        shown = running[:MOST_RUNNING]
        self._grow(self._running, len(shown), self.now_card, self._new_running)
        self._show_room(tasks)
        now_ms = self._now()
        for entry, task in zip(self._running, shown, strict=False):
            elapsed_ms = max(0, now_ms - (task.run_start_ms or now_ms))
            usual = task.avg_ms
            over = usual is not None and elapsed_ms > usual
            second = self.tr("for {0}").format(words.span(elapsed_ms))
            if task.progress is not None:
                second = f"{words.progress(task.progress, task.progress_note)}, {second}"
            elif usual is not None:
                second += self.tr(", usually {0}").format(words.duration(usual))
            if usual is None:
                end, below = words.span(elapsed_ms), self.tr("so far")
            elif over:
                end, below = self.tr("any moment"), self.tr("expected end")
            else:
                zone = words.zone_for(self._times, task.tz)
                due_ms = (task.run_start_ms or now_ms) + usual
                end, below = (
                    words.clock(due_ms, zone, now_ms, seconds=True),
                    self.tr("expected end"),
                )
            entry.show_entry(
                task.id,
                task_look(task.state),
                task.name,
                second,
                right=self.tr("unknown") if self._stale else end,
                right_second=below,
                ink="text",
                stale=self._stale,
            )
            entry.show_progress(elapsed_ms, usual, task.progress)

    def _show_room(self, tasks: Sequence[Task]) -> None:
        """What could start now, under the list of what runs."""
        foot = self.now_card.foot
        foot.setVisible(self._slots > 0 and not self._stale)
        free = max(0, self._slots - sum(task.running for task in tasks))
        waits = (
            self.tr("{0} waiting").format(words.count(self._queued))
            if self._queued
            else self.tr("Nothing waits")
        )
        slots = words.plural(free, self.tr("slot is free"), self.tr("slots are free"))
        foot.setText(f"{waits}, {slots}")

    def _new_running(self) -> Entry:
        entry = Entry(self._theme, progress=True)
        entry.clicked.connect(lambda: self.task_opened.emit(entry.task_id))
        return entry

    def _show_coming(self, tasks: Sequence[Task]) -> None:
        now_ms = self._now()
        coming = sorted(
            (t for t in tasks if runs_next_ms(t) is not None and t.enabled),
            key=lambda t: runs_next_ms(t) or 0,
        )
        soon = [t for t in coming if (runs_next_ms(t) or 0) >= now_ms]
        shown = soon[: self._rows_shown]
        within = sum(1 for t in soon if (runs_next_ms(t) or 0) - now_ms < words.HOUR_MS)
        self.next_card.second.setText(
            self.tr("{0} within the hour").format(self._tasks_said(within)) if soon else ""
        )
        self.next_card.empty.setVisible(not shown)
        self.next_card.empty.setText(self.tr("No run is planned."))
        self._grow(self._coming, len(shown), self.next_card, self._new_coming)
        for row, task in zip(self._coming, shown, strict=False):
            at = runs_next_ms(task) or now_ms
            zone = words.zone_for(self._times, task.tz)
            left = self.tr("unknown") if self._stale else words.span(at - now_ms + 999)
            row.show_next(task.id, words.clock(at, zone, now_ms), left)

    def _new_coming(self) -> NextRow:
        row = NextRow(self._theme)
        row.clicked.connect(lambda: self.task_opened.emit(row.task_id))
        return row

    def _show_alerts(self) -> None:
        zone = words.zone_for(self._times, self._zone)
        self.alerts_card.refresh(zone, self._now(), most=MOST_ALERTS, stale=self._stale)
        self._show_recent()

    def _show_recent(self, *_: object) -> None:
        # They share their column with the alerts above them.
        taken = sum(not row.isHidden() for row in self.alerts_card.shown) * ALERT_PX + HEAD_PX
        newest = self._recent_runs.runs()[: max(2, self._rows_shown - taken // ROW_PX - 1)]
        self.all_runs.setVisible(bool(newest))
        self.recent_card.empty.setVisible(not newest)
        self.recent_card.empty.setText(self.tr("No run yet."))
        self._grow(self._recent, len(newest), self.recent_card, self._new_recent)
        now_ms = self._now()
        for row, run in zip(self._recent, newest, strict=False):
            task = self._tasks.task(run.task_id)
            zone = words.zone_for(self._times, self._zone if task is None else task.tz)
            if run.dur_ms is None and run.start_ms is not None and run.state != ENDED:
                took = self.tr("unknown") if self._stale else words.span(now_ms - run.start_ms)
            else:
                took = words.duration(run.dur_ms)
            at = words.clock(began_ms(run), zone, now_ms)
            row.show_run(run.id, run_look(run), at, run.task_id, took, stale=self._stale)
            row.setToolTip("\n".join(x for x in (run.task_id, reason_of(run)) if x))
        self._order_stops()

    def _new_recent(self) -> RecentRow:
        row = RecentRow(self._theme)
        row.clicked.connect(lambda: self.log_requested.emit(row.run_id))
        return row

    def _tasks_said(self, number: int) -> str:
        return words.plural(number, self.tr("task"), self.tr("tasks"))

    def _order_stops(self) -> None:
        """The keyboard goes as one reads, though rows are made when they are first needed."""
        entries = len(self._needy), len(self._running)
        made = (*entries, len(self._coming), len(self.alerts_card.shown), len(self._recent))
        if made == self._ordered:
            return
        self._ordered = made
        stops: list[QWidget] = [self.success, self.runs, self.average, self.active, self.failing]
        for entry in self._needy:
            stops += [entry, entry.log, entry.run]
        stops += [*self._running, self.load, *self._coming]
        stops += [self.alerts_card.all, *self.alerts_card.shown, self.all_runs, *self._recent]
        stops += self.health.cards
        for before, after in pairwise(stops):
            QWidget.setTabOrder(before, after)

    def _grow(
        self, rows: list[Widget], wanted: int, card: ListCard, make: Callable[[], Widget]
    ) -> None:
        while len(rows) < wanted:
            row = make()
            rows.append(row)
            card.add_row(row)
        for at, row in enumerate(rows):
            row.setVisible(at < wanted)


def _by_hour(tasks: Sequence[Task]) -> list[tuple[int, int]]:
    """Successes and failures of all tasks by hour, the newest hour last."""
    longest = max((len(task.hours_24h) for task in tasks), default=0)
    total = [[0, 0] for _ in range(longest)]
    for task in tasks:
        ahead = longest - len(task.hours_24h)
        for at, (ok, bad) in enumerate(task.hours_24h):
            total[ahead + at][0] += ok
            total[ahead + at][1] += bad
    return [(ok, bad) for ok, bad in total]
