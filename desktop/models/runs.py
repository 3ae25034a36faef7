"""Which runs there were lately, newest first, as a table for Qt."""

from bisect import insort
from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from desktop import words
from desktop.states import ending_words, reason_words, run_look, trigger_words
from shared.protocol.rows import ENDED, Run

Index = QModelIndex | QPersistentModelIndex

ROW: Final = Qt.ItemDataRole.UserRole
ZONE_OF: Final = "UTC"


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


def _titles() -> tuple[str, ...]:
    return (
        "Time",
        "Task",
        "Result",
        "Trigger",
        "Attempt",
        "Duration",
        "CPU",
        "Memory",
        "Reason",
    )


def began_ms(run: Run) -> int:
    """When it began; what never began counts from its due moment."""
    return run.start_ms if run.start_ms is not None else run.scheduled_ms


def _newest_first(run: Run) -> tuple[int, str]:
    return (-began_ms(run), run.id)


class RunsModel(QAbstractTableModel):
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
        super().__init__(parent)
        self._now = now
        self._limit, self._only = limit, only
        self._task_id = task_id
        self._runs: list[Run] = []
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
        if not self._runs and wanted:
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
        self.beginResetModel()
        self._task_id = task_id
        self._runs.clear()
        self._by_id.clear()
        self.endResetModel()

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
        for at, run in enumerate(self._runs):
            if run.state != ENDED:
                cell = self.index(at, Column.DURATION)
                self.dataChanged.emit(cell, cell, [Qt.ItemDataRole.DisplayRole])
            if run.state == "retry_wait":
                cell = self.index(at, Column.REASON)
                self.dataChanged.emit(cell, cell, [Qt.ItemDataRole.DisplayRole])

    def runs(self) -> list[Run]:
        """The runs kept, newest first."""
        return list(self._runs)

    def oldest_words(self) -> str:
        """When the oldest of them began; empty where there is none."""
        return self._cell(self._runs[-1], Column.TIME) if self._runs else ""

    def run(self, run_id: str) -> Run | None:
        """The row of that run."""
        return self._by_id.get(run_id)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._runs)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.tr(_titles()[section])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(Column(section))
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        run, column = self._runs[index.row()], Column(index.column())
        if role == ROW:
            return run
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cell(run, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            if column == Column.TIME:
                return words.full_times(began_ms(run), self._zone(run))
            if column == Column.TASK:
                return run.task_id
            if column in (Column.REASON, Column.RESULT):
                return self._cell(run, Column.REASON) or None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(text for text in (self._cell(run, each) for each in Column) if text)
        return None

    def _fill(self, runs: list[Run]) -> None:
        newest = {run.id: run for run in runs}
        kept = sorted(newest.values(), key=_newest_first)[: self._limit]
        self.beginInsertRows(QModelIndex(), 0, len(kept) - 1)
        self._runs = kept
        self._by_id = {run.id: run for run in kept}
        self.endInsertRows()

    def _trim(self) -> None:
        if len(self._runs) > self._limit:
            self.beginRemoveRows(QModelIndex(), self._limit, len(self._runs) - 1)
            for run in self._runs[self._limit :]:
                del self._by_id[run.id]
            del self._runs[self._limit :]
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
        at = self._runs.index(old)
        self._runs[at] = run
        self._by_id[run.id] = run
        self.dataChanged.emit(self.index(at, 0), self.index(at, len(Column) - 1))

    def _put(self, run: Run) -> None:
        order = list(self._runs)
        insort(order, run, key=_newest_first)
        at = order.index(run)
        if at >= self._limit:
            return
        self.beginInsertRows(QModelIndex(), at, at)
        self._runs.insert(at, run)
        self._by_id[run.id] = run
        self.endInsertRows()

    def _take_out(self, run: Run) -> None:
        at = self._runs.index(run)
        self.beginRemoveRows(QModelIndex(), at, at)
        del self._runs[at], self._by_id[run.id]
        self.endRemoveRows()

    def _tell_all(self) -> None:
        if self._runs:
            self.dataChanged.emit(
                self.index(0, 0), self.index(len(self._runs) - 1, len(Column) - 1)
            )

    def _zone(self, run: Run) -> str:
        return self._zones.get(run.task_id, ZONE_OF)

    def _cell(self, run: Run, column: Column) -> str:
        if column == Column.TIME:
            zone = words.zone_for(self._times, self._zone(run))
            return words.clock(began_ms(run), zone, self._now(), seconds=True)
        if column == Column.DURATION:
            if run.dur_ms is None and run.start_ms is not None and run.state != ENDED:
                return words.span(max(0, self._now() - run.start_ms))
            return words.duration(run.dur_ms)
        said = {
            Column.TASK: run.task_id,
            Column.RESULT: run_look(run).said,
            Column.TRIGGER: trigger_words(run.trigger),
            Column.ATTEMPT: str(run.attempt),
            Column.CPU: words.duration(run.cpu_ms),
            Column.MEMORY: words.size(run.peak_rss),
            Column.REASON: self._until_retry(run) or reason_of(run),
        }
        return said[column]

    def _until_retry(self, run: Run) -> str:
        """Of a retry that waits: how long still."""
        if run.state != "retry_wait" or run.retry_ms is None:
            return ""
        left = words.span(max(0, run.retry_ms - self._now()))
        return QCoreApplication.translate("RunsModel", "in {0}").format(left)


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
        said = QCoreApplication.translate("RunsModel", "not done after {0}").format(took)
    if run.by and run.result == "aborted":
        said = said or QCoreApplication.translate("RunsModel", "by {0}").format(run.by)
    if run.missed_count > 1:
        said = f"{said} ({words.count(run.missed_count)})"
    return f"{said}: {run.note}" if run.note and said else (run.note or said)


def _alignment(column: Column) -> Qt.AlignmentFlag:
    right = (Column.ATTEMPT, Column.DURATION, Column.CPU, Column.MEMORY)
    side = Qt.AlignmentFlag.AlignRight if column in right else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
