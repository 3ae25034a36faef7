"""Do all other tasks go on while the row of one cannot be read, and how is it mended?"""

import asyncio
from functools import partial

import pytest
from sqlalchemy import text

from agent.errors import Conflict
from agent.store import alerts, tasks
from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_task
from tests.agent.workshop import Workshop

EACH_MINUTE = ("* * * * *",)


async def write(workshop: Workshop, column: str, value: str) -> None:
    statement = text(
        f"update smart_cron_tasks_config set {column} = :value where task_name = 'bad'"  # noqa: S608 - names from below
    )
    await workshop.database.write(lambda one: one.execute(statement, {"value": value}))


async def minute(workshop: Workshop) -> None:
    workshop.clock.advance(MINUTE_MS)
    await workshop.scheduler.decide()
    await workshop.settle()


@pytest.mark.parametrize(("column", "value"), [("priority", "abc"), ("calendars", "nonsense")])
async def test_one_row_that_cannot_be_read_is_an_alert_and_the_others_run(
    workshop: Workshop, column: str, value: str
) -> None:
    await workshop.register(
        a_task("bad", schedule=EACH_MINUTE), a_task("good", schedule=EACH_MINUTE)
    )
    await write(workshop, column, value)
    await workshop.roster.load()

    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await minute(workshop)
        with pytest.raises(Conflict, match=column):
            await workshop.orders.start_now("bad", who="Anna", reason=None)
        workshop.runner.close()

    assert [run.task_name for run in workshop.rows()] == ["good"]
    assert column in (workshop.scheduler.fault("bad") or "")
    (alert,) = workshop.database.read_now(alerts.open_alerts)
    assert (alert.kind, alert.task_name) == ("task_invalid", "bad")
    assert column in alert.message


@pytest.mark.parametrize("how", ["corrected by hand", "defined anew"])
async def test_a_row_spoilt_while_the_agent_serves_is_mended_by_a_correction_and_by_a_definition(
    workshop: Workshop, how: str
) -> None:
    await workshop.register(a_task("bad", schedule=EACH_MINUTE))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await write(workshop, "priority", "abc")
        await workshop.scheduler.reload()
        await minute(workshop)
        spoilt = workshop.scheduler.fault("bad"), workshop.scheduler.next_ms("bad")
        if how == "defined anew":
            await workshop.database.write(
                partial(
                    tasks.apply,
                    definitions=[a_task("bad", schedule=EACH_MINUTE)],
                    who="Anna",
                    why="",
                    now_ms=workshop.clock.now_ms(),
                )
            )
        else:
            await write(workshop, "priority", "3")
        await workshop.scheduler.reload()
        await minute(workshop)
        workshop.runner.close()

    assert spoilt[0] is not None
    assert spoilt[1] is None
    assert workshop.scheduler.fault("bad") is None
    assert workshop.database.read_now(alerts.open_alerts) == ()
    # Both minutes have their row: also the one in which nobody could tell what to do.
    assert len(workshop.rows("bad")) == 2


async def test_an_alert_of_an_earlier_agent_ends_when_the_row_was_mended_meanwhile(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("bad", schedule=EACH_MINUTE))
    await write(workshop, "priority", "abc")
    await workshop.roster.load()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await workshop.scheduler.decide()
    assert len(workshop.database.read_now(alerts.open_alerts)) == 1
    await write(workshop, "priority", "3")

    following = Workshop(workshop.home.root.parent, clock=workshop.clock)
    await following.roster.load()
    async with asyncio.TaskGroup() as group:
        following.runner.work_in(group)
        await following.scheduler.begin(
            decided_until_ms=NOW_MS, highest_ms=0, boots=(), history={}, told=["bad"]
        )
        await following.runner.recover((), ())
        await following.scheduler.decide()
        following.runner.close()

    assert following.database.read_now(alerts.open_alerts) == ()
    following.database.close()
