"""Which keys may come in, as what."""

from functools import partial
from typing import Any

import pytest

from agent.errors import Conflict, Refused
from agent.store import clients
from agent.store.clients import Client
from agent.store.database import Database
from tests.agent.store.makings import NOW_MS


def a_client(key_id: str = "k1", **fields: Any) -> Client:
    values: dict[str, Any] = {
        "key_id": key_id,
        "public": f"public-of-{key_id}",
        "label": "Anna",
        "role": "admin",
        "created_ms": NOW_MS,
        "created_by": "init",
        **fields,
    }
    return Client(**values)


def add(database: Database, *added: Client) -> None:
    for client in added:
        database.write_now(partial(clients.add, client=client))


def test_a_key_comes_back_with_every_field(database: Database) -> None:
    client = a_client(
        enabled=False,
        loopback_only=True,
        platform="Debian 12",
        last_seen_ms=NOW_MS + 1,
        last_address="127.0.0.1",
    )
    add(database, client)

    assert database.read_now(clients.load_all) == (client,)


@pytest.mark.parametrize(
    "again", [a_client("k1", public="x"), a_client("k2", public="public-of-k1")]
)
def test_a_known_key_is_refused_and_what_stood_stands(database: Database, again: Client) -> None:
    add(database, a_client())

    with pytest.raises(Conflict, match="is known already"):
        add(database, again)

    assert database.read_now(clients.load_all) == (a_client(),)


def test_a_role_a_label_and_a_revocation_are_kept(database: Database) -> None:
    add(database, a_client("k1"), a_client("k2", role="viewer"))

    database.write_now(partial(clients.change, key_id="k2", role="operator", label="Ben"))
    database.write_now(partial(clients.revoke, key_id="k2"))
    database.write_now(partial(clients.seen, key_id="k1", at_ms=NOW_MS + 5, address="10.0.0.1"))

    first, second = database.read_now(clients.load_all)
    assert (first.last_seen_ms, first.last_address) == (NOW_MS + 5, "10.0.0.1")
    assert (second.role, second.label, second.enabled) == ("operator", "Ben", False)


@pytest.mark.parametrize("change", [{"enabled": False}, {"role": "operator"}])
def test_the_last_enabled_admin_stays_admin(database: Database, change: dict[str, Any]) -> None:
    add(database, a_client("k1"), a_client("k2", enabled=False), a_client("k3", role="viewer"))
    before = database.read_now(clients.load_all)

    with pytest.raises(Conflict, match="last enabled admin key"):
        database.write_now(partial(clients.change, key_id="k1", **change))

    assert database.read_now(clients.load_all) == before


def test_an_unknown_key_cannot_be_changed(database: Database) -> None:
    with pytest.raises(Refused, match="there is no key 'gone'") as refused:
        database.write_now(partial(clients.revoke, key_id="gone"))

    assert refused.value.code == "not_found"
