"""The host's three clocks, and the one that stands in for them in tests."""

import asyncio

import pytest

from agent.clock import COMMON_S, SystemClock, common_second
from tests.agent.fake_clock import FakeClock
from tests.pulse import Pulse

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


async def test_a_moment_is_never_met_before_it() -> None:
    clock = SystemClock()
    for rest_ms in (0, 1, 2, 3, 25) * 10:
        at_ms = clock.now_ms() + rest_ms
        await clock.sleep_until_ms(at_ms)
        assert clock.now_ms() >= at_ms


async def test_a_moment_that_is_over_is_not_waited_for() -> None:
    clock = SystemClock()
    before_ms = clock.monotonic_ms()

    await clock.sleep_until_ms(clock.now_ms() - 60_000)

    assert clock.monotonic_ms() - before_ms < 30_000


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


@pytest.mark.parametrize(
    ("now_s", "wait_s", "wakes_s"),
    [
        (10.0, 2, 12),
        (10.004, 2, 12),
        (10.3, 2, 12),
        (11.9, 2, 14),
        (10.1, 15, 24),
        (10.3, 0.2, 10.5),
    ],
)
def test_whoever_rests_wakes_on_a_common_second_as_all_others(
    now_s: float, wait_s: float, wakes_s: float
) -> None:
    assert common_second(now_s, wait_s) == pytest.approx(wakes_s)


async def test_two_that_rest_wake_together() -> None:
    loop, clock, woke_s = asyncio.get_running_loop(), SystemClock(), []

    async def rest(after_s: float) -> None:
        await asyncio.sleep(after_s)
        await clock.rest_ms(2_000)
        woke_s.append(loop.time())

    with Pulse() as pulse:
        await asyncio.gather(rest(0), rest(0.5))

    # Where a common second passes between the two, the later one wakes at the next.
    late_s = [at_s % COMMON_S for at_s in woke_s]
    assert len(late_s) == 2
    assert max(late_s) < 0.3 + pulse.worst_ms / 1_000
