"""What a calendar is: named windows in which tasks must not start, or alone may start."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from typing import Final, Literal, get_args

import msgspec

from agent.cron.hours import parse_dates, parse_weekly
from agent.cron.zones import load_zone
from agent.errors import BadDefinition, WrongUse

Kind = Literal["blackout", "allow", "maintenance"]


class Calendar(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, cache_hash=True
):
    """Windows of one name: by week and by date on the wall clock of its zone, and as instants.

    Nothing starts inside a blackout; maintenance is a blackout for every task. Where a calendar
    allows, starts are possible only inside. `spans` are pairs of milliseconds since 1970 UTC,
    in order and apart.
    """

    name: str
    kind: Kind = "blackout"
    timezone: str = "UTC"
    weekly: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    spans: tuple[tuple[int, int], ...] = ()
    description: str = ""
    source: str = ""


class Closed(msgspec.Struct, frozen=True):
    """Nothing may start now: which calendar says so, since when, until when.

    `from_ms` lies at most a year back. `until_ms` is the first moment at which no calendar
    closes any more; None when there is none within a year.
    """

    name: str
    kind: Kind
    from_ms: int
    until_ms: int | None


BY_HAND: Final = "closed-by-hand"
"""The maintenance windows that `calendars close` made, those that are over among them."""
# Together they stay below the 65 535 bytes that MariaDB keeps in one text.
MAX_SPANS: Final = 1500
_MOST: Final = {"weekly": 64, "dates": 300, "spans": MAX_SPANS}
_TEXTS: Final = ("description", "source")
_WRITTEN: Final = ("name", "kind", "timezone", "weekly", "dates", "description")
_NAME: Final = re.compile(r"[a-z0-9._-]{1,64}", re.ASCII)
_LONGEST_TEXT: Final = 500


def load_calendars(text: str, origin: str, *, zone: str) -> list[Calendar]:
    """The checked calendars of a TOML file; `zone` is that of those which name none."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise WrongUse(f"{origin} is not TOML: {error}") from error
    tables = document.pop("calendar", [])
    if document:
        stranger = next(iter(document))
        raise WrongUse(
            f"{origin}: {stranger!r} is not known here; calendars are [[calendar]] tables"
        )
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise WrongUse(f"{origin}: write [[calendar]] with two brackets before each calendar")
    if not tables:
        raise WrongUse(f"{origin} holds no calendar; write a [[calendar]] table")
    found: dict[str, Calendar] = {}
    for number, table in enumerate(tables, start=1):
        where = f"{origin}: calendar {table.get('name', f'number {number}')!s:.64}"
        try:
            calendar = read_calendar(table, zone=zone)
        except BadDefinition as error:
            raise BadDefinition(error.field, error.value, error.fix, where=where) from error
        if calendar.name in found:
            raise BadDefinition("name", calendar.name, "is used twice in this file", where=where)
        found[calendar.name] = calendar
    return list(found.values())


def read_calendar(table: Mapping[str, object], *, zone: str) -> Calendar:
    """One checked calendar from plain values, as a person writes them; raises BadDefinition."""
    for key in table:
        if key not in _WRITTEN:
            near = difflib.get_close_matches(str(key), _WRITTEN, n=1)
            fix = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(_WRITTEN)}"
            raise BadDefinition(str(key)[:64], table[key], f"this key is not known; {fix}")
    if "name" not in table:
        raise BadDefinition("name", None, "is missing; every calendar needs it")
    values: dict[str, object] = {"timezone": zone}
    for key, value in table.items():
        is_list = key in ("weekly", "dates")
        plain = (value,) if is_list and isinstance(value, str) else value
        try:
            values[key] = msgspec.convert(plain, tuple[str, ...] if is_list else str)
        except msgspec.ValidationError as error:
            shape = "a list of texts" if is_list else "text"
            raise BadDefinition(key, value, f"must be {shape}") from error
    check_new_name(str(table["name"]))
    calendar = Calendar(**values)  # type: ignore[arg-type]  # each was converted to its type
    check_calendar(calendar)
    return calendar


def check_calendar(calendar: Calendar) -> None:
    """Raise BadDefinition for the first field that cannot be accepted."""
    _check_name(calendar.name)
    if calendar.kind not in get_args(Kind):
        kinds = " or ".join(repr(kind) for kind in get_args(Kind))
        raise BadDefinition("kind", calendar.kind, f"must be {kinds}")
    for field in _TEXTS:
        value = getattr(calendar, field)
        if len(value) > _LONGEST_TEXT or not value.isprintable():
            raise BadDefinition(
                field, value, f"must be one line of at most {_LONGEST_TEXT} characters"
            )
    load_zone(calendar.timezone)
    for field, most in _MOST.items():
        count = len(getattr(calendar, field))
        if count > most:
            raise BadDefinition(field, count, f"at most {most} windows are kept")
    for text in calendar.weekly:
        parse_weekly(text)
    for text in calendar.dates:
        parse_dates(text)
    if not (calendar.weekly or calendar.dates or calendar.spans):
        raise BadDefinition(
            "weekly", None, "is missing; a calendar needs weekly, dates or both to have a window"
        )


def check_new_name(name: str) -> None:
    """Raise BadDefinition when nobody can give a calendar this name."""
    _check_name(name)
    if name == BY_HAND:
        raise BadDefinition("name", name, "is kept for `calendars close`; choose another name")


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise BadDefinition("name", name[:100], "must be 1 to 64 characters of a-z 0-9 . _ -")
