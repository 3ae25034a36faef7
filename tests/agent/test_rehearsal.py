"""On which past records would a rule have fired, and is it one that holds for nothing or all?"""

from functools import partial
from typing import Any

import msgspec
import pytest

from agent import rehearsal
from agent.alertrules import AlertRule, read_rule
from agent.rehearsal import Rehearsal, doubts, rehearse
from agent.runs import Run
from agent.store import ledger, metrics, tasks
from agent.store.database import Database
from agent.store.ledger import Step
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run, a_task, ended
from tests.agent.workshop import Workshop

FROM_MS = NOW_MS - 24 * HOUR_MS


def a_rule(**fields: Any) -> AlertRule:
    return read_rule({"name": "mine", **fields})


@pytest.fixture
async def database(workshop: Workshop) -> Database:
    """Two tasks, one of which failed now and then within the last day."""
    await workshop.register(a_task("backup", tags=("night",)), a_task("other"))
    statuses = ["success", "error", "error", "success", "error", "error", "success"]
    for number, status in enumerate(statuses):
        record(workshop.database, a_run(NOW_MS - (7 - number) * HOUR_MS), status)
        other = a_run(NOW_MS - (7 - number) * HOUR_MS, task_name="other")
        record(workshop.database, other, "success")
    return workshop.database


def record(database: Database, run: Run, status: str) -> None:
    database.write_now(partial(ledger.claim, runs=[run], now_ms=run.scheduled_ms))
    over = msgspec.structs.replace(ended(run, status), output_bytes=10)
    step = Step(run=over, now_ms=run.scheduled_ms)
    database.write_now(partial(ledger.record, steps=[step]))


def tried(database: Database, rule: AlertRule, *, from_ms: int = FROM_MS) -> Rehearsal:
    known = database.read_now(tasks.load_all)
    return rehearse(database, rule, known, from_ms=from_ms, now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("fields", "looked_at", "fired", "rows"),
    [
        ({"status": "error"}, 14, 4, 2),
        ({"status": "error", "task": "backup"}, 7, 4, 2),
        ({"status": "error", "tag": "night"}, 7, 4, 2),
        ({"status": "error", "task": "oth*"}, 7, 0, 0),
        ({"output_bytes_below": 11}, 14, 14, 2),
        ({"failures": 2, "of_last": 3}, 14, 5, 1),
        ({"success_rate_below": 0.5, "within_s": 7200, "runs_from": 3}, 14, 5, 1),
        ({"no_success_for_s": 7200, "task": "backup"}, 7, 3, 3),
    ],
)
def test_a_rule_is_laid_over_the_record(
    database: Database, fields: dict[str, Any], looked_at: int, fired: int, rows: int
) -> None:
    found = tried(database, a_rule(**fields))

    assert (found.looked_at, found.fired, found.alerts) == (looked_at, fired, rows)
    times = [one.at_ms for one in found.records]
    assert times == sorted(times, reverse=True)


def test_what_was_before_the_span_says_nothing(database: Database) -> None:
    found = tried(database, a_rule(status="error"), from_ms=NOW_MS - 3 * HOUR_MS - 1)

    assert (found.looked_at, found.fired) == (6, 2)


def test_a_long_record_is_read_to_a_bound_and_that_is_said(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rehearsal, "MOST_READ", 4)
    monkeypatch.setattr(rehearsal, "_PAGE", 2)

    found = tried(database, a_rule(status=["success", "error"]))

    assert (found.looked_at, found.is_cut) == (4, True)


def test_a_series_is_looked_at_where_it_was_beyond_long_enough(database: Database) -> None:
    for number, value in enumerate([95, 50, 95, 95, 95, 95, 50, 95]):
        at_ms = NOW_MS - (8 - number) * MINUTE_MS
        database.write_now(partial(metrics.record, readings={"cpu": value}, at_ms=at_ms))

    found = tried(
        database, a_rule(metric="cpu", above=90, for_s=120), from_ms=NOW_MS - 10 * MINUTE_MS
    )

    assert (found.looked_at, found.fired, found.alerts) == (8, 1, 1)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "error", "task": "bakcup"}, "about no task"),
        ({"status": "error", "tag": "day"}, "about no task"),
        ({"metric": "cup", "above": 1}, "no 'cup' was read; cpu are"),
        ({"metric": "cpu", "above": 90}, "a share, from 0 to 1"),
        ({"metric": "task.heat", "above": 1}, "task.cpu, task.processes, task.rss"),
        ({"longer_than_s": 9, "shorter_than_s": 9}, "longer and shorter"),
        ({"output_bytes_above": 9, "output_bytes_below": 9}, "above and below"),
        ({"success_rate_below": 0.0, "within_s": 3600}, "below 0"),
        ({"output_bytes_below": 11}, "holds for everything: for each of the newest 14 runs"),
        ({"longer_than_s": 0}, "holds for everything: for each of the newest 14 runs"),
    ],
)
def test_a_rule_that_holds_for_nothing_or_all_is_doubted(
    database: Database, fields: dict[str, Any], said: str
) -> None:
    known = database.read_now(tasks.load_all)
    newest = database.read_now(ledger.page).runs

    (doubt,) = doubts(a_rule(**fields), known, newest, ["cpu"])

    assert said in doubt


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "error"},
        {"metric": "cpu", "above": 0.9},
        {"metric": "task.rss", "above": 1},
        {"no_success_for_s": 600},
        {"output_bytes_below": 11, "task": "backup"},  # of few runs nobody knows
    ],
)
def test_a_rule_like_others_is_not_doubted(database: Database, fields: dict[str, Any]) -> None:
    known = database.read_now(tasks.load_all)
    newest = database.read_now(ledger.page).runs

    assert doubts(a_rule(**fields), known, newest, ["cpu"]) == ()
