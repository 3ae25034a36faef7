"""What decides, runs and records is built and begun here; it needs no socket."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from agent import __version__
from agent.alerter import Alerter
from agent.blackouts import Blackouts
from agent.board import Backlog, Board
from agent.boot import boot_id
from agent.clock import SystemClock
from agent.errors import AlreadyServing, StorageError
from agent.progress import Progress
from agent.recorder import Recorder, Shown
from agent.roster import Roster
from agent.runner import Runner
from agent.running.keeping import Keepers
from agent.running.keptlogs import DAY_S
from agent.running.output import Outputs, upkeep_of
from agent.running.patterns import own_patterns
from agent.running.redaction import Redactor
from agent.running.secrets import load_secrets
from agent.running.spawn import prepare_order
from agent.scheduler import TASK_INVALID, Scheduler
from agent.settings import Home, Settings
from agent.store import alerts, events, ledger, state, tasks
from agent.store.database import Database, database_url
from agent.store.journal import Journal as LocalJournal
from agent.store.outage import Outage
from agent.store.ready import open_ready
from agent.store.reserve import Reserve
from agent.store.state import HOLDER_LIVES_MS, Heartbeat, Holder
from agent.timekeeper import Timekeeper
from agent.watching import Watching
from agent.wire.keyfiles import AGENT_KEY, load_pair
from agent.zonedata import signature
from shared.protocol.journal import Journal
from shared.protocol.keys import key_id

if TYPE_CHECKING:
    from agent.courier import Courier

log = structlog.get_logger(__name__)

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

    def wake(self) -> None:
        """Another process may have changed what somebody here sleeps over."""
        for wake in self.wakers:
            wake()

    async def hold(self) -> None:
        """Work on this database alone; raises AlreadyServing when another agent does.

        The lock of a home keeps a second agent out of that home; a database may be named by two.
        """
        now_ms = self.clock.now_ms()
        other = await self.recorder.hold(self._holder(now_ms))
        if other is not None:
            raise AlreadyServing(
                f"agent {other.agent_id} on host {other.host!r} works on this database, "
                f"and said so {abs(now_ms - other.at_ms) // 1000} s ago; stop that one, give this "
                f"one another database_url, or wait for {HOLDER_LIVES_MS // 60_000} min after "
                "its end if it was killed"
            )

    async def let_go(self) -> None:
        """Leave the database to whichever agent comes next."""
        try:
            async with asyncio.timeout(LET_GO_S):
                await self.recorder.let_go(self._holder(self.clock.now_ms()))
        except (StorageError, TimeoutError) as error:
            log.error("the database is not let go", cause=str(error))

    def _holder(self, now_ms: int) -> Holder:
        return Holder(agent_id=self.agent_id, host=socket.gethostname(), at_ms=now_ms)

    async def beat(self) -> None:
        """Tell the database that this agent lives; raises AlreadyServing as `hold` does."""
        await self.hold()
        await self.recorder.beat(
            Heartbeat(
                at_ms=self.clock.now_ms(),
                pid=os.getpid(),
                started_ms=self.started_ms,
                version=__version__,
                running=self.runner.running,
                lag_ms=self.scheduler.lag_ms,
            )
        )


@asynccontextmanager
async def open_core(home: Home, settings: Settings) -> AsyncIterator[Core]:
    clock = SystemClock()
    known_secrets = load_secrets(home.secrets_file)
    own = await asyncio.to_thread(own_patterns, settings.redact)
    redactor = Redactor(known_secrets.values(), own)
    reserve = Reserve(home.reserve_file)
    local = await asyncio.to_thread(LocalJournal.open, home.journal_file, now_ms=clock.now_ms())
    agent_id = key_id(load_pair(home.keys / AGENT_KEY).public)
    database = await asyncio.to_thread(
        open_ready, database_url(settings, home), folder=home.backups, agent_id=agent_id
    )
    try:
        outage = Outage(database, local, clock=clock, reserve=reserve)
        await _tell_what_was_kept(outage)
        roster = Roster(database)
        await roster.load()
        blackouts = Blackouts(database)
        await blackouts.load()
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
        keepers = Keepers(home.runtime, on_ended=lambda ended: runner.on_ended(ended))
        outputs = Outputs(
            home,
            redactor,
            limit_bytes=settings.output_limit_mb * 1_000_000,
            upkeep=upkeep_of(settings),
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
        )
        try:
            await core.hold()
        except StorageError as error:
            # Nothing is decided either while it refuses; the first beat asks again.
            log.error("the database refuses; going on", cause=str(error))
        try:
            yield core
        finally:
            await core.let_go()
    finally:
        await asyncio.to_thread(database.close)
        await asyncio.to_thread(local.close)


async def begin(core: Core, group: asyncio.TaskGroup) -> None:
    """Account for the runs of an earlier life, then be ready to start new ones."""
    core.runner.work_in(group)
    decided_until_ms = await core.database.read(state.decided_until)
    history = await core.database.read(
        partial(
            tasks.history, until_ms=core.started_ms, changed_after_ms=(decided_until_ms or 0) - 1
        )
    )
    await core.scheduler.begin(
        decided_until_ms=decided_until_ms or 0,
        highest_ms=await core.database.read(state.highest),
        boots=await core.database.read(events.boots),
        history=history,
        told=[
            alert.task_name
            for alert in await core.database.read(alerts.open_alerts)
            if alert.kind == TASK_INVALID and alert.task_name
        ],
    )
    standing = await core.keepers.open()
    unfinished = await core.database.read(ledger.unfinished)
    await core.board.fill()
    await core.alerter.renew()
    await core.watching.recover(run for run in unfinished if core.watching.takes(run))
    await core.runner.recover([run for run in unfinished if not core.watching.takes(run)], standing)
    known = {run.id for run in unfinished} | {found.run_id for found in standing}
    yesterday_s = core.started_ms / 1000 - DAY_S
    group.create_task(
        asyncio.to_thread(core.outputs.sweep, known, before_s=yesterday_s), name="sweep spool"
    )
    if unfinished:
        log.info("runs of an earlier agent taken over", count=len(unfinished))


def courier_of(core: Core) -> "Courier | None":
    """Whoever tells people that watch no screen; what that needs is in memory only then."""
    mail = core.settings.mail
    if not mail.is_on:
        return None
    from agent.courier import Courier

    courier = Courier(
        clock=core.clock,
        database=core.database,
        recorder=core.recorder,
        mail=mail,
        password=load_secrets(core.home.secrets_file).get(mail.password_secret),
        agent=core.settings.agent_name,
        mask=lambda text: core.redactor.mask(text.encode(), is_end=True).decode(errors="replace"),
        is_away=lambda: not core.outage.is_over,
        is_muted=core.alerter.is_muted,
    )
    core.listeners.append(courier.note)
    core.wakers.append(courier.wake)
    return courier


async def _tell_what_was_kept(outage: Outage) -> None:
    """What an earlier agent kept comes first: what is read from now on has it."""
    if outage.untold.number:
        log.warning("telling the database what was kept", writes=outage.untold.number)
        await outage.try_again()
    if not outage.is_over:
        raise StorageError(
            f"the database does not take what an earlier agent kept for it "
            f"({outage.standing.cause}); start again when it does, nothing of it is lost"
        )


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
