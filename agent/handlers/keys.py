"""Who may connect, who shall, and who no longer?"""

from collections.abc import Iterable
from functools import partial

from agent.handlers.context import Context
from agent.store import clients, invites
from agent.store.database import Database
from agent.wire.clients import INVITE, Client
from agent.wire.keyfiles import new_pair
from agent.wire.operations import Done
from agent.wire.sessions import Who
from shared.protocol.errors import BadRequest, ProtocolError
from shared.protocol.keys import BadKey, Card, from_base32, key_id, write_link
from shared.protocol.requests import (
    CommandReply,
    Enroll,
    EnrollReply,
    InviteCreate,
    InviteReply,
    KeyList,
    KeyListReply,
    KeyRevoke,
    KeyRow,
)


async def load_clients(database: Database, now_ms: int) -> tuple[Client, ...]:
    """Every key that is admitted now, invites too: what `Clients.replace` wants."""
    enrolled = await database.read(clients.load_all)
    invited = await database.read(partial(invites.open_ones, now_ms=now_ms))
    return admitted(enrolled, invited)


def admitted(
    enrolled: Iterable[clients.Client], invited: Iterable[invites.Invite]
) -> tuple[Client, ...]:
    """These keys, and these invites, as the doors know them."""
    return (
        *(_admitted(client) for client in enrolled if client.enabled),
        *(_invited(invite) for invite in invited),
    )


async def enroll(context: Context, who: Who, request: Enroll) -> EnrollReply:
    """Turn an invite into a key of the client's own; the invite is used up by it."""
    try:
        public = from_base32(request.pub)
    except BadKey as error:
        raise BadRequest(f"pub: {error}", detail={"path": "$.pub"}) from error
    if context.clients.get(public) is not None:
        # The invite's own key too: it was shown in a link, so it must never stay.
        raise ProtocolError("this key is known already; make a fresh one", code="conflict")
    now_ms = context.clock.now_ms()
    wanted = clients.Client(
        key_id=key_id(public),
        public=public,
        # Who invited says whose key it is; what the client calls itself is only a hint.
        label=who.label or request.label,
        role=who.grants or "",
        platform=", ".join(filter(None, (request.label, request.platform))),
        created_ms=now_ms,
        created_by=f"invite {who.key_id}",
    )
    enrolled = await context.database.write(
        partial(invites.take, public=who.public, client=wanted, now_ms=now_ms)
    )
    context.clients.put(_admitted(enrolled))
    context.clients.remove(who.public)
    return EnrollReply(key_id=enrolled.key_id, role=enrolled.role, agent=context.identity.agent)


async def show(context: Context, who: Who, request: KeyList) -> KeyListReply:
    """Every enrolled key, revoked ones too."""
    known = await context.database.read(clients.load_all)
    return KeyListReply(
        keys=tuple(
            KeyRow(
                key_id=client.key_id,
                label=client.label,
                role=client.role,
                enabled=client.enabled,
                created_ms=client.created_ms,
                by=client.created_by,
                last_seen_ms=client.last_seen_ms,
                last_addr=client.last_address,
            )
            for client in known
        )
    )


async def revoke(context: Context, who: Who, request: KeyRevoke) -> Done:
    """Shut a key out: in the database first, then at both doors."""
    await context.database.write(partial(clients.revoke, key_id=request.key_id))
    known = context.clients.by_key_id(request.key_id)
    if known is not None:
        context.clients.remove(known.public)
    return Done(CommandReply(rev=context.journal.revs.state))


async def invite(context: Context, who: Who, request: InviteCreate) -> Done:
    """A link that lets one more key in; only its public half stays here."""
    pair = new_pair()
    now_ms = context.clock.now_ms()
    made = invites.Invite(
        invite_id=key_id(pair.public),
        public=pair.public,
        role=request.role,
        label=request.label,
        created_ms=now_ms,
        created_by=who.name,
        expires_ms=now_ms + request.ttl_s * 1000,
    )
    await context.database.write(partial(invites.create, invite=made))
    context.clients.put(_invited(made))
    link = write_link(
        Card(
            address=context.identity.address,
            agent_key=context.identity.agent_key,
            name=context.identity.agent.name,
            secret=pair.secret,
            expires_ms=made.expires_ms,
        )
    )
    reply = InviteReply(
        invite_id=made.invite_id,
        text=link,
        expires_ms=made.expires_ms,
        rev=context.journal.revs.state,
    )
    # What is kept for a repeated command must not hold the secret.
    return Done(reply, InviteReply(invite_id=made.invite_id, text="", expires_ms=made.expires_ms))


def _admitted(client: clients.Client) -> Client:
    return Client(
        key_id=client.key_id,
        public=client.public,
        label=client.label,
        role=client.role,
        loopback_only=client.loopback_only,
    )


def _invited(invite: invites.Invite) -> Client:
    return Client(
        key_id=invite.invite_id,
        public=invite.public,
        label=invite.label,
        role=INVITE,
        grants=invite.role,
        expires_ms=invite.expires_ms,
    )
