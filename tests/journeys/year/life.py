"""How does a year go: one agent after another on one database, each dying in its own way."""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import select

from agent.definitions import Definition
from agent.runs import Run
from agent.store import events, ledger, state, tasks
from agent.tasktables import load_definitions
from agent.windows import Calendar
from schema import catalogue
from schema.tables import executions
from tests.agent.store.makings import HOUR_MS, MINUTE_MS
from tests.agent.workshop import Workshop
from tests.journeys.year.dice import dice
from tests.journeys.year.facts import TaskFacts
from tests.journeys.year.host import Host
from tests.journeys.year.judge import Judge
from tests.journeys.year.people import People
from tests.journeys.year.stage import POINTS, Fate, rest

DAY_MS: Final = 24 * HOUR_MS
SLOTS: Final = 5
CATCHUP_SLOTS: Final = 2
CATEGORY_SLOTS: Final = {"Vend Sync": 1, "Payroll": 2}
CALENDARS: Final = (
    Calendar(name="stocktake", timezone="Pacific/Auckland", weekly=("SUN 22:00-MON 05:00",)),
    # Short ones all the week, that begin while runs wait for their slots.
    Calendar(
        name="each-hour",
        timezone="UTC",
        weekly=tuple(f"MON-SUN {hour:02}:37-{hour:02}:44" for hour in range(24)),
    ),
)
CHAINS: Final[Mapping[str, dict[str, object]]] = {
    "bank_auto_categorize": {"after": ("bank_fetch_transactions",), "after_delay_s": 90},
    "payroll_update_dashboard": {
        "after": ("payroll_process_automated_reviews",),
        "after_on": "any",
    },
    "monitoring_error_summary": {
        "after": ("smart_cron_health_monitor", "vend_sync_inventory"),
        "after_on": "failure",
        "after_delay_s": 20,
    },
    "consignments_update_analytics": {"after": ("consignments_process_pending",)},
}
ABSENCES_MS: Final = (MINUTE_MS, HOUR_MS, HOUR_MS, 30 * HOUR_MS, 40 * DAY_MS, 40 * DAY_MS)
RETAIL: Final = load_definitions(catalogue.read("retail"), "catalogue")


class Year:
    """All that outlives an agent, and what befalls each."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._seed = seed
        self._folder = folder
        self._dice = dice(seed, "world")
        self._jumps = dice(seed, "jumps")
        self._moods = dice(seed, "moods")
        self._boot = 0
        self._seen_event = 0
        self._has_jumped = False
        self.fate = Fate()
        self.shop = Workshop(folder)
        self.clock = self.shop.clock
        self.begins_ms = self.clock.now_ms()
        self.facts = {task.task_name: TaskFacts({1: task}) for task in map(self._varied, RETAIL)}
        self.host = Host(seed, self.clock, lambda: self.fate, self._find)
        self.judge = Judge(
            clock=self.clock,
            host=self.host,
            tasks=self.facts,
            slots=SLOTS,
            catchup_slots=CATCHUP_SLOTS,
            category_slots=CATEGORY_SLOTS,
            find_attempt=self._find_attempt,
            find=self._find,
        )
        self.host.judge = self.judge.see_start
        self.people = People(seed, self.facts, self.host, self.judge.decided)

    async def pass_by(self, days: int) -> None:
        """Live through so many days."""
        for calendar in CALENDARS:
            await self.shop.keep(calendar)
        await self.shop.register(*(task.definition for task in self.facts.values()))
        until_ms = self.clock.monotonic_ms() + days * DAY_MS
        while self.clock.monotonic_ms() < until_ms:
            await self._live(minutes=self._dice.randrange(5, 60), dies=True)
            absence_ms = self._dice.choice(ABSENCES_MS)
            self.clock.advance(self._dice.randrange(absence_ms // 2, absence_ms))
        await self._live(minutes=3, dies=False)

    def _varied(self, definition: Definition) -> Definition:
        throw = dice(self._seed, "task", definition.task_name)
        return msgspec.structs.replace(
            definition,
            overlap=(overlap := throw.choice(("forbid", "forbid", "queue", "allow", "replace"))),
            overlap_limit=2 if overlap == "allow" else None,
            missed=throw.choice(("skip", "latest", "latest", "all")),
            catchup_limit=5,
            start_deadline_s=throw.choice((600, 3600, 7200)),
            calendars=throw.choice(((), ("each-hour",), ("stocktake", "each-hour"))),
            in_blackout=throw.choice(("skip", "delay")),
            spread_s=throw.choice((0, 0, 120)),
            max_retries=throw.choice((0, 1, 2)),
            retry_on_timeout=throw.choice((False, True)),
            **CHAINS.get(definition.task_name, {}),
        )

    # One life

    async def _live(self, minutes: int, *, dies: bool) -> None:
        """One agent, from its start to its death without a word."""
        shop = self._renewed()
        death = (self._dice.choice(POINTS), self._dice.randrange(1, 40))
        is_born_dying = self._dice.random() < 0.2
        if dies and is_born_dying:
            self.fate.arm(*death)
        self.host.pass_time()
        self.judge.begin_life(shop.shown)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(self._serve(shop, group))
            await rest()
            self._judged()
            for minute in range(minutes + 10):
                if dies and minute == minutes and not is_born_dying:
                    self.fate.arm(*death)
                if self.fate.is_dead or (not dies and minute == minutes):
                    break
                if not await self._survives_minute(shop):
                    break
                self._jump()
                await self._people_act(group, shop)
            self.fate.is_dead = True
            serving.cancel()
            shop.runner.give_up()
            shop.runner.close()
        self.judge.end_life(shop.database.read_now(ledger.unfinished))
        self._judged()

    def _renewed(self) -> Workshop:
        """Every part anew, but for the database, the clock and the host."""
        self.people.recall(self.shop)
        self._see_corrections()
        self._check_watermarks()
        self.shop.database.close()
        if self._dice.random() < 0.2:
            self._boot += 1
        shop = Workshop(
            self._folder,
            boot_id=f"boot {self._boot}",
            clock=self.clock,
            slots=SLOTS,
            catchup_slots=CATCHUP_SLOTS,
            category_slots=CATEGORY_SLOTS,
        )
        shop.calendars = self.shop.calendars
        shop.use(self.host)
        self.shop = shop
        self.fate = Fate()
        return shop

    async def _serve(self, shop: Workshop, group: asyncio.TaskGroup) -> None:
        """What `agent.app` does, without sockets."""
        await shop.roster.load()
        shop.runner.work_in(group)
        decided_ms = await shop.database.read(state.decided_until) or 0
        await shop.scheduler.begin(
            decided_until_ms=decided_ms,
            highest_ms=await shop.database.read(state.highest),
            boots=await shop.database.read(events.boots),
            history=await shop.database.read(
                partial(tasks.history, until_ms=self.clock.now_ms(), changed_after_ms=decided_ms)
            ),
        )
        unfinished = await shop.database.read(ledger.unfinished)
        await shop.runner.recover(unfinished, self.host.standing())
        await shop.scheduler.run()

    async def _survives_minute(self, shop: Workshop) -> bool:
        """Let a minute pass, from one thing that happens to the next; False where it dies."""
        ends_ms = self.clock.monotonic_ms() + MINUTE_MS
        while not self.fate.is_dead and (now_ms := self.clock.monotonic_ms()) < ends_ms:
            coming = [ends_ms]
            if (end_ms := self.host.next_end_ms()) is not None:
                coming.append(end_ms)
            if (wake_ms := self.clock.sleeping_until_ms) is not None:
                coming.append(wake_ms - self.clock.now_ms() + now_ms)
            self.clock.advance(max(0, min(coming) - now_ms))
            for over in self.host.pass_time():
                shop.runner.on_ended(over)
            await rest()
            self._judged()
        return not self.fate.is_dead

    def _judged(self) -> None:
        self.judge.listen()
        wrong = "\n".join(self.judge.wrong[:5])
        assert not wrong, f"seed {self._seed}:\n{wrong}"

    # What befalls it

    def _jump(self) -> None:
        """Somebody may set the clock, or close the lid."""
        kind, now_ms = self._jumps.random(), self.clock.now_ms()
        if self._has_jumped:
            self._see_corrections()
        if kind < 0.004:
            self.clock.set_wall(now_ms + self._jumps.randrange(1_000, 3 * HOUR_MS))
        elif kind < 0.008:
            self.clock.set_wall(now_ms - self._jumps.randrange(1_000, 2 * HOUR_MS))
        elif kind < 0.010:
            self.clock.set_wall(now_ms + 30 * HOUR_MS)
        elif kind < 0.012:
            self.clock.set_wall(now_ms - self._jumps.randrange(4, 40) * HOUR_MS)
        elif kind < 0.016:
            self.clock.suspend(self._jumps.randrange(10, 300) * MINUTE_MS)
        self._has_jumped = kind < 0.016
        self.judge.clock_changes += self._has_jumped

    async def _people_act(self, group: asyncio.TaskGroup, shop: Workshop) -> None:
        if self._moods.random() > 0.1:
            return
        acting = group.create_task(self.people.act(shop))
        await rest()
        if self._has_jumped:
            self._see_corrections()
        if not self.fate.is_dead:
            await acting
            self.people.done()
        acting.cancel()
        self._judged()

    # What the ledger knows

    def _find(self, run_id: str) -> Run:
        return self.shop.database.read_now(partial(ledger.get, run_id=run_id))

    def _find_attempt(self, task_name: str, moment_ms: int, attempt: int) -> Run | None:
        column = executions.c
        wanted = select(column.id).where(
            column.task_name == task_name,
            column.scheduled_at == moment_ms,
            column.attempt == attempt,
        )
        run_id = self.shop.database.read_now(lambda connection: connection.scalar(wanted))
        return None if run_id is None else self._find(run_id)

    def _see_corrections(self) -> None:
        """Where the agent has put right what it decided by a wrong clock, the facts follow."""
        found = self.shop.database.read_now(
            partial(events.page, limit=20, kinds=["clock_corrected"])
        )
        for event in reversed(found):
            if event.id > self._seen_event:
                self._seen_event = event.id
                self.judge.decided.clear()
                for task in self.facts.values():
                    task.correct(event.at_ms)

    def _check_watermarks(self) -> None:
        """How far a task is decided is written down with the rows that say so."""
        for row in self.shop.database.read_now(tasks.load_all):
            decided_ms = self.judge.decided.get(row.task_name, 0)
            assert row.watermark_ms >= decided_ms, f"{row.task_name} is not kept decided so far"
