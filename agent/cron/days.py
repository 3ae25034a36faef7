"""On which days does a cron text have times."""

import calendar
import heapq
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from copy import copy
from functools import lru_cache
from typing import Final

from croniter import croniter
from croniter.croniter import CroniterBadDateError

from agent.cron.fields import LAST, Named

DAY_S: Final = 86_400
_EVERY_DAY: Final = "* * *"
# Long enough that most walks stay inside, short enough that a first look costs little.
_BLOCK_DAYS: Final = 16
# 2024 is a leap year.
_LENGTHS: Final = {month: calendar.monthrange(2024, month)[1] for month in range(1, 13)}


def day_texts(
    dates: Named, months: frozenset[int], weekdays: Named, *, either: bool
) -> tuple[str, ...]:
    """Texts for croniter whose days together are those meant; none when there is no such day.

    Each holds date, month and weekday without any form of writing that readers of cron text
    disagree about; L and # stand alone, because croniter mixes them with others differently.
    """
    plain_weekdays = frozenset(day % 7 for day in weekdays.values)
    by_date = [_plain(dates.values, 31)] if dates.values else []
    by_date += ["L"] if dates.has_last else []
    by_weekday = [_plain(plain_weekdays, 7)] if plain_weekdays else []
    by_weekday += [_nth_text(day, number) for day, number in sorted(weekdays.nth)]
    if either:
        pairs = [(date, "*") for date in by_date] + [("*", weekday) for weekday in by_weekday]
    else:
        pairs = [(date, weekday) for date in by_date for weekday in by_weekday]
    texts = tuple(
        f"{date} {_plain(months, 12)} {weekday}"
        for date, weekday in pairs
        if any(_dates(date, month) & _dates_of_weekday(weekday, month) for month in months)
    )
    return (_EVERY_DAY,) if _EVERY_DAY in texts else texts


def is_every_day(texts: tuple[str, ...]) -> bool:
    """No day is left out."""
    return texts == (_EVERY_DAY,)


def matching_days(texts: Iterable[str], first_day: int, end_day: int) -> Iterator[int]:
    """The days since 1970, from the first to before the end, that any of the texts names."""
    last = -1
    for day in heapq.merge(*(_walk(text, first_day) for text in texts)):
        if day >= end_day:
            return
        if day > last:
            yield day
            last = day


def first_day(texts: Iterable[str], day: int) -> int | None:
    """The first day at or after this one that any of the texts names, in the next 50 years."""
    found = [_first_of_one(text, day) for text in texts]
    return min((one for one in found if one is not None), default=None)


def _first_of_one(text: str, day: int) -> int | None:
    days = _block(text, day // _BLOCK_DAYS)
    place = bisect_left(days, day)
    return days[place] if place < len(days) else None


@lru_cache(maxsize=8192)
def _block(text: str, number: int) -> tuple[int, ...]:
    """The days of one block of days, and the first one after it."""
    days = []
    for day in _walk(text, number * _BLOCK_DAYS):
        days.append(day)
        if day >= (number + 1) * _BLOCK_DAYS:
            break
    return tuple(days)


def _walk(text: str, first: int) -> Iterator[int]:
    # croniter walks days on a plain calendar (as if all were UTC); it knows nothing of clocks here.
    # A walker has a place of its own; what it knows of its text is shared and never changed.
    walker = copy(_walker(text))
    walker.set_current(float(first * DAY_S - 1), force=True)
    while True:
        try:
            yield int(walker.get_next(float)) // DAY_S
        except CroniterBadDateError:
            return


@lru_cache(maxsize=4096)
def _walker(text: str) -> croniter:
    return croniter(f"0 0 {text}", 0.0, day_or=False)


def _plain(values: frozenset[int], size: int) -> str:
    return "*" if len(values) == size else ",".join(str(value) for value in sorted(values))


def _nth_text(day: int, number: int) -> str:
    return f"L{day}" if number == LAST else f"{day}#{number}"


def _dates(date: str, month: int) -> set[int]:
    """The days of the month at which a date may lie; each one meets each weekday some year."""
    length = _LENGTHS[month]
    if date == "*":
        return set(range(1, length + 1))
    if date == "L":
        return {28, 29} if month == 2 else {length}
    return {day for day in map(int, date.split(",")) if day <= length}


def _dates_of_weekday(weekday: str, month: int) -> set[int]:
    if weekday.startswith("L"):
        return set(range(22 if month == 2 else _LENGTHS[month] - 6, 32))
    if "#" in weekday:
        number = int(weekday.partition("#")[2])
        return set(range(number * 7 - 6, min(number * 7, 31) + 1))
    return set(range(1, 32))
