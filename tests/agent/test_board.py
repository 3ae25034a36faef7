"""What does everyone who watches see?"""

import asyncio
import threading

import msgspec
import pytest
from sqlalchemy import Connection

from agent.board import ENDED_STAY_MS, Backlog, Board
from agent.recorder import Shown
from agent.rules.alerting import Trouble
from agent.store import alerts
from agent.store.alerts import Alert
from agent.store.checks import Check
from shared.protocol import rows as wire
from shared.protocol.journal import Journal
from tests.agent.store.makings import NOW_MS, a_run, a_task, ended
from tests.agent.workshop import Workshop


def board_of(workshop: Workshop, journal: Journal, *, next_ms: int = NOW_MS + 60_000) -> Board:
    return Board(
        clock=workshop.clock,
        database=workshop.database,
        journal=journal,
        roster=workshop.roster,
        next_ms=lambda _name: next_ms,
        fault=lambda _name: None,
        first_due_ms=lambda: next_ms,
        backlog=lambda: Backlog(catching_up=2, tasks=3, oldest_ms=NOW_MS - 5_000),
    )


def task_on(journal: Journal, name: str = "backup") -> wire.Task:
    row = journal.get("task", name)
    assert isinstance(row, wire.Task)
    return row


async def test_a_run_shows_in_its_own_row_and_in_that_of_its_task(workshop: Workshop) -> None:
    await workshop.register(a_task())
    journal = Journal("0" * 16)
    board = board_of(workshop, journal)
    await board.fill()
    running = msgspec.structs.replace(a_run(), status="running", started_ms=NOW_MS, pid=7)

    board.show(Shown(runs=(running,), tasks=frozenset({"backup"})))

    task = task_on(journal)
    assert (task.state, task.run_id, task.next_ms) == ("running", running.id, NOW_MS + 60_000)
    row = journal.get("run", running.id)
    assert isinstance(row, wire.Run)
    assert row.state == "running"
    assert board.summary().running == 1


async def test_every_run_that_lives_is_shown_however_many_there_are(workshop: Workshop) -> None:
    await workshop.register(a_task())
    runs = [a_run(NOW_MS + number) for number in range(1_100)]
    await workshop.recorder.claim(runs)
    journal = Journal("0" * 16)

    board = board_of(workshop, journal)
    await board.fill()

    assert board.summary().queued == len(runs)


async def test_statistics_follow_an_end_by_themselves(workshop: Workshop) -> None:
    await workshop.register(a_task())
    journal = Journal("0" * 16)
    board = board_of(workshop, journal)
    await board.fill()
    run = a_run()
    await workshop.recorder.claim([run])
    over = ended(run, "error", duration_ms=1_234)
    await workshop.recorder.ended(over)
    async with asyncio.TaskGroup() as group:
        working = group.create_task(board.run())

        board.show(Shown(runs=(over,), tasks=frozenset({"backup"})))
        at_once = task_on(journal)
        await workshop.until(lambda: workshop.clock.sleeping_until_ms is not None)
        while task_on(journal).runs_24h == 0:
            workshop.clock.advance(20)
            await asyncio.sleep(0)
        working.cancel()

    assert at_once.last is not None
    assert (at_once.last.result, at_once.last.exit) == ("error", 1)
    followed = task_on(journal)
    assert (followed.runs_24h, followed.fails_24h, followed.fails) == (1, 1, 1)
    assert followed.spark == (1_234,)
    assert board.summary().failing == 1


async def test_ended_runs_leave_the_wire_after_some_minutes(workshop: Workshop) -> None:
    await workshop.register(a_task())
    journal = Journal("0" * 16)
    board = board_of(workshop, journal)
    over = ended(a_run(NOW_MS - 2_000), duration_ms=1_000)
    async with asyncio.TaskGroup() as group:
        working = group.create_task(board.run())
        board.show(Shown(runs=(over,), tasks=frozenset({"backup"})))
        before = journal.get("run", over.id)

        workshop.clock.advance(ENDED_STAY_MS - 5_000)
        while journal.get("run", over.id) is not None:
            workshop.clock.advance(1_000)
            await asyncio.sleep(0)
            assert workshop.clock.now_ms() < NOW_MS + ENDED_STAY_MS + 60_000
        working.cancel()

    assert before is not None
    assert workshop.clock.now_ms() >= NOW_MS + ENDED_STAY_MS - 5_000


async def test_what_was_skipped_says_nothing_of_how_the_task_does(workshop: Workshop) -> None:
    await workshop.register(a_task())
    journal = Journal("0" * 16)
    board = board_of(workshop, journal)
    good = ended(a_run(NOW_MS - 60_000))
    skipped = a_run(status="skipped", reason="overlap", ended_ms=NOW_MS)

    board.show(Shown(runs=(good, skipped), tasks=frozenset({"backup"})))

    last = task_on(journal).last
    assert last is not None
    assert last.run_id == good.id


async def test_a_check_keeps_the_moment_since_when_it_is_so(workshop: Workshop) -> None:
    journal = Journal("0" * 16)
    board = board_of(workshop, journal)
    first = Check(
        check_name="disk", kind="disk", status="warn", checked_ms=NOW_MS, message="", value=0.81
    )

    board.show_checks([first])
    board.show_checks([msgspec.structs.replace(first, checked_ms=NOW_MS + 10_000, value=0.82)])

    row = journal.get("check", "disk")
    assert isinstance(row, wire.Check)
    assert (row.since_ms, row.value) == (NOW_MS, 0.82)
    assert board.summary().warn == 1
    ((look, since_ms),) = board.looks
    assert (look.checked_ms, since_ms) == (NOW_MS + 10_000, NOW_MS)
    board.forget_check("disk")
    assert board.looks == ()


async def test_the_backlog_is_told_with_each_heartbeat(workshop: Workshop) -> None:
    journal = Journal("0" * 16)
    board = board_of(workshop, journal)
    await board.fill()

    told = board.summary()

    assert (told.catching_up, told.backlog, told.oldest_wait_ms) == (2, 3, 5_000)


async def test_a_trouble_is_an_alert_on_the_wire_until_it_is_right_again(
    workshop: Workshop,
) -> None:
    journal = Journal("0" * 16)
    board = board_of(workshop, journal)
    trouble = Trouble(
        dedupe_key="x", kind="task_invalid", severity="high", title="bad", message="why"
    )

    await workshop.recorder.alert(trouble)
    await workshop.recorder.alert(trouble)
    board.show(workshop.shown[-1])
    (alert,) = journal.rows("alerts")
    await workshop.recorder.resolve("x")
    board.show(workshop.shown[-1])

    assert isinstance(alert, wire.Alert)
    assert (alert.state, alert.count, alert.title) == ("open", 2, "bad")
    assert journal.rows("alerts") == ()


async def test_the_counts_of_a_heartbeat_follow_each_change(workshop: Workshop) -> None:
    await workshop.register(a_task("a"), a_task("b"))
    board = board_of(workshop, Journal("0" * 16))
    await board.fill()
    before = board.summary()

    workshop.roster.put(await workshop.recorder.set_flags(["a"], enabled=False, who="Anna"))
    board.show(workshop.shown[-1])
    run = a_run(task_name="b")
    await workshop.recorder.claim([run])
    board.show(workshop.shown[-1])
    after = board.summary()

    assert (before.tasks, before.enabled, before.queued, before.late) == (2, 2, 0, 0)
    assert (after.tasks, after.enabled, after.queued) == (2, 1, 1)


async def test_tasks_whose_moment_has_passed_by_are_counted_as_late(workshop: Workshop) -> None:
    await workshop.register(a_task("a"), a_task("b"))
    board = board_of(workshop, Journal("0" * 16), next_ms=NOW_MS - 31_000)
    await board.fill()

    assert board.summary().late == 2


async def test_an_alert_that_opens_while_all_are_read_stays_in_sight(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal("0" * 16)
    board = board_of(workshop, journal)
    for name in ("over", "open"):
        await workshop.recorder.alert(trouble(name))
    began, go_on, read_all = threading.Event(), threading.Event(), alerts.open_alerts

    def meanwhile(connection: Connection) -> tuple[Alert, ...]:
        found = read_all(connection)
        began.set()
        assert go_on.wait(60)
        return found

    monkeypatch.setattr(alerts, "open_alerts", meanwhile)
    async with asyncio.TaskGroup() as group:
        group.create_task(board.renew_alerts())
        assert await asyncio.to_thread(began.wait, 60)
        await workshop.recorder.alert(trouble("new"))
        await workshop.recorder.resolve("over")
        for shown in workshop.shown:
            board.show_alerts(shown.alerts)
        go_on.set()

    found = {row.title for row in journal.rows("alerts") if isinstance(row, wire.Alert)}
    assert found == {"open", "new"}


def trouble(name: str) -> Trouble:
    return Trouble(dedupe_key=name, kind="task_failed", severity="high", title=name, message="")
