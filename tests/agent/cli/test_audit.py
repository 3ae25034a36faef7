"""Commands about who asked for what: list it, prove that nobody has changed it."""

import os
import sqlite3
from contextlib import closing

from tests.journeys.household import Household

TASK = 'task_name = "a"\nschedule = "0 7 * * *"\ncommand = "true"'


def test_a_change_by_command_line_is_written_down_with_who_what_and_result(
    household: Household,
) -> None:
    household.apply(TASK)
    household.cli("tasks", "pause", "a", "--reason", "works")
    refused = household.run("tasks", "pause", "nobody")

    rows = household.json("audit", "list")

    assert refused.returncode != 0
    assert [(row["type"], row["target"], row["code"]) for row in rows[:2]] == [
        ("tasks pause", "nobody", "not_found"),
        ("tasks pause", "a", "ok"),
    ]
    assert rows[1]["key_id"] == f"uid:{os.getuid()}"
    assert rows[1]["before"] != rows[1]["after"]
    assert "works" in rows[1]["args"]
    assert rows[-1]["type"] == "tasks apply"


def test_questions_are_not_written_down(household: Household) -> None:
    household.cli("tasks", "list")
    household.cli("cleanup", "--dry-run")

    assert household.json("audit", "list") == []


def test_a_secret_in_an_argument_is_masked(household: Household) -> None:
    household.home.secrets_file.write_text('PLANTED = "planted-value-4711"\n')
    household.home.secrets_file.chmod(0o600)
    household.apply(TASK)

    household.cli("tasks", "pause", "a", "--reason", "it is planted-value-4711")

    assert "planted-value" not in household.cli("audit", "list", "--json")


def test_an_edit_of_the_database_is_found_and_ends_with_1(household: Household) -> None:
    household.apply(TASK)
    household.cli("tasks", "pause", "a")
    assert household.json("audit", "verify")["is_whole"]
    with closing(sqlite3.connect(household.home.database_file)) as raw, raw:
        raw.execute("UPDATE smart_cron_audit SET label = 'somebody' WHERE action = 'tasks pause'")

    said = household.run("audit", "verify")

    assert said.returncode == 1
    assert "row 2: was edited" in said.stdout


def test_a_tail_that_was_cut_off_is_found_by_what_stands_in_the_home(household: Household) -> None:
    household.apply(TASK)
    with closing(sqlite3.connect(household.home.database_file)) as raw, raw:
        (before,) = raw.execute(
            "SELECT value FROM smart_cron_state WHERE name = 'audit_head'"
        ).fetchone()
    household.cli("tasks", "pause", "a")
    with closing(sqlite3.connect(household.home.database_file)) as raw, raw:
        raw.execute("DELETE FROM smart_cron_audit WHERE action = 'tasks pause'")
        raw.execute("UPDATE smart_cron_state SET value = ? WHERE name = 'audit_head'", (before,))

    said = household.run("audit", "verify")

    assert said.returncode == 1
    assert "cut off" in said.stdout


def test_commands_over_the_wire_and_of_the_command_line_are_one_chain(
    household: Household,
) -> None:
    household.apply(TASK)
    household.serve()
    household.cli("tasks", "run", "a")
    household.cli("tasks", "pause", "a")

    found = household.json("audit", "verify")
    rows = household.json("audit", "list")

    assert found["is_whole"]
    assert found["end_is_proved"]
    assert {"run.start", "tasks run", "tasks pause", "tasks apply"} <= {row["type"] for row in rows}
    assert [row["number"] for row in rows] == list(range(len(rows), 0, -1))


def test_what_a_damaged_anchor_proves_no_more_is_told(household: Household) -> None:
    household.apply(TASK)
    household.home.root.joinpath("audit.anchor").write_bytes(b'{"last":[1,"\xff"]}')

    refused = household.run("audit", "verify")
    household.cli("tasks", "pause", "a")
    said = household.cli("audit", "verify")

    assert refused.returncode == 1
    assert "cannot be read" in refused.stderr
    assert "audit.anchor.damaged-" in said
    assert "no end of the chain is proved" in said
