"""Builds every part of the agent and lets them work until they are told to stop."""

import asyncio
import os
import platform
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import structlog

from agent import __version__
from agent.alerter import Alerter
from agent.blackouts import Blackouts
from agent.board import Backlog, Board
from agent.boot import boot_id
from agent.bridging import Bridging
from agent.clock import SystemClock
from agent.errors import AgentError, AlreadyServing, StorageError
from agent.handlers.context import Context, Identity
from agent.handlers.keys import load_clients
from agent.handlers.memory import Memory
from agent.handlers.reading import Reading
from agent.handlers.table import handlers
from agent.handmade import Handmade
from agent.health.watcher import Watcher
from agent.lock import only_agent
from agent.orders import Orders
from agent.progress import Progress
from agent.recorder import Recorder, Shown
from agent.roster import Roster
from agent.rules.downsampling import Keeping
from agent.runner import Runner
from agent.running.keeping import Keepers
from agent.running.keptlogs import DAY_S
from agent.running.output import Outputs, upkeep_of
from agent.running.patterns import own_patterns
from agent.running.redaction import Redactor
from agent.running.secrets import load_secrets
from agent.running.spawn import prepare_order
from agent.sampling import Sampler
from agent.scheduler import TASK_INVALID, Scheduler
from agent.settings import Home, Settings
from agent.store import alerts, events, ledger, state, tasks
from agent.store.checks import Check
from agent.store.database import Database, database_url
from agent.store.journal import Journal as LocalJournal
from agent.store.outage import Outage
from agent.store.ready import open_ready
from agent.store.reserve import Reserve
from agent.store.state import HOLDER_LIVES_MS, Heartbeat, Holder
from agent.timekeeper import Timekeeper
from agent.watching import Watching
from agent.wire.clients import Client, Clients
from agent.wire.control import Control
from agent.wire.http_pings import TOKEN, HttpPings
from agent.wire.keyfiles import AGENT_KEY, LOCAL_KEY, load_pair
from agent.wire.publisher import Publisher
from agent.wire.sockets import new_context
from agent.wire.zap import Zap
from agent.zonedata import signature
from shared.protocol import rows as wire
from shared.protocol.journal import Journal
from shared.protocol.keys import Address, key_id
from shared.protocol.requests import AgentInfo

if TYPE_CHECKING:
    from agent.courier import Courier

log = structlog.get_logger(__name__)

BEAT_MS = 15_000
SETTLE_S = 2.0
LET_GO_S = 1.0


async def serve(home: Home, settings: Settings) -> None:
    """Be the agent of this home until SIGTERM or SIGINT; living runs stay with their keeper."""
    home.check()
    home.make()  # a folder that somebody removed is no reason to stay down
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with only_agent(home) as say_ready:
        async with _core(home, settings) as core:
            await _serve(core, stop, say_ready)


async def tick_once(home: Home, settings: Settings) -> None:
    """One pass without a daemon: decide what is due, wait for its runs, leave."""
    home.check()
    home.make()
    with only_agent(home) as say_ready:
        say_ready()
        async with _core(home, settings) as core, asyncio.TaskGroup() as group:
            await _begin(core, group)
            courier = _courier(core)
            await core.scheduler.decide()
            await core.watching.look()
            await core.beat()
            await core.runner.wait_idle()
            await core.alerter.work_off()
            if courier is not None:
                await courier.work_off()
            core.runner.close()
            await core.keepers.close()


@dataclass(frozen=True, slots=True)
class _Core:
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
    started_ms: int
    agent_id: str

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
async def _core(home: Home, settings: Settings) -> AsyncIterator[_Core]:
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
        )
        core = _Core(
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


async def _begin(core: _Core, group: asyncio.TaskGroup) -> None:
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


async def _serve(core: _Core, stop: asyncio.Event, say_ready: Callable[[], None]) -> None:
    settings, clock = core.settings, core.clock
    agent_key = load_pair(core.home.keys / AGENT_KEY)
    local_key = load_pair(core.home.keys / LOCAL_KEY)
    clients = Clients(
        clock.now_ms,
        local=[
            Client(
                key_id=key_id(local_key.public),
                public=local_key.public,
                label="command line",
                role="admin",
                loopback_only=True,
            )
        ],
    )
    clients.replace(await load_clients(core.database, clock.now_ms()))
    identity = _identity(settings, agent_key.public)
    agent_row = _agent_row(core, identity.agent)
    core.journal.put(agent_row)
    context = new_context()
    zap = Zap(context, clients, now_ms=clock.now_ms, log=structlog.get_logger("zap"))

    def show_checks(found: tuple[Check, ...]) -> None:
        core.board.show_checks(found)
        core.alerter.note_checks(found)

    watcher = Watcher(
        clock=clock,
        home=core.home,
        database=core.database,
        recorder=core.recorder,
        lag_ms=lambda: core.scheduler.lag_ms,
        running=lambda: core.runner.running,
        show=show_checks,
        clock_state=core.scheduler.clock_happening,
        kept=lambda: core.outage.untold.number,
        keeping=_keeping(settings),
    )
    bridging = Bridging(
        clock=clock,
        outage=core.outage,
        recorder=core.recorder,
        reserve=core.reserve,
        show=lambda standing: core.journal.put(
            msgspec.structs.replace(
                agent_row,
                database_away_since_ms=standing.since_ms,
                kept_writes=core.outage.untold.number,
            )
        ),
        renew=lambda: renew_alerts(),
    )
    sampler = Sampler(clock=clock, recorder=core.recorder, living=core.runner.living)
    publisher = Publisher(
        context,
        secret=agent_key.secret,
        clients=clients,
        journal=core.journal,
        summary=core.board.summary,
        sample=watcher.sample,
        clock=clock,
        log=structlog.get_logger("publisher"),
    )

    async def renew_alerts() -> None:
        await core.board.renew_alerts()
        await core.alerter.renew()

    async def renew() -> None:
        clients.replace(await load_clients(core.database, clock.now_ms()))
        await core.blackouts.load()
        await core.scheduler.reload()
        await renew_alerts()

    handmade = Handmade(clock=clock, database=core.database, recorder=core.recorder, reload=renew)

    async def reload() -> tuple[str, ...]:
        await handmade.look()
        await renew()
        return ()

    memory = Memory(
        core.database, clock, core.home.root, redactor=core.redactor, outage=core.outage
    )
    await memory.settle()
    control = Control(
        context,
        secret=agent_key.secret,
        clients=clients,
        handlers=handlers(
            Context(
                identity=identity,
                clock=clock,
                database=core.database,
                journal=core.journal,
                clients=clients,
                orders=Orders(
                    clock=clock, recorder=core.recorder, roster=core.roster, runner=core.runner
                ),
                flags=core.recorder,
                plans=core.scheduler,
                pings=core.watching,
                logs=Reading(core.database, core.outputs),
                reload=reload,
                hurry=publisher.hurry,
            )
        ),
        ops=memory,
        audit=memory.audit,
        clock=clock,
        log=structlog.get_logger("control"),
    )
    http_pings = None
    if settings.http_address is not None:
        http_pings = HttpPings(
            core.watching.ping,
            token=load_secrets(core.home.secrets_file).get(TOKEN),
            clock=clock,
            log=structlog.get_logger("http"),
        )
    try:
        zap.open()
        # Bound before any run is taken over: a port in use must stop the start, not a run.
        control.open(settings.listen, settings.control_port)
        publisher.open(settings.listen, settings.events_port)
        if http_pings is not None and settings.http_address is not None:
            await http_pings.open(*settings.http_address)
        async with asyncio.TaskGroup() as group:
            doors = [group.create_task(zap.run(), name="zap")]
            await _begin(core, group)
            works = [
                group.create_task(core.board.run(), name="board"),
                group.create_task(
                    core.progress.run(is_watched=lambda: control.sessions > 0), name="progress"
                ),
                group.create_task(core.scheduler.run(), name="scheduler"),
                group.create_task(core.watching.run(), name="watches"),
                group.create_task(watcher.run(), name="health"),
                group.create_task(sampler.run(), name="samples"),
                group.create_task(bridging.run(), name="bridging"),
                group.create_task(core.alerter.run(), name="alerts"),
                group.create_task(handmade.run(), name="changes by hand"),
                group.create_task(_beat_often(core, stop), name="beat"),
            ]
            works += _mailing(core, group)
            doors += [
                group.create_task(control.run(), name="control"),
                group.create_task(publisher.run(), name="publisher"),
            ]
            if http_pings is not None:
                await http_pings.begin()
            asyncio.get_running_loop().add_signal_handler(
                signal.SIGHUP, lambda: group.create_task(_reloaded(reload), name="reload")
            )
            say_ready()
            log.info(
                "serving",
                name=settings.agent_name,
                tasks=len(core.roster),
                control=f"{settings.listen}:{settings.control_port}",
                events=f"{settings.listen}:{settings.events_port}",
                pid=os.getpid(),
            )
            await stop.wait()
            await _leave(core, control, publisher, works)
            for door in doors:
                door.cancel()
    finally:
        if http_pings is not None:
            http_pings.close()
        control.close()
        publisher.close()
        zap.close()
        context.destroy(linger=0)


def _courier(core: _Core) -> "Courier | None":
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
    )
    core.listeners.append(courier.note)
    return courier


def _mailing(core: _Core, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
    courier = _courier(core)
    return [] if courier is None else [group.create_task(courier.run(), name="mail")]


async def _leave(
    core: _Core, control: Control, publisher: Publisher, works: list[asyncio.Task[None]]
) -> None:
    """Take no more work, say so, write what is known, leave living runs to their keeper."""
    core.runner.close()
    for work in works:
        work.cancel()
    control.stop()
    publisher.say_stopping()
    await core.runner.settle(within_s=SETTLE_S)
    await core.keepers.close()
    core.runner.give_up()
    log.info("stopped; living runs stay with their keeper", runs=core.runner.running)


async def _beat_often(core: _Core, stop: asyncio.Event) -> None:
    while True:
        try:
            await core.beat()
        except AlreadyServing as error:
            # It took over while this one, or its host, stood still: two would undo each other.
            log.error("stopping: another agent has taken the database", cause=str(error))
            stop.set()
            return
        except AgentError as error:
            log.error("heartbeat not recorded", cause=str(error))
        await core.clock.sleep_ms(BEAT_MS)


async def _reloaded(reload: Callable[[], Awaitable[tuple[str, ...]]]) -> None:
    try:
        await reload()
    except AgentError as error:
        log.error("definitions not taken over", cause=str(error))


def _identity(settings: Settings, agent_key: str) -> Identity:
    return Identity(
        agent=AgentInfo(
            id=key_id(agent_key),
            name=settings.agent_name,
            version=__version__,
            host=socket.gethostname(),
            tz=settings.timezone,
            environment=settings.environment,
        ),
        agent_key=agent_key,
        address=Address(settings.listen, settings.control_port),
        events_port=settings.events_port,
        logs_for_viewers=settings.logs_for_viewers,
        max_running=settings.max_running,
        keeping=_keeping(settings),
    )


def _keeping(settings: Settings) -> Keeping:
    return Keeping(
        raw_days=settings.metric_raw_days,
        minute_days=settings.metric_minute_days,
        hour_days=settings.metric_hour_days,
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


def _agent_row(core: _Core, info: AgentInfo) -> wire.Agent:
    return wire.Agent(
        id=info.id,
        name=info.name,
        host=info.host,
        os=f"{platform.system()} {platform.release()}",
        version=info.version,
        tz=info.tz,
        started_ms=core.started_ms,
        environment=info.environment,
        max_running=core.settings.max_running,
    )
