"""Which troubles are open: one row a trouble, counted up while it lasts."""

import msgspec
from sqlalchemy import Connection, bindparam, select

from agent.ulid import new_ulid
from schema.tables import alerts


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong; two with the same `dedupe_key` are the same trouble."""

    dedupe_key: str
    kind: str
    severity: str
    title: str
    message: str
    task_name: str | None = None


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One trouble as it stands, from its opening to its end."""

    id: str
    dedupe_key: str
    kind: str
    severity: str
    status: str
    title: str
    message: str
    occurrences: int
    opened_ms: int
    last_seen_ms: int
    task_name: str | None = None
    resolved_ms: int | None = None


_COLUMNS = (
    alerts.c.id,
    alerts.c.dedupe_key,
    alerts.c.kind,
    alerts.c.severity,
    alerts.c.status,
    alerts.c.title,
    alerts.c.message,
    alerts.c.occurrences,
    alerts.c.opened_at.label("opened_ms"),
    alerts.c.last_seen_at.label("last_seen_ms"),
    alerts.c.task_name,
    alerts.c.resolved_at.label("resolved_ms"),
)
_OPEN = select(*_COLUMNS).where(alerts.c.status != "resolved")
_OF_KEY = _OPEN.where(alerts.c.dedupe_key == bindparam("wanted"))


def open_alerts(connection: Connection) -> tuple[Alert, ...]:
    """Every trouble that is not resolved, oldest first."""
    rows = connection.execute(_OPEN.order_by(alerts.c.id))
    return tuple(Alert(**row._mapping) for row in rows)


def raise_alert(connection: Connection, trouble: Trouble, *, now_ms: int) -> Alert:
    """Open this trouble, or count it once more when it is open already."""
    found = connection.execute(_OF_KEY, {"wanted": trouble.dedupe_key}).first()
    if found is None:
        alert = Alert(
            id=new_ulid(now_ms),
            **msgspec.structs.asdict(trouble),
            status="active",
            occurrences=1,
            opened_ms=now_ms,
            last_seen_ms=now_ms,
        )
        connection.execute(
            alerts.insert(),
            {
                "id": alert.id,
                **msgspec.structs.asdict(trouble),
                "status": alert.status,
                "occurrences": 1,
                "opened_at": now_ms,
                "last_seen_at": now_ms,
            },
        )
        return alert
    old = Alert(**found._mapping)
    again = msgspec.structs.replace(
        old, occurrences=old.occurrences + 1, last_seen_ms=now_ms, message=trouble.message
    )
    connection.execute(
        alerts.update()
        .where(alerts.c.id == old.id)
        .values(occurrences=again.occurrences, last_seen_at=now_ms, message=again.message)
    )
    return again


def resolve(connection: Connection, dedupe_key: str, *, now_ms: int) -> Alert | None:
    """End this trouble; None when it is not open."""
    found = connection.execute(_OF_KEY, {"wanted": dedupe_key}).first()
    if found is None:
        return None
    connection.execute(
        alerts.update().where(alerts.c.id == found.id).values(status="resolved", resolved_at=now_ms)
    )
    return msgspec.structs.replace(Alert(**found._mapping), status="resolved", resolved_ms=now_ms)
