"""What an agent needs to begin while its database is away: kept on this host, and read again."""

from pathlib import Path

import msgspec
import pytest

from agent.clock import SystemClock
from agent.errors import StorageError, Unreachable
from agent.recovery import make_up
from agent.settings import Home
from agent.store.database import Database
from agent.store.engines import name_of, read_url
from agent.store.journal import Entry, Journal
from agent.store.ledger import Step
from agent.store.reaching import FLOOR, Reached, reach
from agent.store.reserve import Reserve
from agent.store.standby import TASKS, Copy, Floor, Known, add_up
from agent.store.writes import Claim, Take
from tests.agent.store.makings import NOW_MS, a_run

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
