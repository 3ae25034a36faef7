"""How many runs ended how in each hour, how did each task do, which alerts came and went?"""

from functools import partial

import msgspec

from agent.runs import Run
from agent.store import alerts, ledger, reporting
from agent.store.database import Database
from agent.troubles import Trouble
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run, end, ended

FROM_MS = NOW_MS - NOW_MS % HOUR_MS
TO_MS = FROM_MS + 3 * HOUR_MS


def put(database: Database, run: Run, status: str, took_ms: int = 1_000) -> None:
    database.write_now(partial(ledger.claim, runs=[run], now_ms=NOW_MS))
    database.write_now(partial(end, run=ended(run, status, took_ms)))


def test_each_hour_has_its_endings_and_nothing_of_what_lies_beside_the_span(
    database: Database,
) -> None:
    for minutes, status in ((0, "success"), (1, "success"), (2, "error"), (61, "timeout")):
        put(database, a_run(FROM_MS + minutes * MINUTE_MS), status)
    put(database, a_run(FROM_MS - 1), "error")
    put(database, a_run(TO_MS), "error")
    missed = a_run(FROM_MS + 62 * MINUTE_MS, status="missed", missed_count=9, ended_ms=TO_MS)
    database.write_now(partial(ledger.backfill, runs=[missed]))

    found = database.read_now(
        lambda connection: reporting.endings(
            connection, ("success", "error", "timeout", "missed"), from_ms=FROM_MS, to_ms=TO_MS
        )
    )

    assert found == [
        (FROM_MS, {"success": 2, "error": 1}),
        (FROM_MS + HOUR_MS, {"timeout": 1, "missed": 9}),
        (FROM_MS + 2 * HOUR_MS, {}),
    ]


def test_tasks_come_slowest_first_with_what_their_ends_come_to(database: Database) -> None:
    for name, took_ms, status in (
        ("quick", 100, "success"),
        ("slow", 9_000, "success"),
        ("slow", 11_000, "error"),
    ):
        run = msgspec.structs.replace(a_run(FROM_MS + MINUTE_MS), task_name=name)
        moment = run.scheduled_ms + took_ms % MINUTE_MS  # a task has one row for a moment
        put(database, msgspec.structs.replace(run, scheduled_ms=moment), status, took_ms)

    found = database.read_now(partial(reporting.of_tasks, from_ms=FROM_MS, to_ms=TO_MS, limit=10))

    assert [(one.task_name, one.runs, one.failures, one.avg_ms, one.peak_ms) for one in found] == [
        ("slow", 2, 1, 10_000, 11_000),
        ("quick", 1, 0, 100, 100),
    ]


def test_alerts_are_those_that_came_or_went_within_the_span(database: Database) -> None:
    for key, opened_ms, resolved_ms in (
        ("before", FROM_MS - HOUR_MS, None),
        ("went", FROM_MS - HOUR_MS, FROM_MS + 1),
        ("came", FROM_MS, TO_MS + HOUR_MS),
        ("both", FROM_MS, FROM_MS + 1),
        ("after", TO_MS, None),
    ):
        trouble = Trouble(dedupe_key=key, kind="x", severity="high", title=key, message="")
        database.write_now(partial(alerts.raise_alert, trouble=trouble, now_ms=opened_ms))
        if resolved_ms is not None:
            database.write_now(partial(alerts.resolve, dedupe_key=key, now_ms=resolved_ms))

    found = database.read_now(partial(reporting.troubles, from_ms=FROM_MS, to_ms=TO_MS, limit=10))

    assert (found.opened, found.resolved) == (2, 2)
    assert [one.title for one in found.newest] == ["both", "came", "went"]
