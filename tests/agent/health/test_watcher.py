"""Keeps looking at the host and the agent, and tells what it found."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.health.watcher import FIRST_LOOK_MS, LOOK_MS, RECORD_EVERY, SUM_UP_EVERY, Watcher
from agent.recorder import Recorder
from agent.rules.downsampling import MINUTE_MS, Keeping, Step
from agent.settings import Home
from agent.store import metrics
from agent.store.database import Database
from tests.agent.fake_clock import FakeClock
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import NOW_MS

START_MS = NOW_MS - NOW_MS % MINUTE_MS


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(fresh_file(tmp_path / "smartcron.sqlite3"))
    yield database
    database.close()


class WatchedClock(FakeClock):
    """Tells when somebody has gone to sleep."""

    def __init__(self, now_ms: int) -> None:
        super().__init__(now_ms)
        self.sleeps = asyncio.Event()

    async def sleep_ms(self, duration_ms: int) -> None:
        self.sleeps.set()
        await super().sleep_ms(duration_ms)


def series(database: Database, name: str, step_ms: int) -> tuple[Step, ...]:
    return database.read_now(
        partial(
            metrics.series,
            name=name,
            from_ms=START_MS,
            to_ms=START_MS + 60 * MINUTE_MS,
            step_ms=step_ms,
            now_ms=START_MS,
        )
    )


async def test_samples_are_kept_with_the_readings_once_a_minute_and_summed_up_later(
    database: Database, tmp_path: Path
) -> None:
    clock = WatchedClock(START_MS)
    watcher = Watcher(
        clock=clock,
        home=Home(tmp_path),
        database=database,
        recorder=Recorder(database, clock, lambda _: None),
        lag_ms=lambda: 0,
        running=lambda: 3,
        show=lambda _: None,
        clock_state=lambda: None,
        keeping=Keeping(),
    )
    watching = asyncio.create_task(watcher.run())

    async def look(after_ms: int) -> None:
        await clock.sleeps.wait()
        clock.sleeps.clear()
        clock.advance(after_ms)
        await clock.sleeps.wait()

    await look(FIRST_LOOK_MS)
    for _ in range(RECORD_EVERY):
        watcher.sample()
        await look(LOOK_MS)
    by_minute = series(database, "agent_rss", MINUTE_MS)
    for _ in range(SUM_UP_EVERY):
        await look(LOOK_MS)
    watching.cancel()

    assert [one.samples for one in by_minute] == [RECORD_EVERY, 1]
    assert all(one.mean == 3.0 for one in series(database, "running", 5_000))
    assert sum(one.samples for one in series(database, "load1", MINUTE_MS)) == RECORD_EVERY
