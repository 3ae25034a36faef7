"""What of all that is shown makes an alert, or ends one?"""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection

from agent.alerter import Alerter
from agent.errors import StorageError
from agent.health import disks
from agent.health.disks import Disks, Mount
from agent.health.probes import SHARE
from agent.health.watcher import LOOK_MS
from agent.recorder import Shown
from agent.rules.alerting import of_check
from agent.rules.thresholds import Standing, Threshold, judge, settle
from agent.runs import Run
from agent.store import alerts
from agent.store.alerts import Alert
from agent.store.checks import Check
from agent.tolerances import Health
from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_run, a_task, ended
from tests.agent.workshop import Workshop

QUIET = (0, None)


def alerter_of(
    workshop: Workshop,
    *,
    usual: Sequence[int] = (),
    waiting: Sequence[tuple[int, int | None]] = (QUIET,),
) -> Alerter:
    turns = iter([*waiting, *[QUIET] * 1_000])
    return Alerter(
        clock=workshop.clock,
        database=workshop.database,
        recorder=workshop.recorder,
        priority=lambda name: 1 if name == "urgent" else 3,
        durations_ms=lambda _name: usual,
        waiting=lambda: next(turns),
        roster=workshop.roster,
    )


def open_alerts(workshop: Workshop) -> list[tuple[str, str]]:
    found = workshop.database.read_now(alerts.open_alerts)
    return [(alert.kind, alert.severity) for alert in found]


async def told(workshop: Workshop, alerter: Alerter, *runs: Run) -> list[tuple[str, str]]:
    """The alerts that are open after these runs were shown."""
    alerter.note(Shown(runs=runs))
    seen = len(workshop.shown)
    await alerter.work_off()
    for shown in workshop.shown[seen:]:
        alerter.note(shown)
    return open_alerts(workshop)


def missed(name: str = "backup", **fields: Any) -> Run:
    return a_run(task_name=name, status="missed", reason="agent_down", **fields)


def good(name: str = "backup", duration_ms: int = 50) -> Run:
    return msgspec.structs.replace(
        ended(a_run(task_name=name, status="running"), "success"), duration_ms=duration_ms
    )


async def test_a_missed_moment_is_one_alert_until_the_next_good_run(workshop: Workshop) -> None:
    alerter = alerter_of(workshop)

    first = await told(workshop, alerter, missed("urgent"), missed("urgent"))
    second = await told(workshop, alerter, good("urgent"))

    assert first == [("task_missed", "critical")]
    assert second == []


async def test_many_tasks_that_missed_moments_are_one_alert_until_all_did_well(
    workshop: Workshop,
) -> None:
    alerter = alerter_of(workshop)
    names = [f"task_{number}" for number in range(500)]

    first = await told(workshop, alerter, *[missed(name) for name in names])
    half = await told(workshop, alerter, *[good(name) for name in names[1:]])
    last = await told(workshop, alerter, good(names[0]))

    assert (first, half, last) == ([("tasks_missed", "medium")], [("tasks_missed", "medium")], [])


async def test_a_watch_without_a_ping_is_told_of_by_whoever_waited_for_it(
    workshop: Workshop,
) -> None:
    run = a_run(status="missed", reason="no_ping")

    assert await told(workshop, alerter_of(workshop), run) == []


@pytest.mark.parametrize(
    ("late_ms", "trigger", "is_told"),
    [
        (30_000, "schedule", False),
        (30_001, "schedule", True),
        (90_000, "catchup", False),
        (90_000, "manual", False),
    ],
)
async def test_a_start_later_than_thirty_seconds_is_an_alert(
    workshop: Workshop, late_ms: int, trigger: str, is_told: bool
) -> None:
    alerter = alerter_of(workshop)

    first = await told(workshop, alerter, a_run(status="running", late_ms=late_ms, trigger=trigger))
    second = await told(workshop, alerter, a_run(status="running", late_ms=5))

    assert first == ([("start_late", "medium")] if is_told else [])
    assert second == []


@pytest.mark.parametrize(
    ("usual", "duration_ms", "is_told"),
    [
        ([1_000] * 9, 60_000, False),
        ([1_000] * 10, 5_000, False),
        ([1_000] * 10, 7_000, True),
        ([60_000, 90_000, 30_000] * 5, 150_000, False),
        ([60_000, 61_000, 59_000] * 5, 130_000, True),
    ],
)
async def test_a_run_far_slower_than_those_before_it_is_an_alert_until_one_is_not(
    workshop: Workshop, usual: list[int], duration_ms: int, is_told: bool
) -> None:
    alerter = alerter_of(workshop, usual=usual)

    first = await told(workshop, alerter, good(duration_ms=duration_ms))
    second = await told(workshop, alerter, good(duration_ms=usual[0]))

    assert first == ([("task_slower", "medium")] if is_told else [])
    assert second == []


def a_check(name: str, status: str) -> Check:
    return Check(check_name=name, kind=name, status=status, checked_ms=NOW_MS, message="86 %")


async def checked(workshop: Workshop, alerter: Alerter, *found: Check) -> list[tuple[str, str]]:
    seen = len(workshop.shown)
    for check in found:
        alerter.note_checks([check])
    await alerter.work_off()
    for shown in workshop.shown[seen:]:
        alerter.note(shown)
    return open_alerts(workshop)


async def test_a_disk_that_fills_is_high_then_critical_then_over(workshop: Workshop) -> None:
    alerter = alerter_of(workshop)

    states = [
        await checked(workshop, alerter, a_check("disk", status))
        for status in ("ok", "warn", "warn", "crit", "warn", "ok")
    ]

    assert states == [
        [],
        [("resources_high", "high")],
        [("resources_high", "high")],
        [("disk_low", "critical")],
        [("disk_low", "critical")],
        [],
    ]


async def test_what_was_over_before_it_could_be_written_is_written_and_then_ended(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerter = alerter_of(workshop)

    async def takes_nothing(_write: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(workshop.recorder, "_write", takes_nothing)
        alerter.note_checks([a_check("disk", "crit")])
        with pytest.raises(StorageError):
            await alerter.work_off()
        alerter.note_checks([a_check("disk", "ok")])
    told_without = [shown.unkept for shown in workshop.shown if shown.unkept]
    await alerter.work_off()

    found = workshop.database.read_now(alerts.newest)
    assert [alert.kind for (alert,) in told_without] == ["disk_low"]
    assert [(alert.kind, alert.status) for alert in found] == [("disk_low", "resolved")]


async def test_the_real_disk_beyond_a_small_limit_is_an_alert(workshop: Workshop) -> None:
    ((_, room),) = Disks(workshop.home.root, Health()).look()[:1]
    reading = disks.readings([(Mount(place="/", is_home=True), room)], {})[0]
    small = Threshold(warn=0.0, crit=0.0)
    verdict = judge(reading.value, small, before="ok")
    check = msgspec.structs.replace(a_check("disk", verdict), message=reading.message)

    assert await checked(workshop, alerter_of(workshop), check) == [("disk_low", "critical")]


@pytest.mark.parametrize("name", ["cpu", "memory"])
async def test_a_busy_host_is_an_alert_after_three_minutes_and_not_before(
    workshop: Workshop, name: str
) -> None:
    alerter, standing = alerter_of(workshop), Standing()
    looks = []
    for at_ms in range(0, 4 * MINUTE_MS, LOOK_MS):
        state = judge(0.9, SHARE, before=standing.state)
        standing = settle(standing, state, at_ms=at_ms, for_s=SHARE.for_s)
        looks.append(a_check(name, standing.state))

    before = await checked(workshop, alerter, *looks[:18])
    after = await checked(workshop, alerter, *looks[18:])
    (alert,) = workshop.database.read_now(alerts.open_alerts)

    assert before == []
    assert after == [("resources_high", "high")]
    assert alert.occurrences == 1


@pytest.mark.parametrize(("count", "oldest_ms"), [(50, NOW_MS), (1, NOW_MS - 5 * MINUTE_MS)])
async def test_runs_that_pile_up_are_an_alert_until_they_do_not(
    workshop: Workshop, count: int, oldest_ms: int
) -> None:
    alerter = alerter_of(workshop, waiting=[(count, oldest_ms), (3, NOW_MS)])

    first = await checked(workshop, alerter, a_check("cpu", "ok"))
    second = await checked(workshop, alerter, a_check("cpu", "ok"))

    assert (first, second) == ([("queue_backlog", "medium")], [])


async def fail_and_mend(workshop: Workshop, times: int) -> list[str]:
    """A task fails and does well each minute in turn; the states of its alert after each end."""
    states = []
    for number in range(2 * times):
        run = a_run(workshop.clock.now_ms(), status="running")
        await workshop.recorder.claim([run])
        await workshop.recorder.ended(ended(run, "success" if number % 2 else "error"))
        (alert,) = workshop.database.read_now(alerts.newest)
        states.append(alert.status)
        workshop.clock.advance(MINUTE_MS)
    return states


async def test_a_task_that_flaps_is_one_open_alert_until_it_is_quiet(workshop: Workshop) -> None:
    await workshop.register(a_task("backup"))
    alerter = alerter_of(workshop)
    states = await fail_and_mend(workshop, 20)
    (alert,) = workshop.database.read_now(alerts.newest)

    await alerter.renew()
    workshop.clock.advance(10 * MINUTE_MS)
    await alerter.work_off()
    (after,) = workshop.database.read_now(alerts.newest)

    assert states[:8] == ["active", "resolved"] * 3 + ["active", "active"]
    assert set(states[8:]) == {"active"}
    assert (alert.occurrences, alert.flaps) == (20, 3)
    assert after.status == "resolved"


async def test_a_failure_is_told_after_the_last_attempt_once(workshop: Workshop) -> None:
    await workshop.register(a_task("backup", priority=2))
    run = a_run(status="running")
    retry = a_run(attempt=2, trigger="retry", status="retry_wait")
    await workshop.recorder.claim([run])
    await workshop.recorder.ended(ended(run, "error"), retry)
    before = open_alerts(workshop)

    for _ in range(3):
        await workshop.recorder.ended(ended(retry, "error"))

    (alert,) = workshop.database.read_now(alerts.open_alerts)
    assert before == []
    assert (alert.kind, alert.severity, alert.occurrences) == ("task_failed", "high", 1)


@pytest.mark.parametrize(
    ("status", "kind", "severity"),
    [
        ("error", "task_failed", "medium"),
        ("killed_memory", "task_failed", "medium"),
        ("timeout", "task_timeout", "critical"),
        ("lost", "task_lost", "high"),
    ],
)
async def test_each_bad_end_is_as_bad_as_the_list_says_and_the_next_success_ends_it(
    workshop: Workshop, status: str, kind: str, severity: str
) -> None:
    await workshop.register(a_task("backup", priority=3))
    found: list[Alert] = []
    for number, how in enumerate([status, "success"]):
        run = a_run(NOW_MS + number * MINUTE_MS, status="running")
        await workshop.recorder.claim([run])
        await workshop.recorder.ended(ended(run, how))
        found += workshop.shown[-1].alerts

    raised, over = found
    assert (raised.kind, raised.severity, raised.status) == (kind, severity, "active")
    assert raised.run_id is not None
    assert (over.id, over.status) == (raised.id, "resolved")


async def test_the_third_failure_in_a_row_makes_the_same_alert_worse(workshop: Workshop) -> None:
    await workshop.register(a_task("backup", priority=3))
    severities = []
    for number in range(4):
        run = a_run(NOW_MS + number * MINUTE_MS, status="running")
        await workshop.recorder.claim([run])
        await workshop.recorder.ended(ended(run, "error"))
        severities += [severity for _, severity in open_alerts(workshop)]

    assert severities == ["medium", "medium", "high", "high"]


@pytest.mark.parametrize("name", ["loop", "logs", "database", "reads", "writes", "replication"])
def test_an_alert_about_a_check_says_what_is_wrong_and_not_the_name_of_a_row(name: str) -> None:
    trouble = of_check(name, "crit", "answers in 3 s")

    assert trouble is not None
    assert trouble.title
    assert "Health check" not in trouble.title


async def test_what_opens_while_all_that_is_open_is_read_can_end_afterwards(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerter = alerter_of(workshop)
    began, go_on, read_all = threading.Event(), threading.Event(), alerts.open_alerts

    def meanwhile(connection: Connection) -> tuple[Alert, ...]:
        found = read_all(connection)
        began.set()
        assert go_on.wait(60)
        return found

    monkeypatch.setattr(alerts, "open_alerts", meanwhile)
    renewing = asyncio.create_task(alerter.renew())
    assert await asyncio.to_thread(began.wait, 60)
    alerter.note(Shown(runs=(missed(),)))
    await alerter.work_off()
    for shown in workshop.shown:
        alerter.note(shown)
    go_on.set()
    await renewing
    monkeypatch.undo()

    assert open_alerts(workshop) == [("task_missed", "medium")]
    assert await told(workshop, alerter, good()) == []
