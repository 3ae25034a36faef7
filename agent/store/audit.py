"""Who asked for what, and what came of it: rows are added, never changed."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, func, select

from agent.store import chain
from agent.store.chain import Checkpoint, Link
from schema.columns import Unreadable
from schema.tables import audit, task_versions

MAX_PAGE: Final = 1_000


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing somebody asked for; `id` is given by the database."""

    at_ms: int
    key_id: str
    label: str
    role: str
    address: str
    type: str
    op: str | None = None
    target: str = ""
    args: str = ""
    code: str = "ok"
    dur_ms: int | None = None
    before: str | None = None
    after: str | None = None
    number: int | None = None
    digest: str | None = None
    id: int | None = None


def append(connection: Connection, row: AuditRow) -> Link:
    """Add a row at the end of the chain, with digests of the tasks it is about.

    Its place in the chain is to be written down elsewhere once this has been committed.
    """
    before, after = row.before, row.after
    if before is None and after is None and row.target:
        since_ms = row.at_ms - (row.dur_ms or 0)
        before, after = task_digests(connection, row.target.split(","), since_ms)
    return chain.add(
        connection,
        {
            "recorded_at": row.at_ms,
            "key_id": row.key_id,
            "label": row.label,
            "role": row.role,
            "address": row.address,
            "op": row.op,
            "action": row.type,
            "target": row.target,
            "arguments": row.args,
            "result": row.code,
            "duration_ms": row.dur_ms,
            "before_digest": before,
            "after_digest": after,
        },
    )


def append_all(connection: Connection, rows: Sequence[AuditRow]) -> Link:
    """Add some rows, at least one; the place of the last in the chain."""
    links = [append(connection, row) for row in rows]
    return links[-1]


def has(connection: Connection, row: AuditRow) -> bool:
    """This row stands already, under whichever number."""
    is_it = (
        audit.c.recorded_at == row.at_ms,
        audit.c.key_id == row.key_id,
        audit.c.action == row.type,
        audit.c.op.is_(None) if row.op is None else audit.c.op == row.op,
        audit.c.result == row.code,
    )
    return connection.execute(select(audit.c.id).where(*is_it).limit(1)).first() is not None


def task_digests(
    connection: Connection, names: list[str], since_ms: int
) -> tuple[str | None, str | None]:
    """Of these tasks as they were before that moment, and as they are now; None for none.

    None also where somebody broke a version of theirs: what was asked is to be written down.
    """
    column = task_versions.c

    def digest(*only: Any) -> str | None:
        newest = (
            select(func.max(column.id))
            .where(column.task_name.in_(names), *only)
            .group_by(column.task_name)
        )
        ids = connection.scalars(newest).all()
        if not ids:
            return None
        query = select(
            column.task_name,
            column.definition,
            column.enabled,
            column.paused,
            column.paused_until,
            column.pause_reason,
        )
        query = query.where(column.id.in_(ids)).order_by(column.task_name)
        try:
            found = connection.execute(query).all()
        except Unreadable:
            return None
        said = json.dumps([list(each) for each in found], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    now = digest()
    return (None, None) if now is None else (digest(column.changed_at < since_ms), now)


def announce_removal(connection: Connection, *, before_ms: int, now_ms: int) -> int:
    """Say in a row that everything older goes by age, so that the chain still holds without it.

    The number up to which rows may be removed; 0 when there is nothing to remove.
    """
    last_old = connection.scalar(
        select(func.max(audit.c.chain_number)).where(audit.c.recorded_at < before_ms)
    )
    lowest = connection.scalar(select(func.min(audit.c.chain_number)))
    # A clock that was set back mixes ages: only what is old from the beginning on may go.
    young = connection.scalar(
        select(func.min(audit.c.chain_number)).where(audit.c.recorded_at >= before_ms)
    )
    to = min(last_old or 0, (young or (last_old or 0) + 1) - 1)
    if lowest is None or to < lowest:
        return 0
    digest = connection.scalar(select(audit.c.chain_digest).where(audit.c.chain_number == to))
    told = Checkpoint(from_=lowest, to=to, digest=str(digest))
    row = AuditRow(
        at_ms=now_ms,
        key_id="agent",
        label="cleanup",
        role="agent",
        address="local",
        type=chain.CHECKPOINT,
        args=msgspec.json.encode(told).decode(),
    )
    append(connection, row)
    return to


def page(
    connection: Connection,
    *,
    before: int | None = None,
    limit: int = 100,
    key_id: str | None = None,
    action: str | None = None,
    target: str | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> tuple[AuditRow, ...]:
    """The newest rows older than row `before`, newest first; `from_ms` <= time < `to_ms`."""
    query = select(audit).order_by(audit.c.id.desc()).limit(max(1, min(limit, MAX_PAGE)))
    if before is not None:
        query = query.where(audit.c.id < before)
    if key_id is not None:
        query = query.where(audit.c.key_id == key_id)
    if action is not None:
        query = query.where(audit.c.action == action)
    if target is not None:
        query = query.where(audit.c.target == target)
    if from_ms is not None:
        query = query.where(audit.c.recorded_at >= from_ms)
    if to_ms is not None:
        query = query.where(audit.c.recorded_at < to_ms)
    return tuple(read(row) for row in connection.execute(query))


def read(row: Row[Any]) -> AuditRow:
    """A row of the table as it is told."""
    return AuditRow(
        id=row.id,
        at_ms=row.recorded_at,
        key_id=row.key_id,
        label=row.label,
        role=row.role,
        address=row.address,
        op=row.op,
        type=row.action,
        target=row.target,
        args=row.arguments,
        code=row.result,
        dur_ms=row.duration_ms,
        before=row.before_digest,
        after=row.after_digest,
        number=row.chain_number,
        digest=row.chain_digest,
    )
