"""Write first, then show."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from agent.errors import Conflict, StorageError, TaskNotFound
from agent.recorder import Recorder, Shown
from agent.runs import Run
from agent.store import checks, ledger, metrics, state, tasks
from agent.store.checks import Check
from agent.store.database import Database
from agent.store.state import Heartbeat
from tests.agent.fake_clock import FakeClock
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import NOW_MS, a_run, a_task, ended


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(fresh_file(tmp_path / "smartcron.sqlite3"))
    yield database
    database.close()


@pytest.fixture
def shown() -> list[Shown]:
    return []


@pytest.fixture
def recorder(database: Database, shown: list[Shown]) -> Recorder:
    return Recorder(database, FakeClock(NOW_MS), shown.append)


def of(*runs: Run) -> Shown:
    return Shown(runs=runs, tasks=frozenset(run.task_name for run in runs))


async def test_what_is_shown_is_in_the_database_already(database: Database) -> None:
    stands: list[bool] = []

    def look(shown: Shown) -> None:
        stands.extend(
            database.read_now(partial(ledger.get, run_id=run.id)) == run for run in shown.runs
        )

    recorder = Recorder(database, FakeClock(NOW_MS), look)
    run = a_run()
    alive = msgspec.structs.replace(run, status="running", started_ms=NOW_MS)

    await recorder.claim([run])
    await recorder.started(alive)
    await recorder.stopping(msgspec.structs.replace(alive, status="stopping"))
    await recorder.ended(ended(run, "aborted"))

    assert stands == [True] * 4


async def test_only_moments_that_are_ours_are_shown(recorder: Recorder, shown: list[Shown]) -> None:
    first, taken, other = a_run(), a_run(), a_run(task_name="sync", status="skipped")
    await recorder.claim([first])

    ours = await recorder.claim(
        [taken, other], watermarks={"backup": NOW_MS}, decided_until_ms=NOW_MS
    )

    assert ours == {other.id}
    assert shown == [of(first), of(other)]


async def test_a_claim_without_runs_still_says_how_far_all_is_decided(
    recorder: Recorder, database: Database, shown: list[Shown]
) -> None:
    await recorder.claim([], decided_until_ms=NOW_MS)

    assert await database.read(state.decided_until) == NOW_MS
    assert shown == []


async def test_an_end_is_shown_with_its_next_attempt_and_no_other_end_after_it(
    recorder: Recorder, shown: list[Shown]
) -> None:
    run = a_run(status="running")
    retry = a_run(attempt=2, status="retry_wait", trigger="retry")
    await recorder.claim([run])
    last = ended(run, "error")

    await recorder.ended(last, retry)
    await recorder.ended(ended(run, "success"))

    assert shown == [of(run), of(last, retry)]


async def test_a_start_told_after_the_end_is_not_shown(
    recorder: Recorder, database: Database, shown: list[Shown]
) -> None:
    run = a_run()
    await recorder.claim([run])
    await recorder.ended(ended(run))
    shown.clear()

    await recorder.started(msgspec.structs.replace(run, status="running"))

    assert shown == []
    assert (await database.read(partial(ledger.get, run_id=run.id))).status == "success"


async def test_an_order_is_shown_at_the_moment_it_got(
    recorder: Recorder, shown: list[Shown]
) -> None:
    await recorder.claim([a_run()])

    taken = await recorder.order(a_run(trigger="manual"))

    assert taken.scheduled_ms == NOW_MS + 1
    assert shown[-1] == of(taken)


async def test_what_the_database_refuses_is_told_and_not_shown(
    recorder: Recorder, database: Database, shown: list[Shown]
) -> None:
    run = a_run(status="stopping")
    await recorder.claim([run])
    shown.clear()

    with pytest.raises(Conflict):
        await recorder.started(msgspec.structs.replace(run, status="running"))
    database.close()
    with pytest.raises(StorageError, match="closed"):
        await recorder.ended(ended(run))

    assert shown == []


async def test_changes_of_tasks_are_shown_by_name(
    recorder: Recorder, database: Database, shown: list[Shown]
) -> None:
    assert await recorder.register([a_task("a"), a_task("b")], who="me", why="first") == 2
    assert await recorder.register([a_task("a"), a_task("b")], who="me", why="again") == 0
    await recorder.apply([a_task("a"), a_task("b", priority=1)], who="me", why="edit")
    await recorder.apply([a_task("a")], who="me", why="nothing")
    await recorder.set_flags(["a", "b"], paused=True, who="me")
    await recorder.set_flags(["a"], paused=True, who="me")
    with pytest.raises(TaskNotFound):
        await recorder.set_flags(["gone"], paused=True, who="me")

    assert [sorted(each.tasks) for each in shown] == [["a", "b"], ["b"], ["a", "b"]]
    assert all(task.paused for task in await database.read(tasks.load_all))


async def test_readings_are_kept_and_findings_are_shown(
    recorder: Recorder, database: Database, shown: list[Shown]
) -> None:
    found = Check(check_name="disk", kind="disk", status="ok", checked_ms=NOW_MS, message="fine")

    await recorder.measured({"cpu": 0.5})
    await recorder.measured({"cpu": 0.75}, [found])

    assert await database.read(metrics.latest) == (NOW_MS, {"cpu": 0.75})
    assert await database.read(checks.latest) == (found,)
    assert shown == [Shown(checks=(found,))]


async def test_a_heartbeat_is_left_for_those_outside(
    recorder: Recorder, database: Database
) -> None:
    beat = Heartbeat(at_ms=NOW_MS, pid=1, started_ms=NOW_MS, version="0.1.0")

    await recorder.beat(beat)

    assert await database.read(state.last_beat) == beat
