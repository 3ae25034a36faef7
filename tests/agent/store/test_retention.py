"""Which rows are too old to stay, and how do they go without holding anybody up?"""

import threading
import time
from contextlib import closing
from functools import partial
from itertools import count

import pytest
from sqlalchemy import Connection

from agent.errors import Conflict, TaskNotFound, WrongUse
from agent.runs import Run
from agent.settings import Retention, TaskRetention
from agent.store import audit, chain, checks, holds, ledger, maintenance, retention, tasks
from agent.store.checks import Check
from agent.store.database import Database
from agent.store.holds import Hold
from agent.store.retention import DAY_MS, MOST_AT_ONCE, Cleaned
from tests.agent.store.makings import NOW_MS, a_run, a_task, ended
from tests.agent.store.test_audit import a_row
from tests.pulse import Pulse, stretched

HELD_UP_MS = 200
AGES = Retention(success_days=10, failure_days=20, keep_runs=3)


def put(database: Database, runs: list[Run]) -> None:
    def write(connection: Connection) -> None:
        definitions = [a_task(name) for name in {run.task_name for run in runs}]
        tasks.register(connection, definitions, who="me", why="", now_ms=NOW_MS)
        ledger.claim(connection, runs, now_ms=NOW_MS)

    database.write_now(write)


def clean(database: Database, ages: Retention = AGES) -> Cleaned:
    return retention.clean(database, ages, now_ms=NOW_MS, pause=lambda _: None)


def counted(database: Database, ages: Retention = AGES) -> dict[str, int]:
    found = database.read_now(partial(retention.outdated, ages=ages, now_ms=NOW_MS))
    assert all(one.about_bytes > 0 for one in found)
    return {one.kind: one.rows for one in found}


def hold(task_name: str = "backup", reason: str = "tax audit") -> Hold:
    return Hold(task_name=task_name, reason=reason, held_ms=NOW_MS, held_by="me")


def left(database: Database) -> set[str]:
    page = database.read_now(partial(ledger.page, limit=1_000))
    return {run.id for run in page.runs}


def test_old_runs_go_by_the_age_of_their_kind(database: Database) -> None:
    old = {
        (status, days): ended(a_run(NOW_MS - days * DAY_MS - place * 60_000), status)
        for place, status in enumerate(("success", "skipped", "error", "lost"), start=1)
        for days in (9, 11, 21)
    }
    newest = [ended(a_run(NOW_MS - number)) for number in range(3)]
    put(database, [*old.values(), *newest])

    clean(database)

    kept = {key for key, run in old.items() if run.id in left(database)}
    assert kept == {
        ("success", 9),
        ("skipped", 9),
        ("error", 9),
        ("error", 11),
        ("lost", 9),
        ("lost", 11),
    }


def test_the_newest_runs_of_a_task_and_all_that_live_stay_whatever_their_age(
    database: Database,
) -> None:
    rare = [ended(a_run(NOW_MS - (400 + n) * DAY_MS, task_name="rare")) for n in range(5)]
    live = [
        a_run(NOW_MS - (500 + n) * DAY_MS, task_name="rare", status=status)
        for n, status in enumerate(("queued", "running", "retry_wait"))
    ]
    put(database, [*rare, *live])

    clean(database)

    assert left(database) == {run.id for run in (*rare[:3], *live)}


def test_much_goes_in_slices_that_grow_while_they_are_quick(database: Database) -> None:
    put(database, [ended(a_run(NOW_MS - 30 * DAY_MS - n)) for n in range(2 * MOST_AT_ONCE + 103)])
    times = count()

    done = retention.clean(
        database, AGES, now_ms=NOW_MS, pause=lambda _: None, clock=lambda: next(times) / 1_000_000
    )

    assert done.rows == {"successes": 2 * MOST_AT_ONCE + 100}
    assert done.slices == 5, "50, 100, 200, 400 and what is left, up to 500"


def test_slices_that_take_long_get_smaller(database: Database) -> None:
    put(database, [ended(a_run(NOW_MS - 30 * DAY_MS - n)) for n in range(203)])
    times = count()
    paused: list[float] = []

    done = retention.clean(
        database, AGES, now_ms=NOW_MS, pause=paused.append, clock=lambda: next(times) * 0.1
    )

    # 50, 25, 12, 6, 3 and then one by one.
    assert done.rows == {"successes": 200}
    assert done.slices == 5 + 104
    assert done.longest_ms == pytest.approx(100)
    assert min(paused) == pytest.approx(0.1), "others write as long as a slice took"


@pytest.mark.usefixtures("long_locks")
def test_others_write_while_much_goes(url: str) -> None:
    cleaning, other = Database.open(url), Database.open(url)
    wait_for_no_disk(cleaning)
    wait_for_no_disk(other)
    put(cleaning, [ended(a_run(NOW_MS - 30 * DAY_MS - n)) for n in range(6_003)])
    done: list[Cleaned] = []
    cleaner = threading.Thread(target=lambda: done.append(clean(cleaning)))
    cleaner.start()
    waited_ms: list[float] = []
    with Pulse() as pulse:
        while cleaner.is_alive() or len(waited_ms) < 3:
            began = time.monotonic()
            put(other, [a_run(NOW_MS + len(waited_ms), task_name="other")])
            waited_ms.append((time.monotonic() - began) * 1_000)
    cleaner.join()
    left = other.read_now(maintenance.count_rows)["smart_cron_executions"]
    other.close()
    cleaning.close()

    assert done[0].rows == {"successes": 6_000}
    assert left == 3 + len(waited_ms)
    *_, longest_but_two_ms, _, longest_ms = sorted(waited_ms)
    assert longest_but_two_ms < HELD_UP_MS * stretched() + pulse.worst_ms
    assert longest_ms < 3_000 + pulse.worst_ms, (
        "a host may be slow once or twice, but no slice is so long"
    )


def wait_for_no_disk(database: Database) -> None:
    """What others write to the disk of this host is not to be measured."""
    if database.url.get_backend_name() == "sqlite":
        with closing(database._writing.raw_connection()) as raw:
            raw.cursor().execute("PRAGMA synchronous = OFF")


def test_other_rows_go_by_age_too(database: Database) -> None:
    seen = [
        Check(
            check_name="disk",
            kind="disk",
            status="ok",
            checked_ms=NOW_MS - days * DAY_MS,
            message="half full",
        )
        for days in (1, 1_000)
    ]
    database.write_now(partial(checks.record, checks=seen))

    assert counted(database) == {"checks": 1}
    assert clean(database).rows == {"checks": 1}
    assert database.read_now(maintenance.count_rows)["smart_cron_health_checks"] == 1


def test_what_would_go_is_counted_by_kind_and_nothing_goes(database: Database) -> None:
    old = [ended(a_run(NOW_MS - (30 + n) * DAY_MS), "error") for n in range(4)]
    put(database, [*old, *[ended(a_run(NOW_MS - (15 + n) * DAY_MS)) for n in range(5)]])
    before = database.read_now(maintenance.count_rows)

    assert counted(database) == {"failures": 4, "successes": 2}

    assert database.read_now(maintenance.count_rows) == before
    assert clean(database).rows == {"failures": 4, "successes": 2}
    assert counted(database) == {}


def test_a_task_can_have_ages_of_its_own(database: Database) -> None:
    put(
        database,
        [
            ended(a_run(NOW_MS - (day + 1) * DAY_MS, task_name=name))
            for name in ("sync", "backup")
            for day in range(8)
        ],
    )
    ages = Retention(tasks={"sync": TaskRetention(success_days=3, keep_runs=1)})

    assert clean(database, ages).rows == {"successes": 5}
    assert len(left(database)) == 11


def test_the_runs_of_a_task_that_is_no_more_go_too(database: Database) -> None:
    put(database, [ended(a_run(NOW_MS - (30 + n) * DAY_MS)) for n in range(5)])
    database.write_now(partial(tasks.remove, names=["backup"], who="me", why="", now_ms=NOW_MS))

    assert clean(database).rows == {"successes": 2}


def test_what_is_held_stays_until_it_is_released(database: Database) -> None:
    put(
        database,
        [
            ended(a_run(NOW_MS - (400 + n) * DAY_MS, task_name=name))
            for name in ("backup", "sync")
            for n in range(5)
        ],
    )
    database.write_now(partial(holds.hold, wanted=hold()))

    assert counted(database) == {"successes": 2}
    assert clean(database).rows == {"successes": 2}
    assert len(left(database)) == 8
    database.write_now(partial(holds.release, task_name="backup"))
    assert clean(database).rows == {"successes": 2}


def test_a_hold_that_comes_while_rows_are_on_their_way_out_still_counts(
    database: Database,
) -> None:
    put(database, [ended(a_run(NOW_MS - (400 + n) * DAY_MS)) for n in range(200)])

    def hold_now(_: float) -> None:
        if not database.read_now(holds.held):
            database.write_now(partial(holds.hold, wanted=hold()))

    done = retention.clean(database, AGES, now_ms=NOW_MS, pause=hold_now)

    assert done.rows == {"successes": retention.FIRST_SLICE}
    assert len(left(database)) == 200 - retention.FIRST_SLICE


def test_a_hold_needs_a_reason_and_something_to_hold_and_is_not_made_twice(
    database: Database,
) -> None:
    put(database, [a_run()])

    for wanted, error in ((hold("nobody"), TaskNotFound), (hold(reason=" "), WrongUse)):
        with pytest.raises(error):
            database.write_now(partial(holds.hold, wanted=wanted))
    database.write_now(partial(holds.hold, wanted=hold()))
    with pytest.raises(Conflict, match="tax audit"):
        database.write_now(partial(holds.hold, wanted=hold()))
    with pytest.raises(Conflict, match="is not held"):
        database.write_now(partial(holds.release, task_name="sync"))
    assert database.read_now(holds.held) == {"backup": hold()}


def test_old_audit_rows_go_and_the_chain_still_holds(database: Database) -> None:
    def fill(connection: Connection) -> None:
        for number in range(1_300):
            at_ms = NOW_MS - (800 if number < 1_200 else 1) * DAY_MS
            last = audit.append(connection, a_row(number, at_ms=at_ms))
        anchors.append(last)

    anchors: list[chain.Link] = []
    database.write_now(fill)
    assert counted(database) == {"audit": 1_200}

    assert clean(database).rows == {"audit": 1_200}

    found = database.read_now(partial(chain.verify, anchors=anchors))
    assert (found.faults, found.rows, found.removed_by_age) == ((), 101, 1_200)
    assert clean(database).rows == {}
    assert database.read_now(chain.verify).rows == 101, "nothing is announced twice"
