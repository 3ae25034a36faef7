"""The mark beside a database: read back, of no use to another one, and no burden on a full disk."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import msgspec

from agent.proof import prove
from agent.recovery import make_up
from agent.runs import Run
from agent.store import ledger, mark, state, tasks
from agent.store.database import Database
from agent.store.mark import Mark, SetBack
from tests.agent.store.makings import NOW_MS, a_run, a_task


def made_up(
    database: Database,
    *,
    since_ms: int,
    until_ms: int,
    living: Iterable[Run],
    run_ids: frozenset[str],
    now_ms: int,
    cause: str,
) -> SetBack:
    return SetBack(since_ms=since_ms, until_ms=until_ms, moments=0, unknown=0)


def applied(database: Database, now_ms: int) -> None:
    """A task that is due each minute, as of this moment."""
    task = a_task(schedule=("* * * * *",))
    put = partial(tasks.apply, definitions=[task], who="me", why="", now_ms=now_ms)
    database.write_now(put)


def mark_of(folder: Path) -> Mark:
    return Mark(folder, "file", make_up=made_up)


def decide(database: Database, at_ms: int) -> None:
    database.write_now(lambda opened: state.set_decided_until(opened, at_ms, now_ms=at_ms))


def test_what_was_confirmed_is_read_back_for_the_same_database_only(tmp_path: Path) -> None:
    mark_of(tmp_path).put(NOW_MS)
    mark_of(tmp_path).put(NOW_MS - 5)  # the clock was put right

    assert mark.read(tmp_path, "file") == NOW_MS - 5
    assert mark.read(tmp_path, "another") is None


def test_a_mark_that_is_torn_gone_or_forgotten_says_nothing(tmp_path: Path) -> None:
    assert mark.read(tmp_path, "file") is None
    mark_of(tmp_path).put(NOW_MS)
    whole = (tmp_path / mark.FILE).read_bytes()
    (tmp_path / mark.FILE).write_bytes(whole[:20])
    assert mark.read(tmp_path, "file") is None
    mark_of(tmp_path).put(NOW_MS)
    mark.forget(tmp_path)
    assert mark.read(tmp_path, "file") is None


def test_the_file_is_for_its_owner_and_never_grows(tmp_path: Path) -> None:
    for at_ms in range(NOW_MS, NOW_MS + 100):
        mark_of(tmp_path).put(at_ms)

    status = (tmp_path / mark.FILE).stat()
    assert (status.st_size, status.st_mode & 0o777) == (4_096, 0o600)


def test_only_a_database_that_knows_less_than_it_confirmed_was_set_back(
    database: Database, tmp_path: Path
) -> None:
    beside = mark_of(tmp_path)

    def look() -> SetBack | None:
        beside.found = None
        beside.look(database, living=(), run_ids=frozenset(), now_ms=NOW_MS)
        return beside.found

    decide(database, NOW_MS - 100)
    assert look() is None
    beside.put(NOW_MS - 100)
    assert look() is None
    beside.put(NOW_MS - 40)
    assert look() == SetBack(since_ms=NOW_MS - 100, until_ms=NOW_MS - 40, moments=0, unknown=0)
    beside.put(NOW_MS + 9_000)  # as a clock that was ahead had it
    assert look() == SetBack(since_ms=NOW_MS - 100, until_ms=NOW_MS, moments=0, unknown=0)


def test_what_was_forgotten_gets_rows_and_nothing_of_it_runs_again(database: Database) -> None:
    since_ms, until_ms = NOW_MS - 600_000, NOW_MS - 60_000
    applied(database, since_ms - 120_000)
    old = a_run(since_ms - 60_000, status="queued")
    kept = a_run(since_ms - 30_000, status="queued", attempt=2)
    database.write_now(
        partial(
            ledger.claim,
            runs=(old, kept),
            watermarks={old.task_name: since_ms},
            decided_until_ms=since_ms,
            now_ms=since_ms,
        )
    )
    living = a_run(since_ms + 60_000 - since_ms % 60_000, status="running", started_ms=since_ms)

    found = make_up(
        database,
        since_ms=since_ms,
        until_ms=until_ms,
        living=[living],
        run_ids=frozenset({kept.id}),
        now_ms=NOW_MS,
        cause=mark.OLDER_COPY,
    )

    rows = database.read_now(partial(ledger.page, limit=100)).runs
    lost = [row for row in rows if row.reason == mark.ROW_LOST]
    assert found.unknown == 1
    assert found.moments == sum(row.missed_count for row in lost) == 8
    assert {row.id: row.status for row in rows if row.reason != mark.ROW_LOST} == {
        old.id: "lost",
        kept.id: "queued",
        living.id: "running",
    }
    assert database.read_now(state.decided_until) == until_ms
    (task,) = database.read_now(tasks.load_all)
    assert task.watermark_ms == until_ms
    told = database.read_now(partial(mark.rows_lost, from_ms=since_ms, to_ms=until_ms))
    assert told == 8
    assert prove(database, since_ms, until_ms)[task.task_name].missing == ()


def test_a_row_that_waits_in_the_copy_is_that_of_a_run_which_has_begun_since(
    database: Database,
) -> None:
    since_ms = NOW_MS - 600_000
    applied(database, since_ms - 120_000)
    waiting = a_run(since_ms, status="queued")
    database.write_now(
        partial(ledger.claim, runs=(waiting,), decided_until_ms=since_ms, now_ms=since_ms)
    )
    begun = msgspec.structs.replace(waiting, status="running", started_ms=since_ms + 5)

    found = make_up(
        database,
        since_ms=since_ms,
        until_ms=NOW_MS,
        living=[begun],
        run_ids=frozenset(),
        now_ms=NOW_MS,
        cause=mark.OLDER_COPY,
    )

    row = database.read_now(partial(ledger.find, run_id=waiting.id))
    assert row is not None
    assert (row.status, row.started_ms, found.unknown) == ("running", since_ms + 5, 0)
