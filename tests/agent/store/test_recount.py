"""Do the rollups say what the rows of the runs say, and how are they made anew from these?"""

import random
from functools import partial

import msgspec
import pytest
from sqlalchemy import Connection

from agent.store import ledger, recount
from agent.store.database import Database
from agent.store.ledger import Step
from agent.store.rollups import DAY_MS, HOUR_MS
from agent.store.streaks import record
from schema.tables import executions, rollup_totals, rollups
from tests.agent.store.makings import NOW_MS, a_run, ended

FIRST_MS = NOW_MS - NOW_MS % DAY_MS - 3 * DAY_MS


def fill(database: Database, seed: int, count: int = 200) -> None:
    """Four days of runs that end in every way, some tried again, told in groups."""
    dice = random.Random(seed)  # noqa: S311 - any numbers do

    def write(connection: Connection) -> None:
        steps = []
        for at_ms in sorted(dice.sample(range(FIRST_MS, NOW_MS - 600_000), count)):
            run = a_run(at_ms, task_name=dice.choice(("backup", "sync")), status="starting")
            status = dice.choice(("success", "success", "error", "timeout", "aborted", "skipped"))
            over = ended(run, status, dice.choice((3, 90, 5_000, 400_000)), cpu_ms=7)
            if status == "skipped":
                over = msgspec.structs.replace(over, started_ms=None, duration_ms=None)
            retry = None
            if status == "error" and dice.random() < 0.7:
                retry = a_run(
                    at_ms,
                    task_name=run.task_name,
                    attempt=2,
                    trigger="retry",
                    status="retry_wait",
                )
            ledger.claim(connection, [run], now_ms=at_ms)
            steps.append(Step(run=over, retry=retry, now_ms=at_ms))
            if retry is not None:
                last = ended(retry, dice.choice(("success", "error")), 50, peak_rss=4_096)
                steps.append(Step(run=last, now_ms=at_ms))
        for step in steps:
            record(connection, [step])

    database.write_now(write)


def found(database: Database) -> list[recount.Difference]:
    return database.read_now(
        partial(recount.differences, first_day_ms=FIRST_MS, last_day_ms=NOW_MS - NOW_MS % DAY_MS)
    )


@pytest.mark.parametrize("seed", range(3))
def test_what_is_kept_with_each_end_is_what_a_count_of_all_runs_comes_to(
    database: Database, seed: int
) -> None:
    fill(database, seed)

    assert found(database) == []


def test_many_ends_written_together_count_like_one_after_the_other(database: Database) -> None:
    hour_ms = NOW_MS - NOW_MS % HOUR_MS
    runs = [a_run(hour_ms + number, status="starting") for number in range(30)]
    database.write_now(partial(ledger.claim, runs=runs, now_ms=NOW_MS))
    steps = [
        Step(run=ended(run, "success", number * 37), now_ms=NOW_MS)
        for number, run in enumerate(runs)
    ]

    database.write_now(partial(record, steps=steps))

    assert found(database) == []


@pytest.mark.parametrize("table", [rollups, rollup_totals], ids=["hours", "totals"])
def test_a_figure_that_was_changed_is_found_and_made_anew(
    database: Database, table: object
) -> None:
    fill(database, 1)
    changed = rollups if table is rollups else rollup_totals
    database.write_now(lambda connection: connection.execute(changed.update().values(runs=77)))
    wrong = found(database)

    for day_ms in range(FIRST_MS, NOW_MS, DAY_MS):
        database.write_now(partial(recount.rebuild, day_ms=day_ms))

    assert wrong
    assert all(one.kept["runs"] == 77 for one in wrong)
    assert found(database) == []


def test_a_run_whose_row_was_changed_by_hand_is_told_by_task_and_hour(database: Database) -> None:
    fill(database, 2)

    def forge(connection: Connection) -> None:
        failed = executions.c.status == "error"
        connection.execute(executions.update().where(failed).values(status="success"))

    database.write_now(forge)

    assert {one.task_name for one in found(database)} == {"", "backup", "sync"}
    assert all(one.kept["failures"] > one.counted["failures"] for one in found(database))


def test_a_histogram_broken_by_hand_stops_no_later_end(database: Database) -> None:
    first, second = (a_run(NOW_MS + at_ms, status="starting") for at_ms in (0, 1))
    database.write_now(partial(ledger.claim, runs=[first, second], now_ms=NOW_MS))
    database.write_now(partial(record, steps=[Step(run=ended(first), now_ms=NOW_MS)]))
    database.write_now(
        lambda connection: connection.exec_driver_sql(
            "UPDATE smart_cron_rollups SET histogram = 'nonsense'"
        )
    )

    database.write_now(partial(record, steps=[Step(run=ended(second), now_ms=NOW_MS)]))

    rows = database.read_now(lambda connection: connection.execute(rollups.select()).all())
    assert [(row.runs, sum(row.histogram.values())) for row in rows] == [(2, 1)]
