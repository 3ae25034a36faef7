"""What tests of every room share: one real MariaDB, and how workers share the tests out."""

from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from agent.store.database import Database
from tests import mariadb
from tests.journeys.household import what_agents_said
from tests.mariadb_made import Made
from tests.shifts import Shifts

# How long an example takes, or to make one up, says how busy the machine is, not whether it holds.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shifts | None:
    return Shifts(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Beside what a test waited for in vain stands what the agents did meanwhile."""
    report = yield
    if report.failed:
        report.sections.extend(what_agents_said())
    return report


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[mariadb.Server]:
    with mariadb.served() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_made(mariadb_server: mariadb.Server) -> Made:
    return Made(mariadb_server, lambda url: Database.open(url).close())


@pytest.fixture
def mariadb_made_url(mariadb_made: Made) -> Iterator[str]:
    """A database of this agent's version, with nothing in its tables."""
    with mariadb_made.lent() as url:
        yield url


@pytest.fixture
def mariadb_url(mariadb_server: mariadb.Server) -> Iterator[str]:
    """A database without any table."""
    with mariadb_server.fresh() as url:
        yield url
