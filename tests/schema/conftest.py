"""Empty databases of each kind: the tables and their steps have to be right on both."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Engine, create_engine

from agent.store.engines import make_engine, read_url
from tests.mariadb import Server


@pytest.fixture(params=["sqlite", "mariadb"])
def engines(request: pytest.FixtureRequest) -> Iterator[Callable[[], Engine]]:
    """Makes an empty database each time it is called."""
    with ExitStack() as stack:

        def make() -> Engine:
            if request.param == "sqlite":
                engine = create_engine("sqlite://")
            else:
                server: Server = request.getfixturevalue("mariadb_server")
                url = read_url(stack.enter_context(server.fresh()))
                engine = make_engine(url, pool_size=1, writes=True)
            stack.callback(engine.dispose)
            return engine

        yield make


@pytest.fixture
def engine(engines: Callable[[], Engine]) -> Engine:
    return engines()
