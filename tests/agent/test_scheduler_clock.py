"""What becomes of due moments when the clocks are set, stand still or were wrong?"""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from agent.proof import prove
from agent.rules.clocks import EARLIEST_MS
from agent.store import alerts, events, ledger, state, tasks
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_task
from tests.agent.workshop import Workshop, end_of

DAY_MS = 24 * HOUR_MS
DUE_MS = (NOW_MS // MINUTE_MS + 1) * MINUTE_MS
EACH_MINUTE = a_task("each_minute", schedule=("* * * * *",))
HOURLY = a_task("hourly", schedule=("0 * * * *",))


async def step(workshop: Workshop, *, minutes: int = 1) -> None:
    """Let minutes pass, awake, and every run end at once."""
    for _ in range(minutes):
        workshop.clock.advance(MINUTE_MS)
        await decide(workshop)


async def decide(workshop: Workshop) -> None:
    await workshop.scheduler.decide()
    await workshop.settle()
    for run in workshop.rows():
        if run.status == "running":
            workshop.runner.on_ended(end_of(run.id))
    await workshop.settle()


def kinds(workshop: Workshop) -> list[str]:
    """What happened, oldest first; the boot of the host left out."""
    found = workshop.database.read_now(events.page)
    return [event.kind for event in reversed(found) if event.kind != "boot"]


def check(workshop: Workshop, from_ms: int, until_ms: int) -> None:
    """The ledger check must be clean for each task, with nothing unexpected."""
    for one in prove(workshop.database, from_ms, until_ms).values():
        assert (one.missing, one.doubled, one.unexpected) == ((), (), ())


@pytest.mark.parametrize(
    ("jump_ms", "missed"),
    [(1_000, 0), (59_000, 0), (5 * MINUTE_MS, 4), (2 * HOUR_MS, 119), (DAY_MS, 1439)],
)
async def test_a_clock_set_forward_is_an_absence_of_that_length(
    workshop: Workshop, jump_ms: int, missed: int
) -> None:
    await workshop.register(EACH_MINUTE)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(DUE_MS - NOW_MS)
        await decide(workshop)

        workshop.clock.set_wall(workshop.clock.now_ms() + jump_ms)
        await decide(workshop)
        await step(workshop, minutes=2)

    recorded = workshop.database.read_now(
        partial(ledger.recorded, from_ms=NOW_MS, to_ms=workshop.clock.now_ms())
    )
    lost = [run for run in workshop.rows() if run.status == "missed"]
    assert sum(row.missed_count for row in recorded if row.status == "missed") == missed
    assert {run.reason for run in lost} <= {"clock_jump"}
    assert all("set forward by" in (run.note or "") for run in lost)
    assert kinds(workshop) == ["clock_forward"]
    check(workshop, NOW_MS, workshop.clock.now_ms())


async def test_ten_years_forward_are_worked_off_with_few_rows(workshop: Workshop) -> None:
    await workshop.register(EACH_MINUTE, HOURLY)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.set_wall(NOW_MS + 3653 * DAY_MS)
        await decide(workshop)

    rows = workshop.rows("each_minute")
    assert len(rows) == 1000, "a sum and the newest of them; pages hold no more"
    assert kinds(workshop) == ["clock_forward"]
    recorded = workshop.database.read_now(
        partial(ledger.recorded, from_ms=NOW_MS, to_ms=workshop.clock.now_ms())
    )
    counted = sum(row.missed_count for row in recorded if row.task_name == "each_minute")
    assert counted == workshop.clock.now_ms() // MINUTE_MS - NOW_MS // MINUTE_MS


@pytest.mark.parametrize("back_ms", [1_000, 59_000, 2 * HOUR_MS])
async def test_a_clock_set_back_by_less_than_three_hours_is_waited_for(
    workshop: Workshop, back_ms: int
) -> None:
    await workshop.register(EACH_MINUTE)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(DUE_MS - NOW_MS)
        await decide(workshop)

        workshop.clock.set_wall(DUE_MS - back_ms)
        await decide(workshop)
        await step(workshop, minutes=back_ms // MINUTE_MS)
        waited = len(workshop.rows())
        await step(workshop, minutes=2)

    assert waited == 1, "nothing is due again until that time is made up"
    assert len(workshop.rows()) in (2, 3)
    assert kinds(workshop) == ["clock_back"]
    check(workshop, NOW_MS, workshop.clock.now_ms())


async def test_a_day_too_far_and_put_right_lets_the_day_happen_and_no_run_twice(
    workshop: Workshop,
) -> None:
    await workshop.register(EACH_MINUTE, HOURLY)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(DUE_MS - NOW_MS)
        await decide(workshop)
        workshop.clock.set_wall(DUE_MS + DAY_MS)
        await decide(workshop)
        ran = {run.scheduled_ms for run in workshop.rows() if run.status == "success"}

        workshop.clock.set_wall(DUE_MS + MINUTE_MS)
        await decide(workshop)
        await step(workshop, minutes=3)
        workshop.clock.advance(2 * DAY_MS)  # the agent stood still over the moments that ran
        await decide(workshop)

    happened = workshop.database.read_now(events.page)
    corrected = next(event for event in happened if event.kind == "clock_corrected")
    assert sum(one["count"] for one in corrected.details["withdrawn"]) > 1_000
    again = [run for run in workshop.rows() if run.scheduled_ms in ran and run.attempt == 1]
    assert len(again) == len({(run.task_name, run.scheduled_ms) for run in again})
    check(workshop, NOW_MS, workshop.clock.now_ms())
    assert [one.kind for one in workshop.database.read_now(alerts.open_alerts)] == [
        "clock_corrected"
    ]


async def test_rows_that_were_taken_back_leave_the_screens(workshop: Workshop) -> None:
    await workshop.register(HOURLY)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.set_wall(NOW_MS + DAY_MS)
        await decide(workshop)
        told = {run.id for run in workshop.rows() if run.status == "missed"}
        workshop.clock.set_wall(NOW_MS)
        await decide(workshop)

    gone = {run_id for shown in workshop.shown for run_id in shown.gone_runs}
    assert gone == told
    assert told


@pytest.fixture
def of_1970(tmp_path: Path) -> Iterator[Workshop]:
    workshop = Workshop(tmp_path, now_ms=60_000)
    yield workshop
    workshop.database.close()


async def test_a_clock_that_is_certainly_wrong_decides_nothing_until_it_is_put_right(
    of_1970: Workshop,
) -> None:
    workshop = of_1970
    register = partial(tasks.register, definitions=[EACH_MINUTE], who="x", why="", now_ms=NOW_MS)
    await workshop.database.write(register)
    await workshop.roster.load()
    async with asyncio.TaskGroup() as group:
        await begin_again(workshop, group, decided_until_ms=NOW_MS)
        await step(workshop, minutes=2)
        held = workshop.rows()
        workshop.clock.set_wall(DUE_MS)
        await decide(workshop)

    assert held == []
    assert [run.scheduled_ms for run in workshop.rows()] == [DUE_MS]
    assert kinds(workshop) == ["clock_wrong", "clock_right"]
    booted_ms = DUE_MS - 2 * MINUTE_MS
    assert workshop.database.read_now(events.boots) == (booted_ms,), "a boot has a true moment"


async def test_a_wrong_clock_that_becomes_right_unseen_is_noticed(workshop: Workshop) -> None:
    await workshop.register(a_task("hourly", schedule=("0 * * * *",)))
    async with asyncio.TaskGroup() as group:
        workshop.clock.set_wall(EARLIEST_MS - MINUTE_MS)
        await begin_again(workshop, group, decided_until_ms=0)
        workshop.clock.advance(2 * MINUTE_MS)
        await decide(workshop)

        assert workshop.scheduler.next_ms("hourly") is not None
        workshop.clock.advance(HOUR_MS)
        await decide(workshop)


async def test_after_2098_schedules_live_again_within_a_minute(workshop: Workshop) -> None:
    far_ms = NOW_MS + 72 * 365 * DAY_MS
    await workshop.register(EACH_MINUTE)
    async with asyncio.TaskGroup() as group:
        workshop.clock.set_wall(far_ms)
        await begin_again(workshop, group, decided_until_ms=NOW_MS)
        await decide(workshop)
        workshop.clock.advance(2 * MINUTE_MS)
        workshop.clock.set_wall(DUE_MS - 1)
        await decide(workshop)
        workshop.clock.advance(1)
        await decide(workshop)

    check(workshop, NOW_MS, DUE_MS)
    newest = [run for run in workshop.rows() if run.scheduled_ms == DUE_MS]
    assert [run.status for run in newest] == ["success"]


async def test_a_start_after_2098_goes_on_from_now(workshop: Workshop) -> None:
    far_ms = NOW_MS + 72 * 365 * DAY_MS
    await workshop.register(EACH_MINUTE)
    await workshop.database.write(partial(state.set_decided_until, at_ms=far_ms, now_ms=far_ms))
    async with asyncio.TaskGroup() as group:
        await begin_again(workshop, group, decided_until_ms=far_ms)
        workshop.clock.advance(DUE_MS - NOW_MS)
        await decide(workshop)

    assert kinds(workshop) == ["clock_corrected"]
    assert [(run.scheduled_ms, run.status) for run in workshop.rows()] == [(DUE_MS, "success")]


async def test_a_host_that_slept_misses_by_policy_and_says_so(workshop: Workshop) -> None:
    await workshop.register(a_task("hourly", schedule=("0 * * * *",)))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await decide(workshop)
        workshop.clock.suspend(3 * HOUR_MS + 5 * MINUTE_MS)
        await decide(workshop)

    assert [(run.status, run.reason) for run in workshop.rows()][:2] == [
        ("missed", "suspended"),
        ("missed", "suspended"),
    ]
    assert workshop.rows()[-1].trigger == "catchup"
    assert kinds(workshop) == ["suspend"]


async def test_an_agent_that_was_held_up_says_so(workshop: Workshop) -> None:
    await workshop.register(a_task("often", schedule=("* * * * *",)))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        loop = group.create_task(workshop.scheduler.run())
        await workshop.until(lambda: workshop.clock.sleeping_until_ms is not None)
        workshop.clock.advance(5 * MINUTE_MS)
        await workshop.until(lambda: len(workshop.rows()) == 5)
        loop.cancel()
        await workshop.settle()

    assert {run.reason for run in workshop.rows() if run.status == "missed"} == {"agent_down"}
    assert kinds(workshop) == ["stall"]


async def test_slewing_for_an_hour_is_no_event_and_loses_nothing(workshop: Workshop) -> None:
    await workshop.register(EACH_MINUTE)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(DUE_MS - NOW_MS)
        await decide(workshop)
        for _ in range(60):
            workshop.clock.advance(MINUTE_MS)
            workshop.clock.set_wall(workshop.clock.now_ms() + 30)  # 500 parts in a million
            await decide(workshop)

    assert kinds(workshop) == []
    assert {run.status for run in workshop.rows()} == {"success"}
    check(workshop, NOW_MS, workshop.clock.now_ms())


async def test_new_rules_of_a_zone_are_reckoned_by_and_told(workshop: Workshop) -> None:
    await workshop.register(HOURLY)
    workshop.zones["UTC"] = 1
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await workshop.scheduler.reload()
        workshop.zones["UTC"] = 2
        await workshop.scheduler.reload()
        await workshop.scheduler.reload()

    assert kinds(workshop) == ["zones_changed"]


async def test_a_retry_waits_no_longer_than_any_retry_though_the_clock_was_set(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("flaky", max_retries=1, retry_base_s=10, retry_cap_s=60))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        run = await workshop.orders.start_now("flaky", who="Anna", reason=None)
        await workshop.settle()
        workshop.clock.set_wall(NOW_MS - 10 * DAY_MS)
        workshop.runner.on_ended(end_of(run.id, exit_status=1))
        await workshop.settle()
        workshop.clock.advance(73_000)
        await workshop.until(lambda: len(workshop.keepers.orders) == 2)
        await workshop.settle()


@pytest.mark.parametrize(("boot_id", "runs"), [("first boot", 1), ("second boot", 2)])
async def test_a_task_at_boot_runs_once_for_each_boot(
    tmp_path: Path, boot_id: str, runs: int
) -> None:
    first = Workshop(tmp_path)
    first.database.write_now(partial(events.note_boot, boot_id="earlier", now_ms=NOW_MS - HOUR_MS))
    await first.register(a_task("boot", schedule=("@reboot",)))
    first.clock.advance(1_000)
    async with asyncio.TaskGroup() as group:
        await first.begin(group)
        await decide(first)
    first.database.close()

    second = Workshop(tmp_path, boot_id=boot_id)
    second.clock.advance(HOUR_MS)
    await second.roster.load()
    async with asyncio.TaskGroup() as group:
        await begin_again(second, group, decided_until_ms=NOW_MS + 1_000)
        await decide(second)
    check(second, NOW_MS, second.clock.now_ms())
    ended = [run.status for run in second.rows("boot")]
    second.database.close()

    assert ended == ["success"] * runs


@pytest.mark.parametrize(("registered_first", "runs"), [(False, 0), (True, 1)])
async def test_a_task_at_boot_runs_at_the_first_start_only_if_it_was_there_before_the_boot(
    tmp_path: Path, registered_first: bool, runs: int
) -> None:
    workshop = Workshop(tmp_path)
    workshop.clock.advance(HOUR_MS)
    await workshop.register(a_task("boot", schedule=("@reboot",)))
    workshop.clock.advance(1_000)
    if registered_first:
        workshop.clock.reboot()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await decide(workshop)
    check(workshop, NOW_MS, workshop.clock.now_ms())
    ended = [run.status for run in workshop.rows("boot")]
    workshop.database.close()

    assert ended == ["success"] * runs


async def begin_again(
    workshop: Workshop, group: asyncio.TaskGroup, *, decided_until_ms: int
) -> None:
    """As an agent begins that finds what another one left."""
    workshop.runner.work_in(group)
    boots: Sequence[int] = workshop.database.read_now(events.boots)
    await workshop.scheduler.begin(
        decided_until_ms=decided_until_ms, highest_ms=0, boots=boots, history={}
    )
    await workshop.runner.recover((), ())
