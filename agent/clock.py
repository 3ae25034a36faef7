"""What time is it: the one place that asks the system."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

# Where the system has no such clock, a suspend looks as if the wall clock had been set forward.
BOOTTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

COMMON_S: Final = 2
_EARLY_S: Final = 0.002
_SURELY_S: Final = 0.000_02
"""A wall clock that is just being slowed down must not be a thousandth behind then."""
_LATE_S: Final = 0.25
"""Whoever woke a little late, or had much to do, is not to be a turn ahead of the others."""


class Timer(Protocol):
    """Something that will happen unless it is cancelled."""

    def cancel(self) -> None:
        """Let it not happen; once it has happened this changes nothing."""
        ...


class Clock(Protocol):
    """The wall clock, the monotonic clock, and sleeping by it."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC by the wall clock."""
        ...

    def monotonic_ms(self) -> int:
        """Milliseconds since some fixed moment; never set back, stands still in suspend."""
        ...

    def boottime_ms(self) -> int:
        """Milliseconds since some fixed moment; never set back, goes on during suspend."""
        ...

    async def sleep_ms(self, duration_ms: int) -> None:
        """Return after at least this many milliseconds by the monotonic clock."""
        ...

    async def sleep_until_ms(self, at_ms: int) -> None:
        """Return when the wall clock comes to this moment; sooner if it is set meanwhile."""
        ...

    async def rest_ms(self, duration_ms: int) -> None:
        """Return after this long or up to two seconds less, together with others that rest."""
        ...

    def call_later(self, duration_ms: int, callback: Callable[[], None]) -> Timer:
        """Call this after so many milliseconds by the monotonic clock."""
        ...


class SystemClock:
    """The clock of the host."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def boottime_ms(self) -> int:
        return time.clock_gettime_ns(BOOTTIME) // 1_000_000

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(duration_ms / 1000)

    async def sleep_until_ms(self, at_ms: int) -> None:
        # A loop sleeps for whole milliseconds, and rather one too many: it may be two late.
        await asyncio.sleep(at_ms / 1000 - time.time() - _EARLY_S)
        rest_s = at_ms / 1000 - time.time()
        if 0 < rest_s <= _EARLY_S:
            time.sleep(rest_s + _SURELY_S)  # noqa: ASYNC251 - shorter than the loop can wait

    async def rest_ms(self, duration_ms: int) -> None:
        now_s = asyncio.get_running_loop().time()
        await asyncio.sleep(common_second(now_s, duration_ms / 1000) - now_s)

    def call_later(self, duration_ms: int, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(duration_ms / 1000, callback)


def common_second(now_s: float, wait_s: float) -> float:
    """When to wake up after up to `wait_s`, at the second at which everybody does who may.

    An agent at rest pays for each time that it wakes up, not for what it does then.
    """
    if wait_s < COMMON_S:
        return now_s + wait_s
    return (now_s + wait_s + _LATE_S) // COMMON_S * COMMON_S


def moment(at_ms: int) -> datetime:
    """The aware UTC datetime of a moment in milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def iso(at_ms: int) -> str:
    """A moment as ISO 8601 in UTC with milliseconds, for logs and answers."""
    return moment(at_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
