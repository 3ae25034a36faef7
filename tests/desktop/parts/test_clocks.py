"""What a person writes as a time."""

from datetime import UTC, datetime

import pytest

from desktop import words
from desktop.parts.clocks import Zone

AUCKLAND = Zone(words.TASK_TIMES, "Pacific/Auckland")


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


NOW_MS = at("2026-11-24T00:00")  # 13:00 in Auckland


@pytest.mark.parametrize(
    ("text", "to_come", "meant"),
    [
        ("2026-11-30 06:00", True, "2026-11-29T17:00"),
        ("2026-11-30T06:00:30", True, "2026-11-29T17:00:30"),
        ("2026-11-30T06:00+00:00", True, "2026-11-30T06:00"),
        ("18:30", True, "2026-11-24T05:30"),
        ("06:00", True, "2026-11-24T17:00"),
        ("06:00", False, "2026-11-23T17:00"),
        ("18:30", False, "2026-11-23T05:30"),
    ],
)
def test_a_time_is_meant_on_the_clock_of_the_zone(text: str, to_come: bool, meant: str) -> None:
    assert AUCKLAND.read(text, NOW_MS, to_come=to_come) == at(meant)


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2026-11-30", "2026-02-30 06:00", "6"])
def test_what_is_no_time_is_not_guessed(text: str) -> None:
    assert AUCKLAND.read(text, NOW_MS, to_come=True) is None


def test_what_is_written_is_read_as_the_same_instant() -> None:
    for moment_ms in (NOW_MS, NOW_MS + 30_000):
        written = AUCKLAND.written(moment_ms)

        assert AUCKLAND.read(written, NOW_MS, to_come=True) == moment_ms


def test_tomorrow_is_the_next_day_of_the_zone_also_over_a_change_of_clocks() -> None:
    eve = at("2026-09-25T23:00")  # Saturday 11:00; the clocks go forward on Sunday at 02:00

    assert AUCKLAND.tomorrow(6, NOW_MS) == at("2026-11-24T17:00")
    assert AUCKLAND.tomorrow(6, eve) == at("2026-09-26T17:00")


def test_the_other_clocks_are_named() -> None:
    assert AUCKLAND.said == "Times in Pacific/Auckland"
    assert Zone(words.UTC_TIMES, "Pacific/Auckland").said == "Times in UTC"
    assert Zone(words.LOCAL_TIMES, "Pacific/Auckland").said == "Times of this machine"
