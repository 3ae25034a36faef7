"""Which hours of the week, and which dates, does a text name?"""

from datetime import UTC, datetime

import pytest

from agent.cron.hours import Weekly, parse_dates, parse_weekly
from agent.errors import BadDefinition

HOUR_S = 3600


@pytest.mark.parametrize(
    ("text", "days", "start_h", "length_h"),
    [
        ("MON-FRI 08:00-18:00", (0, 1, 2, 3, 4), 8, 10),
        ("mon-fri 8:00-18:00", (0, 1, 2, 3, 4), 8, 10),
        ("SAT 22:00-SUN 06:00", (5,), 22, 8),
        ("FRI 18:00-MON 06:00", (4,), 18, 60),
        ("SUN 22:00-MON 06:00", (6,), 22, 8),
        ("MON 00:00-SUN 24:00", (0,), 0, 168),
        ("MON,WED,FRI 12:00-13:00", (0, 2, 4), 12, 1),
        ("MON-WED,SUN 12:00-13:00", (0, 1, 2, 6), 12, 1),
        ("FRI-MON 12:00-13:00", (0, 4, 5, 6), 12, 1),
        ("FRI 22:00-06:00", (4,), 22, 8),
        ("22:00-06:00", (0, 1, 2, 3, 4, 5, 6), 22, 8),
        ("00:00-24:00", (0, 1, 2, 3, 4, 5, 6), 0, 24),
        ("SAT,SUN", (5, 6), 0, 24),
        ("SAT 08:00 - 10:00", (5,), 8, 2),
    ],
)
def test_a_weekly_text_names_hours_of_days(
    text: str, days: tuple[int, ...], start_h: int, length_h: int
) -> None:
    assert parse_weekly(text) == Weekly(days, start_h * HOUR_S, length_h * HOUR_S)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not understood"),
        (" ", "not understood"),
        ("always", "ALWAYS is no weekday"),
        ("MONDAY 08:00-18:00", "write MON"),
        ("MON-FRI 8-18", "not understood"),
        ("MON-FRI 08:00-25:00", "25:00 is no time of day"),
        ("MON-FRI 08:60-09:00", "08:60 is no time of day"),
        ("MON-FRI 24:00-06:00", "24:00 is no time of day"),
        ("MON 08:00-08:00", "00:00-24:00"),
        ("MON 08:00-MON 08:00", "same time"),
        ("MON 24:00-TUE 01:00", "24:00 is no time of day"),
        ("MON 18:00-MON 08:00", "MON 18:00-08:00"),
        ("MON-FRI 22:00-SAT 06:00", "one text for each window"),
        ("MON,,FRI 08:00-18:00", "not understood"),
        ("MON 08:00-XYZ 18:00", "XYZ is no weekday"),
        ("MON 08:00-18:00, TUE 08:00-18:00", "not understood"),
        ("MÖN 08:00-18:00", "not understood"),
        ("MON 0٣:00-18:00", "not understood"),
        ("MON," * 10_000, "not understood"),
    ],
)
def test_a_bad_weekly_text_is_refused_with_the_way_out(text: str, words: str) -> None:
    with pytest.raises(BadDefinition, match=r"^weekly = ") as refused:
        parse_weekly(text)

    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-12-24", "2026-12-24T00:00", "2026-12-25T00:00"),
        ("2026-12-24..2026-12-26", "2026-12-24T00:00", "2026-12-27T00:00"),
        ("2026-12-24T18:00..2026-12-25T06:00", "2026-12-24T18:00", "2026-12-25T06:00"),
        ("2026-12-24T18:00..2026-12-24", "2026-12-24T18:00", "2026-12-25T00:00"),
        ("2026-12-24..2026-12-24T06:00", "2026-12-24T00:00", "2026-12-24T06:00"),
        ("2028-02-29", "2028-02-29T00:00", "2028-03-01T00:00"),
    ],
)
def test_a_text_of_dates_names_a_span_of_the_wall_clock(text: str, start: str, end: str) -> None:
    found = parse_dates(text)

    shown = [datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M") for at_s in found]
    assert shown == [start, end]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not understood"),
        ("tomorrow", "not understood"),
        ("24.12.2026", "not understood"),
        ("2026-12-24..", "not understood"),
        ("2026-02-30", "no such date"),
        ("2026-12-24T24:10..2026-12-26", "no such date"),
        ("2026-12-26..2026-12-24", "write 2026-12-24..2026-12-26"),
        ("2026-12-24T18:00", "has no end"),
        ("2026-12-24T18:00..2026-12-24T18:00", "same time"),
        ("1969-12-31", "from 1970"),
        ("9999-12-31", "to 9000"),
        ("2026-12-24..2026-12-26..2026-12-28", "not understood"),
        ("2" * 100_000, "not understood"),
    ],
)
def test_a_bad_text_of_dates_is_refused_with_the_way_out(text: str, words: str) -> None:
    with pytest.raises(BadDefinition, match=r"^dates = ") as refused:
        parse_dates(text)

    assert words in str(refused.value)


def test_each_window_that_reaches_into_a_span_is_named_once() -> None:
    # 1970 began on a Thursday.
    nights = parse_weekly("THU 22:00-06:00")
    week_s = 7 * 24 * HOUR_S

    found = list(nights.between(29 * HOUR_S, week_s + 23 * HOUR_S))

    assert found == [
        (22 * HOUR_S, 30 * HOUR_S),
        (week_s + 22 * HOUR_S, week_s + 30 * HOUR_S),
    ]
