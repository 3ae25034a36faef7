"""What the health checks found, and when."""

from functools import partial

from agent.store import checks
from agent.store.checks import Check
from agent.store.database import Database
from tests.agent.store.makings import NOW_MS


def a_check(name: str, status: str, at_ms: int) -> Check:
    return Check(
        check_name=name,
        kind="disk",
        status=status,
        checked_ms=at_ms,
        message="12 % free",
        value=0.12,
        unit="share",
    )


def test_the_latest_finding_of_each_check_is_told(database: Database) -> None:
    rounds = [
        [a_check("disk /", "ok", NOW_MS), a_check("database", "ok", NOW_MS)],
        [a_check("disk /", "crit", NOW_MS + 1)],
        [],
    ]
    for found in rounds:
        database.write_now(partial(checks.record, checks=found))

    latest = database.read_now(checks.latest)

    assert latest == (rounds[0][1], rounds[1][0])
    assert database.read_now(partial(checks.of, check_name="disk /")) == (
        rounds[1][0],
        rounds[0][0],
    )
