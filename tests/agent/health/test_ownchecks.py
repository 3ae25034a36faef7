"""When is the turn of each own check, and where does go what it found?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from agent.clock import SystemClock
from agent.health.checking import Checking
from agent.health.ownchecks import AT_ONCE, OwnChecks
from agent.ownchecks import OwnCheck
from agent.recorder import Recorder
from agent.settings import Home, Settings
from agent.store import checks, metrics, ownchecks
from agent.store.checks import Check
from agent.store.database import Database
from tests.agent.store.fresh import fresh_file

BAD = OwnCheck(name="bad", command="echo 'it burns | heat=99C'; exit 2", severity="critical")


class Desk:
    """An agent's own checks on a database, and what they told."""

    def __init__(self, folder: Path, database: Database) -> None:
        home = Home(folder / "home")
        home.make()
        clock = SystemClock()
        self.database = database
        self.told: list[Check] = []
        self.gone: list[str] = []
        self.news = asyncio.Event()
        self.checks = OwnChecks(
            clock=clock,
            database=database,
            recorder=Recorder(database, clock, lambda _: None),
            checking=Checking(home=home, settings=Settings(), secrets={}, mask=lambda text: text),
            show=self.show,
            gone=self.gone.append,
        )

    def show(self, found: tuple[Check, ...]) -> None:
        self.told += found
        self.news.set()

    async def put(self, *found: OwnCheck) -> None:
        for own in found:
            await self.database.write(partial(ownchecks.put, own=own, who="a test", now_ms=1))
        await self.checks.load()

    async def hear(self, count: int) -> list[Check]:
        async with asyncio.timeout(60):
            while len(self.told) < count:
                self.news.clear()
                await self.news.wait()
        return self.told


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[Desk]:
    database = Database.open(fresh_file(folder / "smartcron.sqlite3"))
    desk = Desk(folder, database)
    working = asyncio.create_task(desk.checks.run())
    try:
        yield desk
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        database.close()


async def test_a_new_check_is_done_at_once_kept_and_told_with_its_severity(tmp_path: Path) -> None:
    async with at_work(tmp_path) as desk:
        await desk.put(BAD)
        (told,) = await desk.hear(1)
        kept = desk.database.read_now(checks.latest)
        figures = desk.database.read_now(metrics.latest)

    assert (told.check_name, told.status, told.severity) == ("check:bad", "crit", "critical")
    assert (told.message, told.value, told.unit) == ("it burns", 99.0, "C")
    assert [(one.check_name, one.status) for one in kept] == [("check:bad", "crit")]
    assert figures is not None
    assert figures[1] == {"check:bad": 99.0, "check:bad:heat": 99.0}


async def test_one_that_was_changed_is_done_anew_and_one_that_was_removed_is_said_to_be_gone(
    tmp_path: Path,
) -> None:
    async with at_work(tmp_path) as desk:
        await desk.put(BAD)
        await desk.hear(1)
        await desk.put(OwnCheck(name="bad", command="echo fine"))
        *_, second = await desk.hear(2)
        await desk.database.write(partial(ownchecks.remove, name="bad"))
        await desk.checks.load()

    assert (second.status, second.severity) == ("ok", "")
    assert desk.gone == ["check:bad"]


async def test_slow_ones_leave_room_for_the_others(tmp_path: Path) -> None:
    slow = [
        OwnCheck(name=f"a{number}", command="sleep 60", timeout_s=200)
        for number in range(AT_ONCE - 1)
    ]
    async with at_work(tmp_path) as desk:
        await desk.put(*slow, *[OwnCheck(name=f"b{n}", command="exit 3") for n in range(5)])
        told = await desk.hear(5)

    assert {one.check_name for one in told} == {f"check:b{number}" for number in range(5)}
    assert {(one.status, one.severity) for one in told} == {("unknown", "medium")}
