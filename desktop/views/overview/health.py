"""How the server is: processor, memory, disks, database, agent."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from desktop import words
from desktop.freshness import Link
from desktop.models.checks import ChecksModel
from desktop.parts.charts import Meter
from desktop.parts.labels import Elided, Words
from desktop.theme import Theme
from desktop.views.overview.reading import HIGHEST_PX, HealthCard
from shared.protocol.events import Heartbeat, Metric
from shared.protocol.rows import Check

REACH_MS: Final = words.HOUR_MS
MOST_POINTS: Final = 2_000
MOST_DISKS: Final = 3
CPU, MEMORY, DISK, DATABASE, LOOP = "cpu", "memory", "disk", "database", "loop"

Points = deque[tuple[int, float]]


class Health(QWidget):
    """Five cards: the newest reading of each, and the course of the last hour."""

    opened = Signal(str)
    """The kind of the checks that a card is about."""

    def __init__(self, checks: ChecksModel, theme: Theme, now: words.Clock) -> None:
        super().__init__()
        self._checks, self._theme, self._now = checks, theme, now
        self._link = Link()
        self._zone = "UTC"
        self._stale = False
        self._metric: Metric | None = None
        self._heartbeat: Heartbeat | None = None
        self._course: dict[str, Points] = {
            name: deque(maxlen=MOST_POINTS) for name in (CPU, MEMORY, DATABASE, LOOP)
        }
        self._disks: list[tuple[Elided, Words, Meter]] = []
        self._build()
        checks.dataChanged.connect(self.refresh)
        checks.rowsInserted.connect(self.refresh)
        checks.modelReset.connect(self.refresh)

    # What the page tells -----------------------------------------------------------------

    def show_link(self, link: Link, *, stale: bool) -> None:
        """The link changed, or time passed."""
        self._link, self._stale = link, stale

    def set_zone(self, zone: str) -> None:
        """The agent's own zone."""
        self._zone = zone

    def show_heartbeat(self, heartbeat: Heartbeat) -> None:
        """The scheduler lives."""
        self._heartbeat = heartbeat
        self._add(LOOP, heartbeat.now_ms, heartbeat.lag_ms)

    def show_metric(self, metric: Metric) -> None:
        """A sample of the server came."""
        self._metric = metric
        for name, value in (
            (CPU, metric.cpu),
            (MEMORY, metric.mem_share),
            (DATABASE, metric.database_ms),
        ):
            self._add(name, metric.now_ms, value)
        self.refresh()

    def show_history(self, series: Mapping[str, Sequence[tuple[int, float]]]) -> None:
        """What was before the first sample that came by itself."""
        for name, points in series.items():
            known = self._course.get(name)
            if known is None:
                continue
            first = known[0][0] if known else None
            older = sorted((at, value) for at, value in points if first is None or at < first)
            self._course[name] = deque([*older, *known], maxlen=MOST_POINTS)
            self._drop_old(name)
        self.refresh()

    @property
    def cards(self) -> list[HealthCard]:
        """As they stand, from the left."""
        return [self.cpu, self.memory, self.disk, self.database, self.heart]

    def forget(self) -> None:
        """Another agent."""
        self._metric = self._heartbeat = None
        for points in self._course.values():
            points.clear()

    def refresh(self, *_: object) -> None:
        """Draw everything anew, if it is in sight."""
        if not self.isVisible():
            return
        metric, checks = self._metric, self._checks.checks()
        load = metric.load1 if metric is not None else None
        own = metric.mem_rss if metric is not None else None
        self._show_share(
            self.cpu,
            _find(checks, "cpu", "load"),
            None if metric is None else metric.cpu,
            CPU,
            unit="" if load is None else self.tr("load {0}").format(f"{load:.1f}"),
        )
        self._show_share(
            self.memory,
            _find(checks, "memory"),
            None if metric is None else metric.mem_share,
            MEMORY,
            unit="" if own is None else self.tr("agent {0}").format(words.size(own)),
        )
        self._show_disks(metric, _find(checks, "disk"))
        self._show_database(metric, _find(checks, "database"))
        self._show_heart()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    # Building ----------------------------------------------------------------------------

    def _build(self) -> None:
        self.setMaximumHeight(HIGHEST_PX)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.cpu = HealthCard(self._theme, self.tr("CPU"), share=True)
        self.memory = HealthCard(self._theme, self.tr("Memory"), share=True)
        self.disk = HealthCard(self._theme, self.tr("Disk"), curve=False)
        self.database = HealthCard(self._theme, self.tr("Database"), least_top=5)
        self.heart = HealthCard(self._theme, self.tr("Agent"), least_top=10)
        for _ in range(MOST_DISKS):
            self.disk.body.addWidget(self._disk_row())
        self.disk.body.addStretch(1)
        for card, kind in (
            (self.cpu, CPU),
            (self.memory, MEMORY),
            (self.disk, DISK),
            (self.database, DATABASE),
            (self.heart, LOOP),
        ):
            card.clicked.connect(lambda kind=kind: self.opened.emit(kind))
            row.addWidget(card, 1)

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

    def _add(self, name: str, at_ms: int, value: float | None) -> None:
        points = self._course[name]
        if value is not None and (not points or at_ms > points[-1][0]):
            points.append((at_ms, float(value)))
            self._drop_old(name)

    def _drop_old(self, name: str) -> None:
        points = self._course[name]
        while points and points[0][0] < points[-1][0] - REACH_MS:
            points.popleft()

    def _draw(self, card: HealthCard, name: str) -> None:
        if card.curve is not None:
            points = list(self._course[name])
            card.curve.show_points(points, zone=self._zone, stale=self._stale)

    def _show_share(
        self, card: HealthCard, check: Check | None, share: float | None, name: str, *, unit: str
    ) -> None:
        card.show_state("" if check is None else check.state, stale=self._stale)
        figure = "\N{EN DASH}" if share is None else f"{100 * share:.0f}"
        sign = "" if share is None else "%"
        trouble = check is not None and check.state != "ok"
        said = check.msg if check is not None and trouble else self._reach(name)
        card.show_reading(figure, ", ".join(x for x in (sign, unit) if x), said, stale=self._stale)
        self._draw(card, name)

    def _reach(self, name: str) -> str:
        points = self._course[name]
        if len(points) < 2:
            return ""
        return self.tr("last {0}").format(words.round_span(points[-1][0] - points[0][0]))

    def _show_database(self, metric: Metric | None, check: Check | None) -> None:
        taken = None if metric is None else metric.database_ms
        self.database.show_state("" if check is None else check.state, stale=self._stale)
        self.database.show_reading(
            "\N{EN DASH}" if taken is None else str(taken) if taken else "<1",
            "" if taken is None else self.tr("ms to answer"),
            "" if check is None else check.msg,
            stale=self._stale,
        )
        self._draw(self.database, DATABASE)

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
        self._draw(self.heart, LOOP)


def _find(checks: Sequence[Check], *kinds: str) -> Check | None:
    """The worst check of one of these kinds."""
    order = {"crit": 0, "warn": 1, "unknown": 2, "ok": 3}
    found = [c for c in checks if any(kind in c.kind.lower() for kind in kinds)]
    return min(found, key=lambda c: order.get(c.state, 2), default=None)
