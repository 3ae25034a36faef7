"""A fresh database, and runs to put into it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store.database import Database


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'smartcron.sqlite3'}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database.open(url)
    yield database
    database.close()
