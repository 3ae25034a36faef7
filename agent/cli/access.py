"""Commands about who may come in: invites and keys."""

import re
import socket
import time
from functools import partial
from typing import Final

import click

from agent.cli import say
from agent.cli.groups import Group
from agent.cli.lengths import Length
from agent.cli.session import Session, json_option, pass_session
from agent.errors import AgentError, WrongUse
from agent.store import clients, invites
from agent.wire.caller import new_op
from agent.wire.keyfiles import AGENT_KEY, load_pair, new_pair
from shared.protocol import requests
from shared.protocol.keys import Address, Card, key_id, write_link

_KEY_ID: Final = re.compile(r"[0-9a-f]{16}", re.ASCII)
ROLES: Final = ("viewer", "operator", "admin")


@click.command()
@click.option(
    "--role", type=click.Choice(ROLES), default="viewer", show_default=True, help="What it may do."
)
@click.option("--label", required=True, help="Whose key it will be, such as 'Anna, laptop'.")
@click.option(
    "--ttl",
    "ttl_s",
    type=Length(60, 86_400),
    default="15m",
    show_default=True,
    help="How long it can be used: up to 24h.",
)
@click.option("--host", help="Name or address under which desktops reach this server.")
@json_option
@pass_session
def invite(
    session: Session, role: str, label: str, ttl_s: int, host: str | None, as_json: bool
) -> None:
    """Print a link that lets one desktop in, once.

    \b
    Example:  smartcron-agent invite --role operator --label "Anna" --ttl 30m
    """
    text = create_invite(session, role=role, label=label, ttl_s=ttl_s, host=host)
    if as_json:
        say.json_out({"invite": text, "role": role, "label": label})
        return
    click.echo(text)


def create_invite(
    session: Session, *, role: str, label: str, ttl_s: int, host: str | None = None
) -> str:
    """A fresh invite as a link, known to the agent whether it serves now or later."""
    now_ms = time.time_ns() // 1_000_000
    expires_ms = now_ms + ttl_s * 1000
    pair = new_pair()
    made = invites.Invite(
        invite_id=key_id(pair.public),
        public=pair.public,
        role=role,
        label=label,
        created_ms=now_ms,
        created_by="command line",
        expires_ms=expires_ms,
    )
    with session.database() as database:
        database.write_now(partial(invites.create, invite=made))
    if session.is_served:
        with session.agent(purpose="admit an invite") as agent:
            agent.call(requests.AgentReload(op=new_op(), expires_ms=agent.expires_ms()))
    settings = session.settings
    return write_link(
        Card(
            address=Address(host or _reachable(settings.listen), settings.control_port),
            agent_key=load_pair(session.home.keys / AGENT_KEY).public,
            secret=pair.secret,
            expires_ms=expires_ms,
            name=settings.agent_name,
        )
    )


@click.group("keys", cls=Group)
def keys() -> None:
    """Look at the keys that may connect, and shut them out.

    \b
    Examples:
      smartcron-agent keys list
      smartcron-agent keys revoke 3f9a1c55d0e2b784
    """


@keys.command("list")
@json_option
@pass_session
def list_keys(session: Session, as_json: bool) -> None:
    """Every enrolled key.

    \b
    Example:  smartcron-agent keys list
    """
    with session.database() as database:
        found = database.read_now(clients.load_all)
    if as_json:
        say.json_out(found)
        return
    say.table(
        ("Key", "Label", "Machine", "Role", "Enabled", "Created", "Last seen"),
        [
            (
                client.key_id,
                client.label,
                client.platform,
                client.role,
                "yes" if client.enabled else "no",
                say.moment(client.created_ms),
                say.moment(client.last_seen_ms),
            )
            for client in found
        ],
        empty='No keys yet. Let one in with `smartcron-agent invite --label "…"`.',
    )


@keys.command()
@click.argument("key_id")
@json_option
@pass_session
def revoke(session: Session, key_id: str, as_json: bool) -> None:
    """Shut a key out, now and for good.

    \b
    Example:  smartcron-agent keys revoke 3f9a1c55d0e2b784
    """
    if not _KEY_ID.fullmatch(key_id):
        raise WrongUse(
            f"KEY_ID {key_id[:40]!r}: is no id of a key, which has 16 of 0-9 and a-f; "
            "`smartcron-agent keys list` shows them"
        )
    if session.is_served:
        with session.agent(purpose="shut a key out") as agent:
            agent.call(
                requests.KeyRevoke(op=new_op(), expires_ms=agent.expires_ms(), key_id=key_id)
            )
    else:
        with session.database() as database:
            database.write_now(partial(clients.revoke, key_id=key_id))
    if as_json:
        say.json_out({"revoked": key_id})
        return
    say.good(f"key {key_id} is shut out")


def _reachable(listen: str) -> str:
    """What to write into a link: the listening address, or this host's name for 'everywhere'."""
    if listen not in ("0.0.0.0", "::", "*"):  # noqa: S104 - compared, not bound
        return listen
    try:
        return socket.getfqdn()
    except OSError as error:
        raise AgentError(f"this host has no name ({error}); name one with --host") from error


COMMANDS: Final = (invite, keys)
