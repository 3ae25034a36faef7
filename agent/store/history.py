"""Which rows does a page of history hold, and how far back did looking for them get?

A page costs the same however many rows there are: each stream of rows that have one value in
common is the end of an index. What no index knows (text, and one word more than it has) is looked
for slice by slice for a while, and the next page goes on from there.
"""

import re
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    func,
    or_,
    select,
    union_all,
)

from agent.ulid import first_ulid, ulid_ms
from schema.tables import executions

SLICE: Final = 500
"""Rows looked through at once: a page may take as much longer than its budget as one slice does."""
TEXT_SLICE: Final = 250
"""The same for a text: each has an output to be read."""
PAGE_BUDGET_MS: Final = 3
"""How long a page for the wire may look; what it takes to find the first slice is not bounded."""

_ESCAPED: Final = re.compile("[/%_]")
_AFTER_ALL: Final = "~"  # sorts after every id
_COMMON: Final = frozenset({"success", "schedule", "skipped"})
# Which share of all rows one word leaves, at a guess: the smallest is looked through.
_OF_A_TASK: Final = 0.02
_OF_A_RARE_WORD: Final = 0.03
_OF_A_COMMON_WORD: Final = 0.9
_OF_A_CATEGORY: Final = 0.2
_OF_A_HOST: Final = 0.5


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs are wanted; empty means all. `from_ms` <= queued < `to_ms`."""

    task_name: str | None = None
    category: str | None = None
    statuses: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()
    host: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    text: str | None = None


class Found(msgspec.Struct, frozen=True):
    """Ids of rows, newest first; `next` is where the next page begins, None at the end."""

    ids: tuple[str, ...]
    next: str | None


class _Shape(msgspec.Struct, frozen=True):
    """What makes a statement: which index is walked, in how many streams, what is left to ask."""

    index: tuple[str, ...] = ()
    streams: int = 1
    rest: tuple[tuple[str, int], ...] = ()
    has_text: bool = False

    @property
    def is_exact(self) -> bool:
        """Every row of the streams is wanted."""
        return not self.rest and not self.has_text


def find(
    connection: Connection,
    wanted: RunFilter,
    *,
    before: str | None = None,
    limit: int,
    budget_ms: int | None = None,
) -> Found:
    """The newest `limit` rows that are wanted and older than the id `before`.

    With a budget the search may end early: then there are fewer, and `next` says how far back it
    got, so that the next page goes on from there.
    """
    shape, values = _plan(wanted)
    values["before"] = _earliest(before, wanted.to_ms)
    values["floor"] = "" if wanted.from_ms is None else first_ulid(wanted.from_ms)
    if shape.is_exact:
        ids = connection.scalars(_ids(shape), values | {"most": limit + 1}).all()
        return _page(ids, limit)
    return _search(connection, shape, values, limit=limit, budget_ms=budget_ms)


def searched_ms(found: Found, limit: int) -> int | None:
    """How far back a page that is not full was looked for; None when that is no question."""
    if found.next is None or len(found.ids) == limit:
        return None
    return ulid_ms(found.next)


def _search(
    connection: Connection,
    shape: _Shape,
    values: dict[str, Any],
    *,
    limit: int,
    budget_ms: int | None,
) -> Found:
    """Slice by slice, until there are enough, nothing is left, or the time is over."""
    until = None if budget_ms is None else time.monotonic() + budget_ms / 1000
    values = values | {"skip": (TEXT_SLICE if shape.has_text else SLICE) - 1}
    ids: list[str] = []
    while True:
        last = connection.scalar(_last_of_slice(shape), values)
        of_slice = {"floor": last or values["floor"], "most": limit + 1 - len(ids)}
        ids += connection.scalars(_ids(shape), values | of_slice).all()
        if len(ids) > limit or last is None:
            return _page(ids, limit)
        values["before"] = last
        if until is not None and time.monotonic() >= until:
            return Found(tuple(ids), last)


def _page(ids: Sequence[str], limit: int) -> Found:
    shown = tuple(ids[:limit])
    return Found(shown, shown[-1] if len(ids) > limit else None)


def _earliest(before: str | None, to_ms: int | None) -> str:
    ends = [] if before is None else [before]
    if to_ms is not None:
        ends.append(first_ulid(to_ms))
    return min(ends, default=_AFTER_ALL)


def _plan(wanted: RunFilter) -> tuple[_Shape, dict[str, Any]]:
    """The index that leaves least to look through, and the values it is walked with."""
    asked: dict[str, tuple[str, ...]] = {
        "task_name": () if wanted.task_name is None else (wanted.task_name,),
        "status": tuple(dict.fromkeys(wanted.statuses)),
        "trigger_type": tuple(dict.fromkeys(wanted.triggers)),
        "category": () if wanted.category is None else (wanted.category,),
        "host": () if wanted.host is None else (wanted.host,),
    }
    asked = {name: words for name, words in asked.items() if words}
    index: tuple[str, ...] = ()
    if {"task_name", "status"} <= asked.keys():
        index = ("task_name", "status")
    elif asked:
        index = (min(asked, key=lambda name: _share(name, asked[name])),)
    rest = tuple((name, len(words)) for name, words in asked.items() if name not in index)
    streams = asked[index[-1]] if index else ("",)
    values: dict[str, Any] = {f"of_{place}": word for place, word in enumerate(streams)}
    if len(index) > 1:
        values["task"] = wanted.task_name
    for name, _ in rest:
        values |= {f"{name}_{place}": word for place, word in enumerate(asked[name])}
    if wanted.text:
        values["text"] = _ESCAPED.sub(r"/\g<0>", wanted.text)
    return _Shape(index, len(streams), rest, bool(wanted.text)), values


def _share(name: str, words: Sequence[str]) -> float:
    match name:
        case "task_name":
            return _OF_A_TASK
        case "category":
            return _OF_A_CATEGORY
        case "host":
            return _OF_A_HOST
    shares = [_OF_A_COMMON_WORD if word in _COMMON else _OF_A_RARE_WORD for word in words]
    return sum(shares)


# To build a statement takes ten times as long as to answer it, so each shape's is kept.
@lru_cache(maxsize=256)
def _ids(shape: _Shape) -> Select[Any]:
    """The newest ids of all streams together."""
    streams = [
        _stream(shape, place)
        .where(*_conditions(shape))
        .order_by(executions.c.id.desc())
        .limit(bindparam("most"))
        for place in range(shape.streams)
    ]
    if len(streams) == 1:
        return streams[0]
    together = union_all(*[select(one.subquery()) for one in streams]).subquery()
    return select(together.c.id).order_by(together.c.id.desc()).limit(bindparam("most"))


@lru_cache(maxsize=256)
def _last_of_slice(shape: _Shape) -> Select[Any]:
    """Down to which id a slice reaches; nothing when it takes all that is left."""
    lasts = [
        _stream(shape, place).order_by(executions.c.id.desc()).limit(1).offset(bindparam("skip"))
        for place in range(shape.streams)
    ]
    if len(lasts) == 1:
        return lasts[0]
    together = union_all(*[select(one.subquery()) for one in lasts]).subquery()
    return select(func.max(together.c.id))


def _stream(shape: _Shape, place: int) -> Select[Any]:
    column = executions.c
    index = "PRIMARY"
    query = select(column.id).where(
        column.id < bindparam("before"), column.id >= bindparam("floor")
    )
    if shape.index:
        query = query.where(column[shape.index[-1]] == bindparam(f"of_{place}"))
        index = f"ix_{executions.name}_{'_'.join(shape.index)}_id"
    if len(shape.index) > 1:
        query = query.where(column.task_name == bindparam("task"))
    # Left alone MariaDB walks all rows where it expects the limit to be reached soon.
    for dialect in ("mysql", "mariadb"):
        query = query.with_hint(executions, f"FORCE INDEX ({index})", dialect)
    return query


def _conditions(shape: _Shape) -> list[ColumnElement[bool]]:
    """What is asked of each row; hidden from the planners, which are not to walk another index."""
    column = executions.c
    conditions: list[ColumnElement[bool]] = []
    for name, words in shape.rest:
        value = func.coalesce(column[name], "")
        conditions.append(or_(*[value == bindparam(f"{name}_{place}") for place in range(words)]))
    if shape.has_text:
        holds = [
            said.icontains(bindparam("text", type_=Text), escape="/")
            for said in (column.output_tail, column.error_message)
        ]
        conditions.append(or_(*holds))
    return conditions
