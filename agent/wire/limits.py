"""How much may one key ask for, and how often is one line written?"""

from typing import Final

MAX_SESSIONS: Final = 64
MAX_SESSIONS_PER_KEY: Final = 4
MAX_IN_FLIGHT: Final = 8
MAX_PARKED_PER_SESSION: Final = 8
MAX_PARKED: Final = 128
MAX_BODY_BYTES: Final = 1 << 20
MAX_REPLY_BYTES: Final = 512 << 10
MAX_WIRE_BYTES: Final = MAX_BODY_BYTES + 1024  # libzmq counts the CURVE envelope
MAX_TOPIC_BYTES: Final = 4096  # all that a listener to events ever sends
MAX_FRAMES: Final = 8
RECEIVE_BUFFER_BYTES: Final = 256 << 10
MOST_UNENDED_BYTES: Final = 4 << 20
"""Of messages of one connection that are not whole, or wait to be taken."""
MOST_UNENDED_BYTES_IN_ALL: Final = 16 << 20
MOST_CONNECTIONS: Final = 512
FEWEST_CONNECTIONS: Final = 16
DESCRIPTORS_FOR_WORK: Final = 128
"""What the agent may need for anything else than connections."""
SESSION_SILENCE_MS: Final = 60_000
BAD_FRAMES_PER_MINUTE: Final = 10
MUTE_MS: Final = 60_000
LINES_PER_MINUTE: Final = 5
_MAX_REMEMBERED: Final = 4096


def connections_within(descriptors: int) -> int:
    """How many may be connected, known or not, in a process that may have so many descriptors."""
    # Half of the rest: some more are accepted before the doors are shut.
    room = (descriptors - DESCRIPTORS_FOR_WORK) // 2
    return min(MOST_CONNECTIONS, max(FEWEST_CONNECTIONS, room))


class Bucket:
    """A token bucket: `burst` at once, then `per_second`."""

    __slots__ = ("_at_ms", "_burst", "_level", "_per_second")

    def __init__(self, per_second: float, burst: float, now_ms: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._level = burst
        self._at_ms = now_ms

    def take(self, amount: float, now_ms: int) -> bool:
        """Take this amount; False, and nothing taken, when there is not enough."""
        self._refill(now_ms)
        if amount > self._level:
            return False
        self._level -= amount
        return True

    def spend(self, amount: float, now_ms: int) -> None:
        """Take what was used already, going into debt if need be."""
        self._refill(now_ms)
        self._level -= amount

    def wait_ms(self, amount: float, now_ms: int) -> int:
        """How long until this amount is there."""
        self._refill(now_ms)
        missing = amount - self._level
        return 0 if missing <= 0 else int(missing / self._per_second * 1000) + 1

    def _refill(self, now_ms: int) -> None:
        gained = (now_ms - self._at_ms) / 1000 * self._per_second
        self._level = min(self._burst, self._level + max(0.0, gained))
        self._at_ms = now_ms


class KeyLimits:
    """The buckets of one key, shared by all its sessions."""

    __slots__ = ("bad_frames", "bytes", "commands", "muted_until_ms", "reads")

    def __init__(self, now_ms: int) -> None:
        self.reads = Bucket(50, 100, now_ms)
        self.commands = Bucket(5, 20, now_ms)
        self.bytes = Bucket(4 << 20, 4 << 20, now_ms)
        self.bad_frames = Bucket(BAD_FRAMES_PER_MINUTE / 60, BAD_FRAMES_PER_MINUTE, now_ms)
        self.muted_until_ms = 0


class LineLimit:
    """Says whether one more log line about this peer is wanted; never remembers without bound."""

    def __init__(self, per_minute: int = LINES_PER_MINUTE) -> None:
        self._per_minute = per_minute
        self._minute = 0
        self._seen: dict[str, int] = {}

    def allows(self, peer: str, now_ms: int) -> bool:
        """True for the first few lines of a peer in each minute."""
        minute = now_ms // 60_000
        if minute != self._minute:
            self._minute = minute
            self._seen.clear()
        if peer not in self._seen and len(self._seen) >= _MAX_REMEMBERED:
            return False
        self._seen[peer] = self._seen.get(peer, 0) + 1
        return self._seen[peer] <= self._per_minute
