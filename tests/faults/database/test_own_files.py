"""Damaged files of the agent's own: it serves all the same, and nothing runs a second time."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from agent.store import journal
from tests.faults.database.test_made_whole import alerts, lines
from tests.journeys.household import Household, until


def counted(household: Household) -> Path:
    """A task that writes down each due moment of which it runs, and makes up for all it missed."""
    truth = household.root / "truth"
    truth.touch()
    household.apply(
        'task_name = "often"\nschedule = "@every 1s"\nshell = "always"\noverlap = "allow"\n'
        'missed = "all"\ncatchup_limit = 1000\n'
        f"command = '''echo $SMARTCRON_SCHEDULED_FOR >> {truth}'''"
    )
    return truth


@contextmanager
def held(household: Household) -> Iterator[None]:
    """Another program holds the database, so that the journal alone knows what happens."""
    household.forget_database()
    with closing(sqlite3.connect(household.home.database_file, isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout = 60000")
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def spoil_journal(household: Household) -> None:
    """Overwrite what lies behind its first pages, of which an agent has died."""
    file = household.home.journal_file
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    body = file.read_bytes()
    file.write_bytes(body[: 4096 * 4] + b"nonsense" * ((len(body) - 4096 * 4) // 8))


def test_what_only_a_damaged_journal_knew_does_not_run_again(household: Household) -> None:
    truth = counted(household)
    agent = household.serve()
    until(lambda: lines(truth) > 2, "some runs")
    with held(household):
        before = lines(truth)
        until(lambda: lines(truth) > before + 12, "runs of which the journal alone knows")
        household.kill(agent)
    until(lambda: not household.run_processes(), "the end of every run")
    assert journal.look(household.home.journal_file).number > 20
    spoil_journal(household)
    before = lines(truth)

    again = household.serve()

    until(lambda: lines(truth) > before + 3, "runs again")
    assert until(lambda: alerts(household, "database_set_back"), "the alert")
    assert household.stop(again) == 0
    checked = household.check()
    assert (checked["missing"], checked["doubled"], checked["exit_status"]) == (0, 0, 0), checked
    ran = truth.read_text().split()
    assert len(ran) == len(set(ran)), "ran twice"
    assert list(household.home.journal_file.parent.glob("journal.sqlite3.damaged-*"))


@pytest.mark.parametrize("name", ["data/standby.runs", "data/decided", "pings/0-a.json"])
@pytest.mark.parametrize("body", [b"\xff\xfe", b"\xa1\xff", b'{"op":"\xff"}', b"[" * 20_000])
def test_an_agent_begins_whatever_stands_in(household: Household, name: str, body: bytes) -> None:
    path = household.root / name
    path.write_bytes(body)

    said = household.cli("tick", "--one-shot")

    assert "No errors" in said
