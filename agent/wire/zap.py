"""May this key open a connection? (ZeroMQ's own question, RFC 27)"""

import asyncio
from collections.abc import Callable
from typing import Final

import zmq
import zmq.asyncio
from zmq.utils import z85

from agent.log import Log
from agent.wire.clients import Clients
from agent.wire.limits import LineLimit
from agent.wire.sockets import send_now

ENDPOINT: Final = "inproc://zeromq.zap.01"
DOMAINS: Final = ("control", "events")
_RETRY_S: Final = 0.1


class Zap:
    """Answers every handshake: 200, 400 or 500; never 300, never silence.

    A silent handler would leave strangers hanging, a dead one would lock everybody out.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        clients: Clients,
        *,
        now_ms: Callable[[], int],
        log: Log,
    ) -> None:
        self._context = context
        self._clients = clients
        self._now_ms = now_ms
        self._log = log
        self._lines = LineLimit()
        self._socket: zmq.asyncio.Socket | None = None
        self.refusals = 0
        self.failures = 0

    def open(self) -> None:
        """Be there; must be called before any other socket binds."""
        socket = self._context.socket(zmq.REP)
        socket.linger = 0
        socket.bind(ENDPOINT)
        self._socket = socket

    def close(self) -> None:
        """Be gone; nobody new is admitted from now on."""
        if self._socket is not None:
            self._socket.close(linger=0)
            self._socket = None

    async def run(self) -> None:
        """Answer until cancelled."""
        while (socket := self._socket) is not None:
            try:
                frames = await socket.recv_multipart()
                send_now(socket, self.answer(frames))
            except zmq.ZMQError as error:
                self.failures += 1
                self._log.error("handshake socket failed, making a new one", error=str(error))
                await self._reopen()

    async def _reopen(self) -> None:
        # A REP socket out of step never recovers: only a fresh one does.
        self.close()
        while self._socket is None:
            await asyncio.sleep(_RETRY_S)
            try:
                self.open()
            except zmq.ZMQError as error:
                self._log.error("handshake socket cannot be made yet", error=str(error))

    def answer(self, frames: list[bytes]) -> list[bytes]:
        """The reply frames to these request frames, whatever they are."""
        request_id = frames[1] if len(frames) > 1 else b""
        try:
            status, text, user_id = self._decide(frames)
        except Exception as error:  # noqa: BLE001 - this edge must answer, whatever happens
            self.failures += 1
            self._log.exception("handshake could not be judged", error=type(error).__name__)
            status, text, user_id = b"500", b"internal error", b""
        return [b"1.0", request_id, status, text, user_id, b""]

    def _decide(self, frames: list[bytes]) -> tuple[bytes, bytes, bytes]:
        if len(frames) != 7 or frames[0] != b"1.0":
            return self._refuse("", "not a CURVE handshake")
        domain = frames[2].decode("utf-8", "replace")
        address = frames[3].decode("utf-8", "replace")
        mechanism, credentials = frames[5], frames[6]
        if mechanism != b"CURVE" or len(credentials) != 32 or domain not in DOMAINS:
            return self._refuse(address, "not a CURVE handshake")
        public = z85.encode(credentials).decode("ascii")
        refusal = self._clients.refusal(public, domain=domain, address=address)
        if refusal is not None:
            return self._refuse(address, refusal)
        self._clients.note_admitted(public, address)
        return b"200", b"OK", public.encode("ascii")

    def _refuse(self, address: str, reason: str) -> tuple[bytes, bytes, bytes]:
        self.refusals += 1
        if self._lines.allows(address, self._now_ms()):
            self._log.warning("connection refused", address=address, reason=reason)
        # The peer learns only that it may not come in, not why.
        return b"400", b"not admitted", b""
