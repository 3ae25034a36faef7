"""What becomes of runs by their tasks' policies: overlap, chains, blackouts, backfill?"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.errors import Conflict, RunNotFound, WrongUse
from agent.running.terms import Started
from agent.runs import Run
from agent.windows import Calendar
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run, a_task
from tests.agent.workshop import Workshop, end_of


@pytest.fixture
def banking(tmp_path: Path) -> Iterator[Workshop]:
    workshop = Workshop(tmp_path, category_slots={"Banking": 1})
    yield workshop
    workshop.database.close()


async def submit(workshop: Workshop, *runs: Run) -> None:
    await workshop.recorder.claim(runs)
    workshop.runner.submit(runs)
    await workshop.settle()


async def end(workshop: Workshop, run_id: str, *, exit_status: int | None = 0) -> None:
    workshop.runner.on_ended(end_of(run_id, exit_status=exit_status))
    await workshop.settle()


STOCKTAKE = Calendar(name="stocktake", spans=((NOW_MS - HOUR_MS, NOW_MS + HOUR_MS),))


# Overlap


async def test_a_newer_run_replaces_the_older_one_which_is_gone_before_it_starts(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task(overlap="replace", kill_grace_s=3))
    older, newer = a_run(NOW_MS), a_run(NOW_MS + 1)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, older)

        await submit(workshop, newer)
        meanwhile = list(workshop.keepers.orders)
        workshop.runner.on_ended(end_of(older.id, exit_status=None, cause="aborted"))
        await workshop.settle()

    assert workshop.keepers.stops == [(older.id, 3_000)]
    assert meanwhile == [older.id]
    assert workshop.keepers.orders == [older.id, newer.id]
    first, second = workshop.rows()
    assert (first.status, first.reason) == ("aborted", "replaced")
    assert second.status == "running"


async def test_a_newer_run_replaces_the_older_one_also_when_the_agent_died_between_both(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task(overlap="replace", kill_grace_s=3))
    alive, waiting, newest = (a_run(NOW_MS + n) for n in range(3))
    await workshop.recorder.claim([alive, waiting, newest])
    async with asyncio.TaskGroup() as group:
        workshop.runner.work_in(group)
        await workshop.runner.recover([alive, waiting, newest], [Started(alive.id, 4711, NOW_MS)])
        await workshop.settle()

    assert workshop.keepers.stops == [(alive.id, 3_000)]
    assert [(run.status, run.reason) for run in workshop.rows()] == [
        ("stopping", "replaced"),
        ("skipped", "replaced"),
        ("queued", None),
    ]


async def test_a_newer_run_takes_the_place_of_one_that_still_waits(workshop: Workshop) -> None:
    await workshop.register(a_task(overlap="replace"))
    alive, waiting, newest = (a_run(NOW_MS + n) for n in range(3))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, alive)
        await submit(workshop, waiting)

        await submit(workshop, newest)

    assert [(run.status, run.reason) for run in workshop.rows()] == [
        ("stopping", "replaced"),
        ("skipped", "replaced"),
        ("queued", None),
    ]


async def test_runs_that_are_allowed_side_by_side_live_side_by_side(workshop: Workshop) -> None:
    await workshop.register(a_task(overlap="allow", overlap_limit=2))
    runs = [a_run(NOW_MS + n) for n in range(3)]
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)

        await submit(workshop, *runs)
        together = list(workshop.keepers.orders)
        await end(workshop, runs[1].id)

    assert together == [runs[0].id, runs[1].id]
    assert workshop.keepers.orders[2:] == [runs[2].id]


async def test_a_category_has_no_more_runs_than_its_cap(banking: Workshop) -> None:
    await banking.register(a_task("fetch", category="Banking"), a_task("sort", category="Banking"))
    fetch, sort = (a_run(task_name=name, category="Banking") for name in ("fetch", "sort"))
    async with asyncio.TaskGroup() as group:
        await banking.begin(group)

        await submit(banking, fetch, sort)
        first = list(banking.keepers.orders)
        await end(banking, fetch.id)

    assert first == [fetch.id]
    assert banking.keepers.orders == [fetch.id, sort.id]


async def test_a_run_ordered_by_hand_may_wait_or_run_beside_where_the_task_allows_it(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("alone"), a_task("many", overlap="allow", overlap_limit=2))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        for name in ("alone", "many"):
            await workshop.orders.start_now(name, who="Anna", reason=None)
        await workshop.settle()

        with pytest.raises(WrongUse, match="never live side by side"):
            await workshop.orders.start_now("alone", who="A", reason=None, if_running="parallel")
        await workshop.orders.start_now("alone", who="A", reason="again", if_running="queue")
        await workshop.orders.start_now("many", who="A", reason=None, if_running="parallel")
        with pytest.raises(Conflict, match="running already"):
            await workshop.orders.start_now("many", who="A", reason=None, if_running="parallel")
        await workshop.settle()

    assert len(workshop.keepers.orders) == 3
    assert [run.status for run in workshop.rows("alone")] == ["running", "queued"]
    assert workshop.rows("alone")[1].note == "again"


# Chains


async def test_a_task_runs_after_the_end_it_waits_for_and_knows_the_cause(
    workshop: Workshop,
) -> None:
    await workshop.register(
        a_task("fetch"),
        a_task("sort", schedule=(), after=("fetch",)),
        a_task("complain", schedule=(), after=("fetch",), after_on="failure"),
        a_task("tidy", schedule=(), after=("fetch",), after_on="any"),
    )
    good, bad = a_run(NOW_MS, task_name="fetch"), a_run(NOW_MS + 1, task_name="fetch")
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, good)
        await end(workshop, good.id)
        for order in workshop.keepers.orders[1:]:
            await end(workshop, order)
        await submit(workshop, bad)
        await end(workshop, bad.id, exit_status=3)

    chained = [run for run in workshop.rows() if run.trigger == "chain"]
    assert sorted((run.task_name, run.caused_by) for run in chained) == sorted(
        [("sort", good.id), ("tidy", good.id), ("complain", bad.id), ("tidy", bad.id)]
    )
    assert {run.attempt for run in chained} == {1}
    assert all(run.scheduled_ms >= NOW_MS + 50 for run in chained)


async def test_a_timeout_is_a_failure_to_those_who_wait_for_one(workshop: Workshop) -> None:
    await workshop.register(
        a_task("fetch"), a_task("complain", schedule=(), after=("fetch",), after_on="failure")
    )
    run = a_run(task_name="fetch")
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)
        workshop.runner.on_ended(end_of(run.id, exit_status=None, cause="timeout"))
        await workshop.settle()

    assert [run.status for run in workshop.rows("complain")] == ["running"]


async def test_only_the_last_attempt_is_an_end_to_those_who_wait_for_one(
    workshop: Workshop,
) -> None:
    await workshop.register(
        a_task("fetch", max_retries=1, retry_base_s=1),
        a_task("complain", schedule=(), after=("fetch",), after_on="failure"),
    )
    run = a_run(task_name="fetch")
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)
        await end(workshop, run.id, exit_status=1)
        after_one = workshop.rows("complain")
        workshop.clock.advance(5_000)
        await workshop.until(lambda: len(workshop.keepers.orders) == 2)
        await workshop.settle()
        await end(workshop, workshop.keepers.orders[1], exit_status=1)

    assert after_one == []
    assert len(workshop.rows("complain")) == 1


async def test_a_delay_in_a_chain_is_waited_for_and_survives_the_agent(workshop: Workshop) -> None:
    await workshop.register(
        a_task("fetch"), a_task("sort", schedule=(), after=("fetch",), after_delay_s=60)
    )
    run = a_run(task_name="fetch")
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)
        await end(workshop, run.id)
        (waiting,) = workshop.rows("sort")
        workshop.clock.advance(59_000)
        await asyncio.sleep(0)
        early = list(workshop.keepers.orders)
        workshop.clock.advance(2_000)
        await workshop.until(lambda: len(workshop.keepers.orders) == 2)
        await workshop.settle()

    assert (waiting.status, waiting.scheduled_ms) == ("queued", NOW_MS + 50 + MINUTE_MS)
    assert waiting.retry_at_ms == waiting.scheduled_ms
    assert early == [run.id]
    assert workshop.rows("sort")[0].status == "running"


async def test_a_run_that_waits_for_its_hour_waits_on_under_the_next_agent(
    workshop: Workshop,
) -> None:
    await workshop.register(
        a_task("fetch"), a_task("sort", schedule=(), after=("fetch",), after_delay_s=60)
    )
    left = a_run(
        NOW_MS + MINUTE_MS, task_name="sort", trigger="chain", retry_at_ms=NOW_MS + MINUTE_MS
    )
    await workshop.recorder.claim([left])
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group, unfinished=[left])
        await workshop.settle()
        early = list(workshop.keepers.orders)
        workshop.clock.advance(MINUTE_MS)
        await workshop.until(lambda: workshop.keepers.orders == [left.id])
        await workshop.settle()

    assert early == []


async def test_a_paused_or_busy_follower_has_a_row_that_says_why_it_did_not_run(
    workshop: Workshop,
) -> None:
    await workshop.register(
        a_task("fetch"),
        a_task("held", schedule=(), after=("fetch",)),
        a_task("busy", schedule=(), after=("fetch",)),
    )
    changed = await workshop.recorder.set_flags(["held"], paused=True, who="Anna", reason="no")
    workshop.roster.put(changed)
    run = a_run(task_name="fetch")
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run, a_run(task_name="busy"))
        await end(workshop, run.id)

    chained = {run.task_name: run for run in workshop.rows() if run.trigger == "chain"}
    assert (chained["held"].status, chained["held"].reason) == ("skipped", "paused")
    assert (chained["busy"].status, chained["busy"].reason) == ("skipped", "overlap")
    assert {run.caused_by for run in chained.values()} == {run.id}


async def test_a_run_that_was_lost_starts_those_who_wait_for_a_failure(workshop: Workshop) -> None:
    await workshop.register(
        a_task("fetch"), a_task("complain", schedule=(), after=("fetch",), after_on="failure")
    )
    lost = a_run(task_name="fetch")
    await workshop.recorder.claim([lost])
    lost = msgspec.structs.replace(lost, status="running", started_ms=NOW_MS, pid=1)
    await workshop.recorder.started(lost)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group, unfinished=[lost])
        await workshop.settle()

    assert workshop.rows("fetch")[0].status == "lost"
    assert [run.caused_by for run in workshop.rows("complain")] == [lost.id]


async def test_what_an_earlier_agent_left_waiting_is_in_the_way_while_ends_are_recorded(
    workshop: Workshop,
) -> None:
    await workshop.register(
        a_task("fetch"), a_task("complain", schedule=(), after=("fetch",), after_on="failure")
    )
    lost = a_run(task_name="fetch", status="running", started_ms=NOW_MS)
    waiting = a_run(NOW_MS + 1, task_name="complain", trigger="chain")
    await workshop.recorder.claim([lost, waiting])
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group, unfinished=[lost, waiting])
        await workshop.settle()

    assert sorted((run.status, run.reason) for run in workshop.rows("complain")) == [
        ("running", None),
        ("skipped", "overlap"),
    ]


async def test_nothing_starts_beside_a_run_that_is_only_being_taken_over(
    workshop: Workshop,
) -> None:
    await workshop.register(
        a_task("fetch"), a_task("sort", schedule=(), after=("fetch",), after_on="failure")
    )
    lost, alive = a_run(NOW_MS, task_name="fetch"), a_run(NOW_MS + 1, task_name="sort")
    await workshop.recorder.claim([lost, alive])
    left = [
        msgspec.structs.replace(run, status="running", started_ms=NOW_MS, pid=1)
        for run in (lost, alive)
    ]
    for run in left:
        await workshop.recorder.started(run)
    async with asyncio.TaskGroup() as group:
        workshop.runner.work_in(group)
        await workshop.scheduler.begin(decided_until_ms=NOW_MS, highest_ms=0, boots=(), history={})
        await workshop.runner.recover(left, [Started(alive.id, 1, NOW_MS)])
        await workshop.settle()

    assert workshop.keepers.orders == []
    chained = [run for run in workshop.rows("sort") if run.trigger == "chain"]
    assert [(run.status, run.reason) for run in chained] == [("skipped", "overlap")]


async def test_two_that_end_together_start_one_run_of_a_task_that_runs_alone(
    workshop: Workshop,
) -> None:
    await workshop.register(
        a_task("fetch"), a_task("count"), a_task("sort", schedule=(), after=("fetch", "count"))
    )
    runs = [a_run(task_name="fetch"), a_run(task_name="count")]
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, *runs)
        for run in runs:
            workshop.runner.on_ended(end_of(run.id))
        await workshop.settle()

    assert sorted((run.status, run.reason) for run in workshop.rows("sort")) == [
        ("running", None),
        ("skipped", "overlap"),
    ]


async def test_a_follower_does_not_run_beside_a_moment_that_is_just_being_claimed(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("fetch"), a_task("sort", after=("fetch",)))
    run, moment = a_run(task_name="fetch"), a_run(NOW_MS + 1_000, task_name="sort")
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)
        with workshop.runner.arriving([moment]):
            await end(workshop, run.id)
        await submit(workshop, moment)

    assert {one.trigger: (one.status, one.reason) for one in workshop.rows("sort")} == {
        "chain": ("skipped", "overlap"),
        "schedule": ("running", None),
    }


@pytest.mark.parametrize("how", ["superseded", "disabled", "aborted"])
async def test_a_failure_is_the_end_when_the_try_planned_after_it_is_not_made(
    workshop: Workshop, how: str
) -> None:
    await workshop.register(
        a_task("fetch", max_retries=1, retry_base_s=1),
        a_task("complain", schedule=(), after=("fetch",), after_on="failure"),
    )
    run = a_run(task_name="fetch")
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)
        await end(workshop, run.id, exit_status=1)
        retry = workshop.rows("fetch")[1]
        if how == "superseded":
            await submit(workshop, a_run(NOW_MS + MINUTE_MS, task_name="fetch"))
        elif how == "disabled":
            off = await workshop.recorder.set_flags(["fetch"], enabled=False, who="Anna")
            workshop.roster.put(off)
            workshop.clock.advance(5_000)
            await workshop.until(lambda: bool(workshop.rows("complain")))
        else:
            await workshop.runner.abort(retry.id, who="Anna")
        await workshop.settle()

    (complaint,) = workshop.rows("complain")
    assert (complaint.status, complaint.caused_by) == ("running", retry.id)


async def test_one_that_is_stopped_before_it_starts_is_an_end_to_those_who_wait_for_any(
    workshop: Workshop,
) -> None:
    await workshop.register(
        a_task("fetch", overlap="queue"),
        a_task("tidy", schedule=(), after=("fetch",), after_on="any"),
    )
    alive, waiting = a_run(task_name="fetch"), a_run(NOW_MS + 1, task_name="fetch")
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, alive, waiting)
        await workshop.runner.abort(waiting.id, who="Anna")
        await workshop.settle()

    assert [run.caused_by for run in workshop.rows("tidy")] == [waiting.id]


# Blackouts


async def test_a_run_that_reaches_its_slot_in_a_blackout_is_skipped_with_its_name(
    workshop: Workshop,
) -> None:
    await workshop.keep(STOCKTAKE)
    await workshop.register(a_task(calendars=("stocktake",)))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, a_run())

    (run,) = workshop.rows()
    assert (run.status, run.reason) == ("skipped", "blackout")
    assert (run.note or "").startswith("stocktake, until ")
    assert workshop.keepers.orders == []


async def test_a_run_that_is_delayed_by_a_blackout_starts_at_its_end(workshop: Workshop) -> None:
    await workshop.keep(STOCKTAKE)
    await workshop.register(a_task(calendars=("stocktake",), in_blackout="delay"))
    run = a_run()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)
        workshop.clock.advance(HOUR_MS - 1)
        await asyncio.sleep(0)
        early = list(workshop.keepers.orders)
        workshop.clock.advance(1)
        await workshop.until(lambda: workshop.keepers.orders == [run.id])
        await workshop.settle()

    assert early == []


async def test_a_delay_that_begins_at_the_slot_is_kept_over_the_next_agent(
    workshop: Workshop,
) -> None:
    await workshop.keep(STOCKTAKE)
    await workshop.register(a_task(calendars=("stocktake",), in_blackout="delay"))
    run = a_run()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)

    (row,) = workshop.rows()
    assert (row.status, row.retry_at_ms) == ("queued", NOW_MS + HOUR_MS)


async def test_a_delay_ends_by_the_wall_also_when_the_host_slept(workshop: Workshop) -> None:
    await workshop.keep(STOCKTAKE)
    await workshop.register(a_task(calendars=("stocktake",), in_blackout="delay"))
    run = a_run()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)

        workshop.clock.suspend(2 * HOUR_MS)
        await workshop.scheduler.decide()
        await workshop.settle()

    assert workshop.keepers.orders == [run.id]


async def test_a_retry_comes_by_the_wall_also_when_the_host_slept(workshop: Workshop) -> None:
    await workshop.register(a_task(schedule=(), max_retries=1, retry_base_s=60))
    run = a_run()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)
        await end(workshop, run.id, exit_status=1)

        workshop.clock.suspend(HOUR_MS)
        await workshop.scheduler.decide()
        await workshop.settle()

    assert len(workshop.keepers.orders) == 2


@pytest.mark.parametrize(
    ("spans", "is_started", "hour_ms"),
    [
        (((NOW_MS - HOUR_MS, NOW_MS - MINUTE_MS),), True, NOW_MS + HOUR_MS),
        (((NOW_MS - HOUR_MS, NOW_MS + 3 * HOUR_MS),), False, NOW_MS + 3 * HOUR_MS),
        (((NOW_MS - HOUR_MS, NOW_MS + MINUTE_MS),), False, NOW_MS + MINUTE_MS),
    ],
    ids=["over", "longer", "shorter"],
)
async def test_who_waits_for_the_end_of_a_window_notices_that_it_was_changed(
    workshop: Workshop, spans: tuple[tuple[int, int], ...], is_started: bool, hour_ms: int
) -> None:
    await workshop.keep(STOCKTAKE)
    await workshop.register(a_task(calendars=("stocktake",), in_blackout="delay"))
    run = a_run()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)

        await workshop.keep(Calendar(name="stocktake", spans=spans))
        await workshop.scheduler.reload()
        await workshop.settle()

    assert workshop.keepers.orders == ([run.id] if is_started else [])
    assert workshop.rows()[0].retry_at_ms == hour_ms


async def test_who_orders_a_run_by_hand_is_not_held_back_by_a_blackout(workshop: Workshop) -> None:
    await workshop.keep(STOCKTAKE)
    await workshop.register(a_task(calendars=("stocktake",)))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)

        run = await workshop.orders.start_now("backup", who="Anna", reason="now")
        await workshop.settle()

    assert workshop.keepers.orders == [run.id]


async def test_a_run_that_waits_for_its_hour_can_be_stopped(workshop: Workshop) -> None:
    await workshop.keep(STOCKTAKE)
    await workshop.register(a_task(calendars=("stocktake",), in_blackout="delay"))
    run = a_run()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)

        state = await workshop.runner.abort(run.id, who="Anna")
        workshop.clock.advance(2 * HOUR_MS)
        await workshop.settle()
        with pytest.raises(RunNotFound):
            await workshop.runner.abort(run.id, who="Anna")

    assert state == "ended"
    assert workshop.keepers.orders == []
    assert [(run.status, run.note) for run in workshop.rows()] == [("aborted", "stopped by Anna")]


# Past moments


async def test_past_moments_run_once_more_one_after_another_and_keep_their_first_rows(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task())
    missed = a_run(NOW_MS - HOUR_MS, status="missed", reason="agent_down", ended_ms=NOW_MS)
    await workshop.recorder.claim([missed])
    moments = [NOW_MS - HOUR_MS, NOW_MS - 2 * HOUR_MS]
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)

        runs = await workshop.orders.backfill("backup", moments, who="Anna", reason="audit")
        await workshop.settle()
        alone = list(workshop.keepers.orders)
        await end(workshop, runs[0].id)
        await end(workshop, runs[1].id)

    assert [(run.scheduled_ms, run.attempt) for run in runs] == [
        (NOW_MS - 2 * HOUR_MS, 2),
        (NOW_MS - HOUR_MS, 2),
    ]
    assert alone == [runs[0].id]
    rows = {run.id: run for run in workshop.rows()}
    assert rows[missed.id].status == "missed"
    assert {rows[run.id].status for run in runs} == {"success"}
    assert rows[runs[0].id].note == "audit"


async def test_a_moment_to_come_or_one_that_still_runs_is_not_run_once_more(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task())
    alive = a_run(NOW_MS - 1)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, alive)

        with pytest.raises(WrongUse, match="have passed"):
            await workshop.orders.backfill("backup", [NOW_MS + 1], who="A", reason=None)
        with pytest.raises(WrongUse, match="from 1 to 1000"):
            await workshop.orders.backfill("backup", [], who="A", reason=None)
        with pytest.raises(Conflict, match="has not ended"):
            await workshop.orders.backfill("backup", [NOW_MS - 1], who="A", reason=None)

    assert len(workshop.rows()) == 1


async def test_a_backfill_does_not_keep_a_due_moment_from_running(workshop: Workshop) -> None:
    await workshop.register(a_task())
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        moments = [NOW_MS - n * MINUTE_MS for n in range(1, 4)]
        runs = await workshop.orders.backfill("backup", moments, who="Anna", reason=None)
        await workshop.settle()
        due = a_run(NOW_MS + 1)
        await submit(workshop, due)
        assert workshop.runner.busy("backup").waiting == 1, "the backfill does not count"
        await end(workshop, runs[0].id)

    assert workshop.keepers.orders == [runs[0].id, due.id]
