"""How the database is kept small, sound and safe."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from agent.errors import StorageError
from agent.runs import Run
from agent.store import ledger, maintenance, state, tasks
from agent.store.database import Database
from agent.store.maintenance import DAY_MS, SLICE, Ages
from tests.agent.store.makings import NOW_MS, a_run, a_task, ended

AGES = Ages(success_days=10, failure_days=20, keep_runs=3)


def put(database: Database, runs: list[Run]) -> None:
    def write(connection: Connection) -> None:
        definitions = [a_task(name) for name in {run.task_name for run in runs}]
        tasks.register(connection, definitions, who="me", why="", now_ms=NOW_MS)
        ledger.claim(connection, runs, now_ms=NOW_MS)

    database.write_now(write)


def clean(database: Database, now_ms: int = NOW_MS) -> list[int]:
    """Clean up slice by slice; the size of each."""
    slices = []
    while True:
        slices.append(
            database.write_now(partial(maintenance.delete_slice, ages=AGES, now_ms=now_ms))
        )
        if not slices[-1]:
            return slices


def left(database: Database) -> set[str]:
    page = database.read_now(partial(ledger.page, limit=1_000))
    return {run.id for run in page.runs}


def test_old_runs_go_by_the_age_of_their_kind(database: Database) -> None:
    old = {
        (status, days): ended(a_run(NOW_MS - days * DAY_MS - place * 60_000), status)
        for place, status in enumerate(("success", "skipped", "error", "lost"), start=1)
        for days in (9, 11, 21)
    }
    newest = [ended(a_run(NOW_MS - number)) for number in range(3)]
    put(database, [*old.values(), *newest])

    clean(database)

    kept = {key for key, run in old.items() if run.id in left(database)}
    assert kept == {
        ("success", 9),
        ("skipped", 9),
        ("error", 9),
        ("error", 11),
        ("lost", 9),
        ("lost", 11),
    }


def test_the_newest_runs_of_a_task_and_all_that_live_stay_whatever_their_age(
    database: Database,
) -> None:
    rare = [ended(a_run(NOW_MS - (400 + n) * DAY_MS, task_name="rare")) for n in range(5)]
    live = [
        a_run(NOW_MS - (500 + n) * DAY_MS, task_name="rare", status=status)
        for n, status in enumerate(("queued", "running", "retry_wait"))
    ]
    put(database, [*rare, *live])

    clean(database)

    assert left(database) == {run.id for run in (*rare[:3], *live)}


def test_much_goes_in_slices_so_that_others_get_their_turn(database: Database) -> None:
    put(database, [ended(a_run(NOW_MS - 30 * DAY_MS - n)) for n in range(2 * SLICE + 103)])

    assert clean(database) == [SLICE, SLICE, 100, 0]


def test_other_rows_go_by_age_too(database: Database) -> None:
    def fill(connection: Connection) -> None:
        for days in (1, 1_000):
            at = "2026-11-24" if days == 1 else "2020-01-01"
            connection.exec_driver_sql(
                f"INSERT INTO smart_cron_metrics VALUES ('cpu', '{at} 00:00:00.000', 1)"  # noqa: S608 - constants
            )

    database.write_now(fill)

    assert clean(database) == [1, 0]
    assert database.read_now(maintenance.count_rows)["smart_cron_metrics"] == 1


def test_upkeep_gives_free_pages_back(sqlite_database: Database) -> None:
    sqlite_database.write_now(partial(state.put, name="big", value="x" * 2_000_000, now_ms=NOW_MS))
    full = sqlite_database.read_now(maintenance.size_bytes)
    sqlite_database.write_now(partial(state.put, name="big", value="", now_ms=NOW_MS))

    assert sqlite_database.write_now(maintenance.maintain) == 0

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
