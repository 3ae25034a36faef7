"""An output that no disk takes waits in its spool until one does; its row has its words at once."""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from agent import belated
from agent.belated import Belated
from agent.leavings import Leavings
from agent.runs import Run
from tests.agent.store.makings import MINUTE_MS, NOW_MS, a_run, a_task
from tests.agent.workshop import Workshop, end_of

SAID = "begins\nTraceback (most recent call last):\nValueError: no such order\n"


@pytest.fixture
async def living(workshop: Workshop) -> AsyncIterator[tuple[Workshop, Run]]:
    """A run that has written something, on a home whose logs take nothing."""
    await workshop.register(a_task())
    run = a_run()
    workshop.home.task_logs.rmdir()
    workshop.home.task_logs.touch()
    async with asyncio.TaskGroup() as group:
        await workshop.begin(group)
        await workshop.recorder.claim([run])
        workshop.runner.submit([run])
        await workshop.settle()
        spool_of(workshop, run).write_text(SAID)
        yield workshop, run
        workshop.runner.close()


def consume_work(work: Coroutine[Any, Any, None], *, name: str) -> None:
    """Nothing is tried here."""
    work.close()


def consume(_task: object) -> None:
    """Its group holds it."""


def spool_of(workshop: Workshop, run: Run) -> Path:
    return workshop.home.spool / f"{run.id}.out"


def let_logs_be_kept(workshop: Workshop) -> None:
    workshop.home.task_logs.unlink()
    workshop.home.task_logs.mkdir(mode=0o700)


async def end(workshop: Workshop, run: Run) -> Run:
    workshop.runner.on_ended(end_of(run.id, exit_status=3))
    await workshop.settle()
    (row,) = workshop.rows()
    return row


async def test_the_row_has_its_words_and_the_spool_stays(living: tuple[Workshop, Run]) -> None:
    workshop, run = living

    row = await end(workshop, run)

    assert (row.status, row.error_message, row.output_tail) == (
        "error",
        "ValueError: no such order",
        SAID,
    )
    assert row.note == "its output could not be kept at once: Not a directory"
    assert (row.log_file, row.output_bytes) == (None, len(SAID))
    assert spool_of(workshop, run).read_text() == SAID
    assert workshop.keepers.forgotten == [run.id]
    assert workshop.outputs.read(row, 0, 100).data.decode() == SAID


async def test_it_is_kept_as_soon_as_a_try_finds_room(living: tuple[Workshop, Run]) -> None:
    workshop, run = living
    await end(workshop, run)
    workshop.clock.advance(belated.FIRST_WAIT_MS)
    await workshop.until(lambda: workshop.clock.sleeping_until_ms is not None)
    is_still_there = spool_of(workshop, run).exists()

    let_logs_be_kept(workshop)
    workshop.clock.advance(2 * belated.FIRST_WAIT_MS)
    await workshop.until(lambda: not spool_of(workshop, run).exists())

    (row,) = workshop.rows()
    assert is_still_there
    assert (row.log_file, row.log_bytes) == ("backup.log", len(SAID))
    assert not spool_of(workshop, run).exists()
    assert workshop.outputs.read(row, 0, 100).data.decode() == SAID
    assert any(run.id in {shown.id for shown in told.runs} for told in workshop.shown[-1:])


async def test_tries_have_an_end_and_leave_the_output_where_it_is(
    living: tuple[Workshop, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop, run = living
    monkeypatch.setattr(belated, "MOST_TRIES", 3)
    await end(workshop, run)

    for _ in range(2):
        workshop.clock.advance(belated.LONGEST_WAIT_MS)
        await asyncio.sleep(0)  # the hour is told in the loop's next turn
        await workshop.until(lambda: workshop.clock.sleeping_until_ms is not None)
    workshop.clock.advance(belated.LONGEST_WAIT_MS)
    await asyncio.sleep(0)
    await workshop.settle()

    assert workshop.clock.sleeping_until_ms is None
    assert spool_of(workshop, run).exists()


async def test_what_is_given_up_before_its_end_is_recorded_is_not_cleared_away_after_it(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(belated, "MOST_WAITING", 1)
    late = Belated(workshop.outputs, workshop.recorder, workshop.clock, spawn=consume_work)
    first, second = a_run(), a_run(NOW_MS + MINUTE_MS)

    for run in (first, second):
        late.put(run, end_of(run.id), limit_mb=None)

    assert late.waits(second.id)
    assert late.waits(first.id)
    late.close()


async def test_what_waits_can_be_tried_at_once_and_what_still_fails_waits_on(
    living: tuple[Workshop, Run],
) -> None:
    workshop, run = living
    await end(workshop, run)

    await workshop.runner.keep_late()
    waits_still = spool_of(workshop, run).exists() and bool(workshop.clock.sleeping_until_ms)
    let_logs_be_kept(workshop)
    await workshop.runner.keep_late()

    (row,) = workshop.rows()
    assert waits_still
    assert (row.log_file, spool_of(workshop, run).exists()) == ("backup.log", False)
    assert workshop.clock.sleeping_until_ms is None


async def test_what_comes_after_the_close_is_left_to_the_next_agent_and_tried_no_more(
    workshop: Workshop,
) -> None:
    tried: list[str] = []

    def spawn(work: Coroutine[Any, Any, None], *, name: str) -> None:
        work.close()
        tried.append(name)

    late = Belated(workshop.outputs, workshop.recorder, workshop.clock, spawn=spawn)
    run = a_run()
    late.close()

    late.put(run, end_of(run.id), limit_mb=None)
    workshop.clock.advance(belated.FIRST_WAIT_MS)
    await asyncio.sleep(0)

    assert tried == []
    assert late.waits(run.id), "so that its spool is not cleared away"


async def test_the_next_agent_keeps_what_an_earlier_one_could_not(
    living: tuple[Workshop, Run],
) -> None:
    workshop, run = living
    row = await end(workshop, run)
    workshop.runner.close()
    let_logs_be_kept(workshop)
    async with asyncio.TaskGroup() as group:
        next_one = Leavings(
            workshop.outputs,
            workshop.keepers,  # type: ignore[arg-type] # the part of it that is used
            workshop.recorder,
            workshop.clock,
            spawn=lambda work, *, name: consume(group.create_task(work, name=name)),
        )

        await next_one.go_through([row], lambda _: None)
        workshop.clock.advance(belated.FIRST_WAIT_MS)
        await workshop.until(lambda: not spool_of(workshop, run).exists())

    (row,) = workshop.rows()
    log = (workshop.home.task_logs / "backup.log").read_text()
    assert row.log_file == "backup.log"
    assert log.endswith(f"run {run.id} ends: exit status 3 ===\n")


async def test_what_is_kept_already_is_only_cleared_away(living: tuple[Workshop, Run]) -> None:
    workshop, run = living
    let_logs_be_kept(workshop)
    row = await end(workshop, run)
    spool_of(workshop, run).write_text(SAID)  # as a crash before the clearing leaves it

    await workshop.runner.go_through([row])

    assert row.log_file == "backup.log"
    assert not spool_of(workshop, run).exists()


async def test_a_row_has_words_though_its_output_cannot_even_be_read(
    living: tuple[Workshop, Run],
) -> None:
    workshop, run = living
    spool_of(workshop, run).unlink()
    os.mkfifo(spool_of(workshop, run))

    row = await end(workshop, run)

    assert row.error_message == (
        "ended with exit status 3; its output could not be read: is no plain file"
    )
    assert row.output_tail == "its output could not be read: is no plain file"
