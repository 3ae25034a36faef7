"""How it is going: figures, what needs somebody, what runs, what comes, how the server is."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop import words
from desktop.freshness import Link
from desktop.models.checks import ChecksModel
from desktop.models.tasks import TaskModel
from desktop.parts.charts import Meter
from desktop.parts.labels import Elided, Ground, Words
from desktop.states import ending_words, task_look
from desktop.theme import Theme
from desktop.views.overview.cards import Entry, HealthCard, ListCard, NextRow, StatCard
from shared.protocol.events import Heartbeat, Metric
from shared.protocol.rows import Check, Task

SAMPLES: Final = 360
MOST_NEEDY: Final = 6
MOST_RUNNING: Final = 6
MOST_COMING: Final = 10
MOST_DISKS: Final = 3

Widget = TypeVar("Widget", bound=QWidget)


class Overview(QScrollArea):
    """Draws the models; every figure leads to the list behind it."""

    task_opened = Signal(str)
    run_requested = Signal(str)
    log_requested = Signal(str)
    tasks_requested = Signal(str)
    runs_requested = Signal()

    def __init__(
        self,
        tasks: TaskModel,
        checks: ChecksModel,
        theme: Theme,
        now: words.Clock,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._tasks, self._checks, self._theme, self._now = tasks, checks, theme, now
        self._link = Link()
        self._times = words.TASK_TIMES
        self._zone = "UTC"
        self._stale = False
        self._may, self._why = False, ""
        self._metrics: deque[Metric] = deque(maxlen=SAMPLES)
        self._beats: deque[tuple[int, float]] = deque(maxlen=SAMPLES)
        self._heartbeat: Heartbeat | None = None
        self._needy: list[Entry] = []
        self._running: list[Entry] = []
        self._coming: list[NextRow] = []
        self._disks: list[tuple[Elided, Words, Meter]] = []
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        page = Ground(theme, "window")
        layout = QVBoxLayout(page)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(12)
        layout.addLayout(self._build_stats())
        layout.addLayout(self._build_lists(), 3)
        layout.addLayout(self._build_health(), 2)
        self.setWidget(page)
        tasks.counts_changed.connect(self.refresh)
        checks.dataChanged.connect(self._show_health)
        checks.rowsInserted.connect(self._show_health)
        self.refresh()

    # What the window tells ---------------------------------------------------------------

    def show_link(self, link: Link, *, stale: bool) -> None:
        """The link changed, or time passed."""
        self._link, self._stale = link, stale

    def allow_commands(self, allowed: bool, why_not: str = "") -> None:
        """Whether the agent can be commanded, and if not, why."""
        self._may, self._why = allowed, why_not
        for entry in self._needy:
            entry.run.allow(allowed, why_not)

    def set_zone(self, zone: str) -> None:
        """The agent's own zone, for what belongs to no task."""
        self._zone = zone

    def set_times(self, times: str) -> None:
        """In whose zone times are said."""
        self._times = times
        self.refresh()

    def show_heartbeat(self, heartbeat: Heartbeat) -> None:
        """The scheduler lives."""
        self._heartbeat = heartbeat
        self._beats.append((heartbeat.now_ms, float(heartbeat.lag_ms)))

    def show_metric(self, metric: Metric) -> None:
        """A sample of the server came."""
        self._metrics.append(metric)
        if self.isVisible():
            self._show_health()

    def forget(self) -> None:
        """Another agent."""
        self._metrics.clear()
        self._beats.clear()
        self._heartbeat = None
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
        self._show_health()

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
        left = QVBoxLayout()
        left.setSpacing(12)
        self.needs = ListCard(self._theme, self.tr("Needs attention"))
        self.now_card = ListCard(self._theme, self.tr("Running now"))
        left.addWidget(self.needs, 1)
        left.addWidget(self.now_card, 1)
        self.next_card = ListCard(self._theme, self.tr("Next runs"))
        row.addLayout(left, 3)
        row.addWidget(self.next_card, 2)
        return row

    def _build_health(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        self.cpu = HealthCard(self._theme, self.tr("CPU"), share=True)
        self.memory = HealthCard(self._theme, self.tr("Memory"), share=True)
        self.disk = HealthCard(self._theme, self.tr("Disk"), curve=False)
        self.database = HealthCard(self._theme, self.tr("Database"), least_top=20)
        self.heart = HealthCard(self._theme, self.tr("Agent"), least_top=40)
        for _ in range(MOST_DISKS):
            self.disk.body.addWidget(self._disk_row())
        self.disk.body.addStretch(1)
        for card in (self.cpu, self.memory, self.disk, self.database, self.heart):
            row.addWidget(card, 1)
        return row

    def _disk_row(self) -> QWidget:
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        name = Elided(self._theme, middle=True)
        share = Words(self._theme, weight=500)
        meter = Meter(self._theme)
        grid.addWidget(name, 0, 0)
        grid.addWidget(share, 0, 1)
        grid.addWidget(meter, 1, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        holder.hide()
        self._disks.append((name, share, meter))
        return holder

    # Showing -----------------------------------------------------------------------------

    def _show_stats(self, tasks: Sequence[Task]) -> None:
        stale = self._stale
        runs, fails = sum(t.runs_24h for t in tasks), sum(t.fails_24h for t in tasks)
        hourly = _by_hour(tasks)
        shares = tuple(ok / (ok + bad) for ok, bad in hourly if ok + bad)
        if runs:
            figure = words.percent((runs - fails) / runs).split(words.NO_BREAK)[0]
            note = (
                self.tr("{0} of {1} failed").format(words.count(fails), words.count(runs))
                if fails
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
            figure, unit, self.tr("slowest {0}").format(note) if note else "",
            family="idle", icon="timer", stale=stale,
        )  # fmt: skip
        active = sum(1 for t in tasks if t.enabled and not t.paused and t.state != "invalid")
        off = len(tasks) - active
        self.active.show_figure(
            str(active),
            self.tr("of {0}").format(len(tasks)),
            self.tr("{0} paused or disabled").format(off) if off else self.tr("all are on"),
            family="idle" if off else "ok",
            icon="pause" if off else "check",
            stale=stale,
        )
        counts = self._tasks.counts()
        bad, late = counts["failing"] + counts["invalid"], counts["late"]
        note = self.tr("{0} late").format(late) if late else self.tr("none late")
        self.failing.show_figure(
            str(bad),
            "",
            note,
            family="warn" if late else "idle" if bad else "ok",
            icon="clock-afternoon-fill" if late else "check",
            stale=stale,
        )

    def _show_needy(self) -> None:
        needy = self._tasks.in_attention()
        self.needs.second.setText(self.tr("{0} tasks").format(len(needy)) if needy else "")
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
        entry.log_requested.connect(self.log_requested)
        entry.run_requested.connect(self.run_requested)
        entry.run.allow(self._may, self._why)
        return entry

    def _all_well(self) -> str:
        total = len(self._tasks.tasks())
        if not total:
            return self.tr("No task is known yet.")
        said = self.tr("Nothing needs you. {0} tasks, none failing or late.").format(total)
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
        now_ms = self._now()
        for entry, task in zip(self._running, shown, strict=False):
            elapsed_ms = max(0, now_ms - (task.run_start_ms or now_ms))
            usual = task.avg_ms
            over = usual is not None and elapsed_ms > usual
            second = self.tr("for {0}").format(words.span(elapsed_ms))
            if usual is not None:
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
            entry.show_progress(elapsed_ms, usual)

    def _new_running(self) -> Entry:
        entry = Entry(self._theme, progress=True)
        entry.clicked.connect(lambda: self.task_opened.emit(entry.task_id))
        return entry

    def _show_coming(self, tasks: Sequence[Task]) -> None:
        now_ms = self._now()
        coming = sorted(
            (t for t in tasks if t.next_ms is not None and t.enabled and not t.paused),
            key=lambda t: t.next_ms or 0,
        )
        soon = [t for t in coming if (t.next_ms or 0) >= now_ms]
        shown = soon[:MOST_COMING]
        within = sum(1 for t in soon if (t.next_ms or 0) - now_ms < words.HOUR_MS)
        self.next_card.second.setText(
            self.tr("{0} tasks within the hour").format(within) if soon else ""
        )
        self.next_card.empty.setVisible(not shown)
        self.next_card.empty.setText(self.tr("No run is planned."))
        self._grow(self._coming, len(shown), self.next_card, self._new_coming)
        for row, task in zip(self._coming, shown, strict=False):
            at = task.next_ms or now_ms
            zone = words.zone_for(self._times, task.tz)
            left = self.tr("unknown") if self._stale else words.span(at - now_ms + 999)
            row.show_next(task.id, words.clock(at, zone, now_ms), left)

    def _new_coming(self) -> NextRow:
        row = NextRow(self._theme)
        row.clicked.connect(lambda: self.task_opened.emit(row.task_id))
        return row

    def _grow(
        self, rows: list[Widget], wanted: int, card: ListCard, make: Callable[[], Widget]
    ) -> None:
        while len(rows) < wanted:
            row = make()
            rows.append(row)
            card.add_row(row)
        for at, row in enumerate(rows):
            row.setVisible(at < wanted)

    def _show_health(self, *_: object) -> None:
        stale = self._stale
        metric = self._metrics[-1] if self._metrics else None
        checks = self._checks.checks()
        samples = list(self._metrics)
        self._show_share(
            self.cpu,
            _find(checks, "cpu", "load"),
            None if metric is None else metric.cpu,
            [(m.now_ms, m.cpu) for m in samples if m.cpu is not None],
            unit=self.tr("load {0}").format(f"{metric.load1:.1f}")
            if metric is not None and metric.load1 is not None
            else "",
        )
        own = "" if metric is None or metric.mem_rss is None else words.size(metric.mem_rss)
        self._show_share(
            self.memory,
            _find(checks, "memory"),
            None if metric is None else metric.mem_share,
            [(m.now_ms, m.mem_share) for m in samples if m.mem_share is not None],
            unit=self.tr("agent {0}").format(own) if own else "",
        )
        self._show_disks(metric, _find(checks, "disk"))
        check = _find(checks, "database")
        taken = None if metric is None else metric.database_ms
        self.database.show_state("" if check is None else check.state, stale=stale)
        self.database.show_reading(
            "\N{EN DASH}" if taken is None else str(taken),
            "" if taken is None else self.tr("ms to answer"),
            "" if check is None else check.msg,
            stale=stale,
        )
        if self.database.curve is not None:
            timed = [(m.now_ms, float(m.database_ms)) for m in samples if m.database_ms is not None]
            self.database.curve.show_points(timed, stale=stale)
        self._show_heart()

    def _show_share(
        self,
        card: HealthCard,
        check: Check | None,
        share: float | None,
        points: list[tuple[int, float]],
        *,
        unit: str,
    ) -> None:
        card.show_state("" if check is None else check.state, stale=self._stale)
        figure = "\N{EN DASH}" if share is None else f"{100 * share:.0f}"
        sign = "" if share is None else "%"
        said = check.msg if check is not None and check.state != "ok" else self._reach(points)
        card.show_reading(figure, ", ".join(x for x in (sign, unit) if x), said, stale=self._stale)
        if card.curve is not None:
            card.curve.show_points(points, zone=self._zone, stale=self._stale)

    def _reach(self, points: list[tuple[int, float]]) -> str:
        if len(points) < 2:
            return self.tr("waiting for samples")
        return self.tr("last {0}").format(words.rough_span(points[-1][0] - points[0][0]))

    def _show_disks(self, metric: Metric | None, check: Check | None) -> None:
        disks = sorted(metric.disk if metric is not None else (), key=lambda d: -d.used_share)
        self.disk.show_state("" if check is None else check.state, stale=self._stale)
        fullest = disks[0].used_share if disks else None
        self.disk.show_reading(
            "\N{EN DASH}" if fullest is None else f"{100 * fullest:.0f}",
            "" if fullest is None else self.tr("% of the fullest"),
            self.tr("watched above 80 %") if check is None or check.state == "ok" else check.msg,
            stale=self._stale,
        )
        for at, (name, share, meter) in enumerate(self._disks):
            holder = name.parentWidget()
            if holder is not None:
                holder.setVisible(at < len(disks))
            if at < len(disks):
                name.setText(disks[at].mount)
                share.setText(words.percent(disks[at].used_share, decimals=0))
                meter.show_share(disks[at].used_share, stale=self._stale)

    def _show_heart(self) -> None:
        link, beat = self._link, self._heartbeat
        if link.beat_ms is None:
            self.heart.show_state("unknown", stale=False)
            self.heart.show_reading("\N{EN DASH}", "", self.tr("not heard yet"), stale=False)
            return
        age_ms = max(0, self._now() - link.beat_ms)
        self.heart.show_state("ok" if link.is_live else "crit", stale=False)
        figure = self.tr("silent") if self._stale else f"{age_ms / 1000:.1f}"
        note = ""
        if beat is not None:
            note = self.tr("up {0}, loop delay {1} ms").format(
                words.rough_span(beat.up_ms), beat.lag_ms
            )
        unit = "" if self._stale else self.tr("s since last beat")
        self.heart.show_reading(figure, unit, note, stale=self._stale)
        if self.heart.curve is not None:
            self.heart.curve.show_points(list(self._beats), stale=self._stale)


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


def _find(checks: Sequence[Check], *kinds: str) -> Check | None:
    """The worst check of one of these kinds."""
    order = {"crit": 0, "warn": 1, "unknown": 2, "ok": 3}
    found = [c for c in checks if any(kind in c.kind.lower() for kind in kinds)]
    return min(found, key=lambda c: order.get(c.state, 2), default=None)
