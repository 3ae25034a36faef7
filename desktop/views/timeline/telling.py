"""What is said of a run, an hour or a moment to come that somebody points at."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from PySide6.QtCore import QCoreApplication

from desktop import words
from desktop.models.timeline import begin_of
from desktop.states import ENDING_LOOKS, LIVE_LOOKS, TASK_LOOKS, Look, reason_words
from desktop.views.timeline.lanes import Lane
from shared.protocol.planning import Coming
from shared.protocol.rows import Task
from shared.protocol.timeline import ClosedFor, Gap, HourCount, Span

Item = Span | Coming | HourCount

_GAPS: Final = {
    "outage": "the agent was down",
    "stall": "the agent stood still",
    "suspend": "the server was asleep",
}
_OUTCOMES: Final = {
    "runs": "Planned",
    "delayed": "Planned, will start later",
    "queued": "Planned, will wait",
    "beside": "Planned, beside the run before",
    "replaces": "Planned, will replace the run before",
    "replaced": "Will be replaced",
    "skipped": "Will be left out",
}


def _tr(text: str) -> str:
    return QCoreApplication.translate("timeline", text)


def look_of(state: str) -> Look:
    """How a run is told, by how it ended or how it lives."""
    return ENDING_LOOKS.get(state) or LIVE_LOOKS.get(state) or TASK_LOOKS["unknown"]


def moment_of(item: Item) -> int:
    """Where it stands on the axis."""
    if isinstance(item, Span):
        return begin_of(item)
    if isinstance(item, Coming):
        return item.at_ms if item.start_ms is None else item.start_ms
    return item.at_ms


def identity(item: Item) -> tuple[str, object]:
    """By what it is found again when it was told anew."""
    if isinstance(item, Span):
        return "run", item.run_id
    return type(item).__name__, (item.task_id, item.at_ms)


def tell(item: Item, zone: tzinfo | None, now_ms: int, task: Task | None = None) -> list[str]:
    """Lines about it: which task, how it went, when it was due, began and ended."""
    if isinstance(item, Span):
        return [item.task_id, *_of_run(item, zone, now_ms, task)]
    if isinstance(item, Coming):
        return [item.task_id, *_of_plan(item, zone, now_ms)]
    failed = _tr(", {0} failed").format(words.count(item.failures)) if item.failures else ""
    said = words.plural(item.runs, _tr("run ended"), _tr("runs ended")) + failed
    first, last = item.at_ms, item.at_ms + words.HOUR_MS
    return [said, f"{_clock(first, zone, now_ms)} {_tr('to')} {_clock(last, zone, now_ms)}"]


def tell_several(spans: Sequence[Span], zone: tzinfo | None, now_ms: int) -> list[str]:
    """Lines about runs that stand so close that one bar is drawn of them."""
    first, last = spans[0], spans[-1]
    ids = {span.task_id for span in spans}
    name = first.task_id if len(ids) == 1 else words.plural(len(ids), _tr("task"), _tr("tasks"))
    said = words.plural(len(spans), _tr("run"), _tr("runs"))
    return [
        name,
        f"{said}, {look_of(first.state).said.lower()}",
        f"{_clock(begin_of(first), zone, now_ms)} {_tr('to')} "
        f"{_clock(begin_of(last), zone, now_ms)}",
    ]


def tell_plans(
    name: str, first: Coming, last: Coming, many: int, zone: tzinfo | None, now_ms: int
) -> list[str]:
    """Lines about moments to come that stand so close that one outline is drawn of them."""
    said = words.plural(many, _tr("moment"), _tr("moments"))
    outcome = _tr(_OUTCOMES.get(first.outcome, "Planned")).lower()
    begin, end = (_clock(moment_of(one), zone, now_ms) for one in (first, last))
    return [name, f"{said}, {outcome}", _tr("{0} to {1}").format(begin, end)]


def tell_gap(gap: Gap, zone: tzinfo | None, now_ms: int) -> list[str]:
    """Lines about a time in which the agent did not work."""
    said = _tr(_GAPS.get(gap.kind, gap.kind))
    length = words.duration(gap.to_ms - gap.from_ms)
    first, last = _clock(gap.from_ms, zone, now_ms), _clock(gap.to_ms, zone, now_ms)
    return [_tr("{0} for {1}").format(said, length), f"{first} {_tr('to')} {last}"]


def tell_closed(closed: ClosedFor, zone: tzinfo | None, now_ms: int) -> list[str]:
    """Lines about a time in which a calendar lets nothing start."""
    first, last = _clock(closed.from_ms, zone, now_ms), _clock(closed.to_ms, zone, now_ms)
    return [_tr("{0}: nothing starts").format(closed.name), f"{first} {_tr('to')} {last}"]


def tell_lane(lane: Lane, task: Task | None, state: str) -> str:
    """A row of the timeline for whoever hears it."""
    if lane.is_group:
        many = words.plural(len(lane.task_ids), _tr("task"), _tr("tasks"))
        return f"{lane.name}, {many}, " + (_tr("folded") if lane.is_folded else _tr("unfolded"))
    said = TASK_LOOKS.get(state, TASK_LOOKS["unknown"]).said.lower()
    return f"{lane.name}, {said}" if task is not None else lane.name


def paused_words(task: Task, zone: tzinfo | None, now_ms: int) -> str:
    """That a task is paused, until when, and why."""
    said = _tr("Paused")
    if task.paused_until_ms is not None:
        said = _tr("Paused until {0}").format(words.clock(task.paused_until_ms, zone, now_ms))
    return f"{said}: {task.pause_reason}" if task.pause_reason else said


def late_words(task: Task, now_ms: int) -> str:
    """How late a task is."""
    return _tr("{0} late").format(words.span(now_ms - (task.next_ms or now_ms)))


def _of_run(span: Span, zone: tzinfo | None, now_ms: int, task: Task | None) -> list[str]:
    lines = [look_of(span.state).said]
    if span.reason and span.state != "success":
        lines[0] += f", {reason_words(span.reason)}"
    due = _tr("Due {0}").format(_clock(span.due_ms, zone, now_ms))
    if span.start_ms is None:
        if span.until_ms is not None and span.until_ms > span.due_ms:
            due += " " + _tr("to {0}").format(_clock(span.until_ms, zone, now_ms))
        return [*lines, due]
    lines += [due, _tr("Started {0}").format(_clock(span.start_ms, zone, now_ms))]
    usual = "" if task is None or not task.avg_ms else words.duration(task.avg_ms)
    if span.end_ms is not None:
        lines.append(_tr("Ended {0}").format(_clock(span.end_ms, zone, now_ms)))
        took, text = span.end_ms - span.start_ms, _tr("Took {0}")
    else:
        took, text = max(0, now_ms - span.start_ms), _tr("Goes on for {0}")
    told = text.format(words.duration(took))
    lines.append(_tr("{0}, usually {1}").format(told, usual) if usual else told)
    return lines


def _of_plan(item: Coming, zone: tzinfo | None, now_ms: int) -> list[str]:
    said = _tr(_OUTCOMES.get(item.outcome, "Planned"))
    if item.reason:
        said += f", {item.window}" if item.window else f", {reason_words(item.reason)}"
    lines = [said, _tr("Due {0}").format(_clock(item.at_ms, zone, now_ms))]
    if item.start_ms is not None and item.start_ms > item.at_ms:
        lines.append(_tr("Starts {0}").format(_clock(item.start_ms, zone, now_ms)))
    if item.start_ms is not None and item.end_ms is not None:
        lines.append(_tr("Takes {0}").format(words.duration(item.end_ms - item.start_ms)))
    return lines


def _clock(at_ms: int, zone: tzinfo | None, now_ms: int) -> str:
    return words.clock(at_ms, zone, now_ms, seconds=True)
