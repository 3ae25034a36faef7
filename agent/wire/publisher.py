"""What changed, and that the agent lives: told to everyone who listens."""

import asyncio
from collections.abc import Callable
from typing import Final

import zmq
import zmq.asyncio

from agent.clock import Clock, common_second
from agent.log import Log
from agent.wire.clients import Client, Clients
from agent.wire.gate import Gate
from agent.wire.limits import MAX_TOPIC_BYTES
from agent.wire.sockets import bind, curve_server, rebind, send_now
from shared.protocol.codec import Event, encode_event
from shared.protocol.events import Heartbeat, Metric, Summary
from shared.protocol.journal import Journal

FLUSH_MS: Final = 100
HURRIED_MS: Final = 20
HEARTBEAT_MS: Final = 2_000
METRIC_MS: Final = 5_000
"""On average: they go with the beat that comes next."""
BOUNCE_MS: Final = 5_000
_BIND_AGAIN_S: Final = 1


class Publisher:
    """Owns the PUB socket: deltas of the journal, heartbeats and metrics."""

    def __init__(
        self,
        context: zmq.asyncio.Context,
        *,
        secret: str,
        gate: Gate,
        clients: Clients,
        journal: Journal,
        summary: Callable[[], Summary],
        sample: Callable[[], Metric],
        clock: Clock,
        log: Log,
    ) -> None:
        self._context = context
        self._secret = secret
        self._gate = gate
        self._journal = journal
        self._summary = summary
        self._sample = sample
        self._clock = clock
        self._log = log
        self._socket: zmq.asyncio.Socket | None = None
        self._place = ""
        self._began_ms = clock.monotonic_ms()
        self._beats = 0
        self._lag_ms = 0
        self._dirty = asyncio.Event()
        self._hurry = asyncio.Event()
        self._shut_out = asyncio.Event()
        self.mode = "normal"
        self.failures = 0
        clients.on_removed(self._key_removed)
        journal.on_change(self._dirty.set)
        if journal.revs != journal.published:
            self._dirty.set()

    def open(self, address: str, port: int) -> int:
        """Listen; ZAP must be up. Returns the port; raises CannotListen, and nothing is bound."""
        socket = curve_server(self._context, zmq.PUB, domain="events", secret=self._secret)
        socket.sndhwm = 200
        socket.maxmsgsize = MAX_TOPIC_BYTES
        self._gate.watch(socket)
        try:
            found = bind(socket, address, port, setting="events_port")
        except BaseException:
            socket.close(linger=0)
            raise
        self._socket = socket
        self._place = found.endpoint
        return found.port

    def close(self) -> None:
        """End all connections; `run` must be over or cancelled."""
        if self._socket is not None:
            self._socket.close(linger=0)
            self._socket = None

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._flush_often(), name="deltas")
            group.create_task(self._beat_often(), name="heartbeat")
            group.create_task(self._bounce_when_needed(), name="bounce")

    def hurry(self) -> None:
        """Show what changed soon: somebody clicked and waits for it."""
        self._hurry.set()

    def say_stopping(self) -> None:
        """A last heartbeat, so that nobody takes an ordered stop for a crash."""
        self.mode = "stopping"
        self.flush()
        self.beat()

    def flush(self) -> None:
        """Publish what changed since the last flush."""
        for delta in self._journal.flush(self._clock.now_ms()):
            self._publish(delta)

    def beat(self) -> None:
        """Publish one sign of life; `lag_ms` is the loop's worst delay since the one before."""
        self._beats += 1
        lag_ms, self._lag_ms = self._lag_ms, 0
        self._publish(
            Heartbeat(
                epoch=self._journal.epoch,
                n=self._beats,
                now_ms=self._clock.now_ms(),
                up_ms=self._clock.monotonic_ms() - self._began_ms,
                every_ms=HEARTBEAT_MS,
                revs=self._journal.published,
                sum=self._summary(),
                lag_ms=lag_ms,
                mode=self.mode,
            )
        )

    async def _flush_often(self) -> None:
        """At once when nothing was told for a while, else in bundles; nothing costs nothing."""
        flushed_ms = 0
        while True:
            await self._dirty.wait()
            wait_ms = flushed_ms + FLUSH_MS - self._clock.monotonic_ms()
            try:
                async with asyncio.timeout(max(wait_ms, HURRIED_MS) / 1000):
                    await self._hurry.wait()
                await asyncio.sleep(HURRIED_MS / 1000)
            except TimeoutError:
                pass  # nobody is in a hurry
            self._hurry.clear()
            self._dirty.clear()
            self._guarded(self.flush)
            flushed_ms = self._clock.monotonic_ms()

    async def _beat_often(self) -> None:
        """One timer for all that is told again and again: at rest each wake-up counts."""
        loop = asyncio.get_running_loop()
        due_s = sample_s = loop.time()
        while True:
            self._note_lag(due_s)
            self._guarded(self.beat)
            now_s = loop.time()
            if now_s >= sample_s:
                sample_s = max(sample_s + METRIC_MS / 1000, now_s)
                self._guarded(lambda: self._publish(self._sample()))
            # After a standstill one beat is enough; nobody needs those that were due meanwhile.
            due_s = common_second(now_s, HEARTBEAT_MS / 1000)
            between_s = due_s - HEARTBEAT_MS / 2000
            loop.call_at(between_s, self._note_lag, between_s)
            await asyncio.sleep(due_s - now_s)

    def _note_lag(self, due_s: float) -> None:
        """A loop that stands still between two beats is to be seen as well."""
        late_ms = round((asyncio.get_running_loop().time() - due_s) * 1000)
        self._lag_ms = max(self._lag_ms, late_ms)

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - the next beat must come in any case
            self.failures += 1
            self._log.exception("nothing published", error=type(error).__name__)

    def _publish(self, event: Event) -> None:
        if self._socket is not None:
            send_now(self._socket, encode_event(event))

    # --- shutting a key out ----------------------------------------------------------------------

    def _key_removed(self, removed: tuple[Client, ...]) -> None:
        # An invite never got in here.
        if not all(client.is_invite for client in removed):
            self._shut_out.set()

    async def _bounce_when_needed(self) -> None:
        """End all connections when a key was removed: a living one is never asked again (E3a)."""
        while True:
            await self._shut_out.wait()
            self._shut_out.clear()
            await self._bounce()
            await asyncio.sleep(BOUNCE_MS / 1000)

    async def _bounce(self) -> None:
        while self._socket is not None:
            try:
                await rebind(self._socket, self._place)
            except zmq.ZMQError as error:
                self.failures += 1
                self._log.error("events cannot be published yet", error=str(error))
                await asyncio.sleep(_BIND_AGAIN_S)
            else:
                return
