"""What does a schedule text mean, and why is another one refused."""

import calendar
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from agent.cron.days import DAY_S, day_texts, is_every_day
from agent.cron.fields import FIELDS, MONTHS, Named, parse_field, refusal
from agent.errors import BadDefinition

MAX_LENGTH: Final = 256
LONGEST_INTERVAL_S: Final = 366 * DAY_S


@dataclass(frozen=True, slots=True)
class Cron:
    """Five fields: the times of a day in seconds, and the days as texts for croniter.

    A fixed one names minute and hour, a wild one leaves one of them to `*`: they differ when
    clocks are changed. `plain` is the text with a number for each H. The days are those of all
    texts in `days` together; None means every day.
    """

    text: str
    plain: str
    times: tuple[int, ...]
    days: tuple[str, ...] | None
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


@dataclass(frozen=True, slots=True)
class Boot:
    """Once at each boot of the host: no clock names these moments, the agent sees them."""

    text: str


# What clocks and calendars alone say.
Schedule = Cron | Every | Once

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
# A letter H that is no part of a word such as THU.
_SPREAD: Final = re.compile(r"(?<![A-Za-z@])[Hh](?![A-Za-z])")
_EVERY: Final = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_AT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d", re.ASCII)


def parse(text: str, *, task_name: str = "") -> Schedule | Boot:
    """The meaning of a schedule text; raises BadDefinition naming what to write instead.

    The name matters only to H, which stands for another number in each task.
    """
    return _parse(text, name_that_matters((text,), task_name))


def name_that_matters(texts: tuple[str, ...], task_name: str) -> str:
    """The name if any of the texts depends on it, else none: what is kept is kept for all tasks."""
    if not task_name or not any(_SPREAD.search(text[:MAX_LENGTH]) for text in texts):
        return ""
    return task_name


@lru_cache(maxsize=4096)
def _parse(text: str, task_name: str) -> Schedule | Boot:
    if len(text) > MAX_LENGTH:
        raise BadDefinition(
            "schedule", text[:100], f"has {len(text)} characters; at most {MAX_LENGTH} are read"
        )
    if not text.isascii():
        stranger = next(sign for sign in text if not sign.isascii())
        raise refusal(text, f"{stranger!a} is no ASCII character; type the text anew")
    if any(not sign.isprintable() and sign != "\t" for sign in text):
        raise refusal(text, "holds a line break or control character; write it on one line")
    words = text.split()
    if not words:
        raise refusal(text, "is empty; write five fields such as '5 7 * * *'")
    if words[0].startswith("@"):
        return _parse_named(text, words)
    return _parse_fields(text, words, task_name)


def _parse_named(text: str, words: list[str]) -> Schedule | Boot:
    name = words[0].lower()
    if name in _NICKNAMES and len(words) == 1:
        return _parse_fields(text, _NICKNAMES[name].split(), "")
    if name == "@every":
        return _parse_every(text, words)
    if name == "@at":
        return _parse_at(text, words)
    if name == "@reboot" and len(words) == 1:
        return Boot("@reboot")
    if name in _NICKNAMES or name == "@reboot":
        raise refusal(text, f"nothing may follow {name}; write {name} alone")
    known = ", ".join([*_NICKNAMES, "@reboot", "@every 90s", "@at 2026-12-24T18:00"])
    raise refusal(text, f"{words[0]} is not known; there are {known}")


def _parse_every(text: str, words: list[str]) -> Every:
    found = _EVERY.fullmatch(words[1]) if len(words) == 2 else None
    if found is None:
        raise refusal(text, "@every needs one whole number and s, m, h or d, such as @every 90s")
    interval_s = int(found[1]) * _UNITS_S[found[2]]
    if not 1 <= interval_s <= LONGEST_INTERVAL_S:
        raise refusal(text, "the interval must be from 1s to 366d")
    return Every(f"@every {int(found[1])}{found[2]}", interval_s)


def _parse_at(text: str, words: list[str]) -> Once:
    if len(words) != 2 or not _AT.fullmatch(words[1]):
        raise refusal(
            text,
            "@at needs a date and a time in the task's zone, such as @at 2026-12-24T18:00",
        )
    try:
        at = datetime.fromisoformat(words[1])
    except ValueError as error:
        raise refusal(text, f"there is no such date and time ({error})") from error
    if not 1970 <= at.year <= 9000:
        raise refusal(text, "the year must be from 1970 to 9000")
    seconds = calendar.timegm(at.timetuple())
    return Once(f"@at {words[1]}", seconds)


def _parse_fields(text: str, words: list[str], task_name: str) -> Cron:
    _check_count(text, words)
    minutes, hours, dates, months, weekdays = (
        parse_field(text, field, word, task_name=task_name)
        for field, word in zip(FIELDS, words, strict=True)
    )
    # Debian's rule: one field that begins with a star narrows the other, else either will do.
    days_or = not (words[2].startswith("*") or words[4].startswith("*"))
    days = day_texts(dates, months.values, weekdays, either=days_or)
    if not days:
        raise refusal(text, _why_never(dates, months.values, weekdays))
    return Cron(
        text=" ".join(words),
        plain=" ".join(field.plain for field in (minutes, hours, dates, months, weekdays)),
        times=tuple(
            sorted(hour * 3600 + minute * 60 for hour in hours.values for minute in minutes.values)
        ),
        days=None if is_every_day(days) else days,
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
    raise refusal(text, fix)


def _why_never(dates: Named, months: frozenset[int], weekdays: Named) -> str:
    longest = max(calendar.monthrange(2024, month)[1] for month in months)
    if weekdays.nth and (dates.has_last or min(dates.values) <= longest):
        return "this date never comes: that weekday never falls on it; begin neither field with *"
    shown = "/".join(MONTHS[month - 1].title() for month in sorted(months))
    return (
        f"this date never comes: {shown} has no day {min(dates.values)}; "
        f"write a day from 1 to {longest} or another month"
    )
