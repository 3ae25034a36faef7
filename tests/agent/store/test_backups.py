"""How is a copy of a database made, proved by a restore, found again and kept for how long?"""

import os
import shutil
import stat
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection

from agent.errors import Conflict, StorageError
from agent.proof import doubts
from agent.runs import Run
from agent.store import backups, engines, ledger, maintenance, restoring, tasks
from agent.store.backups import Backup, Keep
from agent.store.database import Database
from agent.store.retention import DAY_MS
from tests.agent.store.makings import NOW_MS, a_run, a_task, ended
from tests.mariadb import Server, served
from tests.pulse import Pulse

MONDAY = datetime(2026, 11, 2, 1, tzinfo=UTC)


def put(database: Database, runs: list[Run]) -> None:
    def write(connection: Connection) -> None:
        definitions = [a_task(name) for name in {run.task_name for run in runs}]
        tasks.register(connection, definitions, who="me", why="", now_ms=NOW_MS)
        ledger.claim(connection, runs, now_ms=NOW_MS)

    database.write_now(write)


def make(url: str, folder: Path, now_ms: int = NOW_MS) -> Backup:
    return backups.make(url, folder, now_ms=now_ms, prove=doubts)


def test_a_backup_made_while_others_write_holds_a_whole_moment(
    database: Database, url: str, tmp_path: Path
) -> None:
    put(database, [ended(a_run(NOW_MS + n)) for n in range(500)])
    stop = threading.Event()

    def write_on() -> None:
        number = 1_000
        while not stop.is_set():
            put(database, [a_run(NOW_MS + number), a_run(NOW_MS + number, attempt=2)])
            number += 1

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        copy = make(url, tmp_path)
    finally:
        stop.set()
        writer.join()

    assert copy.is_proved
    assert copy.rows["smart_cron_executions"] >= 500
    assert copy.rows["smart_cron_executions"] % 2 == 0, "half of a transaction was copied"
    assert copy.path.name.startswith("smartcron-20261124-060000-000.s")


def test_a_backup_and_what_is_told_of_it_are_for_the_owner_alone(
    database: Database, url: str, tmp_path: Path
) -> None:
    put(database, [a_run()])

    copy = make(url, tmp_path)

    others = [path for path in tmp_path.iterdir() if not path.name.startswith("smartcron.sqlite3")]
    assert sorted(path.name for path in others) == [copy.path.name, f"{copy.path.name}.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in others} == {0o600}
    assert backups.find_all(tmp_path) == [copy]
    assert backups.newest(tmp_path) == copy


def test_the_proof_looks_into_the_restored_rows_and_not_into_the_living_ones(
    database: Database, url: str, tmp_path: Path
) -> None:
    put(database, [a_run()])
    seen: list[dict[str, int]] = []

    def prove(restored: Database) -> str:
        put(database, [a_run(NOW_MS + 1)])
        seen.append(restored.read_now(maintenance.count_rows))
        return "one is missing"

    copy = backups.make(url, tmp_path, now_ms=NOW_MS, prove=prove)

    assert seen[0]["smart_cron_executions"] == copy.rows["smart_cron_executions"] == 1
    assert copy.remark == "one is missing"


def test_nothing_of_a_proof_stays_on_the_server(
    mariadb_url: str, mariadb_server: Server, tmp_path: Path
) -> None:
    Database.open(mariadb_url).close()

    make(mariadb_url, tmp_path)

    assert not [name for (name,) in mariadb_server.say("SHOW DATABASES") if "scratch" in name]


def test_what_a_killed_backup_left_behind_is_cleared_away_by_a_later_one(
    database: Database, url: str, tmp_path: Path
) -> None:
    old_s = NOW_MS / 1000 - backups.LEFT_S - 60
    folder = tmp_path / "backups"
    left = [folder / f".smartcron-20261124-01000{n}-000.sqlite3.half" for n in range(2)]
    proofs = [folder / f".proof-{n}" / "restored.sqlite3" for n in range(2)]
    others = {folder / ".notes.half", folder / ".proof-read-by-me"}  # not ours, and no folder
    for path in (*left, *proofs, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        os.utime(path, (old_s, old_s))
        os.utime(path.parent, (old_s, old_s))
    for path in (left[1], proofs[1]):  # somebody else is at these
        os.utime(path, (NOW_MS / 1000, NOW_MS / 1000))

    made = make(url, folder)

    told = made.path.with_name(made.path.name + ".json")
    assert set(folder.iterdir()) == {left[1], proofs[1].parent, *others, made.path, told}


def test_what_a_killed_proof_left_on_the_server_is_cleared_away_by_a_later_one(
    mariadb_url: str, mariadb_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Database.open(mariadb_url).close()
    mariadb_server.say(
        "CREATE DATABASE smartcron_scratch_0123456789ab",
        "CREATE TABLE smartcron_scratch_0123456789ab.half (number INTEGER)",
    )

    def scratches() -> list[str]:
        return [name for (name,) in mariadb_server.say("SHOW DATABASES") if "scratch" in name]

    make(mariadb_url, tmp_path)
    assert scratches() == ["smartcron_scratch_0123456789ab"]  # perhaps somebody is at it

    monkeypatch.setattr(backups, "LEFT_S", 0)
    make(mariadb_url, tmp_path, NOW_MS + 1)
    assert scratches() == []


def test_the_password_is_in_no_command_line_and_no_file(
    mariadb_url: str, mariadb_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Database.open(mariadb_url).close()
    name = mariadb_url.rpartition("/")[2]
    mariadb_server.say(
        "DROP USER IF EXISTS keeper@'127.0.0.1'",
        "CREATE USER keeper@'127.0.0.1' IDENTIFIED BY 'pl#an\"t\\\\ed'",
        f"GRANT ALL ON {name}.* TO keeper@'127.0.0.1'",
        "GRANT ALL ON `smartcron\\_scratch\\_%`.* TO keeper@'127.0.0.1'",
    )
    spy = tmp_path / "bin"
    spy.mkdir()
    for tool in ("mariadb-dump", "mariadb"):
        script = spy / tool
        real = shutil.which(tool)
        script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/argv\nexec {real} "$@"\n')
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy}{os.pathsep}{os.environ['PATH']}")

    copy = make(mariadb_server.url(name, user="keeper", password='pl#an"t\\ed'), tmp_path)

    assert copy.is_proved
    assert "--single-transaction" in (tmp_path / "argv").read_text()
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(b"pl#an" in content for content in files)


def test_an_account_that_cannot_prove_is_told_what_to_grant_and_the_copy_stays(
    mariadb_url: str, mariadb_server: Server, tmp_path: Path
) -> None:
    Database.open(mariadb_url).close()
    name = mariadb_url.rpartition("/")[2]
    mariadb_server.say(
        "DROP USER IF EXISTS poor@'127.0.0.1'",
        "CREATE USER poor@'127.0.0.1'",
        f"GRANT ALL ON {name}.* TO poor@'127.0.0.1'",
    )
    url = mariadb_server.url(name, user="poor")

    with pytest.raises(StorageError, match=r"not proved.*GRANT ALL.*backup_scratch_url"):
        make(url, tmp_path)

    assert [each.is_proved for each in backups.find_all(tmp_path)] == [False]
    mariadb_server.say(
        f"CREATE DATABASE {name}_place", f"GRANT ALL ON {name}_place.* TO poor@'127.0.0.1'"
    )
    place = mariadb_server.url(f"{name}_place", user="poor")
    try:
        assert backups.make(
            url, tmp_path, now_ms=NOW_MS + 1, prove=doubts, scratch_url=place
        ).is_proved
        assert mariadb_server.say(f"SHOW TABLES IN {name}_place") == []
        with pytest.raises(Conflict, match="holds tables"):
            backups.make(url, tmp_path, now_ms=NOW_MS + 2, prove=doubts, scratch_url=url)
    finally:
        mariadb_server.say(f"DROP DATABASE {name}_place")


def test_a_further_database_is_copied_whole_and_counted(
    mariadb_url: str, mariadb_server: Server, tmp_path: Path
) -> None:
    name = mariadb_url.rpartition("/")[2]
    mariadb_server.say(
        f"CREATE TABLE {name}.orders (id INT PRIMARY KEY, note TEXT)",
        f"INSERT INTO {name}.orders VALUES (1, 'ü'), (2, NULL)",  # noqa: S608 - our own name
    )

    copy = backups.make(mariadb_url, tmp_path, now_ms=NOW_MS, prove=doubts, source="shop")

    assert copy.path.name == "shop-20261124-060000-000.sql.gz"
    assert copy.rows == {"orders": 2}
    assert backups.newest(tmp_path) is None, "it is no copy of our own"


def test_a_backup_that_cannot_be_made_is_told_plainly(
    database: Database, url: str, tmp_path: Path
) -> None:
    with pytest.raises(StorageError, match="was not made"):
        make(url, tmp_path / "gone")


def test_a_frozen_server_is_told_of_within_the_time_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served() as server, server.fresh() as url:
        Database.open(url).close()
        monkeypatch.setattr(engines, "ANSWER_S", 1)
        monkeypatch.setattr(engines, "CONNECT_S", 1)
        server.freeze()
        try:
            with Pulse() as pulse:
                began_s = time.monotonic()
                for ask in (partial(make, url, tmp_path), partial(restoring.asides, url)):
                    with pytest.raises(StorageError, match="does not answer"):
                        ask()
                took_s = time.monotonic() - began_s
        finally:
            server.thaw()

    assert took_s < 10 + pulse.worst_ms / 1_000


def test_a_copy_that_breaks_off_is_not_taken_for_a_backup(
    mariadb_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Database.open(mariadb_url).close()
    tool = tmp_path / "mariadb-dump"
    tool.write_text("#!/bin/sh\necho '-- half'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with pytest.raises(StorageError, match="breaks off"):
        make(mariadb_url, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mariadb-dump"]


def test_a_file_that_was_changed_afterwards_is_refused(
    database: Database, url: str, tmp_path: Path
) -> None:
    copy = make(url, tmp_path)
    backups.check_digest(copy)
    with copy.path.open("r+b") as file:
        file.seek(20)
        file.write(b"x")

    with pytest.raises(StorageError, match="digest differs"):
        backups.check_digest(copy)


def a_copy(at: datetime, **fields: object) -> Backup:
    values = {"source": "smartcron", "is_proved": True, "size_bytes": 1, **fields}
    return msgspec.convert(
        {"path": f"{at:%m%d-%H}", "made_ms": int(at.timestamp() * 1000), **values},
        Backup,
        dec_hook=lambda kind, text: kind(text),
    )


def gone(copies: list[Backup], keep: Keep) -> set[str]:
    return {str(each.path) for each in backups.superseded(copies, keep)}


def test_the_newest_of_each_day_and_week_stays() -> None:
    copies = [a_copy(MONDAY + timedelta(days=day, hours=h)) for day in range(15) for h in (0, 9)]

    left = {str(each.path) for each in copies} - gone(copies, Keep(daily=3, weekly=3))

    assert left == {"1116-10", "1115-10", "1114-10", "1108-10"}


def test_what_is_not_proved_does_not_push_out_what_is() -> None:
    proved = a_copy(MONDAY)
    others = [a_copy(MONDAY + timedelta(days=day), is_proved=False) for day in range(1, 5)]

    assert gone([proved, *others], Keep(daily=1, weekly=0)) == {"1103-01", "1104-01"}


def test_labelled_copies_and_those_of_other_databases_are_counted_apart() -> None:
    copies = [
        a_copy(MONDAY),
        a_copy(MONDAY + timedelta(days=1), label="before-0005"),
        a_copy(MONDAY + timedelta(days=2), source="shop"),
        a_copy(MONDAY + timedelta(days=3), source="shop"),
    ]

    assert gone(copies, Keep(daily=1, weekly=0)) == {"1104-01"}


def test_rotation_removes_what_is_told_beside_a_copy_too(
    database: Database, url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    made = [backups.make(url, folder, now_ms=NOW_MS + day * DAY_MS, prove=None) for day in range(4)]

    removed = backups.rotate(folder, Keep(daily=1, weekly=0))

    assert sorted(removed) == sorted(each.path for each in made[:2])
    assert len(list(folder.iterdir())) == 4
