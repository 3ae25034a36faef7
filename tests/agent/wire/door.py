"""An agent's two doors on loopback with real keys, sockets and SQLite; the rest is small."""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import zmq
import zmq.asyncio

from agent.clock import SystemClock
from agent.definitions import Definition
from agent.errors import Conflict, RunNotFound, TaskNotFound
from agent.handlers.context import CAPABILITIES, Context, Identity, LogFound, LogRange, nobody_told
from agent.handlers.keys import load_clients
from agent.handlers.memory import Memory
from agent.handlers.rows import alert_row, run_row, task_row
from agent.handlers.table import handlers
from agent.handlers.trials import Trials
from agent.log import log_of
from agent.recorder import Recorder, Shown
from agent.rules.pinging import Ping
from agent.running.redaction import Redactor
from agent.runs import Run
from agent.store import clients as stored_clients
from agent.store import tasks as stored_tasks
from agent.store.database import Database
from agent.store.tasks import TaskRow
from agent.telling import Posting, Tried
from agent.ulid import new_ulid
from agent.wire.clients import Client, Clients
from agent.wire.control import Control
from agent.wire.gate import Gate
from agent.wire.keyfiles import KeyPair, new_pair
from agent.wire.limits import MOST_CONNECTIONS
from agent.wire.publisher import Publisher
from agent.wire.zap import Zap
from shared.protocol.codec import (
    Event,
    decode_event,
    decode_reply,
    encode_request,
    read_reply_header,
)
from shared.protocol.errors import ErrorBody
from shared.protocol.events import Metric, Summary
from shared.protocol.health import HealthReply
from shared.protocol.journal import Journal
from shared.protocol.keys import Address, key_id
from shared.protocol.requests import (
    AgentInfo,
    AnyReply,
    Hello,
    HelloReply,
    LogHit,
    LogSearch,
    Request,
)
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import a_run

CLOCK = SystemClock()
NOBODY_TOLD = Posting()
Kind = TypeVar("Kind")


class Runs:
    """A runner that starts nothing: it only remembers what was ordered."""

    def __init__(self, recorder: Recorder, names: set[str]) -> None:
        self._recorder = recorder
        self._names = names
        self.live: dict[str, Run] = {}
        self.if_running = ""
        self.orders = 0
        self.hastened: list[str] = []
        self.delay: asyncio.Event | None = None
        self.failure: Exception | None = None

    async def start_now(
        self,
        task_name: str,
        *,
        who: str,
        reason: str | None,
        op: str | None = None,
        if_running: str = "error",
    ) -> Run:
        self.if_running = if_running
        if task_name not in self._names:
            raise TaskNotFound(task_name)
        if any(run.task_name == task_name for run in self.live.values()):
            raise Conflict(f"{task_name} is running already")
        self.orders += 1
        if self.delay is not None:
            await self.delay.wait()
        if self.failure is not None:
            raise self.failure
        now_ms = CLOCK.now_ms()
        run = await self._recorder.order(
            a_run(
                now_ms, task_name=task_name, trigger="manual", requested_by=who, note=reason, op=op
            )
        )
        self.live[run.id] = run
        return run

    async def backfill(
        self,
        task_name: str,
        moments_ms: Sequence[int],
        *,
        who: str,
        reason: str | None,
        op: str | None = None,
    ) -> tuple[Run, ...]:
        if task_name not in self._names:
            raise TaskNotFound(task_name)
        now_ms = CLOCK.now_ms()
        return await self._recorder.backfill(
            [
                a_run(
                    at_ms,
                    id=new_ulid(now_ms),
                    task_name=task_name,
                    attempt=2,
                    trigger="manual",
                    queued_ms=now_ms,
                    requested_by=who,
                    note=reason,
                    op=op,
                )
                for at_ms in moments_ms
            ]
        )

    def hasten(self, run_id: str) -> None:
        self.hastened.append(run_id)

    async def abort(self, run_id: str, *, who: str, grace_ms: int | None = None) -> str:
        run = self.live.pop(run_id, None)
        if run is None:
            raise RunNotFound(run_id)
        await self._recorder.ended(
            msgspec.structs.replace(run, status="aborted", ended_ms=CLOCK.now_ms())
        )
        return "ended"


class Pings:
    """Remembers who pinged; each ping gets a run of its own."""

    def __init__(self) -> None:
        self.told: list[Ping] = []

    async def ping(self, ping: Ping) -> Run:
        self.told.append(ping)
        return a_run(
            ping.at_ms,
            task_name=ping.task_name,
            trigger="ping",
            status="running" if ping.what == "start" else "success",
        )

    async def abort(self, run_id: str, *, who: str) -> str:
        raise RunNotFound(run_id)


class Outputs:
    """The output of runs, in memory."""

    def __init__(self) -> None:
        self.written: dict[str, bytes] = {}
        self.ended: set[str] = set()
        self.looks = 0

    async def read(self, run_id: str, offset: int, limit: int) -> LogRange:
        self.looks += 1
        if run_id not in self.written:
            raise RunNotFound(run_id)
        data = self.written[run_id]
        return LogRange(
            data=data[offset : offset + limit],
            offset=offset,
            first=0,
            size=len(data),
            has_ended=run_id in self.ended,
        )

    async def search(self, wanted: LogSearch, place: str | None) -> LogFound:
        lines = [
            LogHit(task_id="sync", run_id=run_id, line=line)
            for run_id, data in sorted(self.written.items())
            for line in data.decode().splitlines()
            if wanted.pattern in line
        ]
        first = int(place or 0)
        shown = lines[first : first + wanted.limit]
        is_more = first + len(shown) < len(lines)
        return LogFound(hits=tuple(shown), next=str(first + len(shown)) if is_more else None)


class Plans:
    """A scheduler that only remembers which tasks it was told of."""

    boots: tuple[int, ...] = ()

    def __init__(self) -> None:
        self.told: list[str] = []

    async def take(self, rows: Iterable[TaskRow], gone: Iterable[str] = ()) -> None:
        self.told += [*(row.task_name for row in rows), *gone]


ANSWER_S = 60
_SHOWN_BYTES = 200


class Guest:
    """One client connection; asks and waits for the answer to exactly that."""

    def __init__(self, door: "Door", pair: KeyPair, server_key: str | None = None) -> None:
        self.pair = pair
        self._ids = itertools.count(1)
        self._context = zmq.asyncio.Context()
        self._door = door
        self._server_key = server_key or door.pair.public
        self._sockets: list[zmq.asyncio.Socket] = []
        self.socket = self._connect()

    def _connect(self) -> zmq.asyncio.Socket:
        socket = self.secured(zmq.DEALER)
        socket.connect(f"tcp://127.0.0.1:{self._door.control_port}")
        return socket

    def secured(self, kind: int) -> zmq.asyncio.Socket:
        socket = self._context.socket(kind)
        self._sockets.append(socket)
        socket.linger = 0
        socket.curve_serverkey = self._server_key.encode()
        socket.curve_publickey = self.pair.public.encode()
        socket.curve_secretkey = self.pair.secret.encode()
        return socket

    def reconnect(self) -> None:
        """A new connection, as after a broken line."""
        self.socket.close()
        self.socket = self._connect()

    def subscribe(self) -> zmq.asyncio.Socket:
        socket = self.secured(zmq.SUB)
        socket.subscribe(b"")
        socket.connect(f"tcp://127.0.0.1:{self._door.events_port}")
        return socket

    async def send(self, request: Request) -> int:
        number = next(self._ids)
        await self.socket.send_multipart(encode_request(number, request))
        return number

    async def answer(
        self, number: int, request: Request, within_s: float = ANSWER_S
    ) -> tuple[AnyReply | ErrorBody, bytes]:
        """The answer to this one; without one TimeoutError, which tells what came instead."""
        others: list[str] = []
        try:
            async with asyncio.timeout(within_s):
                while True:
                    frames = await self.socket.recv_multipart()
                    header = read_reply_header(frames)
                    if header.id == number:
                        return decode_reply(request.type, header, frames)
                    others.append(f"{header.status} for {header.id}: {frames[1][:_SHOWN_BYTES]!r}")
        except TimeoutError:
            came = "; ".join(others) or "nothing"
            raise TimeoutError(
                f"no answer to {number}, {request.type}, within {within_s:g} s; there came {came}"
            ) from None

    async def ask(self, request: Request, within_s: float = ANSWER_S) -> AnyReply | ErrorBody:
        """The answer, yes or no; TimeoutError when there is none."""
        async with asyncio.timeout(within_s):
            number = await self.send(request)
        reply, _ = await self.answer(number, request, within_s)
        return reply

    async def get(self, request: Request, kind: type[Kind]) -> Kind:
        """The answer, which must be of this kind."""
        reply = await self.ask(request)
        assert isinstance(reply, kind), reply
        return reply

    async def refusal(self, request: Request) -> str:
        """The code of a refusal, which it must be."""
        reply = await self.ask(request)
        assert isinstance(reply, ErrorBody), reply
        return reply.code

    async def hello(self, **more: Any) -> HelloReply:
        return await self.get(Hello(client="test", inst=secrets.token_hex(16), **more), HelloReply)

    def close(self) -> None:
        for socket in self._sockets:
            socket.close(linger=0)
        self._context.term()


class Door:
    """Everything of an agent that a client can notice."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pair = new_pair()
        self.context = zmq.asyncio.Context()
        self.log = log_of("test")
        self.database = Database.open(fresh_file(folder / "test.sqlite3"))
        self.journal = Journal(secrets.token_hex(8))
        self.clients = Clients(CLOCK.now_ms)
        self.recorder = Recorder(self.database, CLOCK, self._show)
        self.tasks = {
            name: Definition(
                task_name=name,
                schedule=("*/30 * * * *",),
                command="echo hidden-command",
                environment={"TOKEN": "hidden-value"},
            )
            for name in ("backup", "report")
        }
        self.runs = Runs(self.recorder, set(self.tasks))
        self.outputs = Outputs()
        self.plans = Plans()
        self.pings = Pings()
        self.control_port = self.events_port = 0
        self.guests: list[Guest] = []
        self.logs_for_viewers = True
        self.posting = NOBODY_TOLD
        self.edits = False
        self.most_open = MOST_CONNECTIONS
        self.renewed = 0
        self.trials = Trials()
        self.tried: Tried | None = None
        self.tries: list[tuple[str, str]] = []
        self.known: Sequence[TaskRow] | None = None

    def _show(self, shown: Shown) -> None:
        for alert in shown.alerts:
            self.journal.put(alert_row(alert))
        for run in shown.runs:
            self.journal.put(run_row(run))
        for task in self.database.read_now(stored_tasks.load_all):
            if task.task_name in shown.tasks:
                self.journal.put(task_row(task, now_ms=CLOCK.now_ms()))

    def build(self, *, control_port: int = 0, events_port: int = 0) -> None:
        """Zap first, then the two doors."""
        self.zap = Zap(self.context, self.clients, now_ms=CLOCK.now_ms, log=self.log)
        self.zap.open()
        self.gate = Gate(self.context, most_open=self.most_open, now_ms=CLOCK.now_ms, log=self.log)
        self.publisher = Publisher(
            self.context,
            secret=self.pair.secret,
            gate=self.gate,
            clients=self.clients,
            journal=self.journal,
            summary=Summary,
            sample=self._sample,
            clock=CLOCK,
            log=self.log,
        )
        self.events_port = self.publisher.open("127.0.0.1", events_port)
        self.identity = Identity(
            agent=AgentInfo(
                id=key_id(self.pair.public), name="test", version="1", host="here", tz="UTC"
            ),
            agent_key=self.pair.public,
            address=Address("127.0.0.1", 7460),
            events_port=self.events_port,
            logs_for_viewers=self.logs_for_viewers,
            told=("admin@example.org",),
            posting=self.posting,
            capabilities=(*CAPABILITIES, "edit") if self.edits else CAPABILITIES,
        )
        memory = Memory(self.database, CLOCK, self.folder, redactor=Redactor())
        self.control = Control(
            self.context,
            secret=self.pair.secret,
            gate=self.gate,
            clients=self.clients,
            handlers=handlers(
                Context(
                    identity=self.identity,
                    clock=CLOCK,
                    database=self.database,
                    journal=self.journal,
                    clients=self.clients,
                    orders=self.runs,
                    flags=self.recorder,
                    editor=self.recorder,
                    plans=self.plans,
                    pings=self.pings,
                    logs=self.outputs,
                    troubles=self.recorder,
                    health=self._health,
                    reload=self._reload,
                    hurry=self.publisher.hurry,
                    renew_alerts=self._renew_alerts,
                    try_way=self._try_way,
                    known=self._known,
                    trials=self.trials,
                )
            ),
            ops=memory,
            audit=memory.audit,
            clock=CLOCK,
            log=self.log,
        )
        self.control_port = self.control.open("127.0.0.1", control_port)
        self.gate.start()

    def _sample(self) -> Metric:
        return Metric(now_ms=CLOCK.now_ms())

    async def _health(self, *, with_words: bool) -> HealthReply:
        said = "✓ All health checks passed" if with_words else "✓ No words"
        return HealthReply(at_ms=CLOCK.now_ms(), lines=(said,))

    def _known(self) -> Iterable[TaskRow]:
        """What is in memory of an agent; here it is what is in the database, unless said."""
        return self.database.read_now(stored_tasks.load_all) if self.known is None else self.known

    async def _renew_alerts(self) -> None:
        self.renewed += 1

    async def _try_way(self, name: str, who: str) -> Tried:
        self.tries.append((name, who))
        return self.tried or await nobody_told(name, who)

    async def _reload(self) -> tuple[str, ...]:
        self.clients.replace(await load_clients(self.database, CLOCK.now_ms()))
        return ()

    async def enrolled(self, role: str, *, label: str = "") -> KeyPair:
        """A fresh key with this role."""
        pair = new_pair()
        await self.database.write(
            partial(
                stored_clients.add,
                client=stored_clients.Client(
                    key_id=key_id(pair.public),
                    public=pair.public,
                    label=label or role,
                    role=role,
                    created_ms=CLOCK.now_ms(),
                    created_by="test",
                ),
            )
        )
        await self._reload()
        return pair

    def guest(self, pair: KeyPair, server_key: str | None = None) -> Guest:
        """A client with this key, which has not said hello."""
        guest = Guest(self, pair, server_key)
        self.guests.append(guest)
        return guest

    async def welcome(self, role: str, *, label: str = "") -> Guest:
        """A client with a fresh key of this role and an open session."""
        guest = self.guest(await self.enrolled(role, label=label))
        await guest.hello()
        return guest

    def close(self) -> None:
        for guest in self.guests:
            guest.close()
        self.control.close()
        self.publisher.close()
        self.zap.close()
        self.gate.close()
        self.context.term()
        self.database.close()


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    logs_for_viewers: bool = True,
    posting: Posting = NOBODY_TOLD,
    most_open: int = MOST_CONNECTIONS,
    edits: bool = False,
) -> AsyncIterator[Door]:
    """A door that is open, for as long as it is needed."""
    door = Door(folder)
    door.most_open, door.edits = most_open, edits
    door.logs_for_viewers, door.posting = logs_for_viewers, posting
    await door.recorder.register(tuple(door.tasks.values()), who="test", why="test")
    door.build()
    work = [asyncio.create_task(part.run()) for part in (door.zap, door.control, door.publisher)]
    try:
        yield door
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        door.close()


async def until(holds: Callable[[], bool], within_s: float = 30) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - conditions of all kinds have no event
            await asyncio.sleep(0.01)


async def next_event(socket: zmq.asyncio.Socket, kind: type[Event], within_s: float = 30) -> Any:
    """The next event of this kind."""
    async with asyncio.timeout(within_s):
        while True:
            event = decode_event(await socket.recv_multipart())
            if isinstance(event, kind):
                return event


def client_row(role: str, pair: KeyPair, **more: Any) -> Client:
    """A row of the table of keys."""
    return Client(key_id=key_id(pair.public), public=pair.public, label=role, role=role, **more)
