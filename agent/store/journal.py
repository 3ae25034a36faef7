"""What happened while the database was away, kept in a file of its own until it has been told."""

import asyncio
import errno
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec

from agent.errors import DiskFull, StorageError
from agent.log import log_of
from agent.store import writes
from agent.store.writes import Write
from agent.threads import full_pool
from agent.ulid import new_ulid

log = log_of(__name__)

T = TypeVar("T")

BUSY_S: Final = 2.0

_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # A number is never given twice: the database remembers up to which one it was told.
    "CREATE TABLE IF NOT EXISTS kept "
    "(seq INTEGER PRIMARY KEY AUTOINCREMENT, kept_at INTEGER NOT NULL, write BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS refused "
    "(seq INTEGER PRIMARY KEY, write BLOB NOT NULL, cause TEXT NOT NULL)",
)


class Entry(NamedTuple):
    """One write, and its place in the order; None where it cannot be read by this version."""

    seq: int
    write: Write | None


class Untold(NamedTuple):
    """How much the journal holds, and since when."""

    number: int
    oldest_ms: int | None


class Journal:
    """An SQLite file beside the database; what `append` has answered for survives a power cut.

    One thread works on it, in the order asked for; appends that come together share a commit.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, journal_id: str) -> None:
        self.path = path
        self.id = journal_id
        self._connection = connection
        self._thread = full_pool(1, "journal")
        self._asked: deque[tuple[bytes, int, Future[None]]] = deque()
        self._untold = _count(connection)

    @classmethod
    def open(cls, path: Path, *, now_ms: int) -> "Journal":
        """Open the file, or begin it; one that cannot be read is set aside; raises StorageError."""
        try:
            return cls(path, *_open(path, now_ms))
        except (OSError, sqlite3.OperationalError) as error:
            raise _told(path, error) from error
        except sqlite3.DatabaseError:
            aside = path.with_name(f"{path.name}.damaged-{now_ms}")
            log.error("the local journal is damaged; it is set aside", file=str(aside))
            try:
                for part in ("", "-wal", "-shm"):
                    found = path.with_name(path.name + part)
                    if found.exists():
                        found.rename(aside.with_name(aside.name + part))
                return cls(path, *_open(path, now_ms))
            except (OSError, sqlite3.Error) as again:
                raise _told(path, again) from again

    @property
    def untold(self) -> Untold:
        """What the database has not been told yet, also what is just being written down."""
        return self._untold

    async def append(self, write: Write, *, now_ms: int) -> None:
        """Keep a write; when this returns, it is on the disk. Raises StorageError."""
        done: Future[None] = Future()
        self._asked.append((writes.encode(write), now_ms, done))
        oldest_ms = now_ms if self._untold.oldest_ms is None else self._untold.oldest_ms
        self._untold = Untold(self._untold.number + 1, oldest_ms)
        self._thread.submit(self._append_all)
        waiting = asyncio.wrap_future(done)
        waiting.add_done_callback(self._note_failure)
        # Who asked may go away; what it asked for is kept all the same.
        await asyncio.shield(waiting)

    def _note_failure(self, waiting: asyncio.Future[None]) -> None:
        if not waiting.cancelled() and waiting.exception() is not None:
            self._untold = self._untold._replace(number=self._untold.number - 1)

    async def first(self, limit: int) -> tuple[Entry, ...]:
        """The oldest writes that the database has not been told, in order."""
        return await self._do(lambda: self._first(limit))

    async def all(self) -> tuple[Entry, ...]:
        """Everything that the database has not been told, in order."""
        return await self._do(lambda: self._first(-1))

    async def remembered(self, name: str) -> str | None:
        """What was put down beside the writes under this name."""
        return await self._do(lambda: _noted(self._connection, name))

    async def remember(self, name: str, value: str | None) -> None:
        """Put something down beside the writes, or forget it; on the disk when this returns."""

        def put() -> None:
            with self._connection:
                _put_down(self._connection, name, value)

        await self._do(put)

    async def told(self, until_seq: int, refused: Sequence[tuple[Entry, str]]) -> None:
        """The database has these; those that it refused for good are kept apart."""
        gone, oldest_ms = await self._do(lambda: self._forget(until_seq, refused))
        left = self._untold.number - gone
        self._untold = Untold(left, oldest_ms if left else None)

    async def beside(self, work: Callable[[], None], *, within_s: float) -> None:
        """Do something small on the disk in its turn; nobody waits longer than this for it."""
        with suppress(RuntimeError):  # it is closed
            done = asyncio.wrap_future(self._thread.submit(work))
            await asyncio.wait({done}, timeout=within_s)

    def close(self) -> None:
        """Let go of the file; what it holds stays."""
        self._thread.shutdown()
        self._connection.close()

    async def _do(self, work: Callable[[], T]) -> T:
        def told() -> T:
            try:
                return work()
            except sqlite3.Error as error:
                raise _told(self.path, error) from error

        return await asyncio.wrap_future(self._thread.submit(told))

    def _append_all(self) -> None:
        """Commit everything asked for so far at once."""
        group = []
        while self._asked:
            group.append(self._asked.popleft())
        if not group:
            return
        try:
            with self._connection:
                self._connection.executemany(
                    "INSERT INTO kept (kept_at, write) VALUES (?, ?)",
                    [(now_ms, kept) for kept, now_ms, _ in group],
                )
        except sqlite3.Error as error:
            for _, _, waiting in group:
                waiting.set_exception(_told(self.path, error))
            return
        for _, _, waiting in group:
            waiting.set_result(None)

    def _first(self, limit: int) -> tuple[Entry, ...]:
        rows = self._connection.execute(
            "SELECT seq, write FROM kept ORDER BY seq LIMIT ?", (limit,)
        )
        return tuple(Entry(seq, _read(kept)) for seq, kept in rows)

    def _forget(
        self, until_seq: int, refused: Sequence[tuple[Entry, str]]
    ) -> tuple[int, int | None]:
        """How many are gone, and since when the oldest that is left waits."""
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO refused SELECT seq, write, ? FROM kept WHERE seq = ?",
                [(cause, entry.seq) for entry, cause in refused],
            )
            gone = self._connection.execute("DELETE FROM kept WHERE seq <= ?", (until_seq,))
        return gone.rowcount, _count(self._connection).oldest_ms


def look(path: Path) -> Untold:
    """What a journal holds, for those who do not work on it; nothing where there is none."""
    return Untold(0, None) if not path.exists() else _look(path, _count)


def refused(path: Path) -> tuple[tuple[int, str], ...]:
    """What the database refused for good, by number, and why; nothing where there is no journal."""
    if not path.exists():
        return ()
    asked = "SELECT seq, cause FROM refused ORDER BY seq"
    return _look(path, lambda looking: tuple(looking.execute(asked)))


def noted(path: Path, name: str) -> str | None:
    """What was put down beside the writes, for those who do not work on the journal."""
    return None if not path.exists() else _look(path, lambda looking: _noted(looking, name))


def note(path: Path, name: str, value: str | None) -> None:
    """Put something down beside the writes, or forget it, while no agent works on the journal."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S)) as opened, opened:
            _put_down(opened, name, value)
    except sqlite3.Error as error:
        raise _told(path, error) from error


def kept(path: Path) -> tuple[Write, ...]:
    """The writes that the database has not been told, for those who do not work on the journal."""
    if not path.exists():
        return ()
    asked = "SELECT write FROM kept ORDER BY seq"
    found = _look(path, lambda looking: tuple(looking.execute(asked)))
    return tuple(write for (said,) in found if (write := _read(said)) is not None)


def _look(path: Path, find: Callable[[sqlite3.Connection], T]) -> T:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=BUSY_S)) as looking:
            return find(looking)
    except sqlite3.Error as error:
        raise _told(path, error) from error


def _noted(connection: sqlite3.Connection, name: str) -> str | None:
    found = connection.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
    return None if found is None else str(found[0])


def _put_down(connection: sqlite3.Connection, name: str, value: str | None) -> None:
    connection.execute("DELETE FROM about WHERE name = ?", (name,))
    if value is not None:
        connection.execute("INSERT INTO about VALUES (?, ?)", (name, value))


def _open(path: Path, now_ms: int) -> tuple[sqlite3.Connection, str]:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY_S, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # A run starts once its claim stands here: then it has to stand, also after a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        _check(connection)
        with connection:
            for table in _TABLES:
                connection.execute(table)
            connection.execute("INSERT OR IGNORE INTO about VALUES ('id', ?)", (new_ulid(now_ms),))
        (found,) = connection.execute("SELECT value FROM about WHERE name = 'id'").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection, found


def _check(connection: sqlite3.Connection) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _read(kept: bytes) -> Write | None:
    try:
        return writes.decode(kept)
    except msgspec.MsgspecError:
        return None


def _count(connection: sqlite3.Connection) -> Untold:
    return Untold(*connection.execute("SELECT count(*), min(kept_at) FROM kept").fetchone())


def _told(path: Path, error: Exception) -> StorageError:
    said = str(error).lower()
    if "full" in said or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
        return DiskFull(f"the local journal {path} cannot be written: the disk is full")
    return StorageError(f"the local journal {path} cannot be used: {said}")
