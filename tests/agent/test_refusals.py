"""Does the agent live on, and is everything done in the end, when the database refuses once?"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import pytest

from agent.errors import DiskFull, NotStorable, StorageError
from agent.rules.clocks import CORRECTION_MS
from agent.running.terms import NotStarted
from agent.runs import Run
from agent.store import alerts
from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_run, a_task
from tests.agent.workshop import Workshop, end_of

DAY_MS = 24 * 60 * MINUTE_MS


def refuse_once(
    owner: object,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    refusal: type[StorageError] = StorageError,
) -> None:
    """As a database does that is locked for a moment."""
    real: Callable[..., Awaitable[Any]] = getattr(owner, name)
    refusals = iter([refusal("locked")])

    async def refusing(*words: Any, **named: Any) -> Any:
        for refusal in refusals:
            raise refusal
        return await real(*words, **named)

    monkeypatch.setattr(owner, name, refusing)


def break_once(owner: object, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a connection does that breaks between a commit and its answer."""
    real: Callable[..., Awaitable[Any]] = getattr(owner, name)
    breaks = iter([StorageError("connection lost")])

    async def breaking(*words: Any, **named: Any) -> Any:
        answer = await real(*words, **named)
        for broken in breaks:
            raise broken
        return answer

    monkeypatch.setattr(owner, name, breaking)


async def pass_second(workshop: Workshop) -> None:
    """Whoever was refused waits a second and asks again, until nothing is under way."""
    rest = asyncio.ensure_future(workshop.settle())
    while not rest.done():
        await workshop.until(lambda: rest.done() or waits_a_second(workshop))
        if not rest.done():
            workshop.clock.advance(1_000)


def waits_a_second(workshop: Workshop) -> bool:
    until_ms = workshop.clock.sleeping_until_ms
    return until_ms is not None and until_ms <= workshop.clock.now_ms() + 1_000


async def test_a_refused_word_about_a_replaced_run_is_written_later(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workshop.register(a_task(overlap="replace"))
    older, newer = a_run(NOW_MS), a_run(NOW_MS + 1)
    await workshop.recorder.claim([older, newer])
    refuse_once(workshop.recorder, "stopping", monkeypatch)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([older])
        await workshop.settle()
        workshop.runner.submit([newer])
        await pass_second(workshop)

    assert [(run.status, run.reason) for run in workshop.rows()] == [
        ("stopping", "replaced"),
        ("queued", None),
    ]


@pytest.mark.parametrize("by_hand", [True, False])
async def test_a_run_can_be_stopped_while_its_start_waits_to_be_written(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, by_hand: bool
) -> None:
    await workshop.register(a_task(overlap="replace"))
    older, newer = a_run(NOW_MS), a_run(NOW_MS + 1)
    await workshop.recorder.claim([older, newer])
    refuse_once(workshop.recorder, "started", monkeypatch)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([older])
        await workshop.until(lambda: workshop.clock.sleeping_until_ms is not None)
        if by_hand:
            await workshop.runner.abort(older.id, who="Anna")
        else:
            workshop.runner.submit([newer])
        await workshop.until(lambda: bool(workshop.keepers.stops))
        await pass_second(workshop)

    first = workshop.rows()[0]
    assert (first.status, first.reason) == ("stopping", "by_request" if by_hand else "replaced")
    assert [run_id for run_id, _ in workshop.keepers.stops] == [older.id], "stopped at once"


async def test_a_refused_look_at_old_rows_suspends_no_task(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workshop.register(a_task("often", schedule=("* * * * *",)))
    refuse_once(workshop.recorder, "taken", monkeypatch)
    async with asyncio.TaskGroup() as group:
        workshop.runner.work_in(group)
        await workshop.scheduler.begin(
            decided_until_ms=NOW_MS, highest_ms=NOW_MS + 30 * DAY_MS, boots=(), history={}
        )
        await workshop.runner.recover((), ())
        workshop.clock.advance(2 * DAY_MS)
        deciding = group.create_task(workshop.scheduler.decide())
        await workshop.until(lambda: workshop.clock.sleeping_until_ms is not None)
        workshop.clock.advance(1_000)
        await deciding
        await workshop.settle()

    assert workshop.scheduler.fault("often") is None
    assert workshop.scheduler.next_ms("often") is not None
    assert len(workshop.rows()) == 1000


async def test_a_refused_look_at_the_tasks_ends_no_correction(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workshop.register(a_task("often", schedule=("* * * * *",)))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await workshop.scheduler.decide()
        workshop.clock.set_wall(NOW_MS - CORRECTION_MS - MINUTE_MS)
        refuse_once(workshop.roster, "load", monkeypatch)
        deciding = group.create_task(workshop.scheduler.decide())
        await workshop.until(lambda: workshop.clock.sleeping_until_ms is not None)
        workshop.clock.advance(1_000)
        await deciding

    next_ms = workshop.scheduler.next_ms("often")
    assert next_ms is not None
    assert next_ms - workshop.clock.now_ms() <= MINUTE_MS


async def test_a_run_that_was_to_be_stopped_and_never_started_was_stopped(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workshop.register(a_task(max_retries=3))
    run = a_run()
    await workshop.recorder.claim([run])
    may_answer = asyncio.Event()

    async def start(_order: object) -> None:
        await may_answer.wait()
        raise NotStarted("the folder is gone")

    monkeypatch.setattr(workshop.keepers, "start", start)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([run])
        await asyncio.sleep(0)
        await workshop.runner.abort(run.id, who="Anna")
        may_answer.set()
        await workshop.settle()

    assert [(row.status, row.note) for row in workshop.rows()] == [("aborted", "stopped by Anna")]


async def test_a_stop_that_nobody_took_is_asked_for_again_by_the_next_moment(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workshop.register(a_task(overlap="replace"))
    runs = [a_run(NOW_MS + number) for number in range(3)]
    await workshop.recorder.claim(runs)
    asked: list[str] = []

    async def stop(run_id: str, *, grace_ms: int) -> bool:
        asked.append(run_id)
        return len(asked) > 1

    monkeypatch.setattr(workshop.keepers, "stop", stop)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        for run in runs:
            workshop.runner.submit([run])
            await workshop.settle()

    assert asked == [runs[0].id, runs[0].id]
    assert workshop.rows()[0].status == "stopping"


async def test_what_waits_for_its_hour_does_not_start_once_its_task_is_off_or_gone(
    workshop: Workshop,
) -> None:
    await workshop.register(
        a_task("fetch"),
        a_task("off", schedule=(), after=("fetch",), after_delay_s=60),
        a_task("gone", schedule=(), after=("fetch",), after_delay_s=60),
    )
    run = a_run(task_name="fetch")
    await workshop.recorder.claim([run])
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([run])
        await workshop.settle()
        workshop.runner.on_ended(end_of(run.id))
        await workshop.settle()
        changed = await workshop.recorder.set_flags(["off"], enabled=False, who="Anna")
        await workshop.scheduler.take(changed, gone=["gone"])
        workshop.clock.advance(2 * MINUTE_MS)
        await workshop.until(lambda: not workshop.runner.queue.waiting)
        await workshop.settle()

    assert workshop.keepers.orders == [run.id]
    for name in ("off", "gone"):
        assert [(row.status, row.reason) for row in workshop.rows(name)] == [
            ("skipped", "disabled")
        ]


async def test_a_due_moment_goes_before_a_retry_that_waits_for_a_slot(workshop: Workshop) -> None:
    await workshop.register(
        a_task("flaky", max_retries=1, retry_base_s=1, schedule=("* * * * *",)),
        *(a_task(f"long{number}") for number in range(workshop.runner.queue.slots)),
    )
    run = a_run(task_name="flaky")
    others = [a_run(task_name=f"long{n}") for n in range(workshop.runner.queue.slots)]
    await workshop.recorder.claim([run, *others])
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([run])
        await workshop.settle()
        workshop.runner.on_ended(end_of(run.id, exit_status=1))
        await workshop.settle()
        workshop.runner.submit(others)  # every slot is taken when the retry's time comes
        await workshop.settle()
        workshop.clock.advance(5_000)
        await workshop.until(lambda: workshop.runner.queue.startable == 1)
        workshop.clock.advance(MINUTE_MS - 5_000)
        await workshop.scheduler.decide()
        await workshop.settle()
        workshop.runner.close()

    first, retry, regular = sorted(
        workshop.rows("flaky"), key=lambda row: (row.scheduled_ms, row.attempt)
    )
    assert first.status == "error"
    assert (retry.trigger, retry.status, retry.reason) == ("retry", "skipped", "superseded")
    assert (regular.trigger, regular.status) == ("schedule", "queued")


async def test_what_follows_an_end_whose_answer_was_lost_starts_all_the_same(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workshop.register(a_task("fetch"), a_task("sort", schedule=(), after=("fetch",)))
    run = a_run(task_name="fetch")
    await workshop.recorder.claim([run])
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([run])
        await workshop.settle()
        break_once(workshop.recorder, "ended", monkeypatch)
        workshop.runner.on_ended(end_of(run.id))
        await pass_second(workshop)

    assert [one.status for one in workshop.rows("sort")] == ["running"]


async def test_a_retry_whose_answer_was_lost_is_made_all_the_same(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workshop.register(a_task(max_retries=1, retry_base_s=30))
    run = a_run()
    await workshop.recorder.claim([run])
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([run])
        await workshop.settle()
        break_once(workshop.recorder, "ended", monkeypatch)
        workshop.runner.on_ended(end_of(run.id, exit_status=1))
        await pass_second(workshop)
        workshop.clock.advance(MINUTE_MS)
        await workshop.until(lambda: len(workshop.keepers.orders) == 2)
        await workshop.settle()

    assert [(one.attempt, one.status) for one in workshop.rows()] == [(1, "error"), (2, "running")]


@pytest.mark.parametrize("method", ["order", "backfill"])
async def test_an_order_that_was_answered_with_an_error_does_not_stand_after_all(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    await workshop.register(a_task())
    break_once(workshop.recorder, method, monkeypatch)
    ways: dict[str, Callable[..., Awaitable[Any]]] = {
        "order": workshop.orders.start_now,
        "backfill": partial(workshop.orders.backfill, moments_ms=[NOW_MS - MINUTE_MS]),
    }
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)

        with pytest.raises(StorageError):
            await ways[method]("backup", who="Anna", reason=None)
        await workshop.settle()
        await workshop.orders.start_now("backup", who="Anna", reason="once more")
        await workshop.settle()

    assert [(run.status, run.reason) for run in workshop.rows()] == [
        ("skipped", "unconfirmed"),
        ("running", None),
    ]


async def test_an_order_that_was_refused_leaves_no_row(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workshop.register(a_task())
    refuse_once(workshop.recorder, "order", monkeypatch)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        with pytest.raises(StorageError):
            await workshop.orders.start_now("backup", who="Anna", reason=None)
        await workshop.settle()

    assert workshop.rows() == []


async def test_what_the_database_will_never_take_holds_up_one_task_and_is_told(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await workshop.register(
        a_task("bad", schedule=("* * * * *",)), a_task("good", schedule=("* * * * *",))
    )
    real = workshop.recorder.claim

    async def claim(runs: Sequence[Run], **named: Any) -> frozenset[str]:
        if any(run.task_name == "bad" for run in runs):
            raise NotStorable("Data too long for column 'category'")
        return await real(runs, **named)

    monkeypatch.setattr(workshop.recorder, "claim", claim)
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance(MINUTE_MS)
        await workshop.scheduler.decide()
        await workshop.settle()
        workshop.runner.close()

    assert [(run.task_name, run.status) for run in workshop.rows()] == [("good", "running")]
    assert "too long" in (workshop.scheduler.fault("bad") or "")
    (alert,) = workshop.database.read_now(alerts.open_alerts)
    assert (alert.kind, alert.task_name) == ("task_invalid", "bad")


@pytest.mark.parametrize(
    ("deadline_s", "said"), [(60, ("missed", "too_late")), (86_400, ("running", None))]
)
async def test_a_run_whose_claim_was_refused_beyond_its_deadline_does_not_start(
    workshop: Workshop,
    monkeypatch: pytest.MonkeyPatch,
    deadline_s: int,
    said: tuple[str, str | None],
) -> None:
    await workshop.register(a_task(schedule=("0 * * * *",), start_deadline_s=deadline_s))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        due_ms = workshop.scheduler.next_ms("backup") or 0
        workshop.clock.advance(due_ms - NOW_MS)
        refuse_once(workshop.recorder, "claim", monkeypatch)
        deciding = asyncio.ensure_future(workshop.scheduler.decide())
        await workshop.until(lambda: workshop.clock.sleeping_until_ms is not None)
        workshop.clock.advance(30 * MINUTE_MS)
        await deciding
        await workshop.settle()
        workshop.runner.close()

    assert [(run.status, run.reason) for run in workshop.rows()] == [said]
    assert len(workshop.keepers.orders) == (said[0] == "running")


async def test_what_the_full_disk_left_no_room_to_write_down_says_so(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment that was being written down, and those that came until there was room."""
    await workshop.register(a_task(schedule=("0 * * * *",), start_deadline_s=600))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.clock.advance((workshop.scheduler.next_ms("backup") or 0) - NOW_MS)
        refuse_once(workshop.recorder, "claim", monkeypatch, DiskFull)
        deciding = asyncio.ensure_future(workshop.scheduler.decide())
        await workshop.until(lambda: workshop.clock.sleeping_until_ms is not None)
        workshop.clock.advance(140 * MINUTE_MS)
        await deciding
        await workshop.scheduler.decide()
        # Nothing was refused any more: what passes from here on has another reason.
        workshop.clock.advance(120 * MINUTE_MS)
        await workshop.scheduler.decide()
        await workshop.settle()
        workshop.runner.close()

    reasons = [run.reason for run in workshop.rows() if run.status == "missed"]
    assert reasons[:3] == ["storage"] * 3
    assert len(reasons) > 3
    assert "storage" not in reasons[3:]
