"""Is a row that is there already kept or renewed, as was asked, and a new one written?"""

from functools import partial

import pytest
from sqlalchemy import Connection, select

from agent.store.database import Database
from agent.store.upserts import Upsert
from schema.tables import state

KEEPING = Upsert(state, key=("name",))
RENEWING = Upsert(state, key=("name",), renews=("value",))


def put(upsert: Upsert, row: dict[str, object], connection: Connection) -> None:
    connection.execute(upsert.on(connection), row)


@pytest.mark.parametrize(
    ("upsert", "left"), [(KEEPING, ("old", 1)), (RENEWING, ("new", 1))], ids=["kept", "renewed"]
)
def test_only_what_is_to_be_renewed_is_another(
    database: Database, upsert: Upsert, left: tuple[str, int]
) -> None:
    for value, at_ms in (("old", 1), ("new", 2)):
        row = {"name": "mark", "value": value, "updated_at": at_ms}
        database.write_now(partial(put, upsert, row))

    asked = select(state.c.value, state.c.updated_at).where(state.c.name == "mark")
    found = database.read_now(lambda connection: tuple(connection.execute(asked).one()))
    assert found == left
