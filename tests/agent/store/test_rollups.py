"""What a task's hour came to."""

from functools import partial

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Row, select

from agent.runs import Run
from agent.store import ledger, tasks
from agent.store.database import Database
from agent.store.rollups import HOUR_MS, add, bucket, bucket_top, percentile
from schema.tables import rollup_totals, rollups
from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_run, a_task, end, ended

durations = st.integers(0, 400_000_000)


@given(durations)
def test_a_duration_lies_in_its_bucket_which_is_an_eighth_wide_at_most(duration_ms: int) -> None:
    number = bucket(duration_ms)

    assert bucket_top(number - 1) < duration_ms <= bucket_top(number)
    assert bucket_top(number) <= duration_ms * 9 / 8


@given(st.lists(durations, min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_is_never_too_low_and_an_eighth_too_high_at_most(
    times: list[int], share: float
) -> None:
    histogram: dict[int, int] = {}
    for duration_ms in times:
        histogram[bucket(duration_ms)] = histogram.get(bucket(duration_ms), 0) + 1
    exact = next(
        value for value in sorted(times) if sum(t <= value for t in times) >= share * len(times)
    )

    said = percentile(histogram, share, max(times))

    assert said is not None
    assert exact <= said <= min(exact * 9 / 8, max(times))


def test_nothing_has_no_percentile() -> None:
    assert percentile({}, 0.95, 0) is None


def rows(connection: Connection) -> list[Row[*tuple[object, ...]]]:
    return list(connection.execute(select(rollups).order_by(rollups.c.hour_at)))


def test_endings_are_counted_in_the_hour_they_happened_and_only_what_ran(
    database: Database,
) -> None:
    hour_ms = NOW_MS - NOW_MS % HOUR_MS
    endings = [
        ("success", 1_000),
        ("error", 3_000),
        ("timeout", 5_000),
        ("killed_memory", 10),
        ("aborted", 7_000),
        ("skipped", 0),
        ("missed", 0),
    ]
    for number, (status, duration_ms) in enumerate(endings):
        run = a_run(hour_ms + number * MINUTE_MS, status="starting")
        database.write_now(partial(ledger.claim, runs=[run], now_ms=NOW_MS))
        database.write_now(partial(end, run=ended(run, status, duration_ms)))
    late = a_run(hour_ms + HOUR_MS - 1_000, status="running")
    never = a_run(hour_ms + 50 * MINUTE_MS, status="starting")
    unstarted = a_run(hour_ms + 51 * MINUTE_MS)
    database.write_now(partial(ledger.claim, runs=[late, never, unstarted], now_ms=NOW_MS))
    database.write_now(partial(end, run=ended(late, "success", 2_000)))
    for run, status in ((never, "error"), (unstarted, "aborted")):
        over = ended(run, status)
        without = msgspec.structs.replace(over, started_ms=None, duration_ms=None)
        database.write_now(partial(end, run=without))

    first, second = database.read_now(rows)

    # Neither did it come to good that somebody stopped it, nor did it take its usual time.
    assert (first.hour_at, first.runs, first.failures, first.timed_runs) == (hour_ms, 5, 4, 4)
    assert (first.sum_ms, first.max_ms) == (9_010, 5_000)
    assert sum(first.histogram.values()) == 4
    assert (second.hour_at, second.runs, second.sum_ms) == (hour_ms + HOUR_MS, 1, 2_000)


def test_an_ending_told_twice_is_counted_once(database: Database) -> None:
    run = a_run(status="running")
    database.write_now(partial(ledger.claim, runs=[run], now_ms=NOW_MS))
    for _ in range(2):
        database.write_now(partial(end, run=ended(run)))

    assert [row.runs for row in database.read_now(rows)] == [1]


def test_the_average_of_a_task_is_over_its_last_seven_days(database: Database) -> None:
    database.write_now(
        partial(tasks.register, definitions=[a_task()], who="me", why="", now_ms=NOW_MS)
    )
    days_and_times = [(0, 90_000), (5, 1_000), (8, 3_000)]
    for day, duration_ms in days_and_times:
        run = a_run(NOW_MS + day * 24 * HOUR_MS, status="running")
        database.write_now(partial(ledger.claim, runs=[run], now_ms=NOW_MS))
        database.write_now(partial(end, run=ended(run, "success", duration_ms)))

    assert database.read_now(tasks.load_all)[0].avg_duration_ms == 2_000


def test_a_moment_counts_once_by_its_last_attempt_and_the_times_of_all_count(
    database: Database,
) -> None:
    first = a_run(status="running")
    second = a_run(attempt=2, trigger="retry", status="retry_wait")
    third = a_run(attempt=3, trigger="retry", status="retry_wait")
    database.write_now(partial(ledger.claim, runs=[first], now_ms=NOW_MS))
    database.write_now(partial(end, run=ended(first, "error", 100), retry=second))
    waiting = database.read_now(rows)
    database.write_now(partial(end, run=ended(second, "error", 200), retry=third))
    database.write_now(partial(end, run=ended(third, "success", 300)))

    (row,) = database.read_now(rows)

    assert [(one.runs, one.failures, one.timed_runs) for one in waiting] == [(0, 0, 1)]
    assert (row.runs, row.failures, row.timed_runs, row.sum_ms) == (1, 0, 3, 600)


def test_a_retry_that_does_not_come_about_leaves_the_failure_before_it(database: Database) -> None:
    first = a_run(status="running")
    second = a_run(attempt=2, trigger="retry", status="retry_wait")
    database.write_now(partial(ledger.claim, runs=[first], now_ms=NOW_MS))
    database.write_now(partial(end, run=ended(first, "error", 100), retry=second))
    over = msgspec.structs.replace(
        second, status="skipped", reason="superseded", ended_ms=NOW_MS + 200
    )
    database.write_now(partial(end, run=over))

    (row,) = database.read_now(rows)

    assert (row.runs, row.failures, row.timed_runs) == (1, 1, 1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["backup", "import"]),
            st.sampled_from(["success", "error", "aborted"]),
            st.sampled_from([0, 1, 5, 700, 710, 90_000]),
            st.sampled_from([None, 3, 9]),
            st.sampled_from([0, HOUR_MS, 30 * HOUR_MS]),
        ),
        min_size=1,
        max_size=12,
    )
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_ends_of_one_group_count_as_if_each_was_written_alone(
    database: Database, ends: list[tuple[str, str, int, int | None, int]]
) -> None:
    told = [
        (
            ended(
                a_run(NOW_MS + later_ms, task_name=name, cpu_ms=cpu_ms),
                status,
                duration_ms=took_ms,
            ),
            False,
        )
        for name, status, took_ms, cpu_ms, later_ms in ends
    ]

    def counted(connection: Connection, groups: list[list[tuple[Run, bool]]]) -> object:
        for table in (rollups, rollup_totals):
            connection.execute(table.delete())
        for group in groups:
            add(connection, group)
        return [
            connection.execute(select(table).order_by(*table.primary_key.columns)).all()
            for table in (rollups, rollup_totals)
        ]

    together = database.write_now(lambda connection: counted(connection, [told]))
    alone = database.write_now(lambda connection: counted(connection, [[one] for one in told]))

    assert together == alone
