"""When is this task due: its definition handed to the rules of schedules."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from agent.cron.moments import DueMoment, Moments
from agent.cron.words import in_words
from agent.definitions import Definition
from agent.errors import BadDefinition
from agent.rules import schedule
from agent.rules.schedule import Timing


def next_due(task: Definition, after_ms: int, *, boots: Sequence[int] = ()) -> int | None:
    """The first due moment later than this one; None when there is none.

    Here and below `boots` are the moments at which the host was started, in order.
    """
    return schedule.next_moment(timing_of(task), after_ms, boots=boots)


def fault_of(task: Definition) -> str | None:
    """Why nobody can say when this task is due, for one that no door has checked."""
    try:
        next_due(task, 0)
    except BadDefinition as error:
        return str(error)
    return None


def next_dues(
    task: Definition, after_ms: int, count: int, *, boots: Sequence[int] = ()
) -> tuple[DueMoment, ...]:
    """The next few due moments later than this one."""
    return schedule.next_moments(timing_of(task), after_ms, count, boots=boots)


def each_due(
    task: Definition, after_ms: int, until_ms: int, *, boots: Sequence[int] = ()
) -> Iterator[int]:
    """Each due moment later than the first and not later than the second."""
    return schedule.due_moments(timing_of(task), after_ms, until_ms, boots=boots)


def due_between(
    task: Definition,
    after_ms: int,
    until_ms: int,
    *,
    limit: int = 1000,
    boots: Sequence[int] = (),
) -> Moments:
    """The same, the newest one by one and the rest summed, however long the span."""
    return schedule.moments_between(timing_of(task), after_ms, until_ms, limit=limit, boots=boots)


def count_due(task: Definition, after_ms: int, until_ms: int, *, boots: Sequence[int] = ()) -> int:
    """How many due moments are later than the first and not later than the second."""
    return schedule.count_moments(timing_of(task), after_ms, until_ms, boots=boots)


_ENDINGS: Final = {1: "st", 2: "nd", 3: "rd"}
_AFTER: Final = {"success": "succeeded", "failure": "failed", "any": "ended"}


def when_in_words(task: Definition) -> str:
    """All that decides when a task runs, as a person would say it."""
    said = []
    if task.schedule:
        words = in_words(task.schedule, task_name=task.task_name)
        said.append(words if task.every_nth == 1 else f"Every {_nth(task.every_nth)} of: {words}")
    if task.valid_from is not None:
        said.append(f"from {task.valid_from.replace('T', ' ')}")
    if task.valid_until is not None:
        said.append(f"until {task.valid_until.replace('T', ' ')}")
    timed = " ".join(said)
    if not task.after:
        return timed or "Only by hand"
    chained = f"After {' or '.join(task.after)} {_AFTER[task.after_on]}"
    if task.after_delay_s:
        chained += f", {task.after_delay_s} s later"
    return f"{timed}; {chained[0].lower()}{chained[1:]}" if timed else chained


def _nth(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else _ENDINGS.get(number % 10, "th")
    return f"{number}{ending}"


def timing_of(task: Definition) -> Timing:
    """All of a definition that decides when the task is due."""
    # Made once for all, so that what is known of it is found by the thing itself.
    return _timing(
        task.schedule,
        task.timezone,
        task.dst_gap,
        task.dst_fold,
        task.task_name,
        task.valid_from,
        task.valid_until,
        task.every_nth,
        task.spread_s,
    )


_timing = lru_cache(maxsize=16_384)(Timing)
