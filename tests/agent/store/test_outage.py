"""How does a write stay when the database does not take it?"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec
import pytest

from agent.errors import DatabaseAway, NotStorable, StorageError
from agent.rules.outage import TOLD_AFTER_MS
from agent.runs import Run
from agent.store import journal as journal_module
from agent.store import ledger, mark, state
from agent.store import outage as outage_module
from agent.store.database import READERS, Database
from agent.store.journal import Entry, Journal
from agent.store.ledger import Step
from agent.store.mark import Mark
from agent.store.outage import Outage
from agent.store.placing import Place
from agent.store.replay import replay
from agent.store.reserve import Reserve
from agent.store.streaks import Consequence
from agent.store.writes import Claim, Order, Take
from tests.agent.fake_clock import FakeClock
from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_run, ended
from tests.journeys.household import until
from tests.pulse import Pulse

PATIENT_S = 60


class Scene:
    """A database that a test takes away, and gives back.

    While it is away it is soon given up; while it is there nothing is kept only because this host
    is slow.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.wait_for(PATIENT_S)
        monkeypatch.setattr(outage_module, "SLOW_S", PATIENT_S)
        self.file = folder / "smartcron.sqlite3"
        self.database = Database.open(f"sqlite:///{self.file}")
        self.journal = Journal.open(folder / "journal.sqlite3", now_ms=NOW_MS)
        self.clock = FakeClock(NOW_MS)
        self.reserve = Reserve(folder / "reserve", size=100_000)
        self.outage = Outage(self.database, self.journal, clock=self.clock, reserve=self.reserve)
        self._other = sqlite3.connect(self.file, isolation_level=None)

    def take_away(self) -> None:
        """Another program holds it, and nothing that is written comes back."""
        self._other.execute("BEGIN IMMEDIATE")
        self.wait_for(0.1)

    def give_back(self) -> None:
        self.wait_for(PATIENT_S)
        self._other.execute("COMMIT")

    def wait_for(self, within_s: float) -> None:
        """So long a write, and a trial, may take from here on."""
        for name in ("WITHIN_S", "TRIAL_WITHIN_S"):
            self._monkeypatch.setattr(outage_module, name, within_s)

    async def come_back(self, outage: Outage | None = None) -> None:
        """Until everything that was kept stands in the database."""
        outage = outage or self.outage
        async with asyncio.timeout(PATIENT_S):
            while not outage.is_over:
                await outage.try_again()

    def find(self, run: Run) -> Run | None:
        return self.database.read_now(partial(ledger.find, run_id=run.id))

    def close(self) -> None:
        self._other.close()
        self.database.close()
        self.journal.close()


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    scene = Scene(tmp_path, monkeypatch)
    yield scene
    scene.close()


def claim(run: Run) -> Claim:
    return Claim(runs=(run,), now_ms=NOW_MS)


def took(run: Run) -> Take:
    return Take(step=Step(run=run, now_ms=NOW_MS))


async def test_while_nothing_is_wrong_the_journal_stays_empty(scene: Scene) -> None:
    run = a_run()

    assert await scene.outage.write(claim(run)) == {run.id}

    assert scene.find(run) == run
    assert scene.outage.untold.number == 0
    assert scene.outage.is_over


async def test_a_claim_that_does_not_come_back_is_kept_and_the_run_may_start(scene: Scene) -> None:
    run = a_run()
    scene.take_away()

    ours = await scene.outage.write(claim(run))

    assert ours == {run.id}
    assert journal_module.look(scene.journal.path).number == 1
    assert scene.outage.standing.state == "suspect"
    scene.give_back()


async def test_what_comes_later_does_not_wait_at_all(scene: Scene) -> None:
    scene.take_away()
    await scene.outage.write(claim(a_run()))
    scene.wait_for(PATIENT_S)

    async with asyncio.timeout(30):
        await scene.outage.write(claim(a_run(NOW_MS + 1)))

    assert scene.outage.untold.number == 2
    scene.give_back()


async def test_what_was_on_its_way_is_kept_in_its_order(scene: Scene) -> None:
    runs = [a_run(NOW_MS + number) for number in range(20)]
    scene.take_away()

    await asyncio.gather(*[scene.outage.write(claim(run)) for run in runs])

    assert [entry.write for entry in await scene.journal.first(100)] == [claim(run) for run in runs]
    scene.give_back()


async def test_when_it_is_back_it_is_told_everything_once(scene: Scene) -> None:
    run, other = a_run(), a_run(NOW_MS + 5)
    await scene.outage.write(claim(run))
    scene.take_away()
    await scene.outage.write(
        took(msgspec.structs.replace(run, status="running", started_ms=NOW_MS + 20))
    )
    await scene.outage.write(claim(other))
    await scene.outage.write(took(ended(run)))
    await scene.outage.write(took(ended(other, "error")))
    scene.give_back()

    await scene.come_back()

    assert (scene.find(run), scene.find(other)) == (ended(run), ended(other, "error"))
    assert scene.outage.untold.number == 0
    later = a_run(NOW_MS + 9)
    await scene.outage.write(claim(later))
    assert scene.find(later) == later
    assert scene.outage.untold.number == 0


async def test_a_replay_whose_answer_was_lost_is_not_done_twice(scene: Scene) -> None:
    """The mark is committed with what it stands for."""
    orders = [Order(run=a_run(NOW_MS + number, trigger="manual")) for number in range(5)]
    for order in orders:
        await scene.journal.append(order, now_ms=NOW_MS)
    entries = await scene.journal.first(9)
    tell = partial(replay, journal_id=scene.journal.id, entries=entries)

    first = scene.database.write_now(tell)
    counted = scene.database.read_now(partial(ledger.page, limit=99))
    again = scene.database.write_now(tell)

    assert (first.refused, again.refused) == ((), ())
    assert scene.database.read_now(partial(ledger.page, limit=99)) == counted
    assert len(counted.runs) == 5


async def test_the_next_agent_tells_what_this_one_kept(scene: Scene) -> None:
    run = a_run()
    scene.take_away()
    await scene.outage.write(claim(run))
    scene.give_back()

    successor = Outage(scene.database, scene.journal, clock=scene.clock)
    await scene.come_back(successor)

    assert scene.find(run) == run


async def test_writes_that_come_all_the_time_do_not_keep_a_replay_from_its_end(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.take_away()
    await scene.outage.write(claim(a_run()))
    scene.give_back()
    come: list[asyncio.Future[object]] = []
    runs: list[Run] = []
    tell = scene.outage._tell

    async def told(entries: Sequence[Entry]) -> tuple[Consequence, ...]:
        for _ in range(len(entries) + 1):  # always more than are told meanwhile
            runs.append(a_run(NOW_MS + 1 + len(runs)))
            come.append(asyncio.ensure_future(scene.outage.write(claim(runs[-1]))))
        return await tell(entries)

    monkeypatch.setattr(scene.outage, "_tell", told)
    await scene.come_back()
    await asyncio.gather(*come)

    assert runs
    assert [run.id for run in runs if scene.find(run) is None] == []
    assert scene.outage.untold.number == 0


async def test_what_nobody_can_store_is_told_to_the_asker_and_is_no_outage(scene: Scene) -> None:
    def refuse(_connection: object) -> None:
        raise NotStorable("too long")

    with pytest.raises(NotStorable):
        await scene.outage.ask(refuse)

    assert scene.outage.is_over


async def test_one_write_that_is_refused_for_good_holds_up_no_other(scene: Scene) -> None:
    run = a_run(NOW_MS + 1)
    scene.take_away()
    await scene.outage.write(claim(a_run()))
    await scene.outage.write(claim(run))
    with closing(sqlite3.connect(scene.journal.path)) as raw, raw:
        raw.execute("UPDATE kept SET write = x'ff' WHERE seq = 1")
    scene.give_back()

    await scene.come_back()

    assert scene.find(run) == run
    assert journal_module.refused(scene.journal.path) == ((1, "it cannot be read by this version"),)


async def test_a_step_that_a_later_one_overtook_is_passed_over(scene: Scene) -> None:
    """The answer to both was lost, and both are told again."""
    run = a_run()
    living = msgspec.structs.replace(run, status="running", started_ms=NOW_MS)
    stopping = msgspec.structs.replace(living, status="stopping")
    for write in (claim(run), took(living), took(stopping)):
        await scene.outage.write(write)
    scene.take_away()
    for write in (claim(run), took(living), took(stopping)):
        await scene.outage.write(write)
    scene.give_back()

    await scene.come_back()

    assert scene.find(run) == stopping
    assert journal_module.refused(scene.journal.path) == ()


async def test_people_are_refused_at_once_while_it_is_known_to_be_away(scene: Scene) -> None:
    scene.take_away()
    await scene.outage.write(claim(a_run()))
    scene.wait_for(PATIENT_S)
    scene.clock.advance(TOLD_AFTER_MS)
    scene.outage.pass_time()

    async with asyncio.timeout(30):
        with pytest.raises(DatabaseAway, match="try again when it is back"):
            await scene.outage.ask(partial(state.set_decided_until, at_ms=1, now_ms=1))

    assert scene.database.is_away
    scene.give_back()
    await scene.come_back()
    assert not scene.database.is_away


async def test_of_a_database_that_is_away_few_reads_wait_for_an_answer(scene: Scene) -> None:
    scene.database.is_away = True
    reads = [scene.database.read(state.decided_until) for _ in range(READERS + 2)]

    found = await asyncio.gather(*reads, return_exceptions=True)

    assert [type(each) for each in found[READERS:]] == [DatabaseAway] * 2
    assert not any(isinstance(each, StorageError) for each in found[:READERS])


async def test_on_a_full_disk_the_reserve_is_given_up_and_nothing_is_lost(scene: Scene) -> None:
    assert scene.reserve.renew()
    pages = scene.database.write_now(
        lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar()
    )
    scene.database.write_now(
        lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar()
    )
    runs = [a_run(NOW_MS + number, note="x" * 4_000) for number in range(20)]

    for run in runs:
        assert await scene.outage.write(claim(run)) == {run.id}

    assert not scene.reserve.is_there
    assert scene.outage.untold.number > 0
    scene.database.write_now(
        lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 100000").scalar()
    )
    await scene.come_back()
    assert [run for run in runs if scene.find(run) != run] == []


async def test_where_even_the_journal_takes_nothing_the_asker_is_told(scene: Scene) -> None:
    scene.take_away()
    await scene.outage.write(claim(a_run()))
    pages = scene.journal._connection.execute("PRAGMA page_count").fetchone()[0]
    scene.journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    big = a_run(NOW_MS + 1, note="x" * 50_000)

    with pytest.raises(StorageError, match="disk is full"):
        await scene.outage.write(claim(big))

    with closing(sqlite3.connect(scene.journal.path)) as raw:
        assert raw.execute("SELECT count(*) FROM kept").fetchone() == (1,)
    assert scene.outage.untold.number == 1
    scene.give_back()


async def test_how_far_the_writer_is_behind_can_be_seen(scene: Scene) -> None:
    assert scene.database.waiting.number == 0
    scene.take_away()
    writes = [asyncio.create_task(scene.outage.write(claim(a_run(NOW_MS + n)))) for n in range(3)]
    await asyncio.gather(*writes)

    waiting = scene.database.waiting

    assert waiting.number == 3
    assert waiting.oldest_ms >= 90
    scene.give_back()
    await scene.come_back()
    # The writer's thread lays down what it had in hand after it has told that it is written.
    await asyncio.to_thread(until, lambda: scene.database.waiting.number == 0, "an idle writer")


async def test_a_write_that_waited_for_a_replay_waits_the_shorter_for_the_database(
    scene: Scene,
) -> None:
    scene.take_away()
    scene.wait_for(2.0)
    handover = scene.outage._handover = asyncio.Event()
    loop = asyncio.get_running_loop()
    with Pulse() as pulse:
        loop.call_later(1.8, handover.set)
        began_s = loop.time()
        await scene.outage.write(claim(a_run()))
        took_s = loop.time() - began_s
    scene.give_back()

    assert scene.outage.untold.number == 1
    limit_s = 3.5 + pulse.worst_ms / 1_000
    assert took_s < limit_s, "both waits together delay a start by no more than one alone"


async def test_who_waited_for_a_replay_waits_no_longer_for_those_that_came_after(
    scene: Scene,
) -> None:
    loop = asyncio.get_running_loop()
    scene.take_away()
    later = asyncio.create_task(scene.outage._directly(claim(a_run()), until_s=loop.time() + 60))
    await asyncio.sleep(0)

    earlier = scene.outage._directly(claim(a_run(NOW_MS + 1)), until_s=loop.time() + 0.1)
    async with asyncio.timeout(30) as limit:
        with pytest.raises(TimeoutError):
            await earlier

    assert not limit.expired()
    scene.give_back()
    await asyncio.gather(later, return_exceptions=True)


async def test_what_was_kept_for_a_whole_day_is_told_in_its_order_and_once(scene: Scene) -> None:
    day = [a_run(NOW_MS + minute * MINUTE_MS) for minute in range(24 * 60)]
    scene.take_away()
    for hour in range(24):
        scene.clock.advance(60 * MINUTE_MS)
        runs = day[hour * 60 : hour * 60 + 60]
        for writes in (
            [claim(run) for run in runs],
            [
                took(msgspec.structs.replace(run, status="running", started_ms=NOW_MS))
                for run in runs
            ],
            [took(ended(run)) for run in runs],
        ):
            await asyncio.gather(*[scene.outage.write(write) for write in writes])
    assert scene.outage.untold.number == 3 * len(day)
    scene.give_back()

    await scene.come_back()

    rows = scene.database.read_now(partial(ledger.some, run_ids=[run.id for run in day]))
    assert [rows[run.id] for run in day] == [ended(run) for run in day]
    assert journal_module.refused(scene.journal.path) == ()
    total = scene.database.read_now(
        lambda connection: connection.exec_driver_sql(
            "SELECT sum(runs) FROM smart_cron_rollups"
        ).scalar()
    )
    assert total == len(day), "each end counts once"


async def test_a_server_is_asked_for_a_word_also_right_after_it_has_taken_something(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Place, "is_file", property(lambda _: False))
    await scene.outage.write(claim(a_run()))
    taken = asyncio.Event()

    async def read(*_: object) -> None:
        scene.clock.advance(900)  # so long it was waited for
        taken.set()
        raise StorageError("the connection broke")

    monkeypatch.setattr(scene.database, "read", read)
    await scene.outage.look()

    assert taken.is_set()
    assert (scene.outage.standing.state, scene.outage.standing.since_ms) == ("suspect", NOW_MS)


async def test_a_deleted_file_is_told_nothing_until_it_is_put_back(scene: Scene) -> None:
    run = a_run()
    assert scene.find(run) is None  # from here on the file is open for reading too
    barrier = scene.file.with_name(f".{scene.file.name}.half")
    barrier.mkdir()
    scene.file.unlink()
    await scene.outage.look()
    await scene.outage.look()
    await scene.outage.write(claim(run))

    await scene.outage.try_again()
    left = scene.journal.untold.number
    barrier.rmdir()
    await scene.outage.look()
    await scene.outage.try_again()

    assert left == 1
    assert scene.outage.is_over
    with closing(sqlite3.connect(scene.file)) as raw:
        assert raw.execute("SELECT id FROM smart_cron_executions").fetchall() == [(run.id,)]


async def test_a_file_that_is_being_copied_there_is_used_once_it_is_whole(scene: Scene) -> None:
    looked: list[int | None] = []

    def look(database: Database, **_: object) -> None:
        looked.append(database.read_now(state.decided_until))

    beside = Mark(scene.file.parent, "file", make_up=lambda *_, **__: pytest.fail("not behind"))
    beside.look = look  # type: ignore[method-assign]
    scene.outage = Outage(scene.database, scene.journal, clock=scene.clock, mark=beside)
    whole = scene.file.with_name("older")
    with closing(sqlite3.connect(whole)) as older, closing(sqlite3.connect(scene.file)) as now:
        now.backup(older)
    run = a_run()
    for part in scene.file.parent.glob(f"{scene.file.name}*"):
        part.unlink()

    content = whole.read_bytes()
    scene.file.write_bytes(content[: len(content) // 2])
    await scene.outage.look()
    await scene.outage.write(claim(run))
    await scene.outage.try_again()
    untold = scene.outage.untold.number
    before = list(looked)
    with scene.file.open("ab") as copying:
        copying.write(content[len(content) // 2 :])
    await scene.outage.look()
    await scene.come_back()

    assert (before, untold) == ([], 1), "it was used while it was being copied"
    assert looked == [None]
    assert scene.find(run) == run


async def test_nothing_is_asked_of_a_file_that_another_has_taken_the_place_of(
    scene: Scene,
) -> None:
    scene.outage = marked(scene)
    other = scene.file.with_name("other")
    Database.open(f"sqlite:///{other}").close()
    other.replace(scene.file)
    change = partial(state.set_decided_until, at_ms=7, now_ms=7)

    await scene.outage.look()
    with pytest.raises(DatabaseAway):
        await scene.outage.ask(change)
    await scene.outage.look()
    await scene.outage.ask(change)

    assert scene.database.read_now(state.decided_until) == 7


async def test_what_cannot_be_looked_at_yet_is_looked_at_again_before_it_is_told(
    scene: Scene,
) -> None:
    looks = 0

    def look(database: Database, **_: object) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise StorageError("no such table")

    beside = Mark(scene.file.parent, "file", make_up=lambda *_, **__: pytest.fail("not behind"))
    beside.look = look  # type: ignore[method-assign]
    scene.outage = Outage(scene.database, scene.journal, clock=scene.clock, mark=beside)
    other = scene.file.with_name("other")
    Database.open(f"sqlite:///{other}").close()
    other.replace(scene.file)
    run = a_run()

    await scene.outage.look()
    await scene.outage.look()
    await scene.outage.write(claim(run))
    await scene.outage.try_again()
    told = scene.outage.is_over
    await scene.outage.look()
    await scene.come_back()

    assert not told, "it was told before it was known what it holds"
    assert (looks, scene.outage.owes_look) == (2, False)
    assert scene.find(run) == run


def marked(scene: Scene) -> Outage:
    """With a mark beside the database of this scene."""
    beside = Mark(scene.file.parent, "file", make_up=lambda *_, **__: pytest.fail("not behind"))
    return Outage(scene.database, scene.journal, clock=scene.clock, mark=beside)


async def test_how_far_is_decided_is_put_down_before_what_was_decided_may_start(
    scene: Scene,
) -> None:
    run, go_on = a_run(), threading.Event()
    scene.journal._thread.submit(go_on.wait, 60)

    decision = msgspec.structs.replace(claim(run), decided_until_ms=NOW_MS)
    claiming = asyncio.create_task(marked(scene).write(decision))
    await asyncio.to_thread(until, lambda: scene.find(run), "its row")
    was_answered = claiming.done()
    go_on.set()

    assert await claiming == {run.id}
    assert mark.read(scene.file.parent, "file") == NOW_MS
    assert not was_answered


async def test_a_disk_that_does_not_take_the_mark_holds_no_run_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, go_on = a_run(), threading.Event()
    scene.journal._thread.submit(go_on.wait, 60)
    beside, waited_s = scene.journal.beside, []

    async def shortly(work: Callable[[], None], *, within_s: float) -> None:
        waited_s.append(within_s)
        await beside(work, within_s=0.1)

    monkeypatch.setattr(scene.journal, "beside", shortly)

    decision = msgspec.structs.replace(claim(run), decided_until_ms=NOW_MS)
    async with asyncio.timeout(30):
        ours = await marked(scene).write(decision)
    go_on.set()

    assert ours == {run.id}
    assert waited_s == [PATIENT_S], "it waits for the mark as long as for a write"
    assert scene.outage.is_over
