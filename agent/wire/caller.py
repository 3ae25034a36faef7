"""How the command line asks the agent: over the same door as everyone else."""

import secrets
import time
from types import TracebackType
from typing import Final, Self, TypeVar, overload

import zmq
from zmq.utils.monitor import recv_monitor_message

from agent.errors import AgentError, Refused
from agent.wire.keyfiles import pair_of
from shared.protocol.codec import decode_reply, encode_request, read_reply_header
from shared.protocol.errors import ErrorBody, ProtocolError
from shared.protocol.requests import BRIEF, AnyReply, Hello, HelloReply, Request

COMMAND_S: Final = 10.0
HELLO_TRIES_S: Final = (1.0, 2.0, 2.0)
LIFETIME_MS: Final = 10_000
NO_ROOM_S: Final = 0.1
ENOUGH_RETRIES: Final = 5
"""Nobody listens when so many tries in a row were turned away; some 0.5 s."""

Wanted = TypeVar("Wanted")


class Unreachable(AgentError):
    """Nobody answers, or not the one we know, or not to us."""

    code = "offline"


class TooFast(Refused):
    """Asked more often than the agent bears; nothing was done, later it will be."""

    def __init__(self, message: str, after_ms: int) -> None:
        self.after_ms = after_ms
        super().__init__("rate_limited", message)


class Caller:
    """One session with an agent, one question at a time; use it with `with`."""

    def __init__(self, address: str, server_key: str, secret: str, *, name: str = "cli") -> None:
        """Where (host:port), the agent's public key and our secret half, both Z85."""
        self._address = address
        self._name = name
        self._next_id = 0
        self._offset_ms = 0
        self._welcome: HelloReply | None = None
        self._context = zmq.Context()
        pair = pair_of(secret)
        socket = self._context.socket(zmq.DEALER)
        socket.linger = 0
        socket.immediate = True
        socket.ipv6 = True
        socket.handshake_ivl = 5_000
        socket.connect_timeout = 5_000
        socket.maxmsgsize = 4 << 20
        socket.curve_serverkey = server_key.encode("ascii")
        socket.curve_publickey = pair.public.encode("ascii")
        socket.curve_secretkey = pair.secret.encode("ascii")
        self._socket = socket
        self._monitor = socket.get_monitor_socket(
            zmq.EVENT_CONNECTED
            | zmq.EVENT_CONNECT_RETRIED
            | zmq.EVENT_HANDSHAKE_SUCCEEDED
            | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        )
        self._was_connected = False
        self._retries = 0
        self._failed_handshakes = 0
        socket.connect(f"tcp://{address}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=0)
        self._context.term()

    def hello(self) -> HelloReply:
        """Open the session; raises Unreachable in plain words, or Refused."""
        if self._welcome is not None:
            return self._welcome
        hello = Hello(client=self._name, inst=secrets.token_hex(16), caps=(BRIEF,))
        for wait_s in HELLO_TRIES_S:
            asked_ms = time.time_ns() // 1_000_000
            found = self._greet(hello, wait_s)
            if found is None:
                continue
            reply, _ = found
            if not isinstance(reply, HelloReply):
                raise Unreachable(f"the agent at {self._address} answered something else to hello")
            now_ms = time.time_ns() // 1_000_000
            self._offset_ms = reply.now_ms - (asked_ms + now_ms) // 2
            self._welcome = reply
            return reply
        raise self._unreachable()

    def _greet(self, hello: Hello, wait_s: float) -> tuple[AnyReply, bytes] | None:
        """Ask for a session; where many commands run at once, wait until one of them is done."""
        deadline = time.monotonic() + wait_s
        while True:
            try:
                return self._ask(hello, wait_s)
            except Refused as refusal:
                if refusal.code != "busy" or time.monotonic() + NO_ROOM_S > deadline:
                    raise
            time.sleep(NO_ROOM_S)

    @overload
    def call(self, request: Request, kind: type[Wanted], *, timeout_s: float = ...) -> Wanted: ...
    @overload
    def call(self, request: Request, kind: None = ..., *, timeout_s: float = ...) -> AnyReply: ...
    def call(
        self,
        request: Request,
        kind: type[Wanted] | None = None,
        *,
        timeout_s: float = COMMAND_S,
    ) -> Wanted | AnyReply:
        """The reply, checked to be of that kind; raises Refused with the wire code."""
        reply, _ = self.call_for_bytes(request, timeout_s=timeout_s)
        if kind is not None and not isinstance(reply, kind):
            raise Refused("internal", f"the agent answered {request.type} with something else")
        return reply

    def call_for_bytes(
        self, request: Request, *, timeout_s: float = COMMAND_S
    ) -> tuple[AnyReply, bytes]:
        """The reply and the bytes beside it."""
        self.hello()
        wait_s = timeout_s + getattr(request, "wait_ms", 0) / 1000
        deadline = time.monotonic() + wait_s
        while True:
            try:
                return self._ask_again(request, wait_s)
            except TooFast as refusal:
                # A person who types one command after the other should not have to know of rates.
                if time.monotonic() + refusal.after_ms / 1000 > deadline:
                    raise
                time.sleep(refusal.after_ms / 1000)

    def _ask_again(self, request: Request, wait_s: float) -> tuple[AnyReply, bytes]:
        """Ask, once more with a new hello when the connection is a new one."""
        try:
            found = self._ask(request, wait_s)
        except Refused as error:
            if error.code != "hello_required":
                raise
            # The line broke and came back: a new connection is a new session.
            self._welcome = None
            self.hello()
            found = self._ask(request, wait_s)
        if found is None:
            raise Unreachable(
                f"the agent at {self._address} did not answer {request.type} within "
                f"{wait_s:g} s; what it did is not known, look at `smartcron-agent status`"
            )
        return found

    def expires_ms(self, lifetime_ms: int = LIFETIME_MS) -> int:
        """Until when a command given now may be carried out, by the agent's clock."""
        self.hello()
        return time.time_ns() // 1_000_000 + self._offset_ms + lifetime_ms

    def _ask(self, request: Request, wait_s: float) -> tuple[AnyReply, bytes] | None:
        """Send and wait; None when nothing came in time."""
        self._next_id += 1
        deadline = time.monotonic() + wait_s
        if not self._send(encode_request(self._next_id, request), deadline):
            return None
        while (frames := self._receive(deadline)) is not None:
            try:
                header = read_reply_header(frames)
                if header.id != self._next_id:
                    continue  # the late answer to a question given up
                reply, extra = decode_reply(request.type, header, frames)
            except ProtocolError as error:
                raise Refused(error.code, f"the agent's answer: {error}") from error
            if isinstance(reply, ErrorBody):
                raise _refused(reply)
            return reply, extra
        return None

    def _send(self, frames: list[bytes], deadline: float) -> bool:
        # With IMMEDIATE the socket takes nothing while there is no connection.
        while self._wait_for(zmq.POLLOUT, deadline):
            try:
                self._socket.send_multipart(frames, flags=zmq.DONTWAIT)
            except zmq.Again:
                continue
            return True
        return False

    def _receive(self, deadline: float) -> list[bytes] | None:
        if not self._wait_for(zmq.POLLIN, deadline):
            return None
        return self._socket.recv_multipart(flags=zmq.DONTWAIT)

    def _wait_for(self, event: int, deadline: float) -> bool:
        poller = zmq.Poller()
        poller.register(self._socket, event)
        poller.register(self._monitor, zmq.POLLIN)
        while (left_s := deadline - time.monotonic()) > 0:
            ready = dict(poller.poll(int(left_s * 1000) + 1))
            if self._monitor in ready:
                self._note(recv_monitor_message(self._monitor)["event"])
            if self._socket in ready:
                return True
        return False

    def _note(self, event: int) -> None:
        if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            raise Unreachable(
                f"the agent at {self._address} does not admit this key (it was never enrolled, "
                "was revoked, or is an invite that was used or has expired); ask for a new invite"
            )
        if event == zmq.EVENT_CONNECTED:
            self._was_connected = True
        elif event == zmq.EVENT_CONNECT_RETRIED:
            self._retries += 1
            if self._retries >= ENOUGH_RETRIES and not self._was_connected:
                raise self._unreachable()
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._failed_handshakes = 0
        else:
            self._failed_handshakes += 1
            if self._failed_handshakes >= ENOUGH_RETRIES:
                raise self._unreachable()

    def _unreachable(self) -> Unreachable:
        if self._failed_handshakes:
            return Unreachable(
                f"what listens at {self._address} is not the agent we know, or no agent; "
                "if the agent was set up anew, a new invite is needed"
            )
        if self._was_connected:
            return Unreachable(f"the agent at {self._address} took the call and says nothing")
        return Unreachable(
            f"no agent answers at {self._address}; start it with `smartcron-agent serve`, "
            "or check listen and control_port in settings.toml"
        )


def _refused(body: ErrorBody) -> Refused:
    if body.code == "rate_limited":
        return TooFast(body.msg, body.after_ms or 1000)
    return Refused(body.code, body.msg)


def new_op() -> str:
    """A fresh id for one command, the same for all its repetitions."""
    return secrets.token_hex(16)
