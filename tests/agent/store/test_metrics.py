"""How the host has been doing."""

from functools import partial

from agent.store import metrics
from agent.store.database import Database
from tests.agent.store.makings import NOW_MS


def record(database: Database, at_ms: int, **readings: float) -> None:
    database.write_now(partial(metrics.record, readings=readings, at_ms=at_ms))


def test_the_latest_readings_are_those_of_the_newest_moment(database: Database) -> None:
    assert database.read_now(metrics.latest) is None
    record(database, NOW_MS, cpu=0.5, memory=0.25)
    record(database, NOW_MS + 5_000, cpu=0.75)
    record(database, NOW_MS + 6_000)

    assert database.read_now(metrics.latest) == (NOW_MS + 5_000, {"cpu": 0.75})


def test_a_reading_of_the_same_moment_replaces_the_first(database: Database) -> None:
    record(database, NOW_MS, cpu=0.5)
    record(database, NOW_MS, cpu=0.75)

    assert database.read_now(metrics.latest) == (NOW_MS, {"cpu": 0.75})


def test_a_series_is_the_mean_of_each_step_with_readings(database: Database) -> None:
    for offset_ms, value in ((-1, 9.0), (0, 1.0), (999, 3.0), (2_000, 5.0), (3_000, 9.0)):
        record(database, NOW_MS + offset_ms, cpu=value, other=100.0)

    points = database.read_now(
        partial(
            metrics.series,
            name="cpu",
            from_ms=NOW_MS,
            to_ms=NOW_MS + 3_000,
            step_ms=1_000,
            now_ms=NOW_MS,
        )
    )

    assert [(one.at_ms, one.mean) for one in points] == [(NOW_MS, 2.0), (NOW_MS + 2_000, 5.0)]


def test_a_long_series_has_a_bounded_number_of_points(database: Database) -> None:
    for number in range(3_000):
        if number % 10 == 0:
            record(database, NOW_MS + number, cpu=1.0)

    points = database.read_now(
        partial(
            metrics.series,
            name="cpu",
            from_ms=NOW_MS,
            to_ms=NOW_MS + 10**9,
            step_ms=1,
            now_ms=NOW_MS,
        )
    )

    assert len(points) == 1
