"""Progress of living runs is told while somebody watches, at a cost that has a bound."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from agent.progress import LOOK_MS, MOST_AT_ONCE, YOUNGEST_MS, Progress
from agent.recorder import Shown
from agent.running.reports import Told
from agent.runs import Run
from tests.agent.fake_clock import FakeClock
from tests.agent.store.makings import a_run


class Room:
    """A progress with a clock of its own, and what its runs have told."""

    def __init__(self) -> None:
        self.clock = FakeClock(1_800_000_000_000)
        self.told: dict[str, Told] = {}
        self.looked: list[str] = []
        self.shown: list[Run] = []
        self.is_watched = True
        self.trimmed: list[str] = []
        self.progress = Progress(
            clock=self.clock,
            look=self._look,
            trim=lambda run: self.trimmed.append(run.id),
            show=self._show,
        )

    def _look(self, run_id: str) -> Told:
        self.looked.append(run_id)
        return self.told.get(run_id, Told())

    def _show(self, shown: Shown) -> None:
        self.shown.extend(shown.runs)

    def started(self, run_id: str) -> Run:
        now_ms = self.clock.now_ms()
        run = a_run(now_ms, id=run_id, task_name="sync", status="running", started_ms=now_ms)
        self.progress.note(Shown(runs=(run,)))
        return run

    def is_asleep(self) -> bool:
        return self.clock.sleeping_until_ms is not None

    async def second(self) -> None:
        """A second passes, and what it wakes is done."""
        await _until(self.is_asleep)
        self.clock.advance(LOOK_MS)
        await _until(self.is_asleep)


@asynccontextmanager
async def at_work(room: Room) -> AsyncIterator[Room]:
    task = asyncio.create_task(room.progress.run(is_watched=lambda: room.is_watched))
    try:
        yield room
    finally:
        task.cancel()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - a clock that stands still has no event
            await asyncio.sleep(0)


async def test_what_a_living_run_tells_is_shown_once_for_each_change() -> None:
    async with at_work(Room()) as room:
        run = room.started("R1")
        room.told["R1"] = Told(progress=40, note="half", metrics={"rows": 3})
        for _ in range(4):
            await room.second()
        room.told["R1"] = Told(progress=50)
        await room.second()

    assert [(one.id, one.progress, one.progress_note, one.metrics) for one in room.shown] == [
        ("R1", 40, "half", {"rows": 3}),
        ("R1", 50, None, None),
    ]
    assert room.shown[0].started_ms == run.started_ms


async def test_a_run_is_not_looked_at_before_it_has_lived_a_while() -> None:
    async with at_work(Room()) as room:
        room.started("R1")
        for _ in range(YOUNGEST_MS // LOOK_MS - 1):
            await room.second()
        assert room.looked == []

        await room.second()

    assert room.looked == ["R1"]


async def test_a_run_that_began_by_a_clock_since_set_back_is_looked_at() -> None:
    async with at_work(Room()) as room:
        run = room.started("R1")
        room.clock.set_wall((run.started_ms or 0) - 3_600_000)
        await room.second()

    assert room.looked == ["R1"]


async def test_nothing_is_looked_at_while_nobody_is_there_to_see_it() -> None:
    async with at_work(Room()) as room:
        room.is_watched = False
        room.started("R1")
        for _ in range(5):
            await room.second()
        assert room.looked == []
        assert room.trimmed == ["R1"] * 5, "a full disk harms whether somebody watches or not"
        room.is_watched = True

        await room.second()

    assert room.looked == ["R1"]


async def test_nothing_wakes_up_while_nothing_lives() -> None:
    async with at_work(Room()) as room:
        run = room.started("R1")
        await room.second()
        ended = msgspec.structs.replace(run, status="success")
        room.progress.note(Shown(runs=(ended,)))

        room.clock.advance(LOOK_MS)

        for _ in range(20):
            await asyncio.sleep(0)
        assert not room.is_asleep(), "it waits for a run, not for a moment"


async def test_a_row_that_was_written_without_it_is_shown_with_it_again() -> None:
    async with at_work(Room()) as room:
        run = room.started("R1")
        room.told["R1"] = Told(progress=40)
        for _ in range(3):
            await room.second()
        room.progress.note(Shown(runs=(msgspec.structs.replace(run, status="stopping"),)))

        await room.second()

    assert [(one.status, one.progress) for one in room.shown] == [("running", 40), ("stopping", 40)]


async def test_of_very_many_runs_each_has_its_turn() -> None:
    async with at_work(Room()) as room:
        for number in range(MOST_AT_ONCE + 10):
            room.started(f"R{number}")
        for _ in range(YOUNGEST_MS // LOOK_MS):
            await room.second()
        assert len(room.looked) == MOST_AT_ONCE

        await room.second()

    assert len(set(room.looked)) == MOST_AT_ONCE + 10
