"""Which rows does a page of history hold, and how far back did looking for them get?"""

import random
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event

from agent.runs import Run
from agent.store import history, ledger
from agent.store.database import Database
from agent.store.history import RunFilter
from tests.agent.store.makings import NOW_MS, a_run

STATUSES = ("success", "error", "timeout", "lost", "running")
TRIGGERS = ("schedule", "manual", "retry")
CATEGORIES = ("Sales", "Payroll")
HOSTS = ("one", "two", None)
WORDS = ("disk full", "100 % done", "a/b_c", None)


def fill(database: Database, count: int = 300) -> list[Run]:
    dice = random.Random(7)  # noqa: S311 - any numbers do
    runs = [
        a_run(
            NOW_MS + number,
            task_name=dice.choice(("backup", "sync")),
            category=dice.choice(CATEGORIES),
            status=dice.choice(STATUSES),
            trigger=dice.choice(TRIGGERS),
            host=dice.choice(HOSTS),
            output_tail=dice.choice(WORDS),
            error_message=dice.choice(WORDS),
        )
        for number in range(count)
    ]
    database.write_now(partial(ledger.claim, runs=runs, now_ms=NOW_MS))
    return runs


def fits(run: Run, wanted: RunFilter) -> bool:
    said = (run.output_tail or "", run.error_message or "")
    return (
        wanted.task_name in (None, run.task_name)
        and wanted.category in (None, run.category)
        and wanted.host in (None, run.host)
        and (not wanted.statuses or run.status in wanted.statuses)
        and (not wanted.triggers or run.trigger in wanted.triggers)
        and (wanted.from_ms is None or wanted.from_ms <= run.queued_ms)
        and (wanted.to_ms is None or run.queued_ms < wanted.to_ms)
        and (not wanted.text or any(wanted.text.lower() in text for text in said))
    )


filters = st.builds(
    RunFilter,
    task_name=st.sampled_from((None, "backup", "nobody")),
    category=st.sampled_from((None, *CATEGORIES)),
    host=st.sampled_from((None, "one", "gone")),
    statuses=st.lists(st.sampled_from(STATUSES), max_size=3).map(tuple),
    triggers=st.lists(st.sampled_from(TRIGGERS), max_size=2).map(tuple),
    from_ms=st.sampled_from((None, NOW_MS + 40, NOW_MS + 290)),
    to_ms=st.sampled_from((None, NOW_MS + 60, NOW_MS + 250)),
    text=st.sampled_from((None, "DISK", "0 %", "/b_", "b%c")),
)


@pytest.mark.parametrize("budget_ms", [None, 0], ids=["to the end", "a slice a page"])
def test_pages_by_any_filter_hold_what_fits_newest_first_each_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, budget_ms: int | None
) -> None:
    monkeypatch.setattr(history, "SLICE", 16)
    monkeypatch.setattr(history, "TEXT_SLICE", 9)
    runs = fill(database)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(filters, st.integers(1, 40))
    def check(wanted: RunFilter, limit: int) -> None:
        found: list[str] = []
        before: str | None = None
        while True:
            page = database.read_now(
                partial(ledger.page, wanted=wanted, before=before, limit=limit, budget_ms=budget_ms)
            )
            found += [run.id for run in page.runs]
            assert len(page.runs) <= limit
            assert page.searched_ms is None or page.next is not None
            if page.next is None:
                break
            assert before is None or page.next < before
            before = page.next

        assert found == [run.id for run in reversed(runs) if fits(run, wanted)]

    check()


def test_a_search_that_ends_early_says_how_far_back_it_got(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "TEXT_SLICE", 25)
    runs = [a_run(NOW_MS + number, output_tail="nothing") for number in range(100)]
    database.write_now(partial(ledger.claim, runs=runs, now_ms=NOW_MS))

    page = database.read_now(partial(ledger.page, wanted=RunFilter(text="needle"), budget_ms=0))

    assert (page.runs, page.searched_ms) == ((), NOW_MS + 75)
    assert page.next == runs[75].id


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, "sqlite_autoindex"),
        ({"task_name": "a"}, "task_name_id"),
        ({"statuses": ("lost",)}, "status_id"),
        ({"task_name": "a", "statuses": ("lost", "error")}, "task_name_status_id"),
        ({"triggers": ("manual",)}, "trigger_type_id"),
        ({"category": "Sales"}, "category_id"),
        ({"host": "one"}, "host_id"),
        ({"triggers": ("schedule",), "statuses": ("lost",)}, "status_id"),
        ({"triggers": ("manual",), "statuses": ("success",)}, "trigger_type_id"),
        ({"category": "Sales", "host": "one", "text": "x"}, "category_id"),
    ],
)
def test_a_page_is_the_end_of_one_index(tmp_path: Any, wanted: dict[str, Any], index: str) -> None:
    database = Database.open(f"sqlite:///{tmp_path / 'plan.sqlite3'}")
    fill(database)
    asked: list[tuple[str, Any]] = []

    def explain(connection: Connection) -> list[str]:
        event.listen(connection, "before_cursor_execute", lambda *said: asked.append(said[2:4]))
        history.find(connection, RunFilter(**wanted), limit=10)
        of_ids = [said for said in asked if said[0].startswith("SELECT")]
        return [
            row[3]
            for sql, values in of_ids
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
            if "smart_cron_executions" in row[3]
        ]

    steps = database.read_now(explain)
    database.close()

    assert steps
    assert all(f"{index} (" in step or f"{index}_" in step for step in steps), steps
    assert all(step.startswith("SEARCH") and "id" in step for step in steps)
