"""After a correction nothing says of a moment to come that it did not run, and no run is lost."""

from functools import partial

import msgspec
import pytest

from agent.due import due_between, each_due
from agent.rules.ledger import Row, Version, compare
from agent.rules.sums import split_sum
from agent.runs import ENDINGS, LIVE_STATES, Run
from agent.store import corrections, ledger
from agent.store.corrections import Overreaching, Taken, TakenBack
from agent.store.database import Database
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run, a_task, ended

DAY_MS = 24 * HOUR_MS


def claim(database: Database, *runs: Run) -> None:
    database.write_now(partial(ledger.claim, runs=runs, now_ms=NOW_MS))


def withdraw(database: Database) -> corrections.Withdrawn:
    return database.write_now(partial(corrections.withdraw, now_ms=NOW_MS))


def kept(database: Database) -> set[str]:
    return {run.id for run in database.read_now(ledger.page).runs}


def test_rows_of_moments_to_come_that_did_not_run_are_taken_back(database: Database) -> None:
    claim(
        database,
        a_run(NOW_MS + HOUR_MS, status="missed"),
        a_run(NOW_MS + 2 * HOUR_MS, status="missed", trigger="catchup"),
        a_run(NOW_MS + 3 * HOUR_MS, status="skipped"),
        a_run(NOW_MS + 1, status="skipped", task_name="sync"),
    )

    withdrawn = withdraw(database)

    assert withdrawn.tasks == (
        TakenBack(
            task_name="backup",
            first_ms=NOW_MS + HOUR_MS,
            last_ms=NOW_MS + 3 * HOUR_MS,
            count=3,
        ),
        TakenBack(task_name="sync", first_ms=NOW_MS + 1, last_ms=NOW_MS + 1, count=1),
    )
    assert withdrawn.count == 4
    assert kept(database) == set()


def test_what_ran_or_is_about_to_keeps_its_row_and_so_does_the_past(database: Database) -> None:
    stays = [
        *(
            a_run(NOW_MS + number * MINUTE_MS, status=status)
            for number, status in enumerate((*LIVE_STATES, *ENDINGS), start=1)
            if status not in ("missed", "skipped")
        ),
        ended(a_run(NOW_MS + HOUR_MS), "skipped"),
        a_run(NOW_MS + HOUR_MS, attempt=2, trigger="retry", status="skipped"),
        a_run(NOW_MS + HOUR_MS + 1, trigger="manual", status="skipped"),
        a_run(NOW_MS + HOUR_MS + 2, trigger="chain", status="missed"),
        a_run(NOW_MS, status="missed"),
        a_run(NOW_MS - HOUR_MS, status="skipped"),
    ]
    claim(database, *stays)

    withdrawn = withdraw(database)

    assert withdrawn == corrections.Withdrawn(tasks=(), newest=(), to_cut=())
    assert kept(database) == {run.id for run in stays}


def test_a_sum_of_moments_to_come_counts_with_all_of_them(database: Database) -> None:
    claim(
        database,
        a_run(NOW_MS + 1, status="missed", missed_count=700, missed_until_ms=NOW_MS + HOUR_MS),
        a_run(NOW_MS + MINUTE_MS + HOUR_MS, status="missed"),
    )

    (found,) = withdraw(database).tasks

    assert (found.count, found.first_ms, found.last_ms) == (
        701,
        NOW_MS + 1,
        NOW_MS + MINUTE_MS + HOUR_MS,
    )


def test_a_sum_that_reaches_beyond_now_is_named_and_can_be_cut(database: Database) -> None:
    run = a_run(
        NOW_MS - 3 * MINUTE_MS,
        status="missed",
        def_rev=4,
        missed_count=10,
        missed_until_ms=NOW_MS + 6 * MINUTE_MS,
    )
    claim(database, run)

    withdrawn = withdraw(database)
    database.write_now(partial(corrections.cut_sum, run_id=run.id, count=4, until_ms=NOW_MS))

    assert withdrawn.tasks == ()
    assert withdrawn.to_cut == (
        Overreaching(
            run_id=run.id,
            task_name="backup",
            def_rev=4,
            first_ms=NOW_MS - 3 * MINUTE_MS,
            last_ms=NOW_MS + 6 * MINUTE_MS,
            count=10,
        ),
    )
    assert database.read_now(partial(ledger.get, run_id=run.id)) == msgspec.structs.replace(
        run, missed_count=4, missed_until_ms=NOW_MS
    )


def test_a_sum_cut_to_one_moment_is_a_row_like_any_other(database: Database) -> None:
    run = a_run(NOW_MS, status="missed", missed_count=9, missed_until_ms=NOW_MS + HOUR_MS)
    claim(database, run)

    database.write_now(
        partial(corrections.cut_sum, run_id=run.id, count=1, until_ms=run.scheduled_ms)
    )

    found = database.read_now(partial(ledger.get, run_id=run.id))
    assert (found.missed_count, found.missed_until_ms) == (1, None)


def test_a_row_cannot_stand_for_nothing(database: Database) -> None:
    with pytest.raises(ValueError, match="one moment at least"):
        database.write_now(partial(corrections.cut_sum, run_id="x", count=0, until_ms=NOW_MS))


def test_taken_moments_are_those_of_due_rows_and_of_sums_that_reach_in(
    database: Database,
) -> None:
    claim(
        database,
        a_run(NOW_MS, status="success"),
        a_run(NOW_MS, attempt=2, trigger="retry"),
        a_run(NOW_MS + MINUTE_MS, status="missed", trigger="catchup"),
        a_run(NOW_MS + MINUTE_MS + 1, trigger="manual"),
        a_run(NOW_MS + HOUR_MS),
        a_run(NOW_MS - HOUR_MS, status="missed", missed_count=30, missed_until_ms=NOW_MS),
        a_run(NOW_MS - 9 * HOUR_MS, status="missed", missed_count=3, missed_until_ms=NOW_MS - 1),
        a_run(NOW_MS, task_name="sync"),
    )

    found = database.read_now(
        partial(
            corrections.taken,
            task_name="backup",
            from_ms=NOW_MS,
            until_ms=NOW_MS + MINUTE_MS,
        )
    )

    assert found == (
        Taken(NOW_MS - HOUR_MS, NOW_MS, 30),
        Taken(NOW_MS, NOW_MS, 1),
        Taken(NOW_MS + MINUTE_MS, NOW_MS + MINUTE_MS, 1),
    )


def test_a_jump_of_days_its_correction_and_an_outage_leave_one_row_for_each_moment(
    database: Database,
) -> None:
    task = a_task(schedule=("* * * * *",))
    began_ms = NOW_MS - 30 * MINUTE_MS
    wrong_ms = NOW_MS + 3 * DAY_MS
    back_ms = NOW_MS + 5 * DAY_MS

    def count(after_ms: int, until_ms: int) -> int:
        return until_ms // MINUTE_MS - after_ms // MINUTE_MS

    def miss(after_ms: int, until_ms: int) -> None:
        """Rows as an outage makes them: the newest one by one, the rest in sums."""
        passed = due_between(task, after_ms, until_ms)
        assert passed.first_older_ms is not None
        assert passed.last_older_ms is not None
        found = database.read_now(
            partial(
                corrections.taken,
                task_name=task.task_name,
                from_ms=passed.first_older_ms,
                until_ms=passed.last_older_ms,
            )
        )
        taken = [(row.first_ms, row.last_ms) for row in found]
        sums = split_sum(passed.first_older_ms, passed.last_older_ms, taken, count)
        claim(
            database,
            *(a_run(at_ms, status="missed") for at_ms in passed.newest),
            *(
                a_run(
                    one.first_ms,
                    status="missed",
                    missed_count=one.count,
                    missed_until_ms=one.last_ms if one.count > 1 else None,
                )
                for one in sums
            ),
        )

    # Half an hour went by undecided, then the clock was set forward, and one run came of it.
    (ran_ms,) = due_between(task, wrong_ms, wrong_ms + MINUTE_MS).newest
    miss(began_ms, wrong_ms)
    claim(database, a_run(ran_ms, status="success", trigger="catchup"))
    withdrawn = withdraw(database)
    (reaching,) = withdrawn.to_cut
    last_ms = NOW_MS - NOW_MS % MINUTE_MS
    cut = partial(
        corrections.cut_sum,
        run_id=reaching.run_id,
        count=count(reaching.first_ms - 1, NOW_MS),
        until_ms=last_ms,
    )
    database.write_now(cut)
    # The clock was right again; then nobody decided until long after that run.
    miss(NOW_MS, back_ms)

    recorded = database.read_now(partial(ledger.recorded, from_ms=began_ms, to_ms=back_ms))
    compared = compare(
        [Version(0, task)],
        [Row(row.scheduled_ms, row.missed_count, row.missed_until_ms) for row in recorded],
        after_ms=began_ms,
        until_ms=back_ms,
        due=each_due,
    )
    assert withdrawn.count == 1_000
    assert compared.is_clean
    assert compared.expected == compared.recorded == count(began_ms, back_ms)
    assert compared.unexpected == ()
