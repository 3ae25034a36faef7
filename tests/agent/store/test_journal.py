"""What happened while the database was away, kept until it has been told."""

import asyncio
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.errors import DiskFull, StorageError
from agent.store import journal as journal_module
from agent.store.journal import Entry, Journal, Untold
from agent.store.writes import Order, Write
from tests.agent.store.makings import NOW_MS, a_run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    journal = Journal.open(path, now_ms=NOW_MS)
    yield journal
    journal.close()


def a_write(number: int = 0) -> Write:
    return Order(run=a_run(NOW_MS + number))


async def test_what_was_kept_is_there_for_the_next_agent_in_the_same_order(
    journal: Journal, path: Path
) -> None:
    kept = [a_write(number) for number in range(50)]
    await asyncio.gather(*[journal.append(each, now_ms=NOW_MS) for each in kept])
    name = journal.id
    journal.close()

    again = Journal.open(path, now_ms=NOW_MS + 1)

    assert [entry.write for entry in await again.first(100)] == kept
    assert (again.id, again.untold) == (name, Untold(50, NOW_MS))
    again.close()


async def test_it_is_on_the_disk_before_the_answer(journal: Journal, path: Path) -> None:
    await journal.append(a_write(), now_ms=NOW_MS)

    assert journal_module.look(path) == Untold(1, NOW_MS)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)


async def test_what_was_told_goes_and_its_number_never_comes_again(journal: Journal) -> None:
    for number in range(3):
        await journal.append(a_write(number), now_ms=NOW_MS + number)
    first, second, third = await journal.first(3)

    await journal.told(second.seq, [(first, "no such task")])

    assert journal.untold == Untold(1, NOW_MS + 2)
    await journal.told(third.seq, [])
    assert journal.untold == Untold(0, None)
    await journal.append(a_write(9), now_ms=NOW_MS)
    (fourth,) = await journal.first(9)
    assert fourth.seq > third.seq


async def test_what_was_refused_is_kept_apart_with_its_cause(journal: Journal, path: Path) -> None:
    await journal.append(a_write(), now_ms=NOW_MS)
    (entry,) = await journal.first(1)

    await journal.told(entry.seq, [(entry, "no such task")])

    assert journal_module.refused(path) == ((entry.seq, "no such task"),)


async def test_a_write_of_a_later_version_is_no_reason_to_stop(journal: Journal) -> None:
    await journal.append(a_write(), now_ms=NOW_MS)
    with closing(sqlite3.connect(journal.path)) as raw, raw:
        raw.execute("UPDATE kept SET write = x'ff'")

    assert await journal.first(1) == (Entry(1, None),)


def test_a_damaged_journal_is_set_aside_and_a_new_one_begun(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"nonsense" * 600)

    again = Journal.open(path, now_ms=NOW_MS)

    assert again.untold == Untold(0, None)
    assert path.with_name(f"{path.name}.damaged-{NOW_MS}").exists()
    again.close()


def test_a_journal_that_cannot_be_made_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"local journal .* cannot be used"):
        Journal.open(tmp_path / "no such folder" / "journal.sqlite3", now_ms=NOW_MS)


async def test_a_full_disk_is_told_as_such_and_costs_nothing_that_was_kept(
    journal: Journal,
) -> None:
    await journal.append(a_write(), now_ms=NOW_MS)
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")

    many = [journal.append(a_write(number), now_ms=NOW_MS) for number in range(1, 1_000)]
    # All of them: what is still under way may yet be refused, and counts until it is.
    came_to = await asyncio.gather(*many, return_exceptions=True)

    refused = [error for error in came_to if error is not None]
    assert refused
    assert {type(error) for error in refused} == {DiskFull}
    kept = await journal.first(1_000)
    assert journal.untold.number == len(kept) == 1_000 - len(refused)


def test_where_there_is_no_journal_nothing_is_kept(path: Path) -> None:
    assert journal_module.look(path) == Untold(0, None)
    assert journal_module.refused(path) == ()


async def test_it_is_for_the_owners_eyes_only(journal: Journal, path: Path) -> None:
    await journal.append(a_write(), now_ms=NOW_MS)

    modes = {stat.S_IMODE(each.stat().st_mode) for each in path.parent.glob(f"{path.name}*")}

    assert modes == {0o600}
