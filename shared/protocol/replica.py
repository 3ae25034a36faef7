"""What the agent's rows are, as far as was heard: the reader's side of replication."""

from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from shared.protocol.events import Heartbeat
from shared.protocol.requests import Sync
from shared.protocol.rows import Delta, Key, Row, key_of

ANSWER_WITHIN_MS: Final = 5_000
ASK_AGAIN_MS: Final = 1_000
HELD_DELTAS: Final = 200
PAGE_ROWS: Final = 500


class Connected(msgspec.Struct, frozen=True):
    """A session stands."""

    epoch: str


class Disconnected(msgspec.Struct, frozen=True):
    """The session is over; what was asked stays unanswered."""


class Published(msgspec.Struct, frozen=True):
    """A delta came as an event."""

    delta: Delta


class Answered(msgspec.Struct, frozen=True):
    """The answer to the ask with this token."""

    token: int
    delta: Delta


class Failed(msgspec.Struct, frozen=True):
    """The ask with this token was refused or timed out."""

    token: int
    code: str = "timeout"
    after_ms: int | None = None


class Tick(msgspec.Struct, frozen=True):
    """Time has passed; to be fed about once a second."""


class Poll(msgspec.Struct, frozen=True):
    """Events do not arrive: ask instead."""


class Reload(msgspec.Struct, frozen=True):
    """The user wants everything anew."""


Message: TypeAlias = (
    Connected | Disconnected | Published | Answered | Failed | Heartbeat | Tick | Poll | Reload
)


class Ask(msgspec.Struct, frozen=True):
    """A request to be sent; its end is fed as Answered or Failed with the same token."""

    token: int
    request: Sync


class Changes(msgspec.Struct, frozen=True):
    """What to show differently. After a `reset`, `upserts` are all the rows there are."""

    upserts: tuple[Row, ...] = ()
    removals: tuple[Key, ...] = ()
    reset: bool = False
    asks: tuple[Ask, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Nothing to show differently."""
        return not (self.upserts or self.removals or self.reset)


class _Build(msgspec.Struct):
    """A snapshot under way."""

    epoch: str
    base: int
    rows: dict[Key, Row]


class Replica:
    """The rows of one scope of one agent.

    Events may be lost, doubled or late, answers may fail: in the end the rows are the agent's.
    Owns no socket: it is fed, and says what changed and what to ask.
    """

    def __init__(self, scope: str, *, page_rows: int = PAGE_ROWS) -> None:
        self.scope = scope
        self.epoch: str | None = None
        self.local = 0
        self._rows: dict[Key, Row] = {}
        self._page_rows = page_rows
        self._is_connected = False
        self._token = 0
        self._asked: Sync | None = None
        self._asked_ms = 0
        self._ask_again_ms: int | None = None
        self._seen = 0  # the newest revision of this epoch that anybody spoke of
        self._build: _Build | None = None
        self._held: list[Delta] | None = None  # a list while a snapshot is under way

    @property
    def rows(self) -> MappingProxyType[Key, Row]:
        """The rows by kind and id."""
        return MappingProxyType(self._rows)

    @property
    def is_refreshing(self) -> bool:
        """A snapshot is under way; the rows shown are those from before."""
        return self._held is not None

    def feed(self, message: Message, now_ms: int) -> Changes:
        """Take in what happened; `now_ms` is monotonic."""
        match message:
            case Published(delta):
                return self._published(delta, now_ms) if delta.scope == self.scope else Changes()
            case Answered(token, delta):
                if token != self._token or self._asked is None:
                    return Changes()
                self._asked = None
                return self._answered(delta, now_ms)
            case Heartbeat():
                return self._heartbeat(message, now_ms)
            case Failed(token, code, after_ms):
                if token == self._token and self._asked is not None:
                    return self._failed(code, after_ms, now_ms)
                return Changes()
            case _:
                return self._steered(message, now_ms)

    def _steered(
        self, message: Connected | Disconnected | Tick | Poll | Reload, now_ms: int
    ) -> Changes:
        match message:
            case Connected():
                self._is_connected = True
                self._forget_asking()
                return self._ask_changes(now_ms)
            case Disconnected():
                self._is_connected = False
                self._forget_asking()
                return Changes()
            case Poll():
                return self._ask_changes(now_ms)
            case Reload():
                return self._ask_everything(now_ms)
            case Tick():
                return self._tick(now_ms)

    # --- what is heard -------------------------------------------------------------------------

    def _published(self, delta: Delta, now_ms: int) -> Changes:
        if self._held is not None:
            if len(self._held) >= HELD_DELTAS:
                return self._ask_everything(now_ms)
            self._held.append(delta)
            return Changes()
        if delta.epoch != self.epoch:
            return self._ask_everything(now_ms)
        self._seen = max(self._seen, delta.to_rev, delta.head)
        if delta.from_rev > self.local:
            return self._ask_changes(now_ms)
        return self._applied(delta)

    def _heartbeat(self, beat: Heartbeat, now_ms: int) -> Changes:
        if self._held is not None:
            return Changes()
        if beat.epoch != self.epoch:
            return self._ask_everything(now_ms)
        self._seen = max(self._seen, getattr(beat.revs, self.scope, 0))
        return self._ask_changes(now_ms) if self._seen > self.local else Changes()

    def _answered(self, delta: Delta, now_ms: int) -> Changes:
        if delta.full:
            return self._page(delta, now_ms)
        if delta.epoch != self.epoch or delta.from_rev > self.local:
            return self._ask_everything(now_ms)
        self._seen = max(self._seen, delta.head)
        changes = self._applied(delta)
        return self._with_rest(changes, now_ms)

    def _failed(self, code: str, after_ms: int | None, now_ms: int) -> Changes:
        self._asked = None
        if code == "bad_cursor":
            return self._ask_everything(now_ms)
        self._ask_again_ms = now_ms + (after_ms or ASK_AGAIN_MS)
        return Changes()

    def _tick(self, now_ms: int) -> Changes:
        if self._asked is not None:
            if now_ms - self._asked_ms < ANSWER_WITHIN_MS:
                return Changes()
            return self._ask(self._asked, now_ms)
        if self._ask_again_ms is None or now_ms < self._ask_again_ms:
            return Changes()
        if self._held is not None:
            return self._ask_everything(now_ms)
        return self._ask_changes(now_ms)

    # --- taking over ---------------------------------------------------------------------------

    def _applied(self, delta: Delta) -> Changes:
        if delta.to_rev <= self.local:
            # Late or doubled: its removals were superseded, its rows may since be gone.
            return Changes()
        upserts = tuple(row for row in delta.rows.all() if self._is_news(key_of(row), row.rev))
        removals = tuple(
            (dead.kind, dead.id)
            for dead in delta.gone
            if (dead.kind, dead.id) in self._rows and self._is_news((dead.kind, dead.id), dead.rev)
        )
        self._rows.update((key_of(row), row) for row in upserts)
        for key in removals:
            del self._rows[key]
        self.local = delta.to_rev
        return Changes(upserts, removals)

    def _is_news(self, key: Key, rev: int) -> bool:
        held = self._rows.get(key)
        return held is None or rev > held.rev

    def _page(self, delta: Delta, now_ms: int) -> Changes:
        if self._held is None:
            self._held = []
        if self._build is None:
            self._build = _Build(delta.epoch, delta.head, {})
        elif self._build.epoch != delta.epoch:
            return self._ask_everything(now_ms)
        self._build.rows.update((key_of(row), row) for row in delta.rows.all())
        if delta.more:
            return self._ask(self._everything(delta.cursor), now_ms)
        return self._swap(self._build, self._held, delta.head, now_ms)

    def _swap(self, build: _Build, held: list[Delta], head: int, now_ms: int) -> Changes:
        before = self._rows
        self._rows, self.epoch, self.local = build.rows, build.epoch, build.base
        self._seen = head
        self._build = self._held = None
        for delta in held:
            if delta.epoch != self.epoch:
                continue
            self._seen = max(self._seen, delta.to_rev, delta.head)
            if delta.from_rev <= self.local:
                self._applied(delta)
        removals = tuple(key for key in before if key not in self._rows)
        changes = Changes(tuple(self._rows.values()), removals, reset=True)
        return self._with_rest(changes, now_ms)

    def _with_rest(self, changes: Changes, now_ms: int) -> Changes:
        """These changes, and an ask for what is known to lie beyond them."""
        if self._seen <= self.local:
            return changes
        return msgspec.structs.replace(changes, asks=self._ask_changes(now_ms).asks)

    # --- asking: one at a time -----------------------------------------------------------------

    def _ask_changes(self, now_ms: int) -> Changes:
        if self._asked is not None or self._held is not None:
            return Changes()
        if self.epoch is None or self.local == 0:
            return self._ask_everything(now_ms)
        request = Sync(scope=self.scope, epoch=self.epoch, since=self.local, limit=self._page_rows)
        return self._ask(request, now_ms)

    def _ask_everything(self, now_ms: int) -> Changes:
        """Begin a snapshot, from its first page, whatever was under way."""
        if not self._is_connected:
            return Changes()
        self._build = None
        self._held = []
        return self._ask(self._everything(None), now_ms)

    def _everything(self, cursor: str | None) -> Sync:
        return Sync(scope=self.scope, since=0, cursor=cursor, limit=self._page_rows)

    def _ask(self, request: Sync, now_ms: int) -> Changes:
        if not self._is_connected:
            return Changes()
        self._token += 1
        self._asked, self._asked_ms, self._ask_again_ms = request, now_ms, None
        return Changes(asks=(Ask(self._token, request),))

    def _forget_asking(self) -> None:
        self._asked = self._ask_again_ms = None
        self._build = self._held = None
