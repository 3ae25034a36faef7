"""Which numbers does one field of a cron text name."""

import hashlib
import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from agent.errors import BadDefinition

# The last day of a month, and the last such weekday of a month, among numbers that count from 1.
LAST: Final = 0


@dataclass(frozen=True, slots=True)
class Field:
    """The place of a number in a cron text; `spread_to` is the highest one that H may stand for."""

    name: str
    lowest: int
    highest: int
    names: tuple[str, ...] = ()
    spread_to: int = 0

    @property
    def size(self) -> int:
        # Sunday is both 0 and 7.
        return min(self.highest, 6) + 1 if self.name == "weekday" else len(self.values)

    @property
    def values(self) -> range:
        return range(self.lowest, self.highest + 1)


class Named(NamedTuple):
    """What the items of one field name together.

    `nth` holds weekdays with their number in the month, from 1 or LAST; `plain` is the field with
    a number for each H.
    """

    values: frozenset[int]
    nth: frozenset[tuple[int, int]]
    has_last: bool
    plain: str


MONTHS: Final = (
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
WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIELDS: Final = (
    Field("minute", 0, 59, spread_to=59),
    Field("hour", 0, 23, spread_to=23),
    # H never stands for a day that some months lack.
    Field("day of month", 1, 31, spread_to=28),
    Field("month", 1, 12, MONTHS, spread_to=12),
    Field("weekday", 0, 7, WEEKDAYS, spread_to=6),
)
_DATE, _WEEKDAY = FIELDS[2], FIELDS[4]
_ITEM: Final = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\w+))?", re.ASCII)
_SPREAD: Final = re.compile(
    r"H(?:\((?P<first>\w+)-(?P<last>\w+)\))?(?:/(?P<step>\w+))?", re.ASCII | re.IGNORECASE
)
_NTH: Final = re.compile(r"(?P<day>\w+)#(?P<number>\w+)", re.ASCII)
_NOT_OFFERED: Final = (
    (re.compile(r"(\d*W|W\d*|LW)", re.ASCII), "the nearest working day (W) is not offered"),
    (re.compile(r"R(\(.*\))?(/\d+)?", re.ASCII), "a random time (R) is not offered"),
    (re.compile(r"L-\d+", re.ASCII), "a day counted from the end (L-n) is not offered"),
)
_LAST_WEEKDAY: Final = re.compile(r"L?([0-7])L?", re.ASCII)


def parse_field(text: str, field: Field, word: str, *, task_name: str) -> Named:
    """What one field names; raises BadDefinition about the whole text."""
    values: set[int] = set()
    nth: set[tuple[int, int]] = set()
    has_last = False
    plain = []
    for item in word.split(","):
        if field is _DATE and item.upper() == "L":
            has_last = True
            plain.append("L")
        elif field is _WEEKDAY and (found := _NTH.fullmatch(item)):
            nth.add(_nth_weekday(text, item, found))
            plain.append(item)
        elif spread := _SPREAD.fullmatch(item):
            named = _spread(text, field, spread, task_name)
            values.update(named)
            plain.append(_as_item(named, spread["step"]))
        else:
            values.update(_parse_item(text, field, item))
            plain.append(item)
    return Named(frozenset(values), frozenset(nth), has_last, ",".join(plain))


def _parse_item(text: str, field: Field, item: str) -> range:
    found = _ITEM.fullmatch(item)
    if found is None or (found["first"] == "*" and found["last"]):
        raise refusal(text, _why_not(field, item))
    step = _step(text, field, item, found["step"])
    if found["first"] == "*":
        return field.values[::step]
    first = _number(text, field, item, found["first"])
    if found["last"] is None:
        if found["step"]:
            raise refusal(
                text,
                f"{field.name} {item} reads differently from cron to cron; "
                f"write {first}-{_top(field)}/{step}",
            )
        return range(first, first + 1)
    last = _number(text, field, item, found["last"])
    if first > last:
        raise refusal(
            text,
            f"the {field.name} range {item} runs backwards; "
            f"write {_forwards(field, first, last, found['step'])}",
        )
    return range(first, last + 1, step)


def _nth_weekday(text: str, item: str, found: re.Match[str]) -> tuple[int, int]:
    day = _number(text, _WEEKDAY, item, found["day"]) % 7
    if found["number"].upper() == "L":
        return day, LAST
    if found["number"] not in ("1", "2", "3", "4", "5"):
        raise refusal(
            text, f"weekday {item} must have 1 to 5 or L after the #; write {found['day']}#L"
        )
    return day, int(found["number"])


def _spread(text: str, field: Field, found: re.Match[str], task_name: str) -> range:
    """The numbers that H stands for: the same for a task at all times, another for another."""
    first, last = field.lowest, field.spread_to
    if found["first"]:
        first = _number(text, field, found[0], found["first"])
        last = _number(text, field, found[0], found["last"])
    if first > last:
        raise refusal(
            text, f"{field.name} {found[0]} runs backwards; write H({last}-{first}) or two items"
        )
    step = _step(text, field, found[0], found["step"])
    width = last - first + 1
    # Not Python's own hash: it differs from process to process.
    digest = hashlib.sha256(f"{field.name}:{task_name}".encode()).digest()
    choices = min(step, width) if found["step"] else width
    begin = first + int.from_bytes(digest[:8], "big") % choices
    return range(begin, last + 1, step) if found["step"] else range(begin, begin + 1)


def _as_item(named: range, step: str | None) -> str:
    return f"{named[0]}-{named.stop - 1}/{step}" if len(named) > 1 else f"{named[0]}"


def _number(text: str, field: Field, item: str, word: str) -> int:
    if word.isdigit():
        number = int(word)
        if number not in field.values:
            raise refusal(
                text,
                f"{field.name} {number if number < 10**9 else word[:9] + '...'} is out of range; "
                f"it goes from {field.lowest} to {field.highest}",
            )
        return number
    if word.upper() in field.names:
        return field.names.index(word.upper()) + (field.lowest if field.lowest else 0)
    raise refusal(text, _why_not(field, item))


def _step(text: str, field: Field, item: str, word: str | None) -> int:
    if word is None:
        return 1
    if not word.isdigit():
        raise refusal(text, _why_not(field, item))
    step = int(word)
    if not 1 <= step <= field.size:
        raise refusal(
            text,
            f"the step of {field.name} {item} must be from 1 to {field.size}; "
            "longer intervals are written as @every 90m",
        )
    return step


def _why_not(field: Field, item: str) -> str:
    if "?" in item:
        return f"? in {field.name} means no more than *; write *"
    if "#" in item or (field is not _DATE and item.upper() == "L"):
        return (
            f"{field.name} {item} is not understood; L is a day of month, FRI#2 or FRI#L a weekday"
        )
    if field is _WEEKDAY and "L" in item.upper() and (day := _LAST_WEEKDAY.fullmatch(item.upper())):
        return f"weekday {item} is not understood; write {WEEKDAYS[int(day[1]) % 7]}#L"
    for pattern, reason in _NOT_OFFERED:
        if any(pattern.fullmatch(part.upper()) for part in (item, item.split("/")[0])):
            return f"{reason} ({field.name} {item}); write numbers, ranges or steps"
    allowed = f"{field.lowest}-{field.highest}"
    if field.names:
        allowed += f" or {field.names[0]}-{field.names[-1]}"
    if not item:
        return f"{field.name} has an empty item between commas; write {allowed}"
    return f"{field.name} {item} is not understood; write {allowed}, *, lists, ranges or */2"


def _top(field: Field) -> int:
    return 6 if field is _WEEKDAY else field.highest


def _forwards(field: Field, first: int, last: int, step: str | None) -> str:
    if step:
        return f"the values one by one, or {last}-{first}/{step}"
    if field is _WEEKDAY and last == 0:
        return f"{first}-7" if first < 6 else "6,0"
    head = f"{first}-{_top(field)}" if first < _top(field) else f"{first}"
    tail = f"{field.lowest}-{last}" if last > field.lowest else f"{last}"
    return f"{head},{tail}"


def refusal(text: str, fix: str) -> BadDefinition:
    """The refusal of a whole schedule text, with what to write instead."""
    return BadDefinition("schedule", text, fix)
