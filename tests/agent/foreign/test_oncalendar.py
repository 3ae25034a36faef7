"""Which schedule says the same as a calendar time of systemd."""

import pytest

from agent.errors import BadDefinition
from agent.foreign.oncalendar import to_schedule


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("minutely", "* * * * *"),
        ("hourly", "0 * * * *"),
        ("daily", "0 0 * * *"),
        ("weekly", "0 0 * * 1"),
        ("monthly", "0 0 1 * *"),
        ("quarterly", "0 0 1 */3 *"),
        ("semiannually", "0 0 1 1,7 *"),
        ("yearly", "0 0 1 1 *"),
        ("Mon..Fri 10:00", "0 10 * * 1-5"),
        ("Mon-Fri 10:00", "0 10 * * 1-5"),
        ("Sat,Sun 6,18:00", "0 6,18 * * 0,6"),
        ("Fri..Sun 1:00", "0 1 * * 0,5,6"),
        ("Mon..Sun 1:00", "0 1 * * *"),
        ("Monday", "0 0 * * 1"),
        ("*:0/15", "*/15 * * * *"),
        ("*:5/15", "5-50/15 * * * *"),
        ("*-*-* 00/2:30:00", "30 */2 * * *"),
        ("*-*-* 8..18:00", "0 8-18 * * *"),
        ("05:40", "40 5 * * *"),
        ("*-*-01 04:00", "0 4 1 * *"),
        ("*-*-1/2 04:00", "0 4 */2 * *"),
        ("Mon *-*-1/2 04:00", "0 4 */2 * 1"),
        ("*-02,08-15", "0 0 15 2,8 *"),
        ("*-*~01 03:00", "0 3 L * *"),
        ("Fri *-*~07/1 03:00", "0 3 * * FRI#L"),
        ("Mon *-*-01..07 04:00", "0 4 * * MON#1"),
        ("Tue,Thu *-*-08..14 04:00", "0 4 * * TUE#2,THU#2"),
        ("2026-12-24 18:00", "@at 2026-12-24T18:00"),
        ("*-*-* *:*:0/10", "@every 10s"),
        ("*:*:*", "@every 1s"),
    ],
)
def test_a_calendar_time_becomes_a_schedule(text: str, schedule: str) -> None:
    assert to_schedule(text) == (schedule, None)


def test_a_zone_at_the_end_is_the_zone() -> None:
    assert to_schedule("Mon 04:00 Pacific/Auckland") == ("0 4 * * 1", "Pacific/Auckland")
    assert to_schedule("daily UTC") == ("0 0 * * *", "UTC")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no calendar time"),
        ("12", "no calendar time"),
        ("foo", "no weekday"),
        ("Sun..Mon 1:00", "backwards"),
        ("*-*-* 6:00:30", "whole minutes"),
        ("*:*:0/7", "whole minutes"),
        ("Mon *-*-05 1:00", "weekdays on certain dates"),
        ("*-*~03 1:00", "end of the month"),
        ("2026..2028-01-01", "years"),
        ("Mon 2026-01-05 1:00", "years"),
        ("*-02-30 1:00", "never comes"),
        ("*-13-01 1:00", "out of range"),
        ("25:00", "out of range"),
        ("*-*-* 1:00 Mars/Base", "no such time zone"),
        ("1:00 2:00 3:00", "no calendar time"),
    ],
)
def test_what_no_schedule_says_is_refused(text: str, word: str) -> None:
    with pytest.raises(BadDefinition) as refused:
        to_schedule(text)

    assert word in refused.value.fix
