"""What does `status` end with?"""

from typing import Any

import msgspec
import pytest

from agent.cli.watch import Picture
from tests.journeys.household import Household, until

GOOD = 'task_name = "good"\nschedule = []\ncommand = "true"'
BAD = 'task_name = "bad"\nschedule = []\ncommand = "exit 3"'
WELL = Picture(
    at_ms=0,
    home="/h",
    serving=True,
    beat_age_ms=0,
    tasks=(),
    running=(),
    recent=(),
    alerts=0,
    attention=(),
)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 0),
        ({"attention": ("failing: a",)}, 1),
        ({"serving": False, "attention": ("failing: a",)}, 2),
    ],
)
def test_the_exit_status_says_how_it_stands(fields: dict[str, Any], status: int) -> None:
    assert msgspec.structs.replace(WELL, **fields).exit_status == status


def test_status_ends_with_2_where_no_agent_serves_and_tells_of_one_that_was_stopped(
    household: Household,
) -> None:
    household.apply(GOOD)
    assert household.run("status").returncode == 2

    agent = household.serve()
    household.cli("stop", "--why", "new disks")
    agent.wait(60)
    said = household.run("status")

    assert said.returncode == 2
    assert "no agent serves" in said.stdout
    assert "new disks" in said.stdout


def test_what_fails_needs_attention_until_somebody_takes_it_off_the_schedule(
    household: Household,
) -> None:
    def attention() -> list[str]:
        """What the host itself needs, such as room on its disk, is nothing to this test."""
        said = household.run("status", "--json")
        found: list[str] = msgspec.json.decode(said.stdout)["attention"]
        assert said.returncode == (1 if found else 0)
        return [words for words in found if "alert" not in words]

    household.apply(GOOD, BAD)
    household.serve()
    until(lambda: attention() == [], "the first beat of the agent")

    household.cli("tasks", "run", "bad")
    household.wait_for("bad", "error")
    assert attention() == ["failing: bad"]

    household.cli("tasks", "disable", "bad")
    assert attention() == []
