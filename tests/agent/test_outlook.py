"""The 29 tasks and their future: what comes, how busy it gets, what a change would change."""

from functools import partial
from typing import Any

import msgspec
import pytest

from agent.definitions import Definition
from agent.errors import TaskNotFound, WrongUse
from agent.outlook import (
    DAY_MS,
    MAX_MOMENTS,
    Outlook,
    coming,
    load,
    moments_of,
    pause,
    what_if,
    why,
)
from agent.store import facts, ledger, plans, tasks
from agent.store.database import Database
from agent.tasktables import load_definitions
from agent.windows import Calendar
from schema import catalogue
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run, end, ended

RETAIL = tuple(load_definitions(catalogue.read("retail"), "catalogue"))
SALES = "vend_sync_sales"


@pytest.fixture
def database(tmp_path: Any) -> Any:
    database = Database.open(fresh_file(tmp_path / "test.sqlite3"))
    database.write_now(
        partial(tasks.register, definitions=RETAIL, who="me", why="", now_ms=NOW_MS - 30 * DAY_MS)
    )
    for place in range(1, 6):
        run = a_run(NOW_MS - place * HOUR_MS, task_name=SALES, status="starting")
        database.write_now(partial(ledger.claim, runs=[run], now_ms=NOW_MS))
        database.write_now(partial(end, run=ended(run, duration_ms=place * MINUTE_MS)))
    yield database
    database.close()


@pytest.fixture
def outlook(database: Database) -> Outlook:
    planned, calendars = database.read_now(partial(plans.load, now_ms=NOW_MS))
    return Outlook(now_ms=NOW_MS, slots=8, tasks=planned, calendars=calendars)


def definition(name: str, **fields: Any) -> Definition:
    found = next(one for one in RETAIL if one.task_name == name)
    return msgspec.structs.replace(found, **fields)


def test_all_tasks_come_in_the_order_of_their_moments(outlook: Outlook) -> None:
    found = coming(outlook, from_ms=NOW_MS, count=500)

    assert len(found) == 500
    assert [one.at_ms for one in found] == sorted(one.at_ms for one in found)
    assert {one.task_name for one in found} > {SALES}
    sales = [one for one in found if one.task_name == SALES]
    assert all(one.ends_ms == one.at_ms + 3 * MINUTE_MS for one in sales)


def test_some_tasks_until_a_moment(outlook: Outlook) -> None:
    found = coming(outlook.only([SALES]), from_ms=NOW_MS, until_ms=NOW_MS + 5 * HOUR_MS, count=1000)

    assert [one.task_name for one in found] == [SALES] * 5


def test_an_unknown_task_is_refused_by_name(outlook: Outlook) -> None:
    with pytest.raises(TaskNotFound, match="nobody"):
        outlook.only(["nobody"])


def test_a_span_that_begins_later_knows_what_runs_at_its_beginning(outlook: Outlook) -> None:
    long = msgspec.structs.replace(
        outlook,
        tasks=tuple(
            msgspec.structs.replace(task, takes_ms=90 * MINUTE_MS)
            for task in outlook.only([SALES]).tasks
        ),
    )
    later_ms = NOW_MS + 10 * HOUR_MS

    whole = coming(long, from_ms=NOW_MS, until_ms=later_ms + 4 * HOUR_MS, count=1000)
    part = coming(long, from_ms=later_ms, until_ms=later_ms + 4 * HOUR_MS, count=1000)

    assert part == whole[-4:]
    assert "overlap" in {one.reason for one in part}


def test_the_load_of_a_week_counts_every_moment(outlook: Outlook) -> None:
    until_ms = NOW_MS + 7 * DAY_MS

    found = load(outlook, from_ms=NOW_MS, until_ms=until_ms)

    expected = coming(outlook, from_ms=NOW_MS, until_ms=until_ms, count=MAX_MOMENTS)
    assert found.moments == len(expected)
    assert len(found.running) == 7 * 24 * 60 + (NOW_MS % MINUTE_MS > 0)
    assert found.peak == max(found.running) > 8
    assert found.full_minutes > 0
    assert found.waits


@pytest.mark.parametrize(
    ("from_ms", "until_ms", "words"),
    [
        (NOW_MS, NOW_MS, "later than from"),
        (NOW_MS, NOW_MS + 63 * DAY_MS, "at most 62 days"),
    ],
)
def test_a_span_that_cannot_be_reckoned_is_refused(
    outlook: Outlook, from_ms: int, until_ms: int, words: str
) -> None:
    with pytest.raises(WrongUse, match=words):
        load(outlook, from_ms=from_ms, until_ms=until_ms)


def test_too_many_moments_are_refused_with_the_end_that_would_do(outlook: Outlook) -> None:
    busy = what_if_each_second(outlook)

    with pytest.raises(WrongUse, match=r"more than 200000 due moments; choose it before 2026-11-2"):
        load(busy, from_ms=NOW_MS, until_ms=NOW_MS + 7 * DAY_MS)


def what_if_each_second(outlook: Outlook) -> Outlook:
    (task,) = outlook.only([SALES]).tasks
    often = msgspec.structs.replace(task.definition, schedule=("@every 1s",))
    return msgspec.structs.replace(
        outlook, tasks=(msgspec.structs.replace(task, definition=often, takes_ms=None),)
    )


def test_a_moved_and_a_removed_task_are_the_only_differences(outlook: Outlook) -> None:
    moved = definition(SALES, schedule=("20 * * * *",))

    found = what_if(
        outlook,
        [moved, definition("vend_sync_products")],
        ["bank_auto_categorize"],
        from_ms=NOW_MS,
        until_ms=NOW_MS + 7 * DAY_MS,
    )

    assert [(one.task_name, one.kind) for one in found.tasks] == [
        ("bank_auto_categorize", "removed"),
        (SALES, "changed"),
    ]
    sales = found.tasks[1]
    assert (len(sales.moved), sales.added, sales.removed) == (168, (), ())
    assert {move.to_ms - move.from_ms for move in sales.moved} == {5 * MINUTE_MS}


def test_a_draft_that_meets_itself_a_window_and_a_night_is_told_so(outlook: Outlook) -> None:
    # From 2027-03-27 on, before the night in which Berlin's clocks go forward.
    from_ms = 1_806_105_600_000
    shut = Calendar(name="shut", dates=("2027-03-29",), timezone="Europe/Berlin")
    there = msgspec.structs.replace(outlook, calendars={"shut": shut})
    draft = definition(
        SALES,
        schedule=("30 2 * * *", "32 2 * * *"),
        timezone="Europe/Berlin",
        calendars=("shut",),
    )

    found = what_if(there, [draft], [], from_ms=from_ms, until_ms=from_ms + 4 * DAY_MS)

    (sales,) = found.tasks
    assert [one.tag for one in sales.odd] == ["moved"]
    assert [one.at_ms for one in sales.clock_changes] == [one.at_ms for one in sales.odd]
    assert {one.window for one in sales.blackouts} == {"shut"}
    assert len(sales.blackouts) == 2
    assert {one.reason for one in sales.overlaps} == {"overlap"}


def test_a_name_cannot_be_defined_and_removed_at_once(outlook: Outlook) -> None:
    with pytest.raises(WrongUse, match=SALES):
        what_if(outlook, [definition(SALES)], [SALES], from_ms=NOW_MS, until_ms=NOW_MS + DAY_MS)
    with pytest.raises(TaskNotFound, match="nobody"):
        what_if(outlook, [], ["nobody"], from_ms=NOW_MS, until_ms=NOW_MS + DAY_MS)


def test_a_pause_holds_what_falls_into_it_and_nothing_at_its_end(outlook: Outlook) -> None:
    first = coming(outlook.only([SALES]), from_ms=NOW_MS, count=3)

    found = pause(outlook, [SALES], until_ms=first[2].at_ms)

    (task,) = found.tasks
    assert [one.at_ms for one in task.held] == [one.at_ms for one in first[:2]]
    assert task.next_ms == first[2].at_ms


def test_a_pause_without_an_end_is_looked_at_for_a_week(outlook: Outlook) -> None:
    found = pause(outlook, [SALES], until_ms=None)

    assert (found.count, found.until_ms) == (168, None)


def test_a_pause_that_is_over_is_refused(outlook: Outlook) -> None:
    with pytest.raises(WrongUse, match="in the past"):
        pause(outlook, [SALES], until_ms=NOW_MS)


def test_why_looks_into_the_future_through_pauses(database: Database) -> None:
    database.write_now(
        partial(
            tasks.set_flags,
            names=[SALES],
            paused=True,
            until_ms=NOW_MS + 2 * HOUR_MS,
            reason="stocktake",
            who="Anna",
            now_ms=NOW_MS,
        )
    )
    planned, calendars = database.read_now(partial(plans.load, now_ms=NOW_MS))
    outlook = Outlook(now_ms=NOW_MS, slots=8, tasks=planned, calendars=calendars)
    first = coming(outlook.only([SALES]), from_ms=NOW_MS, count=3)

    told = [
        why(
            outlook,
            database.read_now(
                partial(facts.gather, task_name=SALES, at_ms=one.at_ms, now_ms=NOW_MS)
            ),
        )
        for one in first
    ]

    assert [one.verdict for one in told] == ["will_not_run", "will_not_run", "will_run"]
    assert "stocktake" in told[0].say


def test_moments_are_the_same_however_many_are_asked_for_at_once() -> None:
    task = definition(SALES, schedule=("*/7 * * * *",))

    found = list(moments_of(task, NOW_MS, NOW_MS + 7 * DAY_MS))

    assert len(found) == 7 * 24 * 9
    assert list(moments_of(task, NOW_MS, found[10].at_ms)) == found[:11]
    assert list(moments_of(definition(SALES, schedule=("@at 2026-01-01T00:00",)), NOW_MS)) == []
