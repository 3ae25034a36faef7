"""Commands about the database: what they say of one that does not answer."""

import asyncio
import json

import msgspec
import pytest

from agent.cli import say
from agent.store.journal import Journal
from agent.store.reaching import FLOOR
from agent.store.standby import Floor
from agent.store.writes import Order
from tests.agent.store.makings import NOW_MS, a_run
from tests.journeys.household import Household

AWAY = "mysql+pymysql://cron:hush-hush@127.0.0.1:1/cron"


@pytest.fixture
def away(household: Household) -> Household:
    """A home whose agent began without its database, and whose local journal keeps two writes."""
    settings = household.home.settings_file
    settings.write_text(f'database_url = "{AWAY}"\n' + settings.read_text())
    journal = Journal.open(household.home.journal_file, now_ms=NOW_MS)

    async def keep() -> None:
        for at_ms in (NOW_MS, NOW_MS + 1):
            await journal.append(Order(run=a_run(at_ms)), now_ms=at_ms)

        await journal.remember(FLOOR, msgspec.json.encode(Floor(at_ms=NOW_MS - 1)).decode())

    asyncio.run(keep())
    journal.close()
    return household


def test_the_state_of_a_database_that_is_away_tells_what_is_kept(away: Household) -> None:
    said = away.run("db", "status")

    assert said.returncode == 1
    assert "local journal  2 writes since" in said.stdout
    before = f"not decided    what was due before {say.moment(NOW_MS - 1)} and has no row"
    assert before in said.stdout
    assert "does not answer" in said.stderr
    assert "hush-hush" not in said.stdout + said.stderr


def test_the_state_of_a_database_that_is_away_is_told_to_programs(away: Household) -> None:
    said = away.run("db", "status", "--json")

    assert said.returncode == 1
    told = json.loads(said.stdout)
    assert (told["kept"], told["kept_since_ms"], told["refused"]) == (2, NOW_MS, [])
    assert told["undecided_before_ms"] == NOW_MS - 1
    assert "does not answer" in told["fault"]


def test_where_no_agent_began_without_its_database_all_is_decided(household: Household) -> None:
    assert "not decided" not in household.cli("db", "status")
    assert household.json("db", "status")["undecided_before_ms"] is None


def test_nothing_is_said_of_heartbeats_that_could_not_be_read(away: Household) -> None:
    said = away.run("health", "--only", "master_runner")

    assert said.returncode == 1
    assert "never" not in said.stdout
    assert "not known, as the database could not be asked" in said.stdout
