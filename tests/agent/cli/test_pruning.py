"""The command that forgets tasks which are long over."""

from tests.journeys.household import Household

TASKS = (
    'task_name = "once"\nschedule = "@at 2026-01-01T00:00"\ncommand = "true"',
    'task_name = "first"\nschedule = "@at 2026-01-01T00:00"\ncommand = "true"',
    'task_name = "second"\nschedule = []\nafter = ["first"]\ncommand = "true"',
    'task_name = "boot"\nschedule = "@reboot"\ncommand = "true"',
    'task_name = "by_hand"\nschedule = []\ncommand = "true"',
    'task_name = "off"\nschedule = "@daily"\ncommand = "true"\nenabled = false',
)


def test_only_what_is_over_for_long_enough_and_needed_by_none_goes(household: Household) -> None:
    household.apply(*TASKS)

    assert household.json("tasks", "prune", "--yes")["removed"] == [], "all of them are young"
    listed = household.cli("tasks", "prune", "--older-than", "0s", "--disabled", "--dry-run")
    household.cli("tasks", "prune", "--older-than", "0s", "--yes")

    assert [line.split(":")[0].strip() for line in listed.splitlines()] == ["off", "once"]
    left = {one["task_name"] for one in household.json("tasks", "list")}
    assert left == {"first", "second", "boot", "by_hand", "off"}
    assert household.json("audit", "list")[0]["target"] == "once"


def test_it_asks_and_what_is_not_answered_stays(household: Household) -> None:
    household.apply(TASKS[0])

    asked = household.run("tasks", "prune", "--older-than", "0s")

    assert asked.returncode != 0
    assert "once: its last moment has passed" in asked.stdout
    assert len(household.json("tasks", "list")) == 1
