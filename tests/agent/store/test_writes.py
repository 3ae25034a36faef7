"""What is written while runs go on: kept as values, done once however often it is told."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select

from agent.rules.alerting import Trouble
from agent.rules.clocks import Happening
from agent.store import ledger, tasks, writes
from agent.store.audit import AuditRow
from agent.store.checks import Check
from agent.store.database import Database
from agent.store.ledger import Step
from agent.store.ops import BEGUN, StoredOp
from agent.store.samples import Sample
from agent.store.writes import (
    Audited,
    Begun,
    Claim,
    Finished,
    Happened,
    Measured,
    Order,
    Raise,
    Resolve,
    Take,
    Write,
)
from schema.tables import metadata
from tests.agent.store.makings import NOW_MS, a_run, a_task, ended

RUN = a_run()
LIVING = msgspec.structs.replace(RUN, status="running", started_ms=NOW_MS + 20, pid=4711)
RETRY = a_run(NOW_MS + 1, scheduled_ms=NOW_MS, attempt=2, trigger="retry", status="retry_wait")
CHAINED = a_run(NOW_MS + 2, task_name="report", trigger="chain", scheduled_ms=NOW_MS + 1_000)
ORDERED = a_run(NOW_MS + 3, trigger="manual", scheduled_ms=NOW_MS + 3_000)
TROUBLE = Trouble(
    dedupe_key="disk", kind="disk", severity="high", title="Disk", message="it is nearly full"
)
CLAIM = Claim(runs=(RUN,), watermarks={"backup": NOW_MS}, decided_until_ms=NOW_MS, now_ms=NOW_MS)
STORY: tuple[Write, ...] = (
    CLAIM,
    Take(step=Step(run=LIVING, now_ms=NOW_MS)),
    Raise(trouble=TROUBLE, now_ms=NOW_MS),
    Raise(trouble=TROUBLE, now_ms=NOW_MS + 1),
    Order(run=ORDERED),
    Take(step=Step(run=ended(RUN, "error"), retry=RETRY, now_ms=NOW_MS + 2_000)),
    Take(step=Step(run=ended(RETRY), chained=(CHAINED,), now_ms=NOW_MS + 4_000)),
    Happened(
        happenings=(Happening(kind="clock_back", size_ms=5_000, at_ms=NOW_MS, message="set"),)
    ),
    Measured(
        at_ms=NOW_MS,
        readings={"cpu": 0.5},
        samples=(Sample(run_id=RUN.id, sampled_ms=NOW_MS, cpu_ms=1, rss_bytes=2, processes=1),),
    ),
    Resolve(dedupe_key="disk", now_ms=NOW_MS + 5_000),
    Begun(
        stored=StoredOp(
            op="op-1", key_id="k", type="run.start", digest="d", state=BEGUN, at_ms=NOW_MS
        )
    ),
    Finished(op="op-1", state="done", result=b"\x80", run_id=RUN.id, now_ms=NOW_MS),
    Begun(
        stored=StoredOp(
            op="op-2", key_id="k", type="run.start", digest="e", state=BEGUN, at_ms=NOW_MS
        )
    ),
    Finished(op="op-2", state=BEGUN, result=None, now_ms=NOW_MS),
    Audited(
        row=AuditRow(
            at_ms=NOW_MS, key_id="k", label="me", role="admin", address="127.0.0.1", type="hello"
        ),
        is_hello=True,
    ),
)


@pytest.fixture
def known(database: Database) -> Database:
    database.write_now(
        lambda connection: tasks.register(
            connection, [a_task(), a_task("report")], who="test", why="", now_ms=NOW_MS - 1
        )
    )
    return database


def everything(connection: Connection) -> dict[str, list[Any]]:
    """All rows, but for what comes of the moment at which they are written."""
    found = {}
    by_chance = {"smart_cron_alerts": "id", "smart_cron_state": "updated_at"}
    for name, table in metadata.tables.items():
        columns = [each for each in table.c if each.name != by_chance.get(name)]
        found[name] = sorted(map(repr, connection.execute(select(*columns)).all()))
    return found


def do(database: Database, *story: Write, again: bool = False) -> None:
    for write in story:
        database.write_now(write.replay if again else write.apply)


@pytest.mark.parametrize("write", STORY, ids=lambda write: type(write).__name__)
def test_a_write_comes_back_from_the_journal_as_it_went(write: Write) -> None:
    assert writes.decode(writes.encode(write)) == write


def test_what_is_told_for_the_first_time_does_what_the_write_itself_does(
    known: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Database.open(f"sqlite:///{tmp_path_factory.mktemp('other') / 'other.sqlite3'}")
    other.write_now(
        lambda connection: tasks.register(
            connection, [a_task(), a_task("report")], who="test", why="", now_ms=NOW_MS - 1
        )
    )

    do(known, *STORY)
    do(other, *STORY, again=True)

    assert other.read_now(everything) == known.read_now(everything)
    other.close()


@pytest.mark.parametrize("done", range(1, len(STORY) + 1))
def test_telling_what_was_done_already_changes_nothing(known: Database, done: int) -> None:
    """The answer to one was lost: it stands, and the journal tells it, and all later ones."""
    do(known, *STORY[:done])
    before = known.read_now(everything)

    do(known, STORY[done - 1], again=True)

    assert known.read_now(everything) == before


def test_the_answers_meanwhile_are_those_the_database_would_give(known: Database) -> None:
    for write in STORY:
        if isinstance(write, (Claim, Take, Order)):
            assert known.write_now(write.apply) == write.assumed()


def test_a_run_whose_moment_was_taken_meanwhile_keeps_its_row_as_a_further_attempt(
    known: Database,
) -> None:
    theirs = a_run(NOW_MS + 9, scheduled_ms=NOW_MS, status="missed", ended_ms=NOW_MS + 9)
    known.write_now(lambda connection: ledger.claim(connection, [theirs], now_ms=NOW_MS))

    do(
        known,
        CLAIM,
        Take(step=Step(run=LIVING, now_ms=NOW_MS)),
        Take(step=Step(run=ended(RUN), now_ms=NOW_MS + 2_000)),
        again=True,
    )

    found = known.read_now(lambda connection: ledger.get(connection, RUN.id))
    assert (found.status, found.attempt, found.exit_status) == ("success", 2, 0)
    assert known.read_now(lambda connection: ledger.get(connection, theirs.id)) == theirs


def test_an_end_finds_a_database_that_never_heard_of_its_run(known: Database) -> None:
    do(known, Take(step=Step(run=ended(RUN), now_ms=NOW_MS + 2_000)), again=True)

    assert known.read_now(lambda connection: ledger.get(connection, RUN.id)) == ended(RUN)


def test_a_start_finds_a_database_that_never_heard_of_its_run(known: Database) -> None:
    do(known, Take(step=Step(run=LIVING, now_ms=NOW_MS)), again=True)

    assert known.read_now(lambda connection: ledger.get(connection, RUN.id)) == LIVING


def test_checks_are_kept_with_the_readings(known: Database) -> None:
    check = Check(check_name="disk", kind="disk", status="ok", checked_ms=NOW_MS, message="")

    do(known, Measured(at_ms=NOW_MS, checks=(check,)))

    assert len(known.read_now(everything)["smart_cron_health_checks"]) == 1
