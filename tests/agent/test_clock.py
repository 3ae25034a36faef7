"""The host's three clocks, and the one that stands in for them in tests."""

import asyncio

from agent.clock import SystemClock
from tests.agent.fake_clock import FakeClock

NOW_MS = 1_795_500_000_000


def readings(clock: FakeClock) -> tuple[int, int, int]:
    return clock.now_ms(), clock.boottime_ms(), clock.monotonic_ms()


async def test_boot_time_is_never_behind_monotonic_time_and_goes_on_with_it() -> None:
    clock = SystemClock()
    before = clock.monotonic_ms(), clock.boottime_ms()
    await clock.sleep_ms(20)
    after = clock.boottime_ms(), clock.monotonic_ms()

    assert before[1] >= before[0]
    assert after[0] - before[1] >= 20
    assert after[1] - before[0] >= 20


def test_in_suspend_the_monotonic_clock_stands_still_and_a_set_wall_moves_no_other() -> None:
    clock = FakeClock(NOW_MS)
    clock.advance(5)
    clock.suspend(70)
    clock.set_wall(NOW_MS - 900)

    assert readings(clock) == (NOW_MS - 900, 75, 5)


async def test_who_sleeps_is_not_woken_by_a_suspend_or_a_set_wall() -> None:
    clock = FakeClock(NOW_MS)
    sleeping = asyncio.ensure_future(clock.sleep_ms(100))
    await asyncio.sleep(0)

    clock.suspend(1_000)
    clock.set_wall(NOW_MS + 86_400_000)
    await asyncio.sleep(0)
    slept_on = not sleeping.done()
    clock.advance(100)
    await sleeping

    assert slept_on
