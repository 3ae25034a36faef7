"""Which checks has the owner added?"""

from functools import partial

import pytest

from agent.errors import BadDefinition, CheckNotFound, WrongUse
from agent.ownchecks import OwnCheck
from agent.store import ownchecks
from agent.store.database import Database
from schema.tables import own_checks
from tests.agent.store.makings import NOW_MS

SWAP = OwnCheck(name="swap", command=("/bin/check_swap", "-w", "50%"), warn=1.5, severity="high")
SHOP = OwnCheck(name="shop", kind="http", url="https://example.org/", contains="Welcome")


def put(database: Database, own: OwnCheck) -> bool:
    return database.write_now(partial(ownchecks.put, own=own, who="a test", now_ms=NOW_MS))


def test_what_was_put_is_read_back_whole_and_is_no_change_again(database: Database) -> None:
    first = [put(database, own) for own in (SWAP, SHOP, SWAP)]

    assert first == [True, True, False]
    assert database.read_now(ownchecks.load_all) == (SHOP, SWAP)
    assert database.read_now(partial(ownchecks.get, name="swap")) == SWAP


def test_the_one_of_the_same_name_is_replaced(database: Database) -> None:
    put(database, SWAP)
    other = OwnCheck(name="swap", kind="tcp", host="db.example.org", port=3306)

    assert put(database, other)
    assert database.read_now(ownchecks.load_all) == (other,)


def test_what_is_not_there_cannot_be_read_or_removed(database: Database) -> None:
    for act in (ownchecks.get, ownchecks.remove):
        with pytest.raises(CheckNotFound, match="checks list"):
            database.write_now(partial(act, name="none"))


def test_one_that_somebody_spoiled_is_left_out(database: Database) -> None:
    put(database, SWAP)
    put(database, SHOP)
    database.write_now(
        lambda connection: connection.execute(
            own_checks.update()
            .where(own_checks.c.check_name == "shop")
            .values(definition={"name": "shop", "kind": "http", "url": "gopher://example.org"})
        )
    )

    assert database.read_now(ownchecks.load_all) == (SWAP,)


def test_there_is_a_bound_to_their_number(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownchecks, "MOST_CHECKS", 1)
    put(database, SWAP)

    with pytest.raises(WrongUse, match="1 are kept at most"):
        put(database, SHOP)


def test_nonsense_is_refused_before_it_is_kept(database: Database) -> None:
    with pytest.raises(BadDefinition, match="port"):
        put(database, OwnCheck(name="a", kind="tcp", host="example.org", port=0))

    assert database.read_now(ownchecks.load_all) == ()
