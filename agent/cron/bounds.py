"""From when until when is a schedule in force: dates and times on the task's wall clock."""

import calendar
import re
from datetime import datetime
from typing import Final

from agent.cron.days import DAY_S
from agent.cron.zones import stretch_at
from agent.errors import BadDefinition

_BOUND: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d)?", re.ASCII)


def parse_bound(field: str, text: str) -> int:
    """Seconds since 1970 as if the wall clock showed UTC; raises BadDefinition naming the field.

    A date alone means its first moment.
    """
    if not _BOUND.fullmatch(text):
        raise BadDefinition(
            field, text, "write a date or a time in the task's zone, such as 2026-12-24T18:00"
        )
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadDefinition(field, text, f"there is no such date and time ({error})") from error
    if not 1970 <= at.year <= 9000:
        raise BadDefinition(field, text, "the year must be from 1970 to 9000")
    return calendar.timegm(at.timetuple())


def bound_instant(zone: str, local_s: int) -> int:
    """The first second at which the wall clock of the zone shows this time or a later one."""
    # No zone is farther than a day from UTC.
    at_s = max(local_s - DAY_S, 0)
    while True:
        stretch = stretch_at(zone, at_s)
        if local_s < stretch.end_s + stretch.offset_s:
            return max(local_s - stretch.offset_s, at_s)
        at_s = stretch.end_s
