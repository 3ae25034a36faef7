"""How is a backup put in the place of the database, with a way back?"""

import stat
from functools import partial
from pathlib import Path

import pytest

from agent.errors import StorageError, WrongUse
from agent.proof import doubts
from agent.store import backups, restoring, state
from agent.store.database import Database
from tests.agent.store.makings import NOW_MS


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
