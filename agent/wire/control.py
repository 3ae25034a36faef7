"""What was asked, and by whom: the door for requests."""

import asyncio
import errno
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec
import zmq
import zmq.asyncio

from agent.clock import Clock
from agent.errors import AgentError
from agent.log import Log
from agent.wire.auditing import AuditEntry, Auditor, entry_for
from agent.wire.clients import Client, Clients
from agent.wire.filters import plain
from agent.wire.gate import Cut, Gate
from agent.wire.limits import (
    MAX_FRAMES,
    MAX_IN_FLIGHT,
    MAX_PARKED,
    MAX_PARKED_PER_SESSION,
    MAX_REPLY_BYTES,
    MAX_SESSIONS_PER_KEY,
    MOST_UNENDED_BYTES,
    MUTE_MS,
    KeyLimits,
)
from agent.wire.operations import Done, Operations, Ops
from agent.wire.sessions import Session, Sessions, Who, who
from agent.wire.sockets import bind, curve_server, send_now
from shared.protocol import roles
from shared.protocol.codec import (
    WORTH_PACKING_BYTES,
    RequestHeader,
    decode_request,
    encode_error,
    encode_reply,
    read_request_header,
)
from shared.protocol.errors import RETRY, BadFrame, Forbidden, ProtocolError, TooLarge, UnknownType
from shared.protocol.requests import (
    BRIEF,
    COMMANDS,
    AnyReply,
    Command,
    Enroll,
    Hello,
    Request,
)
from shared.protocol.rows import Delta

MESSAGES_A_TURN: Final = 50
SWEEP_S: Final = 10
MAX_REFUSALS_PENDING: Final = 1000
# A refusal that says "later" must say when.
AFTER_MS: Final = 1000
# So much later than it came the gate may hear of a connection.
HEARD_LATE_MS: Final = 1000


class Answer(msgspec.Struct, frozen=True):
    """A reply with raw bytes beside it."""

    reply: AnyReply
    extra: bytes


class Speaker(msgspec.Struct, frozen=True):
    """Whose message came last over a descriptor; by now that may be somebody else's."""

    public: str
    address: str
    heard_ms: int


Handler: TypeAlias = Callable[[Who, Any], Awaitable[AnyReply | Answer | Done]]
"""Answers one type of request: a reply, one with bytes, or (a command) what was done."""


class Control:
    """Takes requests, judges them cheapest check first, and answers each exactly once."""

    def __init__(
        self,
        context: zmq.asyncio.Context,
        *,
        secret: str,
        gate: Gate,
        clients: Clients,
        handlers: Mapping[str, Handler],
        ops: Ops,
        audit: Callable[[AuditEntry], Awaitable[None]],
        clock: Clock,
        log: Log,
    ) -> None:
        self._context = context
        self._secret = secret
        self._gate = gate
        self._clients = clients
        self._handlers = handlers
        self._operations = Operations(ops, clock.now_ms)
        self._auditor = Auditor(audit, log)
        self._clock = clock
        self._log = log
        self._sessions = Sessions()
        self._socket: zmq.asyncio.Socket | None = None
        self._group: asyncio.TaskGroup | None = None
        self._refusals_pending = 0
        self._speakers: dict[int, Speaker] = {}  # by descriptor
        self._stopping = False
        self.failures = 0
        clients.on_removed(self._revoke)
        gate.on_cut(self._shut_out)

    @property
    def sessions(self) -> int:
        """How many clients are connected and have said hello."""
        return len(self._sessions)

    # --- opening and closing ---------------------------------------------------------------------

    def open(self, address: str, port: int) -> int:
        """Listen; ZAP must be up. Returns the port; raises CannotListen, and nothing is bound."""
        socket = curve_server(self._context, zmq.ROUTER, domain="control", secret=self._secret)
        socket.router_mandatory = True
        socket.sndhwm = 32
        socket.rcvhwm = 64
        self._gate.watch(socket)
        try:
            found = bind(socket, address, port, setting="control_port")
        except BaseException:
            socket.close(linger=0)
            raise
        self._socket = socket
        return found.port

    def stop(self) -> None:
        """From now on everything is answered `stopping`, also what is held back."""
        self._stopping = True
        for session in self._sessions:
            session.ended_by = "stopping"
            for task in tuple(session.parked):
                task.cancel()

    def close(self) -> None:
        """End all connections; `run` must be over or cancelled."""
        if self._socket is not None:
            self._socket.close(linger=0)
            self._socket = None

    async def run(self) -> None:
        """Take and answer requests until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._sweep(), name="sessions")
            while self._socket is not None:
                for _ in range(MESSAGES_A_TURN):
                    await self._receive_one(self._socket)
                # A ready message never yields by itself: the scheduler must have its turn.
                await asyncio.sleep(0)

    async def _receive_one(self, socket: zmq.asyncio.Socket) -> None:
        try:
            frames = await socket.recv_multipart(copy=False)
            self._take(frames)
        except zmq.ZMQError as error:
            self.failures += 1
            self._log.error("request socket failed", error=str(error))
            await asyncio.sleep(0.1)
        except Exception as error:  # noqa: BLE001 - no message may end the loop
            self.failures += 1
            self._log.exception("request could not be judged", error=type(error).__name__)

    async def _sweep(self) -> None:
        while True:
            await self._clock.rest_ms(SWEEP_S * 1000)
            for session in self._sessions.silent(self._clock.monotonic_ms()):
                self._lose(session, "silent")

    # --- judging ---------------------------------------------------------------------------------

    def _take(self, frames: list[zmq.Frame]) -> None:
        """Judge one message without waiting; what passes is served by a task of its own."""
        routing_id = frames[0].bytes
        public = _metadata(frames[0], "User-Id")
        address = _metadata(frames[0], "Peer-Address")
        self._note_taken(frames[0], public, address)
        now_ms = self._clock.monotonic_ms()
        limits = self._sessions.limits(public, now_ms)
        if now_ms < limits.muted_until_ms:
            return
        if len(frames) > 1 + MAX_FRAMES:
            self._mute(public, address, f"a message of {len(frames) - 1} parts")
            return
        parts = [frame.bytes for frame in frames[1:]]
        try:
            header = read_request_header(parts)
        except ProtocolError as error:
            self._refuse_frame(routing_id, public, parts, limits, error)
            return
        client = self._clients.get(public)
        if client is None:
            refusal = ProtocolError("this key is not admitted any more", code="revoked")
            self._send(routing_id, encode_error(header.id, refusal))
            return
        asker = who(client, address)
        try:
            request, session = self._judge(routing_id, client, header, parts[1], limits)
        except ProtocolError as error:
            self._send(routing_id, encode_error(header.id, _timed(error)))
            self._audit_refusal(asker, header.type, error)
            return
        self._serve_in_task(routing_id, asker, header, request, session)

    def _judge(
        self,
        routing_id: bytes,
        client: Client,
        header: RequestHeader,
        body: bytes,
        limits: KeyLimits,
    ) -> tuple[Request, Session | None]:
        now_ms = self._clock.monotonic_ms()
        session = self._sessions.get(routing_id, client.public)
        if session is not None:
            session.seen_ms = now_ms
        if header.type != Hello.type and session is None:
            raise ProtocolError("say hello first", code="hello_required")
        if header.type not in self._handlers:
            raise UnknownType(f"there is no request {header.type!r}")
        if not roles.may(client.role, header.type):
            needed = roles.needs(header.type)
            raise Forbidden(
                f"{header.type} needs the role {needed}, this key is {client.role}",
                detail={"needs": needed},
            )
        if self._stopping:
            raise ProtocolError("the agent is stopping", code="stopping")
        bucket = limits.commands if header.type in COMMANDS else limits.reads
        if not bucket.take(1, now_ms):
            raise ProtocolError(
                "too many requests", code="rate_limited", after_ms=bucket.wait_ms(1, now_ms)
            )
        if not limits.bytes.take(0, now_ms):
            raise ProtocolError(
                "too many bytes", code="rate_limited", after_ms=limits.bytes.wait_ms(0, now_ms)
            )
        request = decode_request(header.type, body)
        if session is not None:
            self._check_load(session, request)
        elif not self._sessions.room_for(routing_id, client.public, now_ms):
            raise _no_room()
        return request, session

    def _check_load(self, session: Session, request: Request) -> None:
        if _may_wait(request):
            if len(session.parked) >= MAX_PARKED_PER_SESSION or self._sessions.parked >= MAX_PARKED:
                raise ProtocolError("too many reads are held back already", code="busy")
        elif session.in_flight >= MAX_IN_FLIGHT:
            raise ProtocolError("too many requests are unanswered already", code="busy")

    def _refuse_frame(
        self,
        routing_id: bytes,
        public: str,
        parts: list[bytes],
        limits: KeyLimits,
        error: ProtocolError,
    ) -> None:
        self._send(routing_id, encode_error(_guess_id(parts), error))
        if not isinstance(error, BadFrame):
            return
        if not limits.bad_frames.take(1, self._clock.monotonic_ms()):
            self._mute(public, "", "it keeps sending unreadable frames")

    def _note_taken(self, frame: zmq.Frame, public: str, address: str) -> None:
        fd = _descriptor(frame)
        if fd is not None:
            self._gate.took(fd)
            self._speakers[fd] = Speaker(public, plain(address), self._clock.now_ms())

    def _shut_out(self, cut: Cut) -> None:
        """A message would not end, and its connection was ended: its key is to stay out a while."""
        what = f"a message that had no end after {cut.received} bytes"
        public = self._key_of(cut)
        if public is None:  # a stranger, or one of several: to end it is all that can be done
            self._log.warning("connection ended", address=cut.address, reason=what)
        else:
            self._mute(public, cut.address, what)

    def _key_of(self, cut: Cut) -> str | None:
        """Whose connection it was, if that is certain: nobody is muted for what a stranger did."""
        speaker = self._speakers.pop(cut.fd, None)
        if (
            speaker is not None
            and speaker.heard_ms >= cut.since_ms
            and speaker.address == cut.address
        ):
            return speaker.public
        # So much is taken only of those who were let in: a handshake is far shorter.
        if cut.received <= MOST_UNENDED_BYTES:
            return None
        admitted = self._clients.admitted_from(cut.address, cut.since_ms - HEARD_LATE_MS)
        silent = admitted - {one.public for one in self._speakers.values()}
        return next(iter(silent)) if len(silent) == 1 else None

    def _mute(self, public: str, address: str, reason: str) -> None:
        """Hear nothing of this key for a while."""
        now_ms = self._clock.monotonic_ms()
        self._sessions.limits(public, now_ms).muted_until_ms = now_ms + MUTE_MS
        self._clients.mute(public, self._clock.now_ms() + MUTE_MS)
        self._log.warning("key muted", public=public, address=address, reason=reason)
        client = self._clients.get(public)
        sessions = [session for session in self._sessions if session.public == public]
        for session in sessions:
            self._lose(session, "bad_frame")
        if client is not None and not sessions:
            self._note_end(client, address, "bad_frame")
        for fd in [fd for fd, its in self._speakers.items() if its.public == public]:
            self._gate.hang_up(fd, heard_ms=self._speakers.pop(fd).heard_ms)

    # --- serving ---------------------------------------------------------------------------------

    def _serve_in_task(
        self,
        routing_id: bytes,
        asker: Who,
        header: RequestHeader,
        request: Request,
        session: Session | None,
    ) -> None:
        if self._group is None:
            raise RuntimeError("requests are served only while run() runs")
        work = self._serve(routing_id, asker, header, request, session)
        task = self._group.create_task(work, name=header.type)
        if session is None:
            return
        if _may_wait(request):
            session.parked.add(task)
            task.add_done_callback(session.parked.discard)
            return
        session.in_flight += 1
        task.add_done_callback(lambda _: _landed(session))

    async def _serve(
        self,
        routing_id: bytes,
        asker: Who,
        header: RequestHeader,
        request: Request,
        session: Session | None,
    ) -> None:
        """Answer one request; whatever goes wrong becomes its answer."""
        started_ms = self._clock.monotonic_ms()
        code, reply = "ok", None
        try:
            answer = await self._answer(asker, request)
            reply = answer.reply
            if isinstance(request, Hello):
                session = self._open_session(routing_id, asker, request)
            frames = await self._encoded(header.id, answer, packs=bool(session and session.packs))
            self._sessions.limits(asker.public, started_ms).bytes.spend(
                sum(map(len, frames)), self._clock.monotonic_ms()
            )
        except asyncio.CancelledError:
            if session is None or session.ended_by is None:
                raise
            # Only a held back read is ever cancelled, and its asker must be told why.
            code = session.ended_by
            refusal = ProtocolError("the wait was ended by the agent", code=code)
            self._send(routing_id, encode_error(header.id, _timed(refusal)))
            return
        except ProtocolError as error:
            code, frames = error.code, encode_error(header.id, _timed(error))
        except Exception:  # noqa: BLE001 - this edge must answer, whatever happens
            code, frames = "internal", encode_error(header.id, self._internal(header.type, asker))
        entry = entry_for(
            asker,
            header.type,
            request,
            code=code,
            at_ms=self._clock.now_ms(),
            dur_ms=self._clock.monotonic_ms() - started_ms,
            reply=reply,
        )
        if isinstance(request, Command):
            await self._auditor.record(entry)
            self._send(routing_id, frames)
            return
        # Nobody waits at the door for a slow database.
        self._send(routing_id, frames)
        if isinstance(request, (Hello, Enroll)):
            await self._auditor.record(entry)

    async def _answer(self, asker: Who, request: Request) -> Answer:
        handler = self._handlers[request.type]
        if isinstance(request, Command):
            return Answer(
                await self._operations.once(asker, request, lambda: _done(handler, asker, request)),
                b"",
            )
        found = await _said_plainly(handler, asker, request)
        if isinstance(found, Done):
            raise TypeError(f"{request.type} is no command")
        return found if isinstance(found, Answer) else Answer(found, b"")

    async def _encoded(self, request_id: int, answer: Answer, *, packs: bool) -> list[bytes]:
        extra = answer.extra or None
        if packs and (isinstance(answer.reply, Delta) or len(answer.extra) > WORTH_PACKING_BYTES):
            frames = await asyncio.to_thread(
                encode_reply, request_id, answer.reply, extra, pack=True
            )
        else:
            frames = encode_reply(request_id, answer.reply, extra, pack=packs)
        size = sum(map(len, frames))
        if size > MAX_REPLY_BYTES:
            raise TooLarge(
                f"the answer has {size} bytes, {MAX_REPLY_BYTES} is the cap; ask for less",
                detail={"limit": MAX_REPLY_BYTES},
            )
        return frames

    def _open_session(self, routing_id: bytes, asker: Who, hello: Hello) -> Session:
        now_ms = self._clock.monotonic_ms()
        # The key may have gone, or the room, while the answer was made.
        if self._clients.get(asker.public) is None:
            raise ProtocolError("this key is not admitted any more", code="revoked")
        before = self._sessions.get(routing_id, asker.public)
        if before is None and not self._sessions.room_for(routing_id, asker.public, now_ms):
            raise _no_room()
        session = before or Session(routing_id, asker.public, asker.address, now_ms)
        session.packs = "zlib" in hello.caps
        session.is_brief = BRIEF in hello.caps
        self._sessions.open(session)
        return session

    def _internal(self, request_type: str, asker: Who) -> ProtocolError:
        reference = secrets.token_hex(4)
        self.failures += 1
        self._log.exception("request failed", ref=reference, type=request_type, key_id=asker.key_id)
        return ProtocolError(
            f"the agent failed; its log has the cause under {reference}",
            code="internal",
            detail={"ref": reference},
        )

    def _audit_refusal(self, asker: Who, request_type: str, error: ProtocolError) -> None:
        is_asked_for = request_type in COMMANDS or request_type in (Hello.type, Enroll.type)
        if not is_asked_for or self._group is None:
            return
        if self._refusals_pending >= MAX_REFUSALS_PENDING:
            self._auditor.left_out += 1
            return
        entry = entry_for(asker, request_type, None, code=error.code, at_ms=self._clock.now_ms())
        self._write_aside(entry)

    def _write_aside(self, entry: AuditEntry) -> None:
        if self._group is None:
            return
        recording = self._auditor.record(entry)
        try:
            task = self._group.create_task(recording, name="audit")
        except RuntimeError:
            # The agent leaves: its group begins nothing any more.
            recording.close()
            self._auditor.left_out += 1
            return
        self._refusals_pending += 1
        task.add_done_callback(self._refusal_written)

    def _refusal_written(self, _: asyncio.Task[None]) -> None:
        self._refusals_pending -= 1

    # --- losing and sending ----------------------------------------------------------------------

    def _revoke(self, removed: tuple[Client, ...]) -> None:
        publics = {client.public for client in removed}
        for session in self._sessions:
            if session.public in publics:
                self._lose(session, "revoked")

    def _lose(self, session: Session, code: str) -> None:
        self._sessions.drop(session, code)
        client = self._clients.get(session.public)
        if client is not None:
            self._note_end(client, session.address, code)

    def _note_end(self, client: Client, address: str, code: str) -> None:
        self._write_aside(
            entry_for(
                who(client, address),
                "session.end",
                None,
                code=code,
                at_ms=self._clock.now_ms(),
            )
        )

    def _send(self, routing_id: bytes, frames: list[bytes]) -> None:
        if self._socket is None:
            return
        try:
            send_now(self._socket, [routing_id, *frames])
        except zmq.ZMQError as error:
            session = next((s for s in self._sessions if s.routing_id == routing_id), None)
            if session is None:
                return
            if error.errno == errno.EAGAIN:
                session.is_slow = True
            elif error.errno == errno.EHOSTUNREACH:
                self._lose(session, "gone")
            else:
                self._log.warning("reply not sent", error=str(error))


async def _done(handler: Handler, asker: Who, request: Command) -> Done:
    done = await _said_plainly(handler, asker, request)
    if not isinstance(done, Done):
        raise TypeError(f"the handler of {request.type} must say what it has done")
    return done


async def _said_plainly(handler: Handler, asker: Who, request: Request) -> AnyReply | Answer | Done:
    """What the handler says; the agent's own refusals become the wire's."""
    try:
        return await handler(asker, request)
    except AgentError as error:
        # An internal one is no refusal: what happened is not known.
        if error.code not in RETRY or error.code == "internal":
            raise
        raise ProtocolError(str(error), code=error.code) from error


def _may_wait(request: Request) -> bool:
    return getattr(request, "wait_ms", 0) > 0


def _landed(session: Session) -> None:
    session.in_flight -= 1


def _no_room() -> ProtocolError:
    return ProtocolError(
        f"too many sessions: each of the {MAX_SESSIONS_PER_KEY} that a key may have is in use; "
        "end one of them, or try again in a few seconds",
        code="busy",
        after_ms=5 * AFTER_MS,
    )


def _timed(error: ProtocolError) -> ProtocolError:
    if RETRY.get(error.code) == "after" and error.after_ms is None:
        error.after_ms = AFTER_MS
    return error


def _metadata(frame: zmq.Frame, name: str) -> str:
    try:
        return str(frame.get(name) or "")
    except (KeyError, zmq.ZMQError):
        return ""


def _descriptor(frame: zmq.Frame) -> int | None:
    try:
        return int(frame.get(zmq.SRCFD))
    except (TypeError, ValueError, zmq.ZMQError):
        return None


def _guess_id(parts: list[bytes]) -> int:
    """The id of a request whose header cannot be accepted, else 0."""
    try:
        header = msgspec.msgpack.decode(parts[0][:256], type=list[Any])
        return header[2] if isinstance(header[2], int) and 0 < header[2] <= 2**53 else 0
    except Exception:  # noqa: BLE001 - whatever a stranger sent, it has no id then
        return 0
