"""What does an agent hold in memory that serves a home, has a client and has run a task?"""

from typing import Final

import pytest

from tests.journeys.household import Household, until

HEAVY: Final = frozenset(
    {
        # To draw, write and word: the command line, reports, mails.
        "agent.cli.say", "apprise", "jinja2", "pygments", "rich", "structlog", "tomlkit",
        # To reach others than this home's database and those who connect.
        "aiosmtplib", "http.client", "pymysql", "smtplib", "sqlalchemy.dialects.mysql",
        "urllib.request",
        # To read calendars, lift a database, find a home that nobody named.
        "alembic", "icalendar", "platformdirs", "recurring_ical_events",
        # What only a few lines need.
        "fractions", "html.entities", "multiprocessing", "sqlalchemy.orm", "statistics",
        "unittest",
    }
)  # fmt: skip


def test_what_an_agent_at_rest_does_not_need_is_not_in_its_memory(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    household.apply('task_name = "one"\nschedule = "@every 366d"\ncommand = ["true"]')
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    agent = household.serve()
    monkeypatch.delenv("PYTHONPROFILEIMPORTTIME")

    with household.caller() as caller:
        household.order(caller, "one")
    until(lambda: household.runs("one", "success") != [], "a run")
    household.stop(agent)

    lines = household.said().splitlines()
    loaded = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert {"asyncio", "sqlalchemy", "agent.app"} <= loaded
    assert loaded & HEAVY == set()
