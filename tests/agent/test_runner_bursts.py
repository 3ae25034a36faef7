"""Do starts go before rows of what happened, and no longer than a moment?"""

import asyncio

import pytest

from agent import runner
from agent.running.keeping import Order, Started
from tests.agent.store.makings import NOW_MS, a_run, a_task
from tests.agent.workshop import HandKeepers, Workshop, end_of


class SlowKeepers(HandKeepers):
    """Starts the first run at once, every other when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = asyncio.Event()

    async def start(self, order: Order) -> Started:
        await asyncio.sleep(0)  # as any answer takes its time
        started = await super().start(order)
        if len(self.orders) > 1:
            await self.go_on.wait()
        return started


async def test_a_run_that_ends_while_others_start_is_written_once_with_its_end(
    workshop: Workshop,
) -> None:
    keepers = SlowKeepers()
    workshop.use(keepers)
    await workshop.register(a_task("quick"), a_task("slow"))
    runs = [a_run(task_name="quick"), a_run(task_name="slow")]
    await workshop.recorder.claim(runs)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit(runs)
        await workshop.until(lambda: len(keepers.orders) == 2)

        workshop.runner.on_ended(end_of(runs[0].id))
        await asyncio.sleep(0)
        meanwhile = workshop.rows("quick")[0].status
        keepers.go_on.set()
        await workshop.settle()

    shown = [row.status for one in workshop.shown for row in one.runs if row.id == runs[0].id]
    assert meanwhile == "queued"
    assert shown == ["queued", "success"]
    assert workshop.rows("slow")[0].status == "running"


async def test_a_start_that_hangs_holds_up_no_row_for_long(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "STARTS_FIRST_S", 0.01)
    keepers = SlowKeepers()
    workshop.use(keepers)
    await workshop.register(a_task("quick"), a_task("slow"))
    runs = [a_run(NOW_MS, task_name="quick"), a_run(NOW_MS, task_name="slow")]
    await workshop.recorder.claim(runs)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit(runs)

        await workshop.until(lambda: workshop.rows("quick")[0].status == "running")
        workshop.runner.on_ended(end_of(runs[0].id))
        await workshop.until(lambda: workshop.rows("quick")[0].status == "success")

        assert workshop.rows("slow")[0].status == "queued"
        keepers.go_on.set()
        await workshop.settle()
