"""Does a change of the keys act at once?"""

from agent.wire.clients import Client, Clients
from agent.wire.keyfiles import new_pair
from tests.agent.wire.door import client_row


def test_a_removed_key_is_told_to_those_who_must_know() -> None:
    stays, goes = client_row("viewer", new_pair()), client_row("viewer", new_pair())
    clients = Clients(lambda: 0)
    clients.replace([stays, goes])
    told: list[tuple[Client, ...]] = []
    clients.on_removed(told.append)

    clients.replace([stays])
    clients.replace([stays])
    assert clients.remove(stays.public)
    assert not clients.remove(stays.public)

    assert told == [(goes,), (stays,)]
    assert clients.get(goes.public) is None


def test_the_local_key_stays_whatever_the_database_says() -> None:
    local = client_row("admin", new_pair(), loopback_only=True)
    clients = Clients(lambda: 0, local=[local])

    clients.replace([])

    assert clients.get(local.public) == local
    assert not clients.remove(local.public)


def test_a_key_expires_by_itself() -> None:
    now_ms = [0]
    clients = Clients(lambda: now_ms[0])
    invite = client_row("invite", new_pair(), expires_ms=1000)
    clients.put(invite)
    assert clients.refusal(invite.public, domain="control", address="::1") is None

    now_ms[0] = 1000

    assert clients.get(invite.public) is None
    assert clients.refusal(invite.public, domain="control", address="::1") == "expired key"


def test_a_changed_role_is_seen_at_once() -> None:
    pair = new_pair()
    clients = Clients(lambda: 0)
    clients.put(client_row("admin", pair))

    clients.put(client_row("viewer", pair))

    known = clients.get(pair.public)
    assert known is not None
    assert known.role == "viewer"
