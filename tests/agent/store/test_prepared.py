"""One statement for many rows, or about many of them."""

from collections.abc import Sequence
from functools import partial

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_mock_engine,
    select,
)

from agent.store.database import Database
from agent.store.prepared import Among, Prepared
from agent.store.upserts import Upsert
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
PUT = Prepared(
    ["which", "now_seen_at", "now_about", "now_size"],
    things.update()
    .where(things.c.name == bindparam("which"))
    .values(
        seen_at=bindparam("now_seen_at"), about=bindparam("now_about"), size=bindparam("now_size")
    ),
)
RENEW = Prepared(
    ["name", "seen_at", "about", "size"],
    Upsert(things, key=("name",), renews=("seen_at", "about", "size")),
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


MANY = [f"thing {number:02}" for number in range(40)]
# What many rows say one after the other: what all of them lack need not be handed over.
SAYINGS: Sequence[Sequence[tuple[object, ...]]] = (
    [(name, None, None, None) for name in MANY],
    [(name, 7, {"a": 1}, None) for name in MANY],
    [(name, None, None, 5) for name in MANY],
    [(name, None if name == MANY[0] else 9, None, None) for name in MANY],
)


@pytest.mark.usefixtures("_filled")
@pytest.mark.parametrize("renewing", [PUT, RENEW], ids=["update", "upsert"])
def test_what_all_of_many_rows_lack_is_nothing_in_each_whatever_stood_there(
    database: Database, renewing: Prepared
) -> None:
    first = [(name, 3, {"b": 2}, 1_795_500_000_123) for name in MANY]
    database.write_now(lambda connection: NEW.execute(connection, first))
    told = []
    for rows in SAYINGS:
        database.write_now(partial(renewing.execute, rows=rows))
        told.append([row for row in database.read_now(kept) if row[0] in MANY])

    assert told == [
        [(name, size, about, at_ms) for name, at_ms, about, size in rows] for rows in SAYINGS
    ]
    assert [row for row in database.read_now(kept) if row[0] not in MANY] == list(ROWS)


def test_no_server_is_asked_for_a_column_that_was_not_handed_over() -> None:
    mysql = create_mock_engine("mysql+pymysql://", lambda *_: None)
    upsert = Upsert(things, key=("name",), renews=("seen_at", "size"))

    insert = upsert.on(mysql, frozenset({"seen_at"}))  # type: ignore[arg-type] # its dialect
    text = str(insert.compile(dialect=mysql.dialect, column_keys=["name", "size"]))

    assert "seen_at = NULL" in text
    assert text.count("seen_at") == 1, "MySQL knows no such column of the new row"


@pytest.mark.parametrize("said", range(len(SAYINGS)))
@pytest.mark.usefixtures("_filled")
def test_many_new_rows_lack_what_they_lack(database: Database, said: int) -> None:
    rows = [(name, size, about, at_ms) for name, at_ms, about, size in SAYINGS[said]]

    database.write_now(lambda connection: NEW.execute(connection, rows))

    assert [row for row in database.read_now(kept) if row[0] in MANY] == rows


@pytest.mark.usefixtures("_filled")
def test_what_is_equal_is_not_taken_for_the_same(database: Database) -> None:
    rows = [(name, 1, {"a": 1.0 if name == MANY[7] else 1}, 1) for name in MANY]

    database.write_now(lambda connection: NEW.execute(connection, rows))

    found = [str(about) for name, _, about, _ in database.read_now(kept) if name in MANY]
    assert found == [str(about) for _, _, about, _ in rows]


@pytest.mark.usefixtures("_filled")
@pytest.mark.parametrize("url", ["mariadb"], indirect=True)
def test_a_server_is_told_many_rows_at_once(database: Database) -> None:
    def inserts(connection: Connection) -> int:
        said = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Com_insert'").one()
        return int(said[1])

    def write(connection: Connection) -> int:
        before = inserts(connection)
        NEW.execute(connection, [(name, 1, None, None) for name in MANY])
        RENEW.execute(connection, [(name, None, None, 2) for name in MANY])
        return inserts(connection) - before

    assert database.write_now(write) == 2


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
