"""How is a backup put in the place of the database, with a way back?"""

import gzip
import shutil
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from agent.definitions import Definition
from agent.errors import StorageError, WrongUse
from agent.proof import doubts, prove
from agent.runs import Run
from agent.store import backups, engines, fitness, holds, ledger, recount, restoring, state, tasks
from agent.store.database import Database
from agent.store.holds import Hold
from agent.store.rollups import DAY_MS
from schema.tables import VERSION_TABLE
from schema.tables import tasks as task_table
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run, a_task, end, ended
from tests.mariadb import Server

T = TypeVar("T")


def remembered(url: str) -> str | None:
    database = Database.open(url, migrate=False)
    try:
        return database.read_now(partial(state.get, name="note"))
    finally:
        database.close()


def note(url: str, text: str) -> None:
    database = Database.open(url)
    database.write_now(partial(state.put, name="note", value=text, now_ms=NOW_MS))
    database.close()


def back_up(url: str, folder: Path) -> backups.Backup:
    return backups.make(url, folder, now_ms=NOW_MS, prove=doubts)


def test_a_backup_takes_the_place_and_the_replaced_database_comes_back(
    url: str, tmp_path: Path
) -> None:
    note(url, "before")
    copy = back_up(url, tmp_path)
    note(url, "after")

    done = restoring.restore(copy, url, now_ms=NOW_MS + 1_000, prove=doubts)

    assert remembered(url) == "before"
    assert done.aside is not None
    if url.startswith("sqlite"):
        again = backups.described(Path(done.aside))
        assert stat.S_IMODE(again.path.stat().st_mode) == 0o600
        undone = restoring.restore(again, url, now_ms=NOW_MS + 2_000, prove=doubts)
    else:
        assert restoring.asides(url) == [done.aside]
        undone = restoring.put_back(done.aside, url, now_ms=NOW_MS + 2_000, prove=doubts)
    assert remembered(url) == "after"
    assert undone.aside != done.aside


def test_a_damaged_backup_leaves_the_database_as_it_was(url: str, tmp_path: Path) -> None:
    note(url, "before")
    copy = back_up(url, tmp_path)
    note(url, "after")
    content = copy.path.read_bytes()
    copy.path.write_bytes(content[: len(content) // 2])

    for told in (copy, backups.Backup(path=copy.path, source="smartcron", made_ms=0, size_bytes=0)):
        with pytest.raises(StorageError):
            restoring.restore(told, url, now_ms=NOW_MS + 1_000, prove=doubts)
        assert remembered(url) == "after"
        assert restoring.asides(url) == []


def test_a_restore_that_was_killed_between_two_files_is_told_with_the_way_back(
    sqlite_url: str, tmp_path: Path
) -> None:
    note(sqlite_url, "before")
    copy = back_up(sqlite_url, tmp_path)
    note(sqlite_url, "after")
    file = Path(str(make_url(sqlite_url).database))
    shutil.copyfile(copy.path, engines.ready_of(file))
    aside = restoring.set_aside(file, now_ms=NOW_MS)

    with pytest.raises(StorageError, match=f"cut off; .* db restore {aside}`"):
        Database.open(sqlite_url)

    assert not file.exists()
    kept = backups.described(aside)
    restoring.restore(kept, sqlite_url, now_ms=NOW_MS + 2_000, prove=doubts)
    assert remembered(sqlite_url) == "after"


def test_a_restore_that_was_killed_on_a_server_is_told_with_the_way_back(
    mariadb_url: str, tmp_path: Path
) -> None:
    note(mariadb_url, "long ago")
    copy = back_up(mariadb_url, tmp_path)
    restoring.restore(copy, mariadb_url, now_ms=NOW_MS + 500, prove=doubts)
    note(mariadb_url, "before")
    done = restoring.restore(copy, mariadb_url, now_ms=NOW_MS + 1_000, prove=doubts)
    with gzip.open(copy.path, "rt") as dump:
        *others, last = (line for line in dump if line.startswith("CREATE TABLE"))
    assert others
    assert VERSION_TABLE in last
    with backups.reached(make_url(mariadb_url)) as engine:  # as far as it came
        backups.run(engine, f"DROP TABLE {VERSION_TABLE}")

    with pytest.raises(StorageError, match=f"cut off; .* db restore {done.aside}`"):
        Database.open(mariadb_url)

    assert done.aside is not None
    restoring.put_back(done.aside, mariadb_url, now_ms=NOW_MS + 2_000, prove=doubts)
    assert remembered(mariadb_url) == "before"


def test_an_account_with_no_more_than_the_named_privileges_puts_a_backup_back(
    mariadb_url: str, mariadb_server: Server, tmp_path: Path
) -> None:
    note(mariadb_url, "before")
    name = mariadb_url.rpartition("/")[2]
    named = ", ".join((*fitness.TO_WORK, *fitness.TO_CHANGE))
    mariadb_server.say(
        "DROP USER IF EXISTS plain@'127.0.0.1'",
        "CREATE USER plain@'127.0.0.1'",
        f"GRANT {named} ON {name}.* TO plain@'127.0.0.1'",
    )
    url = mariadb_server.url(name, user="plain")
    copy = backups.make(url, tmp_path, now_ms=NOW_MS, prove=None)
    note(url, "after")

    restoring.restore(copy, url, now_ms=NOW_MS + 1_000, prove=doubts)

    assert remembered(url) == "before"


def test_a_table_that_comes_late_keeps_no_restore_from_being_undone(
    mariadb_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(mariadb_url, "before")
    copy = back_up(mariadb_url, tmp_path)
    tool, real = tmp_path / "bin" / "mariadb", shutil.which("mariadb")
    tool.parent.mkdir()
    # It leaves at once, and the server goes on for a while with what it was given.
    made = "CREATE TABLE IF NOT EXISTS smart_cron_events (id INTEGER)"
    tool.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exec {real} --version\n'
        f"(for n in $(seq 20); do {real} \"$@\" -e '{made}'; done) </dev/null &\nexit 1\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")

    with pytest.raises(StorageError, match="was not filled"):
        restoring.restore(copy, mariadb_url, now_ms=NOW_MS + 1_000, prove=doubts)

    assert remembered(mariadb_url) == "before"
    assert restoring.asides(mariadb_url) == []


def test_what_the_proof_cannot_bear_does_not_come_into_place(url: str, tmp_path: Path) -> None:
    note(url, "before")
    copy = back_up(url, tmp_path)
    note(url, "after")

    def prove(_restored: Database) -> str:
        raise StorageError("no ledger in it")

    with pytest.raises(StorageError, match="no ledger"):
        restoring.restore(copy, url, now_ms=NOW_MS + 1_000, prove=prove)

    assert remembered(url) == "after"


def test_a_damaged_database_is_kept_and_replaced(sqlite_url: str, tmp_path: Path) -> None:
    note(sqlite_url, "before")
    copy = back_up(sqlite_url, tmp_path)
    damaged = Path(sqlite_url.removeprefix("sqlite:///"))
    damaged.write_bytes(b"nonsense")

    done = restoring.restore(copy, sqlite_url, now_ms=NOW_MS, prove=doubts)

    assert remembered(sqlite_url) == "before"
    assert Path(done.aside or "").read_bytes() == b"nonsense"


def test_a_database_that_is_gone_is_simply_made_again(url: str, tmp_path: Path) -> None:
    note(url, "before")
    copy = back_up(url, tmp_path)
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).unlink()
        done = restoring.restore(copy, url, now_ms=NOW_MS, prove=doubts)
        assert done.aside is None
        assert remembered(url) == "before"


def test_a_backup_of_another_kind_or_database_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    note(sqlite_url, "before")
    shop = backups.make(sqlite_url, tmp_path, now_ms=NOW_MS, prove=None, source="shop")

    with pytest.raises(WrongUse, match="is a backup of 'shop'"):
        restoring.restore(shop, sqlite_url, now_ms=NOW_MS, prove=doubts)
    with pytest.raises(WrongUse, match="no backup of a MariaDB database"):
        restoring.restore(shop, "mysql+pymysql://x@127.0.0.1/y", now_ms=NOW_MS, prove=doubts)


def a_hold(task_name: str) -> Hold:
    return Hold(task_name=task_name, reason="tax audit", held_ms=NOW_MS, held_by="me")


def test_runs_since_the_backup_are_taken_over_and_run_no_second_time(
    url: str, tmp_path: Path
) -> None:
    lived = a_run(NOW_MS - 1_000, status="running")
    old = ended(a_run(NOW_MS - 2 * HOUR_MS))
    put(url, [old, lived], NOW_MS - 1_000)
    copy = back_up(url, tmp_path)
    since = ended(a_run(NOW_MS + MINUTE_MS))
    put(url, [since], NOW_MS + MINUTE_MS)
    change(url, partial(ledger.move, runs=[ended(lived)]))

    done = restoring.restore(copy, url, now_ms=NOW_MS + HOUR_MS, prove=doubts)

    runs = change(url, partial(ledger.page, limit=10)).runs
    assert done.carried == 2
    assert {run.id: run.status for run in runs} == dict.fromkeys(
        (old.id, lived.id, since.id), "success"
    )
    assert change(url, tasks.load_all)[0].watermark_ms == NOW_MS + MINUTE_MS
    assert change(url, state.decided_until) == NOW_MS + MINUTE_MS

    as_it_was = restoring.restore(
        copy, url, now_ms=NOW_MS + 2 * HOUR_MS, prove=doubts, carries=False
    )
    assert as_it_was.carried is None
    assert len(change(url, partial(ledger.page, limit=10)).runs) == 2


def test_the_figures_since_the_backup_are_taken_over_with_the_runs(
    url: str, tmp_path: Path
) -> None:
    def run_and_end(at_ms: int) -> None:
        run = a_run(at_ms)
        put(url, [run], at_ms)
        change(url, partial(end, run=ended(run, duration_ms=at_ms % 977)))

    for hours in (-30, -3, -1):
        run_and_end(NOW_MS + hours * HOUR_MS)
    copy = back_up(url, tmp_path)
    for hours in (1, 5, 26):
        run_and_end(NOW_MS + hours * HOUR_MS)

    restoring.restore(copy, url, now_ms=NOW_MS + 27 * HOUR_MS, prove=doubts)

    today_ms = NOW_MS - NOW_MS % DAY_MS
    days = partial(
        recount.differences, first_day_ms=today_ms - 2 * DAY_MS, last_day_ms=today_ms + 2 * DAY_MS
    )
    assert change(url, days) == []


def test_what_was_told_late_is_taken_over_with_its_figures(url: str, tmp_path: Path) -> None:
    runs = [a_run(NOW_MS - 5 * HOUR_MS + minute * MINUTE_MS) for minute in range(2)]
    told = [ended(run, duration_ms=90) for run in runs]
    put(url, runs[:1], NOW_MS - 5 * HOUR_MS)
    change(url, partial(end, run=told[0]))
    copy = back_up(url, tmp_path)  # when nothing could be written, and the local journal kept it
    put(url, runs[1:], NOW_MS)
    change(url, partial(end, run=told[1]))

    done = restoring.restore(copy, url, now_ms=NOW_MS + HOUR_MS, prove=doubts)

    assert done.carried == 1
    assert {run.id for run in change(url, partial(ledger.page, limit=10)).runs} == {
        run.id for run in runs
    }
    today_ms = NOW_MS - NOW_MS % DAY_MS
    days = partial(recount.differences, first_day_ms=today_ms - DAY_MS, last_day_ms=today_ms)
    assert change(url, days) == []


def test_what_is_held_since_the_backup_stays_held(url: str, tmp_path: Path) -> None:
    put(url, [ended(a_run(NOW_MS, task_name=name)) for name in ("backup", "sync")], NOW_MS)
    change(url, partial(holds.hold, wanted=a_hold("backup")))
    copy = back_up(url, tmp_path)
    change(url, partial(holds.hold, wanted=a_hold("sync")))

    restoring.restore(copy, url, now_ms=NOW_MS + HOUR_MS, prove=doubts)

    assert change(url, holds.held) == {name: a_hold(name) for name in ("backup", "sync")}


def test_the_ledger_is_proved_by_what_was_in_force_between_backup_and_restore(
    url: str, tmp_path: Path
) -> None:
    def apply(at_ms: int, *definitions: Definition) -> None:
        change(url, partial(tasks.apply, definitions=definitions, who="me", why="", now_ms=at_ms))

    # On the backup each half hour, then each hour; another task comes, and goes with the restore.
    begins_ms = NOW_MS - NOW_MS % HOUR_MS
    often = a_task("pump", schedule=("0,30 * * * *",))
    apply(begins_ms - 1, often)
    copy = back_up(url, tmp_path)
    hourly = ("0 * * * *",)
    apply(begins_ms + MINUTE_MS, a_task("pump", schedule=hourly), a_task("new", schedule=hourly))
    restored_ms = begins_ms + 2 * HOUR_MS + MINUTE_MS
    until_ms = begins_ms + 4 * HOUR_MS
    hours = range(begins_ms + HOUR_MS, restored_ms, HOUR_MS)
    runs = [ended(a_run(at_ms, task_name=name)) for at_ms in hours for name in ("pump", "new")]
    put(url, [ended(a_run(begins_ms, task_name="pump")), *runs], restored_ms)

    restoring.restore(copy, url, now_ms=restored_ms, prove=doubts)

    half_hours = range(restored_ms + 29 * MINUTE_MS, until_ms + 1, HOUR_MS // 2)
    put(url, [ended(a_run(at_ms, task_name="pump")) for at_ms in half_hours], until_ms)
    database = Database.open(url)
    found = prove(database, begins_ms - 1, until_ms)
    (pump,) = [row for row in database.read_now(tasks.load_all) if row.task_name == "pump"]
    versions = database.read_now(partial(tasks.versions, task_name="pump"))
    database.close()
    assert {name: (each.missing_count, each.doubled) for name, each in found.items()} == {
        "backup": (0, ()),
        "pump": (0, ()),
        "new": (0, ()),
    }
    assert pump.definition == often
    assert pump.def_rev == 3
    assert {version.def_rev for version in versions} == {1, 2, 3}


def test_nothing_is_taken_over_from_what_cannot_be_read(sqlite_url: str, tmp_path: Path) -> None:
    put(sqlite_url, [a_run()], NOW_MS)
    copy = back_up(sqlite_url, tmp_path)
    Path(sqlite_url.removeprefix("sqlite:///")).write_bytes(b"nonsense" * 1_000)

    done = restoring.restore(copy, sqlite_url, now_ms=NOW_MS, prove=doubts)

    assert done.carried is None
    assert len(change(sqlite_url, partial(ledger.page, limit=10)).runs) == 1


def test_nothing_is_taken_over_of_rows_that_nobody_wrote(sqlite_url: str, tmp_path: Path) -> None:
    put(sqlite_url, [ended(a_run(NOW_MS - HOUR_MS))], NOW_MS - 1_000)
    copy = back_up(sqlite_url, tmp_path)
    newer = ended(a_run(NOW_MS + MINUTE_MS))
    put(sqlite_url, [newer], NOW_MS + MINUTE_MS)
    change(sqlite_url, partial(spoil, run_id=newer.id))

    done = restoring.restore(copy, sqlite_url, now_ms=NOW_MS + HOUR_MS, prove=doubts)

    assert done.carried is None
    assert len(change(sqlite_url, partial(ledger.page, limit=10)).runs) == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        "smart_cron_tasks_config SET tags = 'nonsense'",
        "smart_cron_tasks_config SET priority = 'high'",
        "smart_cron_task_versions SET definition = 'nonsense'",
    ],
)
def test_a_task_into_which_somebody_wrote_nonsense_hinders_no_taking_over(
    sqlite_url: str, tmp_path: Path, nonsense: str
) -> None:
    put(sqlite_url, [], NOW_MS - 1_000)
    copy = back_up(sqlite_url, tmp_path)
    newer = ended(a_run(NOW_MS + MINUTE_MS))
    put(sqlite_url, [newer], NOW_MS + MINUTE_MS)
    change(sqlite_url, lambda connection: connection.exec_driver_sql(f"UPDATE {nonsense}"))

    done = restoring.restore(copy, sqlite_url, now_ms=NOW_MS + HOUR_MS, prove=doubts)

    assert done.carried == 1
    assert [run.id for run in change(sqlite_url, partial(ledger.page, limit=10)).runs] == [newer.id]


def spoil(connection: Connection, run_id: str) -> None:
    """As a page that was written over in part: each page is well made still."""
    connection.exec_driver_sql(
        "UPDATE smart_cron_executions SET started_at = 'sensenonsense' WHERE id = ?", (run_id,)
    )


def change(url: str, act: Callable[[Connection], T]) -> T:
    database = Database.open(url)
    try:
        return database.write_now(act)
    finally:
        database.close()


def put(url: str, runs: list[Run], decided_ms: int) -> None:
    """Record runs as the agent does: with how far it has decided."""

    def write(connection: Connection) -> None:
        tasks.register(connection, [a_task()], who="me", why="", now_ms=NOW_MS - HOUR_MS)
        ledger.claim(connection, runs, now_ms=decided_ms)
        state.set_decided_until(connection, decided_ms, now_ms=decided_ms)
        connection.execute(task_table.update().values(watermark=decided_ms))

    change(url, write)
