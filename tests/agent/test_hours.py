"""Is each run that waits for its hour handed on once, and only while it waits?"""

import asyncio

import pytest

from agent.hours import Hours
from agent.runs import Run
from tests.agent.fake_clock import FakeClock
from tests.agent.store.makings import NOW_MS, a_run


class Desk:
    """A clock moved by hand, and what was handed on."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW_MS)
        self.come: list[Run] = []
        self.hours = Hours(self.clock, self.come.append)

    async def pass_ms(self, duration_ms: int) -> None:
        self.clock.advance(duration_ms)
        await asyncio.sleep(0)


@pytest.fixture
async def desk() -> Desk:
    return Desk()


async def test_a_run_is_handed_on_when_its_hour_comes_and_not_before(desk: Desk) -> None:
    run = a_run()
    desk.hours.put(run, 1_000)

    await desk.pass_ms(999)
    early = list(desk.come)
    await desk.pass_ms(1)

    assert (early, desk.come) == ([], [run])
    assert list(desk.hours) == []


async def test_one_that_is_put_again_comes_once_at_its_newer_hour(desk: Desk) -> None:
    run = a_run()
    desk.hours.put(run, 1_000)
    desk.hours.put(run, 5_000)

    await desk.pass_ms(4_999)
    early = list(desk.come)
    await desk.pass_ms(10_000)

    assert (early, desk.come) == ([], [run])


async def test_one_that_is_removed_or_hastened_does_not_come_by_itself(desk: Desk) -> None:
    removed, hastened = a_run(NOW_MS), a_run(NOW_MS + 1)
    for run in (removed, hastened):
        desk.hours.put(run, 1_000)

    assert desk.hours.remove(removed.id) == removed
    assert desk.hours.remove(removed.id) is None
    desk.hours.hasten(hastened.id)
    desk.hours.hasten(hastened.id)
    await desk.pass_ms(2_000)

    assert desk.come == [hastened]


async def test_the_runs_of_a_task_are_found_in_the_order_they_came(desk: Desk) -> None:
    first, other, second = (
        a_run(NOW_MS, task_name="a"),
        a_run(NOW_MS, task_name="b"),
        a_run(NOW_MS + 1, task_name="a"),
    )
    for run in (first, other, second):
        desk.hours.put(run, 1_000)

    assert desk.hours.of("a") == (first, second)
    assert desk.hours.of("c") == ()


async def test_after_closing_nothing_comes_any_more(desk: Desk) -> None:
    desk.hours.put(a_run(), 1_000)

    desk.hours.close()
    await desk.pass_ms(2_000)

    assert desk.come == []
