"""How do runs, statistics and audit rows leave the database without being held in memory?"""

import tracemalloc
from collections.abc import Iterable
from functools import partial

import pytest
from sqlalchemy import Connection

from agent.clock import iso
from agent.runs import Run
from agent.store import audit, ledger, rollups, streaming, tasks
from agent.store.database import Database
from agent.store.streaming import PAGE, Wanted
from tests.agent.store.makings import HOUR_MS, NOW_MS, a_run, a_task, ended
from tests.agent.store.test_audit import a_row


def put(database: Database, runs: Iterable[Run]) -> None:
    def write(connection: Connection) -> None:
        found = list(runs)
        definitions = [a_task(name) for name in {run.task_name for run in found}]
        tasks.register(connection, definitions, who="me", why="", now_ms=NOW_MS)
        ledger.claim(connection, found, now_ms=NOW_MS)

    database.write_now(write)


def test_every_run_comes_once_and_in_the_order_it_was_due(database: Database) -> None:
    # Many of one moment, so that pages end between them.
    runs = [
        ended(a_run(NOW_MS + place // 700, task_name=f"t{place % 700:03d}"))
        for place in range(2 * PAGE + 101)
    ]
    put(database, reversed(runs))

    found = list(streaming.runs(database, Wanted()).rows)

    assert {row["id"] for row in found} == {run.id for run in runs}
    assert len(found) == len(runs)
    due = [str(row["scheduled_at"]) for row in found]
    assert due == sorted(due)
    assert "output_tail" not in found[0]


def test_what_is_asked_for_is_of_one_task_and_one_time(database: Database) -> None:
    put(
        database,
        [a_run(NOW_MS + hour * HOUR_MS, task_name=name) for hour in range(4) for name in "ab"],
    )
    wanted = Wanted(from_ms=NOW_MS + HOUR_MS, to_ms=NOW_MS + 3 * HOUR_MS, task_name="a")

    found = list(streaming.runs(database, wanted).rows)

    assert [(row["task_name"], row["scheduled_at"]) for row in found] == [
        ("a", iso(NOW_MS + HOUR_MS)),
        ("a", iso(NOW_MS + 2 * HOUR_MS)),
    ]


def test_statistics_come_with_averages_and_percentiles(database: Database) -> None:
    put(database, [])
    ends = [ended(a_run(NOW_MS + place), duration_ms=10 * (place + 1)) for place in range(100)]
    database.write_now(partial(rollups.add, ends=[(run, False) for run in ends]))

    stream = streaming.statistics(database, Wanted(task_name="backup"))
    (row,) = list(stream.rows)

    assert set(row) == set(stream.columns)
    assert (row["runs"], row["avg_ms"]) == (100, 505)
    assert row["p50_ms"] == pytest.approx(500, rel=0.13)
    assert "histogram" not in row


def test_audit_rows_come_with_their_digests(database: Database) -> None:
    for number in range(3):
        last = database.write_now(partial(audit.append, row=a_row(number)))

    found = list(streaming.audit_rows(database, Wanted(task_name="backup")).rows)

    assert [row["chain_number"] for row in found] == [1, 2, 3]
    assert found[-1]["chain_digest"] == last.digest


def test_ten_pages_take_no_more_memory_than_three(database: Database) -> None:
    rows = [a_row(number, args="x" * 150) for number in range(500)]

    def grow(count: int) -> None:
        for _ in range(count):
            database.write_now(lambda c: [audit.append(c, row) for row in rows[:500]][-1])

    def peak() -> int:
        tracemalloc.start()
        count = sum(1 for _ in streaming.audit_rows(database, Wanted()).rows)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count >= 3 * PAGE
        return most

    grow(6)
    few = peak()
    grow(14)
    many = peak()

    assert many < few * 1.3 + 500_000, f"{few} bytes for 3 pages, {many} for 10"


def test_rows_added_while_somebody_reads_slowly_do_not_wait(database: Database) -> None:
    put(database, [a_run(NOW_MS + place) for place in range(PAGE + 50)])
    reading = streaming.runs(database, Wanted()).rows
    next(reading)

    put(database, [a_run(NOW_MS + 10 * HOUR_MS)])

    assert sum(1 for _ in reading) == PAGE + 50
