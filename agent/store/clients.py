"""Which keys may come in, as what."""

import msgspec
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from agent.errors import Conflict, Refused
from schema.tables import clients


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """One enrolled key; only the public half is ever here."""

    key_id: str
    public: str
    label: str
    role: str
    created_ms: int
    created_by: str
    enabled: bool = True
    loopback_only: bool = False
    platform: str = ""
    last_seen_ms: int | None = None
    last_address: str | None = None


def add(connection: Connection, client: Client) -> None:
    """Let this key in from now on; raises Conflict when it is known already."""
    try:
        with connection.begin_nested():
            connection.execute(
                clients.insert(),
                {
                    "key_id": client.key_id,
                    "public_key": client.public,
                    "label": client.label,
                    "role": client.role,
                    "enabled": client.enabled,
                    "allowed_from": "loopback" if client.loopback_only else "any",
                    "platform": client.platform,
                    "created_at": client.created_ms,
                    "created_by": client.created_by,
                    "last_seen_at": client.last_seen_ms,
                    "last_address": client.last_address,
                },
            )
    except IntegrityError as error:
        raise Conflict(
            f"key {client.key_id} is known already; `smartcron-agent keys list` shows them all"
        ) from error


def load_all(connection: Connection) -> tuple[Client, ...]:
    """Every key, revoked ones too, oldest first."""
    rows = connection.execute(select(clients).order_by(clients.c.created_at, clients.c.key_id))
    return tuple(
        Client(
            key_id=row.key_id,
            public=row.public_key,
            label=row.label,
            role=row.role,
            enabled=row.enabled,
            loopback_only=row.allowed_from == "loopback",
            platform=row.platform,
            created_ms=row.created_at,
            created_by=row.created_by,
            last_seen_ms=row.last_seen_at,
            last_address=row.last_address,
        )
        for row in rows
    )


def change(
    connection: Connection,
    key_id: str,
    *,
    role: str | None = None,
    label: str | None = None,
    enabled: bool | None = None,
) -> None:
    """Give a key another role or label, revoke it or let it in again.

    Raises Refused when there is no such key, Conflict when no enabled admin would be left.
    """
    wanted = {"role": role, "label": label, "enabled": enabled}
    values = {name: value for name, value in wanted.items() if value is not None}
    before = connection.execute(
        select(clients.c.role, clients.c.enabled).where(clients.c.key_id == key_id)
    ).first()
    if before is None:
        raise Refused(
            "not_found", f"there is no key {key_id!r}; `smartcron-agent keys list` shows them all"
        )
    if not values:
        return
    connection.execute(clients.update().where(clients.c.key_id == key_id).values(values))
    if before.enabled and before.role == "admin" and not _admins(connection):
        # The savepoint of this write takes the change back.
        raise Conflict(f"key {key_id} is the last enabled admin key; enroll another one first")


def revoke(connection: Connection, key_id: str) -> None:
    """Shut this key out from now on; raises like change."""
    change(connection, key_id, enabled=False)


def seen(connection: Connection, key_id: str, *, at_ms: int, address: str) -> None:
    """Remember when this key was last here, and from where."""
    connection.execute(
        clients.update()
        .where(clients.c.key_id == key_id)
        .values(last_seen_at=at_ms, last_address=address)
    )


def _admins(connection: Connection) -> int:
    return (
        connection.scalar(
            select(func.count())
            .select_from(clients)
            .where(clients.c.role == "admin", clients.c.enabled)
        )
        or 0
    )
