"""What stands in the row of a task: its columns, what is said in each, and in which orders?"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QCoreApplication

from desktop import words
from desktop.states import ending_look, ending_words, runs_next_ms, task_look
from shared.protocol.rows import Task

# What needs somebody stands first. A start or an end of a run moves nothing.
ATTENTION: Final = {"invalid": 0, "failing": 1, "late": 2, "paused": 4, "disabled": 5}
CALM: Final = 3


class Column(IntEnum):
    """The columns of the grid."""

    STATUS = 0
    TASK = 1
    SCHEDULE = 2
    LAST = 3
    DURATION = 4
    HOURS = 5
    NEXT = 6


TITLES: Final = ("Status", "Task", "Schedule", "Last run", "Duration", "24 h", "Next run")
SORTS: Final[dict[str, Callable[[Task, str], Any]]] = {
    "attention": lambda task, state: (ATTENTION.get(state, CALM), task.priority, task.name),
    "name": lambda task, state: task.name,
    "schedule": lambda task, state: (task.schedule_text, task.name),
    "last": lambda task, state: (-(task.last.end_ms if task.last else 0), task.name),
    "duration": lambda task, state: (-(task.avg_ms or 0), task.name),
    "success": lambda task, state: (
        1.0 if task.success_rate_24h is None else task.success_rate_24h,
        task.name,
    ),
    "next": lambda task, state: (
        runs_next_ms(task) is None,
        runs_next_ms(task) or 0,
        task.name,
    ),
}
COLUMN_SORTS: Final = ("attention", "name", "schedule", "last", "duration", "success", "next")


def _tr(text: str) -> str:
    return QCoreApplication.translate("TaskModel", text)


class TaskWords:
    """Says the cells of rows; times in the zone that `times` names."""

    def __init__(self, now: words.Clock) -> None:
        self._now = now
        self.times = words.TASK_TIMES

    def cell(self, row: Task, state: str, column: int) -> str:
        """What stands there."""
        now_ms = self._now()
        zone = words.zone_for(self.times, row.tz)
        last = row.last
        if column == Column.STATUS:
            return task_look(state).said
        if column == Column.TASK:
            return row.name
        if column == Column.SCHEDULE:
            return row.schedule_text or row.schedule
        if column == Column.LAST:
            return "" if last is None else words.clock(last.start_ms or last.end_ms, zone, now_ms)
        if column == Column.DURATION:
            return "" if last is None else words.duration(last.dur_ms)
        if column == Column.HOURS:
            return words.percent(row.success_rate_24h)
        next_ms = runs_next_ms(row)
        return "" if next_ms is None else words.clock(next_ms, zone, now_ms)

    def tip(self, row: Task, column: int) -> str | None:
        """What more there is to say of a cell."""
        last = row.last
        if column == Column.STATUS and row.invalid_reason:
            return row.invalid_reason
        if column == Column.TASK:
            return row.name if row.progress is None else f"{row.name}\n{_told(row)}"
        if column == Column.SCHEDULE:
            return _tr("{0}\n{1}, in {2}").format(row.schedule_text, row.schedule, row.tz)
        if column == Column.LAST and last is not None:
            return _tr("{0}\n{1}").format(
                _ending(row), words.full_times(last.start_ms or last.end_ms, row.tz)
            )
        if column == Column.DURATION and row.progress is not None:
            return _told(row)
        if column == Column.DURATION and row.avg_ms is not None:
            return _tr("{0} on average, {1} at most").format(
                words.duration(row.avg_ms), words.duration(row.peak_ms)
            )
        if column == Column.HOURS and (row.runs_24h or row.stops_24h):
            said = _tr("{0} of {1} runs succeeded in 24 h").format(
                row.runs_24h - row.fails_24h, row.runs_24h
            )
            stopped = _tr(", {0} stopped").format(row.stops_24h) if row.stops_24h else ""
            return said + stopped
        if column == Column.NEXT and row.next_ms is not None:
            return _when_next(row, row.next_ms)
        return None

    def sentence(self, row: Task, state: str) -> str:
        """The whole row for somebody who hears it."""
        now_ms = self._now()
        parts = [row.name, task_look(state).said.lower()]
        if told := _told(row):
            parts.append(told)
        if row.retry_ms is not None:
            left = words.span(max(0, row.retry_ms - now_ms))
            parts.append(_tr("tried again in {0}").format(left))
        if row.last is not None:
            at = self.cell(row, state, Column.LAST)
            parts.append(_tr("last run {0} {1}").format(at, _ending(row).lower()))
        next_ms = runs_next_ms(row)
        if next_ms is not None:
            left = words.span(max(0, next_ms - now_ms))
            parts.append(
                _tr("next run {0} in {1}").format(self.cell(row, state, Column.NEXT), left)
            )
        return ", ".join(parts)


def _when_next(row: Task, due_ms: int) -> str:
    """When it runs next, and which moments pass before that, by whose wish."""
    said = words.full_times(runs_next_ms(row) or due_ms, row.tz)
    if row.skip_until_ms is not None:
        left_out = _tr("Skipped {0}:\n{1}").format(
            row.skip_reason or "", words.full_times(due_ms, row.tz)
        )
        said = left_out if row.resumes_ms is None else f"{said}\n{left_out}"
    elif row.paused and row.resumes_ms is None:
        said = _tr("Paused until it is resumed")
    return said


def _told(row: Task) -> str:
    """How far its run says it is."""
    return "" if row.progress is None else words.progress(row.progress, row.progress_note)


def _ending(row: Task) -> str:
    last = row.last
    if last is None:
        return _tr("never ran")
    said = ending_words(last.result, exit_status=last.exit, signal=last.signal, reason=last.reason)
    word = ending_look(last.result).said
    return word if word.lower() == said else f"{word}, {said}"
