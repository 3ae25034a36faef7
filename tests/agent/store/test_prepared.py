"""One statement for many rows, or about many of them."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, bindparam, select

from agent.store.database import Database
from agent.store.prepared import Among, Prepared
from schema.columns import Instant, Json

things = Table(
    "things",
    MetaData(),
    Column("name", String(20), primary_key=True),
    Column("seen_at", Instant),
    Column("about", Json),
    Column("size", Integer),
)
NEW = Prepared(["name", "size", "about", "seen_at"], things.insert())
GROW = Prepared(
    ["which", "more"],
    things.update()
    .where(things.c.name == bindparam("which"))
    .values(size=things.c.size + bindparam("more")),
)
FIND = Among(things.c.name, select(things.c.name))
MARK = Among(
    things.c.name,
    things.update()
    .where(things.c.size >= bindparam("least"))
    .values(seen_at=bindparam("at", type_=Instant)),
    names=["least", "at"],
)
ROWS: Sequence[tuple[object, ...]] = (
    ("fork", 3, {"a": 1}, 1_795_500_000_123),
    ("knife", 5, None, None),
    ("spoon", None, {}, 0),
)


@pytest.fixture
def _filled(database: Database) -> None:
    def fill(connection: Connection) -> None:
        things.create(connection)
        NEW.execute(connection, ROWS)

    database.write_now(fill)


def kept(connection: Connection) -> list[tuple[object, ...]]:
    columns = (things.c.name, things.c.size, things.c.about, things.c.seen_at)
    return [tuple(row) for row in connection.execute(select(*columns).order_by(things.c.name))]


@pytest.mark.usefixtures("_filled")
def test_rows_come_back_as_they_were_whatever_the_types_of_their_columns(
    database: Database,
) -> None:
    assert database.read_now(kept) == list(ROWS)


@pytest.mark.usefixtures("_filled")
def test_an_update_is_done_for_each_row_and_the_rows_that_took_it_are_counted(
    database: Database,
) -> None:
    counted = database.write_now(
        lambda connection: GROW.execute(
            connection, [("fork", 1), ("knife", 2), ("fork", 4), ("none such", 9)]
        )
    )

    assert counted == 3
    assert [row[1] for row in database.read_now(kept)] == [8, 7, None]


@pytest.mark.usefixtures("_filled")
@pytest.mark.parametrize("asked", [1, 2, 3, 4, 5, 9])
def test_those_among_many_values_are_found_each_once(database: Database, asked: int) -> None:
    values = ["fork", "none such", "spoon", "knife", "%s", "?", "'", "a", "b"][:asked]

    found = database.read_now(lambda connection: FIND.execute(connection, values).scalars().all())

    assert sorted(found) == sorted({"fork", "spoon", "knife"} & set(values))


@pytest.mark.usefixtures("_filled")
def test_other_parameters_stand_beside_the_many_and_are_kept_as_their_types_say(
    database: Database,
) -> None:
    counted = database.write_now(
        lambda connection: (
            MARK.execute(connection, ["fork", "knife", "spoon"], 4, 1_795_500_000_456).rowcount
        )
    )

    assert counted == 1
    assert [row[3] for row in database.read_now(kept)] == [1_795_500_000_123, 1_795_500_000_456, 0]


def test_nothing_to_do_asks_nothing(database: Database) -> None:
    assert database.write_now(lambda connection: NEW.execute(connection, [])) == 0
