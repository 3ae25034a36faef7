"""What a run goes through, from the clock to its row, with real processes."""

import signal

from tests.journeys.household import Household, until
from tests.pulse import Pulse

EVERY_SECOND = 'schedule = "@every 1s"'
NEVER = 'schedule = "0 0 1 1 *"'


def task(name: str, command: str, *lines: str, schedule: str = NEVER) -> str:
    return "\n".join((f'task_name = "{name}"', f"command = '{command}'", schedule, *lines))


def test_a_due_task_runs_and_its_row_says_how(household: Household) -> None:
    household.apply(
        task("tick", 'echo "one $SMARTCRON_ATTEMPT"; echo two >&2; exit 3', schedule=EVERY_SECOND)
    )
    with Pulse() as pulse:
        household.serve()
        # What was due before the agent was up is another matter.
        run = until(lambda: household.runs("tick", "error", trigger="schedule"), "a run")[0]

    assert (run.trigger, run.attempt, run.exit_status, run.signal) == ("schedule", 1, 3, None)
    assert run.output_tail == "one 1\ntwo\n"
    assert run.output_bytes == len("one 1\ntwo\n")
    assert run.started_ms is not None
    assert run.started_ms >= run.scheduled_ms, "it started before its moment"
    assert run.started_ms - run.scheduled_ms < 5_000 + pulse.worst_ms
    assert household.cli("runs", "log", run.id) == "one 1\ntwo\n"


def test_run_now_answers_with_the_run_that_is_then_recorded(household: Household) -> None:
    household.apply(task("backup", "echo done"))
    household.serve()

    answer = household.json("tasks", "run", "backup", "--reason", "a test")

    run = household.wait_for("backup", "success")[0]
    assert run.id == answer["run_id"]
    assert run.trigger == "manual"
    assert run.requested_by == "command line"


def test_run_now_is_refused_while_the_task_runs(household: Household) -> None:
    household.apply(task("long", "sleep 120", "kill_grace_s = 0"))
    household.serve()
    run_id = household.json("tasks", "run", "long")["run_id"]

    again = household.run("tasks", "run", "long")

    assert again.returncode == 1
    assert "long is running already" in again.stderr
    household.wait_for("long", "running")
    household.cli("runs", "abort", run_id)
    assert len(household.wait_for("long", "aborted")) == 1
    assert len(household.runs("long")) == 1


def test_a_stopped_run_is_gone_with_its_whole_family(household: Household) -> None:
    household.apply(task("family", "setsid sleep 60 & sleep 60 & wait", "kill_grace_s = 1"))
    household.serve()
    run_id = household.json("tasks", "run", "family")["run_id"]
    until(lambda: len(household.run_processes(run_id)) == 3, "the whole family")

    household.cli("runs", "abort", run_id)

    (run,) = household.wait_for("family", "aborted")
    assert (run.reason, run.note) == ("by_request", "stopped by command line")
    assert household.run_processes(run_id) == []


def test_a_stop_that_comes_while_the_run_is_started_holds(household: Household) -> None:
    household.apply(task("quick", "sleep 30", "kill_grace_s = 0"))
    household.serve()

    with household.caller() as agent:
        for _ in range(5):
            run_id = household.order(agent, "quick")
            household.abort(agent, run_id)
            until(lambda: not household.live(), f"the end of {run_id}")

    assert [run.status for run in household.runs("quick")] == ["aborted"] * 5
    assert household.run_processes() == []


def test_a_failing_task_is_tried_again_with_growing_pauses(household: Household) -> None:
    household.apply(
        task("flaky", 'test "$SMARTCRON_ATTEMPT" = 3', "max_retries = 5", "retry_base_s = 1")
    )
    household.serve()

    with Pulse() as pulse:
        household.json("tasks", "run", "flaky")
        household.wait_for("flaky", "success")

    tries = household.runs("flaky")
    assert [(run.attempt, run.status) for run in tries] == [
        (1, "error"),
        (2, "error"),
        (3, "success"),
    ]
    assert [run.trigger for run in tries] == ["manual", "retry", "retry"]
    assert len({run.scheduled_ms for run in tries}) == 1
    first = (tries[1].started_ms or 0) - (tries[0].ended_ms or 0)
    second = (tries[2].started_ms or 0) - (tries[1].ended_ms or 0)
    late_ms = pulse.worst_ms
    assert 800 <= first <= 6_000 + late_ms, f"the first pause was {first} ms"
    assert 1_600 <= second <= 7_000 + late_ms, f"the second pause was {second} ms"


def test_no_more_attempts_are_made_than_allowed(household: Household) -> None:
    household.apply(task("bad", "exit 1", "max_retries = 1", "retry_base_s = 1"))
    household.serve()

    household.json("tasks", "run", "bad")

    household.wait_for("bad", "error", count=2)
    assert household.live() == []
    assert [run.attempt for run in household.runs("bad")] == [1, 2]


def test_a_retry_that_waits_outlives_its_agent(household: Household) -> None:
    # It waits for so long that it is seen to wait also by somebody who looks late.
    household.apply(task("flaky", "exit 1", "max_retries = 1", "retry_base_s = 8"))
    agent = household.serve()
    with household.caller() as caller:
        household.order(caller, "flaky")
    household.wait_for("flaky", "retry_wait")

    household.kill(agent)
    household.serve()

    household.wait_for("flaky", "error", count=2)
    assert [run.attempt for run in household.runs("flaky")] == [1, 2]


def test_a_timeout_ends_the_whole_family(household: Household) -> None:
    stubborn = 'trap "" TERM; setsid sh -c "trap : TERM; sleep 60; sleep 60" & sleep 60; sleep 60'
    household.apply(task("slow", stubborn, "timeout_seconds = 1", "kill_grace_s = 1"))
    household.serve()
    run_id = household.json("tasks", "run", "slow")["run_id"]

    (run,) = household.wait_for("slow", "timeout")

    assert (run.error_message or "").startswith("stopped after its 1 s were over; it was over ")
    assert 1_000 <= (run.duration_ms or 0) < 20_000, "it would have lasted two minutes"
    assert household.run_processes(run_id) == []


def test_a_due_moment_is_skipped_while_the_task_runs(household: Household) -> None:
    household.apply(task("slow", "sleep 2.5", schedule=EVERY_SECOND))
    household.serve()

    skipped = household.wait_for("slow", "skipped", count=2)

    assert {run.reason for run in skipped} == {"overlap"}
    moments = [run.scheduled_ms for run in household.runs("slow")]
    assert len(moments) == len(set(moments))
    assert len(household.runs("slow", "running")) <= 1
    household.cli("tasks", "disable", "slow")


def test_a_paused_task_records_that_it_was_skipped(household: Household) -> None:
    household.apply(task("tick", "true", schedule=EVERY_SECOND))
    household.serve()
    household.wait_for("tick", "success")

    household.cli("tasks", "pause", "tick", "--reason", "a test")
    first, *_, last = until(
        lambda: (
            paused if len(paused := household.runs("tick", "skipped", reason="paused")) > 1 else []
        ),
        "moments that are skipped",
    )
    household.cli("tasks", "resume", "tick")

    meanwhile = [
        run
        for run in household.runs("tick")
        if first.scheduled_ms <= run.scheduled_ms <= last.scheduled_ms
    ]
    assert [run.started_ms for run in meanwhile] == [None] * len(meanwhile), "it was paused"
    ran = len(household.runs("tick", "success"))
    household.wait_for("tick", "success", count=ran + 1)
    assert household.check()["missing"] == 0


def test_a_missing_program_is_a_row_that_names_it(household: Household) -> None:
    household.apply(task("gone", "/no/such/program --now"))
    household.serve()

    household.json("tasks", "run", "gone")

    (run,) = household.wait_for("gone", "error")
    assert run.reason == "never_started"
    assert run.error_message is not None
    assert "/no/such/program" in run.error_message


def test_a_run_killed_by_a_signal_says_which(household: Household) -> None:
    household.apply(task("shot", "kill -9 $$"), task("says", "exit 137"))
    household.serve()

    household.json("tasks", "run", "shot")
    household.json("tasks", "run", "says")

    (shot,) = household.wait_for("shot", "error")
    (says,) = household.wait_for("says", "error")
    assert (shot.exit_status, shot.signal) == (None, signal.SIGKILL)
    assert (says.exit_status, says.signal) == (137, None)
