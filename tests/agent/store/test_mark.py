"""The mark beside a database: read back, of no use to another one, and no burden on a full disk."""

from collections.abc import Iterable
from pathlib import Path

from agent.runs import Run
from agent.store import mark, state
from agent.store.database import Database
from agent.store.mark import Mark, SetBack
from tests.agent.store.makings import NOW_MS


def made_up(
    database: Database,
    *,
    since_ms: int,
    until_ms: int,
    living: Iterable[Run],
    run_ids: frozenset[str],
    now_ms: int,
) -> SetBack:
    return SetBack(since_ms=since_ms, until_ms=until_ms, moments=0, unknown=0)


def mark_of(folder: Path) -> Mark:
    return Mark(folder, "file", make_up=made_up)


def decide(database: Database, at_ms: int) -> None:
    database.write_now(lambda opened: state.set_decided_until(opened, at_ms, now_ms=at_ms))


def test_what_was_confirmed_is_read_back_for_the_same_database_only(tmp_path: Path) -> None:
    mark_of(tmp_path).put(NOW_MS)
    mark_of(tmp_path).put(NOW_MS - 5)  # the clock was put right

    assert mark.read(tmp_path, "file") == NOW_MS - 5
    assert mark.read(tmp_path, "another") is None


def test_a_mark_that_is_torn_gone_or_forgotten_says_nothing(tmp_path: Path) -> None:
    assert mark.read(tmp_path, "file") is None
    mark_of(tmp_path).put(NOW_MS)
    whole = (tmp_path / mark.FILE).read_bytes()
    (tmp_path / mark.FILE).write_bytes(whole[:20])
    assert mark.read(tmp_path, "file") is None
    mark_of(tmp_path).put(NOW_MS)
    mark.forget(tmp_path)
    assert mark.read(tmp_path, "file") is None


def test_the_file_is_for_its_owner_and_never_grows(tmp_path: Path) -> None:
    for at_ms in range(NOW_MS, NOW_MS + 100):
        mark_of(tmp_path).put(at_ms)

    status = (tmp_path / mark.FILE).stat()
    assert (status.st_size, status.st_mode & 0o777) == (4_096, 0o600)


def test_only_a_database_that_knows_less_than_it_confirmed_was_set_back(
    database: Database, tmp_path: Path
) -> None:
    beside = mark_of(tmp_path)

    def look() -> SetBack | None:
        beside.found = None
        beside.look(database, living=(), run_ids=frozenset(), now_ms=NOW_MS)
        return beside.found

    decide(database, NOW_MS - 100)
    assert look() is None
    beside.put(NOW_MS - 100)
    assert look() is None
    beside.put(NOW_MS - 40)
    assert look() == SetBack(since_ms=NOW_MS - 100, until_ms=NOW_MS - 40, moments=0, unknown=0)
    beside.put(NOW_MS + 9_000)  # as a clock that was ahead had it
    assert look() == SetBack(since_ms=NOW_MS - 100, until_ms=NOW_MS, moments=0, unknown=0)
