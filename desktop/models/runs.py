"""Which runs there were lately, newest first, as a table for Qt."""

from bisect import insort
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Final

from PySide6.QtCore import QCoreApplication, QModelIndex, QObject, QSortFilterProxyModel, Qt

from desktop import words
from desktop.states import ending_words, reason_words, run_look, trigger_words
from desktop.tables import ROW, Table
from shared.protocol.rows import ENDED, Run

ZONE_OF: Final = "UTC"
ALL, TROUBLE, LIVE = "all", "trouble", "live"
"""Which runs may be asked for at once."""


class Column(IntEnum):
    """The columns of recent executions."""

    TIME = 0
    TASK = 1
    RESULT = 2
    TRIGGER = 3
    ATTEMPT = 4
    DURATION = 5
    CPU = 6
    MEMORY = 7
    REASON = 8


_TITLES: Final = (
    "Time", "Task", "Result", "Trigger", "Attempt", "Duration", "CPU", "Memory", "Reason",
)  # fmt: skip
_WHY: Final = (Column.REASON, Column.RESULT)
_FIGURES: Final = (Column.ATTEMPT, Column.DURATION, Column.CPU, Column.MEMORY)


def _tr(text: str) -> str:
    return QCoreApplication.translate("RunsModel", text)


def began_ms(run: Run) -> int:
    """When it began; what never began counts from its due moment."""
    return run.start_ms if run.start_ms is not None else run.scheduled_ms


def _newest_first(run: Run) -> tuple[int, str]:
    return (-began_ms(run), run.id)


class RunsModel(Table[Run]):
    """Keeps the newest `limit` runs, of all tasks or of one."""

    def __init__(
        self,
        now: words.Clock,
        *,
        limit: int = 50,
        task_id: str | None = None,
        only: Callable[[Run], bool] | None = None,
        parent: QObject | None = None,
    ) -> None:
        """With `only` it keeps those for which that holds."""
        super().__init__([_tr(title) for title in _TITLES], right=_FIGURES, parent=parent)
        self._now = now
        self._limit, self._only = limit, only
        self._task_id = task_id
        self._by_id: dict[str, Run] = {}
        self._times = words.TASK_TIMES
        self._zones: dict[str, str] = {}

    def show_rows(self, rows: Iterable[Run], gone: Iterable[str] = ()) -> None:
        """Take newer rows. A gone run stays as history if it had ended."""
        for run_id in gone:
            run = self._by_id.get(run_id)
            if run is not None and run.state != ENDED:
                self._take_out(run)
        wanted = [run for run in rows if self._task_id is None or run.task_id == self._task_id]
        if self._only is not None:
            for run in wanted:
                if run.id in self._by_id and not self._only(run):
                    self._take_out(self._by_id[run.id])
            wanted = [run for run in wanted if self._only(run)]
        if not self._shown and wanted:
            self._fill(wanted)
            return
        for run in wanted:
            self._take_in(run)
        self._trim()

    def hold(self, limit: int) -> None:
        """Keep so many from now on."""
        self._limit = limit
        self._trim()

    def follow(self, task_id: str | None) -> None:
        """Start anew with the runs of another task; None means of all."""
        self._task_id = task_id
        self._by_id.clear()
        self._show_others(())

    def set_times(self, times: str) -> None:
        """In whose zone times are said."""
        self._times = times
        self._tell_all()

    def set_zones(self, zones: dict[str, str]) -> None:
        """The zone of each task, for times in the task's own zone."""
        if zones != self._zones:
            self._zones = zones
            self._tell_all()

    def tick(self) -> None:
        """Time has passed: runs in progress are longer now, retries nearer."""
        for at, run in enumerate(self._shown):
            if run.state != ENDED:
                cell = self.index(at, Column.DURATION)
                self.dataChanged.emit(cell, cell, [Qt.ItemDataRole.DisplayRole])
            if run.state == "retry_wait":
                cell = self.index(at, Column.REASON)
                self.dataChanged.emit(cell, cell, [Qt.ItemDataRole.DisplayRole])

    def runs(self) -> list[Run]:
        """The runs kept, newest first."""
        return list(self._shown)

    def oldest_words(self) -> str:
        """When the oldest of them began; empty where there is none."""
        return self.say(self._shown[-1], Column.TIME) if self._shown else ""

    def run(self, run_id: str) -> Run | None:
        """The row of that run."""
        return self._by_id.get(run_id)

    def say(self, row: Run, column: int) -> str:
        """A cell in words."""
        if column == Column.TIME:
            zone = words.zone_for(self._times, self._zone(row))
            return words.clock(began_ms(row), zone, self._now(), seconds=True)
        if column == Column.DURATION:
            if row.dur_ms is None and row.start_ms is not None and row.state != ENDED:
                return words.span(max(0, self._now() - row.start_ms))
            return words.duration(row.dur_ms)
        said: dict[int, str] = {
            Column.TASK: row.task_id,
            Column.RESULT: run_look(row).said,
            Column.TRIGGER: trigger_words(row.trigger),
            Column.ATTEMPT: str(row.attempt),
            Column.CPU: words.duration(row.cpu_ms),
            Column.MEMORY: words.size(row.peak_rss),
            Column.REASON: self._until_retry(row) or reason_of(row),
        }
        return said[column]

    def tip(self, row: Run, column: int) -> str | None:
        """What more there is to say of a cell."""
        if column == Column.TIME:
            return words.full_times(began_ms(row), self._zone(row))
        if column == Column.TASK:
            return row.task_id
        return self.say(row, Column.REASON) or None if column in _WHY else None

    def heard(self, row: Run, column: int) -> str:
        """All of the run at each cell: one reads through runs by their rows."""
        return super().heard(row, Column.TIME)

    def _fill(self, runs: list[Run]) -> None:
        newest = {run.id: run for run in runs}
        kept = sorted(newest.values(), key=_newest_first)[: self._limit]
        self.beginInsertRows(QModelIndex(), 0, len(kept) - 1)
        self._shown = kept
        self._by_id = {run.id: run for run in kept}
        self.endInsertRows()

    def _trim(self) -> None:
        if len(self._shown) > self._limit:
            self.beginRemoveRows(QModelIndex(), self._limit, len(self._shown) - 1)
            for run in self._shown[self._limit :]:
                del self._by_id[run.id]
            del self._shown[self._limit :]
            self.endRemoveRows()

    def _take_in(self, run: Run) -> None:
        old = self._by_id.get(run.id)
        if old is None:
            self._put(run)
            return
        # A page fetched earlier may arrive after a newer row; an ended run never comes alive.
        if old == run or old.rev > run.rev > 0 or (old.state == ENDED and run.state != ENDED):
            return
        if _newest_first(old) != _newest_first(run):
            self._take_out(old)
            self._put(run)
            return
        at = self._shown.index(old)
        self._shown[at] = run
        self._by_id[run.id] = run
        self._tell_row(at)

    def _put(self, run: Run) -> None:
        order = list(self._shown)
        insort(order, run, key=_newest_first)
        at = order.index(run)
        if at >= self._limit:
            return
        self.beginInsertRows(QModelIndex(), at, at)
        self._shown.insert(at, run)
        self._by_id[run.id] = run
        self.endInsertRows()

    def _take_out(self, run: Run) -> None:
        at = self._shown.index(run)
        self.beginRemoveRows(QModelIndex(), at, at)
        del self._shown[at], self._by_id[run.id]
        self.endRemoveRows()

    def _zone(self, run: Run) -> str:
        return self._zones.get(run.task_id, ZONE_OF)

    def _until_retry(self, run: Run) -> str:
        """Of a retry that waits: how long still."""
        if run.state != "retry_wait" or run.retry_ms is None:
            return ""
        left = words.span(max(0, run.retry_ms - self._now()))
        return _tr("in {0}").format(left)


def reason_of(run: Run) -> str:
    """What a run says of itself; why one ended as it did, if that is worth a word."""
    counted = words.figures(run.metrics)
    if run.result is None and run.progress is not None:
        told = words.progress(run.progress, run.progress_note)
        return f"{told}, {counted}" if counted else told
    if run.result in (None, "success"):
        return run.note or reason_words(run.reason) or counted
    if run.result == "error":
        said = ending_words("error", exit_status=run.exit, signal=run.signal, reason=run.reason)
        return f"{said}: {run.note}" if run.note else said
    said = reason_words(run.reason)
    if run.result == "timeout" and not said and run.dur_ms is not None:
        took = words.duration(run.dur_ms)
        said = _tr("not done after {0}").format(took)
    if run.by and run.result == "aborted":
        said = said or _tr("by {0}").format(run.by)
    if run.missed_count > 1:
        said = f"{said} ({words.count(run.missed_count)})"
    return f"{said}: {run.note}" if run.note and said else (run.note or said)


def is_trouble(run: Run) -> bool:
    """Whether it went wrong, or did not come about."""
    return run_look(run).family in ("bad", "warn")


class RunFilter(QSortFilterProxyModel):
    """Lets through runs by words and by how they went."""

    def __init__(self) -> None:
        super().__init__()
        self._words: tuple[str, ...] = ()
        self._which = ALL

    def ask(self, text: str | None = None, which: str | None = None) -> None:
        """Other words, or another choice."""
        self.beginFilterChange()
        if text is not None:
            self._words = tuple(text.lower().split())
        if which is not None:
            self._which = which
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def filterAcceptsRow(self, source_row: int, source_parent: object) -> bool:
        run = self.sourceModel().index(source_row, 0, QModelIndex()).data(ROW)
        if not isinstance(run, Run):
            return False
        look = run_look(run)
        if self._which == TROUBLE and not is_trouble(run):
            return False
        if self._which == LIVE and run.state == "ended":
            return False
        text = f"{run.task_id} {look.said} {run.result} {run.trigger} {reason_of(run)}".lower()
        return all(word in text for word in self._words)
