"""How do all rows come from one database into another, and how is that proved?"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import msgspec
from sqlalchemy import Column, Connection, Row, Table, and_, func, or_, select

from agent.errors import Conflict, NotStorable, StorageError
from agent.store import state
from agent.store.database import Database
from agent.store.engines import name_of
from schema.tables import metadata
from schema.tables import state as state_table

SLICE: Final = 1_000
"""Rows that are read, and written, at once."""

Told = Callable[[str, int, int], None]
"""Hears, slice after slice: the table, how many of its rows are done, of how many."""


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """One table as it is in both databases now."""

    table: str
    rows: int
    copied: int
    sha256: str


def move(source: Database, target: Database, *, now_ms: int, told: Told) -> tuple[Moved, ...]:
    """Copy every row that is not there yet, then compare all of them; raises StorageError.

    The target is new, or what an earlier call left half done: then it is gone on with. Nothing is
    taken away from the source. Raises Conflict where an agent works on the source, or where the
    target holds rows of its own.
    """
    _refuse_held(source, now_ms)
    _claim(source, target, now_ms)
    copied = {table.name: _copy(source, target, table, told) for table in _tables()}
    target.write_now(partial(_put_state, rows=source.read_now(_state_rows)))
    moved = []
    for table in (*_tables(), state_table):
        rows, ours = source.read_now(partial(digest, table=table))
        others, theirs = target.read_now(partial(digest, table=table))
        if (rows, ours) != (others, theirs):
            raise StorageError(
                f"table {table.name} is not the same in both databases ({rows} rows in "
                f"{name_of(source.url)}, {others} in {name_of(target.url)}); empty the target "
                "and move again"
            )
        name = str(table.name)  # SQLAlchemy's own kind of text is no JSON
        moved.append(Moved(table=name, rows=rows, copied=copied.get(name, rows), sha256=ours))
    target.write_now(_let_go)
    return tuple(moved)


def digest(connection: Connection, table: Table) -> tuple[int, str]:
    """How many rows a table has, and the same text for the same rows in every database."""
    found, count = hashlib.sha256(), 0
    for rows in _slices(connection, table, after=None):
        for row in rows:
            if table is state_table and row.name == state.MOVING_FROM:
                continue
            plain = [_plain(value) for value in row]
            # What is a map has no order of its own; texts of it may differ in theirs.
            found.update(msgspec.json.encode(plain, order="deterministic"))
            count += 1
    return count, found.hexdigest()


def _plain(value: Any) -> Any:
    """Databases differ in how they hold yes and no, and in nothing else that lies in a row."""
    return int(value) if isinstance(value, bool) else value


def _tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if table is not state_table]


def _refuse_held(source: Database, now_ms: int) -> None:
    holder = source.read_now(state.held_by)
    if holder is not None and abs(now_ms - holder.at_ms) < state.HOLDER_LIVES_MS:
        raise Conflict(
            f"agent {holder.agent_id} on host {holder.host!r} works on {name_of(source.url)}; "
            "stop it first: what it writes meanwhile would be left behind"
        )


def _claim(source: Database, target: Database, now_ms: int) -> None:
    """Mark the target as half moved, or see that it is so from the same source."""
    origin = name_of(source.url)
    if origin == name_of(target.url):
        raise Conflict(f"{origin} is where the rows are already; name another database")
    begun = target.read_now(partial(state.get, name=state.MOVING_FROM))
    if begun is None:
        filled = [table.name for table in _tables() if target.read_now(partial(_has_rows, table))]
        if filled:
            raise Conflict(
                f"database {name_of(target.url)} holds rows already ({', '.join(filled[:3])}); "
                "move into an empty one"
            )
        target.write_now(partial(state.put, name=state.MOVING_FROM, value=origin, now_ms=now_ms))
    elif begun != origin:
        raise Conflict(
            f"database {name_of(target.url)} is half moved from {begun}; go on with that one, "
            "or empty it"
        )


def _has_rows(table: Table, connection: Connection) -> bool:
    return connection.execute(select(*table.primary_key).limit(1)).first() is not None


def _copy(source: Database, target: Database, table: Table, told: Told) -> int:
    """Copy what comes after the last row that is there; how many."""
    total = source.read_now(partial(_count, table))
    there = target.read_now(partial(_count, table))
    told(table.name, there, total)
    copied = 0
    after = target.read_now(partial(_last_key, table)) if there else None
    while rows := source.read_now(partial(_slice, table=table, after=after)):
        try:
            target.write_now(partial(_insert, table, [dict(row._mapping) for row in rows]))
        except NotStorable as error:
            raise StorageError(
                f"table {table.name}, rows {_key(table, rows[0])} to {_key(table, rows[-1])}: "
                f"{error}; then move again, and it goes on from there"
            ) from error
        copied += len(rows)
        after = _key(table, rows[-1])
        told(table.name, there + copied, total)
    return copied


def _insert(table: Table, rows: Sequence[dict[str, Any]], connection: Connection) -> None:
    connection.execute(table.insert(), rows)


def _count(table: Table, connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _last_key(table: Table, connection: Connection) -> tuple[Any, ...] | None:
    keys = list(table.primary_key)
    row = connection.execute(select(*keys).order_by(*[key.desc() for key in keys]).limit(1)).first()
    return None if row is None else tuple(row)


def _slices(
    connection: Connection, table: Table, *, after: tuple[Any, ...] | None
) -> Iterator[Sequence[Row[Any]]]:
    while rows := _slice(connection, table=table, after=after):
        yield rows
        after = _key(table, rows[-1])


def _slice(
    connection: Connection, *, table: Table, after: tuple[Any, ...] | None
) -> Sequence[Row[Any]]:
    keys = list(table.primary_key)
    query = select(table).order_by(*keys).limit(SLICE)
    if after is not None:
        query = query.where(_is_after(keys, after))
    try:
        return connection.execute(query).all()
    except (ValueError, TypeError) as error:
        raise StorageError(
            f"table {table.name} cannot be read after {after}: {error}; correct that row first"
        ) from error


def _is_after(keys: Sequence[Column[Any]], after: tuple[Any, ...]) -> Any:
    """Later in the order of the key: a row value, written so that every planner uses the index."""
    steps = []
    for place, key in enumerate(keys):
        same = [before == value for before, value in zip(keys[:place], after, strict=False)]
        steps.append(and_(*same, key > after[place]))
    return or_(*steps)


def _key(table: Table, row: Row[Any]) -> tuple[Any, ...]:
    return tuple(row._mapping[key] for key in table.primary_key)


def _state_rows(connection: Connection) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(select(state_table))]


def _put_state(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """What the agent remembers about itself: the target has a few rows of its own by now."""
    connection.execute(state_table.delete().where(state_table.c.name != state.MOVING_FROM))
    for row in rows:
        connection.execute(state_table.insert(), row)


def _let_go(connection: Connection) -> None:
    connection.execute(state_table.delete().where(state_table.c.name == state.MOVING_FROM))
