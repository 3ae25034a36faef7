"""Do rows say what is, and nothing that a viewer must not see?"""

import msgspec
import pytest

from agent.definitions import Definition
from agent.handlers.rows import alert_row, check_row, run_row, settings_row, task_row
from agent.runs import Run
from agent.store.checks import Check
from agent.store.statistics import LastRun, TaskStats
from agent.store.tasks import TaskRow
from tests.agent.store.test_opened import an_alert

NOW_MS = 1_800_000_123_456
DEFINITION = Definition(
    task_name="backup",
    schedule=("5 7 * * *", "@hourly"),
    command="run hidden-command",
    environment={"TOKEN": "hidden-value"},
)
TASK = TaskRow(
    definition=DEFINITION,
    def_rev=3,
    paused=False,
    paused_until_ms=None,
    pause_reason=None,
    watermark_ms=0,
    avg_duration_ms=None,
    created_ms=0,
    updated_ms=0,
)
RUN = Run(
    id="01" + "A" * 24,
    task_name="backup",
    category="General",
    def_rev=3,
    scheduled_ms=NOW_MS,
    attempt=1,
    trigger="schedule",
    status="running",
    queued_ms=NOW_MS,
    started_ms=NOW_MS + 5,
    output_tail="hidden-output",
    error_message="hidden-output",
)


def test_no_row_holds_commands_values_or_output() -> None:
    said = b"".join(
        msgspec.json.encode(row) for row in (task_row(TASK, now_ms=NOW_MS), run_row(RUN))
    )

    assert b"hidden" not in said
    assert b"TOKEN" not in said


def test_a_run_has_a_result_only_when_it_has_ended() -> None:
    live = run_row(RUN)
    ended = run_row(msgspec.structs.replace(RUN, status="timeout", ended_ms=NOW_MS + 9))

    assert (live.state, live.result) == ("running", None)
    assert (ended.state, ended.result) == ("ended", "timeout")


@pytest.mark.parametrize(
    ("statuses", "enabled", "fault", "state", "running"),
    [
        ((), True, None, "idle", 0),
        ((), False, None, "off", 0),
        ((), True, "no such zone", "invalid", 0),
        (("queued",), True, None, "queued", 0),
        (("starting",), True, None, "queued", 0),
        (("retry_wait",), True, None, "retry_wait", 0),
        (("retry_wait", "running"), True, None, "running", 1),
        (("running",), False, None, "running", 1),
        (("stopping",), True, "no such zone", "stopping", 1),
    ],
)
def test_a_task_is_in_the_state_of_its_liveliest_run(
    statuses: tuple[str, ...], enabled: bool, fault: str | None, state: str, running: int
) -> None:
    task = msgspec.structs.replace(
        TASK, definition=msgspec.structs.replace(DEFINITION, enabled=enabled)
    )

    row = task_row(
        task,
        now_ms=NOW_MS,
        live=[msgspec.structs.replace(RUN, status=status) for status in statuses],
        fault=fault,
    )

    assert (row.state, row.running) == (state, running)
    assert row.run_id == (RUN.id if running else None)


def test_a_task_shows_how_far_its_living_run_says_it_is_to_those_who_may_read_it() -> None:
    run = msgspec.structs.replace(
        RUN, status="running", progress=40, progress_note="importing products"
    )

    row = task_row(TASK, now_ms=NOW_MS, live=[run])
    less = task_row(TASK, now_ms=NOW_MS, live=[run], with_words=False)
    ended = task_row(TASK, now_ms=NOW_MS, last=msgspec.structs.replace(run, status="success"))

    assert (row.progress, row.progress_note) == (40, "importing products")
    assert (less.progress, less.progress_note) == (40, None)
    assert (ended.progress, ended.progress_note) == (None, None)


def test_a_task_whose_failure_is_tried_again_has_not_failed_yet_and_says_when() -> None:
    waits = msgspec.structs.replace(RUN, status="retry_wait", retry_at_ms=NOW_MS + 9_000)
    stats = TaskStats(last=last("error"), fails_in_row=0)

    row = task_row(TASK, now_ms=NOW_MS, stats=stats, live=[waits])

    assert (row.state, row.retry_ms, row.fails, row.health) == (
        "retry_wait",
        NOW_MS + 9_000,
        0,
        "warn",
    )


def test_a_run_that_waits_for_a_ping_waits_for_no_slot() -> None:
    waits = msgspec.structs.replace(RUN, status="queued")

    assert run_row(waits, is_watch=True).awaits_ping
    assert not run_row(waits).awaits_ping
    assert not run_row(msgspec.structs.replace(RUN, status="running"), is_watch=True).awaits_ping


def test_a_task_tells_whether_it_waits_for_pings() -> None:
    watch = msgspec.structs.replace(
        TASK, definition=msgspec.structs.replace(DEFINITION, kind="watch")
    )

    assert task_row(watch, now_ms=NOW_MS).kind == "watch"
    assert task_row(TASK, now_ms=NOW_MS).kind == "command"


def test_a_pause_that_ran_out_is_not_shown() -> None:
    task = msgspec.structs.replace(
        TASK, paused=True, paused_until_ms=NOW_MS, pause_reason="holiday"
    )

    before, after = task_row(task, now_ms=NOW_MS - 1), task_row(task, now_ms=NOW_MS)

    assert (before.paused, before.paused_until_ms, before.pause_reason) == (
        True,
        NOW_MS,
        "holiday",
    )
    assert (after.paused, after.paused_until_ms, after.pause_reason) == (False, None, None)


@pytest.mark.parametrize(
    ("held", "resumes_ms"),
    [
        ({"skip_until_ms": 7_200_000}, 10_800_000),
        ({"paused": True, "paused_until_ms": 9_000_000}, 10_800_000),
        # A pause that ends with a moment lets it run.
        ({"paused": True, "paused_until_ms": 10_800_000}, 10_800_000),
        ({"skip_until_ms": 14_400_000, "paused": True, "paused_until_ms": 9_000_000}, 18_000_000),
        ({"paused": True}, None),
        ({}, None),
        # It lies behind what is due.
        ({"skip_until_ms": 3_600_000}, None),
    ],
)
def test_a_held_task_tells_which_moment_is_the_first_to_run(
    held: dict[str, object], resumes_ms: int | None
) -> None:
    hourly = msgspec.structs.replace(DEFINITION, schedule=("@hourly",))
    task = msgspec.structs.replace(TASK, definition=hourly, skip_reason="by Anna", **held)

    shown = task_row(task, now_ms=5_000_000, next_ms=7_200_000)

    assert (shown.next_ms, shown.resumes_ms) == (7_200_000, resumes_ms)
    skips = held.get("skip_until_ms") not in (None, 3_600_000)
    assert shown.skip_reason == ("by Anna" if skips else None)


def test_a_task_that_never_ran_has_no_known_health() -> None:
    assert task_row(TASK, now_ms=NOW_MS, stats=TaskStats()).health == "unknown"


def last(status: str) -> LastRun:
    return LastRun(
        run_id=RUN.id,
        status=status,
        started_ms=NOW_MS - 10,
        ended_ms=NOW_MS,
        duration_ms=10,
        exit_status=1,
    )


@pytest.mark.parametrize(
    ("status", "fails_24h", "health"),
    [("success", 0, "ok"), ("success", 2, "warn"), ("error", 1, "bad"), ("lost", 1, "bad")],
)
def test_health_is_that_of_the_last_run_and_the_day(
    status: str, fails_24h: int, health: str
) -> None:
    fails = int(status != "success")
    stats = TaskStats(runs_24h=4, fails_24h=fails_24h, fails_in_row=fails, last=last(status))

    row = task_row(TASK, now_ms=NOW_MS, stats=stats)

    assert row.health == health
    assert row.last is not None
    assert (row.last.result, row.last.dur_ms, row.last.exit) == (status, 10, 1)


def test_hours_are_successes_and_failures_from_a_full_hour_on() -> None:
    stats = TaskStats(hours=((0, 0),) * 23 + ((5, 2),), runs_24h=5, fails_24h=2)

    row = task_row(TASK, now_ms=NOW_MS, stats=stats)

    assert row.hours_24h[-1] == (3, 2)
    assert row.hours_from_ms is not None
    assert row.hours_from_ms % 3_600_000 == 0
    assert 0 <= NOW_MS - (row.hours_from_ms + 23 * 3_600_000) < 3_600_000
    assert row.success_rate_24h == pytest.approx(0.6)


def test_what_is_usual_leaves_out_the_slowest_tenth() -> None:
    few = task_row(TASK, now_ms=NOW_MS, stats=TaskStats(spark=(1, 2, 3, 4)))
    many = task_row(TASK, now_ms=NOW_MS, stats=TaskStats(spark=(900, *range(10, 19))))

    assert (few.usual_low_ms, few.usual_high_ms) == (None, None)
    assert (many.usual_low_ms, many.usual_high_ms) == (10, 18)


def test_a_disabled_task_has_no_next_run() -> None:
    off = msgspec.structs.replace(
        TASK, definition=msgspec.structs.replace(DEFINITION, enabled=False)
    )

    assert task_row(off, now_ms=NOW_MS, next_ms=5).next_ms is None
    assert task_row(TASK, now_ms=NOW_MS, next_ms=5).next_ms == 5


def test_a_definition_shows_names_of_variables_only_with_the_command() -> None:
    shown, hidden = (settings_row(DEFINITION, with_command=yes) for yes in (True, False))

    assert (shown.command, shown.env_names) == ("run hidden-command", ("TOKEN",))
    assert (hidden.command, hidden.env_names) == (None, None)


def test_a_check_keeps_the_moment_it_turned() -> None:
    check = Check(check_name="disk", kind="disk", status="warn", checked_ms=9, message="x" * 900)

    row = check_row(check, since_ms=4)

    assert (row.state, row.since_ms, len(row.msg)) == ("warn", 4, 500)
    assert check_row(check).since_ms == 9


def test_what_an_own_check_said_is_in_no_row_where_output_is_not_for_viewers() -> None:
    own = Check(check_name="check:shop", kind="command", status="crit", checked_ms=9, message="x1")
    ours = msgspec.structs.replace(own, check_name="disk")
    of_own = an_alert("health:check:shop", message="x1")
    of_ours = an_alert("health:disk", message="x1")

    assert [check_row(one, with_words=False).msg for one in (own, ours)] == ["", "x1"]
    assert [alert_row(one, with_words=False).msg for one in (of_own, of_ours)] == ["", "x1"]
    assert check_row(own).msg == alert_row(of_own).msg == "x1"
