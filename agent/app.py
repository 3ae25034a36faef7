"""Builds every part of the agent and lets them work until they are told to stop."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from agent import descriptors, halting, supervisor
from agent.beginning import begin
from agent.bridging import Bridging
from agent.core import Core, open_core
from agent.errors import AgentError, AlreadyServing
from agent.handlers.context import Context, nobody_told
from agent.handlers.keys import admitted, load_clients
from agent.handlers.memory import Memory
from agent.handlers.reading import Reading
from agent.handlers.table import handlers
from agent.health.picture import Picture
from agent.health.watcher import Watcher
from agent.introducing import identity_of, keeping_of, row_of
from agent.lock import only_agent
from agent.log import log_of
from agent.mending import on_a_sound_file
from agent.needs import Needs
from agent.orders import Orders
from agent.outward import courier_of, lifesign_of, own_checks_of
from agent.returning import Returning
from agent.running.secrets import load_secrets
from agent.running.spawn import hindrance
from agent.sampling import Sampler
from agent.settings import Home, Settings
from agent.soundness import Soundness
from agent.store.checks import Check
from agent.tending import Tending
from agent.threads import AT_HAND, full_pool
from agent.warding import tell_if_open
from agent.wire.clients import Client, Clients
from agent.wire.control import Control
from agent.wire.gate import Gate
from agent.wire.http_pings import TOKEN, HttpPings
from agent.wire.keyfiles import AGENT_KEY, LOCAL_KEY, load_pair
from agent.wire.limits import connections_within
from agent.wire.publisher import Publisher
from agent.wire.sockets import new_context
from agent.wire.zap import Zap
from shared.protocol.keys import key_id

if TYPE_CHECKING:
    from agent.courier import Courier
    from agent.lifesign import Lifesign

log = log_of(__name__)

BEAT_MS = 15_000
SETTLE_S = 2.0
_Works = list[asyncio.Task[None]]


async def serve(home: Home, settings: Settings, *, unless_stopped: bool = False) -> None:
    """Be the agent of this home until SIGTERM or SIGINT; living runs stay with their keeper.

    One that a person has stopped is not begun by whoever looks after it: `unless_stopped`.
    """
    home.check()
    home.make()  # a folder that somebody removed is no reason to stay down
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(full_pool(AT_HAND, "at hand"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    with only_agent(home, begins=True) as say_ready:
        # Only now: who stops an agent writes that down first, and then looks whether one holds it.
        if unless_stopped and halting.standing(home) is not None:
            return
        halting.end(home)

        async def work() -> None:
            async with open_core(home, settings) as core:
                await _serve(core, stop, say_ready)

        await on_a_sound_file(work, home=home, settings=settings, is_over=stop.is_set)


async def _serve(core: Core, stop: asyncio.Event, say_ready: Callable[[], None]) -> None:
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
    clients.replace(await _admitted(core))
    identity = identity_of(settings, agent_key.public)
    agent_row = row_of(core, identity.agent)
    core.board.show_agent(agent_row)
    context = new_context()
    zap = Zap(context, clients, now_ms=clock.now_ms, log=log_of("zap"))
    gate = Gate(
        context,
        most_open=connections_within(descriptors.take_all()),
        now_ms=clock.now_ms,
        log=log_of("gate"),
    )

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
        keeping=keeping_of(settings),
        chosen=settings.health,
    )
    own_checks = own_checks_of(core)
    picture = Picture(
        clock=clock,
        database=core.database,
        looks=lambda: core.board.looks,
        own=lambda: own_checks.known,
    )
    bridging = Bridging(
        clock=clock,
        outage=core.outage,
        recorder=core.recorder,
        reserve=core.reserve,
        show=lambda standing: core.board.show_agent(
            msgspec.structs.replace(
                agent_row,
                database_away_since_ms=standing.since_ms,
                kept_writes=core.outage.untold.number,
            )
        ),
        renew=lambda: renew_alerts(),
        reload=lambda: renew(),
    )
    sampler = Sampler(clock=clock, recorder=core.recorder, living=core.runner.living)
    core.listeners.append(sampler.note)
    publisher = Publisher(
        context,
        secret=agent_key.secret,
        gate=gate,
        clients=clients,
        journal=core.journal,
        summary=core.board.summary,
        sample=watcher.sample,
        clock=clock,
        log=log_of("publisher"),
    )

    async def renew_alerts() -> None:
        await core.board.renew_alerts()
        await core.alerter.renew()

    async def renew() -> None:
        clients.replace(await load_clients(core.database, clock.now_ms()))
        await core.blackouts.load()
        await core.scheduler.reload()
        await own_checks.load()
        await renew_alerts()
        core.standby.hurry()
        core.wake()

    async def reload() -> tuple[str, ...]:
        await core.handmade.look()
        await renew()
        return ()

    memory = Memory(
        core.database,
        clock,
        core.home.root,
        redactor=core.redactor,
        outage=core.outage,
        audited=core.standby.hurry,
    )
    await core.unless_away(memory.settle)
    returning = Returning(core, renew, memory.settle)
    leave = asyncio.Event()
    soundness = Soundness(core.reached, clock=clock, recorder=core.recorder, leave=leave.set)
    courier = courier_of(core)
    control = Control(
        context,
        secret=agent_key.secret,
        gate=gate,
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
                editor=core.recorder,
                hindrance=partial(
                    hindrance,
                    settings=settings,
                    home=core.home,
                    secrets=load_secrets(core.home.secrets_file),
                    base_environment=dict(os.environ),
                ),
                plans=core.scheduler,
                pings=core.watching,
                logs=Reading(core.database, core.outputs),
                troubles=core.recorder,
                health=picture.take,
                reload=reload,
                hurry=publisher.hurry,
                renew_alerts=renew_alerts,
                try_way=nobody_told if courier is None else courier.try_way,
                known=core.roster.all,
            )
        ),
        ops=memory,
        audit=memory.audit,
        clock=clock,
        log=log_of("control"),
    )
    http_pings = None
    if settings.http_address is not None:
        http_pings = HttpPings(
            core.watching.ping,
            token=load_secrets(core.home.secrets_file).get(TOKEN),
            clock=clock,
            log=log_of("http"),
        )
    try:
        zap.open()
        # Bound before any run is taken over: a port in use must stop the start, not a run.
        control.open(settings.listen, settings.control_port)
        publisher.open(settings.listen, settings.events_port)
        gate.start()
        if http_pings is not None and settings.http_address is not None:
            await http_pings.open(*settings.http_address)
        async with asyncio.TaskGroup() as group:
            work = partial(Tending(clock=clock, recorder=core.recorder).begin, group)
            doors = [work("zap", zap.run)]
            await begin(core, group)
            # Not before: what earlier versions made due is settled by then.
            core.handmade.reload_by(renew)
            await own_checks.load(core.reached.known)
            watched = partial(core.progress.run, is_watched=lambda: control.sessions > 0)
            works = [
                work("board", core.board.run),
                work("progress", watched),
                work("scheduler", core.scheduler.run),
                work("watches", core.watching.run),
                work("health", watcher.run),
                work("own checks", own_checks.run),
                work("samples", sampler.run),
                work("bridging", bridging.run),
                work("alerts", core.alerter.run),
                work("changes by hand", core.handmade.run),
                work("beat", partial(_beat_often, core, stop)),
                work("standby", core.standby.run),
                work("warding", partial(tell_if_open, core.database, core.recorder, clock)),
                work("returning", partial(returning.run, stop.set)),
                work("soundness", soundness.run),
            ]
            works += [work(name, one.run) for name, one in _tellers(core, courier).items()]
            doors += [work("control", control.run), work("publisher", publisher.run)]
            if http_pings is not None:
                await http_pings.begin()
            asyncio.get_running_loop().add_signal_handler(
                signal.SIGHUP, lambda: group.create_task(_reloaded(reload), name="reload")
            )
            say_ready()
            supervisor.tell(supervisor.READY)
            await asyncio.to_thread(_remember, core)
            log.info(
                "serving",
                name=settings.agent_name,
                tasks=len(core.roster),
                control=f"{settings.listen}:{settings.control_port}",
                events=f"{settings.listen}:{settings.events_port}",
                pid=os.getpid(),
            )
            await _either(stop, leave)
            await _leave(core, control, publisher, works, is_over=stop.is_set())
            for door in doors:
                door.cancel()
        soundness.refuse(is_over=stop.is_set())
    finally:
        if http_pings is not None:
            http_pings.close()
        control.close()
        publisher.close()
        zap.close()
        gate.close()
        context.destroy(linger=0)


async def _admitted(core: Core) -> tuple[Client, ...]:
    known = core.reached.known
    if known is None:
        return await load_clients(core.database, core.clock.now_ms())
    return admitted(known.clients, known.invites)


def _tellers(core: Core, courier: "Courier | None") -> "dict[str, Courier | Lifesign | Needs]":
    all_of_them = {"mail": courier, "dead man": lifesign_of(core), "needs": Needs(core)}
    return {name: one for name, one in all_of_them.items() if one is not None}


async def _leave(
    core: Core, control: Control, publisher: Publisher, works: _Works, *, is_over: bool
) -> None:
    """Take no more work, say so, write what is known, leave living runs to their keeper."""
    if is_over:  # who leaves to mend the file comes back, and systemd is not to wait for its end
        supervisor.tell(supervisor.STOPPING)
    core.runner.close()
    for work in works:
        work.cancel()
    control.stop()
    publisher.say_stopping()
    await core.runner.settle(within_s=SETTLE_S)
    await core.keepers.close()
    core.runner.give_up()
    log.info("stopped; living runs stay with their keeper", runs=core.runner.running)


def _remember(core: Core) -> None:
    """Let those who look from outside know by which settings an agent began."""
    try:
        core.reached.copy.keep_settings(core.settings)
    except OSError as error:
        log.warning("the settings that hold are not put down", cause=str(error))


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in (one, other)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _beat_often(core: Core, stop: asyncio.Event) -> None:
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
        # Also then: a database that is away is no cause to be killed.
        supervisor.tell(supervisor.ALIVE)
        await core.clock.rest_ms(BEAT_MS)


async def _reloaded(reload: Callable[[], Awaitable[tuple[str, ...]]]) -> None:
    try:
        await reload()
    except (AgentError, OSError, RuntimeError) as error:
        log.error("definitions not taken over", cause=str(error))
