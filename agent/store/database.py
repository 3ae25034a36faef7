"""How the agent reaches its database: one writer, several readers, never on the loop."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple, Self, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from agent.errors import AgentError, DatabaseAway, Refused, StorageError
from agent.log import log_of
from agent.settings import Home, Settings
from agent.store.causes import plain_error, told_plainly
from agent.store.engines import make_engine, make_file, read_url
from agent.store.upgrading import BeforeUpgrade, bring_up
from agent.threads import NoThreads, begin, full_pool

MAX_GROUP: Final = 500
"""Writes that share one commit at most."""
MAX_WAITING_WRITES: Final = 5_000
"""Writes asked for and not yet committed; the next one waits for room."""
READERS: Final = 3
MAX_WAITING_READS: Final = 256
"""Reads asked for and not yet answered; the next one is refused as busy."""
AWAY_CLOSE_S: Final = 1.0
LINGER_S: Final = 0.02
"""While one commit follows another, what is not urgent waits so long for more to share its own."""

T = TypeVar("T")
Item = TypeVar("Item")
Doing = Callable[[Connection], T]
"""What is done with the database, and what it comes to."""
log = log_of(__name__)


def database_url(settings: Settings, home: Home) -> str:
    """The database the owner chose, else the SQLite file in the home folder."""
    if settings.database_url:
        return settings.database_url
    return URL.create("sqlite", database=str(home.database_file)).render_as_string()


class _Write:
    """One thing to write, and who waits for it."""

    __slots__ = ("asked_s", "done", "error", "is_urgent", "item", "loop", "result", "these")

    def __init__(
        self,
        these: Callable[[Connection, Sequence[Any]], Sequence[Any]],
        item: Any,
        done: asyncio.Future[Any] | Future[Any],
        loop: asyncio.AbstractEventLoop | None,
        *,
        is_urgent: bool = True,
    ) -> None:
        self.asked_s = time.monotonic()
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


class Waiting(NamedTuple):
    """Writes that were asked for and have no answer yet, and how long the first waits for it."""

    number: int
    oldest_ms: int


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
        self._readers = full_pool(READERS, "database-read")
        self._waiting_reads = 0
        self._handed_in = 0  # by callers on the loop, and not settled there yet
        self._kept_back: deque[_Write] = deque()
        self._queue: SimpleQueue[_Write | None] = SimpleQueue()
        self._urgent = threading.Event()
        self._in_hand: Sequence[_Write] = ()
        self._closing = threading.Lock()
        self._closed = False
        self.is_away = False
        """It is known not to answer: at most as many reads as there are readers wait for it."""
        self._barred: str | None = None
        self._writer = threading.Thread(target=self._write_all, name="database-write", daemon=True)
        try:
            begin(self._writer)
        except NoThreads:
            self._readers.shutdown()
            reading.dispose()
            writing.dispose()
            raise

    @classmethod
    def open(
        cls,
        url: str,
        *,
        migrate: bool = True,
        before_upgrade: BeforeUpgrade | None = None,
        agent_id: str = "",
        is_filled: bool = False,
    ) -> Self:
        """Reach the database and bring its tables to our version; raises StorageError, WrongUse.

        Without `migrate` a database that is empty or of an older version is refused; `bring_up`
        says what else may be asked.
        """
        parsed = read_url(url)
        if parsed.get_backend_name() == "sqlite":
            make_file(parsed, may_create=migrate)
        bring_up(
            parsed,
            migrate=migrate,
            before_upgrade=before_upgrade,
            agent_id=agent_id,
            is_filled=is_filled,
        )
        return cls._of(parsed)

    @classmethod
    def unreached(cls, url: str) -> Self:
        """A database that is away: nobody has looked at it, and nobody asks it yet."""
        return cls._of(read_url(url))

    @classmethod
    def _of(cls, parsed: URL) -> Self:
        writing = make_engine(parsed, pool_size=1, writes=True)
        reading = make_engine(parsed, pool_size=READERS, writes=False)
        return cls(parsed, reading=reading, writing=writing)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """What `fn` finds, on a reader's thread; raises StorageError, Refused when overrun."""
        if self.is_away and self._waiting_reads >= READERS:
            raise DatabaseAway
        if self._waiting_reads >= MAX_WAITING_READS:
            raise Refused("busy", f"{MAX_WAITING_READS} reads wait for the database; try again")
        self._check_open()
        self._waiting_reads += 1
        try:
            return await asyncio.wrap_future(self._readers.submit(self.read_now, fn))
        except StorageError as error:
            if self.is_away:
                raise DatabaseAway(str(error)) from error
            raise
        finally:
            self._waiting_reads -= 1

    def write(self, fn: Callable[[Connection], T]) -> asyncio.Future[T]:
        """What `fn` returned, once it is committed; raises what it raised, or StorageError."""
        return self._written(_call_each, fn, is_urgent=True)

    def write_among(
        self, these: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item
    ) -> asyncio.Future[T]:
        """Like write; what `these` returned for this item, which it may get among others.

        Items that wait one behind the other for the same function are handed to it together, in
        order, and it returns a result for each. When it raises it is asked for each item alone.
        While much is written, such an item waits up to LINGER_S for others.
        """
        return self._written(these, item, is_urgent=False)

    def _written(
        self,
        these: Callable[[Connection, Sequence[Item]], Sequence[T]],
        item: Item,
        *,
        is_urgent: bool,
    ) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        write = _Write(these, item, done, loop, is_urgent=is_urgent)
        if self._handed_in < MAX_WAITING_WRITES:
            self._put(write)
            self._handed_in += 1
        else:
            self._check_open()
            self._kept_back.append(write)
        return done

    def _settled(self, writes: Sequence[_Write]) -> None:
        """On the loop: tell who waits, and make room for those that found none."""
        for write in writes:
            write.settle()
        self._handed_in -= len(writes)
        while self._kept_back and self._handed_in < MAX_WAITING_WRITES:
            write = self._kept_back.popleft()
            if write.done.done():
                continue  # whoever wanted it waits no more
            try:
                self._put(write)
            except StorageError as error:
                write.error = error
                write.settle()
            else:
                self._handed_in += 1

    def read_now(self, fn: Callable[[Connection], T]) -> T:
        """Like read, for callers without a loop."""
        self._check_open()
        with told_plainly(self.url), self._reading.connect() as connection:
            return fn(connection)

    def of_open(self, fn: Callable[[Connection], T]) -> T:
        """What `fn` finds over a connection that is open, though its file may be gone."""
        try:
            return self.read_now(fn)
        except StorageError:
            # Nobody has read yet, or none is left of those who did.
            with told_plainly(self.url), self._writing.connect() as connection:
                return fn(connection)

    def write_now(self, fn: Callable[[Connection], T]) -> T:
        """Like write, for callers without a loop."""
        done: Future[T] = Future()
        self._put(_Write(_call_each, fn, done, None))
        return done.result()

    def bar(self, cause: str | None) -> None:
        """Let nobody ask it or write to it, for this cause; None lets everybody again."""
        self._barred = cause

    def reopen(self) -> None:
        """Reach the database anew from the next read and write on."""
        self._reading.dispose()
        self._writing.dispose()

    @property
    def waiting(self) -> Waiting:
        """How far the writer is behind."""
        in_hand = self._in_hand
        oldest_s = time.monotonic() - in_hand[0].asked_s if in_hand else 0.0
        return Waiting(self._queue.qsize() + len(in_hand), round(oldest_s * 1000))

    @property
    def reads(self) -> int:
        """Reads asked for and not yet answered."""
        return self._waiting_reads

    @property
    def is_closed(self) -> bool:
        """It was let go of, or is about to be."""
        return self._closed

    def close(self) -> None:
        """Finish every write asked for, then let go of the database; of one away, do not wait."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
            self._urgent.set()
        self._writer.join(AWAY_CLOSE_S if self.is_away else None)
        self._readers.shutdown(wait=not self.is_away, cancel_futures=True)
        self._reading.dispose()
        self._writing.dispose()

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError("the database is closed: the agent is stopping")
        if self._barred is not None:
            raise DatabaseAway(self._barred)

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
                self._in_hand = group
                self._write_group(group)
                self._in_hand = ()
                written_s = time.monotonic()

    def _write_group(self, group: list[_Write]) -> None:
        try:
            with told_plainly(self.url), self._writing.connect() as connection:
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
                loop.call_soon_threadsafe(self._settled, writes)


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
            plain = plain_error(error, connection.engine.url)
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
        write.error = plain_error(error, connection.engine.url)
        try:
            savepoint.rollback()
        except SQLAlchemyError as gone:
            # The whole transaction is gone with it: a full disk, a lost server.
            raise write.error from gone
        if connection.invalidated:
            # The connection is gone, and with it what the group has written: going back to the
            # savepoint is then no error, and every later write of the group would be one.
            raise StorageError(f"the connection to the database was lost: {write.error}") from error
