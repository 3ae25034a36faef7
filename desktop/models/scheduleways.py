"""Which way of choosing a schedule can show what is written, and what does a choice write?"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

SIMPLE: Final = "simple"
TEXT: Final = "text"
INTERVAL: Final = "interval"
ONCE: Final = "once"
"""The ways, as they stand side by side."""

HOUR: Final = "hour"
DAY: Final = "day"
WORKDAY: Final = "workday"
WEEK: Final = "week"
MONTH: Final = "month"

LAST: Final = 0
"""The last day of a month, whichever that is."""
WORKING_DAYS: Final = "MON-FRI"
WEEKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
LONGEST_S: Final = 366 * 86_400
YEARS: Final = (1970, 9000)

_NICKNAMES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * SUN",
    "@monthly": "0 0 1 * *",
}
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LENGTH: Final = re.compile(r"([0-9]{1,9})([smhd])")


class Simple(msgspec.Struct, frozen=True):
    """Every hour, day, working day, week or month; what does not belong to that keeps its default.

    Weekdays count from Monday, which is 0; `on` is a day of the month, or LAST.
    """

    every: str
    minute: int
    hour: int = 0
    weekdays: tuple[int, ...] = ()
    on: int = LAST


class Interval(msgspec.Struct, frozen=True):
    """Again and again after so many of a unit."""

    number: int
    unit: str


class Once(msgspec.Struct, frozen=True):
    """One moment, on the task's clocks."""

    day: date
    hour: int
    minute: int


Parts = Simple | Interval | Once


def way_of(texts: Sequence[str]) -> Parts | None:
    """What is chosen where that is written; None: only text can say it."""
    if len(texts) != 1:
        return None
    words = texts[0].split()
    if len(words) == 1:
        words = _NICKNAMES.get(words[0].lower(), "").split()
    if len(words) == 2:
        name, said = words[0].lower(), words[1]
        return _interval(said) if name == "@every" else _once(said) if name == "@at" else None
    return _simple(*words) if len(words) == 5 else None


def text_of(parts: Parts) -> str:
    """How that choice is written: `way_of` makes the same choice of it again."""
    match parts:
        case Interval(number=number, unit=unit):
            return f"@every {number}{unit}"
        case Once(day=day, hour=hour, minute=minute):
            return f"@at {day.isoformat()}T{hour:02}:{minute:02}"
        case Simple(every="hour", minute=minute):
            return f"{minute} * * * *"
    at = f"{parts.minute} {parts.hour}"
    if parts.every == MONTH:
        return f"{at} {parts.on or 'L'} * *"
    days = {DAY: "*", WORKDAY: WORKING_DAYS}.get(parts.every)
    return f"{at} * * {days or ','.join(WEEKDAYS[one] for one in parts.weekdays)}"


def key_of(parts: Parts | None) -> str:
    """The way that shows them."""
    match parts:
        case Simple():
            return SIMPLE
        case Interval():
            return INTERVAL
        case Once():
            return ONCE
    return TEXT


# --- what people write into a field --------------------------------------------------------------


def number_in(text: str, lowest: int, highest: int) -> int | None:
    """A whole number between these; None: it is none, or lies beyond."""
    found = _NUMBER.fullmatch(text.strip())
    number = -1 if found is None else int(found[0])
    return number if lowest <= number <= highest else None


def time_in(text: str) -> tuple[int, int] | None:
    """Hour and minute of a time such as 6:30; None: it is none."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    hour, minute = number_in(found[1], 0, 23), number_in(found[2], 0, 59)
    return None if hour is None or minute is None else (hour, minute)


def date_in(text: str) -> date | None:
    """A date such as 2026-12-01 that there is; None: it is none."""
    text = text.strip()
    if not _DATE.fullmatch(text):
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if YEARS[0] <= found.year <= YEARS[1] else None


# --- inside --------------------------------------------------------------------------------------


def _interval(said: str) -> Interval | None:
    found = _LENGTH.fullmatch(said)
    if found is None:
        return None
    number, unit = int(found[1]), found[2]
    return Interval(number, unit) if 1 <= number * UNITS_S[unit] <= LONGEST_S else None


def _once(said: str) -> Once | None:
    written, _, clock = said.partition("T")
    day, time = date_in(written), time_in(clock)
    if day is None or time is None or len(clock) != len("06:30"):
        return None
    return Once(day, *time)


def _simple(minutes: str, hours: str, dates: str, months: str, days: str) -> Simple | None:
    minute, hour = number_in(minutes, 0, 59), number_in(hours, 0, 23)
    if minute is None or months != "*":
        return None
    if (hours, dates, days) == ("*", "*", "*"):
        return Simple(HOUR, minute)
    if hour is None:
        return None
    if dates != "*":
        on = LAST if dates.upper() == "L" else number_in(dates, 1, 31)
        return None if days != "*" or on is None else Simple(MONTH, minute, hour, on=on)
    if days == "*":
        return Simple(DAY, minute, hour)
    if days.upper() in (WORKING_DAYS, "1-5"):
        return Simple(WORKDAY, minute, hour)
    weekdays = _weekdays(days)
    return Simple(WEEK, minute, hour, weekdays) if weekdays else None


def _weekdays(days: str) -> tuple[int, ...]:
    """Single days, by name or number; none where it says more than that."""
    named = {day: place for place, day in enumerate(WEEKDAYS)}
    named |= {str((place + 1) % 7): place for place in range(7)} | {"7": WEEKDAYS.index("SUN")}
    found = [named.get(one) for one in days.upper().split(",")]
    return tuple(sorted({one for one in found if one is not None})) if None not in found else ()
