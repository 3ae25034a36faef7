"""What became of each due moment and order."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, Row, event
from sqlalchemy.exc import IntegrityError

from agent.errors import Conflict, RunNotFound
from agent.runs import ENDINGS, FOLLOWERS, LIVE_STATES, Run
from agent.store import ledger, state, tasks
from agent.store.database import Database
from agent.store.ledger import RunFilter, Step
from agent.ulid import new_ulid
from bench import millions
from schema.tables import executions
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run, a_task, end, ended, move


def claim(database: Database, *runs: Run) -> frozenset[str]:
    return database.write_now(partial(ledger.claim, runs=runs, now_ms=NOW_MS))


def test_a_claimed_run_comes_back_with_every_field(database: Database) -> None:
    run = a_run(
        reason="why",
        note="and more",
        caused_by="01JDD0000000000000000000AB",
        requested_by="anna",
        op="op-1",
        retry_at_ms=NOW_MS + 1,
        started_ms=NOW_MS + 2,
        ended_ms=NOW_MS + 3,
        duration_ms=4,
        late_ms=5,
        exit_status=6,
        signal=7,
        pid=8,
        cpu_ms=9,
        peak_rss=2**40,
        output_bytes=2**41,
        output_tail="tail ü",
        error_message="bad",
        stack_trace="at x",
        log_file="backup.log",
        log_offset=2**33,
        log_bytes=12,
        missed_count=3,
        missed_until_ms=NOW_MS + 13,
    )

    assert claim(database, run) == {run.id}
    assert database.read_now(partial(ledger.get, run_id=run.id)) == run


def test_words_longer_than_their_column_are_cut_and_cost_no_run_its_row(
    database: Database,
) -> None:
    run = a_run(requested_by="a" * 200)
    claim(database, run)

    over = msgspec.structs.replace(run, status="aborted", reason="b" * 200, note="c" * 9_000)
    database.write_now(partial(end, run=over))

    kept = database.read_now(partial(ledger.get, run_id=run.id))
    longest: dict[str, Any] = {
        column.name: getattr(column.type, "length", None) for column in executions.c
    }
    assert kept.requested_by == "a" * longest["requested_by"]
    assert kept.reason == "b" * longest["reason"]
    assert len(kept.note or "") < 9_000


def test_a_moment_taken_by_another_id_is_not_ours(database: Database) -> None:
    first = a_run()
    second = a_run()
    other_attempt = a_run(attempt=2)
    other_task = a_run(task_name="sync")

    assert claim(database, first) == {first.id}
    assert claim(database, second, other_attempt, other_task) == {other_attempt.id, other_task.id}
    with pytest.raises(RunNotFound, match=second.id):
        database.read_now(partial(ledger.get, run_id=second.id))


def test_claiming_the_same_run_again_changes_nothing(database: Database) -> None:
    run = a_run()
    claim(database, run)
    database.write_now(partial(end, run=ended(run)))

    assert claim(database, run) == {run.id}
    assert database.read_now(partial(ledger.get, run_id=run.id)).status == "success"


def test_a_claim_writes_rows_watermarks_and_the_decided_moment_together(
    database: Database,
) -> None:
    names = ("backup", "sync")
    definitions = [a_task(name) for name in names]
    database.write_now(
        partial(tasks.register, definitions=definitions, who="me", why="", now_ms=NOW_MS)
    )

    def both(connection: Connection, at_ms: int) -> None:
        marks = {"backup": at_ms, "sync": NOW_MS - HOUR_MS}
        ledger.claim(
            connection, [a_run(at_ms)], watermarks=marks, decided_until_ms=at_ms, now_ms=at_ms
        )

    def marks(connection: Connection) -> dict[str, int]:
        return {task.task_name: task.watermark_ms for task in tasks.load_all(connection)}

    database.write_now(partial(both, at_ms=NOW_MS + MINUTE_MS))

    assert database.read_now(marks) == {"backup": NOW_MS + MINUTE_MS, "sync": NOW_MS}
    assert database.read_now(state.decided_until) == NOW_MS + MINUTE_MS


def test_more_runs_than_one_statement_takes_are_all_claimed(database: Database) -> None:
    runs = [a_run(NOW_MS + number * MINUTE_MS) for number in range(1_234)]

    assert claim(database, *runs) == {run.id for run in runs}


@pytest.mark.usefixtures("long_locks")
def test_of_two_agents_on_one_database_exactly_one_gets_each_moment(url: str) -> None:
    databases = [Database.open(url), Database.open(url)]
    moments = [NOW_MS + number * MINUTE_MS for number in range(150)]
    won: list[set[int]] = [set(), set()]
    start = threading.Barrier(2)

    def race(agent: int) -> None:
        start.wait()
        for at_ms in moments:
            if claim(databases[agent], a_run(at_ms)):
                won[agent].add(at_ms)

    racers = [threading.Thread(target=race, args=(agent,)) for agent in (0, 1)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    rows = databases[0].read_now(partial(ledger.page, limit=1_000)).runs
    for database in databases:
        database.close()

    assert not won[0] & won[1]
    assert won[0] | won[1] == set(moments)
    assert sorted(run.scheduled_ms for run in rows) == moments


def test_an_order_at_a_taken_moment_gets_the_next_millisecond(database: Database) -> None:
    claim(database, a_run(), a_run(NOW_MS + 1))
    order = a_run(trigger="manual")

    taken = database.write_now(partial(ledger.order, run=order))

    assert taken == msgspec.structs.replace(order, scheduled_ms=NOW_MS + 2)
    assert database.read_now(partial(ledger.get, run_id=order.id)) == taken


def test_a_run_goes_through_its_states(database: Database) -> None:
    run = a_run()
    claim(database, run)
    for status in ("starting", "running", "running", "stopping"):
        run = msgspec.structs.replace(run, status=status, pid=12, started_ms=NOW_MS + 3)
        assert database.write_now(partial(move, run=run))
        assert database.read_now(ledger.unfinished) == (run,)

    last = ended(run, "aborted")
    assert database.write_now(partial(end, run=last)) == (last,)

    assert database.read_now(ledger.unfinished) == ()
    assert database.read_now(partial(ledger.get, run_id=run.id)) == last


def all_moves() -> Iterator[tuple[str, str]]:
    for old in (*LIVE_STATES, *ENDINGS):
        for new in (*LIVE_STATES, *ENDINGS):
            yield old, new


def test_exactly_the_allowed_moves_are_written(database: Database) -> None:
    for number, (old, new) in enumerate(all_moves()):
        run = a_run(NOW_MS + number, status=old)
        claim(database, run)
        wanted = msgspec.structs.replace(run, status=new, pid=99)
        is_allowed = new in FOLLOWERS[old] or (old == new and old in LIVE_STATES)

        if is_allowed or old in ENDINGS:
            assert database.write_now(partial(move, run=wanted)) is is_allowed
        else:
            with pytest.raises(Conflict, match=f"is {old} and cannot become {new}"):
                database.write_now(partial(move, run=wanted))
        stands = database.read_now(partial(ledger.get, run_id=run.id))
        assert stands == (wanted if is_allowed else run), (old, new)


def test_moving_an_unknown_run_is_refused(database: Database) -> None:
    with pytest.raises(RunNotFound):
        database.write_now(partial(move, run=a_run(status="running")))


def test_a_run_that_has_ended_keeps_its_ending(database: Database) -> None:
    run = a_run(status="running")
    claim(database, run)
    first = ended(run, "error")
    database.write_now(partial(end, run=first))
    retry = a_run(attempt=2, status="retry_wait")

    again = database.write_now(partial(end, run=ended(run, "success"), retry=retry))

    assert again == ()
    assert database.read_now(partial(ledger.page)).runs == (first,)


def test_where_an_output_lies_is_noted_once_and_only_of_a_run_that_has_ended(
    database: Database,
) -> None:
    run = a_run()
    claim(database, run)
    kept = msgspec.structs.replace(run, log_file="backup.log", log_offset=2**33, log_bytes=12)
    another = msgspec.structs.replace(kept, log_file="other.log")

    def note(wanted: Run) -> tuple[Run, ...]:
        return database.write_now(partial(ledger.note_log, run=wanted))

    assert note(kept) == ()
    over = ended(run, status="error", output_tail="bad")
    database.write_now(partial(end, run=over))
    noted = note(kept)
    assert note(another) == noted
    assert note(msgspec.structs.replace(kept, id=new_ulid(NOW_MS))) == ()

    (row,) = noted
    assert (row.log_file, row.log_offset, row.log_bytes) == ("backup.log", 2**33, 12)
    assert (row.status, row.output_tail) == ("error", "bad")


def test_the_next_attempt_is_there_as_soon_as_the_end_is(database: Database) -> None:
    run = a_run(status="running")
    claim(database, run)
    retry = a_run(attempt=2, trigger="retry", status="retry_wait", retry_at_ms=NOW_MS + MINUTE_MS)
    retry = msgspec.structs.replace(retry, id=new_ulid(NOW_MS + 5_000))
    last = ended(run, "error")

    assert database.write_now(partial(end, run=last, retry=retry)) == (last, retry)
    assert database.read_now(ledger.unfinished) == (retry,)
    assert database.read_now(partial(ledger.attempts, run=run)) == (last, retry)


def test_an_end_and_its_next_attempt_stand_or_fall_together(database: Database) -> None:
    run = a_run(status="running")
    claim(database, run)
    broken = msgspec.structs.replace(a_run(attempt=2), category=None)

    with pytest.raises(IntegrityError, match="category"):
        database.write_now(partial(end, run=ended(run, "error"), retry=broken))

    assert database.read_now(ledger.unfinished) == (run,)


def test_steps_of_many_runs_are_written_as_one_after_the_other_would_be(
    database: Database,
) -> None:
    first, second, third = (a_run(NOW_MS + number * MINUTE_MS) for number in range(3))
    claim(database, first, second, third)
    living = [msgspec.structs.replace(run, status="running", pid=1) for run in (first, second)]
    retry = a_run(attempt=2, trigger="retry", status="retry_wait", retry_at_ms=NOW_MS + MINUTE_MS)
    retry = msgspec.structs.replace(retry, id=new_ulid(NOW_MS + 5_000))
    over = [ended(living[0], "error"), ended(living[1])]
    steps = [
        Step(run=living[0], now_ms=NOW_MS),
        Step(run=living[1], now_ms=NOW_MS),
        Step(run=over[0], retry=retry, now_ms=NOW_MS),
        Step(run=over[1], now_ms=NOW_MS),
        Step(run=over[0], retry=retry, now_ms=NOW_MS),  # its answer was lost
        Step(run=ended(third, "lost"), now_ms=NOW_MS),
        Step(run=ended(third, "error"), now_ms=NOW_MS),
    ]

    written = database.write_now(partial(ledger.record, steps=steps))

    assert [step.new for step in written] == [
        (living[0],),
        (living[1],),
        (over[0], retry),
        (over[1],),
        (over[0], retry),
        (ended(third, "lost"),),
        (),
    ]
    assert [step.is_fresh for step in written] == [True, True, True, True, False, True, False]
    assert database.read_now(partial(ledger.get, run_id=second.id)) == over[1]
    assert database.read_now(partial(ledger.get, run_id=third.id)) == ended(third, "lost")


def test_pages_stay_in_place_while_new_rows_come(database: Database) -> None:
    runs = [a_run(NOW_MS + number * MINUTE_MS) for number in range(25)]
    claim(database, *runs)
    newest_first = list(reversed(runs))
    seen: list[Run] = []
    before: str | None = None

    for extra in range(4):
        page = database.read_now(partial(ledger.page, before=before, limit=10))
        seen.extend(page.runs)
        claim(database, a_run(NOW_MS + (100 + extra) * MINUTE_MS))
        before = page.next
        if before is None:
            break

    assert seen == newest_first
    assert before is None


def test_a_page_without_words_is_the_same_but_for_what_the_runs_wrote(database: Database) -> None:
    run = a_run()
    claim(database, run)
    words = {"output_tail": "said", "error_message": "bad", "stack_trace": "at x", "frames": {}}
    over = msgspec.structs.replace(ended(run, "error"), exit_status=3, note="kept", **words)
    database.write_now(partial(end, run=over))

    (whole,) = database.read_now(ledger.page).runs
    (brief,) = database.read_now(partial(ledger.page, with_words=False)).runs

    assert whole == over
    assert brief == msgspec.structs.replace(over, **dict.fromkeys(words))


def test_a_page_that_is_exactly_full_says_that_it_is_the_last(database: Database) -> None:
    claim(database, *[a_run(NOW_MS + number) for number in range(10)])

    assert database.read_now(partial(ledger.page, limit=10)).next is None
    assert database.read_now(partial(ledger.page, limit=9)).next is not None


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (RunFilter(), "edcba"),
        (RunFilter(task_name="sync"), "b"),
        (RunFilter(category="Payroll"), "c"),
        (RunFilter(statuses=("error", "timeout")), "dc"),
        (RunFilter(triggers=("manual",)), "a"),
        (RunFilter(from_ms=NOW_MS + 1, to_ms=NOW_MS + 3), "cb"),
        (RunFilter(text="DISK full"), "c"),
        (RunFilter(text="100%"), "e"),
        (RunFilter(text="1_0"), ""),
        (RunFilter(task_name="backup", statuses=("error",)), "dc"),
    ],
)
def test_a_page_holds_only_what_was_asked_for(
    database: Database, wanted: RunFilter, found: str
) -> None:
    rows = {
        "a": a_run(NOW_MS, trigger="manual"),
        "b": a_run(NOW_MS + 1, task_name="sync"),
        "c": a_run(NOW_MS + 2, category="Payroll", status="error", error_message="disk Full!"),
        "d": a_run(NOW_MS + 3, status="error"),
        "e": a_run(NOW_MS + 4, output_tail="done 100% of 120"),
    }
    claim(database, *rows.values())

    page = database.read_now(partial(ledger.page, wanted=wanted))

    names = {run.id: name for name, run in rows.items()}
    assert "".join(names[run.id] for run in page.runs) == found


def test_the_check_sees_first_attempts_of_due_moments_and_sums_that_reach_in(
    database: Database,
) -> None:
    begin, end = NOW_MS, NOW_MS + HOUR_MS
    inside = [a_run(begin), a_run(end, trigger="catchup", task_name="sync")]
    reaching_in = a_run(
        begin - HOUR_MS, status="missed", missed_count=90, missed_until_ms=begin + MINUTE_MS
    )
    claim(
        database,
        *inside,
        reaching_in,
        a_run(begin - 1),
        a_run(end + 1),
        a_run(begin + 1, trigger="manual"),
        a_run(begin, attempt=2, trigger="retry"),
        a_run(begin - 2 * HOUR_MS, status="missed", missed_count=2, missed_until_ms=begin - 1),
    )

    rows = database.read_now(partial(ledger.recorded, from_ms=begin, to_ms=end))

    assert [(row.task_name, row.scheduled_ms, row.missed_count) for row in rows] == [
        ("backup", reaching_in.scheduled_ms, 90),
        ("backup", begin, 1),
        ("sync", end, 1),
    ]


def test_the_operators_see_times_and_words_they_can_read(database: Database) -> None:
    run = a_run(1_795_500_000_042, status="running")
    claim(database, run)
    database.write_now(partial(end, run=ended(run, "error")))

    def look(connection: Connection) -> Row[Any]:
        return connection.exec_driver_sql(
            "SELECT task_name, status, scheduled_at, started_at, duration_ms "
            "FROM smart_cron_executions WHERE status = 'error' ORDER BY started_at DESC LIMIT 10;"
        ).one()

    # MariaDB's client shows a DATETIME(3) as SQLite's file has it: with its milliseconds.
    assert [str(value).removesuffix("000") for value in database.read_now(look)] == [
        "backup",
        "error",
        "2026-11-24 06:00:00.042",
        "2026-11-24 06:00:00.062",
        "1500",
    ]


def test_a_backfill_is_the_attempt_after_the_last_one_and_at_least_the_second(
    database: Database,
) -> None:
    tried = [a_run(), a_run(attempt=2)]
    claim(database, *tried)
    for run in tried:
        database.write_now(partial(end, run=ended(run, "error")))

    taken = database.write_now(
        partial(ledger.backfill, runs=[a_run(attempt=2), a_run(NOW_MS + 1, attempt=2)])
    )

    assert [run.attempt for run in taken] == [3, 2]
    assert database.read_now(partial(ledger.get, run_id=taken[0].id)) == taken[0]


def test_no_backfill_is_taken_when_one_moment_still_runs(database: Database) -> None:
    claim(database, a_run(NOW_MS + 1))

    with pytest.raises(Conflict, match="has not ended"):
        database.write_now(
            partial(ledger.backfill, runs=[a_run(attempt=2), a_run(NOW_MS + 1, attempt=2)])
        )

    assert len(database.read_now(ledger.page).runs) == 1


def test_followers_are_written_with_the_end_that_causes_them_and_once_only(
    database: Database,
) -> None:
    run = a_run()
    taken = a_run(NOW_MS + 60, task_name="report")
    claim(database, run, taken)
    follower = a_run(NOW_MS + 60, task_name="report", trigger="chain", caused_by=run.id)

    new = database.write_now(partial(end, run=ended(run), chained=[follower]))
    again = database.write_now(partial(end, run=ended(run), chained=[follower]))

    assert again == new, "who asks once more, as the answer was lost, has the same answer"
    assert [row.id for row in new] == [run.id, follower.id]
    assert new[1].scheduled_ms == NOW_MS + 61, "its moment was taken: the next millisecond"
    assert database.read_now(partial(ledger.get, run_id=follower.id)) == new[1]


def test_another_end_of_a_run_that_has_ended_is_answered_with_nothing(database: Database) -> None:
    run = a_run()
    claim(database, run)
    database.write_now(partial(end, run=ended(run)))
    follower = a_run(NOW_MS + 60, task_name="report", trigger="chain", caused_by=run.id)

    other = database.write_now(partial(end, run=ended(run, status="error"), chained=[follower]))

    assert other == ()
    assert database.read_now(partial(ledger.find, run_id=follower.id)) is None


def test_moments_are_found_by_how_their_last_attempt_ended(database: Database) -> None:
    failed_twice = [a_run(NOW_MS), a_run(NOW_MS, attempt=2)]
    mended = [a_run(NOW_MS + 1), a_run(NOW_MS + 1, attempt=2)]
    missed = a_run(NOW_MS + 2, status="missed")
    claim(database, *failed_twice, *mended, missed, a_run(NOW_MS + 9, status="missed"))
    for run, status in zip(
        [*failed_twice, *mended], ["error", "error", "error", "success"], strict=True
    ):
        database.write_now(partial(end, run=ended(run, status)))

    def found(*statuses: str) -> tuple[int, ...]:
        return database.read_now(
            partial(
                ledger.moments_of,
                task_name="backup",
                from_ms=NOW_MS,
                to_ms=NOW_MS + 8,
                statuses=statuses,
            )
        )

    assert found("error") == (NOW_MS,)
    assert found("missed", "error") == (NOW_MS, NOW_MS + 2)
    assert found("success") == (NOW_MS + 1,)


def test_moments_that_a_row_sums_up_are_counted_where_they_are_passed_over(
    database: Database,
) -> None:
    summing = a_run(
        NOW_MS, status="missed", missed_count=40, missed_until_ms=NOW_MS + 39 * MINUTE_MS
    )
    claim(database, summing, a_run(NOW_MS + HOUR_MS, status="missed"))

    def passed_over(from_ms: int, to_ms: int, *statuses: str) -> int:
        return database.read_now(
            partial(
                ledger.summed_up,
                task_name="backup",
                from_ms=from_ms,
                to_ms=to_ms,
                statuses=statuses,
            )
        )

    assert passed_over(NOW_MS, NOW_MS + HOUR_MS, "missed", "skipped") == 39
    assert passed_over(NOW_MS + MINUTE_MS, NOW_MS + HOUR_MS, "missed") == 40
    assert passed_over(NOW_MS, NOW_MS + HOUR_MS, "error") == 0
    assert passed_over(NOW_MS + HOUR_MS, NOW_MS + HOUR_MS, "missed") == 0


def test_the_rows_of_a_span_are_found_without_walking_all_that_there_are(
    sqlite_url: str, tmp_path: Path
) -> None:
    millions.fill(sqlite_url, 20_000, NOW_MS, tmp_path)
    database = Database.open(sqlite_url)
    asked: list[tuple[str, Any]] = []

    def explain(connection: Connection) -> list[str]:
        event.listen(connection, "before_cursor_execute", lambda *said: asked.append(said[2:4]))
        ledger.recorded(connection, NOW_MS - HOUR_MS, NOW_MS)
        return [
            step[3]
            for sql, values in list(asked)
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)
        ]

    steps = database.read_now(explain)
    database.close()

    assert steps
    assert all(step.startswith("SEARCH") for step in steps), steps


def test_an_end_told_again_is_known_though_its_output_was_noted_and_its_note_cut(
    database: Database,
) -> None:
    run = a_run(note="x" * 5_000)
    retry = a_run(NOW_MS, attempt=2, trigger="retry", status="retry_wait")
    over = ended(run, "error", note="y" * 5_000)
    database.write_now(lambda connection: ledger.claim(connection, [run], now_ms=NOW_MS))
    database.write_now(lambda connection: end(connection, over, retry))
    noted = msgspec.structs.replace(over, log_file="a.log", log_offset=0, log_bytes=3)
    database.write_now(lambda connection: ledger.note_log(connection, noted))

    again = database.write_now(lambda connection: end(connection, over, retry))
    other = msgspec.structs.replace(over, exit_status=9)
    another = database.write_now(lambda connection: end(connection, other, retry))

    assert [row.id for row in again] == [run.id, retry.id]
    assert another == ()
