"""Which invites are out, and that each lets in one key once."""

import asyncio
from functools import partial

import pytest

from agent.errors import AgentError, Conflict, Refused
from agent.store import clients, invites
from agent.store.database import Database
from agent.store.invites import Invite
from tests.agent.store.makings import NOW_MS
from tests.agent.store.test_clients import a_client, add

INVITE = Invite(
    invite_id="i1",
    public="invite-public",
    role="operator",
    label="Anna",
    created_ms=NOW_MS,
    created_by="k0",
    expires_ms=NOW_MS + 900_000,
)


def take(database: Database, key_id: str, now_ms: int = NOW_MS + 1) -> object:
    return database.write_now(
        partial(
            invites.take,
            public=INVITE.public,
            client=a_client(key_id, role="admin"),
            now_ms=now_ms,
        )
    )


def test_an_invite_lets_in_one_key_with_the_role_it_grants(database: Database) -> None:
    database.write_now(partial(invites.create, invite=INVITE))
    assert database.read_now(partial(invites.open_ones, now_ms=NOW_MS)) == (INVITE,)

    take(database, "k1")

    assert [(each.key_id, each.role) for each in database.read_now(clients.load_all)] == [
        ("k1", "operator")
    ]
    assert database.read_now(partial(invites.open_ones, now_ms=NOW_MS)) == ()


def test_a_used_invite_says_when_and_by_which_key(database: Database) -> None:
    database.write_now(partial(invites.create, invite=INVITE))
    take(database, "k1")

    with pytest.raises(Refused, match=r"used already at 2026-11-24T06:00:00\.001Z by key k1") as no:
        take(database, "k2")

    assert no.value.code == "gone"
    assert len(database.read_now(clients.load_all)) == 1


def test_an_expired_invite_lets_nobody_in(database: Database) -> None:
    database.write_now(partial(invites.create, invite=INVITE))

    with pytest.raises(Refused, match=r"expired at 2026-11-24T06:15:00\.000Z") as no:
        take(database, "k1", now_ms=INVITE.expires_ms)

    assert no.value.code == "expired"
    assert database.read_now(clients.load_all) == ()


def test_an_unknown_or_revoked_invite_lets_nobody_in(database: Database) -> None:
    with pytest.raises(Refused, match="knows no such invite"):
        take(database, "k1")
    database.write_now(partial(invites.create, invite=INVITE))
    assert database.write_now(partial(invites.revoke, invite_id="i1"))
    assert not database.write_now(partial(invites.revoke, invite_id="i1"))

    with pytest.raises(Refused, match="knows no such invite"):
        take(database, "k1")


def test_an_invite_is_not_used_up_by_a_key_that_is_known_already(database: Database) -> None:
    add(database, a_client("k1", role="viewer"))
    database.write_now(partial(invites.create, invite=INVITE))

    with pytest.raises(Conflict):
        take(database, "k1")

    take(database, "k2")
    assert len(database.read_now(clients.load_all)) == 2


async def test_of_many_who_take_one_invite_together_one_gets_in(database: Database) -> None:
    await database.write(partial(invites.create, invite=INVITE))
    results = await asyncio.gather(
        *[
            database.write(
                partial(
                    invites.take,
                    public=INVITE.public,
                    client=a_client(f"k{number}"),
                    now_ms=NOW_MS,
                )
            )
            for number in range(20)
        ],
        return_exceptions=True,
    )

    assert sum(not isinstance(result, AgentError) for result in results) == 1
    assert len(await database.read(clients.load_all)) == 1
