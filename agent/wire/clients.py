"""Who may come in, as what: every key the agent knows, in memory."""

import ipaddress
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import msgspec

from agent.wire.filters import plain

INVITE = "invite"
EVENTS_DOMAIN = "events"
_REMEMBERED = 256


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """One key the agent knows; an invite is one too, with the role it will give in `grants`."""

    key_id: str
    public: str
    label: str
    role: str
    loopback_only: bool = False
    expires_ms: int | None = None
    grants: str | None = None

    @property
    def is_invite(self) -> bool:
        """This key may only enroll another one."""
        return self.role == INVITE


class Clients:
    """The table of keys; ZAP and the dispatcher look here, so a change acts at once."""

    def __init__(self, now_ms: Callable[[], int], *, local: Iterable[Client] = ()) -> None:
        self._now_ms = now_ms
        self._local = {client.public: client for client in local}
        self._known: dict[str, Client] = dict(self._local)
        self._watchers: list[Callable[[tuple[Client, ...]], None]] = []
        self._admitted: deque[tuple[int, str, str]] = deque(maxlen=_REMEMBERED)
        self._muted: dict[str, int] = {}

    def on_removed(self, watcher: Callable[[tuple[Client, ...]], None]) -> None:
        """Call this with the keys that are no longer admitted, each time there are some."""
        self._watchers.append(watcher)

    def replace(self, clients: Iterable[Client]) -> None:
        """From now on exactly these keys, and the local one, are known."""
        before = self._known
        self._known = {client.public: client for client in clients} | self._local
        self._tell_removed([before[public] for public in before.keys() - self._known.keys()])

    def put(self, client: Client) -> None:
        """Know this key, or know it as something else from now on."""
        self._known[client.public] = client

    def remove(self, public: str) -> bool:
        """Forget this key; False when it was not known. The local key stays."""
        if public in self._local or public not in self._known:
            return False
        self._tell_removed([self._known.pop(public)])
        return True

    def get(self, public: str) -> Client | None:
        """What this key is now; None when it is unknown, removed or expired."""
        client = self._known.get(public)
        if client is None:
            return None
        if client.expires_ms is not None and client.expires_ms <= self._now_ms():
            return None
        return client

    def by_key_id(self, key_id: str) -> Client | None:
        """The key with this id, expired or not."""
        return next((known for known in self._known.values() if known.key_id == key_id), None)

    def refusal(self, public: str, *, domain: str, address: str) -> str | None:
        """Why this key may not connect here from there; None when it may."""
        client = self.get(public)
        if client is None:
            return "expired key" if public in self._known else "unknown key"
        if client.loopback_only and not is_loopback(address):
            return "local key used from elsewhere"
        if domain == EVENTS_DOMAIN and client.is_invite:
            return "invites do not see events"
        if self._muted.get(public, 0) > self._now_ms():
            return "muted key"
        return None

    def note_admitted(self, public: str, address: str) -> None:
        """A connection of this key from there was let in."""
        self._admitted.append((self._now_ms(), address, public))

    def admitted_from(self, address: str, since_ms: int) -> frozenset[str]:
        """The keys that were let in from there since then."""
        place = plain(address)
        return frozenset(
            public
            for at_ms, its, public in self._admitted
            if at_ms >= since_ms and plain(its) == place
        )

    def mute(self, public: str, until_ms: int) -> None:
        """Let no new connection of this key in until then."""
        now_ms = self._now_ms()
        self._muted = {key: ends for key, ends in self._muted.items() if ends > now_ms}
        self._muted[public] = until_ms

    def __iter__(self) -> Iterator[Client]:
        return iter(tuple(self._known.values()))

    def _tell_removed(self, removed: list[Client]) -> None:
        if not removed:
            return
        for watcher in self._watchers:
            watcher(tuple(removed))


def is_loopback(address: str) -> bool:
    """Is this peer on the same machine? libzmq writes IPv4 as ::ffff:127.0.0.1."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)
