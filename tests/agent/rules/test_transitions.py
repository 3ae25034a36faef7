"""What schedules do in each night from 2024 to 2030 in which clocks change, by the laws themselves.

The nights are reckoned here from the laws (the second Sunday of March), not from zone data.
"""

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from agent.rules import schedule
from agent.rules.schedule import Timing

YEARS = range(2024, 2031)
LAST = -1

# Zone, month, which Sunday, the time that is left out first, the time that follows instead.
SPRING = (
    ("America/New_York", 3, 2, "02:00", "03:00"),
    ("America/St_Johns", 3, 2, "02:00", "03:00"),
    ("America/Havana", 3, 2, "00:00", "01:00"),
    ("Europe/London", 3, LAST, "01:00", "02:00"),
    ("Europe/Dublin", 3, LAST, "01:00", "02:00"),
    ("Europe/Berlin", 3, LAST, "02:00", "03:00"),
    ("Antarctica/Troll", 3, LAST, "01:00", "03:00"),
    ("Pacific/Auckland", 9, LAST, "02:00", "03:00"),
    ("Australia/Lord_Howe", 10, 1, "02:00", "02:30"),
)
# The same, with the time that comes again first, and the one that follows the second of the two.
AUTUMN = (
    ("America/New_York", 11, 1, "01:00", "02:00"),
    ("America/St_Johns", 11, 1, "01:00", "02:00"),
    ("America/Havana", 11, 1, "00:00", "01:00"),
    ("Europe/London", 10, LAST, "01:00", "02:00"),
    ("Europe/Dublin", 10, LAST, "01:00", "02:00"),
    ("Europe/Berlin", 10, LAST, "02:00", "03:00"),
    ("Antarctica/Troll", 10, LAST, "01:00", "03:00"),
    ("Pacific/Auckland", 4, 1, "02:00", "03:00"),
    ("Australia/Lord_Howe", 4, 1, "01:30", "02:00"),
)


def sunday(year: int, month: int, which: int) -> date:
    """The first, second or last Sunday of a month."""
    sundays = [
        day
        for number in range(31)
        if (day := date(year, month, 1) + timedelta(days=number)).month == month
        and day.isoweekday() == 7
    ]
    return sundays[which - 1 if which > 0 else which]


def inside(time: str) -> str:
    """Ten minutes later, as cron text of each day."""
    at = datetime.fromisoformat(f"2026-01-01T{time}") + timedelta(minutes=10)
    return f"{at.minute} {at.hour} * * *"


def coming(timing: Timing, night: date, count: int) -> list[tuple[str, str]]:
    """Moments after the noon before a night, as the zone's clock shows them, with their tags."""
    zone = ZoneInfo(timing.zone)
    noon = datetime(night.year, night.month, night.day, 12, tzinfo=zone) - timedelta(days=1)
    found = schedule.next_moments(timing, int(noon.timestamp()) * 1000, count)
    return [
        (f"{datetime.fromtimestamp(one.at_ms / 1000, zone):%d %H:%M}", one.tag) for one in found
    ]


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize(("zone", "month", "which", "gap", "after"), SPRING)
def test_what_a_night_leaves_out_runs_once_after_it_or_not_at_all(
    year: int, zone: str, month: int, which: int, gap: str, after: str
) -> None:
    night = sunday(year, month, which)
    morrow = night + timedelta(days=1)
    usual = datetime.fromisoformat(f"2026-01-01T{gap}") + timedelta(minutes=10)

    made_up = coming(Timing((inside(gap),), zone), night, 2)
    left_out = coming(Timing((inside(gap),), zone, "skip"), night, 1)

    assert made_up == [
        (f"{night:%d} {after}", "moved"),
        (f"{morrow:%d} {usual:%H:%M}", "normal"),
    ]
    assert left_out == [(f"{morrow:%d} {usual:%H:%M}", "normal")]


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize(("zone", "month", "which", "again", "after"), AUTUMN)
def test_what_a_night_shows_twice_runs_once_or_both_times(
    year: int, zone: str, month: int, which: int, again: str, after: str
) -> None:
    night = sunday(year, month, which)
    usual = datetime.fromisoformat(f"2026-01-01T{again}") + timedelta(minutes=10)
    shown = f"{usual:%H:%M}"

    once = coming(Timing((inside(again),), zone), night, 2)
    both = coming(Timing((inside(again),), zone, "after", "both"), night, 3)

    morrow = night + timedelta(days=1)
    assert once == [(f"{night:%d} {shown}", "first_of_two"), (f"{morrow:%d} {shown}", "normal")]
    assert both == [
        (f"{night:%d} {shown}", "first_of_two"),
        (f"{night:%d} {shown}", "second_of_two"),
        (f"{morrow:%d} {shown}", "normal"),
    ]


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize(("zone", "month", "which", "again", "after"), AUTUMN)
def test_a_wild_schedule_follows_the_time_that_passes(
    year: int, zone: str, month: int, which: int, again: str, after: str
) -> None:
    night = sunday(year, month, which)
    timing = Timing(("*/10 * * * *",), zone)
    midnight = datetime(night.year, night.month, night.day, tzinfo=ZoneInfo(zone))
    from_ms = int((midnight - timedelta(hours=1)).timestamp()) * 1000

    moments = schedule.next_moments(timing, from_ms, 40)

    apart = {b.at_ms - a.at_ms for a, b in pairwise(moments)}
    assert apart == {600_000}
    assert {"first_of_two", "second_of_two"} <= {one.tag for one in moments}


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize(("zone", "month", "which", "gap", "after"), SPRING)
def test_a_wild_schedule_makes_up_for_nothing_in_spring(
    year: int, zone: str, month: int, which: int, gap: str, after: str
) -> None:
    found = coming(Timing(("*/10 * * * *",), zone), sunday(year, month, which), 120)

    assert [tag for _, tag in found] == ["normal"] * 120
    shown = [at for at, _ in found]
    night = f"{sunday(year, month, which):%d}"
    assert f"{night} {gap}" not in shown
    assert f"{night} {after}" in shown


# Morocco keeps summer time but for Ramadan: each year's last 03:00 of summer, and when it returns.
RAMADANS = (
    ("2024-03-10", "2024-04-14"),
    ("2025-02-23", "2025-04-06"),
    ("2026-02-15", "2026-03-22"),
    ("2027-02-07", "2027-03-14"),
    ("2028-01-23", "2028-03-05"),
    ("2029-01-14", "2029-02-18"),
    ("2029-12-30", "2030-02-10"),
)


@pytest.mark.parametrize(("back", "forward"), RAMADANS)
def test_the_two_changes_around_ramadan_are_nights_like_those_elsewhere(
    back: str, forward: str
) -> None:
    nightly = Timing(("30 2 * * *",), "Africa/Casablanca")
    twice = Timing(("30 2 * * *",), "Africa/Casablanca", "skip", "both")
    first, second = date.fromisoformat(back), date.fromisoformat(forward)

    assert coming(nightly, first, 2) == [
        (f"{first:%d} 02:30", "first_of_two"),
        (f"{first + timedelta(days=1):%d} 02:30", "normal"),
    ]
    assert [tag for _, tag in coming(twice, first, 2)] == ["first_of_two", "second_of_two"]
    assert coming(nightly, second, 1) == [(f"{second:%d} 03:00", "moved")]
    assert coming(twice, second, 1) == [(f"{second + timedelta(days=1):%d} 02:30", "normal")]


@pytest.mark.parametrize("year", YEARS)
def test_where_clocks_never_change_every_night_is_like_any_other(year: int) -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    from_ms = int(datetime(year, 1, 1, tzinfo=zone).timestamp()) * 1000

    moments = schedule.next_moments(Timing(("15 2 * * *",), "Asia/Kathmandu"), from_ms, 365)

    assert {one.tag for one in moments} == {"normal"}
    assert {b.at_ms - a.at_ms for a, b in pairwise(moments)} == {86_400_000}
