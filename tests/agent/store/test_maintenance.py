"""How the database is kept small and sound."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from agent.errors import StorageError
from agent.runs import Run
from agent.store import ledger, maintenance, state, tasks
from agent.store.database import Database
from tests.agent.store.makings import NOW_MS, a_run, a_task, ended


def put(database: Database, runs: list[Run]) -> None:
    def write(connection: Connection) -> None:
        definitions = [a_task(name) for name in {run.task_name for run in runs}]
        tasks.register(connection, definitions, who="me", why="", now_ms=NOW_MS)
        ledger.claim(connection, runs, now_ms=NOW_MS)

    database.write_now(write)


def test_upkeep_gives_free_pages_back(sqlite_database: Database) -> None:
    sqlite_database.write_now(partial(state.put, name="big", value="x" * 2_000_000, now_ms=NOW_MS))
    full = sqlite_database.read_now(maintenance.size_bytes)
    sqlite_database.write_now(partial(state.put, name="big", value="", now_ms=NOW_MS))

    left = [sqlite_database.write_now(maintenance.free_pages) for _ in range(4)]
    assert left[-1] == 0
    assert left == sorted(left, reverse=True), "a few pages at a time"

    assert sqlite_database.read_now(maintenance.size_bytes) < full / 2
    assert sqlite_database.read_now(maintenance.problems) == ()


def test_damage_inside_the_file_is_found(sqlite_url: str) -> None:
    database = Database.open(sqlite_url)
    put(database, [ended(a_run(NOW_MS + n)) for n in range(300)])
    database.close()
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as raw:
        page = raw.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_smart_cron_executions_started_at'"
        ).fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096 + 8)
        file.write(b"\xff" * 64)

    database = Database.open(sqlite_url)
    found: list[str] = []
    try:
        found.extend(database.read_now(maintenance.problems))
    except StorageError as error:
        found.append(str(error))
    database.close()

    assert found


def test_the_planner_learns_and_tables_are_written_anew_while_in_use(database: Database) -> None:
    put(database, [ended(a_run(NOW_MS + n)) for n in range(300)])

    database.write_now(maintenance.analyze)
    database.write_now(partial(maintenance.optimize, table="smart_cron_executions"))

    assert database.read_now(maintenance.count_rows)["smart_cron_executions"] == 300
