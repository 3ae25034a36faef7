"""Which instants does one schedule name in one zone, also where its clocks change."""

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from agent.cron.days import DAY_S, first_day
from agent.cron.grammar import Cron, Every, Once, Schedule
from agent.cron.zones import LAST_S, Stretch, stretch_at

# Debian's rule: a greater change of the clock is a correction, nothing is made up or suppressed.
CORRECTION_S: Final = 3 * 3600


@dataclass(frozen=True, slots=True)
class Clocks:
    """The zone of a schedule, and what a fixed time does where its clocks are changed."""

    zone: str
    gap: Literal["after", "skip"] = "after"
    fold: Literal["first", "both"] = "first"


def instants(schedules: Iterable[Schedule], clocks: Clocks, from_s: int) -> Iterator[int]:
    """All instants from this one on, in order, each once, in seconds since 1970 UTC."""
    last_s = -1
    for at_s in heapq.merge(*(_walk(schedule, clocks, from_s) for schedule in schedules)):
        if at_s != last_s:
            yield at_s
            last_s = at_s


def _walk(schedule: Schedule, clocks: Clocks, from_s: int) -> Iterator[int]:
    at_s = first_instant(schedule, clocks, from_s)
    while at_s is not None:
        yield at_s
        at_s = first_instant(schedule, clocks, at_s + 1)


def first_instant(schedule: Schedule, clocks: Clocks, from_s: int) -> int | None:
    """The first instant at or after this one; None when there is none in the next 50 years."""
    if isinstance(schedule, Every):
        at_s = -(-from_s // schedule.interval_s) * schedule.interval_s
        return at_s if at_s < LAST_S else None
    at_s = max(from_s, 0)
    while at_s < LAST_S:
        stretch = stretch_at(clocks.zone, at_s)
        if at_s == stretch.changed_s and is_moved(schedule, clocks, stretch):
            return at_s
        local_s = at_s + stretch.offset_s
        if is_once_only(schedule, clocks, stretch):
            local_s = max(local_s, stretch.changed_s + stretch.before_s)
        found_s = _first_local(schedule, local_s)
        if found_s is None:
            # A single time that has passed may come again where the clock is set back.
            if isinstance(schedule, Cron) or local_s > schedule.local_s + 2 * DAY_S:
                return None
            at_s = stretch.end_s
        elif found_s < stretch.end_s + stretch.offset_s:
            return found_s - stretch.offset_s
        else:
            at_s = _skip_to(stretch, at_s, found_s - stretch.offset_s)
    return None


def _skip_to(stretch: Stretch, at_s: int, found_s: int) -> int:
    # A clock set back soon would show passed times again; one set back later, only times in which
    # nothing was found. No change moves a time by two days.
    if stretch.end_s - at_s < 2 * DAY_S:
        return stretch.end_s
    return max(stretch.end_s, found_s - 2 * DAY_S)


def is_moved(schedule: Schedule, clocks: Clocks, stretch: Stretch) -> bool:
    """Times that the wall clock left out are made up for when this stretch begins."""
    if clocks.gap == "skip" or not _is_fixed(schedule) or isinstance(schedule, Every):
        return False
    if not 0 < stretch.gap_s < CORRECTION_S:
        return False
    skipped_s = _first_local(schedule, stretch.changed_s + stretch.before_s)
    return skipped_s is not None and skipped_s < stretch.changed_s + stretch.offset_s


def is_once_only(schedule: Schedule, clocks: Clocks, stretch: Stretch) -> bool:
    """Times that the wall clock shows again in this stretch do not count again."""
    return clocks.fold == "first" and _is_fixed(schedule) and 0 < stretch.fold_s < CORRECTION_S


def _first_local(schedule: Cron | Once, local_s: int) -> int | None:
    if isinstance(schedule, Once):
        return schedule.local_s if schedule.local_s >= local_s else None
    today, second = divmod(local_s, DAY_S)
    day = _first_day(schedule, today)
    if day is None:
        return None
    if day > today:
        return day * DAY_S + schedule.times[0]
    place = bisect_left(schedule.times, second)
    if place < len(schedule.times):
        return day * DAY_S + schedule.times[place]
    day = _first_day(schedule, today + 1)
    return None if day is None else day * DAY_S + schedule.times[0]


def _first_day(schedule: Cron, day: int) -> int | None:
    return day if schedule.days is None else first_day(schedule.days, day)


def _is_fixed(schedule: Schedule) -> bool:
    return isinstance(schedule, Once) or (isinstance(schedule, Cron) and schedule.is_fixed)
