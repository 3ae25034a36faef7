"""Does a link work: each step of connecting for the first time, done for real."""

import platform
from collections.abc import Callable
from typing import Final

import zmq

from desktop.keystore import ClientKey
from desktop.network import sockets
from desktop.network.failures import in_words
from desktop.network.mailbox import Mailbox, TestResult, TestStep
from desktop.network.pending import LINK, Answer, Failure, Pending
from desktop.network.resolve import (
    Found,
    NoAddress,
    find_in_background,
    greets_in_background,
    says_nothing,
    tcp,
)
from shared.protocol import link as links
from shared.protocol.codec import decode_event
from shared.protocol.errors import ProtocolError
from shared.protocol.events import HEARTBEAT_TOPIC, Heartbeat
from shared.protocol.keys import BadLink, Card, key_id, read_link, to_base32
from shared.protocol.link import Now
from shared.protocol.requests import Enroll, EnrollReply, Hello, HelloReply, Request

CHECKS: Final = ("link", "reached", "identity", "invite", "language", "clocks", "events")
STEP_MS: Final = 15_000
HELLO_AGAIN_MS: Final = 1_000
HEARTBEAT_MS: Final = 12_000
CLOCKS_APART_MS: Final = 2_000
ROLE_WORDS: Final = {
    "viewer": "Viewer: look, read logs",
    "operator": "Operator: run, stop, pause, acknowledge",
    "admin": "Admin: everything, keys and invites too",
}


class Trial:
    """A test of one link; an invite enrols the key, and one that is spent leaves the key to try.

    So a test that was left before its connection was kept may be made again with the same link.
    """

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        handle: int,
        link: str,
        key: ClientKey,
        mailbox: Mailbox,
        *,
        label: str,
        client: str,
        now: Callable[[], Now],
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self.is_over = False
        self._context = context
        self._handle = handle
        self._key = key
        self._mailbox = mailbox
        self._label = label
        self._client = client
        self._now = now
        self._post = post
        self._began_ms = now().monotonic_ms
        self._pending = Pending()
        self._control: sockets.Control | None = None
        self._events: zmq.Socket[bytes] | None = None
        self._card: Card | None = None
        self._ip = ""
        self._hello: HelloReply | None = None
        self._is_up = False
        self._is_enrolling = False
        self._is_spent = False
        self._asks_hello = False
        self._failures = 0
        self._deadline_ms = self._began_ms + STEP_MS
        self._deadline_check = "reached"
        self._hello_at_ms = 0
        self._begin(link)

    # --- the party -----------------------------------------------------------------------------

    def sockets(self) -> "list[zmq.Socket[bytes]]":
        """What to poll for reading."""
        found = [] if self._events is None else [self._events]
        if self._control is not None:
            found += [self._control.socket, self._control.monitor]
        return found

    def drain(self) -> bool:
        """Read what is there."""
        if self._control is not None:
            for happening in self._control.happenings():
                self._happened(happening)
        if self._control is not None:
            try:
                frames = self._control.socket.recv_multipart(zmq.DONTWAIT)
                for answer in self._pending.answered(frames, self._ms):
                    self._answered(answer)
            except zmq.Again:
                pass
            except ProtocolError as error:
                self._fail("language", in_words(Failure(code=error.code, message=error.message)))
        if self._events is not None:
            try:
                event = decode_event(self._events.recv_multipart(zmq.DONTWAIT))
            except (zmq.Again, ProtocolError):
                return False
            if isinstance(event, Heartbeat):
                self._step("events", "ok", f"a heartbeat each {event.every_ms / 1000:g} s")
                self._succeed()
        return False

    def tick(self) -> None:
        """Repeat a greeting that got lost, and give up what takes too long."""
        if self.is_over:
            return
        if self._asks_hello and self._ms >= self._hello_at_ms:
            self._hello_at_ms = self._ms + HELLO_AGAIN_MS
            hello = Hello(client=self._client, inst="0" * 32, caps=())
            self._ask(hello, token=self._ms)  # each knows when it was asked: any may be answered
        if self._control is not None and self._is_up:
            for frames in self._pending.to_send(self._ms):
                try:
                    self._control.socket.send_multipart(frames, zmq.DONTWAIT)
                except zmq.Again:
                    self._pending.not_sent(frames, self._ms)
        if self._ms >= self._deadline_ms:
            self._ran_out_of_time()

    def wait_ms(self) -> int:
        """In how long `tick` wants to be called."""
        return 100

    def close(self) -> None:
        """Close the sockets; nothing more is told."""
        self.is_over = True
        self._close_control()
        if self._events is not None:
            self._events.close(linger=0)
            self._events = None

    # --- the steps -----------------------------------------------------------------------------

    def _begin(self, link: str) -> None:
        try:
            card = self._card = read_link(link, self._now().wall_ms)
        except BadLink as error:
            self._fail("link", f"{str(error)[:1].upper()}{str(error)[1:]}.")
            return
        kind = "an invite" if card.is_invite else "an address"
        self._step("link", "ok", f"{kind} for {card.name or card.address.host}")
        self._step("reached", "working", f"asking {card.address}")
        find_in_background(
            card.address.host,
            card.address.port,
            probe=True,
            then=lambda found: self._post(lambda: self._found(found)),
        )

    def _found(self, found: Found) -> None:
        if self.is_over or self._card is None:
            return
        if isinstance(found, NoAddress):
            self._fail("reached", found.reason)
            return
        self._ip = found.ip
        self._step("reached", "ok", f"{self._card.address}, {found.took_ms} ms")
        if self._card.secret is not None:
            self._is_enrolling = True
            self._connect(sockets.key_of_secret(self._card.secret))
        else:
            self._connect(self._key)

    def _connect(self, key: ClientKey) -> None:
        assert self._card is not None  # noqa: S101  # set before any socket is
        self._close_control()
        self._is_up = self._asks_hello = False
        self._failures = 0
        self._pending = Pending()
        self._give("identity" if self._hello is None else "invite", STEP_MS)
        self._control = sockets.control(
            self._context,
            tcp(self._ip, self._card.address.port),
            agent_key=self._card.agent_key,
            key=key,
        )

    def _happened(self, happening: links.Event) -> None:
        match happening:
            case links.HandshakeDone():
                self._is_up = self._asks_hello = True
                self._hello_at_ms = self._ms
                self._step("identity", "ok", f"key {self._fingerprint()} matches the link")
            case links.AuthRefused() if self._is_enrolling:
                # Spent, perhaps by ourselves in an earlier test: then our own key is let in.
                self._is_spent = True
                self._use_own_key()
            case links.AuthRefused():
                self._step("identity", "ok", f"key {self._fingerprint()} matches the link")
                self._fail("invite", self._not_let_in())
            case links.HandshakeUnlike():
                self._fail("reached", "What answers there is not an agent. Check host and port.")
            case links.HandshakeFailed():
                self._failures += 1
                if self._failures >= links.FAILURES_THAT_TELL:
                    self._ask_what_answers()
            case links.Dropped():
                self._is_up = False

    def _ask_what_answers(self) -> None:
        """A wrong key and a tunnel to nowhere end alike; only the first one greets before."""
        greets_in_background(
            self._ip,
            self._port,
            then=lambda is_agent: self._post(lambda: self._judge(is_agent)),
        )

    def _judge(self, is_agent: bool) -> None:
        if self.is_over or self._is_up or self._card is None:
            return
        if is_agent:
            self._fail(
                "identity", "The key is not the one you were given. Ask who runs the server."
            )
        else:
            self._fail("reached", says_nothing(self._card.address.host, self._port))

    def _answered(self, answer: Answer) -> None:
        match answer.reply:
            case HelloReply() if self._asks_hello:
                self._asks_hello = False
                self._greeted(answer.reply, asked_ms=answer.token)
            case EnrollReply():
                self._use_own_key()
            case None if answer.failure is not None and self._is_known(answer.failure):
                self._use_own_key()
            case None if answer.failure is not None and answer.failure.code != "timeout":
                check = "language" if answer.failure.code == "unsupported_version" else "invite"
                self._fail(check, in_words(answer.failure))

    def _greeted(self, reply: HelloReply, *, asked_ms: int) -> None:
        if self._is_enrolling:
            self._give("invite", STEP_MS)
            self._step("invite", "working", "enrolling this desktop")
            enroll = Enroll(
                pub=to_base32(self._key.public),
                label=self._label,
                platform=platform.system(),
            )
            self._ask(enroll)
            return
        self._hello = reply
        role = ROLE_WORDS.get(reply.role, reply.role)
        self._step("invite", "ok", f"enrolled as {role}")
        self._step("language", "ok", f"agent {reply.agent.version}, protocol {reply.proto}")
        self._compare_clocks(reply, asked_ms)
        self._listen(reply)

    def _is_known(self, failure: Failure) -> bool:
        # Enrolled by an earlier invite: this one stays unused, and our own key is enough.
        return self._is_enrolling and self._is_up and failure.code == "conflict"

    def _use_own_key(self) -> None:
        self._is_enrolling = False
        self._connect(self._key)

    def _compare_clocks(self, reply: HelloReply, asked_ms: int) -> None:
        middle_ms = self._now().wall_ms - (self._ms - asked_ms) // 2
        apart_ms = abs(reply.now_ms - middle_ms)
        finding = f"{apart_ms / 1000:.1f} s apart, zone {reply.agent.tz}"
        if apart_ms <= CLOCKS_APART_MS:
            self._step("clocks", "ok", finding)
        else:
            self._step("clocks", "warn", f"{finding}. Set the clock of one of the machines.")

    def _listen(self, reply: HelloReply) -> None:
        if not reply.events_port or self._card is None:
            self._events_missing()
            return
        self._give("events", HEARTBEAT_MS)
        self._step("events", "working", f"listening on port {reply.events_port}")
        self._events = sockets.events(
            self._context,
            tcp(self._ip, reply.events_port),
            (HEARTBEAT_TOPIC,),
            agent_key=self._card.agent_key,
            key=self._key,
        )

    def _events_missing(self) -> None:
        self._step(
            "events",
            "warn",
            "none arrive, so the desktop will ask every 2 seconds. Open the events port to have "
            "changes at once.",
        )
        self._succeed()

    # --- the end -------------------------------------------------------------------------------

    def _ran_out_of_time(self) -> None:
        if self._deadline_check == "events":
            self._events_missing()
        elif self._is_enrolling and self._is_up:
            # The agent may have enrolled us and its answer got lost: our own key will tell.
            self._use_own_key()
        else:
            self._fail(
                self._deadline_check,
                "There was no answer in time. Is the agent running, and is the port open?",
            )

    def _succeed(self) -> None:
        card, hello = self._card, self._hello
        assert card is not None  # noqa: S101  # a test succeeds only with both
        assert hello is not None  # noqa: S101
        self.close()
        self._mailbox.put_report(
            TestResult(
                handle=self._handle,
                is_good=True,
                agent_id=key_id(card.agent_key),
                agent_key=card.agent_key,
                agent_name=card.name or hello.agent.name,
                host=card.address.host,
                control_port=card.address.port,
                environment=hello.agent.environment,
                role=hello.role,
                took_ms=self._ms - self._began_ms,
            )
        )

    def _fail(self, check: str, sentence: str) -> None:
        self.close()
        self._step(check, "bad", sentence)
        self._mailbox.put_report(
            TestResult(
                handle=self._handle,
                is_good=False,
                sentence=sentence,
                took_ms=self._ms - self._began_ms,
            )
        )

    def _not_let_in(self) -> str:
        if self._is_spent:
            return "The invite was used already or is no longer valid. Ask for a new one."
        return "The agent does not know this desktop. Ask who runs the server for an invite."

    # --- small things --------------------------------------------------------------------------

    @property
    def _port(self) -> int:
        assert self._card is not None  # noqa: S101  # no port is needed before the link was read
        return self._card.address.port

    @property
    def _ms(self) -> int:
        return self._now().monotonic_ms

    def _give(self, check: str, within_ms: int) -> None:
        self._deadline_check = check
        self._deadline_ms = self._ms + within_ms

    def _ask(self, request: Request, *, token: int = 0) -> None:
        self._pending.ask(request, owner=LINK, now_ms=self._ms, token=token)

    def _step(self, check: str, state: str, finding: str) -> None:
        self._mailbox.put_report(
            TestStep(handle=self._handle, check=check, state=state, finding=finding)
        )

    def _fingerprint(self) -> str:
        assert self._card is not None  # noqa: S101  # there is no handshake without a card
        text = to_base32(self._card.agent_key)[:16]
        return "-".join(text[at : at + 4] for at in range(0, 16, 4))

    def _close_control(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
