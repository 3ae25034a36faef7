"""When it is noticed that somebody wrote into the table of tasks, and who is told."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from agent.handmade import DEFINITION_REFUSED, Handmade
from agent.recorder import Recorder
from agent.store import alerts, tasks
from agent.store.database import Database
from tests.agent.fake_clock import FakeClock
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import NOW_MS, a_task
from tests.agent.wire.door import until


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "smartcron.sqlite3"


@pytest.fixture
def database(file: Path) -> Iterator[Database]:
    database = Database.open(fresh_file(file))
    database.write_now(
        partial(tasks.register, definitions=[a_task("slow_task")], who="me", why="", now_ms=NOW_MS)
    )
    yield database
    database.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW_MS)


@pytest.fixture
def reloads() -> list[int]:
    return []


@pytest.fixture
def handmade(database: Database, clock: FakeClock, reloads: list[int]) -> Handmade:
    async def reload() -> None:
        reloads.append(clock.now_ms())

    recorder = Recorder(database, clock, lambda _shown: None)
    return Handmade(clock=clock, database=database, recorder=recorder, reload=reload)


def say(file: Path, assignment: str) -> None:
    """Another program writes into the file."""
    with closing(sqlite3.connect(file, isolation_level=None)) as raw:
        raw.execute(f"UPDATE smart_cron_tasks_config SET {assignment}")  # noqa: S608 - our own words


async def test_a_change_is_noticed_within_a_minute_and_the_scheduler_is_told(
    handmade: Handmade, file: Path, clock: FakeClock, reloads: list[int]
) -> None:
    looking = asyncio.create_task(handmade.run())
    await until(lambda: clock.sleeping_until_ms is not None)
    say(file, "timeout_seconds = 900")

    clock.advance(60_000)

    await until(lambda: bool(reloads))
    looking.cancel()
    assert reloads == [NOW_MS + 60_000]


async def test_nothing_is_read_while_nobody_else_wrote(
    handmade: Handmade, reloads: list[int]
) -> None:
    first = await handmade.look()
    second = await handmade.look()

    assert first == second
    assert reloads == []


async def test_nonsense_raises_an_alert_that_a_sound_change_ends(
    handmade: Handmade, file: Path, database: Database
) -> None:
    await handmade.look()
    say(file, "timeout_seconds = -5")
    await handmade.look()

    (alert,) = database.read_now(alerts.open_alerts)
    assert (alert.kind, alert.severity, alert.task_name) == (
        DEFINITION_REFUSED,
        "high",
        "slow_task",
    )
    assert "timeout_seconds = -5: must be from 1 to" in alert.message
    assert "version 1, the last good definition, stays in force" in alert.message

    say(file, "timeout_seconds = 900")
    await handmade.look()

    assert database.read_now(alerts.open_alerts) == ()
    (task,) = database.read_now(tasks.load_all)
    assert (task.def_rev, task.definition.timeout_seconds) == (2, 900)
