"""What decides, runs and records is built and begun here; it needs no socket."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from agent import __version__
from agent.alerter import Alerter
from agent.blackouts import Blackouts
from agent.board import Backlog, Board
from agent.boot import boot_id
from agent.clock import SystemClock
from agent.errors import StorageError
from agent.handmade import Handmade
from agent.log import log_of
from agent.progress import Progress
from agent.recorder import Recorder, Shown
from agent.recovery import make_up
from agent.roster import Roster
from agent.runner import Runner
from agent.running.keeping import Keepers
from agent.running.output import Outputs, upkeep_of
from agent.running.patterns import own_patterns
from agent.running.redaction import Redactor, redactor_of
from agent.running.secrets import load_secrets
from agent.running.spawn import prepare_order
from agent.running.terms import Ended, Standing
from agent.scheduler import Scheduler
from agent.settings import Home, Settings
from agent.standby import Standby
from agent.store.database import Database, database_url
from agent.store.journal import Journal as LocalJournal
from agent.store.outage import Outage
from agent.store.reaching import Reached, reach
from agent.store.reserve import Reserve
from agent.store.state import Heartbeat, Holder, refuse_other
from agent.supervisor import own_unit
from agent.timekeeper import Timekeeper
from agent.watching import Watching
from agent.wire.keyfiles import AGENT_KEY, load_pair
from agent.zonedata import signature
from shared.protocol.journal import Journal
from shared.protocol.keys import key_id

log = log_of(__name__)

LET_GO_S = 1.0


@dataclass(frozen=True, slots=True)
class Core:
    """What decides, runs and records; it needs no socket."""

    home: Home
    settings: Settings
    clock: SystemClock
    database: Database
    outage: Outage
    reserve: Reserve
    recorder: Recorder
    roster: Roster
    blackouts: Blackouts
    keepers: Keepers
    redactor: Redactor
    outputs: Outputs
    runner: Runner
    watching: Watching
    scheduler: Scheduler
    board: Board
    progress: Progress
    journal: Journal
    alerter: Alerter
    listeners: list[Callable[[Shown], None]]
    wakers: list[Callable[[], None]]
    started_ms: int
    agent_id: str
    reached: Reached
    standby: Standby
    handmade: Handmade
    strangers: dict[str, Standing]
    """Runs that a keeper knows, and of which only a database that is away can say what they are."""

    def wake(self) -> None:
        """Another process may have changed what somebody here sleeps over."""
        for wake in self.wakers:
            wake()

    async def hold(self) -> None:
        """Work on this database alone; raises AlreadyServing when another agent does.

        The lock of a home keeps a second agent out of that home; a database may be named by two.
        """
        holder = self.holder()
        refuse_other(await self.recorder.hold(holder), now_ms=holder.at_ms)

    async def let_go(self) -> None:
        """Leave the database to whichever agent comes next."""
        try:
            async with asyncio.timeout(LET_GO_S):
                await self.recorder.let_go(self.holder())
        except (StorageError, TimeoutError) as error:
            log.error("the database is not let go", cause=str(error))

    def holder(self) -> Holder:
        """This agent, as it says of itself that it works on the database."""
        return Holder(agent_id=self.agent_id, host=socket.gethostname(), at_ms=self.clock.now_ms())

    async def unless_away(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do it now, unless the database is still to be met: then it is done when that is back."""
        if self.reached.known is None:
            await work()

    async def beat(self, *, serves: bool = True) -> None:
        """Tell the database that this agent lives; raises AlreadyServing as `hold` does."""
        holder = self.holder()
        other = await self.recorder.beat(
            Heartbeat(
                at_ms=holder.at_ms,
                pid=os.getpid(),
                started_ms=self.started_ms,
                version=__version__,
                running=self.runner.running,
                lag_ms=self.scheduler.lag_ms,
                unit=own_unit(),
                serves=serves,
            ),
            holder,
        )
        refuse_other(other, now_ms=holder.at_ms)


@asynccontextmanager
async def open_core(home: Home, settings: Settings) -> AsyncIterator[Core]:
    """Everything that decides and records on this home, closed again at the end."""
    clock = SystemClock()
    known_secrets = load_secrets(home.secrets_file)
    own = await asyncio.to_thread(own_patterns, settings.redact)
    redactor = redactor_of(known_secrets, own)
    reserve = Reserve(home.reserve_file)
    local = await asyncio.to_thread(LocalJournal.open, home.journal_file, now_ms=clock.now_ms())
    agent_id = key_id(load_pair(home.keys / AGENT_KEY).public)
    try:
        reached = await reach(
            database_url(settings, home),
            home=home,
            local=local,
            clock=clock,
            reserve=reserve,
            agent_id=agent_id,
            boot=boot_id(),
            make_up=make_up,
        )
    except BaseException:
        await asyncio.to_thread(local.close)
        raise
    database, outage, known = reached.database, reached.outage, reached.known
    strangers: dict[str, Standing] = {}
    try:
        roster, blackouts = Roster(database), Blackouts(database)
        if known is None:
            await roster.load()
            await blackouts.load()
        else:
            roster.put(known.tasks)
            blackouts.put(known.calendars)
        journal = Journal(secrets.token_hex(8))
        listeners: list[Callable[[Shown], None]] = []

        def show(shown: Shown) -> None:
            progress.note(shown)
            board.show(shown)
            alerter.note(shown)
            for listener in listeners:
                listener(shown)
            if shown.switched_off:
                scheduler.take_soon(shown.switched_off)

        recorder = Recorder(database, clock, show, outage)

        def note_end(ended: Ended) -> None:
            if ended.run_id in strangers:
                strangers[ended.run_id] = ended
            else:
                runner.on_ended(ended)

        keepers = Keepers(home.runtime, on_ended=note_end)
        outputs = Outputs(
            home,
            redactor,
            limit_bytes=settings.output_limit_mb * 1_000_000,
            upkeep=upkeep_of(settings),
            spares_at_most=settings.max_running,
        )
        progress = Progress(
            clock=clock,
            look=outputs.look,
            trim=lambda run: outputs.trim(run.id, limit_mb=_limit_mb(roster, run.task_name)),
            show=lambda shown: board.show(shown),
        )
        runner = Runner(
            clock=clock,
            recorder=recorder,
            roster=roster,
            keepers=keepers,
            outputs=outputs,
            order_for=partial(
                prepare_order,
                settings=settings,
                home=home,
                secrets=known_secrets,
                base_environment=dict(os.environ),
                spare_for=outputs.spares.hand_out,
            ),
            closed_at=blackouts.closed_at,
            slots=settings.max_running,
            catchup_slots=settings.catchup_parallel,
            category_slots=settings.category_limits,
        )
        watching = Watching(
            clock=clock,
            home=home,
            database=database,
            recorder=recorder,
            roster=roster,
            runner=runner,
            decide=lambda: scheduler.decide(),
            mask=lambda text: redactor.mask(text.encode()).decode(errors="replace"),
        )
        scheduler = Scheduler(
            clock=clock,
            timekeeper=Timekeeper(clock, zones=lambda: _zone_files(roster)),
            recorder=recorder,
            roster=roster,
            runner=runner,
            watching=watching,
            boot_id=boot_id(),
            closed_at=blackouts.closed_at,
            changed=lambda names: board.show_tasks(names),
        )
        handmade = Handmade(clock=clock, database=database, recorder=recorder, reload=roster.load)
        board = Board(
            clock=clock,
            database=database,
            journal=journal,
            roster=roster,
            next_ms=scheduler.next_ms,
            fault=scheduler.fault,
            first_due_ms=scheduler.first_due_ms,
            backlog=lambda: Backlog(
                runner.queue.in_background, scheduler.backlog, runner.queue.oldest_ms()
            ),
            shows_words=settings.logs_for_viewers,
        )
        alerter = Alerter(
            clock=clock,
            database=database,
            recorder=recorder,
            priority=lambda name: _priority(roster, name),
            durations_ms=board.durations_ms,
            waiting=lambda: (runner.queue.waiting, runner.queue.oldest_ms()),
            roster=roster,
        )
        standby = Standby(reached, clock=clock, roster=roster, live=lambda: board.live)
        listeners.append(standby.note)
        core = Core(
            home=home,
            settings=settings,
            clock=clock,
            database=database,
            outage=outage,
            reserve=reserve,
            recorder=recorder,
            roster=roster,
            blackouts=blackouts,
            keepers=keepers,
            redactor=redactor,
            outputs=outputs,
            runner=runner,
            watching=watching,
            scheduler=scheduler,
            board=board,
            progress=progress,
            journal=journal,
            alerter=alerter,
            listeners=listeners,
            wakers=[],
            started_ms=clock.now_ms(),
            agent_id=agent_id,
            reached=reached,
            standby=standby,
            handmade=handmade,
            strangers=strangers,
        )
        try:
            if known is None:
                await core.hold()
        except StorageError as error:
            # Nothing is decided either while it refuses; the first beat asks again.
            log.error("the database refuses; going on", cause=str(error))
        try:
            yield core
        finally:
            await keepers.close()  # also where it never began to serve
            await core.let_go()
    finally:
        await asyncio.to_thread(database.close)
        await asyncio.to_thread(local.close)


def _limit_mb(roster: Roster, task_name: str) -> int | None:
    """The task's own limit of what is kept of an output."""
    task = roster.get(task_name)
    return task.definition.output_limit_mb if task else None


def _priority(roster: Roster, task_name: str) -> int:
    task = roster.get(task_name)
    return task.definition.priority if task else 3


def _zone_files(roster: Roster) -> dict[str, object]:
    """What is known of the file of each zone that a task lies in."""
    found = signature(task.definition.timezone for task in roster.all())
    return {zone: file for zone, *file in found}
