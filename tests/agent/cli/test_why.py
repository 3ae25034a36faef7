"""The command that says why a task ran at a moment, or why it did not."""

import pytest

from tests.journeys.household import Household

HOURLY = 'task_name = "x"\nschedule = "@hourly"\ntimezone = "Asia/Kolkata"\ncommand = "true"'


@pytest.mark.parametrize("moment", ["-1h", "08:00", "tomorrow 09:00", "2026-11-24T12:00"])
def test_a_moment_is_written_as_everywhere_and_meant_in_the_zone_of_the_task(
    household: Household, moment: str
) -> None:
    household.apply(HOURLY)

    said = household.cli("why", "x", moment)

    assert "(Asia/Kolkata)" in said
    assert "+05:30" in said
    if moment[0] != "-":
        assert f"T{moment[-5:]}:00+05:30" in said


def test_without_a_moment_it_is_the_newest_or_else_the_next(household: Household) -> None:
    household.apply(HOURLY, 'task_name = "hand"\nschedule = []\ncommand = "true"')

    coming = household.json("why", "x")
    nothing = household.run("why", "hand")

    assert coming["steps"][0]["code"] == "scheduled"
    assert nothing.returncode == 2
    assert "name a MOMENT" in nothing.stderr


def test_what_is_no_moment_is_refused_with_the_forms(household: Household) -> None:
    household.apply(HOURLY)

    said = household.run("why", "x", "someday")

    assert said.returncode == 2
    assert "is no moment; write one such as" in said.stderr
