"""Which run somebody means."""

from functools import partial

import pytest

from agent.cli.meant import run_meant
from agent.errors import RunNotFound, WrongUse
from agent.store import ledger, tasks
from agent.store.database import Database
from tests.agent.store.conftest import sqlite_database, sqlite_url
from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_run, a_task
from tests.journeys.household import Household

__all__ = ["sqlite_database", "sqlite_url"]
IDS = ("01M8BGQM3TAMBYPZB96N9FPSRA", "01M8BGQM3TAMBYPZB96N9FPSRB", "01M8BGQNH65CYENBSHW7AFPSRA")


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    sqlite_database.write_now(
        partial(tasks.register, definitions=[a_task(), a_task("dump")], who="", why="", now_ms=0)
    )
    runs = [
        a_run(NOW_MS + number * MINUTE_MS, id=run_id, task_name=name)
        for number, (run_id, name) in enumerate(zip(IDS, ("dump", "backup", "dump"), strict=True))
    ]
    sqlite_database.write_now(partial(ledger.claim, runs=runs, now_ms=NOW_MS))
    return sqlite_database


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (IDS[0], IDS[0]),
        (IDS[1].lower(), IDS[1]),
        ("PSRB", IDS[1]),
        ("n9fpsra", IDS[0]),
        ("dump", IDS[2]),
        ("backup", IDS[1]),
    ],
)
def test_an_id_its_end_and_a_task_name_a_run(database: Database, text: str, meant: str) -> None:
    assert run_meant(database, text).id == meant


def test_what_names_none_or_several_is_refused(database: Database) -> None:
    with pytest.raises(RunNotFound, match="'dumpp'"):
        run_meant(database, "dumpp")
    with pytest.raises(RunNotFound):
        run_meant(database, "0" * 26)
    with pytest.raises(WrongUse, match="its last 4 letters"):
        run_meant(database, "SRA")
    with pytest.raises(WrongUse, match="2 runs end so"):
        run_meant(database, "PSRA")


def test_the_newest_run_of_a_task_is_shown_read_and_tried_again_by_its_name(
    household: Household,
) -> None:
    household.apply('task_name = "greet"\nschedule = "0 0 1 1 *"\ncommand = "echo hello; exit 3"')
    household.serve()
    household.cli("tasks", "run", "greet")
    run = household.wait_for("greet", "error")[0]

    assert household.json("runs", "show", "greet")["run"]["id"] == run.id
    assert household.cli("runs", "log", run.id[-6:].lower()) == "hello\n"
    again = household.json("runs", "retry", "greet")["run_id"]
    assert household.json("runs", "show", again)["run"]["task_name"] == "greet"
