"""How readings are summed up by minute and hour, and old ones go."""

from functools import partial

import pytest
from sqlalchemy import Connection, func, select

from agent.rules.downsampling import DAY_MS, Keeping, Step
from agent.store import downsampling, ledger, metrics, samples
from agent.store.database import Database
from agent.store.samples import Sample
from schema.tables import metric_steps
from schema.tables import metrics as readings
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run

START_MS = NOW_MS - NOW_MS % HOUR_MS
KEEPING = Keeping(raw_days=1, minute_days=2, hour_days=3)


def sum_up(database: Database, now_ms: int, keeping: Keeping = KEEPING) -> int:
    return database.write_now(partial(downsampling.sum_up, now_ms=now_ms, keeping=keeping))


def record(database: Database, values: dict[int, float], name: str = "cpu") -> None:
    earlier = [(at_ms, {name: value}) for at_ms, value in values.items()]
    database.write_now(partial(metrics.record, readings={}, at_ms=0, earlier=earlier))


def steps(database: Database, level_s: int, subject: str = "") -> dict[tuple[str, int], Step]:
    column = metric_steps.c
    rows = database.read_now(
        lambda connection: connection.execute(
            select(metric_steps).where(column.step_s == level_s, column.subject == subject)
        ).all()
    )
    return {
        (row.metric_name, row.recorded_at): Step(
            row.recorded_at, row.samples, row.mean, row.lowest, row.highest
        )
        for row in rows
    }


def asked(
    database: Database,
    from_ms: int,
    to_ms: int,
    step_ms: int,
    *,
    name: str = "cpu",
    task_name: str | None = None,
) -> list[Step]:
    return list(
        database.read_now(
            partial(
                metrics.series,
                name=name,
                task_name=task_name,
                from_ms=from_ms,
                to_ms=to_ms,
                step_ms=step_ms,
                now_ms=START_MS + 3 * HOUR_MS,
                keeping=KEEPING,
            )
        )
    )


def count_raw(database: Database) -> int:
    query = select(func.count()).select_from(readings)
    return database.read_now(lambda connection: connection.scalar(query)) or 0


def test_readings_become_minutes_once_these_are_over_and_minutes_hours(database: Database) -> None:
    record(database, {START_MS + 5_000 * place: float(place) for place in range(24)})

    sum_up(database, START_MS + 90_000)
    first = steps(database, 60)
    sum_up(database, START_MS + 130_000)
    twice = steps(database, 60)
    for _ in range(3):
        sum_up(database, START_MS + HOUR_MS + 10_000)

    assert list(first.values()) == [Step(START_MS, 12, 5.5, 0.0, 11.0)]
    assert twice["cpu", START_MS + MINUTE_MS] == Step(START_MS + MINUTE_MS, 12, 17.5, 12.0, 23.0)
    assert list(steps(database, 3600).values()) == [Step(START_MS, 24, 11.5, 0.0, 23.0)]


def test_a_long_absence_is_summed_up_pass_by_pass_and_nothing_goes_before(
    database: Database,
) -> None:
    old_ms = START_MS - 5 * DAY_MS
    record(database, {old_ms + MINUTE_MS * place: 1.0 for place in range(100)})

    passes = 0
    while steps_made(database) < 100:
        sum_up(database, START_MS, Keeping(raw_days=1, minute_days=30))
        passes += 1
        assert passes < 20

    assert passes > 1
    assert count_raw(database) < 100


def steps_made(database: Database) -> int:
    return len(steps(database, 60))


def test_each_level_goes_at_its_own_age(database: Database) -> None:
    record(database, {START_MS: 1.0})
    for _ in range(3):
        sum_up(database, START_MS + 2 * HOUR_MS)

    def left(at_ms: int) -> tuple[int, int, int]:
        sum_up(database, START_MS + at_ms)
        return count_raw(database), len(steps(database, 60)), len(steps(database, 3600))

    assert left(DAY_MS - MINUTE_MS) == (1, 1, 1)
    assert left(DAY_MS + MINUTE_MS) == (0, 1, 1)
    assert left(2 * DAY_MS + MINUTE_MS) == (0, 0, 1)
    assert left(3 * DAY_MS + MINUTE_MS) == (0, 0, 0)


def test_old_readings_go_a_slice_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downsampling, "SLICE", 10)
    record(database, {START_MS + place: 1.0 for place in range(35)})
    counts = []

    for _ in range(6):
        sum_up(database, START_MS + 2 * DAY_MS)
        counts.append(count_raw(database))

    assert counts == [25, 15, 5, 0, 0, 0]


@pytest.mark.parametrize("step_ms", [10_000, MINUTE_MS, HOUR_MS])
def test_a_series_reads_the_newest_from_finer_levels_and_counts_nothing_twice(
    database: Database, step_ms: int
) -> None:
    record(database, {START_MS + 5_000 * place: 1.0 for place in range(12 * 130)})
    for _ in range(20):
        sum_up(database, START_MS + 2 * HOUR_MS + 30_000)

    found = asked(database, START_MS, START_MS + 3 * HOUR_MS, step_ms)

    assert sum(one.samples for one in found) == 12 * 130
    assert {one.at_ms % step_ms for one in found} == {START_MS % step_ms}
    assert {one.mean for one in found} == {1.0}


def test_what_long_runs_of_a_task_use_is_a_series_of_its_own(database: Database) -> None:
    run = a_run(START_MS, status="running", started_ms=START_MS)
    other = a_run(START_MS + 1, task_name="sync", status="running", started_ms=START_MS)
    looks = [(10_000, 5_000, 100), (20_000, 25_000, 300), (80_000, 25_000, 200)]

    def write(connection: Connection) -> None:
        ledger.claim(connection, [run, other], now_ms=NOW_MS)
        for at_ms, cpu_ms, rss in looks:
            for one in (run, other):
                taken = Sample(
                    run_id=one.id,
                    sampled_ms=START_MS + at_ms,
                    cpu_ms=cpu_ms,
                    rss_bytes=rss,
                    processes=2,
                )
                samples.record(connection, [taken])

    database.write_now(write)
    raw = asked(database, START_MS, START_MS + HOUR_MS, 5_000, task_name="backup")
    for _ in range(3):
        sum_up(database, START_MS + 2 * HOUR_MS)
    by_minute = asked(
        database, START_MS, START_MS + HOUR_MS, MINUTE_MS, task_name="backup", name="rss"
    )

    assert [one.mean for one in raw] == [0.5, 2.0, 0.0]
    assert [(one.samples, one.mean, one.highest) for one in by_minute] == [
        (2, 200.0, 300.0),
        (1, 200.0, 200.0),
    ]
    assert steps(database, 3600, "backup")["processes", START_MS].samples == 3
