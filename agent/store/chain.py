"""How does each audit row vouch for the one before it, and does the chain still hold?"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, bindparam, case, func, select

from agent.log import log_of
from agent.store.upserts import Upsert
from schema.tables import audit, state

log = log_of(__name__)

HEAD: Final = "audit_head"
BEGINNING: Final = "0" * 64
CHECKPOINT: Final = "audit.checkpoint"
_AT_ONCE: Final = 1_000
_MOST: Final = (1 << 53) - 1

# What a digest covers, in this order; it must never change.
_COVERED: Final = (
    "recorded_at",
    "key_id",
    "label",
    "role",
    "address",
    "op",
    "action",
    "target",
    "arguments",
    "result",
    "duration_ms",
    "before_digest",
    "after_digest",
)


class Link(msgspec.Struct, frozen=True):
    """A place in the chain: number and digest of its row."""

    number: int
    digest: str


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Says that rows up to `to` were removed by age, and with which digest they ended."""

    from_: int = msgspec.field(name="from")
    to: int
    digest: str


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Where the chain does not hold, and how."""

    number: int
    what: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found along the chain. `unchained` rows are older than the chain itself."""

    rows: int
    first: int | None
    last: Link | None
    removed_by_age: int
    unchained: int
    faults: tuple[Fault, ...]


_HEAD_ROW = {"name": HEAD, "value": "", "updated_at": 0}
_KEEP = Upsert(state, key=("name",))
_LOCK = select(state.c.value).where(state.c.name == HEAD).with_for_update()
_MOVE = (
    state.update()
    .where(state.c.name == HEAD)
    .values(value=bindparam("head"), updated_at=bindparam("at"))
)


def add(connection: Connection, values: dict[str, Any]) -> Link:
    """Add a row to the end of the chain; whoever else adds one waits until we have committed."""
    # Insert or keep: on a server this locks the row, there already or not, and cannot deadlock.
    connection.execute(_KEEP.on(connection), _HEAD_ROW)
    last = _read(connection, connection.scalars(_LOCK).one())
    link = Link(last.number + 1, digest_of(last, values))
    connection.execute(
        audit.insert(), {**values, "chain_number": link.number, "chain_digest": link.digest}
    )
    head = json.dumps([link.number, link.digest])
    connection.execute(_MOVE, {"head": head, "at": values["recorded_at"]})
    return link


def digest_of(before: Link, values: dict[str, Any]) -> str:
    """The digest of the row that follows `before` and says this."""
    said = [before.number + 1, before.digest, *(values.get(name) for name in _COVERED)]
    # What no row of ours has (bytes, say) makes another digest, as any edit does.
    text = json.dumps(said, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def head(connection: Connection) -> Link:
    """The end of the chain as the database remembers it."""
    said = connection.scalar(select(state.c.value).where(state.c.name == HEAD))
    return _read(connection, said or "")


def each_row(connection: Connection) -> Iterator[Row[Any]]:
    """Every row of the chain in order, a thousand at a time."""
    number = 0
    while True:
        rows = connection.execute(_after(number)).all()
        yield from rows
        if len(rows) < _AT_ONCE:
            return
        number = rows[-1].chain_number


def verify(connection: Connection, anchors: Iterable[Link] = ()) -> Verdict:
    """Go along the whole chain; `anchors` are links that were written down elsewhere.

    Everything it finds is a fault of the rows: edited, removed, put in another order, cut off.
    """
    faults: list[Fault] = []
    awaited = {link.number: link.digest for link in anchors}
    newest = _newest_checkpoint(connection)
    awaited_to = {**awaited, newest.to: newest.digest} if newest else dict(awaited)
    first: int | None = None
    last: Link | None = None
    last_id: int | None = None
    count = 0
    for row in each_row(connection):
        count += 1
        if not isinstance(row.chain_number, int):
            what = f"a row stands at {row.chain_number!r}, which is no place in the chain"
            faults.append(Fault(number=last.number if last else 0, what=what))
            continue
        if last_id is not None and row.id <= last_id:
            # No digest covers it, and lists and exports go by it.
            what = f"its id does not follow: {row.id} after {last_id}"
            faults.append(Fault(number=row.chain_number, what=what))
        last_id = row.id
        if last is None:
            first = row.chain_number
            last = _start(row, newest, faults)
        if row.chain_number != last.number + 1:
            gone = f"{last.number + 1} to {row.chain_number - 1}"
            faults.append(Fault(number=row.chain_number, what=f"rows {gone} were removed"))
        elif last.digest and digest_of(last, dict(row._mapping)) != row.chain_digest:
            faults.append(Fault(number=row.chain_number, what="was edited, or follows another row"))
        last = Link(row.chain_number, row.chain_digest)
        expected = awaited_to.get(last.number)
        if expected is not None and expected != last.digest:
            faults.append(
                Fault(number=last.number, what="is not the row that was written down elsewhere")
            )
    faults += _cut_off(last, head(connection), awaited, removed_to=newest.to if newest else 0)
    unchained, added = _outside(connection)
    if added:
        what = f"{added} rows lie beside the chain and are newer than its beginning"
        faults.append(Fault(number=first or 0, what=what))
    return Verdict(
        rows=count,
        first=first,
        last=last,
        removed_by_age=(first or 1) - 1,
        unchained=unchained,
        faults=tuple(faults),
    )


def _start(row: Row[Any], newest: Checkpoint | None, faults: list[Fault]) -> Link:
    """The link before the first row that is left; without a digest where nobody knows it."""
    before = int(row.chain_number) - 1
    if before == 0:
        return Link(0, BEGINNING)
    if newest is None or newest.to < before:
        what = f"rows 1 to {before} were removed, and no row says that they went by age"
        faults.append(Fault(number=row.chain_number, what=what))
        return Link(before, "")
    # A cleanup that broke off leaves rows that it had announced to remove.
    return Link(before, newest.digest if newest.to == before else "")


def _cut_off(
    last: Link | None, remembered: Link, awaited: dict[int, str], *, removed_to: int
) -> list[Fault]:
    end = last.number if last else 0
    furthest = max([remembered.number, *awaited])
    if furthest > end and furthest > removed_to:
        return [Fault(number=furthest, what=f"rows {end + 1} to {furthest} were cut off")]
    if last and remembered.number == end and remembered.digest != last.digest:
        return [Fault(number=end, what="is not the row that the database remembers as the last")]
    if remembered.number < end:
        what = f"was added past the agent: it remembers {remembered.number} as the last"
        return [Fault(number=end, what=what)]
    return []


def _outside(connection: Connection) -> tuple[int, int]:
    """How many rows have no place in the chain: from before it began, and later ones."""
    begins = select(func.min(audit.c.id)).where(audit.c.chain_number.is_not(None)).scalar_subquery()
    is_later = case((audit.c.id > begins, 1), else_=0)
    count, later = connection.execute(
        select(func.count(), func.sum(is_later)).where(audit.c.chain_number.is_(None))
    ).one()
    return count, int(later or 0)


def _newest_checkpoint(connection: Connection) -> Checkpoint | None:
    said = connection.scalar(
        select(audit.c.arguments)
        .where(audit.c.action == CHECKPOINT, audit.c.chain_number.is_not(None))
        .order_by(audit.c.chain_number.desc())
        .limit(1)
    )
    try:
        return None if said is None else msgspec.json.decode(said, type=Checkpoint)
    except msgspec.MsgspecError:
        return None  # edited; its own digest tells


def _after(number: int) -> Select[Any]:
    return (
        select(audit)
        .where(audit.c.chain_number > number)
        .order_by(audit.c.chain_number)
        .limit(_AT_ONCE)
    )


def _read(connection: Connection, value: str) -> Link:
    if not value:
        return Link(0, BEGINNING)
    try:
        number, digest = json.loads(value)
        return Link(int(number), str(digest))
    except (ValueError, TypeError, RecursionError):
        log.error("the end of the audit chain is not remembered; its newest row is", said=value)
    newest = connection.execute(
        select(audit.c.chain_number, audit.c.chain_digest)
        .where(audit.c.chain_number.between(1, _MOST))
        .order_by(audit.c.chain_number.desc())
        .limit(1)
    ).first()
    return Link(0, BEGINNING) if newest is None else Link(int(newest[0]), str(newest[1]))
