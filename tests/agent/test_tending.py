"""Does the agent go on when the host refuses something to a part of it?"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.recorder import Recorder
from agent.store import alerts
from agent.store.database import Database
from agent.tending import FIRST_PAUSE_MS, GOOD_AFTER_MS, OFTEN_MS, TOLD_AFTER, Tending, want_of
from agent.troubles import Trouble
from tests.agent.fake_clock import FakeClock
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import NOW_MS

NO_DESCRIPTORS = OSError(24, "Too many open files")
NO_THREADS = RuntimeError("can't start new thread")
TURNS = 50  # of the loop, in which whoever does not wait for the database comes to its next rest


class Part:
    """Work that is refused something the first few times, and then goes on for ever."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.begun = 0

    async def run(self) -> None:
        self.begun += 1
        if self.refusals:
            raise self.refusals.pop(0)
        await asyncio.Event().wait()


class Counting(Recorder):
    """Knows how many of its writes are under way."""

    writing = 0

    async def alert(self, trouble: Trouble) -> None:
        with self._under_way():
            await super().alert(trouble)

    async def resolve(self, dedupe_key: str) -> None:
        with self._under_way():
            await super().resolve(dedupe_key)

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        self.writing += 1
        try:
            yield
        finally:
            self.writing -= 1


class Scene:
    """One part that is tended, on a clock that a test moves."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FakeClock(NOW_MS)
        self.recorder = Counting(database, self.clock, lambda _: None)
        self.tending = Tending(clock=self.clock, recorder=self.recorder)

    def open_alerts(self) -> list[str]:
        return [alert.dedupe_key for alert in self.database.read_now(alerts.open_alerts)]

    async def pass_time(self, number_ms: int) -> None:
        """Let time pass, and whoever wakes do what it does, however long the database takes."""
        self.clock.advance(number_ms)
        idle = 0
        async with asyncio.timeout(60):
            while idle < TURNS:
                await asyncio.sleep(0.001 if self.recorder.writing else 0)
                idle = 0 if self.recorder.writing else idle + 1


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    database = Database.open(fresh_file(tmp_path / "smartcron.sqlite3"))
    yield Scene(database)
    database.close()


@pytest.mark.parametrize(
    "refusal", [NO_DESCRIPTORS, NO_THREADS, ExceptionGroup("two", [NO_THREADS, NO_DESCRIPTORS])]
)
async def test_a_part_that_is_refused_something_once_works_again_a_moment_later(
    scene: Scene, refusal: Exception
) -> None:
    part = Part(refusal)
    keeping = asyncio.create_task(scene.tending.keep("watches", part.run))

    await scene.pass_time(0)
    await scene.pass_time(FIRST_PAUSE_MS)

    assert part.begun == 2
    assert not keeping.done()
    assert scene.open_alerts() == []
    keeping.cancel()


async def test_a_part_that_stays_down_is_an_alert_until_it_has_worked_for_a_while(
    scene: Scene,
) -> None:
    part = Part(*[NO_THREADS] * TOLD_AFTER)
    keeping = asyncio.create_task(scene.tending.keep("watches", part.run))

    for again in range(TOLD_AFTER):
        await scene.pass_time(FIRST_PAUSE_MS * 2**again)
    told = scene.open_alerts()
    await scene.pass_time(FIRST_PAUSE_MS * 2**TOLD_AFTER)
    await scene.pass_time(GOOD_AFTER_MS)

    assert told == ["part_failing:watches"]
    assert part.begun == TOLD_AFTER + 1
    assert scene.open_alerts() == []
    keeping.cancel()


async def test_the_alert_of_a_part_that_has_done_its_work_ends_with_it(scene: Scene) -> None:
    refusals = [NO_THREADS] * TOLD_AFTER

    async def work() -> None:
        if refusals:
            raise refusals.pop()

    keeping = asyncio.create_task(scene.tending.keep("warding", work))

    for again in range(TOLD_AFTER):
        await scene.pass_time(FIRST_PAUSE_MS * 2**again)
    told = scene.open_alerts()
    await scene.pass_time(FIRST_PAUSE_MS * 2**TOLD_AFTER)
    await keeping

    assert told == ["part_failing:warding"]
    assert scene.open_alerts() == []


async def test_a_part_that_fails_again_and_again_after_working_a_while_is_an_alert(
    scene: Scene,
) -> None:
    failing = asyncio.Event()

    async def work() -> None:
        await failing.wait()
        failing.clear()
        raise NO_DESCRIPTORS

    async def fail_after(number_ms: int) -> list[str]:
        await scene.pass_time(number_ms)
        failing.set()
        await scene.pass_time(0)
        found = scene.open_alerts()
        await scene.pass_time(FIRST_PAUSE_MS)
        return found

    keeping = asyncio.create_task(scene.tending.keep("watches", work))
    await scene.pass_time(0)

    told = [await fail_after(GOOD_AFTER_MS + 1_000) for _ in range(TOLD_AFTER + 1)]
    await scene.pass_time(GOOD_AFTER_MS)
    still = scene.open_alerts()
    await scene.pass_time(OFTEN_MS)

    assert told == [[], [], ["part_failing:watches"], ["part_failing:watches"]]
    assert still == ["part_failing:watches"]
    assert scene.open_alerts() == []
    keeping.cancel()


async def test_a_fault_of_our_own_still_ends_the_agent(scene: Scene) -> None:
    with pytest.raises(ExceptionGroup) as ended:
        await scene.tending.keep("watches", Part(KeyError("name")).run)

    assert isinstance(ended.value.exceptions[0], KeyError)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NO_DESCRIPTORS, "[Errno 24] Too many open files"),
        (NO_THREADS, "can't start new thread"),
        (RecursionError("too deep"), None),
        (NotImplementedError(), None),
        (ValueError("7"), None),
        (ExceptionGroup("both", [NO_THREADS, NO_THREADS]), "can't start new thread"),
        (ExceptionGroup("one of them ours", [NO_THREADS, ValueError("7")]), None),
    ],
)
def test_only_what_the_host_refuses_is_overcome(error: Exception, said: str | None) -> None:
    assert want_of(error) == said


async def test_a_part_that_is_told_to_end_begins_no_more_whatever_it_says_of_that(
    scene: Scene,
) -> None:
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RuntimeError("TaskGroup is shutting down") from None

    kept = asyncio.create_task(scene.tending.keep("control", work))
    await scene.pass_time(0)
    kept.cancel()
    await asyncio.wait([kept], timeout=60)

    assert kept.cancelled()
    assert begun == 1
