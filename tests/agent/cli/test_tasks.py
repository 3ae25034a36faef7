"""What do the commands about tasks say of them?"""

import pytest

from tests.journeys.household import Household

TASKS = (
    'task_name = "far"\nschedule = "30 2 * * *"\ntimezone = "Pacific/Apia"\ncommand = "true"',
    'task_name = "near"\nschedule = "30 2 * * *"\ntimezone = "UTC"\ncommand = "true"',
)


def test_a_schedule_names_its_zone_where_its_clocks_are_not_the_readers(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    household.apply(*TASKS)

    listed = household.cli("tasks", "list").splitlines()
    checked = household.cli("tasks", "check", str(household.root / "tasks.toml")).splitlines()

    for lines in (listed, checked):
        far, near = (next(line for line in lines if name in line) for name in ("far", "near"))
        assert "(Pacific/Apia)" in far
        assert "(" not in near
