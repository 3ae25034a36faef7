"""Commands about figures: what a count anew may touch, and what it must leave alone."""

import time
from typing import Any

import pytest
from sqlalchemy import Connection

from agent.cli import say
from agent.runs import Run
from agent.settings import Retention
from agent.store import ledger, retention, tasks
from agent.store.ledger import Step
from agent.store.rollups import DAY_MS
from agent.store.streaks import record
from tests.agent.store.makings import a_run, a_task, ended
from tests.journeys.household import Household

HOUR_MS = 3_600_000


def fill(household: Household, days: int) -> None:
    """Let a task have run every hour for so many days."""
    now_ms = time.time_ns() // 1_000_000

    def write(connection: Connection) -> None:
        tasks.register(connection, [a_task("backup")], who="me", why="", now_ms=now_ms)
        for at_ms in range(now_ms - days * DAY_MS, now_ms - HOUR_MS, HOUR_MS):
            run: Run = a_run(at_ms, status="starting")
            ledger.claim(connection, [run], now_ms=at_ms)
            record(connection, [Step(run=ended(run, "success", 90), now_ms=at_ms)])

    household.database.write_now(write)


def clean(household: Household, ages: Retention) -> None:
    now_ms = time.time_ns() // 1_000_000
    retention.clean(household.database, ages, now_ms=now_ms)


def kept(household: Household) -> list[Any]:
    steps: list[Any] = household.json("stats", "--from", "-9d")["steps"]
    return steps


@pytest.fixture
def short(household: Household) -> Household:
    """A home whose settings keep runs for three days, with nine days of figures."""
    fill(household, 9)
    with household.home.settings_file.open("a") as file:
        file.write("\n[retention]\nsuccess_days = 3\nfailure_days = 3\nkeep_runs = 1\n")
    clean(household, Retention(success_days=3, failure_days=3, keep_runs=1))
    return household


def test_a_day_that_lost_some_of_its_runs_is_not_counted_anew(short: Household) -> None:
    now_ms = time.time_ns() // 1_000_000
    # Of that day the later runs are there, and the earlier ones are gone.
    day = say.moment(now_ms - 3 * DAY_MS + 60_000).replace(" ", "T")
    before = kept(short)

    for word in ("check", "rebuild"):
        said = short.run("stats", word, "--from", day)
        assert said.returncode == 2
        assert "of that day runs may have been cleaned up" in said.stderr

    assert kept(short) == before


def test_without_a_day_only_those_are_counted_that_have_all_their_runs(short: Household) -> None:
    before = kept(short)

    assert short.json("stats", "check")["differences"] == []
    assert short.json("stats", "rebuild")["days"] == 2

    assert kept(short) == before


def test_a_cleanup_that_went_further_than_the_settings_is_remembered(household: Household) -> None:
    fill(household, 9)
    before = kept(household)
    clean(household, Retention(success_days=2, failure_days=90, keep_runs=1))

    assert household.json("stats", "check")["differences"] == []
    assert household.json("stats", "rebuild")["days"] == 1

    assert kept(household) == before


def test_a_span_that_no_calendar_reaches_is_refused(household: Household) -> None:
    said = household.run("stats", "--to", "9999-12-31T23:59:59Z")

    assert said.returncode == 2
    assert "--to: lies after the year 9000" in said.stderr
