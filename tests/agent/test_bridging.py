"""What is told of a database that is away, and when is it asked again?"""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from agent import bridging
from agent.bridging import Bridging
from agent.clock import SystemClock
from agent.errors import Refused, StorageError
from agent.recorder import Recorder, Shown
from agent.rules.outage import TOLD_AFTER_MS, Standing
from agent.store import alerts, state
from tests.agent.store.makings import NOW_MS, a_run
from tests.agent.store.test_outage import Scene


class Leading:
    """A bridging at work, and what it told."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.standings: list[Standing] = []
        self.shown: list[Shown] = []
        self.renewed = 0
        self.reloaded: list[int | None] = []
        self.refusals: list[Exception] = []
        self.recorder = Recorder(scene.database, SystemClock(), self.shown.append, scene.outage)
        self.bridging = Bridging(
            clock=SystemClock(),
            outage=scene.outage,
            recorder=self.recorder,
            reserve=scene.reserve,
            show=self.standings.append,
            renew=self._renew,
            reload=self._reload,
        )

    async def _renew(self) -> None:
        self.renewed += 1

    async def _reload(self) -> None:
        if self.refusals:
            raise self.refusals.pop()
        self.reloaded.append(await self.scene.database.read(state.decided_until))

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0.01)

    def alerts(self) -> list[str]:
        """The kinds of what is shown as wrong, in order."""
        return [alert.kind for shown in self.shown for alert in shown.alerts]


@pytest.fixture
def leading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Leading]:
    monkeypatch.setattr(bridging, "TRY_EVERY_S", 0.02)
    monkeypatch.setattr(bridging, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(bridging, "LOOK_MS", 20)
    scene = Scene(tmp_path, monkeypatch)
    yield Leading(scene)
    scene.close()


async def test_an_outage_is_told_and_ended_by_itself(leading: Leading) -> None:
    scene, run = leading.scene, a_run()
    working = asyncio.create_task(leading.bridging.run())
    scene.take_away()
    await leading.recorder.claim([run])

    scene.clock.advance(TOLD_AFTER_MS)
    await leading.until(lambda: bool(leading.standings))
    during = leading.standings[-1]
    scene.give_back()
    await leading.until(lambda: scene.outage.is_over and leading.renewed == 1)
    working.cancel()

    assert (during.state, during.is_told, during.since_ms) == ("down", True, NOW_MS)
    assert leading.standings[-1].since_ms is None
    assert leading.alerts()[0] == bridging.ALERT
    assert scene.find(run) == run
    assert scene.database.read_now(alerts.open_alerts) == ()


async def test_trouble_that_is_soon_over_is_told_to_nobody(leading: Leading) -> None:
    scene, run = leading.scene, a_run()
    scene.take_away()
    await leading.recorder.claim([run])
    scene.give_back()

    working = asyncio.create_task(leading.bridging.run())
    await leading.until(lambda: scene.outage.is_over)
    working.cancel()

    assert scene.find(run) == run
    assert (leading.standings, leading.alerts()) == ([], [])


async def test_what_was_changed_is_read_again_once_it_is_known_whether_it_happened(
    leading: Leading,
) -> None:
    scene = leading.scene
    working = asyncio.create_task(leading.bridging.run())
    scene.take_away()
    with pytest.raises(StorageError, match="see whether it happened"):
        await scene.outage.ask(partial(state.set_decided_until, at_ms=7, now_ms=7))
    assert leading.reloaded == []
    leading.refusals.append(Refused("busy", "256 reads wait for the database; try again"))

    scene.give_back()
    await leading.until(lambda: bool(leading.reloaded))
    working.cancel()

    there = scene.database.read_now(state.decided_until)
    assert leading.reloaded == [there], "read before the late write was through"
    assert leading.refusals == []


async def test_a_reserve_that_was_given_up_is_told_until_it_is_kept_again(
    leading: Leading,
) -> None:
    reserve = leading.scene.reserve
    reserve._size = 1 << 50  # no disk has room for it
    working = asyncio.create_task(leading.bridging.run())
    await leading.until(lambda: bridging.RESERVE_ALERT in leading.alerts())

    reserve._size = 1_000
    await leading.until(lambda: leading.alerts().count(bridging.RESERVE_ALERT) == 2)
    working.cancel()

    assert reserve.is_there
    assert leading.scene.database.read_now(alerts.open_alerts) == ()
