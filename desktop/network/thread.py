"""The network thread: one poll loop over all sockets, woken by a byte."""

import contextlib
import itertools
import logging
import platform
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
import zmq

from desktop.keystore import ClientKey
from desktop.network.mailbox import Mailbox
from desktop.network.pending import Answer, Failure
from desktop.network.station import Place, Station
from desktop.network.tail import LogTail
from desktop.network.trial import Trial
from shared.protocol.link import Now
from shared.protocol.requests import Request

log = logging.getLogger(__name__)

STOP_WITHIN_S: Final = 2.0
MOST_SOCKETS: Final = 4096


class Handle(msgspec.Struct, frozen=True):
    """Names something asked for; what comes of it carries the same id."""

    id: int


class Party(Protocol):
    """Whatever has sockets in the loop: an agent's station, a test of a connection."""

    def sockets(self) -> "list[zmq.Socket[bytes]]": ...
    def drain(self) -> bool: ...
    def tick(self) -> None: ...
    def wait_ms(self) -> int: ...
    def close(self) -> None: ...


def system_now() -> Now:
    """Both clocks of this machine."""
    return Now(time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000)


class Network:
    """Everything public may be called from any thread and never waits, but for `stop`.

    What happens is put into the mailbox; `announce` is then called on the network thread.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        announce: Callable[[], None],
        *,
        now: Callable[[], Now] = system_now,
        client: str = "",
    ) -> None:
        self._mailbox = mailbox
        self._announce = announce
        self._now = now
        self._client = client or f"smartcron-desktop ({platform.system()})"
        self._handles = itertools.count(1)
        self._commands: deque[Callable[[], None]] = deque()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._is_stopping = False
        self._stations: dict[str, Station] = {}
        self._trials: dict[int, Trial] = {}
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context.max_sockets = MOST_SOCKETS
        self._thread = threading.Thread(target=self._run, name="network")

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> bool:
        """Close everything; False when the thread did not end within two seconds."""
        self._is_stopping = True
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(STOP_WITHIN_S)
            if self._thread.is_alive():
                return False
        self._wake_reader.close()
        self._wake_writer.close()
        self._context.term()
        return True

    # --- what can be asked ---------------------------------------------------------------------

    def open(self, place: Place, key: ClientKey) -> None:
        """Connect to an agent and stay connected; one that is open already is opened anew."""

        def work() -> None:
            self._close_station(place.agent_id)
            station = Station(
                self._context,
                place,
                key,
                self._mailbox,
                client=self._client,
                now=self._now,
                post=self._post,
            )
            self._stations[place.agent_id] = station
            station.open()

        self._post(work)

    def close(self, agent_id: str) -> None:
        """Leave an agent."""

        def work() -> None:
            self._close_station(agent_id)
            self._mailbox.forget_agent(agent_id)

        self._post(work)

    def ask(self, agent_id: str, request: Request) -> Handle:
        """Send a request; an `Answer` with the handle's id as owner will be in the mailbox.

        Of a command the network thread sets `expires_ms`, as it knows the agent's clock.
        """
        handle = self._next_handle()

        def work() -> None:
            station = self._stations.get(agent_id)
            if station is not None:
                station.ask(request, handle.id)
            else:
                failure = Failure(code="offline")
                answer = Answer(owner=handle.id, request=request, failure=failure)
                self._mailbox.put_report(answer)

        self._post(work)
        return handle

    def follow_log(self, agent_id: str, run_id: str) -> Handle:
        """Put the run's output into the mailbox, its last part first, until cancelled."""
        handle = self._next_handle()

        def work() -> None:
            station = self._stations.get(agent_id)
            if station is not None:
                station.follow(LogTail(handle.id, run_id))

        self._post(work)
        return handle

    def cancel(self, handle: int) -> None:
        """What was asked under this handle is not wanted any more."""

        def work() -> None:
            for station in self._stations.values():
                station.cancel(handle)
            trial = self._trials.pop(handle, None)
            if trial is not None:
                trial.close()

        self._post(work)

    def refresh(self, agent_id: str) -> None:
        """Ask an agent for everything anew."""
        self._post(lambda: self._with_station(agent_id, Station.refresh))

    def try_now(self, agent_id: str) -> None:
        """Do not wait for the next try to reach an agent."""
        self._post(lambda: self._with_station(agent_id, Station.try_now))

    def test(self, link: str, key: ClientKey, *, label: str) -> Handle:
        """Try a link for real, enrolling `key` if it is an invite; steps come by mail."""
        handle = self._next_handle()

        def work() -> None:
            self._trials[handle.id] = Trial(
                self._context,
                handle.id,
                link,
                key,
                self._mailbox,
                label=label,
                client=self._client,
                now=self._now,
                post=self._post,
            )

        self._post(work)
        return handle

    # --- the loop ------------------------------------------------------------------------------

    def _next_handle(self) -> Handle:
        return Handle(next(self._handles))

    def _with_station(self, agent_id: str, act: Callable[[Station], None]) -> None:
        station = self._stations.get(agent_id)
        if station is not None:
            act(station)

    def _close_station(self, agent_id: str) -> None:
        station = self._stations.pop(agent_id, None)
        if station is not None:
            station.close()

    def _post(self, work: Callable[[], None]) -> None:
        self._commands.append(work)
        self._wake()

    def _wake(self) -> None:
        # A full pipe means that a byte is waiting already; a closed one, that nobody listens.
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_writer.send(b"\0")

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                self._turn()
        finally:
            for party in self._parties():
                party.close()

    def _parties(self) -> list[Party]:
        return [*self._stations.values(), *self._trials.values()]

    def _turn(self) -> None:
        has_more = False
        for party in self._parties():
            try:
                has_more = party.drain() or has_more
                party.tick()
            except Exception:
                # One agent's oddity must not end the links to all others.
                log.exception("the link to an agent failed")
        self._trials = {key: one for key, one in self._trials.items() if not one.is_over}
        now_ms = self._now().monotonic_ms
        if self._mailbox.should_announce(now_ms):
            self._announce()
        self._wait(0 if has_more else self._wait_ms(now_ms))
        self._obey()

    def _wait_ms(self, now_ms: int) -> int:
        waits = [party.wait_ms() for party in self._parties()]
        mail_ms = self._mailbox.wait_ms(now_ms)
        if mail_ms is not None:
            waits.append(mail_ms)
        return min(waits, default=1_000)

    def _wait(self, wait_ms: int) -> None:
        poller = zmq.Poller()
        poller.register(self._wake_reader.fileno(), zmq.POLLIN)
        for party in self._parties():
            for one in party.sockets():
                poller.register(one, zmq.POLLIN)
        poller.poll(wait_ms)
        with contextlib.suppress(BlockingIOError):
            while self._wake_reader.recv(4096):
                pass

    def _obey(self) -> None:
        # Only what is here now: a command may post another.
        for _ in range(len(self._commands)):
            work = self._commands.popleft()
            try:
                work()
            except Exception:
                log.exception("a wish of the screen failed")
