"""An agent for tests: the real wire on real sockets, with rows and output kept in memory."""

import asyncio
import secrets
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import TypeVar

import msgspec
import zmq.asyncio

from agent.clock import SystemClock
from agent.log import log_of
from agent.ulid import new_ulid
from agent.wire.auditing import AuditEntry
from agent.wire.clients import Client, Clients
from agent.wire.control import Answer, Control
from agent.wire.gate import Gate
from agent.wire.keyfiles import KeyPair, new_pair
from agent.wire.limits import MOST_CONNECTIONS
from agent.wire.operations import Done, StoredOp
from agent.wire.publisher import Publisher
from agent.wire.sessions import Who
from agent.wire.zap import Zap
from desktop.keystore import ClientKey
from desktop.network.station import Place
from shared.protocol.errors import ProtocolError
from shared.protocol.events import Metric, Summary
from shared.protocol.journal import Journal
from shared.protocol.keys import Address, Card, from_base32, key_id, write_link
from shared.protocol.requests import (
    AgentInfo,
    Enroll,
    EnrollReply,
    Hello,
    HelloReply,
    LogRead,
    LogReadReply,
    OpGet,
    OpReply,
    Ping,
    Pong,
    RunStart,
    RunStartReply,
    Skipped,
    StatsGet,
    StatsReply,
    Sync,
    TaskSet,
    TaskSetReply,
    TaskSkip,
    TaskSkipReply,
)
from shared.protocol.rows import Delta, Row, Task
from tests.ports import free_port

ValueT = TypeVar("ValueT")
HOST = "127.0.0.1"
WAIT_S = 60
"""Only what hangs takes longer."""


class Memory:
    """What outlives a restart of the agent: its key, its clients, its commands."""

    def __init__(self) -> None:
        self.pair = new_pair()
        self.clients: list[Client] = []
        self.ops: dict[str, StoredOp] = {}
        self.ports = (free_port(), free_port())

    @property
    def agent_id(self) -> str:
        return key_id(self.pair.public)

    def admit(self, public: str, role: str = "operator") -> None:
        self.clients.append(Client(key_id=key_id(public), public=public, label="Anna", role=role))

    def place(self, *, agent_key: str | None = None) -> Place:
        return Place(
            agent_id=self.agent_id,
            name="test agent",
            host=HOST,
            agent_key=agent_key or self.pair.public,
            control_port=self.ports[0],
        )

    def invite(self, role: str = "operator", *, expires_ms: int | None = None) -> str:
        """A link whose key the agent knows; start the agent afterwards."""
        pair = new_pair()
        self.clients.append(
            Client(
                key_id=key_id(pair.public),
                public=pair.public,
                label="Anna",
                role="invite",
                grants=role,
            )
        )
        return self.link(secret=pair.secret, expires_ms=expires_ms)

    def link(
        self,
        *,
        secret: str | None = None,
        agent_key: str | None = None,
        expires_ms: int | None = None,
        port: int | None = None,
    ) -> str:
        return write_link(
            Card(
                address=Address(HOST, port or self.ports[0]),
                agent_key=agent_key or self.pair.public,
                name="test agent",
                secret=secret,
                expires_ms=expires_ms,
            )
        )

    async def get(self, op: str) -> StoredOp | None:
        return self.ops.get(op)

    async def begin(self, stored: StoredOp) -> None:
        self.ops[stored.op] = stored

    async def finish(self, op: str, *, state: str, result: bytes, run_id: str | None) -> None:
        self.ops[op] = msgspec.structs.replace(
            self.ops[op], state=state, result=result, run_id=run_id
        )

    async def drop(self, op: str) -> None:
        del self.ops[op]


class MovableClock(SystemClock):
    """The system's clock, or one that is ahead of it."""

    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms

    def advance(self, ms: int) -> None:
        self.ahead_ms += ms


class AgentAtHand:
    """Runs until `stop`; everything public may be called from the test's thread."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.clock = MovableClock()
        self.started: list[str] = []
        self.skipped: list[tuple[str, int]] = []
        self.greetings = 0
        self.holds_greetings = False
        self.mutes_replies = False
        self.output = bytearray()
        self.output_ended = False
        self.audited: list[AuditEntry] = []
        self._grown: asyncio.Event
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="agent")
        self._thread.start()
        assert self._is_up.wait(WAIT_S), "the agent for the test did not start"

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    def answer_greetings(self) -> None:
        """Let go the answers to greetings that were held back, and hold back no more."""
        self.holds_greetings = False
        self._call(self._may_answer.set)

    def put(self, *rows: Row) -> None:
        """Change rows; they are published with the next flush."""

        def work() -> None:
            for row in rows:
                self.journal.put(row)

        self._call(work)

    def put_unheard(self, *rows: Row) -> None:
        """Change rows and lose the event on its way."""

        def work() -> None:
            for row in rows:
                self.journal.put(row)
            self.journal.flush(0)

        self._call(work)

    def remove(self, kind: str, row_id: str) -> None:
        self._call(lambda: self.journal.remove(kind, row_id))

    def write(self, data: bytes, *, ends: bool = False) -> None:
        """More output of the one run."""

        def work() -> None:
            self.output += data
            self.output_ended = ends
            self._grown.set()
            self._grown = asyncio.Event()

        self._call(work)

    def invite(self, role: str = "operator") -> str:
        """A link that lets one more key in, with the port this agent listens on."""
        link = self.memory.invite(role)
        self._call(lambda: self._clients.replace(self.memory.clients))
        return link

    def let_in(self, public: str) -> None:
        """Enrol a key while the agent runs."""
        self.memory.admit(public)
        self._call(lambda: self._clients.replace(self.memory.clients))

    def revoke(self, public: str) -> None:
        self._call(lambda: self._clients.remove(public))
        self.memory.clients = [one for one in self.memory.clients if one.public != public]

    def mute_events(self) -> None:
        """Close the events socket: control lives on."""
        self._call(self._publisher.close)

    def _call(self, work: Callable[[], ValueT]) -> ValueT:
        done: Future[ValueT] = Future()

        def act() -> None:
            try:
                done.set_result(work())
            except Exception as error:  # noqa: BLE001  # it is raised where it was asked for
                done.set_exception(error)

        self._loop.call_soon_threadsafe(act)
        return done.result(WAIT_S)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._may_answer = asyncio.Event()
        self._grown = asyncio.Event()
        clock, log, memory = self.clock, log_of(__name__), self.memory
        context = zmq.asyncio.Context()
        self.journal = Journal(secrets.token_hex(8))
        self._clients = Clients(clock.now_ms)
        self._clients.replace(memory.clients)
        pair: KeyPair = memory.pair
        zap = Zap(context, self._clients, now_ms=clock.now_ms, log=log)
        gate = Gate(context, most_open=MOST_CONNECTIONS, now_ms=clock.now_ms, log=log)
        control = Control(
            context,
            secret=pair.secret,
            gate=gate,
            clients=self._clients,
            handlers={
                "hello": self._hello,
                "ping": self._ping,
                "enroll": self._enroll,
                "sync": self._sync,
                "stats.get": self._stats,
                "run.start": self._start,
                "task.set": self._set,
                "task.skip": self._skip,
                "op.get": self._op,
                "log.read": self._log_read,
            },
            ops=memory,
            audit=self._audit,
            clock=clock,
            log=log,
        )
        self._publisher = Publisher(
            context,
            secret=pair.secret,
            gate=gate,
            clients=self._clients,
            journal=self.journal,
            summary=Summary,
            sample=self._sample,
            clock=clock,
            log=log,
        )
        zap.open()
        memory.ports = (
            control.open(HOST, memory.ports[0]),
            self._publisher.open(HOST, memory.ports[1]),
        )
        gate.start()
        tasks = [asyncio.ensure_future(one.run()) for one in (zap, control, self._publisher)]
        self._is_up.set()
        await self._stopped.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in (control, self._publisher, zap, gate):
            one.close()
        context.term()

    # --- handlers ------------------------------------------------------------------------------

    @property
    def _info(self) -> AgentInfo:
        return AgentInfo(
            id=self.memory.agent_id,
            name="test agent",
            version="0.1.0",
            host="testhost",
            tz="Pacific/Auckland",
            environment="demo",
        )

    async def _hello(self, who: Who, request: Hello) -> HelloReply:
        self.greetings += 1
        reply = HelloReply(
            proto=1,
            epoch=self.journal.epoch,
            role=who.role,
            key_id=who.key_id,
            label=who.label,
            agent=self._info,
            events_port=self.memory.ports[1],
            now_ms=self.clock.now_ms(),
            revs=self.journal.revs,
        )
        if self.holds_greetings:
            await self._may_answer.wait()
        return reply

    async def _ping(self, who: Who, request: Ping) -> Pong:
        return Pong(now_ms=self.clock.now_ms(), epoch=self.journal.epoch, revs=self.journal.revs)

    async def _enroll(self, who: Who, request: Enroll) -> EnrollReply:
        public = from_base32(request.pub)
        client = Client(
            key_id=key_id(public),
            public=public,
            label=request.label,
            role=who.grants or "viewer",
        )
        self.memory.clients = [one for one in self.memory.clients if one.public != who.public] + [
            client
        ]
        self._clients.put(client)
        # The reply must leave before the invite's session is shut.
        self._loop.call_later(0.05, self._clients.remove, who.public)
        return EnrollReply(key_id=client.key_id, role=client.role, agent=self._info)

    async def _sync(self, who: Who, request: Sync) -> Delta:
        return self.journal.sync(
            request.scope,
            since=request.since,
            epoch=request.epoch,
            cursor=request.cursor,
            limit=request.limit,
            now_ms=self.clock.now_ms(),
        )

    async def _stats(self, who: Who, request: StatsGet) -> StatsReply:
        return StatsReply(tasks=len(self.journal.rows("state")))

    async def _start(self, who: Who, request: RunStart) -> Done:
        run_id = new_ulid(self.clock.now_ms())
        self.started.append(request.task_id)
        if self.mutes_replies:
            # Done and recorded, but nobody hears of it.
            self.memory.ops[request.op] = msgspec.structs.replace(
                self.memory.ops[request.op], state="done", run_id=run_id
            )
            await asyncio.sleep(3600)
        return Done(RunStartReply(rev=self.journal.revs.state, run_id=run_id, state="queued"))

    async def _set(self, who: Who, request: TaskSet) -> Done:
        for row in self.journal.rows("state"):
            if isinstance(row, Task) and row.id in request.ids:
                self.journal.put(_changed(row, request))
        return Done(TaskSetReply(rev=self.journal.revs.state))

    async def _skip(self, who: Who, request: TaskSkip) -> Done:
        self.skipped.append((request.ids[0], request.count))
        known = self.journal.get("task", request.ids[0]) is not None
        code = "ok" if known and request.ids[0] != "never_due" else "conflict"
        found = Skipped(id=request.ids[0], code=code, msg="" if known else "nothing is due")
        return Done(TaskSkipReply(rev=self.journal.revs.state, results=(found,)))

    async def _op(self, who: Who, request: OpGet) -> OpReply:
        stored = self.memory.ops.get(request.op)
        if stored is None:
            raise ProtocolError("no such command", code="not_found")
        return OpReply(
            op=stored.op,
            type=stored.type,
            state=stored.state,
            at_ms=stored.at_ms,
            run_id=stored.run_id,
        )

    async def _log_read(self, who: Who, request: LogRead) -> Answer:
        size = len(self.output)
        offset = (
            request.offset if request.offset is not None else max(0, size - (request.tail or 0))
        )
        if offset >= size and not self.output_ended and request.wait_ms:
            await _within(self._grown.wait(), request.wait_ms / 1000)
        data = bytes(self.output[offset : offset + request.limit])
        size = len(self.output)
        reply = LogReadReply(
            offset=offset,
            next=offset + len(data),
            size=size,
            eof=self.output_ended and offset + len(data) >= size,
        )
        return Answer(reply, data)

    def _sample(self) -> Metric:
        return Metric(now_ms=self.clock.now_ms(), cpu=0.5)

    async def _audit(self, entry: AuditEntry) -> None:
        self.audited.append(entry)


@contextmanager
def hanging_up() -> Iterator[tuple[int, list[float]]]:
    """A port that takes each call and hangs up, and when it did."""
    calls: list[float] = []
    is_over = threading.Event()
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(0.1)

        def work() -> None:
            while not is_over.is_set():
                with suppress(TimeoutError):
                    caller, _ = listener.accept()
                    caller.close()
                    calls.append(time.monotonic())

        thread = threading.Thread(target=work, name="hanging up")
        thread.start()
        try:
            yield listener.getsockname()[1], calls
        finally:
            is_over.set()
            thread.join()


def client_key() -> ClientKey:
    """A fresh key as a desktop holds it."""
    pair = new_pair()
    return ClientKey(pair.public, pair.secret)


def _changed(row: Task, request: TaskSet) -> Task:
    if request.enabled is not None:
        row = msgspec.structs.replace(row, enabled=request.enabled)
    if request.paused is not None:
        row = msgspec.structs.replace(
            row,
            paused=request.paused,
            paused_until_ms=request.until_ms,
            pause_reason=request.reason,
        )
    return row


async def _within(waiting: Awaitable[object], seconds: float) -> None:
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        return
