"""What becomes of failures, with a real agent: classes, waits, orders by hand, the last straw."""

from typing import Any

from shared.protocol import requests
from shared.protocol.rows import Delta
from tests.journeys.household import Household, until

FAILS = 'task_name = "sync"\nschedule = []\ncommand = "exit 75"\nretry_base_s = 1800'


def test_a_retry_outlives_a_restart_and_starts_at_once_when_somebody_says_so(
    household: Household,
) -> None:
    household.apply(FAILS + "\nmax_retries = 1")
    agent = household.serve()
    household.cli("tasks", "run", "sync")
    (waiting,) = household.wait_for("sync", "retry_wait")
    household.kill(agent)

    household.serve()
    listed = household.cli("runs", "list")
    first = household.json("runs", "retry", waiting.id)
    household.wait_for("sync", "error", count=2)
    second = household.json("runs", "retry", waiting.id)

    rows = household.wait_for("sync", "error", count=3)
    assert " m " in listed.split("retry_wait")[1].splitlines()[0]
    assert first["run_id"] == waiting.id
    assert [(row.attempt, row.trigger, row.error_class) for row in rows] == [
        (1, "manual", "recoverable"),
        (2, "retry", "recoverable"),
        (3, "manual", "recoverable"),
    ]
    assert rows[2].id == second["run_id"]
    assert household.check()["exit_status"] == 0


def test_a_task_has_failed_when_its_last_try_has(household: Household) -> None:
    household.apply(FAILS + "\nmax_retries = 1")
    household.serve()
    household.cli("tasks", "run", "sync")
    (waiting,) = household.wait_for("sync", "retry_wait")

    with household.caller() as agent:

        def told() -> tuple[str, int, float | None, int | None]:
            (row,) = agent.call(requests.Sync(scope="state"), Delta).rows.tasks
            return row.state, row.fails, row.success_rate_24h, row.retry_ms

        until(lambda: told() == ("retry_wait", 0, None, waiting.retry_at_ms), "it waits")
        assert "0 failing" in household.run("status").stdout
        household.cli("runs", "abort", waiting.id)
        until(lambda: told() == ("idle", 1, 0.0, None), "it has failed")
        assert "1 failing" in household.run("status").stdout


def test_what_cannot_be_tried_again_is_refused_with_the_way_out(household: Household) -> None:
    household.apply('task_name = "good"\nschedule = []\ncommand = "true"')
    household.serve()
    run_id = household.json("tasks", "run", "good")["run_id"]
    household.wait_for("good", "success")

    done = household.run("runs", "retry", run_id)
    unknown = household.run("runs", "retry", "0" * 26)

    assert (done.returncode, unknown.returncode) == (1, 2)
    assert "tasks run good" in done.stderr
    assert "there is no run" in unknown.stderr


def alerts_of(household: Household, task_name: str, kind: str) -> list[dict[str, Any]]:
    return [alert for alert in household.alerts(task_name) if alert["kind"] == kind]


def test_a_task_that_keeps_failing_takes_itself_off_until_somebody_puts_it_back(
    household: Household,
) -> None:
    household.apply(
        'task_name = "sync"\nschedule = "@every 1s"\ncommand = "exit 1"\n'
        "disable_after_failures = 2\npriority = 1"
    )
    household.serve()

    (alert,) = until(lambda: alerts_of(household, "sync", "task_disabled"), "the alert")
    # What was due before the agent came up may be told as missed.
    assert alerts_of(household, "sync", "task_failed") == []
    shown = household.json("tasks", "show", "sync")
    failed = len(household.runs("sync", "error"))
    proved = household.check()
    household.cli("tasks", "enable", "sync")

    until(lambda: len(household.runs("sync", "error")) >= failed + 2, "it runs again")
    assert (shown["state"], shown["failures_in_row"]) == ("disabled", 2)
    assert (alert["kind"], alert["severity"]) == ("task_disabled", "critical")
    assert failed == 2
    assert proved["exit_status"] == 0
