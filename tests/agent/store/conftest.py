"""A fresh database of each kind: what stands for one has to stand for the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store import engines
from agent.store.database import Database
from tests.agent.store.fresh import fresh_file


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Not there yet, for what only a file can show; everything else asks for `url`."""
    return f"sqlite:///{tmp_path / 'smartcron.sqlite3'}"


@pytest.fixture
def sqlite_made_url(tmp_path: Path) -> str:
    return fresh_file(tmp_path / "smartcron.sqlite3")


@pytest.fixture(params=["sqlite", "mariadb"])
def url(request: pytest.FixtureRequest) -> str:
    """Its tables are there, and nothing in them."""
    name: str = request.getfixturevalue(f"{request.param}_made_url")
    return name


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database.open(url)
    yield database
    database.close()


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is slow on a busy host is no server that does not answer."""
    monkeypatch.setattr(engines, "CONNECT_S", 60)
    monkeypatch.setattr(engines, "ANSWER_S", 90)


@pytest.fixture
def long_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a database from here on waits for another's lock while a host is slow."""
    monkeypatch.setattr(engines, "BUSY_TIMEOUT_MS", 60_000)
    monkeypatch.setattr(engines, "LOCK_WAIT_S", 60)


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    database = Database.open(sqlite_url)
    yield database
    database.close()
