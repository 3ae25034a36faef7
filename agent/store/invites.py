"""Which invites are out, and that each lets in one key once."""

import msgspec
from sqlalchemy import Connection, Row, select

from agent.clock import iso
from agent.errors import Refused
from agent.store import clients
from agent.store.clients import Client
from schema.tables import invites


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """One invite; only the public half of its key is ever here, `role` is what it grants."""

    invite_id: str
    public: str
    role: str
    label: str
    created_ms: int
    created_by: str
    expires_ms: int
    used_ms: int | None = None
    used_by: str | None = None


def create(connection: Connection, invite: Invite) -> None:
    """Let this invite be used once until it expires."""
    connection.execute(
        invites.insert(),
        {
            "invite_id": invite.invite_id,
            "public_key": invite.public,
            "role": invite.role,
            "label": invite.label,
            "created_at": invite.created_ms,
            "created_by": invite.created_by,
            "expires_at": invite.expires_ms,
        },
    )


def open_ones(connection: Connection, now_ms: int) -> tuple[Invite, ...]:
    """The invites that could be used now, oldest first."""
    rows = connection.execute(
        select(invites)
        .where(invites.c.used_at.is_(None), invites.c.expires_at > now_ms)
        .order_by(invites.c.created_at, invites.c.invite_id)
    )
    return tuple(_as_invite(row) for row in rows)


def find(connection: Connection, public: str) -> Invite | None:
    """The invite with this public key, used or not."""
    row = connection.execute(select(invites).where(invites.c.public_key == public)).first()
    return None if row is None else _as_invite(row)


def take(connection: Connection, public: str, client: Client, *, now_ms: int) -> Client:
    """Use up the invite and let the key in with the role it grants, both or neither.

    Raises Refused for an invite that is unknown, used or expired, Conflict for a known key.
    """
    invite = find(connection, public)
    if invite is None:
        raise Refused("not_found", "this agent knows no such invite; ask its admin for a new one")
    taken = connection.execute(
        invites.update()
        .where(invites.c.public_key == public, invites.c.used_at.is_(None))
        .where(invites.c.expires_at > now_ms)
        .values(used_at=now_ms, used_by=client.key_id)
    )
    if taken.rowcount != 1:
        if invite.used_ms is not None:
            raise Refused(
                "gone",
                f"this invite was used already at {iso(invite.used_ms)} by key {invite.used_by}; "
                "if that was not you, tell the admin",
            )
        raise Refused(
            "expired",
            f"this invite expired at {iso(invite.expires_ms)}; ask the admin for a new one",
        )
    enrolled = msgspec.structs.replace(client, role=invite.role)
    clients.add(connection, enrolled)
    return enrolled


def revoke(connection: Connection, invite_id: str) -> bool:
    """Take an unused invite back; False when there is none."""
    gone = connection.execute(
        invites.delete().where(invites.c.invite_id == invite_id, invites.c.used_at.is_(None))
    )
    return gone.rowcount == 1


def _as_invite(row: Row[*tuple[object, ...]]) -> Invite:
    return Invite(
        invite_id=row.invite_id,
        public=row.public_key,
        role=row.role,
        label=row.label,
        created_ms=row.created_at,
        created_by=row.created_by,
        expires_ms=row.expires_at,
        used_ms=row.used_at,
        used_by=row.used_by,
    )
