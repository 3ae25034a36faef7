"""What an agent needs to begin while its database is away: kept on this host, and read again."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec
import pytest

from agent.clock import SystemClock
from agent.errors import StorageError, Unreachable
from agent.recovery import make_up
from agent.settings import Home
from agent.store import ledger, mark, tasks
from agent.store.database import Database
from agent.store.engines import name_of, read_url
from agent.store.journal import Entry, Journal
from agent.store.ledger import Step
from agent.store.mark import JOURNAL_LOST, ROW_LOST
from agent.store.reaching import FLOOR, Reached, reach
from agent.store.reserve import Reserve
from agent.store.standby import TASKS, Copy, Floor, Known, add_up
from agent.store.writes import Claim, Take
from tests.agent.store.makings import NOW_MS, a_run, a_task, ended

NAME = "file.sqlite3"
KNOWN = Known(database=NAME, boot_id="this boot", boots=(NOW_MS,))


def test_a_copy_is_read_as_it_was_kept_and_only_for_its_own_database(tmp_path: Path) -> None:
    copy = Copy(tmp_path)

    copy.keep(KNOWN)
    copy.keep_runs([a_run(task_name="first")])

    assert Copy(tmp_path).read(NAME) == KNOWN
    assert Copy(tmp_path).read("another") is None
    assert [run.task_name for run in Copy(tmp_path).read_runs()] == ["first"]
    assert {oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()} == {"0o600"}


def test_of_the_runs_that_were_not_over_only_those_that_had_begun_are_sure_to_be_ones(
    tmp_path: Path,
) -> None:
    statuses = ("queued", "starting", "running", "stopping", "retry_wait")
    Copy(tmp_path).keep_runs([a_run(task_name=status, status=status) for status in statuses])

    assert [run.task_name for run in Copy(tmp_path).read_begun()] == ["running", "stopping"]


def test_a_copy_that_would_be_the_same_is_not_written_again(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    copy.keep(KNOWN)
    first = (tmp_path / TASKS).stat().st_ino

    copy.keep(KNOWN)
    again = (tmp_path / TASKS).stat().st_ino
    copy.keep(msgspec.structs.replace(KNOWN, highest_ms=1))

    assert again == first
    assert (tmp_path / TASKS).stat().st_ino != first


@pytest.mark.parametrize("body", [b"", b"nonsense", msgspec.msgpack.encode({"tasks": 3})])
def test_a_copy_that_cannot_be_read_is_none(tmp_path: Path, body: bytes) -> None:
    (tmp_path / TASKS).write_bytes(body)

    assert Copy(tmp_path).read(NAME) is None


def test_the_journal_knows_which_runs_are_open_which_moments_taken_and_how_far() -> None:
    first, second = a_run(task_name="one"), a_run(NOW_MS + 1_000, task_name="two")
    ended = msgspec.structs.replace(first, status="success", ended_ms=NOW_MS + 5)
    claim = Claim(
        runs=(first, second), watermarks={"one": NOW_MS}, decided_until_ms=NOW_MS, now_ms=NOW_MS
    )
    later = Claim(runs=(), watermarks={"one": NOW_MS + 9}, now_ms=NOW_MS)
    over = Take(step=Step(run=ended, now_ms=NOW_MS))

    told = add_up([Entry(1, claim), Entry(2, over), Entry(3, later), Entry(4, None)])

    assert set(told.unfinished) == {second.id}
    assert told.run_ids == {first.id, second.id}
    assert told.taken == {("one", first.scheduled_ms), ("two", second.scheduled_ms)}
    assert (told.watermarks, told.decided_until_ms) == ({"one": NOW_MS + 9}, NOW_MS)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.root.mkdir(mode=0o700)
    home.make()
    return home


async def reached_from(home: Home, url: str, *, boot: str = "this boot") -> Reached:
    clock = SystemClock()
    return await reach(
        url,
        home=home,
        local=Journal.open(home.journal_file, now_ms=clock.now_ms()),
        clock=clock,
        reserve=Reserve(home.reserve_file),
        agent_id="me",
        boot=boot,
        make_up=make_up,
    )


def close(reached: Reached) -> None:
    reached.database.close()
    reached.local.close()


GONE = "mysql+pymysql://cron:hush@127.0.0.1:1/smartcron"


def keep_copy(home: Home) -> None:
    Copy(home.journal_file.parent).keep(
        msgspec.structs.replace(KNOWN, database=name_of(read_url(GONE)))
    )


async def test_without_a_copy_a_database_that_is_away_is_an_error(home: Home) -> None:
    with pytest.raises(Unreachable, match="does not answer") as refused:
        await reached_from(home, GONE)

    assert "hush" not in str(refused.value)


async def test_with_a_copy_one_begins_and_the_journal_says_from_when_on_it_knows_all(
    home: Home,
) -> None:
    keep_copy(home)

    reached = await reached_from(home, GONE)
    first = reached.floor
    with pytest.raises(StorageError, match="the database is away"):
        await reached.database.read(lambda _: None)
    standing = reached.outage.standing
    close(reached)
    reached = await reached_from(home, GONE)

    assert first is not None
    assert reached.floor == first, "the second to begin so knows of the first"
    assert first.booted_ms is None
    assert (standing.state, standing.is_told) == ("down", True)
    close(reached)


async def test_a_boot_that_the_database_never_heard_of_comes_after_the_floor(home: Home) -> None:
    keep_copy(home)

    reached = await reached_from(home, GONE, boot="another boot")
    first = reached.floor
    close(reached)
    reached = await reached_from(home, GONE, boot="another boot")

    assert first is not None
    assert first.booted_ms is not None
    assert first.booted_ms > first.at_ms
    assert reached.floor == first, "it is one boot, however often an agent begins in it"
    close(reached)


async def left_damaged(home: Home, database: Database, since_ms: int, until_ms: int) -> list[str]:
    """A journal that knows alone what was decided since, of which the end cannot be read.

    What it says of the first moment can.
    """
    task = a_task(schedule=("* * * * *",))
    database.write_now(
        partial(tasks.apply, definitions=[task], who="me", why="", now_ms=since_ms - 60_000)
    )
    database.write_now(partial(ledger.claim, runs=(), decided_until_ms=since_ms, now_ms=since_ms))
    local = Journal.open(home.journal_file, now_ms=since_ms)
    minutes = range(since_ms - since_ms % 60_000 + 60_000, until_ms, 60_000)
    ids = []
    for at_ms in minutes:
        run = a_run(at_ms)
        over = ended(run)
        ids.append(run.id)
        await local.append(Claim(runs=(run,), decided_until_ms=at_ms, now_ms=at_ms), now_ms=at_ms)
        await local.append(Take(step=Step(run=over, now_ms=at_ms)), now_ms=at_ms)
    local.close()
    with closing(sqlite3.connect(home.journal_file)) as raw, raw:
        raw.execute("UPDATE kept SET write = x'c1ff' WHERE seq > 2")
    return ids


async def test_what_a_damaged_journal_alone_knew_does_not_run_again(
    home: Home, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / NAME}"
    until_ms = SystemClock().now_ms()
    since_ms = until_ms - 600_000
    database = Database.open(url)
    first, *others = await left_damaged(home, database, since_ms, until_ms)

    reached = await reached_from(home, url)

    rows = database.read_now(partial(ledger.page, limit=100)).runs
    lost = [row for row in rows if row.reason == ROW_LOST]
    assert [(row.id, row.status) for row in rows if row.reason != ROW_LOST] == [(first, "success")]
    assert sum(row.missed_count for row in lost) == len(others)
    found = reached.outage.take_set_back()
    assert found is not None
    assert (found.cause, found.moments) == (JOURNAL_LOST, len(others))
    close(reached)

    again = await reached_from(home, url)
    assert again.outage.take_set_back() is None
    close(again)
    database.close()


async def test_nor_while_the_database_is_away(home: Home, tmp_path: Path) -> None:
    keep_copy(home)
    until_ms = SystemClock().now_ms()
    database = Database.open(f"sqlite:///{tmp_path / NAME}")
    await left_damaged(home, database, until_ms - 600_000, until_ms)
    database.close()

    reached = await reached_from(home, GONE)

    assert reached.floor is not None
    assert reached.floor.at_ms > until_ms - 120_000, "later than all that it may have decided"
    assert mark.read(home.journal_file.parent, name_of(read_url(GONE))) == reached.floor.at_ms - 1
    close(reached)


@pytest.mark.parametrize(
    "said", ["", "{", "{}", '{"at_ms":"soon"}', '{"at_ms":1,"c":7}', "[" * 9999]
)
async def test_a_floor_that_cannot_be_read_is_one_of_now(
    home: Home, tmp_path: Path, said: str
) -> None:
    url = f"sqlite:///{tmp_path / NAME}"
    Database.open(url).close()
    local = Journal.open(home.journal_file, now_ms=NOW_MS)
    await local.remember(FLOOR, said)
    local.close()
    began_ms = SystemClock().now_ms()

    reached = await reached_from(home, url)

    assert reached.floor is None
    assert (mark.read(home.journal_file.parent, reached.name) or 0) >= began_ms
    close(reached)


async def test_a_floor_that_was_left_counts_before_the_database_is_told_anything(
    home: Home, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / NAME}"
    Database.open(url).close()
    floor = Floor(at_ms=NOW_MS)
    local = Journal.open(home.journal_file, now_ms=NOW_MS)
    await local.remember(FLOOR, msgspec.json.encode(floor).decode())
    await local.append(Claim(runs=(), decided_until_ms=NOW_MS, now_ms=NOW_MS), now_ms=NOW_MS)
    local.close()

    reached = await reached_from(home, url)

    assert reached.floor is not None
    assert reached.floor.at_ms == NOW_MS
    assert reached.outage.untold.number == 1
    close(reached)
