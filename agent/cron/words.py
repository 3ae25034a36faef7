"""How does a person say a schedule in a few words."""

import re
from functools import lru_cache
from typing import Final

from cron_descriptor import ExpressionDescriptor

from agent.cron.grammar import Boot, Cron, Every, Once, Schedule, parse
from agent.errors import BadDefinition

_WEEKDAYS: Final = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_UNITS: Final = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_STEP: Final = re.compile(r"\*/(\d+)", re.ASCII)
_LAST: Final = re.compile(r"(\w+)#[Ll]", re.ASCII)
_RANGE: Final = re.compile(r"(\d+)-(\d+)", re.ASCII)


@lru_cache(maxsize=4096)
def in_words(texts: tuple[str, ...], *, task_name: str = "") -> str:
    """All schedules of a task in a few English words, such as `Daily 07:05`."""
    return "; ".join(_say(text, task_name) for text in texts)


def _say(text: str, task_name: str) -> str:
    try:
        schedule = parse(text, task_name=task_name)
    except BadDefinition:
        return text
    # What H stands for is known only together with the task.
    if isinstance(schedule, Cron) and not task_name and schedule.plain != schedule.text:
        return schedule.text
    return _say_schedule(schedule)


def _say_schedule(schedule: Schedule | Boot) -> str:
    if isinstance(schedule, Boot):
        return "At boot"
    if isinstance(schedule, Every):
        size_s, unit = next(pair for pair in _UNITS if schedule.interval_s % pair[0] == 0)
        return _every(schedule.interval_s // size_s, unit)
    if isinstance(schedule, Once):
        return f"Once {schedule.text[4:].replace('T', ' ')}"
    return _say_cron(schedule)


def _say_cron(schedule: Cron) -> str:
    minute, hour, date, month, weekday = schedule.plain.split()
    said = None
    if (date, month) == ("*", "*"):
        days = _say_weekdays(weekday)
        if days is not None:
            said = _say_times(minute, hour, days)
    elif (month, weekday) == ("*", "*") and date.isdigit() and _is_time(minute, hour):
        said = f"Monthly on day {int(date)} {_clock(hour, minute)}"
    if said is not None:
        return said
    # The library calls every step even, also those that begin anew with each hour, day or month,
    # and takes two day fields for "or": a text without words is better than wrong words.
    is_uneven = "/" in f"{date}{month}{weekday}" or any(
        word.startswith("*/") and _whole_step(word, size) is None
        for word, size in ((minute, 60), (hour, 24))
    )
    if is_uneven or (not schedule.days_or and "*" not in (date, weekday)):
        return schedule.text
    return _describe(schedule.text)


def _say_weekdays(weekday: str) -> str | None:
    if weekday == "*":
        return ""
    said = []
    for item in weekday.split(","):
        ends = item.split("-")
        names = [_weekday(end) for end in ends]
        if len(ends) > 2 or not all(names):
            return None
        said.append("-".join(dict.fromkeys(name for name in names if name)))
    return ", ".join(said)


def _number(word: str) -> int:
    return int(word) % 7 if word.isdigit() else _WEEKDAYS.index(word.title())


def _weekday(word: str) -> str | None:
    if word.isdigit():
        return _WEEKDAYS[int(word)]
    return word.title() if word.title() in _WEEKDAYS else None


def _say_times(minute: str, hour: str, days: str) -> str | None:
    if _is_time(minute, hour):
        return f"{days or 'Daily'} {_clock(hour, minute)}"
    often = _say_often(minute, hour)
    if often is None:
        return None
    return f"{often}, {days}" if days else often


def _say_often(minute: str, hour: str) -> str | None:
    if hour == "*":
        return _say_minutes(minute)
    if not minute.isdigit():
        return None
    at = "" if int(minute) == 0 else f" at :{int(minute):02}"
    if step := _whole_step(hour, 24):
        return _every(step, "hour") + at
    if span := _RANGE.fullmatch(hour):
        return f"Hourly {int(span[1]):02}-{int(span[2]):02}{at}"
    hours = hour.split(",")
    if len(hours) <= 3 and all(one.isdigit() for one in hours):
        return "Daily " + ", ".join(_clock(one, minute) for one in hours)
    return None


def _say_minutes(minute: str) -> str | None:
    if minute == "*":
        return "Every minute"
    if minute.isdigit():
        return "Hourly" if int(minute) == 0 else f"Hourly at :{int(minute):02}"
    if step := _whole_step(minute, 60):
        return _every(step, "minute")
    return None


def _whole_step(word: str, size: int) -> int | None:
    # Only a step that divides its field is the same distance each time.
    found = _STEP.fullmatch(word)
    step = int(found[1]) if found else 0
    return step if step and size % step == 0 and step < size else None


def _is_time(minute: str, hour: str) -> bool:
    return minute.isdigit() and hour.isdigit()


def _clock(hour: str, minute: str) -> str:
    return f"{int(hour):02}:{int(minute):02}"


def _every(number: int, unit: str) -> str:
    return f"Every {unit}" if number == 1 else f"Every {number} {unit}s"


# Many tasks share a text, and the library takes its time.
@lru_cache(maxsize=4096)
def _describe(text: str) -> str:
    # The library writes the last Friday of a month 5L.
    known = _LAST.sub(lambda found: f"{_number(found[1])}L", text)
    described = ExpressionDescriptor(known, use_24hour_time_format=True)
    return str(described.get_description())
