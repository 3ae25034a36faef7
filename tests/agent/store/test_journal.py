"""What happened while the database was away, kept until it has been told."""

import asyncio
import contextlib
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from agent.errors import DiskFull, StorageError
from agent.store import journal as journal_module
from agent.store.journal import LOST, Entry, Journal, Untold, lost_until_ms
from agent.store.writes import Order, Write
from tests.agent.store.makings import NOW_MS, a_run
from tests.damages import damages

LATER_MS: Final = 2_000_000_000_000


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


async def filled(path: Path, number: int) -> list[Write]:
    """A journal that an agent left behind, with so many writes in it."""
    journal = Journal.open(path, now_ms=NOW_MS)
    kept = [a_write(number) for number in range(number)]
    await asyncio.gather(
        *[journal.append(each, now_ms=NOW_MS + at) for at, each in enumerate(kept)]
    )
    await journal.remember("floor", "here")
    journal.close()
    return kept


def found_in(path: Path) -> tuple[list[Write | None], str | None, str | None]:
    """What the next agent finds: the writes, what was put down, whether more was there."""
    journal = Journal.open(path, now_ms=LATER_MS)
    try:
        entries = asyncio.run(journal.all())
        said = [asyncio.run(journal.remembered(name)) for name in ("floor", LOST)]
    finally:
        journal.close()
    return [entry.write for entry in entries], said[0], said[1]


def test_of_a_damaged_journal_all_that_can_be_read_is_taken_over_in_its_order(path: Path) -> None:
    kept = asyncio.run(filled(path, 600))
    body = bytearray(path.read_bytes())
    body[-3 * 4096 : -2 * 4096] = b"nonsense" * 512
    path.write_bytes(body)

    writes, floor, lost = found_in(path)

    assert 300 < len(writes) < 600
    assert writes == [write for write in kept if write in writes]
    assert (writes[0], writes[-1], floor) == (kept[0], kept[-1], "here")
    assert lost == str(min(LATER_MS, path_changed_ms(path)))
    (aside,) = path.parent.glob("*.damaged-*[0-9]")
    assert aside.read_bytes() == body


def path_changed_ms(path: Path) -> int:
    """When the damaged file, which is set aside, was written to last."""
    (aside,) = path.parent.glob("*.damaged-*[0-9]")
    return aside.stat().st_mtime_ns // 1_000_000


def test_whatever_is_damaged_what_is_read_was_written_and_what_is_wanting_is_known(
    path: Path,
) -> None:
    kept = asyncio.run(filled(path, 40))
    body = path.read_bytes()
    wanting = {}
    for how, damaged in damages(body, places=60).items():
        for old in path.parent.iterdir():
            old.unlink()
        path.write_bytes(damaged)
        writes, _, lost = found_in(path)
        sound = [write for write in writes if write is not None]
        assert sound == [write for write in kept if write in sound], how
        wanting[how] = (len(sound) < len(kept), lost is not None)

    assert [how for how, (is_less, is_known) in wanting.items() if is_less and not is_known] == []
    assert (True, True) in wanting.values()


def test_a_write_that_is_damaged_within_a_sound_page_is_known_to_be_wanting(path: Path) -> None:
    asyncio.run(filled(path, 3))
    with closing(sqlite3.connect(path)) as raw, raw:
        (write,) = raw.execute("SELECT write FROM kept WHERE seq = 2").fetchone()
        raw.execute("UPDATE kept SET write = ? WHERE seq = 2", (write[:-9] + b"x" + write[-8:],))

    writes, _, lost = found_in(path)

    assert [write is None for write in writes] == [False, True, False]
    assert lost == str(NOW_MS + 1)


def dying_after(number: int) -> Callable[[Path, Path], Path]:
    """A rename that does so many, and then whoever asked for it dies."""
    left = iter(range(number))
    rename = Path.rename

    def once(self: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return rename(self, target)

    return once


def test_an_agent_that_is_killed_over_it_leaves_the_rest_to_the_next_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = asyncio.run(filled(path, 5))
    body = path.read_bytes()
    path.write_bytes(body[:4096] + b"nonsense" * 512 + body[8192:])
    for number in range(4):
        with monkeypatch.context() as dying, contextlib.suppress(KeyboardInterrupt):
            dying.setattr(Path, "rename", dying_after(number))
            Journal.open(path, now_ms=NOW_MS).close()

    writes, _, lost = found_in(path)

    assert [write for write in writes if write] == [write for write in kept if write in writes]
    assert lost is not None
    assert len(list(path.parent.glob("*.damaged-*[0-9]"))) == 1


@pytest.mark.parametrize("said", ["", "soon", "-5", "9" * 400, "²"])
def test_a_moment_that_nobody_wrote_down_is_any_moment_up_to_now(said: str) -> None:
    assert lost_until_ms(said, now_ms=NOW_MS) == NOW_MS


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
