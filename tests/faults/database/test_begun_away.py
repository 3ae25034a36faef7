"""The agent begins while its database is away: it runs what is due, and nothing twice."""

import time
from collections.abc import Iterator

import pytest

from agent.store import journal
from shared.protocol import requests, rows
from tests.faults.database.proxy import Proxy
from tests.faults.database.test_server_away import PASSWORD, USER, Site
from tests.journeys.household import Household, until
from tests.journeys.test_agent_kill_loop import finish, hold_against, seeded, start_tasks, told
from tests.mariadb import served

WAYS = ("refused", "killed", "frozen", "frozen_network", "read_only", "locked")


@pytest.fixture
def site(bare: Household) -> Iterator[Site]:
    with served() as server, Proxy("127.0.0.1", server.port) as proxy:
        server.say(
            "CREATE DATABASE smartcron_1 CHARACTER SET utf8mb4",
            f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT ALL ON smartcron_1.* TO '{USER}'@'127.0.0.1'",
        )
        url = f"mysql+pymysql://{USER}:{PASSWORD}@127.0.0.1:{proxy.port}/smartcron_1"
        yield Site(server, proxy, bare.prepare(database_url=url))
        bare.leave()


@pytest.mark.parametrize("way", ["refused", "frozen"])
@pytest.mark.timeout(180)
def test_an_agent_that_begins_without_its_database_runs_what_is_due_and_nothing_twice(
    site: Site, way: str
) -> None:
    household, chance = site.household, seeded()
    truth = start_tasks(household)
    agent = household.serve()
    until(lambda: told(truth)[0].total() > 6, "some runs")
    time.sleep(chance.uniform(0.0, 1.5))  # somewhere between two copies
    household.kill(agent)

    with getattr(site, way)():
        for _ in range(3):
            before = told(truth)[0].total()
            agent = household.serve()
            until(lambda before=before: told(truth)[0].total() > before + 6, "more runs")
            with household.caller() as caller:
                found = caller.call(requests.Sync(scope=rows.STATE), rows.Delta).rows.agent
            assert found is not None and found.database_away_since_ms, "told from the start"
            time.sleep(chance.uniform(0.0, 1.0))
            household.kill(agent)
        agent = household.serve()
        until(site.kept, "a write that is kept")
    until(lambda: not site.kept(), "the replay", within_s=60)
    until(lambda: "what was due before the agent began is decided" in household.said(), "a word")
    finish(household, agent)

    hold_against(household, truth)
    assert journal.refused(household.home.journal_file) == ()
