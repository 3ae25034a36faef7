"""Which runs reach into a span, what its hours count, and when nothing could start in it."""

from functools import partial
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, event

from agent.rules.clocks import Happening
from agent.runs import Run
from agent.store import calendars, events, ledger, tasks, timeline
from agent.store.database import Database
from agent.store.timeline import Brief, Page
from agent.ulid import new_ulid
from agent.windows import Calendar
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run, a_task, end, ended, move

FROM_MS = NOW_MS - NOW_MS % HOUR_MS - 2 * HOUR_MS
TO_MS = FROM_MS + HOUR_MS


def recorded(database: Database, *runs: Run, status: str = "success", took_ms: int = 1_500) -> None:
    """They were claimed, started, and ended."""
    for run in runs:
        database.write_now(partial(ledger.claim, runs=[run], now_ms=run.queued_ms))
        if status != "running":
            whole = ended(run, status, took_ms)
            database.write_now(partial(end, run=whole))


def asked(database: Database, *, limit: int = 100, before: str | None = None) -> Page:
    return database.read_now(
        partial(timeline.runs, from_ms=FROM_MS, to_ms=TO_MS, limit=limit, before=before)
    )


def ids(runs: tuple[Brief, ...]) -> list[str]:
    return [run.run_id for run in runs]


def test_pages_hold_each_run_of_the_span_once_and_say_how_far_back_they_reach(
    database: Database,
) -> None:
    inside = [a_run(FROM_MS + minute * MINUTE_MS) for minute in range(7)]
    outside = [a_run(FROM_MS - 1, task_name="before"), a_run(TO_MS, task_name="after")]
    recorded(database, *inside, *outside)

    found: list[str] = []
    since_ms = [TO_MS]
    before: str | None = None
    while len(since_ms) < 9:
        page = asked(database, limit=3, before=before)
        found += ids(page.runs)
        since_ms.append(page.since_ms)
        assert all(run.scheduled_ms >= page.since_ms - 1 for run in page.runs)
        before = page.next
        if before is None:
            break

    assert found == [run.id for run in reversed(inside)]
    assert since_ms == sorted(since_ms, reverse=True)
    assert since_ms[-1] == FROM_MS


def test_a_run_is_told_with_what_its_bar_needs(database: Database) -> None:
    run = a_run(FROM_MS + 5)
    recorded(database, run, status="timeout", took_ms=4_000)

    assert asked(database).runs == (
        Brief(run.id, "backup", "timeout", FROM_MS + 5, FROM_MS + 25, FROM_MS + 4_025, None, None),
    )


def test_runs_that_were_not_over_when_the_span_began_are_in_it(database: Database) -> None:
    long = a_run(FROM_MS - 3 * HOUR_MS, task_name="long")
    over = a_run(FROM_MS - 2 * HOUR_MS, task_name="long")
    alive = a_run(FROM_MS - 9 * HOUR_MS, task_name="alive", status="queued")
    recorded(database, long, took_ms=3 * HOUR_MS + MINUTE_MS)
    recorded(database, over, took_ms=MINUTE_MS)
    recorded(database, alive, status="running")
    started = msgspec.structs.replace(alive, status="running", started_ms=alive.scheduled_ms)
    database.write_now(partial(move, run=started))

    found = asked(database)

    assert sorted(ids(found.runs)) == sorted([long.id, alive.id])
    assert found.next is None


def test_only_hours_are_looked_at_whose_runs_may_have_begun_before_the_span(
    database: Database,
) -> None:
    from_ms, to_ms = FROM_MS, FROM_MS + 10 * 24 * HOUR_MS
    for day in range(10):
        inside = a_run(from_ms + (24 * day + 9) * HOUR_MS, task_name="nightly")
        recorded(database, inside, took_ms=3 * HOUR_MS)
    before = a_run(from_ms - 48 * HOUR_MS, task_name="weekly")
    recorded(database, before, took_ms=57 * HOUR_MS)

    found = database.read_now(
        partial(timeline.runs, from_ms=from_ms, to_ms=to_ms, limit=100, before=None)
    )
    long_ones = database.read_now(partial(timeline._long_ones, from_ms=from_ms, to_ms=to_ms))

    assert before.id in ids(found.runs)
    assert long_ones == [("weekly", 57 * HOUR_MS)]


def test_what_was_missed_is_in_its_span_although_it_was_written_down_later(
    database: Database,
) -> None:
    missed = a_run(
        FROM_MS + MINUTE_MS,
        id=new_ulid(TO_MS + HOUR_MS),
        status="missed",
        reason="agent_down",
        missed_count=12,
        missed_until_ms=FROM_MS + 12 * MINUTE_MS,
    )
    later = a_run(TO_MS + 1, status="missed", reason="agent_down", task_name="later")
    database.write_now(partial(ledger.claim, runs=[missed, later], now_ms=NOW_MS))

    (found,) = asked(database).runs

    assert (found.run_id, found.missed_until_ms) == (missed.id, FROM_MS + 12 * MINUTE_MS)
    assert found.reason == "agent_down"


def test_hours_count_ends_of_each_task_and_of_all(database: Database) -> None:
    database.write_now(
        partial(
            tasks.register,
            definitions=[a_task("a"), a_task("b")],
            who="a test",
            why="",
            now_ms=NOW_MS,
        )
    )
    for number, (name, status) in enumerate((("a", "success"), ("a", "error"), ("b", "success"))):
        recorded(database, a_run(FROM_MS + number, task_name=name), status=status)
    recorded(database, a_run(TO_MS + 1, task_name="a"))
    asked_for = partial(timeline.hours, from_ms=FROM_MS + 7, to_ms=TO_MS)

    since_ms, by_task = database.read_now(partial(asked_for, by_task=True))
    _, of_all = database.read_now(partial(asked_for, by_task=False))

    assert since_ms == FROM_MS
    assert sorted((one.task_name, one.at_ms, one.runs, one.failures) for one in by_task) == [
        ("a", FROM_MS, 2, 1),
        ("b", FROM_MS, 1, 0),
    ]
    assert [(one.task_name, one.at_ms, one.runs, one.failures) for one in of_all] == [
        ("", FROM_MS, 3, 1)
    ]


@pytest.mark.parametrize(
    ("most", "hour"), [(3, 2), (1, 2), (4, 1)], ids=["half an hour", "less than one", "just two"]
)
def test_where_there_are_too_many_counts_the_newest_whole_hours_are_told(
    database: Database, monkeypatch: pytest.MonkeyPatch, most: int, hour: int
) -> None:
    monkeypatch.setattr(timeline, "MOST_HOURS", most)
    for number in range(3):
        for name in ("a", "b"):
            recorded(database, a_run(FROM_MS + number * HOUR_MS, task_name=name))

    since_ms, found = database.read_now(
        partial(timeline.hours, from_ms=FROM_MS, to_ms=FROM_MS + 3 * HOUR_MS, by_task=True)
    )

    assert since_ms == FROM_MS + hour * HOUR_MS
    told = sorted((one.at_ms, one.task_name) for one in found)
    wanted = [FROM_MS + number * HOUR_MS for number in range(hour, 3)]
    assert told == [(at_ms, name) for at_ms in wanted for name in ("a", "b")]


def test_an_outage_is_told_where_it_reaches_into_the_span(database: Database) -> None:
    for kind, size_ms, at_ms in (
        ("outage", 4 * MINUTE_MS, FROM_MS + MINUTE_MS),
        ("clock_back", MINUTE_MS, FROM_MS + 2 * MINUTE_MS),
        ("suspend", HOUR_MS, TO_MS + HOUR_MS),
        ("outage", MINUTE_MS, FROM_MS - 1),
        ("stall", 2 * MINUTE_MS, TO_MS + MINUTE_MS),
    ):
        what = Happening(kind=kind, size_ms=size_ms, at_ms=at_ms, message="")  # type: ignore[arg-type]
        database.write_now(partial(events.record, happening=what))

    found = database.read_now(partial(timeline.gaps, from_ms=FROM_MS, to_ms=TO_MS))

    assert [(one.kind, one.from_ms, one.to_ms) for one in found] == [
        ("stall", TO_MS - MINUTE_MS, TO_MS + MINUTE_MS),
        ("outage", FROM_MS - 3 * MINUTE_MS, FROM_MS + MINUTE_MS),
    ]


def test_a_blackout_is_told_with_the_tasks_that_obey_it(database: Database) -> None:
    spans = (
        (FROM_MS + MINUTE_MS, FROM_MS + 5 * MINUTE_MS),
        (TO_MS + MINUTE_MS, TO_MS + 5 * MINUTE_MS),
    )
    stock_take = Calendar(name="stock-take", spans=spans)
    database.write_now(partial(calendars.put, calendar=stock_take, who="a test", now_ms=NOW_MS))
    definitions = [a_task("a", calendars=("stock-take",)), a_task("b")]
    definitions.append(a_task("c", calendars=("stock-take",)))
    database.write_now(
        partial(tasks.register, definitions=definitions, who="a test", why="", now_ms=NOW_MS)
    )
    rows = database.read_now(tasks.load_all)

    found = database.read_now(partial(timeline.closed, rows=rows, from_ms=FROM_MS, to_ms=TO_MS))

    (shut,) = found.shut
    assert (shut.from_ms, shut.to_ms) == spans[0]
    assert (shut.name, found.obeying[shut.obeying]) == ("stock-take", ("a", "c"))


def test_no_question_walks_the_whole_ledger(sqlite_made_url: str) -> None:
    database = Database.open(sqlite_made_url)
    asked_for: list[tuple[str, Any]] = []

    def look(connection: Connection) -> list[str]:
        def note(_c: object, _cursor: object, sql: str, values: object, *_: object) -> None:
            if "executions" in sql and not sql.startswith("EXPLAIN"):
                asked_for.append((sql, values))

        event.listen(connection, "before_cursor_execute", note)
        timeline.runs(connection, from_ms=FROM_MS, to_ms=TO_MS, limit=5)
        timeline._read(
            connection,
            timeline._OF_A_TASK,
            name="a",
            from_at=FROM_MS,
            floor="0",
            before="1",
            most=5,
        )
        event.remove(connection, "before_cursor_execute", note)
        return [
            row[3]
            for sql, values in asked_for
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        ]

    try:
        plans = database.read_now(look)
    finally:
        database.close()

    assert len(asked_for) == 4
    indices = ("autoindex", "status_id", "status_id", "task_name_id")
    assert all(index in plan for index, plan in zip(indices, plans, strict=True)), plans
