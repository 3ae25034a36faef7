"""Which hours of the week, and which dates, does a text name on the wall clock."""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from agent.cron.days import DAY_S
from agent.errors import BadDefinition

WEEKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_DAY_MIN: Final = 24 * 60
_LONGEST: Final = 64
# 1970 began on a Thursday.
_FIRST_WEEKDAY: Final = WEEKDAYS.index("THU")
_WEEKLY: Final = re.compile(
    r"(?:(?P<days>[A-Z]+(?:[,-][A-Z]+)*)(?: +|$))?"
    r"(?:(?P<start>\d\d?:\d\d) ?- ?(?:(?P<until>[A-Z]+) +)?(?P<end>\d\d?:\d\d))?",
    re.ASCII,
)
_TIME: Final = re.compile(r"(\d\d?):(\d\d)", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?P<time>T\d\d:\d\d)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Weekly:
    """The same hours on some weekdays of each week; Monday is 0."""

    days: tuple[int, ...]
    start_s: int
    length_s: int

    def between(self, local_s: int, end_s: int) -> Iterator[tuple[int, int]]:
        """Those that reach into this span of the wall clock, each as start and end."""
        first_day = (local_s - self.start_s - self.length_s) // DAY_S
        for day in range(first_day, end_s // DAY_S + 1):
            start_s = day * DAY_S + self.start_s
            is_meant = (day + _FIRST_WEEKDAY) % 7 in self.days
            if is_meant and start_s < end_s and start_s + self.length_s > local_s:
                yield start_s, start_s + self.length_s


def parse_weekly(text: str) -> Weekly:
    """The hours that `MON-FRI 08:00-18:00` or `SAT 22:00-SUN 06:00` names; raises BadDefinition.

    Days alone are whole days, hours alone are those of every day; hours that end earlier on the
    clock than they begin end the next day.
    """
    found = _WEEKLY.fullmatch(text.strip().upper()) if 0 < len(text) <= _LONGEST else None
    if found is None or not found[0]:
        raise _bad(
            text,
            "is not understood; write days and hours, such as 'MON-FRI 08:00-18:00', "
            "'SAT 22:00-SUN 06:00', 'SAT,SUN' or '22:00-06:00'",
        )
    days = _days(text, found["days"]) if found["days"] else tuple(range(7))
    if found["start"] is None:
        return Weekly(days, 0, DAY_S)
    start = _minute(text, found["start"], most=_DAY_MIN - 1)
    end = _minute(text, found["end"], most=_DAY_MIN)
    if found["until"]:
        length = _length_to_day(text, days, found["until"], start, end)
    elif start == end:
        raise _bad(text, "begins and ends at the same time; for whole days write 00:00-24:00")
    else:
        length = (end - start) % _DAY_MIN or _DAY_MIN
    return Weekly(days, start * 60, length * 60)


def parse_dates(text: str) -> tuple[int, int]:
    """Start and end of what `2026-12-24` or `2026-12-24T18:00..2026-12-26` names.

    In seconds since 1970 as if the wall clock showed UTC; a date as the end is a whole day.
    """
    first, dots, last = text.strip().partition("..")
    start_s, start_has_time = _date(text, first)
    end_s, end_has_time = _date(text, last) if dots else (start_s, start_has_time)
    if not dots and start_has_time:
        raise _bad_date(text, f"has no end; write {first}..{first[:10]}T23:59 or the date alone")
    if not end_has_time:
        end_s += DAY_S
    if end_s == start_s:
        raise _bad_date(text, "begins and ends at the same time; write a later end")
    if end_s < start_s:
        raise _bad_date(text, f"runs backwards; write {last}..{first}")
    return start_s, end_s


def _days(text: str, words: str) -> tuple[int, ...]:
    days: set[int] = set()
    for item in words.split(","):
        first, dash, last = item.partition("-")
        begin = _day(text, first)
        count = (_day(text, last) - begin) % 7 + 1 if dash else 1
        days.update((begin + number) % 7 for number in range(count))
    return tuple(sorted(days))


def _day(text: str, word: str) -> int:
    if word not in WEEKDAYS:
        near = [day for day in WEEKDAYS if word.startswith(day)]
        meant = f"write {near[0]}" if near else f"they are {', '.join(WEEKDAYS)}"
        raise _bad(text, f"{word} is no weekday; {meant}")
    return WEEKDAYS.index(word)


def _length_to_day(text: str, days: tuple[int, ...], until: str, start: int, end: int) -> int:
    if len(days) != 1:
        raise _bad(
            text, "names several days to begin and one to end; write one text for each window"
        )
    length = (_day(text, until) - days[0]) % 7 * _DAY_MIN + end - start
    if length == 0:
        raise _bad(text, "begins and ends at the same time; for whole days write 00:00-24:00")
    if length < 0:
        raise _bad(
            text,
            f"ends before it begins; write {WEEKDAYS[days[0]]} {_clock(start)}-{_clock(end)} "
            "for a window that ends the next day",
        )
    return length


def _minute(text: str, word: str, *, most: int) -> int:
    found = _TIME.fullmatch(word)
    hour, minute = (int(found[1]), int(found[2])) if found else (99, 99)
    if minute > 59 or hour * 60 + minute > most:
        raise _bad(text, f"{word} is no time of day; it goes from 00:00 to {_clock(most)}")
    return hour * 60 + minute


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _date(text: str, word: str) -> tuple[int, bool]:
    found = _DATE.fullmatch(word)
    if found is None:
        raise _bad_date(
            text,
            "is not understood; write '2026-12-24', '2026-12-24..2026-12-26' or "
            "'2026-12-24T18:00..2026-12-25T06:00'",
        )
    try:
        at = datetime.fromisoformat(word)
    except ValueError as error:
        raise _bad_date(text, f"there is no such date and time ({error})") from error
    if not 1970 <= at.year <= 9000:
        raise _bad_date(text, "the year must be from 1970 to 9000")
    return calendar.timegm(at.timetuple()), found["time"] is not None


def _bad(text: str, fix: str) -> BadDefinition:
    return BadDefinition("weekly", text[:100], fix)


def _bad_date(text: str, fix: str) -> BadDefinition:
    return BadDefinition("dates", text[:100], fix)
