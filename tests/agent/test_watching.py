"""Who should have pinged, and who did?"""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from agent import proof
from agent.errors import RunNotFound, StorageError, TaskNotFound, WrongUse
from agent.rules.pinging import Ping
from agent.running import pings
from agent.store import alerts, ledger
from agent.store.alerts import Alert
from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_run, a_task
from tests.agent.workshop import Workshop, end_of

DUE_MS = (NOW_MS // MINUTE_MS + 1) * MINUTE_MS
GRACE_MS = 20_000
_ops = itertools.count()


def a_watch(name: str = "backup", **fields: Any) -> Any:
    return a_task(
        name,
        **{
            "kind": "watch",
            "command": (),
            "schedule": ("* * * * *",),
            "ping_grace_s": GRACE_MS // 1000,
            "timeout_seconds": 600,
        }
        | fields,
    )


def a_ping(at_ms: int, what: Any = "ok", **fields: Any) -> Ping:
    given = {"op": f"{next(_ops):032x}", "task_name": "backup"} | fields
    return Ping(at_ms=at_ms, what=what, **given)


@asynccontextmanager
async def at_work(workshop: Workshop, *definitions: Any) -> AsyncIterator[None]:
    await workshop.register(*(definitions or (a_watch(),)))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        yield
        await workshop.settle()


async def go_to(workshop: Workshop, at_ms: int) -> None:
    """Let time pass as the agent lives it: decide what is due, then look at the watches."""
    workshop.clock.advance(at_ms - workshop.clock.now_ms())
    await workshop.scheduler.decide()
    await workshop.watching.look()


def told(workshop: Workshop) -> list[tuple[str, str, str | None]]:
    return [(row.trigger, row.status, row.reason) for row in workshop.rows("backup")]


def open_alerts(workshop: Workshop) -> tuple[Alert, ...]:
    return workshop.database.read_now(alerts.open_alerts)


def is_proved(workshop: Workshop, until_ms: int) -> bool:
    found = proof.prove(workshop.database, NOW_MS, until_ms)["backup"]
    return found.is_clean and not found.unexpected and found.expected > 0


async def test_a_due_moment_is_answered_by_the_ping_in_its_span(workshop: Workshop) -> None:
    async with at_work(workshop):
        await go_to(workshop, DUE_MS)
        waits = told(workshop)

        await workshop.watching.ping(a_ping(DUE_MS + 7_000, message="3 files"))
        await go_to(workshop, DUE_MS + GRACE_MS + 1)

    (row,) = workshop.rows()
    assert waits == [("schedule", "queued", None)]
    assert (row.status, row.note, row.late_ms) == ("success", "3 files", 7_000)
    assert (row.scheduled_ms, row.ended_ms, row.duration_ms) == (DUE_MS, DUE_MS + 7_000, None)
    assert workshop.keepers.orders == []
    assert is_proved(workshop, DUE_MS)


async def test_from_start_to_ok_is_how_long_it_took(workshop: Workshop) -> None:
    async with at_work(workshop):
        await go_to(workshop, DUE_MS)
        begun = await workshop.watching.ping(a_ping(DUE_MS + 1_000, "start"))
        await go_to(workshop, DUE_MS + GRACE_MS + 1)
        over = await workshop.watching.ping(a_ping(DUE_MS + 42_000, "ok", run_id=begun.id))

    (row,) = workshop.rows()
    assert (begun.status, over.id) == ("running", begun.id)
    assert (row.status, row.duration_ms, row.late_ms) == ("success", 41_000, 1_000)


async def test_a_moment_without_a_ping_is_missed_with_an_alert_until_one_comes(
    workshop: Workshop,
) -> None:
    async with at_work(workshop, a_watch(priority=1)):
        await go_to(workshop, DUE_MS)
        await go_to(workshop, DUE_MS + GRACE_MS)
        in_time = open_alerts(workshop)
        await go_to(workshop, DUE_MS + GRACE_MS + 1)
        await go_to(workshop, DUE_MS + MINUTE_MS)
        await go_to(workshop, DUE_MS + MINUTE_MS + GRACE_MS + 1)
        (alert,) = open_alerts(workshop)

        await go_to(workshop, DUE_MS + 2 * MINUTE_MS)
        await workshop.watching.ping(a_ping(DUE_MS + 2 * MINUTE_MS))

    assert in_time == ()
    assert (alert.kind, alert.severity, alert.occurrences) == ("no_ping", "critical", 2)
    assert told(workshop) == [
        ("schedule", "missed", "no_ping"),
        ("schedule", "missed", "no_ping"),
        ("schedule", "success", None),
    ]
    assert open_alerts(workshop) == ()
    assert is_proved(workshop, DUE_MS + 2 * MINUTE_MS)


async def test_a_ping_before_its_moment_or_a_second_one_is_a_row_of_its_own(
    workshop: Workshop,
) -> None:
    async with at_work(workshop):
        await workshop.watching.ping(a_ping(NOW_MS))
        await go_to(workshop, DUE_MS)
        await workshop.watching.ping(a_ping(DUE_MS))
        await workshop.watching.ping(a_ping(DUE_MS + 1_000))
        await go_to(workshop, DUE_MS + GRACE_MS + 1)
        workshop.clock.advance(10)
        await workshop.watching.ping(a_ping(DUE_MS + GRACE_MS + 11, "fail"))

    assert sorted(told(workshop)) == [
        ("ping", "error", None),
        ("ping", "success", None),
        ("ping", "success", None),
        ("schedule", "success", None),
    ]
    assert is_proved(workshop, DUE_MS)


async def test_a_ping_in_the_very_moment_finds_the_row_that_is_not_written_yet(
    workshop: Workshop,
) -> None:
    async with at_work(workshop):
        workshop.clock.advance(DUE_MS - NOW_MS)

        run = await workshop.watching.ping(a_ping(DUE_MS, "start"))

    assert (run.trigger, run.scheduled_ms) == ("schedule", DUE_MS)


async def test_a_failure_says_its_exit_status_and_class_and_its_secrets_are_masked(
    workshop: Workshop,
) -> None:
    async with at_work(workshop, a_watch(exit_statuses={"3": "success"})):
        await go_to(workshop, DUE_MS)
        await workshop.watching.ping(
            a_ping(DUE_MS + 1, "fail", exit_status=78, message="password hunter2")
        )
        await go_to(workshop, DUE_MS + MINUTE_MS)
        await workshop.watching.ping(a_ping(DUE_MS + MINUTE_MS, "fail", exit_status=3))

    failed, good = workshop.rows()
    assert (failed.status, failed.exit_status, failed.error_class) == ("error", 78, "fatal")
    assert failed.error_message == "password *******"
    assert (good.status, good.exit_status, good.error_class) == ("success", 3, None)


async def test_a_job_that_began_and_never_said_how_it_ended_runs_into_its_timeout(
    workshop: Workshop,
) -> None:
    async with at_work(workshop, a_watch(schedule=("0 * * * *",))):
        await workshop.watching.ping(a_ping(NOW_MS, "start"))
        await go_to(workshop, NOW_MS + 600_000)
        still = told(workshop)
        await go_to(workshop, NOW_MS + 600_001)

    (row,) = workshop.rows()
    assert still == [("ping", "running", None)]
    assert (row.status, row.duration_ms, row.error_class) == ("timeout", 600_001, "recoverable")


async def test_an_end_without_a_name_belongs_to_what_began_last(workshop: Workshop) -> None:
    async with at_work(workshop, a_watch(schedule=("0 * * * *",))):
        crashed = await workshop.watching.ping(a_ping(NOW_MS, "start"))
        workshop.clock.advance(1_000)
        second = await workshop.watching.ping(a_ping(NOW_MS + 1_000, "start"))
        over = await workshop.watching.ping(a_ping(NOW_MS + 1_000, "ok"))

    assert over.id == second.id != crashed.id


async def test_what_was_pinged_while_no_agent_listened_counts_for_its_moment(
    workshop: Workshop,
) -> None:
    await workshop.register(a_watch())
    late_ms = DUE_MS + 10 * MINUTE_MS
    pings.leave(workshop.home, a_ping(DUE_MS + MINUTE_MS + 9_000, "ok", message="spooled"))
    pings.leave(workshop.home, a_ping(DUE_MS + MINUTE_MS + 1_000, "start"))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await go_to(workshop, late_ms)
        await workshop.settle()

    rows = workshop.rows()
    good = [row for row in rows if row.status == "success"]
    assert [(row.scheduled_ms, row.duration_ms, row.note) for row in good] == [
        (DUE_MS + MINUTE_MS, 8_000, "spooled")
    ]
    assert {row.status for row in rows} == {"success", "missed", "queued"}
    assert pings.waiting(workshop.home) == []
    assert is_proved(workshop, late_ms)


async def test_a_ping_told_twice_is_taken_down_once(workshop: Workshop) -> None:
    ping = a_ping(NOW_MS)
    async with at_work(workshop):
        await workshop.watching.ping(ping)
        pings.leave(workshop.home, ping)
        await workshop.watching.look()

    assert told(workshop) == [("ping", "success", None)]
    assert pings.waiting(workshop.home) == []


async def test_a_start_that_was_kept_is_taken_down_before_the_end_that_is_told(
    workshop: Workshop,
) -> None:
    async with at_work(workshop):
        pings.leave(workshop.home, a_ping(NOW_MS - 5_000, "start"))

        over = await workshop.watching.ping(a_ping(NOW_MS))

    assert (over.status, over.duration_ms) == ("success", 5_000)
    assert told(workshop) == [("ping", "success", None)]


async def test_a_ping_that_is_kept_and_told_at_the_same_time_is_taken_down_once(
    workshop: Workshop,
) -> None:
    ping = a_ping(NOW_MS)
    async with at_work(workshop):
        pings.leave(workshop.home, ping)

        await asyncio.gather(
            workshop.watching._record(ping), workshop.watching.look(), workshop.watching.look()
        )
        await workshop.watching.look()

    assert told(workshop) == [("ping", "success", None)]
    assert pings.waiting(workshop.home) == []


async def test_a_kept_ping_of_no_use_does_not_stop_those_behind_it(workshop: Workshop) -> None:
    async with at_work(workshop, a_watch(), a_task("sync")):
        pings.leave(workshop.home, a_ping(NOW_MS - 3, task_name="gone"))
        pings.leave(workshop.home, a_ping(NOW_MS - 2, task_name="sync"))
        (workshop.home.pings / "000-x.json").write_text("{")
        pings.leave(workshop.home, a_ping(NOW_MS))

        await workshop.watching.look()

    assert told(workshop) == [("ping", "success", None)]
    assert [path.name for path in workshop.home.pings.iterdir()] == ["000-x.json.damaged"]


async def test_the_rows_of_an_earlier_agent_go_on_waiting(
    workshop: Workshop, tmp_path: Any
) -> None:
    async with at_work(workshop, a_watch(), a_watch("long", schedule=("0 * * * *",))):
        await go_to(workshop, DUE_MS)
        begun = await workshop.watching.ping(a_ping(DUE_MS, "start", task_name="long"))
    later = Workshop(tmp_path, now_ms=DUE_MS + 5_000)
    await later.roster.load()
    unfinished = later.database.read_now(ledger.unfinished)
    async with asyncio.TaskGroup() as group:
        await later.begin(group, unfinished)
        answered = await later.watching.ping(a_ping(DUE_MS + 5_000))
        over = await later.watching.ping(a_ping(DUE_MS + 5_000, task_name="long"))
        await later.settle()
    later.database.close()

    assert (answered.status, answered.scheduled_ms) == ("success", DUE_MS)
    assert (over.id, over.duration_ms) == (begun.id, 5_000)


async def test_a_ping_of_which_only_the_row_was_written_is_lost_and_not_missed(
    workshop: Workshop,
) -> None:
    await workshop.register(a_watch())
    half = await workshop.recorder.order(a_run(trigger="ping"))
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group, [half])
        await workshop.settle()

    assert told(workshop) == [("ping", "lost", "no_trace")]
    assert [alert.kind for alert in open_alerts(workshop)] == ["task_lost"]


async def test_a_database_that_refuses_once_costs_no_ping_and_doubles_none(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, refusals = workshop.recorder.ended, [StorageError("away")]

    async def refuse_once(*words: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return await write(*words)

    monkeypatch.setattr(workshop.recorder, "ended", refuse_once)
    async with at_work(workshop):
        telling = asyncio.create_task(workshop.watching.ping(a_ping(NOW_MS)))
        await workshop.until(lambda: workshop.clock.sleeping_until_ms is not None)
        workshop.clock.advance(1_000)
        await telling

    assert told(workshop) == [("ping", "success", None)]


async def test_a_task_that_follows_runs_after_the_good_end_of_a_watch(workshop: Workshop) -> None:
    async with at_work(workshop, a_watch(), a_task("report", schedule=(), after=("backup",))):
        await workshop.watching.ping(a_ping(NOW_MS, "fail"))
        over = await workshop.watching.ping(a_ping(NOW_MS, "ok"))
        await workshop.settle()
        workshop.runner.on_ended(end_of(workshop.keepers.orders[0]))

    (row,) = workshop.rows("report")
    assert (row.trigger, row.caused_by, row.status) == ("chain", over.id, "success")


async def test_what_is_no_watch_takes_no_ping_and_a_watch_is_not_run(workshop: Workshop) -> None:
    async with at_work(workshop, a_watch(), a_task("sync")):
        with pytest.raises(WrongUse, match="kind = 'watch'"):
            await workshop.watching.ping(a_ping(NOW_MS, task_name="sync"))
        with pytest.raises(TaskNotFound):
            await workshop.watching.ping(a_ping(NOW_MS, task_name="nothing"))
        with pytest.raises(WrongUse, match="runs nothing"):
            await workshop.orders.start_now("backup", who="Anna", reason=None)


async def test_a_watch_that_waits_can_be_told_to_wait_no_more(workshop: Workshop) -> None:
    async with at_work(workshop):
        await go_to(workshop, DUE_MS)
        (row,) = workshop.rows()

        state = await workshop.watching.abort(row.id, who="Anna")
        await go_to(workshop, DUE_MS + GRACE_MS + 1)
        with pytest.raises(RunNotFound):
            await workshop.watching.abort(row.id, who="Anna")

    assert state == "ended"
    assert told(workshop) == [("schedule", "aborted", "by_request")]
    assert open_alerts(workshop) == ()


async def test_a_paused_watch_expects_nothing_and_a_disabled_one_no_more(
    workshop: Workshop,
) -> None:
    async with at_work(workshop):
        await go_to(workshop, DUE_MS)
        changed = await workshop.recorder.set_flags(["backup"], enabled=False, who="Anna")
        await workshop.scheduler.take(changed)
        await go_to(workshop, DUE_MS + 1_000)
        changed = await workshop.recorder.set_flags(
            ["backup"], enabled=True, paused=True, who="Anna"
        )
        await workshop.scheduler.take(changed)
        await go_to(workshop, DUE_MS + MINUTE_MS)

    assert told(workshop) == [
        ("schedule", "skipped", "disabled"),
        ("schedule", "skipped", "paused"),
    ]
    assert open_alerts(workshop) == ()


async def test_rows_of_moments_long_over_are_let_go_of(workshop: Workshop) -> None:
    async with at_work(workshop):
        for minute in range(5):
            await go_to(workshop, DUE_MS + minute * MINUTE_MS)
            await workshop.watching.ping(a_ping(DUE_MS + minute * MINUTE_MS))
        await go_to(workshop, DUE_MS + 4 * MINUTE_MS + GRACE_MS + 1)

    assert workshop.watching._due == {}
    assert workshop.watching._answered == set()
    assert not any(workshop.watching._alive.values())


async def test_no_more_pings_are_kept_than_there_is_room_for(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pings, "MOST_KEPT", 2)
    leave = partial(pings.leave, workshop.home)
    leave(a_ping(NOW_MS))
    leave(a_ping(NOW_MS))

    with pytest.raises(Exception, match="no agent took them up"):
        leave(a_ping(NOW_MS))
