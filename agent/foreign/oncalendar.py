"""Which schedule says the same as a calendar time of systemd."""

import re
from typing import Final, NamedTuple

from agent.cron.fields import WEEKDAYS
from agent.cron.grammar import parse
from agent.cron.zones import load_zone
from agent.errors import BadDefinition


class Times(NamedTuple):
    """A schedule and the zone it names, if any."""

    schedule: str
    zone: str | None


_SHORT: Final = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
    "semi-annually": "*-01,07-01 00:00:00",
    "bi-annually": "*-01,07-01 00:00:00",
    "biannually": "*-01,07-01 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
}
_LONG_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_ITEM: Final = re.compile(r"(\d+)(?:\.\.(\d+))?(?:/(\d+))?", re.ASCII)
_DATE: Final = re.compile(r"(?:(?P<year>[^-]+)-)?(?P<month>[^-~]+)(?P<sign>[-~])(?P<day>[^-~]+)")
_WEEK: Final = 7
_EVERYTHING: Final = "*"
_BARE: Final = re.compile(r"\d+", re.ASCII)


def to_schedule(text: str) -> Times:
    """The schedule with the same moments; raises BadDefinition with the reason there is none."""
    words = text.split()
    zone = words.pop() if len(words) > 1 and _is_zone(words[-1]) else None
    if zone is not None:
        load_zone(zone)
    whole = " ".join(words)
    words = _SHORT.get(whole.lower(), whole).split()
    weekdays = _weekdays(text, words.pop(0)) if words and words[0][0].isalpha() else None
    date = words.pop(0) if words and ":" not in words[0] else "*-*-*"
    time = words.pop(0) if words else "00:00:00"
    if words or not text.strip():
        raise _no(text, "is no calendar time such as Mon *-*-* 04:00:00")
    schedule = _join(text, weekdays, date, time)
    parse(schedule, task_name="any")
    return Times(schedule, zone)


def _is_zone(word: str) -> bool:
    return word == "UTC" or ("/" in word and word[0].isalpha()) or word in ("GMT", "CET", "EET")


def _join(text: str, weekdays: tuple[int, ...] | None, date: str, time: str) -> str:
    found = _DATE.fullmatch(date)
    hour, _, rest = time.partition(":")
    minute, _, second = rest.partition(":")
    if found is None or not minute:
        raise _no(text, "is no calendar time such as Mon *-*-* 04:00:00")
    month = _field(text, found["month"], 1, 12)
    hours, minutes = _field(text, hour, 0, 23), _field(text, minute, 0, 59)
    fields = f"{minutes} {hours}"
    is_each_day = (month, found["day"], found["sign"]) == ("*", "*", "-")
    if (second or "00") not in ("0", "00"):
        if (minutes, hours) == ("*", "*") and is_each_day and weekdays is None:
            return _within_minute(text, found["year"], second)
        raise _no(text, "schedules name whole minutes; @every counts seconds")
    if found["year"] not in (None, "*"):
        return _once(text, found, weekdays, fields)
    day, weekday = _days(text, found, weekdays)
    return f"{fields} {day} {month} {weekday}"


def _within_minute(text: str, year: str | None, second: str) -> str:
    step = re.fullmatch(r"(?:0?0|\*)/(\d+)", second, re.ASCII)
    size_s = int(step[1]) if step else 1
    if year not in (None, "*") or (step is None and second != "*") or not size_s or 60 % size_s:
        raise _no(text, "schedules name whole minutes; @every counts seconds")
    return f"@every {size_s}s"


def _once(text: str, date: re.Match[str], weekdays: tuple[int, ...] | None, fields: str) -> str:
    minute, hour = fields.split()
    parts = (date["year"], date["month"], date["day"], hour, minute)
    if weekdays is not None or date["sign"] == "~" or not all(map(_BARE.fullmatch, parts)):
        raise _no(text, "names years; write valid_from and valid_until yourself")
    year, month, day = (int(part) for part in parts[:3])
    return f"@at {year:04}-{month:02}-{day:02}T{int(hour):02}:{int(minute):02}"


def _days(text: str, date: re.Match[str], weekdays: tuple[int, ...] | None) -> tuple[str, str]:
    """The day fields: systemd means days that are named by both, cron by either."""
    named = "*" if weekdays is None else _as_list(weekdays, 0, 6)
    if date["sign"] == "~":
        if date["day"] in ("1", "01") and weekdays is None:
            return "L", "*"
        if date["day"] in ("7/1", "07/1") and weekdays is not None:
            return "*", ",".join(f"{WEEKDAYS[day]}#L" for day in weekdays)
        raise _no(text, "counts days from the end of the month; only the last one (L) is offered")
    values = _values(text, date["day"], 1, 31)
    day = _as_list(values, 1, 31)
    # A field that begins with a star narrows the other one, in cron as well.
    if day.startswith("*") or named == "*":
        return day, named
    for number in range(1, 5):
        if values == tuple(range(number * _WEEK - 6, number * _WEEK + 1)) and weekdays:
            return "*", ",".join(f"{WEEKDAYS[each]}#{number}" for each in weekdays)
    raise _no(
        text, "names weekdays on certain dates; only weeks such as Mon *-*-01..07 can be said"
    )


def _weekdays(text: str, word: str) -> tuple[int, ...] | None:
    days: set[int] = set()
    for item in word.split(","):
        ends = [_weekday(text, end) for end in re.split(r"\.\.|-", item)]
        if len(ends) > 2:
            raise _no(text, f"{item} is no range of weekdays")
        # Here weeks begin with Monday.
        first, last = ((end - 1) % _WEEK for end in (ends[0], ends[-1]))
        if first > last:
            raise _no(text, f"the weekdays {item} run backwards")
        days |= {(day + 1) % _WEEK for day in range(first, last + 1)}
    return None if len(days) == _WEEK else tuple(sorted(days))


def _weekday(text: str, word: str) -> int:
    for number, name in enumerate(_LONG_DAYS):
        if word.lower() in (name, name[:3]):
            return number
    raise _no(text, f"{word} is no weekday")


def _field(text: str, word: str, lowest: int, highest: int) -> str:
    return _as_list(_values(text, word, lowest, highest), lowest, highest)


def _values(text: str, word: str, lowest: int, highest: int) -> tuple[int, ...]:
    found: set[int] = set()
    for item in word.split(","):
        if item == _EVERYTHING:
            return tuple(range(lowest, highest + 1))
        # A star with a step counts from the lowest number.
        plain = f"{lowest}{item[1:]}" if item.startswith("*/") else item
        match = _ITEM.fullmatch(plain)
        if match is None:
            raise _no(text, f"{item} is not understood")
        first, step = int(match[1]), int(match[3] or 1)
        last = int(match[2]) if match[2] else (highest if match[3] else first)
        if not (lowest <= first <= last <= highest and step):
            raise _no(text, f"{item} is out of range; it goes from {lowest} to {highest}")
        found |= set(range(first, last + 1, step))
    return tuple(sorted(found))


def _as_list(values: tuple[int, ...], lowest: int, highest: int) -> str:
    """The shortest words for these numbers."""
    if len(values) == highest - lowest + 1:
        return _EVERYTHING
    if len(values) > 2:
        step = values[1] - values[0]
        if values == tuple(range(values[0], values[-1] + 1, step)):
            if values == tuple(range(lowest, highest + 1, step)):
                return f"*/{step}"
            span = f"{values[0]}-{values[-1]}"
            return span if step == 1 else f"{span}/{step}"
    return ",".join(str(value) for value in values)


def _no(text: str, reason: str) -> BadDefinition:
    return BadDefinition("schedule", text, f"{text}: {reason}")
