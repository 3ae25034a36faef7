"""What becomes of due moments that came while nobody decided, or while somebody held them back?"""

import asyncio
from functools import partial

from agent.portions import ROWS_OF_ABSENCE
from agent.store import alerts, ledger, tasks
from agent.store.standby import Floor, find
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_task
from tests.agent.workshop import Workshop, end_of

WEEK_MS = 7 * 24 * HOUR_MS
DUE_MS = (NOW_MS // MINUTE_MS + 1) * MINUTE_MS


async def test_a_week_of_many_tasks_is_worked_off_in_few_rows_and_none_is_uncounted(
    workshop: Workshop,
) -> None:
    names = [f"t{number:03}" for number in range(300)]
    await workshop.register(*(a_task(name, schedule=("* * * * *",)) for name in names))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await workshop.scheduler.decide()
        workshop.clock.advance(WEEK_MS)
        await workshop.scheduler.decide()
        assert workshop.scheduler.backlog == 0
        assert workshop.runner.queue.in_background + workshop.runner.running <= len(names)
        await workshop.settle()
        workshop.runner.close()

    recorded = workshop.database.read_now(
        partial(ledger.recorded, from_ms=NOW_MS, to_ms=workshop.clock.now_ms())
    )
    assert len(recorded) <= ROWS_OF_ABSENCE + 2 * len(names)
    assert sum(row.missed_count for row in recorded) == len(names) * WEEK_MS // MINUTE_MS


async def test_what_is_due_now_starts_before_what_was_missed_is_worked_off(
    workshop: Workshop,
) -> None:
    late = [a_task(f"late{number:02}", schedule=("* * * * *",)) for number in range(60)]
    # By its name the last: only its moment, which is now, puts it before the others.
    await workshop.register(*late, a_task("z_now", schedule=("@at 2026-11-26T12:00",)))
    moment_ms = workshop.scheduler.next_ms("z_now")
    claims: list[set[str]] = []
    claim = workshop.recorder.claim

    async def watched(runs, **more):  # type: ignore[no-untyped-def]  # hands everything on
        claims.append({run.task_name for run in runs})
        return await claim(runs, **more)

    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        moment_ms = workshop.scheduler.next_ms("z_now")
        assert moment_ms is not None
        workshop.recorder.claim = watched  # type: ignore[method-assign]  # to see the order
        workshop.clock.advance(moment_ms - NOW_MS)
        await workshop.scheduler.decide()
        await workshop.settle()
        workshop.runner.close()

    assert len(claims) > 5, "the backlog is written in several turns"
    assert "z_now" in claims[0]


async def test_a_pause_that_ended_during_an_absence_holds_back_only_what_fell_into_it(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("hourly", schedule=("0 * * * *",), missed="skip"))
    until_ms = NOW_MS + 3 * HOUR_MS
    changed = await workshop.recorder.set_flags(
        ["hourly"], paused=True, until_ms=until_ms, who="Anna", reason="stock-take"
    )
    workshop.roster.put(changed)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(5 * HOUR_MS + 2 * MINUTE_MS)
        await workshop.scheduler.decide()

    assert [(run.scheduled_ms, run.reason) for run in workshop.rows()] == [
        (NOW_MS + HOUR_MS, "paused"),
        (NOW_MS + 2 * HOUR_MS, "paused"),
        (until_ms, "agent_down"),
        (NOW_MS + 4 * HOUR_MS, "agent_down"),
        (NOW_MS + 5 * HOUR_MS, "agent_down"),
    ]
    assert workshop.rows()[0].note == "stock-take"


async def test_moments_that_somebody_lets_pass_do_not_run_and_the_next_one_does(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("often", schedule=("* * * * *",)))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        changed = await workshop.recorder.set_flags(
            ["often"], skip_until_ms=DUE_MS + MINUTE_MS, who="Anna", reason="moving"
        )
        await workshop.scheduler.take(changed)
        for _ in range(3):
            workshop.clock.advance(MINUTE_MS)
            await workshop.scheduler.decide()
            await workshop.settle()

    assert [(run.status, run.reason) for run in workshop.rows()] == [
        ("skipped", "skip_next"),
        ("skipped", "skip_next"),
        ("running", None),
    ]
    assert workshop.rows()[0].note == "by Anna: moving"


async def test_a_task_taken_over_alone_is_planned_and_one_that_is_gone_is_not(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("a", schedule=("* * * * *",)), a_task("b"))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await workshop.database.write(
            partial(
                tasks.apply,
                definitions=[a_task("b", schedule=("* * * * *",))],
                who="x",
                why="",
                now_ms=NOW_MS,
            )
        )
        rows = await workshop.database.read(partial(tasks.load, names=["b"]))
        await workshop.scheduler.take(rows, gone=["a"])

    assert workshop.scheduler.next_ms("a") is None
    assert workshop.scheduler.next_ms("b") == DUE_MS
    assert workshop.scheduler.first_due_ms() == DUE_MS


async def test_a_definition_that_breaks_raises_one_alert_which_ends_when_it_is_mended(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("broken", schedule=("not a schedule",)))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        for _ in range(3):
            workshop.clock.advance(MINUTE_MS)
            await workshop.scheduler.decide()
        (alert,) = workshop.database.read_now(alerts.open_alerts)
        await workshop.database.write(
            partial(
                tasks.apply,
                definitions=[a_task("broken", schedule=("0 1 * * *",))],
                who="x",
                why="",
                now_ms=workshop.clock.now_ms(),
            )
        )
        await workshop.scheduler.reload()
        workshop.clock.advance(MINUTE_MS)
        await workshop.scheduler.decide()

    assert (alert.kind, alert.task_name, alert.occurrences) == ("task_invalid", "broken", 1)
    assert "not a schedule" in alert.message
    assert workshop.database.read_now(alerts.open_alerts) == ()


async def test_catching_up_with_all_runs_one_after_another_and_lets_what_is_due_go_first(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("often", schedule=("*/10 * * * *",), missed="all"))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await workshop.scheduler.decide()
        workshop.clock.advance(35 * MINUTE_MS)
        await workshop.scheduler.decide()
        await workshop.settle()
        first = list(workshop.keepers.orders)
        workshop.clock.advance(5 * MINUTE_MS)  # the moment after them is due while one runs
        workshop.runner.on_ended(end_of(first[0]))
        await workshop.settle()
        await workshop.scheduler.decide()
        await workshop.settle()
        workshop.runner.on_ended(end_of(workshop.keepers.orders[1]))
        await workshop.settle()
        for order in workshop.keepers.orders[2:]:
            workshop.runner.on_ended(end_of(order))
            await workshop.settle()

    rows = {run.id: run for run in workshop.rows()}
    assert len(first) == 1
    triggers = [
        (rows[order].trigger, rows[order].scheduled_ms) for order in workshop.keepers.orders
    ]
    assert [trigger for trigger, _ in triggers][:2] == ["catchup", "catchup"]
    assert [at_ms for trigger, at_ms in triggers if trigger == "catchup"] == sorted(
        at_ms for trigger, at_ms in triggers if trigger == "catchup"
    )


async def test_a_run_ordered_at_the_very_moment_of_another_does_not_take_its_place(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("often", schedule=("* * * * *",), overlap="allow"))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(DUE_MS - NOW_MS)

        await workshop.orders.start_now("often", who="Anna", reason=None)
        await workshop.scheduler.decide()
        await workshop.settle()

    assert [(run.trigger, run.scheduled_ms) for run in workshop.rows()] == [
        ("manual", DUE_MS + 1),
        ("schedule", DUE_MS),
    ]


async def test_what_was_due_before_a_beginning_without_the_database_is_decided_on_its_return(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("each_minute", schedule=("* * * * *",)))
    workshop.clock.advance(DUE_MS - NOW_MS + 2 * MINUTE_MS)
    floor = Floor(at_ms=workshop.clock.now_ms())
    async with asyncio.TaskGroup() as group:
        workshop.runner.work_in(group)
        await workshop.scheduler.begin_away(
            from_ms=floor.at_ms, watermarks={}, decided_until_ms=0, boots=(), highest_ms=0
        )
        await workshop.runner.recover((), ())
        await workshop.scheduler.decide()
        while_away = workshop.rows()

        found = await workshop.database.write(partial(find, floor=floor, now_ms=floor.at_ms))
        taken = frozenset({("each_minute", DUE_MS)})
        await workshop.scheduler.put_right(found, from_ms=floor.at_ms, taken=taken)
        await workshop.settle()
        workshop.runner.close()

    assert while_away == []
    assert [(run.scheduled_ms, run.status, run.reason) for run in workshop.rows()] == [
        (DUE_MS + MINUTE_MS, "missed", "agent_down"),
        (DUE_MS + 2 * MINUTE_MS, "running", None),
    ]


async def test_a_task_that_was_changed_elsewhere_is_decided_by_what_it_is_now(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("known", schedule=("0 0 * * *",)))
    floor = Floor(at_ms=NOW_MS)
    async with asyncio.TaskGroup() as group:
        workshop.runner.work_in(group)
        await workshop.scheduler.begin_away(
            from_ms=NOW_MS, watermarks={}, decided_until_ms=0, boots=(), highest_ms=0
        )
        await workshop.runner.recover((), ())
        new = a_task("new", schedule=("* * * * *",))
        await workshop.database.write(
            partial(tasks.register, definitions=[new], who="other", why="", now_ms=NOW_MS)
        )
        workshop.clock.advance(DUE_MS - NOW_MS)

        now_ms = workshop.clock.now_ms()
        found = await workshop.database.write(partial(find, floor=floor, now_ms=now_ms))
        await workshop.scheduler.put_right(found, from_ms=NOW_MS, taken=frozenset())
        await workshop.settle()
        workshop.runner.close()

    assert [(run.task_name, run.scheduled_ms) for run in workshop.rows()] == [("new", DUE_MS)]
    assert workshop.scheduler.next_ms("new") == DUE_MS + MINUTE_MS
