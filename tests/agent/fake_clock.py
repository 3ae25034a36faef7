"""A clock that stands still until a test moves it, so that a night takes a millisecond."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

from agent.clock import Timer


class _Timer:
    def __init__(self, done: asyncio.Future[None]) -> None:
        self._done = done

    def cancel(self) -> None:
        self._done.cancel()


class FakeClock:
    """Sleepers wake in their order when `advance` passes their moment."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._monotonic_ms = 0
        self._suspended_ms = 0
        self._booted_ms = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ms(self) -> int:
        return self._monotonic_ms

    def boottime_ms(self) -> int:
        return self._monotonic_ms + self._suspended_ms - self._booted_ms

    def reboot(self) -> None:
        """The host is started anew, just now."""
        self._booted_ms = self._monotonic_ms + self._suspended_ms

    async def sleep_ms(self, duration_ms: int) -> None:
        done = asyncio.get_running_loop().create_future()
        heapq.heappush(
            self._sleepers, (self._monotonic_ms + duration_ms, next(self._numbers), done)
        )
        await done

    async def sleep_until_ms(self, at_ms: int) -> None:
        await self.sleep_ms(at_ms - self._now_ms)

    async def rest_ms(self, duration_ms: int) -> None:
        await self.sleep_ms(duration_ms)

    def call_later(self, duration_ms: int, callback: Callable[[], None]) -> Timer:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(
            self._sleepers, (self._monotonic_ms + duration_ms, next(self._numbers), done)
        )
        done.add_done_callback(lambda told: None if told.cancelled() else callback())
        return _Timer(done)

    def advance(self, duration_ms: int) -> None:
        """Let time pass; whoever slept until then wakes."""
        self._now_ms += duration_ms
        self._monotonic_ms += duration_ms
        while self._sleepers and self._sleepers[0][0] <= self._monotonic_ms:
            _, _, done = heapq.heappop(self._sleepers)
            if not done.done():
                done.set_result(None)

    def suspend(self, duration_ms: int) -> None:
        """The host sleeps: the wall goes on, sleepers and the monotonic clock stand still."""
        self._now_ms += duration_ms
        self._suspended_ms += duration_ms

    def set_wall(self, now_ms: int) -> None:
        """Somebody sets the wall clock; the other two know nothing of it."""
        self._now_ms = now_ms

    @property
    def sleeping_until_ms(self) -> int | None:
        """The wall clock's moment of the first one to wake."""
        waiting = [at_ms for at_ms, _, done in self._sleepers if not done.done()]
        return min(waiting) - self._monotonic_ms + self._now_ms if waiting else None
