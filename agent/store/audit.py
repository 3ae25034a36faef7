"""Who asked for what, and what came of it: rows are added, never changed."""

from typing import Final

import msgspec
from sqlalchemy import Connection, select

from schema.tables import audit

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
    id: int | None = None


def append(connection: Connection, row: AuditRow) -> None:
    """Add a row."""
    connection.execute(
        audit.insert(),
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
        },
    )


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
    return tuple(
        AuditRow(
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
        )
        for row in connection.execute(query)
    )
