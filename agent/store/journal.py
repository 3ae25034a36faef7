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

from agent.errors import DiskFull, StorageError
from agent.log import log_of
from agent.readback import NotWhole
from agent.store import writes
from agent.store.writes import Write
from agent.threads import full_pool
from agent.ulid import new_ulid

log = log_of(__name__)

T = TypeVar("T")

BUSY_S: Final = 2.0
_PARTS: Final = ("", "-wal", "-shm")
_KEPT: Final = "SELECT seq, kept_at, write FROM kept ORDER BY seq"
_COLUMNS: Final[dict[str, set[str]]] = {
    "about": {"name", "value"},
    "kept": {"seq", "kept_at", "write"},
    "refused": {"seq", "write", "cause"},
    "sqlite_sequence": {"name", "seq"},
}
_SMALLEST: Final = 512  # bytes of a database that has a table
_LAST_MS: Final = 253_402_300_799_999  # of the year 9999

_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    # A number is never given twice: the database remembers up to which one it was told.
    "CREATE TABLE IF NOT EXISTS kept "
    "(seq INTEGER PRIMARY KEY AUTOINCREMENT, kept_at INTEGER NOT NULL, write BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS refused "
    "(seq INTEGER PRIMARY KEY, write BLOB NOT NULL, cause TEXT NOT NULL)",
)


LOST: Final = "lost"
"""Under this name it says until when more was written to it than can be read."""


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
        """Open the file, or begin it; raises StorageError.

        One that is damaged is set aside, and what can be read of it is taken over. Until when it
        may have held more than that is put down under LOST.
        """
        try:
            if _whole(path).exists():
                _put_in_place(path, now_ms)
            try:
                return cls(path, *_open(path, now_ms))
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                _made_anew(path, now_ms)
                _put_in_place(path, now_ms)
                return cls(path, *_open(path, now_ms))
        except (OSError, sqlite3.Error) as error:
            raise _told(path, error) from error

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


def lost_until_ms(said: str | None, *, now_ms: int) -> int:
    """Until when more may have been kept than can be read; 0 where nothing is said under LOST."""
    if said is None:
        return 0
    is_moment = said.isascii() and said.isdigit() and len(said) <= len(str(_LAST_MS))
    return min(int(said), now_ms) if is_moment else now_ms


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
    if path.exists() and path.stat().st_size < _SMALLEST:
        raise sqlite3.DatabaseError("it is cut short")  # SQLite would take it for a new one
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
            _note_unreadable(connection, now_ms)
        (found,) = connection.execute("SELECT value FROM about WHERE name = 'id'").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection, found


def _made_anew(path: Path, now_ms: int) -> Path:
    """A whole file with all of a damaged one that can be read."""
    half, whole = path.with_name(f".{path.name}.half"), _whole(path)
    written_ms = min(now_ms, _changed_ms(path))
    for part in _PARTS:
        half.with_name(half.name + part).unlink(missing_ok=True)
    connection, _ = _open(half, now_ms)
    with closing(connection), connection:
        found, notes = _readable(path)
        for name, value in notes.items():
            _put_down(connection, name, value)
        _put_down(connection, LOST, str(written_ms))
        connection.executemany("INSERT INTO kept (kept_at, write) VALUES (?, ?)", found)
    with closing(sqlite3.connect(half, timeout=BUSY_S)) as opened:
        opened.execute("PRAGMA journal_mode = DELETE")  # all of it lies in one file then
    log.error("the local journal is damaged; what can be read is taken over", writes=len(found))
    return half.replace(whole)


def _put_in_place(path: Path, now_ms: int) -> None:
    """Let what was made anew take the place of the damaged file, which is kept.

    Whoever is killed meanwhile leaves this to the next one.
    """
    aside = path.with_name(f"{path.name}.damaged-{now_ms}")
    for part in reversed(_PARTS):
        with suppress(FileNotFoundError):
            path.with_name(path.name + part).rename(aside.with_name(aside.name + part))
    _whole(path).rename(path)
    log.error("the damaged local journal is set aside", file=str(aside))


def _whole(path: Path) -> Path:
    return path.with_name(f".{path.name}.whole")


def _changed_ms(path: Path) -> int:
    """When something was written to it last."""
    files = [path.with_name(path.name + part) for part in _PARTS[:2]]
    return max(file.stat().st_mtime_ns for file in files if file.exists()) // 1_000_000


def _readable(path: Path) -> tuple[list[tuple[int, bytes]], dict[str, str]]:
    """The writes of a damaged journal that can be read, in their order, and what was put down."""
    found: dict[int, tuple[int, bytes]] = {}
    notes: list[tuple[object, object]] = []
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_S)) as damaged:
        damaged.text_factory = bytes  # whatever stands there
        # From both ends: a page that cannot be read hides what lies behind it.
        for rows in (_KEPT, f"{_KEPT} DESC"):
            with suppress(sqlite3.Error):
                for seq, kept_at, write in damaged.execute(rows):
                    if isinstance(kept_at, int) and isinstance(write, bytes):
                        found[seq] = (kept_at, write)
        with suppress(sqlite3.Error):
            notes = list(damaged.execute("SELECT name, value FROM about"))
    texts = {}
    for note in notes:
        with suppress(UnicodeDecodeError):
            name, value = (part.decode() for part in note if isinstance(part, bytes))
            texts[name] = value
    texts.pop("id", None)  # what was told already may be told again, and changes nothing
    return [kept for _, kept in sorted(found.items())], texts


def _check(connection: sqlite3.Connection) -> None:
    """Raise DatabaseError where it is damaged."""
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    # Their names lie in the file as well: by another one a table would be made anew, and empty.
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in names:
        columns = connection.execute("SELECT name FROM pragma_table_info(?)", (name,)).fetchall()
        if not _COLUMNS.get(name, {"no such table"}) <= {column for (column,) in columns}:
            raise sqlite3.DatabaseError(f"table {name!r} is none of its own")
    if ("about",) in names:
        _check_text(connection)


def _check_text(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("SELECT name, value FROM about").fetchall()
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
        raise sqlite3.DatabaseError(str(error)) from error


def _note_unreadable(connection: sqlite3.Connection, now_ms: int) -> None:
    """A write that is damaged, though its page is not, may have been a decision."""
    lost = [
        min(kept_at, now_ms) if isinstance(kept_at, int) else now_ms
        for _, kept_at, write in connection.execute(_KEPT)
        if _read(write) is None
    ]
    if lost:
        log.error("writes in the local journal cannot be read", number=len(lost))
        before_ms = lost_until_ms(_noted(connection, LOST), now_ms=now_ms)
        _put_down(connection, LOST, str(max(*lost, before_ms)))


def _read(kept: bytes) -> Write | None:
    try:
        return writes.decode(kept)
    except NotWhole:
        return None


def _count(connection: sqlite3.Connection) -> Untold:
    number, oldest_ms = connection.execute(
        "SELECT count(*), min(CASE WHEN kept_at BETWEEN 0 AND ? THEN kept_at END) FROM kept",
        (_LAST_MS,),
    ).fetchone()
    return Untold(number, oldest_ms)


def _told(path: Path, error: Exception) -> StorageError:
    said = str(error).lower()
    if "full" in said or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
        return DiskFull(f"the local journal {path} cannot be written: the disk is full")
    return StorageError(
        f"the local journal {path} cannot be used: {said}; it and the files beside it of that name "
        "have to be plain files of this user on a disk that answers"
    )
