"""How times, durations and counts are said."""

import pytest

from desktop import words
from tests.desktop.rows_at_hand import NOW_MS

DAY_MS = 24 * 3600 * 1000


def plain(text: str) -> str:
    return text.replace(words.NO_BREAK, " ").replace(words.NARROW, " ")


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "0 ms"),
        (42, "42 ms"),
        (620, "0.6 s"),
        (18_400, "18.4 s"),
        (59_960, "59 s"),
        (60_000, "1 m 00 s"),
        (271_000, "4 m 31 s"),
        (6_900_000, "1 h 55 m"),
        (273_600_000, "3 d 04 h"),
    ],
)
def test_a_duration_is_said_in_two_units(ms: int, said: str) -> None:
    assert plain(words.duration(ms)) == said


def test_a_missing_duration_is_no_word() -> None:
    assert words.duration(None) == ""


@pytest.mark.parametrize(
    ("share", "said"), [(1.0, "100 %"), (0.9999, "99.9 %"), (0.938, "93.8 %"), (0.0, "0.0 %")]
)
def test_a_share_is_never_rounded_up_to_a_hundred(share: float, said: str) -> None:
    assert plain(words.percent(share)) == said


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.582, "share", "58.2 %"),
        (1.8e9, "bytes", "1.8 GB"),
        (1.4, "ms", "1.4 ms"),
        (0.034, "ms", "0.034 ms"),
        (340.7, "ms", "341 ms"),
        (12_400.0, "ms", "12.4 s"),
        (12.0, "s", "12 s"),
        (3_700.0, "s", "1 h 01 m"),
        (9.0, "days", "9.0 days"),
        (365.0, "days", "over a year"),
        (2.0, "reads", "2 reads"),
        (1_200.0, "", "1 200"),
        (-3.5, "C", "-3.5 C"),
        (1.0, "fault", ""),
        (None, "ms", ""),
    ],
)
def test_a_reading_is_said_in_its_unit(value: float | None, unit: str, said: str) -> None:
    assert plain(words.reading(value, unit)) == said


def test_today_has_no_date_this_week_a_day_and_later_a_date() -> None:
    zone = words.zone_named("UTC")

    assert len(plain(words.clock(NOW_MS, zone, NOW_MS))) == len("12:30")
    assert plain(words.clock(NOW_MS + 2 * DAY_MS, zone, NOW_MS)).count(" ") == 1
    assert plain(words.clock(NOW_MS + 30 * DAY_MS, zone, NOW_MS)).count(" ") == 2


def test_times_follow_the_switch() -> None:
    assert str(words.zone_for(words.TASK_TIMES, "Pacific/Auckland")) == "Pacific/Auckland"
    assert str(words.zone_for(words.UTC_TIMES, "Pacific/Auckland")) == "UTC"
    assert words.zone_for(words.LOCAL_TIMES, "Pacific/Auckland") is None


def test_an_unknown_zone_is_shown_in_utc() -> None:
    assert str(words.zone_named("Mars/Olympus")) == "UTC"


def test_a_zone_says_its_distance() -> None:
    assert words.zone_words("Pacific/Auckland", NOW_MS).endswith("(UTC+13)")
    assert words.zone_words("UTC", NOW_MS) == "UTC"


def test_thousands_are_parted_and_sizes_have_units() -> None:
    assert plain(words.count(2484)) == "2 484"
    assert plain(words.size(412_000_000)) == "412 MB"
    assert plain(words.size(1_800_000_000)) == "1.8 GB"


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 tasks"), (1, "1 task"), (2, "2 tasks"), (1200, "1 200 tasks")]
)
def test_one_is_not_many(number: int, said: str) -> None:
    assert plain(words.plural(number, "task", "tasks")) == said


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (400, "1 second"),
        (38_400, "38 seconds"),
        (240_000, "4 minutes"),
        (3_500_000, "58 minutes"),
        (7_300_000, "2 hours"),
        (604_800_000, "7 days"),
    ],
)
def test_titles_name_spans_in_one_round_unit(ms: int, said: str) -> None:
    assert words.round_span(ms) == said
