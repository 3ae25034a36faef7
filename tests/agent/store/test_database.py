"""How the agent reaches its database."""

import asyncio
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import DataError, OperationalError

from agent import __version__
from agent.errors import Conflict, NotStorable, Refused, StorageError, WrongUse
from agent.settings import Home, Settings
from agent.store import causes, engines, state
from agent.store import database as database_module
from agent.store.database import Database, database_url
from schema.migrate import VERSIONS
from tests.agent.store.makings import NOW_MS
from tests.journeys.household import until


def put(connection: Connection, name: str, value: str = "x") -> str:
    state.put(connection, name, value, now_ms=NOW_MS)
    return name


def get(connection: Connection, name: str) -> str | None:
    return state.get(connection, name)


class Blocking:
    """A write that keeps the writer busy until it is let go."""

    def __init__(self) -> None:
        self._taken, self._may_go_on = threading.Event(), threading.Event()
        self.let_go = self._may_go_on.set

    def __call__(self, _connection: Connection) -> None:
        self._taken.set()
        self._may_go_on.wait(60)

    async def is_taken(self) -> None:
        """Until the writer has it in hand."""
        assert await asyncio.to_thread(self._taken.wait, 60)


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def dump(url: str) -> list[str]:
    """Everything in the file but the frame around it."""
    with closing(sqlite3.connect(file_of(url))) as raw:
        return [line.rstrip(";") for line in list(raw.iterdump())[1:-1]]


def test_opening_an_existing_database_imports_no_migration_library(url: str) -> None:
    code = (
        "import sys; from agent.store.database import Database; "
        f"Database.open({url!r}).close(); Database.open({url!r}).close(); "
        "print('alembic' in sys.modules)"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout == "False\n"


def test_the_files_are_for_the_owners_eyes_only(sqlite_url: str, sqlite_database: Database) -> None:
    sqlite_database.write_now(partial(put, name="a"))

    files = sorted(file_of(sqlite_url).parent.iterdir())

    assert [file.suffix for file in files] == [".sqlite3", ".sqlite3-shm", ".sqlite3-wal"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_the_writer_keeps_a_log_and_the_readers_cannot_write(sqlite_database: Database) -> None:
    def pragmas(connection: Connection) -> list[Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "auto_vacuum")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert sqlite_database.write_now(pragmas) == ["wal", 1, 1, 5000, 2]
    with pytest.raises(StorageError, match="cannot be written"):
        sqlite_database.read_now(partial(put, name="a"))


async def test_what_is_written_can_be_read(database: Database) -> None:
    assert await database.write(partial(put, name="a", value="1")) == "a"

    assert await database.read(partial(get, name="a")) == "1"


async def test_one_failing_write_does_not_spoil_those_beside_it(database: Database) -> None:
    def fail(connection: Connection) -> None:
        put(connection, "half")
        raise Conflict("no")

    gate = threading.Event()
    blocker = asyncio.ensure_future(database.write(lambda _: gate.wait(60)))
    await asyncio.sleep(0)
    writes: list[asyncio.Future[Any]] = [
        database.write(partial(put, name="before")),
        database.write(fail),
        database.write(partial(put, name="after")),
    ]
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*[blocker, *writes], return_exceptions=True)

    assert results[1] == "before"
    assert isinstance(results[2], Conflict)
    assert results[3] == "after"
    found = [database.read_now(partial(get, name=name)) for name in ("before", "half", "after")]
    assert found == ["x", None, "x"]


async def test_writes_that_wait_together_share_one_commit(database: Database, url: str) -> None:
    commits = 0

    def count(_connection: object) -> None:
        nonlocal commits
        commits += 1

    event.listen(database._writing, "commit", count)
    blocking = Blocking()
    blocker = asyncio.ensure_future(database.write(blocking))
    await blocking.is_taken()
    writes = [asyncio.ensure_future(database.write(partial(put, name=f"n{i}"))) for i in range(300)]
    await asyncio.sleep(0)
    blocking.let_go()
    await asyncio.gather(blocker, *writes)

    assert commits == 2


async def test_items_for_the_same_function_are_handed_over_together_and_fail_alone(
    database: Database,
) -> None:
    sizes: list[int] = []

    def put_all(connection: Connection, names: Sequence[str]) -> list[str]:
        sizes.append(len(names))
        for name in names:
            put(connection, name)
        if "bad" in names:
            raise Conflict("no")
        return [name.upper() for name in names]

    async def write(*names: str) -> list[object]:
        blocking = Blocking()
        blocker = asyncio.ensure_future(database.write(blocking))
        await blocking.is_taken()  # what comes now is one group
        writes = [
            asyncio.ensure_future(settled(database.write_among(put_all, name))) for name in names
        ]
        await asyncio.sleep(0.05)
        blocking.let_go()
        await blocker
        return await asyncio.gather(*writes)

    assert await write("a", "b", "c") == ["A", "B", "C"]
    assert sizes == [3]
    found = await write("d", "bad", "e")
    assert (found[0], found[2]) == ("D", "E")
    assert isinstance(found[1], Conflict)
    stand = [database.read_now(partial(get, name=name)) for name in ("a", "c", "d", "bad", "e")]
    assert stand == ["x", "x", "x", None, "x"]


async def test_a_write_that_fails_by_itself_is_not_tried_twice(database: Database) -> None:
    calls: list[int] = []

    def fail(connection: Connection) -> None:
        calls.append(1)
        put(connection, "half")
        raise Conflict("no")

    with pytest.raises(Conflict):
        await database.write(fail)

    assert calls == [1]
    assert database.read_now(partial(get, name="half")) is None


async def test_a_value_that_no_column_takes_is_refused_as_such_and_not_as_a_bad_moment(
    database: Database,
) -> None:
    def too_long(_connection: Connection) -> None:
        # What MariaDB says in strict mode; SQLite takes any length.
        cause = sqlite3.DataError(1406, "Data too long for column 'reason' at row 1")
        raise DataError("UPDATE", {}, cause)

    with pytest.raises(NotStorable, match=r"Data too long for column 'reason'.*shorten"):
        await database.write(too_long)


async def test_what_finds_no_room_is_written_later_and_in_its_order(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "MAX_WAITING_WRITES", 2)
    may_go_on = threading.Event()
    order: list[str] = []

    def note(name: str) -> Callable[[Connection], str]:
        def noted(_connection: Connection) -> str:
            order.append(name)
            return name

        return noted

    blocked = database.write(lambda _connection: may_go_on.wait(60))
    writes = {name: database.write(note(name)) for name in ("a", "b", "c", "d")}
    await asyncio.sleep(0)
    waiting = database.waiting.number
    writes["c"].cancel()
    may_go_on.set()
    results = await asyncio.gather(blocked, *writes.values(), return_exceptions=True)

    assert waiting <= 2
    assert order == ["a", "b", "d"], "what nobody waits for any more is not begun"
    assert results[1:3] == ["a", "b"]
    assert results[4] == "d"


async def test_what_found_no_room_is_told_that_the_database_is_closed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "MAX_WAITING_WRITES", 1)
    may_go_on = threading.Event()
    first = database.write(lambda _connection: may_go_on.wait(60))
    second = database.write(partial(put, name="second"))

    closing = asyncio.ensure_future(asyncio.to_thread(database.close))
    await asyncio.to_thread(until, lambda: database.is_closed, "the closing")
    may_go_on.set()
    await closing

    assert await first is True
    with pytest.raises(StorageError, match="closed"):
        await second


async def test_a_lost_connection_fails_the_whole_group_plainly_and_not_the_next(
    database: Database,
) -> None:
    blocking = Blocking()

    def lose(connection: Connection) -> None:
        connection.invalidate()
        raise OperationalError("SELECT 1", {}, sqlite3.OperationalError("server has gone away"))

    async with asyncio.TaskGroup() as group:
        first = database.write(blocking)
        await blocking.is_taken()  # what comes now is one group
        writes: list[Callable[[Connection], Any]] = [
            partial(put, name="a"),
            lose,
            partial(put, name="b"),
            partial(put, name="c"),
        ]
        together = [group.create_task(settled(database.write(write))) for write in writes]
        await asyncio.sleep(0.05)
        blocking.let_go()
        await first

    assert all(isinstance(task.result(), StorageError) for task in together), [
        task.result() for task in together
    ]
    await database.write(partial(put, name="next"))
    assert database.read_now(partial(state.get, name="a")) is None
    assert database.read_now(partial(state.get, name="next")) == "x"


async def settled(work: Awaitable[object]) -> object:
    """What came of it, an error included."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        return error


async def test_writes_happen_in_the_order_asked_for(database: Database) -> None:
    seen: list[int] = []

    def note(_connection: Connection, number: int) -> None:
        seen.append(number)

    await asyncio.gather(*[database.write(partial(note, number=i)) for i in range(200)])

    assert seen == list(range(200))


async def test_a_slow_write_never_holds_up_the_loop(database: Database) -> None:
    gate = threading.Event()
    writing = asyncio.ensure_future(database.write(lambda _: gate.wait(60)))

    for _ in range(100):
        await asyncio.sleep(0.001)
    was_open = not writing.done()
    gate.set()

    assert was_open, "the loop went round a hundred times meanwhile"
    assert await writing


async def test_a_read_goes_on_while_a_write_is_open(database: Database) -> None:
    await database.write(partial(put, name="a", value="old"))
    gate = threading.Event()

    def write(connection: Connection) -> None:
        put(connection, "a", "new")
        gate.wait(60)

    writing = asyncio.ensure_future(database.write(write))
    await asyncio.sleep(0)

    assert await asyncio.wait_for(database.read(partial(get, name="a")), 30) == "old"
    gate.set()
    await writing
    assert await database.read(partial(get, name="a")) == "new"


async def test_too_many_waiting_reads_are_refused_as_busy(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "MAX_WAITING_READS", 3)
    gate = threading.Event()
    reads = [asyncio.ensure_future(database.read(lambda _: gate.wait(60))) for _ in range(3)]
    await asyncio.sleep(0)

    with pytest.raises(Refused, match="3 reads wait") as refused:
        await database.read(partial(get, name="a"))

    assert refused.value.code == "busy"
    gate.set()
    assert await asyncio.gather(*reads) == [True] * 3


async def test_closing_finishes_every_write_asked_for(url: str) -> None:
    database = Database.open(url)
    writes = [asyncio.ensure_future(database.write(partial(put, name=f"n{i}"))) for i in range(50)]
    await asyncio.sleep(0)

    await asyncio.to_thread(database.close)

    assert await asyncio.gather(*writes) == [f"n{i}" for i in range(50)]
    with pytest.raises(StorageError, match="closed"):
        await database.write(partial(put, name="late"))
    with pytest.raises(StorageError, match="closed"):
        await database.read(partial(get, name="n1"))
    database.close()


async def test_a_write_whose_caller_gave_up_still_happens(database: Database) -> None:
    gate = threading.Event()
    blocker = asyncio.ensure_future(database.write(lambda _: gate.wait(60)))
    await asyncio.sleep(0)
    given_up = asyncio.ensure_future(database.write(partial(put, name="a")))
    await asyncio.sleep(0)
    given_up.cancel()
    gate.set()
    await blocker

    await database.write(lambda _: None)

    assert given_up.cancelled()
    assert await database.read(partial(get, name="a")) == "x"


def test_committed_rows_survive_kill_9(url: str) -> None:
    code = f"""
from functools import partial
from agent.store.database import Database
from agent.store import causes, engines, state
database = Database.open({url!r})
for number in range(1_000_000):
    database.write_now(partial(state.put, name="count", value=str(number), now_ms=1))
    print(number, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = -1
        for line in child.stdout:
            said = int(line)
            if said == 200:
                child.send_signal(signal.SIGKILL)
                break
        rest = child.stdout.read().splitlines()
        said = int(rest[-1]) if rest else said

    database = Database.open(url)
    kept = database.read_now(partial(get, name="count"))
    database.close()

    assert child.returncode == -signal.SIGKILL
    assert kept is not None
    # One more than said may have been committed just before the end.
    assert int(kept) in (said, said + 1)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(sqlite_url: str) -> None:
    Database.open(sqlite_url).close()
    with sqlite3.connect(file_of(sqlite_url)) as raw:
        raw.execute("UPDATE smart_cron_schema_version SET version_num = '0099'")
    raw.close()
    before = dump(sqlite_url)

    with pytest.raises(StorageError) as refused:
        Database.open(sqlite_url)

    said = str(refused.value)
    assert "has schema version 0099" in said
    assert f"this agent ({__version__}) knows up to {VERSIONS[-1]}" in said
    assert "start the newer agent" in str(refused.value)
    assert dump(sqlite_url) == before


def test_a_file_of_another_program_is_refused_and_left_alone(sqlite_url: str) -> None:
    with sqlite3.connect(file_of(sqlite_url)) as raw:
        raw.execute("CREATE TABLE customers (id INTEGER)")
    raw.close()

    with pytest.raises(StorageError, match=r"belongs to another program \(tables customers\)"):
        Database.open(sqlite_url)

    assert dump(sqlite_url) == ["CREATE TABLE customers (id INTEGER)"]


def test_a_file_that_is_no_database_is_refused_and_left_alone(sqlite_url: str) -> None:
    file_of(sqlite_url).write_bytes(b"these are my holiday notes " * 100)

    with pytest.raises(StorageError, match="is damaged or no database"):
        Database.open(sqlite_url)

    assert file_of(sqlite_url).read_bytes().startswith(b"these are my holiday notes")


def test_a_folder_in_place_of_the_file_is_refused(sqlite_url: str) -> None:
    file_of(sqlite_url).mkdir()

    with pytest.raises(StorageError, match="cannot be written: is a directory"):
        Database.open(sqlite_url)


def test_a_missing_database_is_not_made_without_leave(sqlite_url: str) -> None:
    with pytest.raises(StorageError, match="is not there"):
        Database.open(sqlite_url, migrate=False)

    assert not file_of(sqlite_url).exists()


def test_an_empty_database_is_not_filled_without_leave(sqlite_url: str) -> None:
    file_of(sqlite_url).touch()

    with pytest.raises(
        StorageError, match=f"has schema version none, this agent needs {VERSIONS[-1]}"
    ):
        Database.open(sqlite_url, migrate=False)


def test_a_missing_folder_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=f"its folder {tmp_path / 'gone'} is not; make the"):
        Database.open(f"sqlite:///{tmp_path / 'gone' / 'x.sqlite3'}")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("what", "is not a database URL"),
        ("postgresql://u:secret@h/d", "names 'postgresql'"),
        ("sqlite://", "must name a plain SQLite file"),
        ("sqlite:///:memory:", "must name a plain SQLite file"),
    ],
)
def test_a_url_that_cannot_be_is_refused_without_its_password(bad: str, said: str) -> None:
    with pytest.raises(WrongUse, match=said) as refused:
        Database.open(bad)

    assert "secret" not in str(refused.value)


def test_a_server_that_does_not_answer_is_told_without_its_password() -> None:
    with pytest.raises(StorageError, match="Can't connect") as refused:
        Database.open("mysql+pymysql://cron:secret@127.0.0.1:1/cron")

    assert "secret" not in str(refused.value)


def test_a_locked_database_is_told_plainly(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_MS", 50)
    monkeypatch.setattr(causes, "BUSY_TIMEOUT_MS", 50)
    database = Database.open(sqlite_url)
    raw = sqlite3.connect(file_of(sqlite_url), isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")

    with pytest.raises(StorageError, match="stayed locked for 50 ms by another program"):
        database.write_now(partial(put, name="a"))

    raw.execute("ROLLBACK")
    raw.close()
    assert database.write_now(partial(put, name="a")) == "a"
    database.close()


def test_a_full_disk_fails_the_write_and_leaves_the_database_usable(
    sqlite_database: Database,
) -> None:
    def limit(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")

    sqlite_database.write_now(limit)
    with pytest.raises(StorageError, match="the disk is full; free some space"):
        sqlite_database.write_now(partial(put, name="big", value="x" * 1_000_000))

    assert sqlite_database.write_now(partial(put, name="a")) == "a"
    assert sqlite_database.read_now(partial(get, name="big")) is None


def test_the_database_is_the_owners_choice_or_the_file_in_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path)

    assert database_url(Settings(), home) == f"sqlite:///{tmp_path}/data/smartcron.sqlite3"
    chosen = "mysql+pymysql://cron@db/cron"
    assert database_url(Settings(database_url=chosen), home) == chosen


def test_a_home_with_spaces_and_signs_works(tmp_path: Path) -> None:
    home = Home(tmp_path / "my home? 100% #1")
    home.make()

    Database.open(database_url(Settings(), home)).close()

    assert home.database_file.stat().st_size > 0
