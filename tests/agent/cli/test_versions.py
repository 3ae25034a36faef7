"""Commands about the versions of a task: what it was when and by whom, and back to one of them."""

import pytest

from schema.tables import task_versions
from tests.journeys.household import Household

NIGHTLY = 'task_name = "report"\nschedule = "0 3 * * *"\ncommand = "true"'
WEEKLY = 'task_name = "report"\nschedule = "0 3 * * 0"\ncommand = "true"\nmax_retries = 2'


@pytest.fixture
def changed(household: Household) -> Household:
    """A home with a task that was nightly, and is weekly and paused now."""
    household.apply(NIGHTLY)
    household.apply(WEEKLY)
    household.cli("tasks", "pause", "report", "--reason", "works")
    return household


def test_the_history_tells_when_by_whom_why_and_what(changed: Household) -> None:
    said = changed.cli("tasks", "history", "report").splitlines()
    found = changed.json("tasks", "history", "report")

    assert [line.split()[1] for line in said if line.startswith("version")] == ["2", "2", "1"]
    assert "works" in said[0]
    assert said[1:2] == ["    + paused = true"]
    assert '    - schedule = "0 3 * * *"' in said
    assert '    + schedule = "0 3 * * 0"' in said
    assert "    + max_retries = 2" in said
    assert [one["version"] for one in found] == [2, 2, 1]
    assert found[1]["changes"][0] == {
        "field": "schedule",
        "old": "0 3 * * *",
        "new": "0 3 * * 0",
    }
    assert all(one["changed_by"] for one in found)


def test_versions_that_cannot_be_read_are_counted_and_hide_no_older_ones(
    changed: Household,
) -> None:
    broken = task_versions.update().where(task_versions.c.def_rev == 2).values(definition={})
    changed.database.write_now(lambda held: held.execute(broken))

    newest = changed.run("tasks", "history", "report", "--limit", "1")
    said = changed.run("tasks", "history", "report")

    assert newest.returncode == 0
    assert "1 change cannot be read" in newest.stdout
    assert "there are older ones" in newest.stdout
    assert "2 changes cannot be read" in said.stdout
    assert "version 1 " in said.stdout
    assert "older ones" not in said.stdout
    assert [one["version"] for one in changed.json("tasks", "history", "report")] == [1]


def test_going_back_is_a_new_version_that_is_written_down_and_leaves_a_pause(
    changed: Household,
) -> None:
    asked = changed.run("tasks", "revert", "report", "--to", "1")
    assert asked.returncode != 0, "nobody has answered"
    assert '+ schedule = "0 3 * * *"' in asked.stdout
    assert changed.json("tasks", "show", "report")["version"] == 2

    said = changed.cli("tasks", "revert", "report", "--to", "1", "--yes", "--why", "too rare")

    shown = changed.json("tasks", "show", "report")
    assert "report is version 1 again, as version 3" in said
    assert (shown["definition"]["schedule"], shown["definition"]["max_retries"]) == (
        ["0 3 * * *"],
        0,
    )
    assert (shown["version"], shown["state"]) == (3, "paused")
    newest = changed.json("tasks", "history", "report", "--limit", "1")[0]
    assert newest["why"] == "back to version 1: too rare"
    rows = changed.json("audit", "list")
    assert [(row["type"], row["target"], row["code"]) for row in rows[:2]] == [
        ("tasks revert", "report", "ok"),
        ("tasks revert", "report", "stopped"),
    ]


def test_a_dry_run_says_what_would_change_and_changes_nothing(changed: Household) -> None:
    said = changed.cli("tasks", "revert", "report", "--to", "1", "--dry-run")

    assert '    - schedule = "0 3 * * 0"' in said
    assert "nothing was changed" in said
    assert changed.json("tasks", "show", "report")["version"] == 2


def test_what_is_no_older_version_is_refused_with_those_there_are(changed: Household) -> None:
    unknown = changed.run("tasks", "revert", "report", "--to", "7", "--yes")
    same = changed.run("tasks", "revert", "report", "--to", "2", "--yes")

    assert unknown.returncode == same.returncode == 2
    assert "there is 1, 2" in unknown.stderr
    assert "is that already" in same.stderr


def test_a_task_that_was_removed_comes_back_disabled(changed: Household) -> None:
    changed.cli("tasks", "remove", "report", "--yes")
    assert "was removed" in changed.cli("tasks", "history", "report")

    said = changed.cli("tasks", "revert", "report", "--to", "2", "--yes")

    assert "disabled" in said
    (task,) = changed.json("tasks", "list")
    assert (task["task_name"], task["state"]) == ("report", "disabled")
