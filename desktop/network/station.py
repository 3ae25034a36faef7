"""One agent as the network thread holds it: its sockets, and who acts on what they bring."""

import logging
import secrets
from collections.abc import Callable
from typing import Final

import msgspec
import zmq

from desktop.keystore import ClientKey
from desktop.network import sockets
from desktop.network.failures import link_in_words
from desktop.network.mailbox import LinkNews, Mailbox
from desktop.network.pending import LINK, Answer, Failure, Pending
from desktop.network.resolve import (
    Found,
    NoAddress,
    find_in_background,
    greets_in_background,
    says_nothing,
    tcp,
)
from desktop.network.tail import LogTail
from shared.protocol import link as links
from shared.protocol import replica as replicas
from shared.protocol.codec import decode_event
from shared.protocol.errors import ProtocolError
from shared.protocol.events import (
    ALERTS_TOPIC,
    HEARTBEAT_TOPIC,
    METRIC_TOPIC,
    STATE_TOPIC,
    Heartbeat,
    Metric,
)
from shared.protocol.link import Link, Now
from shared.protocol.replica import Changes, Replica
from shared.protocol.requests import (
    Command,
    Hello,
    HelloReply,
    LogRead,
    LogReadReply,
    Ping,
    Pong,
    Request,
)
from shared.protocol.rows import SCOPES, Delta, key_of

log = logging.getLogger(__name__)

TOPICS: Final = (HEARTBEAT_TOPIC, STATE_TOPIC, ALERTS_TOPIC, METRIC_TOPIC)
DRAINED_A_TURN: Final = 200
TICK_MS: Final = 250
RESOLVE_AGAIN_MS: Final = (1_000, 2_000, 4_000, 8_000, 15_000)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an agent is and which key it has; `events_port` None means as the agent says."""

    agent_id: str
    name: str
    host: str
    agent_key: str
    control_port: int = 7460
    events_port: int | None = None


class Station:
    """Owned and called by one thread; what others want reaches it through that thread.

    `post` runs a function on that thread from any other.
    """

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        place: Place,
        key: ClientKey,
        mailbox: Mailbox,
        *,
        client: str,
        now: Callable[[], Now],
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self.place = place
        self.link = Link()
        self.hello: HelloReply | None = None
        self._context = context
        self._key = key
        self._mailbox = mailbox
        self._client = client
        self._instance = secrets.token_hex(16)
        self._now = now
        self._post = post
        self._pending = Pending()
        self._replicas = {scope: Replica(scope) for scope in SCOPES}
        self._tails: dict[int, LogTail] = {}
        self._control: sockets.Control | None = None
        self._events: zmq.Socket[bytes] | None = None
        self._events_endpoint = ""
        self._ip = ""
        self._resolving = 0  # counts the questions; only the newest answer counts
        self._handshakes = 0
        self._resolve_at_ms: int | None = None
        self._unresolved = 0
        self._unreachable = ""
        self._tries = 0
        self._ticked_ms = 0
        self._news: LinkNews | None = None

    # --- what the thread calls -----------------------------------------------------------------

    def open(self) -> None:
        """Connect, and stay connected."""
        self._feed(links.Opened())

    def close(self) -> None:
        """Close all sockets and answer whoever still waits."""
        self._feed(links.Closed())
        self._deliver(self._pending.given_up("cancelled"))

    def try_now(self) -> None:
        """Do not wait for the next try."""
        self._feed(links.RetryNow())

    def refresh(self) -> None:
        """Ask for everything anew."""
        for one in self._replicas.values():
            self._take(one.feed(replicas.Reload(), self._ms))

    def sockets(self) -> "list[zmq.Socket[bytes]]":
        """What to poll for reading."""
        found = [] if self._events is None else [self._events]
        if self._control is not None:
            found += [self._control.socket, self._control.monitor]
        return found

    def drain(self) -> bool:
        """Read what is there, but not for ever; True when there is more."""
        if self._control is not None:
            for happening in self._control.happenings():
                self._happened(happening)
        has_more = self._drain_control()
        return self._drain_events() or has_more

    def tick(self) -> None:
        """Let time pass; cheap enough to be called after every poll."""
        now = self._now()
        if now.monotonic_ms - self._ticked_ms >= TICK_MS:
            self._ticked_ms = now.monotonic_ms
            self._feed(links.Tick())
            for one in self._replicas.values():
                self._take(one.feed(replicas.Tick(), self._ms))
            if self._resolve_at_ms is not None and self._ms >= self._resolve_at_ms:
                self._resolve()
            self._tell()
        self._deliver(self._pending.expired(self._ms))
        self._read_logs()
        self._send()

    def wait_ms(self) -> int:
        """In how long at most `tick` wants to be called."""
        now_ms = self._ms
        due_ms = self._pending.next_ms()
        tick_ms = self._ticked_ms + TICK_MS - now_ms
        if due_ms is None or due_ms <= now_ms:
            # What is overdue waits for a session or for room, and neither comes by waking up.
            return max(0, tick_ms)
        return max(0, min(tick_ms, due_ms - now_ms))

    def ask(self, request: Request, owner: int) -> None:
        """Send a request, or refuse it at once while the agent is not provably there."""
        is_open = self.link.session is not None
        if isinstance(request, Command):
            is_open = is_open and self.link.state == links.LIVE
            request = msgspec.structs.replace(request, expires_ms=self.link.expires_ms(self._now()))
        if not is_open:
            failure = Failure(code="offline")
            self._deliver([Answer(owner=owner, request=request, failure=failure)])
            return
        self._deliver(self._pending.ask(request, owner=owner, now_ms=self._ms))

    def follow(self, tail: LogTail) -> None:
        """Hand on this log until it ends or is cancelled."""
        self._tails[tail.handle] = tail

    def cancel(self, owner: int) -> None:
        """Forget what was asked under this handle."""
        self._tails.pop(owner, None)
        self._pending.cancel(owner)

    def _happened(self, happening: links.Event) -> None:
        match happening:
            case links.HandshakeFailed():
                self._doubt_handshake()
            case links.HandshakeDone():
                self._handshakes += 1
            case links.Dropped():
                self._tries += 1
        if not isinstance(happening, links.HandshakeFailed):
            self._feed(happening)

    def _doubt_handshake(self) -> None:
        """A wrong key and a tunnel to nowhere end alike; only the first one greets before."""
        mine = (self._resolving, self._handshakes)

        def judge(is_agent: bool) -> None:
            if mine != (self._resolving, self._handshakes):
                return
            if is_agent:
                self._feed(links.HandshakeFailed())
                return
            self._unreachable = says_nothing(self.place.host, self.place.control_port)
            self._tell()

        greets_in_background(
            self._ip,
            self.place.control_port,
            then=lambda is_agent: self._post(lambda: judge(is_agent)),
        )

    # --- what comes in -------------------------------------------------------------------------

    def _drain_control(self) -> bool:
        for _ in range(DRAINED_A_TURN):
            if self._control is None:
                return False
            try:
                frames = self._control.socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return False
            try:
                answers = self._pending.answered(frames, self._ms)
            except ProtocolError as error:
                log.warning("an unreadable reply of %s: %s", self.place.agent_id, error)
                continue
            refusals, self._pending.refusals = self._pending.refusals, []
            for refusal in refusals:
                self._feed(links.Refusal(refusal))
            self._deliver(answers)
        return True

    def _drain_events(self) -> bool:
        for _ in range(DRAINED_A_TURN):
            if self._events is None:
                return False
            try:
                frames = self._events.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return False
            try:
                self._heard(decode_event(frames))
            except ProtocolError as error:
                log.warning("an unreadable event of %s: %s", self.place.agent_id, error)
        return True

    def _heard(self, event: Heartbeat | Delta | Metric | None) -> None:
        match event:
            case Heartbeat():
                self._feed(event)
                self._mailbox.put_beat(self.place.agent_id, event)
                for one in self._replicas.values():
                    self._take(one.feed(event, self._ms))
            case Delta():
                for one in self._replicas.values():
                    self._take(one.feed(replicas.Published(event), self._ms))
            case Metric():
                self._mailbox.put_metric(self.place.agent_id, event)

    def _deliver(self, answers: list[Answer]) -> None:
        for answer in answers:
            if answer.owner == LINK:
                self._deliver_to_link(answer)
            elif answer.owner in self._tails and isinstance(answer.request, LogRead):
                self._deliver_to_tail(self._tails[answer.owner], answer)
            else:
                self._mailbox.put_report(answer)

    def _deliver_to_link(self, answer: Answer) -> None:
        match answer.reply:
            case HelloReply():
                self._feed(links.HelloAnswered(answer.token, answer.reply))
            case Pong():
                self._feed(links.PingAnswered(answer.token, answer.reply))
            case Delta():
                one = self._replicas[answer.reply.scope]
                self._take(one.feed(replicas.Answered(answer.token, answer.reply), self._ms))
            case _ if answer.failure is not None and answer.request.type == "sync":
                failed = replicas.Failed(answer.token, answer.failure.code)
                scope = getattr(answer.request, "scope", "")
                self._take(self._replicas[scope].feed(failed, self._ms))

    def _deliver_to_tail(self, tail: LogTail, answer: Answer) -> None:
        if isinstance(answer.reply, LogReadReply):
            chunk = tail.came(answer.reply, answer.extra)
        else:
            chunk = tail.failed(answer.failure or Failure(code="internal"), self._ms)
        if chunk is not None:
            self._mailbox.put_report(chunk)
        if tail.is_over:
            del self._tails[tail.handle]

    # --- what goes out -------------------------------------------------------------------------

    def _send(self) -> None:
        if self._control is None:
            return
        for frames in self._pending.to_send(self._ms, has_session=self.link.session is not None):
            try:
                self._control.socket.send_multipart(frames, zmq.DONTWAIT)
            except zmq.Again:
                self._pending.not_sent(frames, self._ms)
            else:
                self.link.feed(links.Sent(), self._now())

    def _ask_own(self, request: Request, token: int) -> None:
        self._pending.ask(request, owner=LINK, now_ms=self._ms, token=token)

    def _read_logs(self) -> None:
        if self.link.session is None:
            return
        for tail in list(self._tails.values()):
            request = tail.wanted(self._ms, unread=self._mailbox.unread(tail.handle))
            if request is not None:
                self._deliver(self._pending.ask(request, owner=tail.handle, now_ms=self._ms))

    # --- the link's wishes ---------------------------------------------------------------------

    @property
    def _ms(self) -> int:
        return self._now().monotonic_ms

    def _feed(self, event: links.Event) -> None:
        for effect in self.link.feed(event, self._now()):
            self._act(effect)
        self._tell()

    def _act(self, effect: links.Effect) -> None:
        match effect:
            case links.OpenSockets():
                self._close_sockets()
                self._resolve()
            case links.CloseSockets():
                self._resolve_at_ms = None
                self._resolving += 1
                self._close_sockets()
            case links.ReopenEvents():
                self._listen(anew=True)
            case links.Changed(state, reason):
                log.info("link to %s is %s %s", self.place.agent_id, state, reason)
            case _:
                self._act_on_session(effect)

    def _act_on_session(self, effect: links.Effect) -> None:
        match effect:
            case links.SendHello(token):
                hello = Hello(client=self._client, inst=self._instance, caps=("zlib",))
                self._ask_own(hello, token)
            case links.SendPing(token):
                self._ask_own(Ping(), token)
            case links.SessionUp(_, reply):
                self._begin_session(reply)
            case links.SessionDown():
                self._deliver(self._pending.session_lost(self._ms))
                for one in self._replicas.values():
                    self._take(one.feed(replicas.Disconnected(), self._ms))
            case links.PollNow():
                for one in self._replicas.values():
                    self._take(one.feed(replicas.Poll(), self._ms))

    def _begin_session(self, reply: HelloReply) -> None:
        self.hello = reply
        self._tries = 0
        self._unreachable = ""
        self._pending.session_opened(self._ms)
        self._listen()
        for one in self._replicas.values():
            self._take(one.feed(replicas.Connected(reply.epoch), self._ms))

    def _take(self, changes: Changes) -> None:
        for ask in changes.asks:
            self._ask_own(ask.request, ask.token)
        if changes.is_empty:
            return
        rows = dict.fromkeys(changes.removals) | {key_of(row): row for row in changes.upserts}
        self._mailbox.put_rows(self.place.agent_id, rows)

    # --- the sockets ---------------------------------------------------------------------------

    def _resolve(self) -> None:
        self._resolve_at_ms = None
        self._resolving += 1
        mine = self._resolving
        find_in_background(
            self.place.host,
            self.place.control_port,
            probe=False,
            then=lambda found: self._post(lambda: self._resolved(mine, found)),
        )

    def _resolved(self, question: int, found: Found) -> None:
        if question != self._resolving:
            return
        if isinstance(found, NoAddress):
            self._unreachable = found.reason
            step = min(self._unresolved, len(RESOLVE_AGAIN_MS) - 1)
            self._resolve_at_ms = self._ms + RESOLVE_AGAIN_MS[step]
            self._unresolved += 1
            self._tries += 1
            self._tell()
            return
        self._unresolved = 0
        self._unreachable = ""
        self._ip = found.ip
        self._control = sockets.control(
            self._context,
            tcp(found.ip, self.place.control_port),
            agent_key=self.place.agent_key,
            key=self._key,
        )

    def _listen(self, *, anew: bool = False) -> None:
        """Have an events socket at the right place; the same one goes on if there is one."""
        told = 0 if self.hello is None else self.hello.events_port
        port = self.place.events_port or told
        endpoint = tcp(self._ip, port) if port else ""
        if endpoint == self._events_endpoint and not anew:
            return
        self._close_events()
        if endpoint:
            self._events_endpoint = endpoint
            self._events = sockets.events(
                self._context, endpoint, TOPICS, agent_key=self.place.agent_key, key=self._key
            )

    def _close_events(self) -> None:
        if self._events is not None:
            self._events.close(linger=0)
        self._events = None
        self._events_endpoint = ""

    def _close_sockets(self) -> None:
        self._close_events()
        if self._control is not None:
            self._control.close()
        self._control = None

    # --- what is told --------------------------------------------------------------------------

    def _tell(self) -> None:
        link, hello, now = self.link, self.hello, self._now()
        heard = link.heard
        retry_at_ms = link.retry_at_ms if link.retry_at_ms is not None else self._resolve_at_ms
        news = LinkNews(
            state=link.state,
            reason=link.reason,
            sentence=link_in_words(link.state, link.reason, self._unreachable, self.place.name),
            beat_ms=None if heard is None else heard.wall_ms + link.offset_ms,
            beat_here_ms=None if heard is None else heard.wall_ms,
            retry_here_ms=(
                None if retry_at_ms is None else now.wall_ms + retry_at_ms - now.monotonic_ms
            ),
            offset_ms=link.offset_ms,
            round_trip_ms=link.rtt_ms,
            tries=self._tries,
            is_refreshing=any(one.is_refreshing for one in self._replicas.values()),
            role="" if hello is None else hello.role,
            label="" if hello is None else hello.label,
            agent=None if hello is None else hello.agent,
            capabilities=() if hello is None else hello.caps,
        )
        if news != self._news:
            self._news = news
            self._mailbox.put_link(self.place.agent_id, news)
