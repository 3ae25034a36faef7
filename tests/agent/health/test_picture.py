"""How do all checks stand at this moment, those that were not done yet among them?"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.health.picture import Picture
from agent.ownchecks import OwnCheck
from agent.store import state
from agent.store.checks import Check, Kept, Terms
from agent.store.database import Database
from agent.store.state import Heartbeat
from shared.protocol.health import KeptSeries
from tests.agent.fake_clock import FakeClock
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import NOW_MS

SHOP = OwnCheck(name="shop", kind="http", url="https://example.org/", every_s=60)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(fresh_file(tmp_path / "smartcron.sqlite3"))
    beat = Heartbeat(pid=1, version="1", started_ms=NOW_MS, at_ms=NOW_MS)
    database.write_now(partial(state.beat, heartbeat=beat))
    yield database
    database.close()


def look(name: str, status: str = "ok", *, ago_s: int = 5, message: str = "as it is") -> Check:
    return Check(
        check_name=name,
        kind=name,
        status=status,
        checked_ms=NOW_MS - ago_s * 1000,
        message=message,
        value=0.5,
        unit="share",
        terms=Terms(
            name=name.upper(),
            warn=0.8,
            crit=0.9,
            for_s=7,
            every_s=10,
            late_s=45,
            kept=(Kept(name=name),),
        ),
    )


def picture_of(database: Database, *looks: Check, own: tuple[OwnCheck, ...] = ()) -> Picture:
    return Picture(
        clock=FakeClock(NOW_MS),
        database=database,
        looks=lambda: [(one, NOW_MS - 60_000) for one in looks],
        own=lambda: own,
    )


async def test_each_check_has_its_limits_its_look_and_what_is_kept_of_it(
    database: Database,
) -> None:
    found, runner = (await picture_of(database, look("disk", "warn")).take()).checks

    assert (found.id, found.name, found.state) == ("disk", "DISK", "warn")
    assert (found.warn, found.crit, found.falls, found.for_s) == (0.8, 0.9, False, 7)
    assert found.every_ms == 10_000
    assert (found.since_ms, found.checked_ms) == (NOW_MS - 60_000, NOW_MS - 5_000)
    assert found.late_ms == NOW_MS + 40_000
    assert found.series == (KeptSeries(name="disk"),)
    assert (runner.id, runner.state, runner.value) == ("master_runner", "ok", 0.0)


async def test_an_own_check_that_was_not_done_yet_is_not_known(database: Database) -> None:
    reply = await picture_of(database, own=(SHOP,)).take()

    found = reply.checks[0]
    assert (found.id, found.state, found.checked_ms) == ("check:shop", "unknown", None)
    assert (found.warn, found.unit, found.every_ms) == (2_000, "ms", 60_000)
    assert "! Check shop: unknown, not looked at yet" in reply.lines


async def test_the_lines_stand_as_the_command_prints_them(database: Database) -> None:
    looks = [look(name) for name in ("disk:/srv", "clock", "loop", "cpu", "disk", "logs")]

    reply = await picture_of(database, *looks, own=(SHOP,)).take()

    names = [line[2:].partition(":")[0] for line in reply.lines[1:]]
    assert names == ["CPU", "LOGS", "Check shop", "DISK", "DISK", "CLOCK", "Master runner"]
    assert reply.lines[0] == "! No health check is critical, 1 of 7 want a look"
    assert reply.lines[1] == "✓ CPU: OK"


async def test_what_was_found_long_ago_says_nothing_of_now(database: Database) -> None:
    reply = await picture_of(database, look("disk", ago_s=46)).take()

    assert "! DISK: unknown, last looked at 46 s ago: as it is" in reply.lines


async def test_no_message_steers_the_terminal_that_it_is_copied_to(database: Database) -> None:
    reply = await picture_of(database, look("disk", "warn", message="\x1b[2Jgone\nnow")).take()

    assert "! DISK: warn,  [2Jgone now" in reply.lines


async def test_what_an_own_check_said_is_left_out_for_who_may_not_read_output(
    database: Database,
) -> None:
    looks = (look("check:shop", "crit", message="token hunter2"), look("disk", "warn"))

    reply = await picture_of(database, *looks, own=(SHOP,)).take(with_words=False)

    assert "hunter2" not in str(reply)
    assert "✗ CHECK:SHOP: crit, what it said is not for viewers" in reply.lines
    assert "! DISK: warn, as it is" in reply.lines


async def test_without_its_database_the_agent_tells_what_it_has(database: Database) -> None:
    database.close()

    reply = await picture_of(database, look("cpu")).take()

    assert reply.lines[0] == "✗ 1 of 2 health checks are critical"
    assert reply.checks[-1].state == "unknown"
