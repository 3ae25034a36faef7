"""What only the local journal knows is not passed over by who asks for alerts and health."""

import asyncio
import json
import time

from agent.mending import FOUND
from agent.rules.alerting import Trouble
from agent.store import journal
from agent.store.journal import Journal
from agent.store.writes import Raise, Resolve, Write
from tests.journeys.household import Household

OLD_MS = 60_000


def keep(household: Household, *writes: Write, found: str | None = None) -> None:
    """As an agent does whose database takes nothing."""

    async def put() -> None:
        now_ms = time.time_ns() // 1_000_000
        kept = Journal.open(household.home.journal_file, now_ms=now_ms)
        for write in writes:
            await kept.append(write, now_ms=now_ms - OLD_MS)
        if found is not None:
            await kept.remember(FOUND, found)
        kept.close()

    asyncio.run(put())


def raised(key: str) -> Raise:
    what = Trouble(dedupe_key=key, kind=key, severity="critical", title=f"all of {key}", message="")
    return Raise(trouble=what, now_ms=1_000)


def test_alerts_of_the_journal_are_listed_and_nothing_is_not_said_to_be_wrong(
    household: Household,
) -> None:
    assert "nothing is wrong" in household.cli("alerts", "list")
    keep(household, raised("one"), raised("two"), Resolve(dedupe_key="one", now_ms=2_000))

    said = household.cli("alerts", "list")
    listed = household.json("alerts", "list")

    assert "all of two" in said
    assert "takes nothing since" in said
    assert [alert["kind"] for alert in listed] == ["two"]


def test_an_outage_without_any_alert_is_told_in_place_of_nothing(household: Household) -> None:
    keep(household, Resolve(dedupe_key="one", now_ms=2_000))

    said = household.cli("alerts", "list")

    assert "nothing is wrong" not in said
    assert "1 writes are kept" in said


def test_the_health_of_a_database_that_takes_nothing_or_is_damaged_is_critical(
    household: Household,
) -> None:
    fine = household.run("health", "--only", "database", "--json")
    keep(household, raised("one"))
    away = household.run("health", "--only", "database", "--json")
    keep(household, found="page 7 is nonsense")
    damaged = household.run("health", "--only", "database", "--json")

    assert [done.returncode for done in (fine, away, damaged)] == [0, 1, 1]
    (check,) = json.loads(damaged.stdout)["checks"]
    assert (check["state"], "page 7 is nonsense" in check["message"]) == ("crit", True)
    assert journal.look(household.home.journal_file).number == 1


def test_a_file_that_cannot_be_read_hides_no_alert_of_the_journal(household: Household) -> None:
    keep(household, raised("one"))
    household.forget_database()
    household.home.database_file.write_bytes(b"nonsense" * 4_096)

    done = household.run("alerts", "list")

    assert done.returncode == 1
    assert "all of one" in done.stdout
    assert "is damaged" in done.stderr
