"""How many instants lie in a stretch of time, without walking through them."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations, takewhile

from agent.cron.days import DAY_S, matching_days
from agent.cron.grammar import Cron, Every, Once, Schedule
from agent.cron.walking import Clocks, instants, is_once_only
from agent.cron.zones import Stretch, stretch_at


def count_instants(schedules: Sequence[Schedule], clocks: Clocks, from_s: int, end_s: int) -> int:
    """The number of different instants from the first second to before the end."""
    steps = _own_steps(schedules)
    walls = [schedule for schedule in schedules if not isinstance(schedule, Every)]
    total = _count_steps(steps, from_s, end_s)
    at_s = from_s
    while walls and at_s < end_s:
        stretch = stretch_at(clocks.zone, at_s)
        stop_s = min(stretch.end_s, end_s)
        total += _count_in_stretch(walls, steps, clocks, stretch, at_s, stop_s)
        at_s = stop_s
    return total


def _own_steps(schedules: Sequence[Schedule]) -> tuple[int, ...]:
    steps = {schedule.interval_s for schedule in schedules if isinstance(schedule, Every)}
    return tuple(
        step for step in steps if not any(step % other == 0 for other in steps if other < step)
    )


def _count_steps(steps: tuple[int, ...], from_s: int, end_s: int) -> int:
    total = 0
    for size in range(1, len(steps) + 1):
        for chosen in combinations(steps, size):
            together = math.lcm(*chosen)
            number = (end_s - 1) // together - (from_s - 1) // together
            total += number if size % 2 else -number
    return total


def _count_in_stretch(
    walls: Sequence[Cron | Once],
    steps: tuple[int, ...],
    clocks: Clocks,
    stretch: Stretch,
    from_s: int,
    end_s: int,
) -> int:
    offset_s = stretch.offset_s
    opens_s = from_s + offset_s
    if any(is_once_only(wall, clocks, stretch) for wall in walls):
        opens_s = max(opens_s, stretch.changed_s + stretch.before_s)
    first_day, end_day = opens_s // DAY_S + 1, (end_s + offset_s) // DAY_S
    if first_day >= end_day:
        return _count_walked(walls, steps, clocks, from_s, end_s)
    head_s, tail_s = first_day * DAY_S - offset_s, end_day * DAY_S - offset_s
    return (
        _count_walked(walls, steps, clocks, from_s, head_s)
        + _count_days(walls, steps, offset_s, first_day, end_day)
        + _count_walked(walls, steps, clocks, tail_s, end_s)
    )


def _count_walked(
    walls: Sequence[Cron | Once], steps: tuple[int, ...], clocks: Clocks, from_s: int, end_s: int
) -> int:
    walked = takewhile(lambda at_s: at_s < end_s, instants(walls, clocks, from_s))
    return sum(1 for at_s in walked if all(at_s % step for step in steps))


def _count_days(
    walls: Sequence[Cron | Once],
    steps: tuple[int, ...],
    offset_s: int,
    first_day: int,
    end_day: int,
) -> int:
    """Whole days of one offset: days with the same schedules have the same number of instants."""
    by_day: dict[int, tuple[int, ...]] = {}
    daily = tuple(
        place for place, wall in enumerate(walls) if isinstance(wall, Cron) and wall.days is None
    )
    for place, wall in enumerate(walls):
        if place not in daily:
            for day in _days_of(wall, first_day, end_day):
                by_day[day] = (*by_day.get(day, daily), place)
    if steps:
        return sum(
            1
            for day in range(first_day, end_day)
            for second in _times(walls, by_day.get(day, daily), day)
            if all((day * DAY_S + second - offset_s) % step for step in steps)
        )
    kinds = Counter(by_day.values())
    kinds[daily] += end_day - first_day - len(by_day)
    example = {places: day for day, places in by_day.items()}
    return sum(
        number * len(_times(walls, places, example.get(places, first_day)))
        for places, number in kinds.items()
    )


def _days_of(wall: Cron | Once, first_day: int, end_day: int) -> Sequence[int]:
    if isinstance(wall, Cron):
        return tuple(matching_days(wall.days or (), first_day, end_day))
    day = wall.local_s // DAY_S
    return (day,) if first_day <= day < end_day else ()


def _times(walls: Sequence[Cron | Once], places: tuple[int, ...], day: int) -> set[int]:
    times: set[int] = set()
    for place in places:
        wall = walls[place]
        times.update(wall.times if isinstance(wall, Cron) else (wall.local_s - day * DAY_S,))
    return times
