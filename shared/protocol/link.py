"""How fresh is what we show, and what keeps the connection going."""

from typing import Final, TypeAlias

import msgspec

from shared.protocol.errors import ErrorBody
from shared.protocol.events import Heartbeat
from shared.protocol.requests import HelloReply, Pong

CONNECTING: Final = "connecting"  # never heard since it was opened
LIVE: Final = "live"
LATE: Final = "late"
LOST: Final = "lost"
REFUSED: Final = "refused"
OFFLINE: Final = "offline"  # closed, by choice

UNREACHABLE: Final = "unreachable"
SILENT: Final = "silent"
EVENTS_BLOCKED: Final = "events_blocked"
AUTH_REFUSED: Final = "auth_refused"
KEY_MISMATCH: Final = "key_mismatch"
NOT_AN_AGENT: Final = "not_an_agent"

EVERY_MS: Final = 2_000
LATE_AFTER_BEATS: Final = 3.5
LOST_AFTER_MS: Final = 20_000
DROPS_THAT_TELL: Final = 3
"""The end of a connection, the wait for another try, and that this one failed as well."""
PROBE_MS: Final = 3_000
PING_AGAIN_MS: Final = 5_000
IDLE_PING_MS: Final = 15_000
POLL_MS: Final = 2_000
HELLO_FIRST_MS: Final = 1_000
HELLO_MOST_MS: Final = 15_000
REFUSED_RETRY_MS: Final = 60_000
FAILURES_THAT_TELL: Final = 3
SLEEP_JUMP_MS: Final = 10_000
COMMAND_LIFE_MS: Final = 10_000
HELLO_GIVES_UP: Final = frozenset({"revoked", "forbidden", "unsupported_version"})


class Now(msgspec.Struct, frozen=True):
    """Both clocks at one moment."""

    wall_ms: int
    monotonic_ms: int


# --- what happened --------------------------------------------------------------------------------


class Opened(msgspec.Struct, frozen=True):
    """The user wants this connection."""


class Closed(msgspec.Struct, frozen=True):
    """The user wants it no more."""


class RetryNow(msgspec.Struct, frozen=True):
    """The user does not want to wait for the next try."""


class Tick(msgspec.Struct, frozen=True):
    """Time has passed; to be fed at least once a second."""


class HandshakeDone(msgspec.Struct, frozen=True):
    """The control socket has an encrypted connection."""


class Dropped(msgspec.Struct, frozen=True):
    """The control socket's connection ended, or could not be made."""


class AuthRefused(msgspec.Struct, frozen=True):
    """The agent does not admit our key."""


class HandshakeFailed(msgspec.Struct, frozen=True):
    """The handshake ended without a word: another key than the one we know, or a hang-up."""


class HandshakeUnlike(msgspec.Struct, frozen=True):
    """Whatever answers does not speak our handshake."""


class HelloAnswered(msgspec.Struct, frozen=True):
    """The answer to the greeting with this token."""

    token: int
    reply: HelloReply


class PingAnswered(msgspec.Struct, frozen=True):
    """The answer to the ping with this token."""

    token: int
    reply: Pong


class Refusal(msgspec.Struct, frozen=True):
    """Any request, the greeting included, was answered by an error."""

    error: ErrorBody


class Sent(msgspec.Struct, frozen=True):
    """Another request went out, so the session is not idle."""


Event: TypeAlias = (
    Opened
    | Closed
    | RetryNow
    | Tick
    | HandshakeDone
    | Dropped
    | AuthRefused
    | HandshakeFailed
    | HandshakeUnlike
    | HelloAnswered
    | PingAnswered
    | Refusal
    | Sent
    | Heartbeat
)


# --- what to do about it --------------------------------------------------------------------------


class OpenSockets(msgspec.Struct, frozen=True):
    """Make fresh sockets and connect them, closing any there are."""


class CloseSockets(msgspec.Struct, frozen=True):
    """Close all sockets."""


class ReopenEvents(msgspec.Struct, frozen=True):
    """Make the events socket anew; control works."""


class SendHello(msgspec.Struct, frozen=True):
    """Greet; the answer is fed back with the token."""

    token: int


class SendPing(msgspec.Struct, frozen=True):
    """Ping; the answer is fed back with the token."""

    token: int


class SessionUp(msgspec.Struct, frozen=True):
    """A session stands: subscribe, and let the replicas sync."""

    session: int
    reply: HelloReply


class SessionDown(msgspec.Struct, frozen=True):
    """The session is over: fail what it was asked, tell the replicas."""

    session: int


class PollNow(msgspec.Struct, frozen=True):
    """Events do not arrive: let the replicas ask."""


class Changed(msgspec.Struct, frozen=True):
    """The state or its reason is another one now."""

    state: str
    reason: str


Effect: TypeAlias = (
    OpenSockets
    | CloseSockets
    | ReopenEvents
    | SendHello
    | SendPing
    | SessionUp
    | SessionDown
    | PollNow
    | Changed
)


class Link:
    """One connection to one agent, without its sockets: fed with events, it says what to do.

    Commands may be sent while `state` is live. `reason` is empty or one of the words above, or an
    error code; a live link with the reason `events_blocked` gets its news by polling.
    """

    def __init__(self) -> None:
        self.state = OFFLINE
        self.reason = ""
        self.session: int | None = None
        self.offset_ms = 0  # the agent's clock minus ours
        self.rtt_ms: int | None = None
        self.heard: Now | None = None  # when the agent last gave a sign of life
        self.retry_at_ms: int | None = None  # monotonic; when a refused link tries again
        self._is_open = False
        self._refusal = ""
        self._every_ms = EVERY_MS
        self._epoch = ""
        self._polls = False
        self._can_listen = True
        self._is_up: bool | None = None  # has control a connection; None: not known yet
        self._sessions = 0
        self._token = 0
        self._asked: dict[int, Now] = {}
        self._hello_at_ms: int | None = None
        self._hello_wait_ms = HELLO_FIRST_MS
        self._sent_ms = 0
        self._pinged_ms: int | None = None  # an unanswered ping is under way
        self._polled_ms = 0
        self._failures = 0
        self._drops = 0
        self._ticked: Now | None = None

    def age_ms(self, now: Now) -> int | None:
        """How long ago the agent gave its last sign of life."""
        return None if self.heard is None else now.monotonic_ms - self.heard.monotonic_ms

    def expires_ms(self, now: Now, life_ms: int = COMMAND_LIFE_MS) -> int:
        """Until when, by the agent's clock, a command sent now may be obeyed."""
        return now.wall_ms + self.offset_ms + life_ms

    def feed(self, event: Event, now: Now) -> list[Effect]:
        """Take in what happened and say what to do, in this order."""
        effects = self._take(event, now)
        state, reason = self._judge(now)
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason = state, reason
            effects.append(Changed(state, reason))
        return effects

    def _take(self, event: Event, now: Now) -> list[Effect]:
        match event:
            case Opened():
                return self._opened(now)
            case Closed():
                self._is_open = False
                return [*self._session_ends(), CloseSockets()]
        if not self._is_open:
            return []
        return self._take_open(event, now)

    def _take_open(
        self,
        event: RetryNow
        | Tick
        | HandshakeDone
        | Dropped
        | AuthRefused
        | HandshakeFailed
        | HandshakeUnlike
        | HelloAnswered
        | PingAnswered
        | Refusal
        | Sent
        | Heartbeat,
        now: Now,
    ) -> list[Effect]:
        match event:
            case RetryNow():
                return self._opened(now)
            case Tick():
                return self._tick(now)
            case Sent():
                self._sent_ms = now.monotonic_ms
                return []
            case Heartbeat():
                return self._beat(event, now)
            case HelloAnswered() | PingAnswered() | Refusal():
                return self._reply(event, now)
            case _:
                return self._transport(event, now)

    # --- the transport -------------------------------------------------------------------------

    def _opened(self, now: Now) -> list[Effect]:
        self._is_open = True
        self._is_up = None
        self._failures = self._drops = 0
        self.retry_at_ms = None
        self._ticked = now
        return [*self._session_ends(), OpenSockets()]

    def _transport(
        self,
        event: HandshakeDone | Dropped | AuthRefused | HandshakeFailed | HandshakeUnlike,
        now: Now,
    ) -> list[Effect]:
        match event:
            case HandshakeDone():
                self._is_up = True
                self._failures = self._drops = 0
                self._hello_wait_ms = HELLO_FIRST_MS
                return [*self._session_ends(), *self._greet(now)]
            case Dropped():
                self._is_up = False
                self._drops += 1
                return self._session_ends()
            case AuthRefused():
                return self._refused(AUTH_REFUSED, now)
            case HandshakeUnlike():
                return self._refused(NOT_AN_AGENT, now)
            case HandshakeFailed():
                self._is_up = False
                self._failures += 1
                if self._failures >= FAILURES_THAT_TELL:
                    return self._refused(KEY_MISMATCH, now)
                return []

    def _refused(self, reason: str, now: Now) -> list[Effect]:
        """Try again in a minute, with fresh sockets: libzmq gives up or hammers by itself."""
        self._refusal = reason
        self._is_up = None
        self._failures = 0
        self.retry_at_ms = now.monotonic_ms + REFUSED_RETRY_MS
        return [*self._session_ends(), CloseSockets()]

    # --- the session ---------------------------------------------------------------------------

    def _greet(self, now: Now) -> list[Effect]:
        self._hello_at_ms = now.monotonic_ms + self._hello_wait_ms
        self._hello_wait_ms = min(self._hello_wait_ms * 2, HELLO_MOST_MS)
        return [SendHello(self._ask(now))]

    def _ping(self, now: Now) -> list[Effect]:
        if self._pinged_ms is None:
            self._pinged_ms = now.monotonic_ms
        return [SendPing(self._ask(now))]

    def _ask(self, now: Now) -> int:
        self._token += 1
        # Only the newest few can still be answered in time.
        self._asked = dict([*self._asked.items(), (self._token, now)][-8:])
        self._sent_ms = now.monotonic_ms
        return self._token

    def _session_ends(self) -> list[Effect]:
        self._asked.clear()
        self._hello_at_ms = self._pinged_ms = None
        self._polls = False
        if self.session is None:
            return []
        ended, self.session = self.session, None
        return [SessionDown(ended)]

    def _reply(self, event: HelloAnswered | PingAnswered | Refusal, now: Now) -> list[Effect]:
        if isinstance(event, Refusal):
            return self._said_no(event.error, now)
        sent = self._asked.pop(event.token, None)
        if sent is None:
            return []
        self.rtt_ms = now.monotonic_ms - sent.monotonic_ms
        self.offset_ms = event.reply.now_ms - (now.wall_ms - self.rtt_ms // 2)
        self._pinged_ms = None
        if isinstance(event, PingAnswered):
            return self._ponged(event.reply, now)
        if self.session is not None:
            return []
        return self._session_begins(event.reply, now)

    def _session_begins(self, reply: HelloReply, now: Now) -> list[Effect]:
        self._sessions += 1
        self.session = self._sessions
        self.heard = now
        self.retry_at_ms = None
        self._refusal = ""
        self._hello_at_ms = None
        self._hello_wait_ms = HELLO_FIRST_MS
        self._epoch = reply.epoch
        self._can_listen = reply.events_port > 0
        self._polls = not self._can_listen
        self._polled_ms = now.monotonic_ms
        return [SessionUp(self.session, reply)]

    def _said_no(self, error: ErrorBody, now: Now) -> list[Effect]:
        if error.code in HELLO_GIVES_UP and (self.session is None or error.code == "revoked"):
            return self._refused(error.code, now)
        if error.code == "hello_required" and self.session is not None:
            return [*self._session_ends(), *self._greet(now)]
        if self.session is None and self._is_up and error.after_ms:
            self._hello_at_ms = now.monotonic_ms + error.after_ms
        return []

    def _ponged(self, reply: Pong, now: Now) -> list[Effect]:
        if self.session is None:
            return []
        if reply.epoch != self._epoch:
            return [*self._session_ends(), *self._greet(now)]
        if self._polls:
            self.heard = now
            return []
        if not self._is_late(now):
            return []
        # Control answers though no beat came: something on the way blocks events.
        self._polls = True
        self.heard = now
        self._polled_ms = now.monotonic_ms
        return [ReopenEvents(), PollNow()]

    def _beat(self, beat: Heartbeat, now: Now) -> list[Effect]:
        if self.session is None:
            return []
        if beat.epoch != self._epoch:
            return [*self._session_ends(), *self._greet(now)]
        self.heard = now
        self._every_ms = min(max(beat.every_ms, 1_000), 10_000)
        self._polls = False
        return []

    # --- time ----------------------------------------------------------------------------------

    def _tick(self, now: Now) -> list[Effect]:
        if self._has_slept(now):
            if self.heard is not None:
                # It is as old as the wall clock says, should the other have stood still.
                age_ms = max(now.wall_ms - self.heard.wall_ms, self.age_ms(now) or 0)
                self.heard = Now(self.heard.wall_ms, now.monotonic_ms - age_ms)
            return self._opened(now)
        self._ticked = now
        if self.retry_at_ms is not None:
            return self._opened(now) if now.monotonic_ms >= self.retry_at_ms else []
        if self.session is None:
            is_due = self._hello_at_ms is not None and now.monotonic_ms >= self._hello_at_ms
            return self._greet(now) if self._is_up and is_due else []
        return self._keep_alive(now)

    def _has_slept(self, now: Now) -> bool:
        """The laptop was shut: all connections are dead though nobody said so."""
        if self._ticked is None:
            return False
        wall_ms = now.wall_ms - self._ticked.wall_ms
        monotonic_ms = now.monotonic_ms - self._ticked.monotonic_ms
        # Some systems' monotonic clock stands still in sleep, others' jumps along.
        return wall_ms - monotonic_ms > SLEEP_JUMP_MS or monotonic_ms > SLEEP_JUMP_MS

    def _keep_alive(self, now: Now) -> list[Effect]:
        quiet_ms = now.monotonic_ms - self._sent_ms
        if self._polls:
            if now.monotonic_ms - self._polled_ms < POLL_MS:
                return []
            self._polled_ms = now.monotonic_ms
            return [*self._ping(now), PollNow()]
        if self._is_late(now):
            # The first ping is the probe; while it stays unanswered, ask again at leisure.
            is_due = self._pinged_ms is None or quiet_ms >= PING_AGAIN_MS
            return self._ping(now) if is_due else []
        return self._ping(now) if quiet_ms >= IDLE_PING_MS else []

    def _is_late(self, now: Now) -> bool:
        age_ms = self.age_ms(now)
        return age_ms is None or age_ms >= LATE_AFTER_BEATS * self._every_ms

    def _judge(self, now: Now) -> tuple[str, str]:
        if not self._is_open:
            return OFFLINE, ""
        if self._refusal:
            return REFUSED, self._refusal
        age_ms = self.age_ms(now)
        if age_ms is None:
            return CONNECTING, UNREACHABLE if self._is_up is False else ""
        if self.session is not None and not self._is_late(now):
            return LIVE, EVENTS_BLOCKED if self._polls else ""
        reason = UNREACHABLE if self.session is None else self._silence(now)
        if self._drops >= DROPS_THAT_TELL:
            # Nobody listens there any more: to wait for beats would only hide it.
            return LOST, reason
        if age_ms < max(LOST_AFTER_MS, 7 * self._every_ms):
            return LATE, reason
        return LOST, reason

    def _silence(self, now: Now) -> str:
        """Is the agent only late, or does it not answer the probe either?"""
        is_silent = self._pinged_ms is not None and now.monotonic_ms - self._pinged_ms >= PROBE_MS
        return SILENT if is_silent else ""
