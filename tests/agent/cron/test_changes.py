"""Which changes of its clocks a zone has to come."""

from datetime import UTC, datetime

import pytest

from agent.cron.changes import Change, coming_changes


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_the_coming_changes_are_found_in_order() -> None:
    found = coming_changes("Europe/Berlin", ms("2026-11-24"), count=2)

    assert found == (
        Change(ms("2027-03-28T01:00"), 3600, 7200),
        Change(ms("2027-10-31T01:00"), 7200, 3600),
    )


def test_a_change_at_the_moment_itself_has_been_and_one_at_the_end_is_still_told() -> None:
    change_ms = ms("2027-03-28T01:00")

    assert coming_changes("Europe/Berlin", change_ms, until_ms=change_ms + 1) == ()
    assert len(coming_changes("Europe/Berlin", change_ms - 1, until_ms=change_ms)) == 1


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_a_zone_that_keeps_its_offset_has_none(zone: str) -> None:
    assert coming_changes(zone, ms("2026-11-24")) == ()


def test_half_an_hour_is_a_change_too() -> None:
    (change,) = coming_changes("Australia/Lord_Howe", ms("2026-11-24"), count=1)

    assert change.before_s - change.after_s == 1800
