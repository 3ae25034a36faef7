"""How did a task, or all of them, do within a span of time, however long?"""

from functools import partial

import pytest
from sqlalchemy import Connection

from agent.store import ledger, rollups, spans
from agent.store.database import Database
from agent.store.ledger import Step
from agent.store.rollups import DAY_MS, HOUR_MS
from agent.store.spans import Figures
from agent.store.streaks import record
from tests.agent.store.makings import NOW_MS, a_run, end, ended
from tests.agent.store.test_recount import FIRST_MS, fill
from tests.effort import steps_in


def asked(database: Database, from_ms: int, to_ms: int, task_name: str | None = None) -> Figures:
    return database.read_now(
        partial(spans.figures, from_ms=from_ms, to_ms=to_ms, now_ms=NOW_MS, task_name=task_name)
    )


def test_every_figure_of_a_task_is_told(database: Database) -> None:
    hour_ms = NOW_MS - NOW_MS % HOUR_MS - HOUR_MS
    used = [("success", 1_000, 100, 2 << 20), ("success", 3_000, 300, 6 << 20), ("error", 8, 2, 0)]
    for number, (status, took_ms, cpu_ms, rss) in enumerate(used):
        run = a_run(hour_ms + number, status="starting")
        database.write_now(partial(ledger.claim, runs=[run], now_ms=NOW_MS))
        over = ended(run, status, took_ms, cpu_ms=cpu_ms, peak_rss=rss)
        database.write_now(partial(record, steps=[Step(run=over, now_ms=NOW_MS)]))

    found = asked(database, hour_ms, hour_ms + HOUR_MS, "backup")

    assert (found.runs, found.failures, found.retries) == (3, 1, 0)
    assert found.success_rate == pytest.approx(2 / 3)
    assert (found.avg_ms, found.p50_ms, found.peak_ms) == (4_008 // 3, 1_023, 3_000)
    assert (found.cpu_ms, found.avg_cpu_ms) == (402, 134)
    assert (found.avg_rss, found.peak_rss) == ((8 << 20) // 3, 6 << 20)
    assert found.throughput_per_min == pytest.approx(3 / 60)
    assert [(step.at_ms, step.runs) for step in found.steps] == [(hour_ms, 3)]
    assert asked(database, hour_ms, hour_ms + HOUR_MS, "nobody").runs == 0


def test_a_moment_tried_twice_is_one_execution_and_one_retry(database: Database) -> None:
    run = a_run(NOW_MS - HOUR_MS, status="running")
    again = a_run(run.scheduled_ms, attempt=2, trigger="retry", status="retry_wait")
    database.write_now(partial(ledger.claim, runs=[run], now_ms=NOW_MS))
    for step in (
        Step(run=ended(run, "error"), retry=again, now_ms=NOW_MS),
        Step(run=ended(again), now_ms=NOW_MS),
    ):
        database.write_now(partial(record, steps=[step]))

    found = asked(database, NOW_MS - DAY_MS, NOW_MS)

    assert (found.runs, found.failures, found.success_rate, found.retries) == (1, 0, 1.0, 1)


@pytest.mark.parametrize("name", [None, "backup"])
@pytest.mark.parametrize(("from_h", "to_h"), [(0, 5), (5, 49), (1, 80), (24, 72), (23, 90)])
def test_a_long_span_is_the_sum_of_its_hours_whatever_it_is_read_from(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    name: str | None,
    from_h: int,
    to_h: int,
) -> None:
    fill(database, 3)
    from_ms, to_ms = FIRST_MS + from_h * HOUR_MS, FIRST_MS + to_h * HOUR_MS
    by_hour = asked(database, from_ms, to_ms, name)
    monkeypatch.setattr(spans, "MOST_HOURS", 0)

    by_day = asked(database, from_ms, to_ms, name)

    assert by_hour.step_hours == 1
    assert by_day.step_hours == 24
    assert sum(step.runs for step in by_day.steps) == by_day.runs > 0
    for field in set(Figures.__struct_fields__) - {"step_hours", "steps"}:
        assert getattr(by_day, field) == getattr(by_hour, field), field


def test_two_years_of_two_hundred_tasks_are_read_in_few_steps(
    database: Database,
) -> None:
    counted = rollups.count(ended(a_run()), has_next=False)
    assert counted is not None

    def write(connection: Connection) -> None:
        first_ms = NOW_MS - NOW_MS % HOUR_MS - 730 * DAY_MS
        hours = [first_ms + number * DAY_MS // 6 for number in range(730 * 6)]
        rollups.put(connection, [("backup", hour_ms, counted) for hour_ms in hours])

    database.write_now(write)
    span = (NOW_MS - 730 * DAY_MS + HOUR_MS, NOW_MS)
    # A client of MariaDB reads its answers in Python.
    most = 60_000 if database.url.get_backend_name() == "sqlite" else 500_000
    for name in ("backup", None):
        assert asked(database, *span, name).runs >= 729 * 6
        assert steps_in(partial(asked, database, *span, name)) < most, "as many days, not hours"


def test_a_run_that_somebody_stopped_is_told_apart_and_has_no_part_in_rate_or_times(
    database: Database,
) -> None:
    run = a_run(NOW_MS, status="starting")
    database.write_now(partial(ledger.claim, runs=[run], now_ms=NOW_MS))
    database.write_now(partial(end, run=ended(run, "aborted", 43_600)))

    told = database.read_now(
        partial(
            spans.figures,
            from_ms=NOW_MS - HOUR_MS,
            to_ms=NOW_MS + HOUR_MS,
            now_ms=NOW_MS + HOUR_MS,
            task_name=run.task_name,
        )
    )

    assert (told.runs, told.failures, told.stopped) == (0, 0, 1)
    assert (told.success_rate, told.avg_ms, told.p95_ms, told.peak_ms) == (None,) * 4
