"""How the tasks have been doing."""

import random
from functools import partial

import msgspec
import pytest
from sqlalchemy import Connection, event

from agent.runs import Run
from agent.store import ledger, statistics, tasks
from agent.store.database import Database
from agent.store.rollups import FAILURES, HOUR_MS
from agent.store.statistics import TaskStats
from agent.ulid import new_ulid
from tests.agent.store.makings import NOW_MS, a_run, a_task, end, ended

NAMES = ("backup", "sync", "never")
DAY_MS = 24 * HOUR_MS


def fill(database: Database, seed: int) -> list[Run]:
    """Nine days of runs of all kinds, up to now."""
    dice = random.Random(seed)  # noqa: S311 - any numbers do
    endings: list[Run] = []

    def write(connection: Connection) -> None:
        definitions = [a_task(name) for name in NAMES]
        tasks.register(connection, definitions, who="me", why="", now_ms=NOW_MS - 9 * DAY_MS)
        begin_ms = NOW_MS - 9 * DAY_MS
        moments = sorted(dice.sample(range(begin_ms, NOW_MS - 600_000), 400))
        for at_ms in moments:
            name = dice.choice(NAMES[:2])
            status = dice.choices(
                ["success", "error", "timeout", "lost", "aborted", "skipped", "missed"],
                [10, 3, 1, 1, 1, 1, 1],
            )[0]
            run = a_run(at_ms, task_name=name, status="starting")
            ledger.claim(connection, [run], now_ms=at_ms)
            last = ended(run, status, dice.choice([5, 40, 900, 30_000, 500_000]))
            if status in ("skipped", "missed"):
                last = msgspec.structs.replace(last, started_ms=None, duration_ms=None)
            endings.extend(end(connection, last))

    database.write_now(write)
    return endings


def reckoned(endings: list[Run], name: str) -> TaskStats:
    """The same figures from the plain list of endings; the percentile exactly."""
    first_hour = NOW_MS - NOW_MS % HOUR_MS - 23 * HOUR_MS
    counted = [
        run for run in endings if run.task_name == name and run.status not in ("skipped", "missed")
    ]
    ends = {run.id: run.ended_ms or 0 for run in counted}
    hours = [[0, 0] for _ in range(24)]
    whole = [run for run in counted if run.status != "aborted"]
    for run in whole:
        if ends[run.id] >= first_hour:
            hour = hours[(ends[run.id] - first_hour) // HOUR_MS]
            hour[0] += 1
            hour[1] += run.status in FAILURES
    week = [
        run.duration_ms or 0
        for run in whole
        if ends[run.id] >= NOW_MS - NOW_MS % HOUR_MS - 167 * HOUR_MS
    ]
    newest = sorted(counted, key=lambda run: run.id, reverse=True)[:20]
    judged = [run for run in newest if run.status != "aborted"]
    fails = next(
        (place for place, run in enumerate(judged) if run.status not in FAILURES), len(judged)
    )
    return TaskStats(
        runs_24h=sum(runs for runs, _ in hours),
        fails_24h=sum(failures for _, failures in hours),
        hours=tuple((runs, failures) for runs, failures in hours),
        avg_ms=sum(week) // len(week) if week else None,
        p95_ms=sorted(week)[-(-len(week) * 95 // 100) - 1] if week else None,
        peak_ms=max(week, default=None),
        stops_24h=sum(run.status == "aborted" for run in counted if ends[run.id] >= first_hour),
        spark=tuple(run.duration_ms or 0 for run in reversed(judged)),
        fails_in_row=fails,
        last=statistics.LastRun(
            run_id=newest[0].id,
            status=newest[0].status,
            started_ms=newest[0].started_ms,
            ended_ms=newest[0].ended_ms,
            duration_ms=newest[0].duration_ms,
            exit_status=newest[0].exit_status,
        )
        if newest
        else None,
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_figures_equal_those_reckoned_from_every_run(database: Database, seed: int) -> None:
    endings = fill(database, seed)

    found = database.read_now(partial(statistics.of_tasks, now_ms=NOW_MS))

    assert set(found) == set(NAMES)
    for name in NAMES:
        expected = reckoned(endings, name)
        said = found[name]
        if expected.p95_ms is not None:
            assert said.p95_ms is not None
            assert expected.p95_ms <= said.p95_ms <= expected.p95_ms * 9 / 8
        assert msgspec.structs.replace(said, p95_ms=expected.p95_ms) == expected


@pytest.mark.parametrize("seed", range(3))
def test_the_whole_is_the_sum_of_its_tasks(database: Database, seed: int) -> None:
    fill(database, seed)

    def both(connection: Connection) -> tuple[dict[str, TaskStats], statistics.Summary]:
        return (
            statistics.of_tasks(connection, NOW_MS),
            statistics.summary(connection, NOW_MS),
        )

    found, whole = database.read_now(both)

    assert whole.runs_24h == sum(each.runs_24h for each in found.values()) > 0
    assert whole.fails_24h == sum(each.fails_24h for each in found.values())
    assert whole.success_rate_24h == 1 - whole.fails_24h / whole.runs_24h
    assert whole.hours == tuple(
        (sum(hour[0] for hour in hours), sum(hour[1] for hour in hours))
        for hours in zip(*[each.hours for each in found.values()], strict=True)
    )


def test_the_whole_says_what_there_is_and_what_runs_now(database: Database) -> None:
    definitions = [a_task("a"), a_task("b"), a_task("c", enabled=False)]

    def write(connection: Connection) -> None:
        tasks.register(connection, definitions, who="me", why="", now_ms=NOW_MS)
        tasks.set_flags(connection, ["a"], paused=True, who="me", now_ms=NOW_MS)
        tasks.set_flags(connection, ["b"], paused=True, until_ms=NOW_MS, who="me", now_ms=NOW_MS)
        states = ("queued", "starting", "running", "running", "stopping", "retry_wait", "error")
        runs = [a_run(NOW_MS + place, status=status) for place, status in enumerate(states)]
        ledger.claim(connection, runs, now_ms=NOW_MS)

    database.write_now(write)
    whole = database.read_now(partial(statistics.summary, now_ms=NOW_MS))

    assert (whole.tasks, whole.enabled, whole.paused) == (3, 2, 1)
    assert (whole.running, whole.waiting) == (4, 1)
    assert (whole.success_rate_24h, whole.avg_ms) == (None, None)


def test_two_hundred_tasks_cost_a_handful_of_queries(database: Database) -> None:
    names = [f"task{number}" for number in range(200)]
    definitions = [a_task(name) for name in names]
    database.write_now(
        partial(tasks.register, definitions=definitions, who="me", why="", now_ms=NOW_MS)
    )
    runs = [
        a_run(NOW_MS + place * 1_000 + again, task_name=name, status="success", duration_ms=5)
        for place, name in enumerate(names)
        for again in range(3)
    ]
    database.write_now(partial(ledger.claim, runs=runs, now_ms=NOW_MS))
    asked: list[str] = []

    def count(connection: Connection) -> dict[str, TaskStats]:
        event.listen(connection, "before_cursor_execute", lambda *seen: asked.append(seen[2]))
        return statistics.of_tasks(connection, NOW_MS)

    found = database.read_now(count)

    assert all(found[name].spark == (5, 5, 5) for name in names)
    assert len([sql for sql in asked if sql != "BEGIN"]) <= 6


def attempts(*said: tuple[int, int, str, str]) -> list[Run]:
    """Runs of one task, oldest first: moment, attempt, trigger, status."""
    return [
        a_run(
            NOW_MS + moment,
            id=new_ulid(NOW_MS + place),
            attempt=attempt,
            trigger=trigger,
            status=status,
            reason="no_ping" if status == "missed" else None,
        )
        for place, (moment, attempt, trigger, status) in enumerate(said)
    ]


@pytest.mark.parametrize(
    ("runs", "fails"),
    [
        pytest.param(
            attempts((0, 1, "schedule", "success"), (1, 1, "schedule", "error")), 1, id="failed"
        ),
        pytest.param(
            attempts((0, 1, "schedule", "error"), (0, 2, "retry", "retry_wait")),
            0,
            id="tried again soon",
        ),
        pytest.param(
            attempts((0, 1, "schedule", "error"), (0, 2, "retry", "running")),
            0,
            id="tried again now",
        ),
        pytest.param(
            attempts(
                (0, 1, "schedule", "error"),
                (1, 1, "schedule", "error"),
                (1, 2, "retry", "retry_wait"),
            ),
            1,
            id="failed before",
        ),
        pytest.param(
            attempts((0, 1, "schedule", "error"), (0, 2, "retry", "error")), 1, id="given up"
        ),
        pytest.param(
            attempts(
                (0, 1, "schedule", "error"),
                (0, 2, "retry", "success"),
                (1, 1, "schedule", "error"),
                (1, 2, "retry", "error"),
                (2, 1, "schedule", "lost"),
            ),
            2,
            id="twice since it went well",
        ),
        pytest.param(
            attempts((0, 1, "schedule", "missed"), (1, 1, "schedule", "missed")),
            2,
            id="two pings did not come",
        ),
    ],
)
def test_a_row_of_failures_counts_moments_of_which_the_last_word_was_spoken(
    database: Database, runs: list[Run], fails: int
) -> None:
    def write(connection: Connection) -> None:
        tasks.register(connection, [a_task()], who="me", why="", now_ms=NOW_MS)
        ledger.claim(connection, runs, now_ms=NOW_MS)

    database.write_now(write)

    found = database.read_now(partial(statistics.of_tasks, now_ms=NOW_MS))

    assert found["backup"].fails_in_row == fails
