"""What tests of every room share: one real MariaDB, started when it is first asked for."""

from collections.abc import Iterator

import pytest

from tests import mariadb


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[mariadb.Server]:
    with mariadb.served() as server:
        yield server


@pytest.fixture
def mariadb_url(mariadb_server: mariadb.Server) -> Iterator[str]:
    with mariadb_server.fresh() as url:
        yield url
