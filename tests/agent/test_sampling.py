"""Long runs leave some 200 readings of what they use, however long they last."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.recorder import Recorder
from agent.sampling import FIRST_AFTER_MS, LOOK_EVERY_MS, Living, Sampler, wait_ms
from agent.store import samples
from agent.store.database import Database
from tests.agent.fake_clock import FakeClock
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import NOW_MS

RUN_ID = "01KAVT0R8M6V4Z1S0Q2E6G7H8J"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(fresh_file(tmp_path / "agent.sqlite3"))
    yield database
    database.close()


@pytest.mark.parametrize("timeout_s", [60, 3_600, 86_400, 30 * 86_400])
def test_a_run_of_any_length_has_at_most_some_200_samples(timeout_s: int) -> None:
    age_ms, count = FIRST_AFTER_MS, 0
    while age_ms <= timeout_s * 1000:
        count += 1
        step_ms = wait_ms(age_ms=age_ms, timeout_ms=timeout_s * 1000)
        assert step_ms >= LOOK_EVERY_MS
        age_ms += step_ms

    assert 10 <= count <= 260


async def test_what_a_family_uses_is_kept_when_its_turn_has_come(database: Database) -> None:
    clock = FakeClock(NOW_MS)
    recorder = Recorder(database, clock, lambda _: None)
    script = "x = b'x' * 30_000_000; print('ready', flush=True); input()"
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        '"$0" -S -c "$1"; true',
        sys.executable,
        script,
        env={"SMARTCRON_RUN_ID": RUN_ID},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readline()
    living = [Living(run_id=RUN_ID, pid=process.pid, started_ms=NOW_MS, timeout_ms=60_000)]
    sampler = Sampler(clock=clock, recorder=recorder, living=lambda: living)
    try:
        for advance_ms in (9_999, 1, 0, 4_999, 1):
            clock.advance(advance_ms)
            await sampler.look()
    finally:
        process.stdin.write(b"\n")
        await process.communicate()

    found = await database.read(lambda connection: samples.of_run(connection, RUN_ID))
    assert [sample.sampled_ms - NOW_MS for sample in found] == [10_000, 15_000]
    assert {sample.processes for sample in found} == {2}
    assert all(sample.rss_bytes > 30_000_000 for sample in found)
    assert found[0].cpu_ms <= found[1].cpu_ms


@pytest.mark.parametrize("jump_ms", [-86_400_000, 86_400_000])
async def test_a_clock_that_is_set_changes_nothing_about_whose_turn_it_is(
    database: Database, jump_ms: int
) -> None:
    clock = FakeClock(NOW_MS)
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        "read line",
        env={"SMARTCRON_RUN_ID": RUN_ID},
        stdin=asyncio.subprocess.PIPE,
    )
    living = [Living(run_id=RUN_ID, pid=process.pid, started_ms=NOW_MS, timeout_ms=60_000)]
    recorder = Recorder(database, clock, lambda _: None)
    sampler = Sampler(clock=clock, recorder=recorder, living=lambda: living)
    await sampler.look()
    clock.set_wall(NOW_MS + jump_ms)
    try:
        for advance_ms in (5_000, 5_000, 5_000, 5_000):
            clock.advance(advance_ms)
            await sampler.look()
    finally:
        await process.communicate(b"\n")

    found = await database.read(lambda connection: samples.of_run(connection, RUN_ID))
    assert [sample.sampled_ms - NOW_MS - jump_ms for sample in found] == [10_000, 15_000, 20_000]


async def test_a_number_that_has_passed_to_another_process_is_not_measured(
    database: Database,
) -> None:
    clock = FakeClock(NOW_MS + 60_000)
    living = [Living(run_id=RUN_ID, pid=1, started_ms=NOW_MS, timeout_ms=600_000)]

    await Sampler(
        clock=clock,
        recorder=Recorder(database, clock, lambda _: None),
        living=lambda: living,
    ).look()

    assert await database.read(lambda connection: samples.of_run(connection, RUN_ID)) == ()
