"""At which point does an agent die, and when has all that it began come to rest?

The database is the real one, but nothing that it does waits for a thread: the order of all steps
follows from the seed alone.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import pytest
from sqlalchemy import Connection

from agent.store.database import Database

T = TypeVar("T")
Item = TypeVar("Item")

POINTS: Final = ("write", "written", "start", "started", "forget")
"""Before and after a commit, before and after a process is started, before a keeper forgets."""


class Fate:
    """When one agent dies: at the n-th point of a kind, after which nothing it does has effect."""

    def __init__(self) -> None:
        self.is_dead = False
        self._point = ""
        self._left = 0

    def arm(self, point: str, number: int) -> None:
        """Let it die there."""
        self._point, self._left = point, number

    async def at(self, point: str) -> None:
        """The agent is about to do something that others see; a dead one never gets on."""
        if point == self._point and not self.is_dead:
            self._left -= 1
            self.is_dead = self._left <= 0
        if self.is_dead:
            await asyncio.get_running_loop().create_future()


class AtOnce(ThreadPoolExecutor):
    """What was to be done in a thread is done before anybody else has a turn."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - told to the one who waits, as a pool does
            done.set_exception(error)
        return done


@contextmanager
def without_threads(
    monkeypatch: pytest.MonkeyPatch, fate: Callable[[], Fate], seed: int
) -> Iterator[None]:
    """Take every chance out of the machine; to be used inside a loop.

    `fate` is that of the agent that lives now.
    """

    async def write(database: Database, fn: Callable[[Connection], T]) -> T:
        return await write_among(database, lambda connection, fns: [fns[0](connection)], fn)

    async def write_among(
        database: Database, these: Callable[[Connection, Sequence[Item]], Sequence[T]], item: Item
    ) -> T:
        await asyncio.sleep(0)
        await fate().at("write")
        # As the writer's thread does it, but on this one: changing threads takes longer.
        with database._writing.begin() as connection:
            (written,) = these(connection, [item])
        await fate().at("written")
        return written

    async def read(database: Database, fn: Callable[[Connection], T]) -> T:
        await asyncio.sleep(0)
        return database.read_now(fn)

    monkeypatch.setattr(Database, "write", write)
    monkeypatch.setattr(Database, "write_among", write_among)
    monkeypatch.setattr(Database, "read", read)
    # After each absence more is summed up, and fewer rows are written.
    monkeypatch.setattr("agent.portions.ROWS_OF_ABSENCE", 6_000)
    asyncio.get_running_loop().set_default_executor(AtOnce())
    before = random.getstate()
    random.seed(f"{seed} jitter")
    try:
        yield
    finally:
        random.setstate(before)


async def rest() -> None:
    """Return when everybody waits for the clock, or for what will never come."""
    # Without threads whatever can go on stands in this queue of the loop, and nowhere else.
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined] # no public name
    await asyncio.sleep(0)
    while ready:  # noqa: ASYNC110 - what is waited for has no event of its own
        await asyncio.sleep(0)
