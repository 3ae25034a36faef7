"""Which run takes longer than its task expects, and what is told of it?"""

import asyncio

import pytest

from agent.runs import Run
from agent.slowness import trouble_of, warn_in_ms
from agent.store import alerts
from tests.agent.store.makings import NOW_MS, a_run, a_task
from tests.agent.workshop import Workshop, end_of

TASK = a_task(timeout_seconds=60, warn_after_seconds=30)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (a_run(started_ms=NOW_MS), 30_000),
        (a_run(started_ms=NOW_MS - 29_000), 1_000),
        (a_run(started_ms=NOW_MS - 45_000), 0),
        (a_run(started_ms=NOW_MS - 45_000, warned_ms=NOW_MS - 15_000), None),
        (a_run(), None),
    ],
)
def test_a_run_is_warned_of_once_when_its_time_has_come(run: Run, expected: int | None) -> None:
    assert warn_in_ms(run, TASK, now_ms=NOW_MS) == expected
    assert warn_in_ms(run, a_task(), now_ms=NOW_MS) is None


def test_the_words_name_both_times() -> None:
    trouble = trouble_of(a_run(), TASK)

    assert "goes on after 30 s (warn_after_seconds); it is ended after 60 s" in trouble.message


async def test_a_slow_run_has_a_warned_row_and_an_alert_until_its_end(workshop: Workshop) -> None:
    await workshop.register(a_task("slow", timeout_seconds=60, warn_after_seconds=30))
    run = a_run(task_name="slow")
    await workshop.recorder.claim([run])
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([run])
        await workshop.settle()
        before = workshop.rows("slow")[0]

        workshop.clock.advance(30_000)
        await workshop.until(lambda: bool(workshop.rows("slow")[0].warned_ms))
        await workshop.settle()
        warned = workshop.rows("slow")[0]
        (alert,) = workshop.database.read_now(alerts.open_alerts)
        shown = workshop.shown[-1].runs

        workshop.runner.on_ended(end_of(run.id))
        await workshop.settle()

    assert (before.status, before.warned_ms) == ("running", None)
    assert (warned.status, warned.warned_ms) == ("running", NOW_MS + 30_000)
    assert [row.warned_ms for row in shown] == [NOW_MS + 30_000]
    assert (alert.kind, alert.task_name) == ("run_slow", "slow")
    ended = workshop.rows("slow")[0]
    assert (ended.status, ended.warned_ms) == ("success", NOW_MS + 30_000)
    assert workshop.database.read_now(alerts.open_alerts) == ()


async def test_a_run_that_is_being_stopped_is_not_warned_of(workshop: Workshop) -> None:
    await workshop.register(a_task("slow", timeout_seconds=60, warn_after_seconds=30))
    run = a_run(task_name="slow")
    await workshop.recorder.claim([run])
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([run])
        await workshop.settle()
        await workshop.runner.abort(run.id, who="Anna")
        await workshop.settle()

        workshop.clock.advance(30_000)
        await workshop.settle()
        stopping = workshop.rows("slow")[0]
        workshop.runner.on_ended(end_of(run.id, exit_status=None, cause="aborted"))
        await workshop.settle()

    assert (stopping.status, stopping.warned_ms) == ("stopping", None)
    assert "Anna" in (stopping.note or "")


async def test_a_run_that_ends_in_time_is_never_warned_of(workshop: Workshop) -> None:
    await workshop.register(a_task("quick", timeout_seconds=60, warn_after_seconds=30))
    run = a_run(task_name="quick")
    await workshop.recorder.claim([run])
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([run])
        await workshop.settle()
        workshop.runner.on_ended(end_of(run.id))
        await workshop.settle()

        workshop.clock.advance(60_000)
        await workshop.settle()

    assert workshop.rows("quick")[0].warned_ms is None
    assert workshop.database.read_now(alerts.open_alerts) == ()


async def test_a_slow_run_that_is_stopped_before_its_row_says_that_it_lives_is_told_in_order(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row of its start waits; meanwhile it comes to take long, and somebody stops it."""
    await workshop.register(a_task("slow", timeout_seconds=60, warn_after_seconds=30))
    run = a_run(task_name="slow")
    await workshop.recorder.claim([run])
    held = {"started": asyncio.Event(), "alert": asyncio.Event()}
    waiting: list[str] = []

    def hold(name: str) -> None:
        """As a slow database does with the first of these."""
        real = getattr(workshop.recorder, name)

        async def later(*words: object) -> object:
            if name not in waiting:
                waiting.append(name)
                await held[name].wait()
            return await real(*words)

        monkeypatch.setattr(workshop.recorder, name, later)

    hold("started")
    hold("alert")
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        workshop.runner.submit([run])
        await workshop.until(lambda: waiting == ["started"])
        workshop.clock.advance(30_000)
        await workshop.until(lambda: waiting == ["started", "alert"])
        await workshop.runner.abort(run.id, who="Anna")

        held["alert"].set()
        await workshop.until(lambda: bool(workshop.rows("slow")[0].warned_ms))
        warned = workshop.rows("slow")[0]
        held["started"].set()
        await workshop.settle()

    last = workshop.rows("slow")[0]
    assert warned.status == "running"
    assert (last.status, last.reason, last.note) == ("stopping", "by_request", "stopped by Anna")
