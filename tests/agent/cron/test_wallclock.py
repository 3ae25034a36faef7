"""At which instants does the wall clock of a zone begin and cease to read a time?"""

import calendar
from datetime import datetime

import pytest

from agent.cron.wallclock import first_reading, last_reading


def seconds(text: str) -> int:
    return calendar.timegm(datetime.fromisoformat(text).timetuple())


@pytest.mark.parametrize(
    ("zone", "reading", "first", "last"),
    [
        ("UTC", "2026-06-01T12:00", "2026-06-01T12:00", "2026-06-01T12:00"),
        ("Asia/Kathmandu", "2026-06-01T12:00", "2026-06-01T06:15", "2026-06-01T06:15"),
        # Left out: both at the first instant after the gap.
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00", "2026-03-29T01:00"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00", "2011-12-30T10:00"),
        # Shown twice.
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30", "2026-10-25T01:30"),
        ("Antarctica/Troll", "2026-10-25T02:30", "2026-10-25T00:30", "2026-10-25T02:30"),
        # At its edges the clock does not go back over it.
        ("Europe/Berlin", "2026-10-25T02:00", "2026-10-25T00:00", "2026-10-25T00:00"),
        ("Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00", "2026-10-25T02:00"),
        ("Pacific/Kiritimati", "1970-01-01T00:00", "1970-01-01T10:40", "1970-01-01T10:40"),
    ],
)
def test_a_reading_is_reached_first_and_passed_last(
    zone: str, reading: str, first: str, last: str
) -> None:
    assert first_reading(zone, seconds(reading)) == seconds(first)
    assert last_reading(zone, seconds(reading)) == seconds(last)
