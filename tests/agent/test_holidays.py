"""Which times does an iCalendar file name?"""

import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.errors import WrongUse
from agent.holidays import Holidays, read_holidays
from agent.windows import MAX_SPANS

SAMPLE = Path(__file__).parent / "calendars" / "holidays.ics"
BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = round(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp() * 1000)


def read(content: bytes | str) -> Holidays:
    content = content.encode() if isinstance(content, str) else content
    return read_holidays(content, "days.ics", zone="Europe/Berlin", now_ms=NOW_MS)


def an_event(*lines: str) -> str:
    return "\r\n".join(
        (
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//a test//EN",
            "BEGIN:VEVENT",
            "UID:1",
            "SUMMARY:Fair",
            *lines,
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        )
    )


def shown(found: Holidays, year: int) -> list[str]:
    """The times that begin in one year, as Berlin's clock shows them."""
    times = []
    for span in found.spans:
        start, end = (datetime.fromtimestamp(at_ms / 1000, BERLIN) for at_ms in span)
        if start.year == year:
            times.append(f"{start:%m-%dT%H:%M}..{end:%m-%dT%H:%M}")
    return times


def test_a_file_of_holidays_becomes_times_of_ten_years() -> None:
    found = read(SAMPLE.read_bytes())

    assert shown(found, 2026) == [
        "01-01T00:00..01-02T00:00",
        "10-05T00:00..10-06T00:00",
        "11-30T06:00..11-30T08:00",  # 18:00 in Auckland
        "12-24T14:00..12-27T00:00",  # closed early, then two days of Christmas
    ]
    assert shown(found, 2027) == [
        "01-01T00:00..01-02T00:00",
        "10-11T00:00..10-12T00:00",  # moved from the 4th
        "12-25T00:00..12-27T00:00",
    ]
    assert shown(found, 2028) == ["01-01T00:00..01-02T00:00", "10-02T00:00..10-03T00:00"]
    assert shown(found, 2035)[-1] == "12-25T00:00..12-27T00:00"
    assert max(end_ms for _, end_ms in found.spans) <= found.until_ms
    assert (found.events, found.endless, found.pointless) == (8, 2, 1)
    assert f"{datetime.fromtimestamp(found.until_ms / 1000, UTC):%Y-%m-%d}" == "2036-11-24"


def test_whole_days_begin_at_midnight_of_the_calendars_zone_also_on_the_day_of_change() -> None:
    found = read(an_event("DTSTART;VALUE=DATE:20261025"))

    ((start_ms, end_ms),) = found.spans
    assert end_ms - start_ms == 25 * 3_600_000


def test_what_is_over_for_more_than_a_year_is_left_out() -> None:
    assert read(an_event("DTSTART;VALUE=DATE:20201225")).spans == ()
    assert len(read(an_event("DTSTART;VALUE=DATE:20260101")).spans) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no whole event"),
        ("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "no whole event"),
        ("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:2026", "no whole event"),
        ("this is no calendar", "cannot be read"),
        (b"\xff\xfe\x00\x1b[31m", "cannot be read"),
        (b"x" * 1_000_001, "1000001 bytes, at most 1000000"),
        (an_event(), "Fair has no DTSTART"),
        (an_event("DTSTART:garbage"), "garbage"),
        (an_event("DTSTART;VALUE=DATE:20261301"), "20261301"),
        (an_event("DTSTART;VALUE=DATE:99991231", "DURATION:P900D"), "cannot be read"),
        (an_event("DTSTART:20261225T100000Z", "DTEND:20261225T090000Z"), "ends before it begins"),
        (an_event("DTSTART;TZID=Mars/X:20261225T100000", "DURATION:PT1H"), "zone Mars/X"),
        (an_event("DTSTART;VALUE=DATE:20261225", "RRULE:nonsense"), "without FREQ"),
        (an_event("DTSTART;VALUE=DATE:20261225", "RRULE:FREQ=SOMETIMES"), "SOMETIMES"),
        (an_event("DTSTART:20261225T100000Z", "RRULE:FREQ=MINUTELY"), "within the day"),
        (an_event("DTSTART:20261225T100000Z", "RRULE:FREQ=DAILY;BYMINUTE=1,2"), "within the day"),
        (an_event("DTSTART;VALUE=DATE:20261225", "DTEND:20261226T120000Z"), "same type"),
    ],
)
def test_a_file_that_says_nothing_clear_is_refused_with_the_way_out(
    content: bytes | str, words: str
) -> None:
    with pytest.raises(WrongUse, match=r"^days\.ics") as refused:
        read(content)

    assert words in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("DTSTART:20260101T000000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY", f"more than {MAX_SPANS}"),
        ("DTSTART;VALUE=DATE:20261225\r\nRRULE:FREQ=YEARLY;INTERVAL=0", "to work out"),
    ],
)
def test_a_rule_that_names_too_much_is_given_up(rule: str, words: str) -> None:
    with pytest.raises(WrongUse, match=words):
        read(an_event(rule))


def test_a_spoiled_file_is_read_or_refused_and_never_a_fault() -> None:
    sample = SAMPLE.read_bytes()
    chance = random.Random(20261124)  # noqa: S311 - spoils a test file, keeps no secret
    refused = 0
    for _ in range(200):
        spoiled = bytearray(sample)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(spoiled))
            if chance.random() < 0.5:
                spoiled[place] = chance.choice(b"0123456789:;=,TZ\n\r ABC\x00\xff")
            else:
                del spoiled[place : place + chance.randint(1, 20)]
        try:
            read(bytes(spoiled))
        except WrongUse:
            refused += 1

    assert 0 < refused < 200


def test_nothing_that_serves_loads_what_reads_icalendar() -> None:
    asked = (
        "import sys, agent.app, agent.cli.serving, agent.cli.calendars\n"
        "print([name for name in sys.modules if 'ical' in name.split('.')[0]])"
    )

    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
