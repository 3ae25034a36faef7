"""What does a schedule text mean, and why is another one refused."""

import calendar
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from agent.errors import BadDefinition

MAX_LENGTH: Final = 256
DAY_S: Final = 86_400
LONGEST_INTERVAL_S: Final = 366 * DAY_S


@dataclass(frozen=True, slots=True)
class Cron:
    """Five fields: the times of a day in seconds, and the days as text for croniter.

    A fixed one names minute and hour, a wild one leaves one of them to `*`: they differ when
    clocks are changed. `days` holds the last three fields without any form of writing that
    readers of cron text disagree about; None means every day.
    """

    text: str
    times: tuple[int, ...]
    days: str | None
    days_or: bool
    is_fixed: bool


@dataclass(frozen=True, slots=True)
class Every:
    """Each multiple of an interval, counted from 1970 UTC so that restarts do not shift it."""

    text: str
    interval_s: int


@dataclass(frozen=True, slots=True)
class Once:
    """One moment on the wall clock, in seconds since 1970 as if that clock showed UTC."""

    text: str
    local_s: int


Schedule = Cron | Every | Once


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        # Sunday is both 0 and 7.
        return min(self.highest, 6) + 1 if self.name == "weekday" else len(self.values)

    @property
    def values(self) -> range:
        return range(self.lowest, self.highest + 1)


_MONTHS: Final = (
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "NOV",
    "DEC",
)
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _WEEKDAYS),
)
_NICKNAMES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": DAY_S}
_ITEM: Final = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\w+))?", re.ASCII)
_EVERY: Final = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_AT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII)
_LATER: Final = (
    (re.compile(r"(\d*W|W\d*|LW)", re.ASCII), "the nearest working day (W) is not offered"),
    (re.compile(r"R(\(.*\))?(/\d+)?", re.ASCII), "a random time (R) is not offered"),
    (re.compile(r"H(\(.*\))?(/\d+)?", re.ASCII), "a spread time (H) is not offered"),
    (re.compile(r"L|\d+L|L\d+|L-\d+", re.ASCII), "the last day (L) is not offered"),
    (re.compile(r"\w+#\w+", re.ASCII), "the n-th weekday (#) is not offered"),
)


@lru_cache(maxsize=4096)
def parse(text: str) -> Schedule:
    """The meaning of a schedule text; raises BadDefinition naming what to write instead."""
    if len(text) > MAX_LENGTH:
        raise BadDefinition(
            "schedule", text[:100], f"has {len(text)} characters; at most {MAX_LENGTH} are read"
        )
    if not text.isascii():
        stranger = next(sign for sign in text if not sign.isascii())
        raise _refusal(text, f"{stranger!a} is no ASCII character; type the text anew")
    if any(not sign.isprintable() and sign != "\t" for sign in text):
        raise _refusal(text, "holds a line break or control character; write it on one line")
    words = text.split()
    if not words:
        raise _refusal(text, "is empty; write five fields such as '5 7 * * *'")
    if words[0].startswith("@"):
        return _parse_named(text, words)
    return _parse_fields(text, words)


def _parse_named(text: str, words: list[str]) -> Schedule:
    name = words[0].lower()
    if name in _NICKNAMES and len(words) == 1:
        return _parse_fields(text, _NICKNAMES[name].split())
    if name == "@every":
        return _parse_every(text, words)
    if name == "@at":
        return _parse_at(text, words)
    if name == "@reboot":
        raise _refusal(text, "a start at boot is not offered; schedules here are moments in time")
    if name in _NICKNAMES:
        raise _refusal(text, f"nothing may follow {name}; write {name} alone")
    known = ", ".join([*_NICKNAMES, "@every 90s", "@at 2026-12-24T18:00"])
    raise _refusal(text, f"{words[0]} is not known; there are {known}")


def _parse_every(text: str, words: list[str]) -> Every:
    found = _EVERY.fullmatch(words[1]) if len(words) == 2 else None
    if found is None:
        raise _refusal(text, "@every needs one whole number and s, m, h or d, such as @every 90s")
    interval_s = int(found[1]) * _UNITS_S[found[2]]
    if not 1 <= interval_s <= LONGEST_INTERVAL_S:
        raise _refusal(text, "the interval must be from 1s to 366d")
    return Every(f"@every {int(found[1])}{found[2]}", interval_s)


def _parse_at(text: str, words: list[str]) -> Once:
    if len(words) != 2 or not _AT.fullmatch(words[1]):
        raise _refusal(
            text,
            "@at needs a date and a time in the task's zone, such as @at 2026-12-24T18:00",
        )
    try:
        at = datetime.fromisoformat(words[1])
    except ValueError as error:
        raise _refusal(text, f"there is no such date and time ({error})") from error
    if not 1970 <= at.year <= 9000:
        raise _refusal(text, "the year must be from 1970 to 9000")
    seconds = calendar.timegm(at.timetuple())
    return Once(f"@at {words[1]}", seconds)


def _parse_fields(text: str, words: list[str]) -> Cron:
    _check_count(text, words)
    minutes, hours, dates, months, weekdays = (
        _parse_field(text, field, word) for field, word in zip(_FIELDS, words, strict=True)
    )
    weekdays = frozenset(day % 7 for day in weekdays)
    # Debian's rule: one field that begins with a star narrows the other, else either will do.
    days_or = not (words[2].startswith("*") or words[4].startswith("*"))
    if days_or and (len(dates) == 31 or len(weekdays) == 7):
        dates, weekdays = frozenset(range(1, 32)), frozenset(range(7))
    if not days_or:
        _check_possible(text, dates, months)
    every_day = len(dates) == 31 and len(months) == 12 and len(weekdays) == 7
    days = f"{_plain(dates, 31)} {_plain(months, 12)} {_plain(weekdays, 7)}"
    return Cron(
        text=" ".join(words),
        times=tuple(sorted(hour * 3600 + minute * 60 for hour in hours for minute in minutes)),
        days=None if every_day else days,
        days_or=days_or,
        is_fixed=not (words[0].startswith("*") or words[1].startswith("*")),
    )


def _check_count(text: str, words: list[str]) -> None:
    if len(words) == 5:
        return
    fix = f"has {len(words)} fields, cron text has five: minute hour day month weekday"
    if len(words) in (6, 7):
        fix = f"has {len(words)} fields, five are read; drop the seconds and years"
        step = re.fullmatch(r"\*/(\d{1,2})", words[0])
        every = f"@every {int(step[1])}s" if step and int(step[1]) else "@every 30s"
        fix = f"{fix}, or for less than a minute write {every}"
    raise _refusal(text, fix)


def _parse_field(text: str, field: _Field, word: str) -> frozenset[int]:
    values: set[int] = set()
    for item in word.split(","):
        values.update(_parse_item(text, field, item))
    return frozenset(values)


def _parse_item(text: str, field: _Field, item: str) -> range:
    found = _ITEM.fullmatch(item)
    if found is None or (found["first"] == "*" and found["last"]):
        raise _refusal(text, _why_not(field, item))
    step = _step(text, field, item, found["step"])
    if found["first"] == "*":
        return field.values[::step]
    first = _number(text, field, item, found["first"])
    if found["last"] is None:
        if found["step"]:
            raise _refusal(
                text,
                f"{field.name} {item} reads differently from cron to cron; "
                f"write {first}-{_top(field)}/{step}",
            )
        return range(first, first + 1)
    last = _number(text, field, item, found["last"])
    if first > last:
        raise _refusal(
            text,
            f"the {field.name} range {item} runs backwards; "
            f"write {_forwards(field, first, last, found['step'])}",
        )
    return range(first, last + 1, step)


def _number(text: str, field: _Field, item: str, word: str) -> int:
    if word.isdigit():
        number = int(word)
        if number not in field.values:
            raise _refusal(
                text,
                f"{field.name} {number if number < 10**9 else word[:9] + '...'} is out of range; "
                f"it goes from {field.lowest} to {field.highest}",
            )
        return number
    if word.upper() in field.names:
        return field.names.index(word.upper()) + (field.lowest if field.lowest else 0)
    raise _refusal(text, _why_not(field, item))


def _step(text: str, field: _Field, item: str, word: str | None) -> int:
    if word is None:
        return 1
    if not word.isdigit():
        raise _refusal(text, _why_not(field, item))
    step = int(word)
    if not 1 <= step <= field.size:
        raise _refusal(
            text,
            f"the step of {field.name} {item} must be from 1 to {field.size}; "
            "longer intervals are written as @every 90m",
        )
    return step


def _why_not(field: _Field, item: str) -> str:
    if "?" in item:
        return f"? in {field.name} means no more than *; write *"
    for pattern, reason in _LATER:
        if any(pattern.fullmatch(part.upper()) for part in (item, item.split("/")[0])):
            return f"{reason} ({field.name} {item}); write numbers, ranges or steps"
    allowed = f"{field.lowest}-{field.highest}"
    if field.names:
        allowed += f" or {field.names[0]}-{field.names[-1]}"
    if not item:
        return f"{field.name} has an empty item between commas; write {allowed}"
    return f"{field.name} {item} is not understood; write {allowed}, *, lists, ranges or */2"


def _top(field: _Field) -> int:
    return 6 if field.names is _WEEKDAYS else field.highest


def _forwards(field: _Field, first: int, last: int, step: str | None) -> str:
    if step:
        return f"the values one by one, or {last}-{first}/{step}"
    if field.names is _WEEKDAYS and last == 0:
        return f"{first}-7" if first < 6 else "6,0"
    head = f"{first}-{_top(field)}" if first < _top(field) else f"{first}"
    tail = f"{field.lowest}-{last}" if last > field.lowest else f"{last}"
    return f"{head},{tail}"


def _check_possible(text: str, dates: frozenset[int], months: frozenset[int]) -> None:
    # 2024 is a leap year; each weekday meets 29 February at least once in 40 years.
    longest = max(calendar.monthrange(2024, month)[1] for month in months)
    if min(dates) > longest:
        shown = "/".join(_MONTHS[month - 1].title() for month in sorted(months))
        raise _refusal(
            text,
            f"this date never comes: {shown} has no day {min(dates)}; "
            f"write a day from 1 to {longest} or another month",
        )


def _plain(values: frozenset[int], size: int) -> str:
    return "*" if len(values) == size else ",".join(str(value) for value in sorted(values))


def _refusal(text: str, fix: str) -> BadDefinition:
    return BadDefinition("schedule", text, fix)
