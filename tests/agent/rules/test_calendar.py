"""When do calendars let nothing start: against the wall clock minute by minute, and in tables."""

import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.rules.calendar import YEAR_MS, closed_at, closures, doubts
from agent.windows import Calendar, Closed, Kind
from tests.agent.rules import calendar_reference as reference
from tests.agent.rules.calendar_reference import MINUTE_S, WEEKDAYS, Meant
from tests.effort import steps_in

EXAMPLES = int(os.environ.get("SMARTCRON_TEST_CALENDARS", "40"))
MINUTE_MS = 60_000
DAY_S = 86_400
DAY_MS = DAY_S * 1000

# A zone and the moment at which its clocks change, in UTC.
CHANGES = (
    ("UTC", "2026-06-01T00:00"),
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("Europe/London", "2027-10-31T01:00"),
    ("Europe/Dublin", "2026-03-29T01:00"),
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("America/Havana", "2026-11-01T05:00"),
    ("America/St_Johns", "2010-11-07T02:31"),
    ("America/Santiago", "2026-09-06T04:00"),
    ("Africa/Casablanca", "2027-02-07T02:00"),
    ("Africa/Casablanca", "2027-03-14T02:00"),
    ("Antarctica/Troll", "2026-03-29T01:00"),
    ("Antarctica/Troll", "2026-10-25T01:00"),
    ("Asia/Kathmandu", "2026-06-01T00:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("Pacific/Apia", "2011-12-30T10:00"),
    ("Pacific/Auckland", "2026-04-04T14:00"),
    ("Pacific/Chatham", "2026-09-26T14:00"),
)


def ms(text: str, zone: str = "UTC") -> int:
    """The instant of a time on a wall clock; with an offset, that one."""
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
    return round(at.timestamp() * 1000)


def a_calendar(name: str = "quiet", kind: Kind = "blackout", **fields: object) -> Calendar:
    return Calendar(name=name, kind=kind, **fields)  # type: ignore[arg-type]  # as a test writes it


def ask(at_ms: int, *calendars: Calendar, names: tuple[str, ...] | None = None) -> Closed | None:
    """What closes at this moment for a task that names all of these, or those given."""
    known = {calendar.name: calendar for calendar in calendars}
    return closed_at(known, tuple(known) if names is None else names, at_ms)


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


# Against the reference

times = st.one_of(
    st.sampled_from((0, 60, 90, 119, 120, 121, 150, 179, 180, 181)), st.integers(0, 1439)
)


@st.composite
def weekly(draw: st.DrawFn) -> Meant:
    """Hours on some weekdays, or from one weekday to another."""
    start, end = draw(times), draw(times)
    if draw(st.booleans()):
        days = tuple(sorted(draw(st.sets(st.integers(0, 6), min_size=1, max_size=7))))
        if start == end:
            end = (end + 1) % 1440
        words = ",".join(WEEKDAYS[day] for day in days)
        return Meant(
            f"{words} {clock(start)}-{clock(end)}",
            days=days,
            start_min=start,
            length_min=(end - start) % 1440,
        )
    first, count = draw(st.integers(0, 6)), draw(st.integers(1, 6))
    last = WEEKDAYS[(first + count) % 7]
    return Meant(
        f"{WEEKDAYS[first]} {clock(start)}-{last} {clock(end)}",
        days=(first,),
        start_min=start,
        length_min=count * 1440 + end - start,
    )


@st.composite
def dated(draw: st.DrawFn, about: datetime) -> Meant:
    """Whole days, or hours of some, near the change of the clocks."""
    day = about.replace(hour=0, minute=0) + timedelta(days=draw(st.integers(-3, 2)))
    last = day + timedelta(days=draw(st.integers(0, 2)))
    if draw(st.booleans()):
        text = f"{day:%Y-%m-%d}" if day == last else f"{day:%Y-%m-%d}..{last:%Y-%m-%d}"
        return Meant(text, dates=(day, last + timedelta(days=1)))
    start = day + timedelta(minutes=draw(times))
    end = max(last + timedelta(minutes=draw(times)), start + timedelta(minutes=1))
    return Meant(f"{start:%Y-%m-%dT%H:%M}..{end:%Y-%m-%dT%H:%M}", dates=(start, end))


@st.composite
def situations(draw: st.DrawFn) -> tuple[int, list[Calendar], list[bool], reference.Minutes]:
    """A change of clocks, calendars, and for each minute around it: something closes."""
    zone, change = draw(st.sampled_from(CHANGES))
    change_s = ms(change) // 1000
    table = reference.minutes(zone, change_s - 12 * DAY_S, change_s + 12 * DAY_S)
    closed = [False] * len(table.readings)
    calendars = []
    for number in range(draw(st.integers(1, 3))):
        hours = draw(st.lists(weekly(), max_size=3))
        days = draw(st.lists(dated(about=table.readings[12 * 1440]), max_size=2))
        kind: Kind = draw(st.sampled_from(("blackout", "allow", "maintenance")))
        if not hours and not days:
            continue
        calendars.append(
            a_calendar(
                f"c{number}",
                kind,
                timezone=zone,
                weekly=tuple(one.text for one in hours),
                dates=tuple(one.text for one in days),
            )
        )
        inside = reference.inside([*hours, *days], table)
        closed = [
            was or (is_in != (kind == "allow")) for was, is_in in zip(closed, inside, strict=True)
        ]
    return change_s, calendars, closed, table


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@given(situations())
def test_each_minute_is_closed_exactly_when_the_wall_clock_says_so(
    situation: tuple[int, list[Calendar], list[bool], reference.Minutes],
) -> None:
    change_s, calendars, closed, table = situation
    known = {calendar.name: calendar for calendar in calendars}
    names = tuple(known)
    bounds = reference.stretches(closed)

    for at_s in range(change_s - DAY_S, change_s + 2 * DAY_S, MINUTE_S):
        number = (at_s - table.from_s) // MINUTE_S
        found = closed_at(known, names, at_s * 1000)

        assert (found is not None) == closed[number], table.readings[number]
        if found is None:
            continue
        start, end = bounds[number]
        if end == len(closed):
            # Longer than the table: it must not end before.
            assert found.until_ms is None or found.until_ms >= table.at_ms(end)
        else:
            assert found.until_ms == table.at_ms(end)
        if start > 0:
            assert found.from_ms == table.at_ms(start)
        # Not a millisecond too long.
        if end == number + 1 and found.until_ms is not None:
            assert closed_at(known, names, found.until_ms) is None
            assert closed_at(known, names, found.until_ms - 1) is not None


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)
@given(situations())
def test_closed_times_lie_apart_and_together_are_all_closed_minutes(
    situation: tuple[int, list[Calendar], list[bool], reference.Minutes],
) -> None:
    change_s, calendars, closed, table = situation
    known = {calendar.name: calendar for calendar in calendars}
    from_ms, until_ms = (change_s - 5 * DAY_S) * 1000, (change_s + 5 * DAY_S) * 1000

    found = list(closures(known, tuple(known), from_ms, until_ms))

    for one, other in pairwise(found):
        assert one.until_ms is not None
        assert one.until_ms < other.from_ms
    for one in found:
        assert one.from_ms < until_ms
        assert one.until_ms is None or one.until_ms > from_ms
        at_ms = max(one.from_ms, from_ms)
        alone = closed_at(known, tuple(known), at_ms)
        assert alone is not None
        assert (alone.name, alone.kind, alone.until_ms) == (one.name, one.kind, one.until_ms)
    marked = {
        at_ms
        for one in found
        for at_ms in range(
            max(one.from_ms, from_ms), min(one.until_ms or until_ms, until_ms), MINUTE_MS
        )
    }
    first = (from_ms // 1000 - table.from_s) // MINUTE_S
    count = (until_ms - from_ms) // MINUTE_MS
    assert marked == {
        from_ms + number * MINUTE_MS for number in range(count) if closed[first + number]
    }


# Tables


@pytest.mark.parametrize(
    ("zone", "window", "start", "end"),
    [
        # Spring, 02:00 to 03:00 is left out: an edge in it moves to the first instant after.
        ("Europe/Berlin", "SUN 02:30-04:00", "2026-03-29T01:00Z", "2026-03-29T02:00Z"),
        ("Europe/Berlin", "SUN 01:00-02:30", "2026-03-29T00:00Z", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "SUN 01:00-03:00", "2026-03-29T00:00Z", "2026-03-29T01:00Z"),
        # Autumn, 02:00 to 03:00 is shown twice: from the first start to the last end.
        ("Europe/Berlin", "SUN 02:30-04:00", "2026-10-25T00:30Z", "2026-10-25T03:00Z"),
        ("Europe/Berlin", "SUN 01:00-02:30", "2026-10-24T23:00Z", "2026-10-25T01:30Z"),
        ("Europe/Berlin", "SUN 02:10-02:20", "2026-10-25T00:10Z", "2026-10-25T01:20Z"),
        ("Europe/Berlin", "SUN 01:00-02:00", "2026-10-24T23:00Z", "2026-10-25T00:00Z"),
        ("Europe/Berlin", "SUN 03:00-04:00", "2026-10-25T02:00Z", "2026-10-25T03:00Z"),
        ("Europe/Berlin", "SUN 02:00-03:00", "2026-10-25T00:00Z", "2026-10-25T02:00Z"),
        # Half an hour, and two hours.
        ("Australia/Lord_Howe", "SUN 01:30-01:45", "2026-04-04T14:30Z", "2026-04-04T15:15Z"),
        ("Antarctica/Troll", "SUN 01:30-02:30", "2026-10-24T23:30Z", "2026-10-25T02:30Z"),
        # Midnight itself is left out, or shown twice.
        ("America/Havana", "SUN 00:00-00:30", "2026-11-01T04:00Z", "2026-11-01T05:30Z"),
        ("America/Santiago", "SUN 00:00-02:00", "2026-09-06T04:00Z", "2026-09-06T05:00Z"),
    ],
)
def test_a_window_at_a_change_of_clocks_runs_from_its_first_to_its_last_reading(
    zone: str, window: str, start: str, end: str
) -> None:
    calendar = a_calendar(timezone=zone, weekly=(window,))

    (found,) = closures({"quiet": calendar}, ["quiet"], ms(start) - DAY_MS, ms(end) + DAY_MS)

    assert found == Closed("quiet", "blackout", ms(start), ms(end))


def test_a_window_inside_the_hour_left_out_is_no_window() -> None:
    calendar = a_calendar(timezone="Europe/Berlin", weekly=("SUN 02:10-02:50",))

    found = closures({"quiet": calendar}, ["quiet"], ms("2026-03-28T00:00"), ms("2026-03-30T00:00"))

    assert list(found) == []


def test_a_day_that_never_was_is_no_window() -> None:
    calendar = a_calendar(timezone="Pacific/Apia", dates=("2011-12-30",))

    found = closures({"quiet": calendar}, ["quiet"], ms("2011-12-20T00:00"), ms("2012-01-10T00:00"))

    assert list(found) == []


def test_windows_of_several_calendars_that_touch_or_overlap_are_one_closed_time() -> None:
    evening = a_calendar("evening", dates=("2026-12-24T18:00..2026-12-24T22:00",))
    night = a_calendar("night", dates=("2026-12-24T22:00..2026-12-25T06:00",))
    works = a_calendar("works", "maintenance", dates=("2026-12-25T05:00..2026-12-25T09:00",))
    start, end = ms("2026-12-24T18:00"), ms("2026-12-25T09:00")

    at_dusk = ask(ms("2026-12-24T20:00"), evening, night, works)
    at_night = ask(ms("2026-12-24T22:00"), evening, night, works)
    at_dawn = ask(ms("2026-12-25T05:30"), evening, night, works)

    assert at_dusk == Closed("evening", "blackout", start, end)
    assert at_night == Closed("night", "blackout", start, end)
    assert at_dawn == Closed("works", "maintenance", start, end)
    assert ask(end, evening, night, works) is None
    assert ask(start - 1, evening, night, works) is None


def test_maintenance_closes_for_tasks_that_do_not_name_it_and_a_blackout_does_not() -> None:
    works = a_calendar("works", "maintenance", weekly=("SUN 02:00-04:00",))
    quiet = a_calendar("quiet", weekly=("SUN 02:00-04:00",))
    sunday = ms("2026-11-29T03:00")

    assert ask(sunday, works, names=()) is not None
    assert ask(sunday, quiet, names=()) is None
    assert ask(sunday, quiet, names=("quiet",)) is not None


def test_where_a_calendar_allows_starts_are_possible_only_inside() -> None:
    office = a_calendar(
        "office", "allow", timezone="Europe/Berlin", weekly=("MON-FRI 08:00-18:00",)
    )
    friday, monday = "2026-11-27T18:00", "2026-11-30T08:00"

    weekend = ask(ms("2026-11-28T12:00", "Europe/Berlin"), office)

    assert weekend == Closed(
        "office", "allow", ms(friday, "Europe/Berlin"), ms(monday, "Europe/Berlin")
    )
    assert ask(ms(monday, "Europe/Berlin"), office) is None
    assert ask(ms("2026-11-27T17:59", "Europe/Berlin"), office) is None


def test_two_calendars_that_allow_must_both_allow() -> None:
    early = a_calendar("early", "allow", weekly=("06:00-12:00",))
    late = a_calendar("late", "allow", weekly=("10:00-20:00",))

    found = ask(ms("2026-11-27T08:00"), early, late)

    assert found == Closed("late", "allow", ms("2026-11-26T12:00"), ms("2026-11-27T10:00"))


def test_an_unknown_name_closes_nothing() -> None:
    quiet = a_calendar("quiet", weekly=("00:00-24:00",))

    assert ask(ms("2026-11-27T08:00"), quiet, names=("quite",)) is None


def test_what_never_opens_has_no_end_and_began_a_year_ago() -> None:
    at_ms = ms("2026-11-27T08:00")
    always = a_calendar(weekly=("MON 00:00-SUN 24:00",))
    never_again = a_calendar("past", "allow", dates=("2020-01-01",))

    assert ask(at_ms, always) == Closed("quiet", "blackout", at_ms - YEAR_MS, None)
    assert ask(at_ms, never_again) == Closed("past", "allow", at_ms - YEAR_MS, None)
    (whole,) = closures({"quiet": always}, ["quiet"], at_ms, at_ms + DAY_MS)
    assert whole.until_ms is None


def test_the_end_of_a_long_closed_time_is_exact_up_to_a_year() -> None:
    long = a_calendar(dates=("2026-01-05..2026-12-20",))

    found = ask(ms("2026-02-01T00:00"), long)

    assert found == Closed("quiet", "blackout", ms("2026-01-05T00:00"), ms("2026-12-21T00:00"))


def test_closed_times_go_on_after_one_that_is_longer_than_a_year() -> None:
    calendar = a_calendar(dates=("2026-01-01..2027-12-31", "2028-02-01"))

    found = list(closures({"q": calendar}, ["q"], ms("2025-06-01T00:00"), ms("2028-06-01T00:00")))

    assert [(one.from_ms, one.until_ms) for one in found] == [
        (ms("2026-01-01T00:00"), ms("2028-01-01T00:00")),
        (ms("2028-02-01T00:00"), ms("2028-02-02T00:00")),
    ]


def test_imported_times_close_and_merge_with_those_of_the_clock() -> None:
    at_ms = ms("2026-12-24T00:00")
    calendar = a_calendar(spans=((at_ms, at_ms + 3_600_000),), weekly=("THU 01:00-02:00",))

    assert ask(at_ms, calendar) == Closed("quiet", "blackout", at_ms, at_ms + 7_200_000)


def test_the_worst_week_is_worked_out_once_and_then_looked_up() -> None:
    kinds: tuple[Kind, ...] = ("blackout", "maintenance")
    calendars = [
        a_calendar(
            f"c{number}",
            kinds[number % 2],
            timezone="Europe/Berlin",
            weekly=tuple(
                f"{hour:02d}:{number * 3:02d}-{hour:02d}:{number * 3 + 2:02d}" for hour in range(24)
            ),
        )
        for number in range(16)
    ]
    known = {calendar.name: calendar for calendar in calendars}
    names = tuple(known)
    at_ms = ms("2026-11-27T08:00")
    closed_at(known, names, at_ms)

    def look() -> None:
        for number in range(100):
            closed_at(known, names, at_ms + number * MINUTE_MS)

    assert steps_in(look) < 100 * 300


@pytest.mark.parametrize(
    ("calendar", "words"),
    [
        (a_calendar(weekly=("00:00-24:00",)), "never starts"),
        (a_calendar(kind="allow", dates=("2020-01-01",)), "never starts"),
        (a_calendar(dates=("2020-01-01",)), "closes nothing"),
        (a_calendar(kind="allow", weekly=("00:00-12:00", "12:00-24:00")), "closes nothing"),
    ],
)
def test_a_calendar_that_is_hardly_meant_so_is_doubted(calendar: Calendar, words: str) -> None:
    (doubt,) = doubts(calendar, ms("2026-11-27T08:00"))

    assert words in doubt


def test_a_usual_calendar_is_not_doubted() -> None:
    assert doubts(a_calendar(weekly=("MON-FRI 08:00-18:00",)), ms("2026-11-27T09:00")) == ()


def test_moments_are_those_of_the_calendars_own_zone() -> None:
    calendar = a_calendar(timezone="Pacific/Auckland", dates=("2026-12-25",))

    found = ask(ms("2026-12-24T12:00"), calendar)

    assert found is not None
    assert datetime.fromtimestamp(found.from_ms / 1000, UTC).isoformat() == (
        "2026-12-24T11:00:00+00:00"
    )
