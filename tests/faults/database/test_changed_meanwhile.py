"""A task is switched off by hand while no agent serves: what was due before is accounted for."""

import sqlite3
import time
from contextlib import closing

import pytest

from tests.journeys.household import Household, until

TASK = "often"


def write(household: Household, statement: str) -> None:
    with closing(sqlite3.connect(household.home.database_file)) as raw, raw:
        assert raw.execute(statement).rowcount == 1


@pytest.mark.parametrize("how", ["by hand", "its version was lost"])
def test_what_was_due_before_a_task_was_found_switched_off_is_recorded(
    household: Household, how: str
) -> None:
    household.apply(f'task_name = "{TASK}"\nschedule = "@every 1s"\ncommand = "true"')
    agent = household.serve()
    household.wait_for(TASK, "success", count=2)
    if how != "by hand":
        household.cli("tasks", "disable", TASK)
    assert household.stop(agent) == 0
    stopped_s = time.time()
    if how == "by hand":
        write(household, "UPDATE smart_cron_tasks_config SET enabled = 0")
    else:
        # As where the page that it lay on was damaged.
        write(household, "DELETE FROM smart_cron_task_versions WHERE enabled = 0")
    until(lambda: time.time() > stopped_s + 3, "moments that nobody decides")

    agent = household.serve()
    until(
        lambda: household.runs(TASK, "missed", reason="agent_down"),
        "what was due while no agent served",
    )
    assert household.stop(agent) == 0

    checked = household.check()
    assert (checked["missing"], checked["doubled"], checked["exit_status"]) == (0, 0, 0), checked
