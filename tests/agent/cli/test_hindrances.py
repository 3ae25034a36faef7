"""`tasks check` and `tasks apply` say which tasks could not start on this host now."""

from pathlib import Path

from tests.journeys.household import Household

TASKS = """
[[task]]
task_name = "fine"
schedule = "@daily"
command = "true"
nice = 5

[[task]]
task_name = "foreign"
schedule = "@daily"
command = "true"
run_as = "nosuchuser"

[[task]]
task_name = "elsewhere"
schedule = "@daily"
command = "/usr/bin/env"
"""


def written(household: Household) -> str:
    file = household.root / "tasks.toml"
    file.write_text(TASKS)
    return str(file)


def test_a_check_warns_of_what_this_host_cannot_keep_and_is_good_all_the_same(
    household: Household,
) -> None:
    file = written(household)

    said = household.cli("tasks", "check", file)
    found = household.json("tasks", "check", file)

    assert "✓ foreign" in said
    assert (
        "! foreign cannot start on this host now: run_as = 'nosuchuser': this host has no such user"
    ) in said
    assert "! fine" not in said
    assert found["ok"] is True
    assert list(found["warnings"]) == ["foreign"]


def test_allowed_roots_are_told_of_before_a_run(household: Household) -> None:
    with household.home.settings_file.open("a") as settings:
        settings.write('allowed_roots = ["/opt/company"]\n')

    found = household.json("tasks", "apply", written(household))

    assert set(found["added"]) == {"fine", "foreign", "elsewhere"}
    assert "lies under none of allowed_roots (/opt/company)" in found["warnings"]["elsewhere"]


def test_a_root_that_is_no_folder_from_the_top_on_is_refused(household: Household) -> None:
    with household.home.settings_file.open("a") as settings:
        settings.write('allowed_roots = ["scripts"]\n')

    done = household.run("tasks", "list")

    assert done.returncode == 2
    assert "allowed_roots = 'scripts': write folders from / on, without `..`" in done.stderr


def test_a_file_can_be_checked_where_there_is_no_home(bare: Household, tmp_path: Path) -> None:
    file = tmp_path / "tasks.toml"
    file.write_text(TASKS)

    assert bare.json("tasks", "check", str(file))["warnings"] == {}
