"""The database's file is set back to an older copy: what has run since does not run again."""

import shutil
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from agent.store import state
from agent.store.standby import Copy
from tests.journeys.household import Household, until

OPEN_ENDED = "sleeps"


def truth_of(household: Household) -> Path:
    """A task that runs each second, and one that lives on; where they say so."""
    truth = household.root / "truth"
    truth.touch()
    said = f'echo "$SMARTCRON_TASK $SMARTCRON_SCHEDULED_FOR" >> {truth}'
    household.apply(
        'task_name = "often"\nschedule = "@every 1s"\nmissed = "all"\noverlap = "allow"\n'
        f"shell = \"always\"\ncommand = '''{said}'''",
        f'task_name = "{OPEN_ENDED}"\nschedule = "@every 3s"\nmissed = "all"\n'
        f"shell = \"always\"\ncommand = '''{said}; sleep 12; exit 7'''",
    )
    return truth


def copy_of(household: Household) -> Path:
    older = household.root / "older"
    with (
        closing(sqlite3.connect(household.home.database_file)) as source,
        closing(sqlite3.connect(older)) as copy,
    ):
        source.backup(copy)
    return older


def set_back_under(household: Household, agent: subprocess.Popen[bytes], older: Path) -> None:
    """So quickly that the living agent never finds no file, or half of one."""
    with household.standing_still(agent):
        set_back(household, older)


def set_back(household: Household, older: Path) -> None:
    """As `cp` does it, or whoever puts a snapshot of the volume back."""
    household.forget_database()
    file = household.home.database_file
    for part in file.parent.glob(f"{file.name}*"):
        part.unlink()
    shutil.copy(older, file)
    file.chmod(0o600)


def lines(truth: Path) -> int:
    return len(truth.read_text().splitlines())


@pytest.mark.parametrize("how", ["stopped", "killed", "under the living agent"])
def test_what_ran_since_an_older_copy_was_made_does_not_run_again_and_its_loss_is_told(
    household: Household, how: str
) -> None:
    truth = truth_of(household)
    agent = household.serve()
    household.wait_for("often", "success", count=3)
    older = copy_of(household)
    copied = lines(truth)
    until(lambda: lines(truth) > copied + 8, "runs after the copy")

    if how == "stopped":
        household.stop(agent)
    elif how == "killed":
        household.kill(agent)
    if how == "under the living agent":
        set_back_under(household, agent, older)
    else:
        set_back(household, older)
        before = household.run("ledger", "check")
        assert before.returncode == 1
        assert "an older copy" in before.stdout + before.stderr
        agent = household.serve()
    told = until(
        lambda: [
            alert
            for alert in household.json("alerts", "list")
            if alert["kind"] == "database_set_back"
        ],
        "the alert",
    )
    put_back = lines(truth)
    until(lambda: lines(truth) > put_back + 3, "runs that go on")
    household.cli("tasks", "disable", "often", OPEN_ENDED)
    until(lambda: not household.live(), "the end of every run")
    assert household.stop(agent) == 0

    started = Counter(truth.read_text().splitlines())
    assert {line for line, count in started.items() if count > 1} == set(), "ran twice"
    checked = household.check()
    assert (checked["missing"], checked["doubled"], checked["exit_status"]) == (0, 0, 0), checked
    assert checked["rows_lost"] > 0, "that rows were lost is not told"
    lost = household.runs("often", "missed", reason="row_lost")
    assert sum(run.missed_count for run in lost) >= 5
    assert told[0]["severity"] == "critical"
    assert household.database.read_now(state.decided_until) is not None
    # What lived then is known still, with its true end.
    assert 7 in {run.exit_status for run in household.runs(OPEN_ENDED, "error")}


def test_what_the_tasks_were_in_the_older_copy_they_are_for_the_living_agent_too(
    household: Household,
) -> None:
    truth = truth_of(household)
    agent = household.serve()
    household.wait_for("often", "success")
    older = copy_of(household)
    household.cli("tasks", "disable", "often", OPEN_ENDED)
    until(lambda: not household.live(), "the end of every run")
    ran = lines(truth)

    set_back_under(household, agent, older)

    until(lambda: lines(truth) > ran, "a run of a task that is enabled in the older copy")


def test_a_database_that_is_taken_as_the_backup_was_is_not_taken_for_one_set_back(
    household: Household,
) -> None:
    truth = truth_of(household)
    agent = household.serve()
    until(lambda: lines(truth) > 3, "runs before the backup")
    household.cli("db", "backup")
    until(lambda: lines(truth) > 8, "runs after it")
    household.cli("tasks", "disable", "often", OPEN_ENDED)
    until(lambda: not household.live(), "the end of every run")
    household.stop(agent)
    household.forget_database()

    (backup,) = household.home.backups.glob("*.sqlite3")
    household.cli("db", "restore", backup.name, "--yes", "--as-it-was")
    checked = household.check()

    assert checked["exit_status"] == 0
    assert checked["rows_lost"] == 0


@pytest.mark.parametrize("status", ["queued", "starting", "retry_wait"])
def test_what_waited_when_the_last_list_of_runs_was_made_does_not_run_again(
    household: Household, status: str
) -> None:
    truth = truth_of(household)
    agent = household.serve()
    household.wait_for("often", "success")
    older = copy_of(household)
    ran = household.wait_for("often", "success", count=len(household.runs("often")) + 1)
    household.kill(agent)
    # The list of what is not over is made some time after each change: this one had it still.
    waited = msgspec.structs.replace(
        ran[-1],
        status=status,
        started_ms=None,
        ended_ms=None,
        retry_at_ms=ran[-1].queued_ms if status == "retry_wait" else None,
    )
    listed = Copy(household.home.journal_file.parent)
    listed.keep_runs((*listed.read_runs(), waited))
    set_back(household, older)

    agent = household.serve()
    put_back = lines(truth)
    until(lambda: lines(truth) > put_back + 1, "runs that go on")
    household.cli("tasks", "disable", "often", OPEN_ENDED)
    until(lambda: not household.live(), "the end of every run")
    assert household.stop(agent) == 0

    started = Counter(truth.read_text().splitlines())
    assert {line for line, count in started.items() if count > 1} == set(), "ran twice"
    assert household.check()["exit_status"] == 0
