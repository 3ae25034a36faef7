"""Who is connected now, and how much may each still ask?"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from agent.wire.clients import Client
from agent.wire.limits import (
    MAX_SESSIONS,
    MAX_SESSIONS_PER_KEY,
    SESSION_SILENCE_MS,
    KeyLimits,
)

REPLACEABLE_MS = 20_000  # a living desktop asks something every 15 s
_MAX_LIMITS = 1024


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks: the key, what it may do, and where it is."""

    key_id: str
    public: str
    label: str
    role: str
    address: str = ""
    grants: str | None = None

    @property
    def name(self) -> str:
        """What records call this person."""
        return self.label or self.key_id


def who(client: Client, address: str) -> Who:
    """The asker behind a key at an address."""
    return Who(
        key_id=client.key_id,
        public=client.public,
        label=client.label,
        role=client.role,
        address=address,
        grants=client.grants,
    )


@dataclass(slots=True, eq=False)
class Session:
    """One connection that has said hello; a new connection is a new session."""

    routing_id: bytes
    public: str
    address: str
    seen_ms: int
    packs: bool = False
    is_brief: bool = False  # of a client that asks once, then goes without a word
    in_flight: int = 0
    is_slow: bool = False
    ended_by: str | None = None
    parked: set[asyncio.Task[None]] = field(default_factory=set)


class Sessions:
    """All sessions, and the rate limits of their keys; never more than the caps allow."""

    def __init__(self) -> None:
        self._by_route: dict[bytes, Session] = {}
        self._limits: dict[str, KeyLimits] = {}

    def __len__(self) -> int:
        return len(self._by_route)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._by_route.values()))

    @property
    def parked(self) -> int:
        """Reads held back, over all sessions."""
        return sum(len(session.parked) for session in self._by_route.values())

    def get(self, routing_id: bytes, public: str) -> Session | None:
        """The session of this connection, if this key opened it."""
        session = self._by_route.get(routing_id)
        return session if session is not None and session.public == public else None

    def room_for(self, routing_id: bytes, public: str, now_ms: int) -> bool:
        """Make room for one more session; False when all others are alive."""
        others = [s for s in self._by_route.values() if s.routing_id != routing_id]
        same_key = [s for s in others if s.public == public]
        if len(same_key) >= MAX_SESSIONS_PER_KEY:
            return self._drop_stalest(same_key, now_ms)
        if len(others) >= MAX_SESSIONS:
            return self._drop_stalest(others, now_ms)
        return True

    def open(self, session: Session) -> None:
        """Remember a session; one that this connection had before is forgotten."""
        self._by_route[session.routing_id] = session

    def drop(self, session: Session, code: str) -> None:
        """Forget a session; what it has parked is answered with this code."""
        if self._by_route.get(session.routing_id) is session:
            del self._by_route[session.routing_id]
        session.ended_by = code
        for task in tuple(session.parked):
            task.cancel()

    def silent(self, now_ms: int) -> list[Session]:
        """The sessions that have asked nothing for too long and wait for nothing."""
        return [
            session
            for session in self._by_route.values()
            if now_ms - session.seen_ms > SESSION_SILENCE_MS
            and not session.parked
            and not session.in_flight
        ]

    def limits(self, public: str, now_ms: int) -> KeyLimits:
        """The buckets of a key."""
        found = self._limits.get(public)
        if found is None:
            if len(self._limits) >= _MAX_LIMITS:
                # Only admitted keys get here, so this is a long life, not an attack.
                self._limits.pop(next(iter(self._limits)))
            found = self._limits[public] = KeyLimits(now_ms)
        return found

    def _drop_stalest(self, among: list[Session], now_ms: int) -> bool:
        idle = [session for session in among if not session.parked and not session.in_flight]
        stalest = min(idle, key=lambda s: (not s.is_brief, s.seen_ms), default=None)
        if stalest is None:
            return False
        if not stalest.is_brief and now_ms - stalest.seen_ms < REPLACEABLE_MS:
            return False
        self.drop(stalest, "hello_required")
        return True
