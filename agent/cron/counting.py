"""How many instants lie in a stretch of time, without walking through them."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Final

from agent.cron.days import DAY_S, first_day, matching_days
from agent.cron.grammar import Cron, Every, Once, Schedule
from agent.cron.walking import Clocks, is_moved, is_once_only
from agent.cron.zones import LAST_S, stretch_at

# Up to so many days it costs less to look at each than to know the whole year.
_FEW_DAYS: Final = 40
# Multiples of less than this are more in a day than any cron text has times.
_DENSE_S: Final = 60
_DAY_ZERO: Final = date(1970, 1, 1).toordinal()


def count_instants(schedules: Sequence[Schedule], clocks: Clocks, from_s: int, end_s: int) -> int:
    """The number of different instants from the first second to before the end."""
    at_s, end_s = max(from_s, 0), min(end_s, LAST_S)
    if at_s >= end_s:
        return 0
    shares = _shares(schedules, at_s, end_s)
    total = sum(share * _multiples(step, at_s, end_s) for step, share in shares.items())
    walls = [schedule for schedule in schedules if not isinstance(schedule, Every)]
    times = _Times(walls)
    while walls and at_s < end_s:
        stretch = stretch_at(clocks.zone, at_s)
        stop_s = min(stretch.end_s, end_s)
        opens_s = at_s
        always = [wall for wall in walls if not is_once_only(wall, clocks, stretch)]
        if len(always) < len(walls):
            again_until_s = stretch.changed_s + stretch.before_s - stretch.offset_s
            opens_s = min(max(again_until_s, at_s), stop_s)
            total += _count(_Times(always), shares, stretch.offset_s, at_s, opens_s)
        total += _count(times, shares, stretch.offset_s, opens_s, stop_s)
        if at_s == stretch.changed_s and any(is_moved(wall, clocks, stretch) for wall in walls):
            is_known = times.names(at_s + stretch.offset_s) or not all(at_s % one for one in shares)
            total += 0 if is_known else 1
        at_s = stop_s
    return total


def _shares(schedules: Sequence[Schedule], from_s: int, end_s: int) -> dict[int, int]:
    """Steps with their sign: so added up, each multiple of any interval counts once.

    Two intervals meet at the multiples of their common one, to be counted off again, and so on.
    """
    shares: Counter[int] = Counter()
    for interval_s in {one.interval_s for one in schedules if isinstance(one, Every)}:
        for step, share in [*shares.items(), (1, -1)]:
            common = math.lcm(interval_s, step)
            # What is left out here has nothing in common with others within the span either.
            if _multiples(common, from_s, end_s):
                shares[common] -= share
    return {step: share for step, share in shares.items() if share}


def _multiples(step: int, from_s: int, end_s: int) -> int:
    return (end_s - 1) // step - (from_s - 1) // step


class _Times:
    """What several schedules name together on the wall clock, day by day.

    The days of a span are told as numbers in which each bit is one schedule that has this day.
    """

    def __init__(self, walls: Sequence[Cron | Once]) -> None:
        self._crons = [wall for wall in walls if isinstance(wall, Cron)]
        self._days = tuple(cron.days for cron in self._crons)
        self._once = sorted({wall.local_s for wall in walls if isinstance(wall, Once)})
        self._known: dict[int, tuple[int, ...]] = {}
        self._remainders: dict[tuple[int, int], Counter[int]] = {}

    def names(self, local_s: int) -> bool:
        """Whether this very time is named."""
        return local_s in self._once or self._by_crons(local_s)

    def singles(self, from_s: int, end_s: int) -> list[int]:
        """The times of single moments in this span that no cron text names."""
        return [
            local_s
            for local_s in self._once
            if from_s <= local_s < end_s and not self._by_crons(local_s)
        ]

    def of_days(self, first: int, end: int) -> Sequence[int]:
        """Which schedules have each of these days."""
        if all(days is None for days in self._days):
            return [(1 << len(self._crons)) - 1] * (end - first)
        if end - first <= _FEW_DAYS:
            return [_schedules_of(self._days, day) for day in range(first, end)]
        found: list[int] = []
        while first < end:
            new_year = date.fromordinal(first + _DAY_ZERO).replace(month=1, day=1)
            begins = new_year.toordinal() - _DAY_ZERO
            year = _schedules_of_year(self._days, new_year.weekday(), _has_leap_day(new_year))
            found.extend(year[first - begins : end - begins])
            first = begins + len(year)
        return found

    def of_day(self, schedules: int) -> tuple[int, ...]:
        """All times of a day which these schedules have, in order."""
        known = self._known.get(schedules)
        if known is None:
            having = [one for place, one in enumerate(self._crons) if schedules >> place & 1]
            known = tuple(sorted({time_s for one in having for time_s in one.times}))
            self._known[schedules] = known
        return known

    def by_remainder(self, schedules: int, step: int) -> Mapping[int, int]:
        """How many times of such a day leave which remainder."""
        key = schedules, step
        if key not in self._remainders:
            self._remainders[key] = Counter(time_s % step for time_s in self.of_day(schedules))
        return self._remainders[key]

    def _by_crons(self, local_s: int) -> bool:
        day, second = divmod(local_s, DAY_S)
        return second in self.of_day(self.of_days(day, day + 1)[0])


def _count(times: _Times, shares: dict[int, int], offset_s: int, from_s: int, end_s: int) -> int:
    """Those in a stretch of one offset that are no multiple of a step."""
    if from_s >= end_s:
        return 0
    opens_s, closes_s = from_s + offset_s, end_s + offset_s
    first, last = opens_s // DAY_S, (closes_s - 1) // DAY_S
    days = times.of_days(first, last + 1)
    head_s, tail_s = opens_s - first * DAY_S, closes_s - last * DAY_S
    total = (
        sum(number * len(times.of_day(day)) for day, number in Counter(days).items())
        - bisect_left(times.of_day(days[0]), head_s)
        - (len(times.of_day(days[-1])) - bisect_left(times.of_day(days[-1]), tail_s))
    )
    singles = times.singles(opens_s, closes_s)
    total += len(singles)
    for step, share in shares.items():
        total -= share * sum((local_s - offset_s) % step == 0 for local_s in singles)
        total -= share * _count_multiples(times, days, step, offset_s, from_s, end_s)
    return total


def _count_multiples(
    times: _Times, days: Sequence[int], step: int, offset_s: int, from_s: int, end_s: int
) -> int:
    """Those that a cron text names, in such a stretch whose days are these."""
    first = (from_s + offset_s) // DAY_S
    middle_s = (first + 1) * DAY_S - offset_s
    tail_s = (first + len(days) - 1) * DAY_S - offset_s
    if step > DAY_S or tail_s <= middle_s:
        return _count_one_by_one(times, days, step, offset_s, from_s, end_s)
    total = _count_one_by_one(times, days[:1], step, offset_s, from_s, middle_s)
    total += _count_one_by_one(times, days[-1:], step, offset_s, tail_s, end_s)
    # Whole days: as many times as lie where the multiples of this day lie behind its midnight.
    for day, numbered in groupby(enumerate(days[1:-1]), key=itemgetter(1)):
        remainders = times.by_remainder(day, step)
        total += sum(remainders.get(-(middle_s + place * DAY_S) % step, 0) for place, _ in numbered)
    return total


def _count_one_by_one(
    times: _Times, days: Sequence[int], step: int, offset_s: int, from_s: int, end_s: int
) -> int:
    """The same for rare multiples, or for a few days: each of them, or each time, is looked at."""
    first = (from_s + offset_s) // DAY_S
    total = 0
    if step >= _DENSE_S:
        for at_s in range(-(-from_s // step) * step, end_s, step):
            day, second = divmod(at_s + offset_s, DAY_S)
            total += times.by_remainder(days[day - first], DAY_S).get(second, 0)
        return total
    for number, day in enumerate(days):
        midnight_s = (first + number) * DAY_S - offset_s
        named = times.of_day(day)
        head, tail = (bisect_left(named, at_s - midnight_s) for at_s in (from_s, end_s))
        total += sum((midnight_s + second) % step == 0 for second in named[head:tail])
    return total


def _schedules_of(days: tuple[tuple[str, ...] | None, ...], day: int) -> int:
    found = 0
    for place, texts in enumerate(days):
        if texts is None or first_day(texts, day) == day:
            found |= 1 << place
    return found


@lru_cache(maxsize=512)
def _schedules_of_year(
    days: tuple[tuple[str, ...] | None, ...], weekday: int, is_leap: bool
) -> tuple[int, ...]:
    """Which schedules have each day of a year: there are but fourteen kinds of years."""
    year = next(
        year
        for year in range(2000, 2028)
        if date(year, 1, 1).weekday() == weekday and _has_leap_day(date(year, 1, 1)) == is_leap
    )
    first = date(year, 1, 1).toordinal() - _DAY_ZERO
    end = date(year + 1, 1, 1).toordinal() - _DAY_ZERO
    found = [0] * (end - first)
    for place, texts in enumerate(days):
        for day in range(first, end) if texts is None else matching_days(texts, first, end):
            found[day - first] |= 1 << place
    return tuple(found)


def _has_leap_day(new_year: date) -> bool:
    return (new_year.replace(year=new_year.year + 1) - new_year).days == 366
