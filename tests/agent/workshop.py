"""The agent's core on a real database, with a clock and keepers that a test moves by hand."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from agent.definitions import Definition
from agent.orders import Orders
from agent.recorder import Recorder, Shown
from agent.roster import Roster
from agent.rules.calendar import closed_at
from agent.runner import Runner
from agent.running.output import Outputs
from agent.running.redaction import Redactor
from agent.running.terms import Ended, NotStarted, Order, Started
from agent.runs import Run
from agent.scheduler import Scheduler
from agent.settings import Home
from agent.store import calendars, ledger, tasks
from agent.store.database import Database
from agent.timekeeper import Timekeeper
from agent.watching import Watching
from agent.windows import Calendar, Closed
from tests.agent.fake_clock import FakeClock
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import NOW_MS

SETTLES_S = 60  # a disk that has much to do is slow, and that is no failure


class HandKeepers:
    """Remembers what was ordered; runs end when the test says so."""

    def __init__(self) -> None:
        self.orders: list[str] = []
        self.stops: list[tuple[str, int]] = []
        self.forgotten: list[str] = []
        self.refusal = ""
        self.refuse_with: type[NotStarted] = NotStarted

    async def start(self, order: Order) -> Started:
        if self.refusal:
            raise self.refuse_with(self.refusal)
        self.orders.append(order.run_id)
        return Started(order.run_id, 4711, NOW_MS)

    async def stop(self, run_id: str, *, grace_ms: int) -> bool:
        self.stops.append((run_id, grace_ms))
        return True

    async def forget(self, run_ids: Iterable[str]) -> None:
        self.forgotten.extend(run_ids)


def end_of(run_id: str, *, exit_status: int | None = 0, cause: str = "") -> Ended:
    """The end of a run as a keeper tells it."""
    return Ended(
        run_id=run_id,
        pid=4711,
        started_ms=NOW_MS,
        ended_ms=NOW_MS + 50,
        duration_ms=50,
        exit_status=exit_status,
        signal=None,
        cause=cause,
        cpu_ms=1,
        peak_rss=1,
        leftovers=0,
    )


class Workshop:
    """Clock, database, roster, runner and scheduler, joined as the agent joins them."""

    def __init__(
        self,
        folder: Path,
        *,
        slots: int = 8,
        catchup_slots: int = 2,
        category_slots: Mapping[str, int] | None = None,
        boot_id: str = "first boot",
        now_ms: int = NOW_MS,
        clock: FakeClock | None = None,
    ) -> None:
        self.calendars: dict[str, Calendar] = {}
        self.zones: dict[str, object] = {}
        self.home = Home(folder / "home")
        self.home.make()
        self.clock = clock or FakeClock(now_ms)
        self.database = Database.open(fresh_file(folder / "agent.sqlite3"))
        self.shown: list[Shown] = []
        self.recorder = Recorder(self.database, self.clock, self.shown.append)
        self.roster = Roster(self.database)
        self.keepers = HandKeepers()
        self.outputs = Outputs(self.home, Redactor(()), limit_bytes=1_000_000)
        self.runner = Runner(
            clock=self.clock,
            recorder=self.recorder,
            roster=self.roster,
            keepers=self.keepers,  # type: ignore[arg-type] # the part of it that a runner uses
            outputs=self.outputs,
            order_for=self._order_for,
            closed_at=self.closed_at,
            slots=slots,
            catchup_slots=catchup_slots,
            category_slots=category_slots or {},
        )
        self.watching = Watching(
            clock=self.clock,
            home=self.home,
            database=self.database,
            recorder=self.recorder,
            roster=self.roster,
            runner=self.runner,
            decide=lambda: self.scheduler.decide(),
            mask=lambda text: text.replace("hunter2", "*******"),
        )
        self.orders = Orders(
            clock=self.clock, recorder=self.recorder, roster=self.roster, runner=self.runner
        )
        self.scheduler = Scheduler(
            clock=self.clock,
            timekeeper=Timekeeper(self.clock, zones=lambda: self.zones),
            recorder=self.recorder,
            roster=self.roster,
            runner=self.runner,
            watching=self.watching,
            boot_id=boot_id,
            closed_at=self.closed_at,
            changed=lambda _names: None,
        )

    def use(self, keepers: object) -> None:
        """Let other keepers than those moved by hand start the runs."""
        self.runner._keepers = keepers  # type: ignore[assignment] # the part a runner uses
        self.runner._alive._keepers = keepers  # type: ignore[assignment] # as above
        self.runner._leavings._keepers = keepers  # type: ignore[assignment] # as above

    def _order_for(self, _definition: Definition, run: Run) -> Order:
        return Order(
            run_id=run.id,
            argv=("true", run.task_name),
            environment={},
            working_directory="/",
            output_file="",
            timeout_ms=0,
            kill_grace_ms=0,
        )

    def closed_at(self, definition: Definition, at_ms: int) -> Closed | None:
        return closed_at(self.calendars, definition.calendars, at_ms)

    async def keep(self, calendar: Calendar) -> None:
        """A calendar that tasks may name."""
        await self.database.write(
            partial(calendars.put, calendar=calendar, who="test", now_ms=self.clock.now_ms())
        )
        self.calendars[calendar.name] = calendar

    async def register(self, *definitions: Definition) -> None:
        await self.database.write(
            partial(
                tasks.register,
                definitions=definitions,
                who="test",
                why="",
                now_ms=self.clock.now_ms(),
            )
        )
        await self.roster.load()

    async def begin(self, group: asyncio.TaskGroup, unfinished: Sequence[Run] = ()) -> None:
        """Ready to work, with these runs left by an earlier agent."""
        self.runner.work_in(group)
        await self.scheduler.begin(
            decided_until_ms=self.clock.now_ms(), highest_ms=0, boots=(), history={}
        )
        await self.watching.recover(run for run in unfinished if self.watching.takes(run))
        await self.runner.recover([run for run in unfinished if not self.watching.takes(run)], ())

    def rows(self, task_name: str | None = None) -> list[Run]:
        """Rows, oldest first."""
        wanted = ledger.RunFilter(task_name=task_name)
        page = self.database.read_now(partial(ledger.page, wanted=wanted, limit=1000))
        return list(reversed(page.runs))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Let others work until this holds."""
        async with asyncio.timeout(SETTLES_S):
            while not holds():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0)

    async def settle(self) -> None:
        """Let everything that was begun come to its rest."""
        await self.runner.settle(within_s=SETTLES_S)
