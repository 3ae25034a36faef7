"""How times, lengths and bounds are said in an explanation."""

from datetime import datetime

from agent.cron.bounds import parse_bound
from agent.cron.zones import load_zone
from agent.definitions import Definition


def wall(at_ms: int, zone: str) -> str:
    """On the clocks of that zone; seconds only where they are not zero."""
    at = datetime.fromtimestamp(at_ms / 1000, load_zone(zone))
    return f"{at:%Y-%m-%d %H:%M}" if at_ms % 60_000 == 0 else f"{at:%Y-%m-%d %H:%M:%S}"


def utc(at_ms: int | None) -> str:
    """The same on the clocks of everywhere."""
    return "an unknown time" if at_ms is None else f"{wall(at_ms, 'UTC')} UTC"


def clock(wall_s: int) -> str:
    """A time of day from seconds on a wall clock."""
    return f"{wall_s % 86_400 // 3600:02}:{wall_s % 3600 // 60:02}"


def plain_moment(wall_s: int) -> str:
    """Date and time from seconds on a wall clock, whatever its zone."""
    return wall(wall_s * 1000, "UTC")


def length(length_ms: int) -> str:
    """How long something lasts, as exact as it is of use."""
    seconds = length_ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 5_400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def validity(definition: Definition) -> str:
    """From when until when a task is in force, with the fields that say so."""
    parts = []
    for field, word in (("valid_from", "from"), ("valid_until", "before")):
        text: str | None = getattr(definition, field)
        if text is not None:
            parts.append(f"{word} {plain_moment(parse_bound(field, text))} ({field})")
    return " and ".join(parts)
