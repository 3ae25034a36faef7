"""How the agent reaches its database: one writer, several readers, never on the loop."""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, Self, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, SQLAlchemyError

from agent.errors import AgentError, NotStorable, Refused, StorageError, WrongUse
from agent.settings import Home, Settings
from schema import migrate as schema_migrate

MAX_GROUP: Final = 500
"""Writes that share one commit at most."""
MAX_WAITING_WRITES: Final = 5_000
"""Writes asked for and not yet committed; the next one waits for room."""
READERS: Final = 3
MAX_WAITING_READS: Final = 256
"""Reads asked for and not yet answered; the next one is refused as busy."""
BUSY_TIMEOUT_MS: Final = 5_000
LINGER_S: Final = 0.02
"""While one commit follows another, what is not urgent waits so long for more to share its own."""

T = TypeVar("T")
Item = TypeVar("Item")
log = structlog.get_logger()


def database_url(settings: Settings, home: Home) -> str:
    """The database the owner chose, else the SQLite file in the home folder."""
    if settings.database_url:
        return settings.database_url
    return URL.create("sqlite", database=str(home.database_file)).render_as_string()


class _Write:
    """One thing to write, and who waits for it."""

    __slots__ = ("done", "error", "is_urgent", "item", "loop", "result", "these")

    def __init__(
        self,
        these: Callable[[Connection, Sequence[Any]], Sequence[Any]],
        item: Any,
        done: "asyncio.Future[Any] | Future[Any]",
        loop: asyncio.AbstractEventLoop | None,
        *,
        is_urgent: bool = True,
    ) -> None:
        self.is_urgent = is_urgent
        self.these = these
        self.item = item
        self.done = done
        self.loop = loop
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        """Tell the one who waits; it may have gone away meanwhile."""
        if self.done.done():
            return
        if self.error is None:
            self.done.set_result(self.result)
        else:
            self.done.set_exception(self.error)


class Database:
    """One database: writes go through one thread in the order asked for, grouped in commits.

    A write that fails is undone alone; what shares its commit stands. For that a function may be
    called a second time, after all that the first call wrote was undone. A write has happened
    when its call returns, and may still happen when its caller has been cancelled.
    """

    def __init__(self, url: URL, *, reading: Engine, writing: Engine) -> None:
        self.url = url
        self._reading = reading
        self._writing = writing
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="database-read")
        self._waiting_reads = 0
        self._room = asyncio.Semaphore(MAX_WAITING_WRITES)
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._urgent = threading.Event()
        self._closing = threading.Lock()
        self._closed = False
        self._writer = threading.Thread(target=self._write_all, name="database-write", daemon=True)
        self._writer.start()

    @classmethod
    def open(cls, url: str, *, migrate: bool = True) -> Self:
        """Reach the database and bring its tables to our version; raises StorageError.

        Without `migrate` a database that is empty or of an older version is refused.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise WrongUse(
                "database_url is not a database URL; it looks like "
                "sqlite:////path/to/file or mysql+pymysql://user:password@host/name"
            ) from error
        if parsed.get_backend_name() not in ("sqlite", "mysql", "mariadb"):
            raise WrongUse(
                f"database_url names {parsed.get_backend_name()!r}; use sqlite or mysql+pymysql"
            )
        if parsed.get_backend_name() == "sqlite":
            _make_file(parsed, may_create=migrate)
        with _told_plainly(parsed):
            writing = _engine(parsed, pool_size=1, writes=True)
            reading = _engine(parsed, pool_size=READERS, writes=False)
        try:
            _bring_up(writing, parsed, migrate=migrate)
        except BaseException:
            writing.dispose()
            reading.dispose()
            raise
        return cls(parsed, reading=reading, writing=writing)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """What `fn` finds, on a reader's thread; raises StorageError, Refused when overrun."""
        if self._waiting_reads >= MAX_WAITING_READS:
            raise Refused("busy", f"{MAX_WAITING_READS} reads wait for the database; try again")
        self._check_open()
        self._waiting_reads += 1
        try:
            return await asyncio.wrap_future(self._readers.submit(self.read_now, fn))
        finally:
            self._waiting_reads -= 1

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """What `fn` returned, once it is committed; raises what it raised, or StorageError."""
        return await self._written(_call_each, fn, is_urgent=True)

    async def write_among(
        self, these: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item
    ) -> T:
        """Like write; what `these` returned for this item, which it may get among others.

        Items that wait one behind the other for the same function are handed to it together, in
        order, and it returns a result for each. When it raises it is asked for each item alone.
        While much is written, such an item waits up to LINGER_S for others.
        """
        return await self._written(these, item, is_urgent=False)

    async def _written(
        self,
        these: Callable[[Connection, Sequence[Item]], Sequence[T]],
        item: Item,
        *,
        is_urgent: bool,
    ) -> T:
        async with self._room:
            loop = asyncio.get_running_loop()
            done: asyncio.Future[T] = loop.create_future()
            self._put(_Write(these, item, done, loop, is_urgent=is_urgent))
            return await done

    def read_now(self, fn: Callable[[Connection], T]) -> T:
        """Like read, for callers without a loop."""
        with _told_plainly(self.url), self._reading.connect() as connection:
            return fn(connection)

    def write_now(self, fn: Callable[[Connection], T]) -> T:
        """Like write, for callers without a loop."""
        done: Future[T] = Future()
        self._put(_Write(_call_each, fn, done, None))
        return done.result()

    def close(self) -> None:
        """Finish every write asked for, then let go of the database."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
            self._urgent.set()
        self._writer.join()
        self._readers.shutdown()
        self._reading.dispose()
        self._writing.dispose()

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError("the database is closed: the agent is stopping")

    def _put(self, write: _Write) -> None:
        with self._closing:
            self._check_open()
            self._queue.put(write)
            if write.is_urgent:
                self._urgent.set()

    def _write_all(self) -> None:
        """The writer's thread: group after group until closed."""
        is_open = True
        written_s = 0.0
        while is_open:
            group: list[_Write] = []
            first = self._queue.get()
            if time.monotonic() - written_s < LINGER_S:
                self._urgent.wait(LINGER_S)
            self._urgent.clear()
            while True:
                if first is None:
                    is_open = False
                    break
                group.append(first)
                if len(group) >= MAX_GROUP:
                    break
                try:
                    first = self._queue.get_nowait()
                except Empty:
                    break
            if group:
                self._write_group(group)
                written_s = time.monotonic()

    def _write_group(self, group: list[_Write]) -> None:
        try:
            with _told_plainly(self.url), self._writing.connect() as connection:
                if not _write_together(connection, group):
                    with connection.begin():
                        for write in group:
                            _write_alone(connection, write)
        except Exception as error:
            # The commit, or the way back, failed: nothing of this group stands.
            if not isinstance(error, AgentError):
                log.exception("database group failed", writes=len(group))
            for write in group:
                write.error = write.error or error
        by_loop: dict[asyncio.AbstractEventLoop, list[_Write]] = {}
        for write in group:
            if write.loop is None:
                write.settle()
            else:
                by_loop.setdefault(write.loop, []).append(write)
        for loop, writes in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle_all, writes)


def _call_each(connection: Connection, fns: Sequence[Callable[[Connection], T]]) -> Sequence[T]:
    return [fn(connection) for fn in fns]


def _write_together(connection: Connection, group: Sequence[_Write]) -> bool:
    """Write and commit all of a group; False when one failed, and nothing of it stands."""
    with connection.begin() as transaction:
        try:
            for these, neighbours in groupby(group, lambda write: write.these):
                writes = list(neighbours)
                results = these(connection, [write.item for write in writes])
                for write, result in zip(writes, results, strict=True):
                    write.result = result
        except Exception as error:
            plain = _plain(error, connection.engine.url)
            if len(group) == 1:
                group[0].error = plain
            transaction.rollback()
            if connection.invalidated:
                raise StorageError(f"the connection to the database was lost: {plain}") from error
            return len(group) == 1
    return True


def _write_alone(connection: Connection, write: _Write) -> None:
    """Run one write in a savepoint of its own; its failure is its own."""
    savepoint = connection.begin_nested()
    try:
        (write.result,) = write.these(connection, [write.item])
        savepoint.commit()
    except Exception as error:
        write.error = _plain(error, connection.engine.url)
        try:
            savepoint.rollback()
        except SQLAlchemyError as gone:
            # The whole transaction is gone with it: a full disk, a lost server.
            raise write.error from gone
        if connection.invalidated:
            # The connection is gone, and with it what the group has written: going back to the
            # savepoint is then no error, and every later write of the group would be one.
            raise StorageError(f"the connection to the database was lost: {write.error}") from error


def _settle_all(writes: list[_Write]) -> None:
    for write in writes:
        write.settle()


def _engine(url: URL, *, pool_size: int, writes: bool) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={
                "connect_timeout": 5,
                "read_timeout": 5,
                "write_timeout": 5,
                "charset": "utf8mb4",
                "init_command": "SET time_zone = '+00:00', "
                "sql_mode = 'STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION'",
            },
        )
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,  # an error must not carry what a row holds
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        # Transactions begin where we say so, not where the driver guesses.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        if writes:
            # On an empty file only; it must come before the first table.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        else:
            connection.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_file(url: URL, *, may_create: bool) -> None:
    """Make sure that the SQLite file is there, ours and for the owner's eyes only."""
    if not url.database or url.database == ":memory:" or url.query:
        raise WrongUse(
            "database_url must name a plain SQLite file, such as sqlite:////path/to/file"
        )
    path = Path(url.database)
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if may_create else 0)
    try:
        descriptor = os.open(path, flags, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise StorageError(
            f"database {path} is not there; make it with `smartcron-agent init`"
        ) from error
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise StorageError(
            f"database {path} cannot be written: {cause}; "
            "check the owner and mode of the file and its folder"
        ) from error


def _bring_up(engine: Engine, url: URL, *, migrate: bool) -> None:
    known = schema_migrate.VERSIONS[-1]
    try:
        with _told_plainly(url), engine.begin() as connection:
            found = schema_migrate.bring_up(connection, migrate=migrate)
    except schema_migrate.UnknownVersion as error:
        raise StorageError(
            f"database {_name(url)} has schema version {error.found}, this agent knows up to "
            f"{known}; start the newer agent that made it, or restore a backup from before"
        ) from error
    except schema_migrate.ForeignTables as error:
        raise StorageError(
            f"database {_name(url)} belongs to another program (tables {error}); "
            "choose another with database_url in settings.toml"
        ) from error
    if not migrate and found != known:
        raise StorageError(
            f"database {_name(url)} has schema version {found or 'none'}, this agent needs "
            f"{known}; run `smartcron-agent init` or start the agent once"
        )


@contextmanager
def _told_plainly(url: URL) -> Generator[None]:
    """Turn the driver's errors into one sentence about our database."""
    try:
        yield
    except SQLAlchemyError as error:
        plain = _plain(error, url)
        if plain is error:
            raise
        raise plain from error


def _plain(error: Exception, url: URL) -> Exception:
    if isinstance(error, IntegrityError) or not isinstance(error, DBAPIError):
        return error
    cause = str(error.orig).lower()
    if isinstance(error, DataError):
        log.error("the database takes no such value", cause=str(error.orig))
        return NotStorable(
            f"database {_name(url)} takes no such value ({error.orig}); shorten or correct it"
        )
    if "not a database" in cause or "malformed" in cause:
        said = f"is damaged or no database ({cause}); restore a backup or move the file away"
    elif "full" in cause:
        said = "cannot be written: the disk is full; free some space"
    elif "readonly" in cause or "read-only" in cause or "unable to open" in cause:
        said = f"cannot be written ({cause}); check the owner and mode of the file and its folder"
    elif "locked" in cause:
        said = f"stayed locked for {BUSY_TIMEOUT_MS} ms by another program; end that one"
    else:
        said = f"failed: {error.orig}"
    return StorageError(f"database {_name(url)} {said}")


def _name(url: URL) -> str:
    """The database as a person calls it, without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.render_as_string(hide_password=True)
