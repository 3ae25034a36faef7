"""What a long run used while it went on is kept for as long as other readings."""

from functools import partial

from agent.settings import Retention
from agent.store import retention, samples
from agent.store.database import Database
from agent.store.samples import Sample
from tests.agent.store.makings import NOW_MS


def sample(at_ms: int = NOW_MS, *, run_id: str = "A", cpu_ms: int = 1) -> Sample:
    return Sample(run_id=run_id, sampled_ms=at_ms, cpu_ms=cpu_ms, rss_bytes=4096, processes=2)


def record(database: Database, *taken: Sample) -> None:
    database.write_now(partial(samples.record, samples=taken))


def test_samples_come_back_by_run_in_order(database: Database) -> None:
    later, first, other = sample(NOW_MS + 5_000), sample(), sample(run_id="B")
    record(database, later, first, other)
    record(database)

    assert database.read_now(partial(samples.of_run, run_id="A")) == (first, later)
    assert database.read_now(partial(samples.of_run, run_id="C")) == ()


def test_a_sample_that_is_there_already_stays(database: Database) -> None:
    record(database, sample(cpu_ms=1))
    record(database, sample(cpu_ms=9))

    assert database.read_now(partial(samples.of_run, run_id="A")) == (sample(cpu_ms=1),)


def test_old_samples_go_with_the_other_readings(database: Database) -> None:
    old = sample(NOW_MS - 31 * retention.DAY_MS)
    record(database, old, sample())

    done = retention.clean(database, Retention(), now_ms=NOW_MS)

    assert done.rows == {"samples": 1}
    assert database.read_now(partial(samples.of_run, run_id="A")) == (sample(),)
