"""How does one wait for a database that refuses for now?"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from agent.clock import Clock
from agent.errors import DatabaseAway, NotStorable, Refused, StorageError
from agent.log import log_of

log = log_of(__name__)

AGAIN_MS: Final = 1_000

T = TypeVar("T")


class Patience:
    """Asks again, once a second, until it is done."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def until_recorded(self, write: Callable[[], Awaitable[T]]) -> T:
        """What was written; raises NotStorable, as asking again does not help then."""
        while True:
            try:
                return await write()
            except NotStorable:
                raise
            except (StorageError, Refused) as error:  # refused: too many ask at once
                await self._wait(error)

    async def to_the_end(self, write: Callable[[], Awaitable[T]]) -> T:
        """What was written, also where it looks as if it could never be: it has happened."""
        while True:
            try:
                return await write()
            except StorageError as error:
                await self._wait(error)

    async def unless_away(self, read: Callable[[], Awaitable[T]]) -> T | None:
        """What is read; None where the database is away, as what is due does not wait for it."""
        while True:
            try:
                return await read()
            except DatabaseAway as error:
                log.error("going on without what the database has", cause=str(error))
                return None
            except (StorageError, Refused) as error:
                await self._wait(error)

    async def _wait(self, error: Exception) -> None:
        log.error("the database refuses; trying again", cause=str(error))
        await self._clock.sleep_ms(AGAIN_MS)
