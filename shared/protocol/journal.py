"""What changed, by revision: the agent's side of replication."""

import base64
from collections.abc import Callable, Iterator
from itertools import islice, takewhile
from typing import Final

import msgspec

from shared.protocol.errors import BadCursor, BadRequest
from shared.protocol.events import Revs
from shared.protocol.rows import (
    ALERTS,
    SCOPES,
    STATE,
    Alert,
    Delta,
    Key,
    Row,
    Rows,
    Tombstone,
    key_of,
)

TOMBSTONES: Final = 10_000
ROWS_PER_DELTA: Final = 500
ROWS_PER_PAGE: Final = 500


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    scope: str
    kind: str
    id: str


_cursors: Final = msgspec.msgpack.Decoder(_Cursor)


class Journal:
    """The newest value of every row, and which revision brought it; nothing older is kept."""

    def __init__(
        self,
        epoch: str,
        *,
        tombstones: int = TOMBSTONES,
        rows_per_delta: int = ROWS_PER_DELTA,
        rows_per_page: int = ROWS_PER_PAGE,
    ) -> None:
        self.epoch = epoch
        self._rows_per_delta = rows_per_delta
        self._rows_per_page = rows_per_page
        self._scopes = {scope: _Scope(tombstones) for scope in SCOPES}
        self._tell: Callable[[], None] = lambda: None
        self._later: dict[Key, Callable[[str], Row | None]] = {}  # rows that are not made yet

    def on_change(self, tell: Callable[[], None]) -> None:
        """Call this whenever there is something to flush; one listener, the publisher."""
        self._tell = tell

    def put(self, row: Row) -> int:
        """Take over a row and return the revision that shows it; an unchanged one costs none."""
        if self._later:
            self._later.pop(key_of(row), None)
        scope = self._scopes[ALERTS if isinstance(row, Alert) else STATE]
        return self._told(scope, scope.put(row))

    def put_later(self, kind: str, row_id: str, make: Callable[[str], Row | None]) -> None:
        """A row may be another one: it is made of its id when somebody asks, None lets it go.

        However often it changes until then, it is made once.
        """
        self._later[kind, row_id] = make
        self._tell()

    def remove(self, kind: str, row_id: str) -> int:
        """Let a row go and return the revision that shows it; an unknown one costs none."""
        self._later.pop((kind, row_id), None)
        scope = self._scopes[ALERTS if kind == "alert" else STATE]
        return self._told(scope, scope.remove((kind, row_id)))

    def _settle(self) -> None:
        """Make what was put for later."""
        while self._later:
            (kind, row_id), make = self._later.popitem()
            row = make(row_id)
            if row is None:
                self.remove(kind, row_id)
            else:
                self.put(row)

    def _told(self, scope: "_Scope", rev: int) -> int:
        if scope.rev > scope.published:
            self._tell()
        return rev

    def get(self, kind: str, row_id: str) -> Row | None:
        """The row as it is now."""
        self._settle()
        return self._scopes[ALERTS if kind == "alert" else STATE].live.get((kind, row_id))

    def rows(self, scope: str) -> tuple[Row, ...]:
        """All rows of a scope, the latest changed last."""
        self._settle()
        return tuple(self._scopes[scope].live.values())

    @property
    def revs(self) -> Revs:
        """The newest revisions, published or not."""
        self._settle()
        return Revs(state=self._scopes[STATE].rev, alerts=self._scopes[ALERTS].rev)

    @property
    def published(self) -> Revs:
        """The newest revisions that `flush` handed out: what a heartbeat may tell."""
        return Revs(state=self._scopes[STATE].published, alerts=self._scopes[ALERTS].published)

    def flush(self, now_ms: int) -> list[Delta]:
        """Everything that changed since the last flush, as a chain of deltas to be published."""
        self._settle()
        deltas: list[Delta] = []
        for name, scope in self._scopes.items():
            if scope.rev > scope.published:
                deltas.extend(self._chain(name, scope, now_ms))
                scope.published = scope.rev
        return deltas

    def sync(
        self,
        scope: str,
        *,
        since: int = 0,
        epoch: str | None = None,
        cursor: str | None = None,
        limit: int = ROWS_PER_PAGE,
        now_ms: int,
    ) -> Delta:
        """What a reader at `since` lacks, or a page of everything if that cannot be told.

        At most `limit` rows; `more` says there are others. Raises BadRequest or BadCursor.
        """
        self._settle()
        kept = self._scopes.get(scope)
        if kept is None:
            raise BadRequest(
                f"scope = {scope[:40]!r}: must be one of {', '.join(SCOPES)}",
                detail={"path": "$.scope"},
            )
        limit = max(1, min(limit, self._rows_per_page))
        knows_since = epoch == self.epoch and 0 < since <= kept.rev and since >= kept.floor
        if cursor is None and knows_since:
            items = tuple(islice(kept.after(since), limit + 1))
            more = len(items) > limit
            items = items[:limit]
            to = items[-1].rev if more else kept.rev
            return self._delta(scope, since, to, items, now_ms, more=more)
        return self._page(scope, kept, cursor, limit, now_ms)

    def _chain(self, name: str, scope: "_Scope", now_ms: int) -> Iterator[Delta]:
        if scope.floor > scope.published:
            # The removals can no longer be told: let every reader see a gap and ask.
            yield self._delta(name, scope.rev, scope.rev, (), now_ms)
            return
        changed = scope.after(scope.published)
        start = scope.published
        while items := tuple(islice(changed, self._rows_per_delta)):
            yield self._delta(name, start, items[-1].rev, items, now_ms)
            start = items[-1].rev

    def _page(
        self, name: str, scope: "_Scope", cursor: str | None, limit: int, now_ms: int
    ) -> Delta:
        begin = ("", "") if cursor is None else _read_cursor(cursor, name)
        keys = sorted(key for key in scope.live if key > begin)
        more = len(keys) > limit
        items = tuple(scope.live[key] for key in keys[:limit])
        end = _make_cursor(name, keys[limit - 1]) if more else None
        return self._delta(name, 0, scope.rev, items, now_ms, more=more, full=True, cursor=end)

    def _delta(
        self,
        scope: str,
        start: int,
        to: int,
        items: tuple[Row | Tombstone, ...],
        now_ms: int,
        *,
        more: bool = False,
        full: bool = False,
        cursor: str | None = None,
    ) -> Delta:
        return Delta(
            scope=scope,
            epoch=self.epoch,
            from_rev=start,
            to_rev=to,
            head=self._scopes[scope].rev,
            ts_ms=now_ms,
            rows=Rows.of(item for item in items if not isinstance(item, Tombstone)),
            gone=tuple(item for item in items if isinstance(item, Tombstone)),
            full=full,
            cursor=cursor,
            more=more,
        )


class _Scope:
    """The rows of one counter; both dicts are kept in the order of revisions."""

    def __init__(self, tombstones: int) -> None:
        self.rev = 0
        self.published = 0
        self.floor = 0
        self.live: dict[Key, Row] = {}
        self.dead: dict[Key, Tombstone] = {}
        self._most_dead = tombstones

    def put(self, row: Row) -> int:
        key = key_of(row)
        held = self.live.get(key)
        if held is not None and msgspec.structs.replace(row, rev=held.rev) == held:
            return held.rev
        self.rev += 1
        self.live.pop(key, None)
        self.dead.pop(key, None)
        self.live[key] = msgspec.structs.replace(row, rev=self.rev)
        return self.rev

    def remove(self, key: Key) -> int:
        if self.live.pop(key, None) is None:
            return self.rev
        self.rev += 1
        self.dead[key] = Tombstone(*key, self.rev)
        if len(self.dead) > self._most_dead:
            oldest = self.dead.pop(next(iter(self.dead)))
            self.floor = oldest.rev
        return self.rev

    def after(self, rev: int) -> Iterator[Row | Tombstone]:
        """What is newer than this revision, oldest first; costs as much as there is of it."""
        changed: list[Row | Tombstone] = [
            *takewhile(lambda row: row.rev > rev, reversed(self.live.values())),
            *takewhile(lambda tombstone: tombstone.rev > rev, reversed(self.dead.values())),
        ]
        changed.sort(key=lambda item: item.rev)
        return iter(changed)


def _make_cursor(scope: str, key: Key) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(_Cursor(scope, *key))).decode()


def _read_cursor(text: str, scope: str) -> Key:
    try:
        cursor = _cursors.decode(base64.urlsafe_b64decode(text))
    except (ValueError, RecursionError) as error:
        raise BadCursor("the cursor cannot be read; begin again without one") from error
    if cursor.scope != scope:
        raise BadCursor(f"the cursor is of scope {cursor.scope[:40]!r}; begin again without one")
    return cursor.kind, cursor.id
