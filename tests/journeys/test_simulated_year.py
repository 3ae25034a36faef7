"""A year of the 29 tasks with agents that die, clocks that jump and people who hold things back.

Scheduler, queue, runner, recorder and database are the real ones; the clock is moved by hand and
processes are only pretended. The year is lived in some dozens of awake hours, minute by minute,
between absences of days, so every way of missing moments is met and each of more than half a
million due moments is held against its row in the end.
"""

import asyncio
import random
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from agent.definitions import Definition, load_definitions
from agent.proof import prove
from agent.running.keeping import Ended, Order, Standing, Started
from agent.store import events, ledger, state, tasks
from agent.windows import Calendar
from schema import catalogue
from schema.tables import executions
from tests.agent.fake_clock import FakeClock
from tests.agent.store.makings import HOUR_MS, MINUTE_MS
from tests.agent.workshop import Workshop, end_of

YEAR_MS = 365 * 24 * HOUR_MS
FRESH_SEED = random.SystemRandom().randrange(10**6)
RETAIL = load_definitions(catalogue.read("retail"), "catalogue")


class Host:
    """What outlives an agent: its runs, which end when their time has come."""

    def __init__(self, clock: FakeClock, dice: random.Random) -> None:
        self._clock = clock
        self._dice = dice
        self.living: dict[str, tuple[int, int]] = {}  # started, and by the monotonic clock: ends
        self.task_of: dict[str, str] = {}
        self.most: dict[str, int] = {}  # how many runs of a task may live side by side
        self.ended: dict[str, Ended] = {}
        self.started: list[str] = []

    async def start(self, order: Order) -> Started:
        now_ms = self._clock.now_ms()
        self.task_of[order.run_id] = name = order.argv[1]
        beside = [run_id for run_id in self.living if self.task_of[run_id] == name]
        assert len(beside) < self.most[name], f"{name} runs beside itself"
        length_ms = self._dice.choice((200, 20_000, 50_000, 400_000))
        self.living[order.run_id] = (now_ms, self._clock.monotonic_ms() + length_ms)
        self.started.append(order.run_id)
        await asyncio.sleep(0)  # an agent may die here, with the process alive
        return Started(order.run_id, 4711, now_ms)

    async def stop(self, run_id: str, *, grace_ms: int) -> bool:
        started_ms, _ = self.living[run_id]
        self.living[run_id] = (started_ms, self._clock.monotonic_ms())
        return True

    async def forget(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            self.ended.pop(run_id, None)

    def pass_time(self) -> list[Ended]:
        """The runs that are over by now, remembered until somebody has written them down."""
        over = [
            run_id
            for run_id, (_, ends_ms) in self.living.items()
            if ends_ms <= self._clock.monotonic_ms()
        ]
        for run_id in over:
            del self.living[run_id]
            exit_status = self._dice.choice((0, 0, 0, 1))
            self.ended[run_id] = end_of(run_id, exit_status=exit_status)
        return [self.ended[run_id] for run_id in over]

    def standing(self) -> list[Standing]:
        living = [Started(run_id, 4711, began) for run_id, (began, _) in self.living.items()]
        return [*living, *self.ended.values()]


class Year:
    """One life after another on one database."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a test's dice
        self.folder = folder
        self.shop = Workshop(folder)
        self.clock = self.shop.clock
        self.host = Host(self.clock, self.dice)
        self.boot = 0

    async def found(self) -> None:
        await self.shop.keep(
            Calendar(name="stocktake", timezone="Pacific/Auckland", weekly=("SUN 22:00-MON 05:00",))
        )
        chosen = [self._varied(definition) for definition in RETAIL]
        self.host.most = {task.task_name: task.most_running for task in chosen}
        await self.shop.register(*chosen)

    def _varied(self, definition: Definition) -> Definition:
        return msgspec.structs.replace(
            definition,
            overlap=self.dice.choice(("forbid", "forbid", "queue", "allow", "replace")),
            missed=self.dice.choice(("skip", "latest", "latest", "all")),
            catchup_limit=5,
            start_deadline_s=self.dice.choice((600, 3600, 7200)),
            calendars=("stocktake",) if self.dice.random() < 0.2 else (),
            in_blackout=self.dice.choice(("skip", "delay")),
            spread_s=self.dice.choice((0, 0, 120)),
            max_retries=self.dice.choice((0, 1)),
        )

    async def live(self, minutes: int) -> None:
        """One agent, from its start to its death without a word."""
        shop = self.renewed()
        await shop.roster.load()
        connection = shop.database
        async with asyncio.TaskGroup() as group:
            shop.runner.work_in(group)
            decided_ms = await connection.read(state.decided_until) or 0
            await shop.scheduler.begin(
                decided_until_ms=decided_ms,
                highest_ms=await connection.read(state.highest),
                boots=await connection.read(events.boots),
                history=await connection.read(
                    partial(
                        tasks.history, until_ms=self.clock.now_ms(), changed_after_ms=decided_ms
                    )
                ),
            )
            self.host.pass_time()
            await shop.runner.recover(
                await connection.read(ledger.unfinished), self.host.standing()
            )
            for _ in range(minutes):
                self.clock.advance(MINUTE_MS)
                for over in self.host.pass_time():
                    shop.runner.on_ended(over)
                self.maybe_jump()
                await self.maybe_hold_back(shop)
                await shop.scheduler.decide()
                await shop.settle()
            # Death at any instant of a decision.
            self.clock.advance(MINUTE_MS)
            dying = asyncio.ensure_future(shop.scheduler.decide())
            for _ in range(self.dice.randrange(40)):
                await asyncio.sleep(0)
            dying.cancel()
            shop.runner.give_up()
            shop.runner.close()
            await asyncio.gather(dying, return_exceptions=True)

    def renewed(self) -> Workshop:
        """Every part anew, but for the database, the clock and the host."""
        self.shop.database.close()
        if self.dice.random() < 0.2:
            self.boot += 1
        shop = Workshop(self.folder, boot_id=f"boot {self.boot}", clock=self.clock)
        shop.calendars = self.shop.calendars
        shop.use(self.host)
        self.shop = shop
        return shop

    def maybe_jump(self) -> None:
        kind = self.dice.random()
        now_ms = self.clock.now_ms()
        if kind < 0.004:
            self.clock.set_wall(now_ms + self.dice.randrange(1_000, 3 * HOUR_MS))
        elif kind < 0.008:
            self.clock.set_wall(now_ms - self.dice.randrange(1_000, 2 * HOUR_MS))
        elif kind < 0.010:
            self.clock.set_wall(now_ms + 30 * HOUR_MS)
        elif kind < 0.012:
            self.clock.set_wall(now_ms - self.dice.randrange(4, 40) * HOUR_MS)
        elif kind < 0.015:
            self.clock.suspend(self.dice.randrange(10, 300) * MINUTE_MS)

    async def maybe_hold_back(self, shop: Workshop) -> None:
        if self.dice.random() > 0.05:
            return
        now_ms = self.clock.now_ms()
        # The task of each minute stays as it is, so that most moments remain.
        name = self.dice.choice([one for one in RETAIL if one.schedule != ("* * * * *",)]).task_name
        what = self.dice.choice(("pause", "resume", "disable", "enable", "skip", "edit", "run"))
        if what == "run":
            if shop.runner.busy(name).alive == 0:
                await shop.runner.start_now(name, who="Anna", reason="x", if_running="queue")
            return
        if what == "edit":
            (row,) = await shop.database.read(partial(tasks.load, names=[name]))
            changed_definition = msgspec.structs.replace(
                row.definition, schedule=(f"{self.dice.randrange(60)} */2 * * *",)
            )
            await shop.database.write(
                partial(
                    tasks.apply, definitions=[changed_definition], who="x", why="", now_ms=now_ms
                )
            )
            await shop.scheduler.reload()
            return
        flags: dict[str, dict[str, Any]] = {
            "pause": {"paused": True, "until_ms": now_ms + 90 * MINUTE_MS},
            "resume": {"paused": False},
            "disable": {"enabled": False},
            "enable": {"enabled": True},
            "skip": {"skip_until_ms": now_ms + 20 * MINUTE_MS},
        }
        await shop.scheduler.take(
            await shop.recorder.set_flags([name], who="Anna", reason="x", **flags[what])
        )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [7, FRESH_SEED], ids=["known", "fresh"])
async def test_each_due_moment_of_a_year_has_one_row(tmp_path: Path, seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201 - shown when it fails
    year = Year(tmp_path, seed)
    await year.found()
    begins_ms = year.clock.now_ms()
    while year.clock.monotonic_ms() < YEAR_MS:
        await year.live(minutes=year.dice.randrange(5, 90))
        absence_ms = year.dice.choice((MINUTE_MS, HOUR_MS, 30 * HOUR_MS, 16 * 24 * HOUR_MS))
        year.clock.advance(year.dice.randrange(absence_ms // 2, absence_ms))
    await year.live(minutes=3)

    database = year.shop.database
    until_ms = database.read_now(state.decided_until) or 0
    hold_against_ledger(year, begins_ms, until_ms)
    assert len(year.host.started) == len(set(year.host.started)), "a run was started twice"
    unexplained = database.read_now(
        lambda connection: connection.scalar(
            select(func.count())
            .select_from(executions)
            .where(executions.c.status.in_(("missed", "skipped")), executions.c.reason.is_(None))
        )
    )
    assert unexplained == 0
    database.close()


def hold_against_ledger(year: Year, begins_ms: int, until_ms: int) -> None:
    expected, wrong = 0, wrong_spans(year)
    for name, found in prove(year.shop.database, begins_ms, until_ms).items():
        assert (found.missing[:3], found.doubled[:3]) == ((), ()), name
        # What ran by a wrong clock stays, also where a change has since taken its moment away.
        for at_ms in found.unexpected:
            assert any(begins < at_ms <= ends for begins, ends in wrong), (name, at_ms)
        expected += found.expected
    assert expected > 500_000


def wrong_spans(year: Year) -> list[tuple[int, int]]:
    """The moments that a clock told too early, before it was put right by hours.

    It may have been set back by less than three hours before, which is waited for.
    """
    found = year.shop.database.read_now(partial(events.page, limit=1000, kinds=["clock_corrected"]))
    return [(event.at_ms, event.at_ms + (event.size_ms or 0) + 3 * HOUR_MS) for event in found]
