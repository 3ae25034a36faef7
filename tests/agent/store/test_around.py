"""What stood at and around a moment, read from a real database."""

from functools import partial

import msgspec
import pytest

from agent.errors import TaskNotFound
from agent.rules.clocks import Happening
from agent.runs import Run
from agent.store import around, events, facts, ledger, plans, state, tasks
from agent.store.database import Database
from agent.store.facts import Asked
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run, a_task, end, ended

# 2026-11-24 05:20 UTC; the task is due at full hours.
FULL_MS = NOW_MS - NOW_MS % HOUR_MS


@pytest.fixture
def filled(database: Database) -> Database:
    """A task known for a week, due at each full hour."""
    definition = a_task(schedule=("0 * * * *",))
    database.write_now(
        partial(
            tasks.register,
            definitions=[definition],
            who="Anna",
            why="",
            now_ms=NOW_MS - 7 * 24 * HOUR_MS,
        )
    )
    return database


def write(database: Database, *runs: Run) -> None:
    database.write_now(partial(ledger.claim, runs=runs, now_ms=NOW_MS))


def asked(database: Database, at_ms: int, *, now_ms: int = NOW_MS) -> Asked:
    return database.read_now(partial(facts.gather, task_name="backup", at_ms=at_ms, now_ms=now_ms))


def test_the_attempts_at_a_moment_and_a_row_that_sums_it_up(filled: Database) -> None:
    many = a_run(
        FULL_MS - 5 * HOUR_MS,
        status="missed",
        missed_count=3,
        missed_until_ms=FULL_MS - 3 * HOUR_MS,
    )
    one = a_run(FULL_MS, status="running", started_ms=FULL_MS)
    write(filled, many, one)

    def summing(at_ms: int) -> object:
        return filled.read_now(partial(around.summing, task_name="backup", at_ms=at_ms))

    assert asked(filled, FULL_MS).facts.rows == (one,)
    assert summing(FULL_MS - 4 * HOUR_MS) == many
    assert summing(FULL_MS - 2 * HOUR_MS) is None
    assert asked(filled, FULL_MS - 4 * HOUR_MS).facts.summed == many


def test_the_run_in_the_way_is_the_one_alive_when_the_row_was_written(filled: Database) -> None:
    before = ended(a_run(FULL_MS - HOUR_MS, status="running"), duration_ms=HOUR_MS + MINUTE_MS)
    over = ended(a_run(FULL_MS - 2 * HOUR_MS, status="running"))
    late = a_run(FULL_MS, status="skipped", reason="overlap", ended_ms=FULL_MS)
    write(filled, before, over, late)

    assert asked(filled, FULL_MS).facts.in_way == before


def test_events_around_an_absence_are_told(filled: Database) -> None:
    filled.write_now(
        partial(
            events.record,
            happening=Happening(kind="suspend", at_ms=FULL_MS + 5, size_ms=7, message="slept"),
        )
    )
    write(filled, a_run(FULL_MS, status="missed", reason="suspended", ended_ms=FULL_MS + 9))

    (event,) = asked(filled, FULL_MS).facts.events

    assert (event.kind, event.size_ms, event.message) == ("suspend", 7, "slept")


def test_a_full_minute_means_the_moment_within_it_and_neighbours_are_found(
    filled: Database,
) -> None:
    filled.write_now(
        partial(
            tasks.apply,
            definitions=[a_task(schedule=("0 * * * *",), spread_s=50)],
            who="me",
            why="",
            now_ms=NOW_MS - 24 * HOUR_MS,
        )
    )

    found = asked(filled, FULL_MS)

    shift_ms = found.at_ms - FULL_MS
    assert 0 <= shift_ms < 50_000
    assert found.facts.tag == "normal"
    assert found.facts.before_ms == found.at_ms - HOUR_MS
    assert found.facts.after_ms == found.at_ms + HOUR_MS


def test_the_version_of_then_counts_for_what_was_and_that_of_now_for_what_comes(
    filled: Database,
) -> None:
    filled.write_now(
        partial(tasks.set_flags, names=["backup"], enabled=False, who="Ben", now_ms=FULL_MS - 1)
    )
    filled.write_now(partial(state.set_decided_until, at_ms=NOW_MS, now_ms=NOW_MS))

    then, at_the_change = asked(filled, FULL_MS - HOUR_MS), asked(filled, FULL_MS)
    coming = asked(filled, FULL_MS + HOUR_MS)

    assert then.facts.enabled
    assert (at_the_change.facts.enabled, at_the_change.facts.changed_by) == (False, "Ben")
    assert not coming.facts.enabled
    assert coming.facts.decided_ms == NOW_MS


def test_before_its_first_version_there_was_no_task(filled: Database) -> None:
    found = asked(filled, NOW_MS - 8 * 24 * HOUR_MS)

    assert found.facts.definition is None
    assert found.facts.first_known_ms == NOW_MS - 7 * 24 * HOUR_MS


def test_a_task_that_never_was_is_not_found(database: Database) -> None:
    with pytest.raises(TaskNotFound, match="backup"):
        asked(database, NOW_MS)


def test_plans_hold_flags_live_runs_and_the_median_of_good_runs(filled: Database) -> None:
    for place, (status, length) in enumerate(
        [("success", 100), ("success", 900), ("success", 300), ("error", 5)]
    ):
        run = a_run(NOW_MS - place * HOUR_MS, status="starting")
        write(filled, run)
        filled.write_now(partial(end, run=ended(run, status, length)))
    live = a_run(NOW_MS + 1, status="running", started_ms=NOW_MS + 1)
    write(filled, live)
    filled.write_now(
        partial(
            tasks.set_flags,
            names=["backup"],
            paused=True,
            until_ms=NOW_MS + 9,
            who="me",
            now_ms=NOW_MS,
        )
    )

    planned, known = filled.read_now(partial(plans.load, now_ms=NOW_MS))

    assert [(one.task_name, one.takes_ms, one.live) for one in planned] == [
        ("backup", 300, (live,))
    ]
    assert (planned[0].paused, planned[0].paused_until_ms) == (True, NOW_MS + 9)
    assert known == {}
    later, _ = filled.read_now(partial(plans.load, now_ms=NOW_MS + 9))
    assert msgspec.structs.replace(later[0], paused_until_ms=None).paused is False
