"""Failures in a row are counted with the ends, and enough of them disable a task."""

from functools import partial
from typing import Any

import msgspec
import pytest

from agent.runs import Run
from agent.store import alerts, ledger, streaks, tasks
from agent.store.database import Database
from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_run, a_task, end_and_count, ended


def register(database: Database, **fields: Any) -> None:
    definition = a_task(**fields)
    database.write_now(
        partial(tasks.register, definitions=[definition], who="me", why="", now_ms=NOW_MS)
    )


def end(
    database: Database, status: str, *, number: int, retry: Run | None = None
) -> streaks.Consequence | None:
    """End the run of the minute of this number."""
    run = a_run(NOW_MS + number * MINUTE_MS, status="running")
    database.write_now(partial(ledger.claim, runs=[run], now_ms=NOW_MS))
    over = ended(run, status)
    _, consequence = database.write_now(partial(end_and_count, run=over, retry=retry))
    return consequence if consequence is not None and consequence.disabled else None


def in_row(database: Database) -> int:
    return database.read_now(partial(streaks.in_row, task_name="backup"))


def test_failures_count_up_and_a_success_begins_anew(database: Database) -> None:
    register(database)

    counted = []
    for number, status in enumerate(["error", "timeout", "aborted", "lost", "success", "error"]):
        end(database, status, number=number)
        counted.append(in_row(database))

    assert counted == [1, 2, 2, 3, 0, 1]


def test_a_failure_that_is_tried_again_is_not_counted_but_a_retry_given_up_is(
    database: Database,
) -> None:
    register(database)
    retry = a_run(NOW_MS, attempt=2, trigger="retry", status="retry_wait")

    end(database, "error", number=0, retry=retry)
    before = in_row(database)
    given_up = msgspec.structs.replace(
        retry, status="skipped", reason="superseded", ended_ms=NOW_MS + 1
    )
    database.write_now(partial(end_and_count, run=given_up, retry=None))

    assert (before, in_row(database)) == (0, 1)


def test_an_end_told_twice_counts_once(database: Database) -> None:
    register(database, disable_after_failures=2)
    run = a_run(status="running")
    database.write_now(partial(ledger.claim, runs=[run], now_ms=NOW_MS))
    for _ in range(3):
        database.write_now(partial(end_and_count, run=ended(run, "error"), retry=None))

    assert in_row(database) == 1


@pytest.mark.parametrize(("priority", "severity"), [(1, "critical"), (2, "high"), (3, "medium")])
def test_enough_failures_disable_the_task_with_a_version_and_an_alert(
    database: Database, priority: int, severity: str
) -> None:
    register(database, disable_after_failures=3, priority=priority)

    told = [end(database, "error", number=number) for number in range(4)]

    (task,) = database.read_now(tasks.load_all)
    version = database.read_now(partial(tasks.versions, task_name="backup"))[0]
    (alert,) = database.read_now(alerts.open_alerts)
    assert [one is not None for one in told] == [False, False, True, False]
    assert not task.enabled
    assert (version.changed_by, version.why, version.enabled) == (
        "smartcron",
        "failed 3 times in a row",
        False,
    )
    assert (alert.kind, alert.severity, alert.task_name) == ("task_disabled", severity, "backup")
    assert "tasks enable backup" in alert.message
    assert alert.occurrences == 1


def test_whoever_enables_it_again_gives_it_another_chance(database: Database) -> None:
    register(database, disable_after_failures=2)
    for number in range(2):
        end(database, "error", number=number)

    database.write_now(
        partial(tasks.set_flags, names=["backup"], enabled=True, who="Anna", now_ms=NOW_MS)
    )
    again = end(database, "error", number=5)

    assert [alert.kind for alert in database.read_now(alerts.open_alerts)] == ["task_failed"]
    assert again is None
    assert in_row(database) == 1
    assert end(database, "error", number=6) is not None
