"""A fresh database of each kind, and a day of which much is to be told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store.database import Database
from tests.agent.store.fresh import fresh_file


@pytest.fixture
def sqlite_made_url(tmp_path: Path) -> str:
    return fresh_file(tmp_path / "smartcron.sqlite3")


@pytest.fixture(params=["sqlite", "mariadb"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    database = Database.open(request.getfixturevalue(f"{request.param}_made_url"))
    yield database
    database.close()
