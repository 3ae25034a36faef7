"""When is this task due: its definition handed to the rules of schedules."""

from collections.abc import Iterator
from typing import TypedDict

from agent.cron.moments import DueMoment, Moments
from agent.definitions import Definition
from agent.rules import schedule


class _Options(TypedDict):
    dst_gap: schedule.Gap
    dst_fold: schedule.Fold
    task_name: str


def next_due(task: Definition, after_ms: int) -> int | None:
    """The first due moment later than this one; None when there is none."""
    return schedule.next_moment(task.schedule, task.timezone, after_ms, **_options(task))


def next_dues(task: Definition, after_ms: int, count: int) -> tuple[DueMoment, ...]:
    """The next few due moments later than this one."""
    return schedule.next_moments(task.schedule, task.timezone, after_ms, count, **_options(task))


def each_due(task: Definition, after_ms: int, until_ms: int) -> Iterator[int]:
    """Each due moment later than the first and not later than the second."""
    return schedule.due_moments(task.schedule, task.timezone, after_ms, until_ms, **_options(task))


def due_between(task: Definition, after_ms: int, until_ms: int) -> Moments:
    """The same, the newest one by one and the rest summed, however long the span."""
    return schedule.moments_between(
        task.schedule, task.timezone, after_ms, until_ms, **_options(task)
    )


def _options(task: Definition) -> _Options:
    return {"dst_gap": task.dst_gap, "dst_fold": task.dst_fold, "task_name": task.task_name}
