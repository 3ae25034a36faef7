"""Which claimed runs start now, and what becomes of them when they end?"""

import asyncio
import errno
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pytest

from agent import precedence
from agent.definitions import Definition
from agent.errors import BadDefinition, Conflict, RunNotFound, TaskNotFound
from agent.running.terms import AlreadyOrdered, NoRoom, Order, Started
from agent.runs import Run
from tests.agent.store.makings import NOW_MS, a_run, a_task
from tests.agent.workshop import Workshop, end_of


@pytest.fixture
def one_slot(tmp_path: Path) -> Iterator[Workshop]:
    workshop = Workshop(tmp_path, slots=1)
    yield workshop
    workshop.database.close()


async def claim(workshop: Workshop, *runs: Run) -> None:
    claimed = await workshop.recorder.claim(runs)
    assert claimed == {run.id for run in runs}


async def submit(workshop: Workshop, *runs: Run) -> None:
    await claim(workshop, *runs)
    workshop.runner.submit(runs)
    await workshop.settle()


async def test_no_more_runs_start_than_there_are_slots_and_the_urgent_ones_first(
    one_slot: Workshop,
) -> None:
    await one_slot.register(a_task("low", priority=5), a_task("high", priority=1))
    low, high = a_run(task_name="low"), a_run(task_name="high")
    await claim(one_slot, low, high)
    async with asyncio.TaskGroup() as group:
        await one_slot.begin(group)

        one_slot.runner.submit([low, high])
        await one_slot.settle()
        first = list(one_slot.keepers.orders)
        one_slot.runner.on_ended(end_of(first[0]))
        await one_slot.settle()

    assert first == [high.id]
    assert one_slot.keepers.orders == [high.id, low.id]


async def test_catching_up_takes_only_its_share_of_the_slots(workshop: Workshop) -> None:
    names = [f"task{n}" for n in range(4)]
    await workshop.register(*(a_task(name) for name in names))
    runs = [a_run(task_name=name, trigger="catchup") for name in names]
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)

        await submit(workshop, *runs)

        assert len(workshop.keepers.orders) == 2
        workshop.runner.on_ended(end_of(workshop.keepers.orders[0]))
        await workshop.settle()
    assert len(workshop.keepers.orders) == 3


async def test_two_runs_of_one_task_never_live_side_by_side(workshop: Workshop) -> None:
    await workshop.register(a_task())
    first, second = a_run(NOW_MS), a_run(NOW_MS + 1)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)

        await submit(workshop, first, second)
        alone = list(workshop.keepers.orders)
        workshop.runner.on_ended(end_of(first.id))
        await workshop.settle()

    assert alone == [first.id]
    assert workshop.keepers.orders == [first.id, second.id]


async def test_a_task_that_runs_cannot_be_ordered_and_one_that_is_not_there_neither(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task())
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        run = await workshop.orders.start_now("backup", who="Anna", reason="why not")
        await workshop.settle()

        with pytest.raises(Conflict, match="running already"):
            await workshop.orders.start_now("backup", who="Anna", reason=None)
        with pytest.raises(TaskNotFound):
            await workshop.orders.start_now("nothing", who="Anna", reason=None)

    (row,) = workshop.rows()
    assert (row.id, row.trigger, row.requested_by, row.status) == (
        run.id,
        "manual",
        "Anna",
        "running",
    )


async def test_a_failed_run_is_tried_again_as_often_as_its_task_says(workshop: Workshop) -> None:
    await workshop.register(a_task(max_retries=1, retry_base_s=0))
    run = a_run()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)

        workshop.runner.on_ended(end_of(run.id, exit_status=1))
        await workshop.settle()
        workshop.clock.advance(1_000)
        await workshop.until(lambda: len(workshop.keepers.orders) == 2)
        workshop.runner.on_ended(end_of(workshop.keepers.orders[1], exit_status=1))
        await workshop.settle()

    first, second = workshop.rows()
    assert (first.status, first.attempt) == ("error", 1)
    assert (second.status, second.attempt, second.trigger) == ("error", 2, "retry")
    assert second.scheduled_ms == first.scheduled_ms


async def test_the_next_regular_run_makes_a_planned_retry_needless(workshop: Workshop) -> None:
    await workshop.register(a_task(max_retries=3, retry_base_s=600))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        first = a_run(NOW_MS)
        await submit(workshop, first)
        workshop.runner.on_ended(end_of(first.id, exit_status=1))
        await workshop.settle()

        await submit(workshop, a_run(NOW_MS + 60_000))

    retry = next(run for run in workshop.rows() if run.attempt == 2)
    assert (retry.status, retry.reason) == ("skipped", "superseded")


async def test_stopping_reaches_runs_that_live_wait_for_a_slot_or_for_their_retry(
    one_slot: Workshop,
) -> None:
    await one_slot.register(
        a_task("alive", kill_grace_s=7), a_task("queued"), a_task("waiting", max_retries=1)
    )
    alive, queued, waiting = (a_run(task_name=name) for name in ("alive", "queued", "waiting"))
    async with asyncio.TaskGroup() as group:
        await one_slot.begin(group)
        await submit(one_slot, waiting)
        one_slot.runner.on_ended(end_of(waiting.id, exit_status=1))
        await one_slot.settle()
        await submit(one_slot, alive)
        await submit(one_slot, queued)
        retry = next(run for run in one_slot.rows() if run.attempt == 2)

        states = [await one_slot.runner.abort(run.id, who="Anna") for run in (alive, queued, retry)]
        one_slot.runner.on_ended(end_of(alive.id, exit_status=None, cause="aborted"))
        await one_slot.settle()
        with pytest.raises(RunNotFound):
            await one_slot.runner.abort(alive.id, who="Anna")

    assert states == ["stopping", "ended", "ended"]
    assert one_slot.keepers.stops == [(alive.id, 7_000)]
    by_id = {run.id: run for run in one_slot.rows()}
    ended = [by_id[one.id] for one in (alive, queued, retry)]
    assert {(run.status, run.reason, run.note) for run in ended} == {
        ("aborted", "by_request", "stopped by Anna")
    }


async def test_a_run_that_cannot_be_started_ends_with_the_reason_and_frees_its_slot(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task())
    workshop.keepers.refusal = "/no/such/program is not there"
    run = a_run()
    for kind in ("out", "report"):  # as they are made before a start is tried
        (workshop.home.spool / f"{run.id}.{kind}").touch()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)

        await submit(workshop, run)

    (row,) = workshop.rows()
    assert list(workshop.home.spool.iterdir()) == []
    assert (row.status, row.reason) == ("error", "never_started")
    assert row.error_message == "/no/such/program is not there"
    assert workshop.runner.running == 0
    assert workshop.keepers.forgotten == [run.id]


@pytest.mark.parametrize("retries", [0, 1])
async def test_a_start_that_the_full_disk_refuses_is_a_missed_moment_and_is_tried_again(
    workshop: Workshop, retries: int
) -> None:
    await workshop.register(a_task(max_retries=retries))
    workshop.keepers.refusal = "the keeper's journal cannot be written: No space left on device"
    workshop.keepers.refuse_with = NoRoom
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)

        await submit(workshop, a_run())
        workshop.runner.close()

    row, *later = workshop.rows()
    assert (row.status, row.reason, row.started_ms) == ("missed", "storage", None)
    assert row.note == workshop.keepers.refusal
    assert [(one.status, one.attempt) for one in later] == [("retry_wait", 2)] * retries


async def test_a_moment_that_the_keeper_has_started_before_is_not_tried_again(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task(max_retries=3))
    workshop.keepers.refusal = "its due moment has run already"
    workshop.keepers.refuse_with = AlreadyOrdered
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)

        await submit(workshop, a_run())

    (row,) = workshop.rows()
    assert (row.status, row.reason, row.error_class) == ("error", "never_started", "fatal")


async def test_an_order_that_the_full_disk_keeps_from_being_made_is_a_missed_moment_too(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workshop.register(a_task())

    def cannot(_: Definition, run: Run) -> Order:
        raise OSError(errno.ENOSPC, "No space left on device", f"/spool/{run.task_name}")

    monkeypatch.setattr(workshop.runner, "_order_for", cannot)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)

        await submit(workshop, a_run())

    (row,) = workshop.rows()
    assert (row.status, row.reason) == ("missed", "storage")


async def test_an_order_that_cannot_even_be_made_ends_its_run_and_nobody_else(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workshop.register(a_task())

    def cannot(_: Definition, run: Run) -> Order:
        raise PermissionError(13, "Permission denied", f"/root/{run.task_name}")

    monkeypatch.setattr(workshop.runner, "_order_for", cannot)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)

        await submit(workshop, a_run())

    (row,) = workshop.rows()
    assert (row.status, row.reason) == ("error", "never_started")
    assert "Permission denied: '/root/" in (row.error_message or "")
    assert workshop.runner.running == 0


async def test_every_run_of_an_earlier_agent_is_accounted_for(workshop: Workshop) -> None:
    names = ("lives", "ended", "vanished", "fresh", "stale")
    await workshop.register(*(a_task(name, start_deadline_s=60) for name in names))
    lives, over, vanished, fresh, stale = (a_run(task_name=name) for name in names)
    stale = msgspec.structs.replace(stale, scheduled_ms=NOW_MS - 61_000)
    running = [msgspec.structs.replace(run, status="running") for run in (lives, over, vanished)]
    await claim(workshop, lives, over, vanished, fresh, stale)
    for run in running:
        await workshop.recorder.started(run)
    async with asyncio.TaskGroup() as group:
        workshop.runner.work_in(group)

        await workshop.runner.recover(
            [*running, fresh, stale],
            [Started(lives.id, 99, NOW_MS), end_of(over.id, exit_status=3)],
        )
        await workshop.settle()

    by_name = {run.task_name: run for run in workshop.rows()}
    assert (by_name["lives"].status, by_name["lives"].pid) == ("running", 99)
    assert (by_name["ended"].status, by_name["ended"].exit_status) == ("error", 3)
    assert (by_name["vanished"].status, by_name["vanished"].reason) == ("lost", "no_trace")
    assert (by_name["stale"].status, by_name["stale"].reason) == ("missed", "agent_down")
    assert by_name["fresh"].status == "running"
    assert workshop.keepers.orders == [fresh.id], "only what never started is started"


async def test_an_end_that_is_told_before_runs_are_known_is_taken_or_given_back(
    workshop: Workshop,
) -> None:
    """An agent that begins without its database knows some runs only once that is back."""
    await workshop.register(a_task("known"), a_task("strange"))
    known, strange = (a_run(task_name=name) for name in ("known", "strange"))
    running = msgspec.structs.replace(known, status="running")
    await claim(workshop, known)
    await workshop.recorder.started(running)
    ends = {run.id: end_of(run.id, exit_status=3) for run in (known, strange)}
    for end in ends.values():
        workshop.runner.on_ended(end)
    async with asyncio.TaskGroup() as group:
        workshop.runner.work_in(group)

        unknown = await workshop.runner.recover([running], [Started(known.id, 99, NOW_MS)])
        await workshop.settle()

    assert unknown == (ends[strange.id],)
    assert [(run.status, run.exit_status) for run in workshop.rows()] == [("error", 3)]


async def test_what_a_lost_run_has_written_is_kept_and_its_spool_goes(workshop: Workshop) -> None:
    await workshop.register(a_task("vanished"))
    run = a_run(task_name="vanished")
    await claim(workshop, run)
    running = msgspec.structs.replace(run, status="running", started_ms=NOW_MS)
    await workshop.recorder.started(running)
    spool = workshop.home.spool / f"{run.id}.out"
    spool.write_text("half of the work is done\n")
    async with asyncio.TaskGroup() as group:
        workshop.runner.work_in(group)

        await workshop.runner.recover([running], [])
        await workshop.settle()

    (row,) = workshop.rows()
    assert (row.status, row.output_tail) == ("lost", "half of the work is done\n")
    log = (workshop.home.task_logs / "vanished.log").read_text()
    assert f"run {run.id} ends: lost ===" in log
    assert not spool.exists()


async def test_an_end_that_is_told_before_the_agent_knows_its_runs_is_not_lost(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task())
    run = a_run()
    await claim(workshop, run)
    running = msgspec.structs.replace(run, status="running")
    await workshop.recorder.started(running)
    async with asyncio.TaskGroup() as group:
        workshop.runner.work_in(group)
        workshop.runner.on_ended(end_of(run.id, exit_status=5))

        await workshop.runner.recover([running], [Started(run.id, 99, NOW_MS)])
        await workshop.settle()

    (row,) = workshop.rows()
    assert (row.status, row.exit_status) == ("error", 5)


async def test_a_fatal_end_is_not_tried_again_and_one_that_may_pass_is(workshop: Workshop) -> None:
    await workshop.register(
        a_task("wrong", max_retries=3),
        a_task("busy", max_retries=3),
        a_task("own", max_retries=3, exit_statuses={"75": "fatal", "3": "success"}),
    )
    wrong, busy, own = (a_run(task_name=name) for name in ("wrong", "busy", "own"))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, wrong, busy, own)

        workshop.runner.on_ended(end_of(wrong.id, exit_status=78))
        workshop.runner.on_ended(end_of(busy.id, exit_status=75))
        workshop.runner.on_ended(end_of(own.id, exit_status=75))
        await workshop.settle()

    found = {
        name: [(row.status, row.error_class) for row in workshop.rows(name)]
        for name in ("wrong", "busy", "own")
    }
    assert found == {
        "wrong": [("error", "fatal")],
        "busy": [("error", "recoverable"), ("retry_wait", None)],
        "own": [("error", "fatal")],
    }


async def test_a_retry_that_waits_can_be_hastened_and_starts_once(workshop: Workshop) -> None:
    await workshop.register(a_task(max_retries=1, retry_base_s=600))
    run = a_run()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)
        workshop.runner.on_ended(end_of(run.id, exit_status=1))
        await workshop.settle()
        waiting = workshop.rows()[1]

        workshop.runner.hasten(waiting.id)
        await workshop.settle()
        workshop.clock.advance(1_200_000)
        await workshop.settle()

        assert workshop.keepers.orders == [run.id, waiting.id]
        with pytest.raises(RunNotFound):
            workshop.runner.hasten(waiting.id)


async def test_a_retry_that_waits_can_be_called_off(workshop: Workshop) -> None:
    await workshop.register(a_task(max_retries=1, retry_base_s=600))
    run = a_run()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)
        workshop.runner.on_ended(end_of(run.id, exit_status=1))
        await workshop.settle()
        waiting = workshop.rows()[1]

        state = await workshop.runner.abort(waiting.id, who="Anna")
        workshop.clock.advance(1_200_000)
        await workshop.settle()

    last = workshop.rows()[1]
    assert state == "ended"
    assert (last.status, last.reason) == ("aborted", "by_request")
    assert workshop.keepers.orders == [run.id]


async def test_a_task_that_keeps_failing_is_taken_off_the_schedule_at_once(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task(schedule="* * * * *", disable_after_failures=1))
    run = a_run()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, run)

        workshop.runner.on_ended(end_of(run.id, exit_status=1))
        await workshop.settle()

    (switched_off,) = [task for shown in workshop.shown for task in shown.switched_off]
    (alert,) = [alert for shown in workshop.shown for alert in shown.alerts]
    assert not switched_off.enabled
    assert alert.kind == "task_disabled"


async def test_a_start_that_the_definition_forbids_is_fatal_and_one_that_failed_may_pass(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("wrong", max_retries=2), a_task("unlucky", max_retries=2))
    wrong, unlucky = a_run(task_name="wrong"), a_run(task_name="unlucky")

    def refuse(_definition: object, run: Run) -> object:
        if run.task_name == "wrong":
            raise BadDefinition("environment.TOKEN", "secret:x", "add 'x' to secrets.toml")
        return workshop._order_for(_definition, run)  # type: ignore[arg-type] # it looks at none

    workshop.runner._order_for = refuse  # type: ignore[assignment] # as above
    workshop.keepers.refusal = "fork failed"
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await submit(workshop, wrong, unlucky)

    assert [(row.status, row.error_class) for row in workshop.rows("wrong")] == [("error", "fatal")]
    assert [(row.status, row.error_class) for row in workshop.rows("unlucky")] == [
        ("error", "recoverable"),
        ("retry_wait", None),
    ]


class SlowToStart:
    """A keeper that starts the second run only when it is allowed to."""

    def __init__(self) -> None:
        self.second = asyncio.Event()
        self.orders: list[str] = []

    async def start(self, order: Order) -> Started:
        self.orders.append(order.run_id)
        if len(self.orders) > 1:
            await self.second.wait()
        return Started(order.run_id, 4711, NOW_MS)

    async def forget(self, run_ids: Iterable[str]) -> None:
        """Nothing is kept."""


async def test_what_started_and_ended_while_others_still_start_is_written_down_once_after_them(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precedence, "LONGEST_S", 60)
    await workshop.register(a_task("first"), a_task("second"))
    first, second = a_run(task_name="first"), a_run(task_name="second")
    keepers = SlowToStart()
    workshop.use(keepers)
    written: list[tuple[str, str]] = []
    step = workshop.recorder.started

    async def started(run: Run) -> None:
        written.append((run.task_name, run.status))
        await step(run)

    monkeypatch.setattr(workshop.recorder, "started", started)
    await claim(workshop, first, second)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([first, second])
        await workshop.until(lambda: len(keepers.orders) == 2)

        workshop.runner.on_ended(end_of(first.id))
        free = workshop.runner.busy("first").alive == 0
        for _ in range(100):
            await asyncio.sleep(0)
        before = {run.task_name: run.status for run in workshop.rows()}
        keepers.second.set()
        await workshop.settle()

    assert free, "its slot is free at once"
    assert before == {"first": "queued", "second": "queued"}
    assert {run.task_name: run.status for run in workshop.rows()} == {
        "first": "success",
        "second": "running",
    }
    assert written == [("second", "running")]


async def test_a_start_that_hangs_keeps_no_end_from_being_written_down(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precedence, "LONGEST_S", 0.05)
    await workshop.register(a_task("first"), a_task("second"))
    first, second = a_run(task_name="first"), a_run(task_name="second")
    keepers = SlowToStart()
    workshop.use(keepers)
    await claim(workshop, first, second)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([first, second])
        await workshop.until(lambda: len(keepers.orders) == 2)

        workshop.runner.on_ended(end_of(first.id))
        await workshop.until(lambda: workshop.rows("first")[0].status == "success")
        keepers.second.set()
        await workshop.settle()

    assert workshop.rows("second")[0].status == "running"
