"""How has a task been doing lately: its last moments, a span, this hour of the week?"""

from functools import partial

import msgspec

from agent.alertrules import read_rule
from agent.rules.conditions import Recent
from agent.runs import Run
from agent.store import ledger, metrics, recent
from agent.store.database import Database
from agent.store.ledger import Step
from tests.agent.store.makings import HOUR_MS, NOW_MS, a_run, ended

DAY_MS = 24 * HOUR_MS


def record(database: Database, *runs: Run, has_next: bool = False) -> None:
    claimed = [msgspec.structs.replace(run, status="queued", ended_ms=None) for run in runs]
    database.write_now(partial(ledger.claim, runs=claimed, now_ms=NOW_MS))
    retry = None
    for run in runs:
        if has_next:
            retry = msgspec.structs.replace(
                a_run(run.scheduled_ms), attempt=2, trigger="retry", status="retry_wait"
            )
        step = Step(run=run, now_ms=NOW_MS, retry=retry)
        database.write_now(partial(ledger.record, steps=[step]))


def a_good(at_ms: int, duration_ms: int = 1_000) -> Run:
    return ended(a_run(at_ms), "success", duration_ms)


def a_bad(at_ms: int) -> Run:
    return ended(a_run(at_ms), "error")


def test_a_moment_counts_as_its_last_attempt_ended_and_not_before(database: Database) -> None:
    hours = [NOW_MS - number * HOUR_MS for number in range(5)]
    record(database, a_good(hours[4]), a_bad(hours[3]), a_good(hours[2]))
    record(database, a_bad(hours[1]), has_next=True)
    record(database, ended(a_run(hours[0], status="queued"), "aborted"))

    found = database.read_now(partial(recent.last_moments, task_name="backup", limit=10))
    newest = database.read_now(partial(recent.last_moments, task_name="backup", limit=2))
    assert found == (True, False, True)
    assert newest == (True, False)


def test_a_rule_is_told_what_it_asks_for(database: Database) -> None:
    record(database, a_good(NOW_MS - 2 * DAY_MS), a_bad(NOW_MS - HOUR_MS), a_bad(NOW_MS))
    last = read_rule({"name": "a", "failures": 2, "of_last": 2})
    rate = read_rule({"name": "b", "success_rate_below": 0.5, "within_s": 2 * 3600})
    run = a_bad(NOW_MS)

    told = [database.read_now(partial(recent.known, rule=one, run=run)) for one in (last, rate)]

    assert told == [Recent(were_good=(False, False)), Recent(runs=2, failures=2)]


def test_the_hour_of_the_week_is_learned_from_the_weeks_before_and_the_hours_beside(
    database: Database,
) -> None:
    week_ms = 7 * DAY_MS
    hour_ms = NOW_MS - NOW_MS % HOUR_MS
    for week in range(1, 10):
        record(database, a_good(hour_ms - week * week_ms, 60_000))
    record(database, a_good(hour_ms - week_ms + HOUR_MS, 60_000))
    record(database, a_good(hour_ms - week_ms - 5 * HOUR_MS, 1_000), a_good(hour_ms, 1_000))

    found = database.read_now(partial(recent.at_hour_of_week, task_name="backup", at_ms=hour_ms))

    ((took_ms, count),) = found
    assert count == 9  # eight weeks, and one of the hour beside
    assert abs(took_ms - 60_000) < 60_000 / 8


def test_the_newest_success_of_each_task_is_found(database: Database) -> None:
    record(database, a_good(NOW_MS - HOUR_MS), a_good(NOW_MS), a_bad(NOW_MS + HOUR_MS))

    found = database.read_now(partial(recent.last_successes, names=["backup", "never"]))
    ends = database.read_now(partial(recent.success_ends, task_name="backup", limit=5))

    assert found == {"backup": NOW_MS + 20 + 1_000}
    assert ends == (NOW_MS + 1_020, NOW_MS - HOUR_MS + 1_020)
    assert database.read_now(partial(recent.last_successes, names=[])) == {}


def test_the_readings_of_the_host_come_in_order(database: Database) -> None:
    for number in range(3):
        at_ms = NOW_MS - number * 60_000
        database.write_now(partial(metrics.record, readings={"cpu": number}, at_ms=at_ms))
    rule = read_rule({"name": "hot", "metric": "cpu", "above": 90})

    found = database.read_now(
        partial(recent.readings, rule=rule, from_ms=NOW_MS - 60_000, now_ms=NOW_MS)
    )

    assert [value for _, value in found[""]] == [1.0, 0.0]
