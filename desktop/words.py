"""How times, durations, sizes and counts are said."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from PySide6.QtCore import QCoreApplication, QLocale

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS

# Figures and their units stay together, and thousands are parted by a thin space.
NARROW: Final = "\N{NARROW NO-BREAK SPACE}"
NO_BREAK: Final = "\N{NO-BREAK SPACE}"
ELLIPSIS: Final = "\N{HORIZONTAL ELLIPSIS}"

TASK_TIMES: Final = "task"
LOCAL_TIMES: Final = "local"
UTC_TIMES: Final = "utc"


def _tr(text: str) -> str:
    return QCoreApplication.translate("words", text)


@lru_cache(maxsize=256)
def zone_named(name: str) -> tzinfo:
    """The zone of that name; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def zone_for(times: str, task_zone: str) -> tzinfo | None:
    """In which zone to show a time under the "Times in" switch; None is this machine's own."""
    if times == TASK_TIMES:
        return zone_named(task_zone)
    return UTC if times == UTC_TIMES else None


def moment(at_ms: int, zone: tzinfo | None) -> datetime:
    """That instant on the clock of a zone; None is this machine's own."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).astimezone(zone)


def clock(at_ms: int, zone: tzinfo | None, now_ms: int, *, seconds: bool = False) -> str:
    """A time of day; another day within a week gets its name, any other its date."""
    at, now = moment(at_ms, zone), moment(now_ms, zone)
    time = at.strftime("%H:%M:%S" if seconds else "%H:%M")
    if at.date() == now.date():
        return time
    if abs(at_ms - now_ms) < 6 * DAY_MS:
        return f"{day_name(at)}{NO_BREAK}{time}"
    month = month_name(at)
    year = "" if at.year == now.year else f"{NO_BREAK}{at.year}"
    return f"{at.day}{NO_BREAK}{month}{year}{NO_BREAK}{time}"


def day_name(at: datetime) -> str:
    """The day of the week, in short."""
    return QLocale().dayName(at.isoweekday(), QLocale.FormatType.ShortFormat)


def month_name(at: datetime) -> str:
    """The month, in short."""
    return QLocale().monthName(at.month, QLocale.FormatType.ShortFormat)


def full_times(at_ms: int, task_zone: str) -> str:
    """The instant in full, in the task's zone and in this machine's."""
    there = moment(at_ms, zone_named(task_zone))
    here = moment(at_ms, None)
    return _tr("{0} in {1}\n{2} here").format(
        there.isoformat(sep=" ", timespec="seconds"),
        task_zone,
        here.isoformat(sep=" ", timespec="seconds"),
    )


def duration(ms: int | None) -> str:
    """How long something took: "42 ms", "0.6 s", "4 m 31 s", "1 h 55 m", "3 d 04 h"."""
    if ms is None:
        return ""
    if ms < 95:
        return f"{ms}{NO_BREAK}ms"
    if ms < MINUTE_MS - 50:
        return f"{ms / 1000:.1f}{NO_BREAK}s"
    return span(ms)


def span(ms: int) -> str:
    """A span in whole units, for countdowns: "29 s", "25 m 29 s", "1 h 55 m"."""
    seconds = max(0, ms // 1000)
    if seconds < 60:
        return f"{seconds}{NO_BREAK}s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}{NO_BREAK}m{NO_BREAK}{seconds:02}{NO_BREAK}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}{NO_BREAK}h{NO_BREAK}{minutes:02}{NO_BREAK}m"
    days, hours = divmod(hours, 24)
    return f"{days}{NO_BREAK}d{NO_BREAK}{hours:02}{NO_BREAK}h"


def rough_span(ms: int) -> str:
    """A span for a sentence, without seconds once it is minutes: "40 s", "12 m", "2 h 05 m"."""
    if ms < MINUTE_MS or ms >= HOUR_MS:
        return span(ms)
    return f"{ms // MINUTE_MS}{NO_BREAK}m"


def age(ms: int) -> str:
    """How long ago, to one decimal: "1.2 s ago"."""
    if ms < MINUTE_MS:
        return _tr("{0} s ago").format(f"{max(0, ms) / 1000:.1f}")
    return _tr("{0} ago").format(span(ms))


def count(number: int) -> str:
    """A count with its thousands parted."""
    return f"{number:,}".replace(",", NARROW)


def plural(number: int, one: str, many: str) -> str:
    """A count with its word in the right form: "1 task", "2 tasks"."""
    return f"{count(number)} {one if number == 1 else many}"


def round_span(ms: int) -> str:
    """A span in one round unit, for titles: "38 seconds", "12 minutes", "3 hours", "7 days"."""
    for unit_ms, one, many in (
        (DAY_MS, _tr("day"), _tr("days")),
        (HOUR_MS, _tr("hour"), _tr("hours")),
        (MINUTE_MS, _tr("minute"), _tr("minutes")),
    ):
        if ms >= 1.5 * unit_ms:
            return plural(round(ms / unit_ms), one, many)
    return plural(max(1, round(ms / SECOND_MS)), _tr("second"), _tr("seconds"))


def percent(share: float | None, *, decimals: int = 1) -> str:
    """A share as a percentage, never rounded up to a full hundred."""
    if share is None:
        return ""
    if share >= 1:
        return f"100{NO_BREAK}%"
    figure = min(100 * share, 100 - 10**-decimals)
    return f"{figure:.{decimals}f}{NO_BREAK}%"


def progress(told: int, note: str | None) -> str:
    """How far a run says it is: "40 % importing products"."""
    return f"{told}{NO_BREAK}% {note or ''}".rstrip()


def figures(counted: Sequence[tuple[str, float]], *, most: int = 4) -> str:
    """What a run counts: "rows 1 200, errors 2"; of many the first."""
    shown = [f"{name}{NO_BREAK}{_figure(value)}" for name, value in counted[:most]]
    return ", ".join(shown) + (f", {ELLIPSIS}" if len(counted) > most else "")


def _figure(value: float) -> str:
    return count(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:g}"


def size(number: int | float | None) -> str:
    """A number of bytes: "512 B", "12 kB", "412 MB", "1.8 GB"."""
    if number is None:
        return ""
    value = float(number)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f}{NO_BREAK}{unit}"
        value /= 1000
    return f"{value:.1f}{NO_BREAK}GB"


def reading(value: float | None, unit: str | None) -> str:
    """What was measured, in the units of the agent's checks: "58.2 %", "1.4 ms", "9.0 days"."""
    if value is None or unit in ("fault", "level"):
        return ""
    if unit == "share":
        return percent(value) if value >= 0 else ""
    if unit == "bytes" and value >= 0:
        return size(value)
    if unit == "ms" and value >= 10_000:
        return duration(round(value))
    if unit == "s" and value >= 100:
        return span(round(value * SECOND_MS))
    if unit == "days":
        # A trend that leads further is told as one year, and so is a long certificate.
        return _tr("over a year") if value >= 365 else f"{value:.1f}{NO_BREAK}" + _tr("days")
    if not float(value).is_integer():
        # As exact as it is of use: 0.034 and 3.4, but 340.
        said = f"{value:.1f}" if 1 <= abs(value) < 100 else f"{value:.3g}"
        said = f"{value:.0f}" if 100 <= abs(value) < 1e15 else said
    else:
        said = _figure(value)
    return f"{said}{NO_BREAK}{unit}" if unit else said


def zone_words(name: str, at_ms: int) -> str:
    """A zone with its short name and its distance from UTC: "Pacific/Auckland NZDT (UTC+13)"."""
    at = moment(at_ms, zone_named(name))
    offset = at.utcoffset()
    minutes = 0 if offset is None else int(offset.total_seconds() // 60)
    sign = "+" if minutes >= 0 else "\N{MINUS SIGN}"
    hours, rest = divmod(abs(minutes), 60)
    distance = f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")
    short = at.tzname() or ""
    # Zones without letters of their own call themselves "+03".
    middle = f" {short}" if short and short[0].isalpha() and short != name else ""
    return f"{name}{middle} ({distance})" if name != "UTC" else "UTC"


Clock = Callable[[], int]
"""What a view asks for the agent's time in ms."""
