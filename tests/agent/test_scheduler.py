"""When is each task due, and is nothing decided twice or too early?"""

import asyncio
from functools import partial

import msgspec
import pytest

from agent.errors import DatabaseAway
from agent.scheduler import GAP_MS, Scheduler
from agent.store import alerts, state, tasks
from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_task
from tests.agent.workshop import Workshop, end_of

# The first full minute after the workshop's clock.
DUE_MS = (NOW_MS // MINUTE_MS + 1) * MINUTE_MS
EACH_MINUTE = a_task("each_minute", schedule=("* * * * *",))


async def test_a_task_never_starts_a_millisecond_early(workshop: Workshop) -> None:
    await workshop.register(EACH_MINUTE)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)

        workshop.clock.advance(DUE_MS - NOW_MS - 1)
        await workshop.scheduler.decide()
        early = workshop.rows()
        workshop.clock.advance(1)
        await workshop.scheduler.decide()

    assert early == []
    (run,) = workshop.rows()
    assert (run.scheduled_ms, run.trigger) == (DUE_MS, "schedule")


async def test_the_loop_sleeps_until_the_next_due_moment_and_no_longer(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("soon", schedule=("@every 7s",)))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        loop = group.create_task(workshop.scheduler.run())
        due_ms = workshop.scheduler.next_ms("soon")

        await workshop.until(lambda: workshop.clock.sleeping_until_ms is not None)
        asleep_until_ms = workshop.clock.sleeping_until_ms
        loop.cancel()

    assert asleep_until_ms == due_ms


async def test_of_more_than_is_written_at_once_the_most_urgent_start_first(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.portions.STARTS_AT_ONCE", 2)
    names = [f"task_{number}" for number in range(7)]
    priorities = [5, 4, 3, 2, 1, 1, 3]
    await workshop.register(
        *(
            a_task(name, schedule=("* * * * *",), priority=priority)
            for name, priority in zip(names, priorities, strict=True)
        )
    )
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(DUE_MS - NOW_MS)
        await workshop.scheduler.decide()
        await workshop.settle()

    of_run = {run.id: run.task_name for run in workshop.rows()}
    started = [priorities[names.index(of_run[run_id])] for run_id in workshop.keepers.orders]
    assert started == sorted(priorities)
    assert {run.scheduled_ms for run in workshop.rows()} == {DUE_MS}


async def test_a_change_wakes_the_loop_and_counts_only_from_now_on(workshop: Workshop) -> None:
    await workshop.register(EACH_MINUTE)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(DUE_MS - NOW_MS)
        hourly = a_task("each_minute", schedule=("0 * * * *",))
        await workshop.database.write(
            partial(
                tasks.apply,
                definitions=[hourly],
                who="test",
                why="",
                now_ms=workshop.clock.now_ms(),
            )
        )

        await workshop.scheduler.reload()

    (run,) = workshop.rows()
    assert run.scheduled_ms == DUE_MS, "what was due by the old definition has its row"
    next_ms = workshop.scheduler.next_ms("each_minute")
    assert next_ms is not None
    assert next_ms % (60 * MINUTE_MS) == 0


async def test_a_clock_that_is_set_back_fires_no_moment_twice(workshop: Workshop) -> None:
    await workshop.register(EACH_MINUTE)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(DUE_MS - NOW_MS)
        await workshop.scheduler.decide()
        await workshop.settle()
        workshop.runner.on_ended(end_of(workshop.keepers.orders[0]))
        await workshop.settle()

        workshop.clock.set_wall(DUE_MS - 30_000)
        await workshop.scheduler.decide()
        workshop.clock.set_wall(DUE_MS)
        await workshop.scheduler.decide()

    assert [run.scheduled_ms for run in workshop.rows()] == [DUE_MS]


async def test_what_came_while_nobody_looked_is_missed_but_for_the_newest(
    workshop: Workshop,
) -> None:
    await workshop.register(EACH_MINUTE)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await workshop.scheduler.decide()

        workshop.clock.advance(DUE_MS - NOW_MS + 9 * MINUTE_MS + GAP_MS)
        await workshop.scheduler.decide()

    rows = workshop.rows()
    assert [run.scheduled_ms for run in rows] == [DUE_MS + n * MINUTE_MS for n in range(12)]
    assert {(run.status, run.reason) for run in rows[:-1]} == {("missed", "agent_down")}
    assert rows[-1].status in ("queued", "running")


async def test_how_far_is_decided_stands_in_the_database_with_the_rows(
    workshop: Workshop,
) -> None:
    await workshop.register(EACH_MINUTE)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(DUE_MS - NOW_MS)

        await workshop.scheduler.decide()

    assert workshop.database.read_now(state.decided_until) == DUE_MS
    (task,) = workshop.database.read_now(tasks.load_all)
    assert task.watermark_ms == DUE_MS


async def test_a_task_that_cannot_be_scheduled_does_not_hold_up_the_others(
    workshop: Workshop,
) -> None:
    broken = a_task("broken", schedule=("not a schedule",))
    await workshop.register(broken, EACH_MINUTE)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(DUE_MS - NOW_MS)

        await workshop.scheduler.decide()

    assert [run.task_name for run in workshop.rows()] == ["each_minute"]
    assert "not a schedule" in (workshop.scheduler.fault("broken") or "")
    assert workshop.scheduler.next_ms("broken") is None


async def test_a_task_that_cannot_be_scheduled_is_told_of_while_others_are_due_all_the_time(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("often", schedule=("@every 7s",)))
    broken = a_task("broken", schedule=("not a schedule",))
    register = partial(tasks.register, definitions=[broken], who="test", why="", now_ms=NOW_MS)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        for second in range(120):
            workshop.clock.advance(1_000)
            await workshop.scheduler.decide()
            if second == 30:
                await workshop.database.write(register)
                await workshop.scheduler.reload()
        told = workshop.database.read_now(alerts.open_alerts)

    assert [(one.kind, one.task_name) for one in told] == [("task_invalid", "broken")]


async def test_a_busy_task_is_skipped_with_its_reason(workshop: Workshop) -> None:
    await workshop.register(EACH_MINUTE)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        for _ in range(2):
            workshop.clock.advance(DUE_MS - NOW_MS if not workshop.rows() else MINUTE_MS)
            await workshop.scheduler.decide()
            await workshop.settle()

    first, second = workshop.rows()
    assert first.status == "running"
    assert (second.status, second.reason) == ("skipped", "overlap")


def test_a_scheduler_knows_nothing_before_it_planned(workshop: Workshop) -> None:
    scheduler: Scheduler = workshop.scheduler

    assert scheduler.next_ms("each_minute") is None
    assert scheduler.fault("each_minute") is None


async def test_a_task_that_was_switched_off_is_decided_up_to_then_and_no_further(
    workshop: Workshop,
) -> None:
    await workshop.register(EACH_MINUTE)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        loop = group.create_task(workshop.scheduler.run())
        workshop.clock.advance(DUE_MS - NOW_MS)
        changed = await workshop.recorder.set_flags(["each_minute"], enabled=False, who="smartcron")

        workshop.scheduler.take_soon(changed)
        await workshop.until(lambda: workshop.scheduler.next_ms("each_minute") is None)
        loop.cancel()
        await workshop.settle()

    assert [run.scheduled_ms for run in workshop.rows()] == [DUE_MS]


async def test_what_is_due_does_not_wait_for_history_that_cannot_be_read(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workshop.register(EACH_MINUTE)

    async def away(*_: object, **__: object) -> None:
        raise DatabaseAway

    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(DUE_MS - NOW_MS)
        (row,) = workshop.roster.all()
        monkeypatch.setattr(workshop.roster, "history", away)
        async with asyncio.timeout(60):
            await workshop.scheduler.take([msgspec.structs.replace(row, pause_reason="changed")])

    (run,) = workshop.rows()
    assert run.scheduled_ms == DUE_MS
    known = workshop.roster.get("each_minute")
    assert known is not None
    assert known.pause_reason == "changed"
