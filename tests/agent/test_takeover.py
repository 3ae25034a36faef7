"""What becomes of moments that were due by a definition that is no more?"""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agent.proof import prove
from agent.store import state, tasks
from agent.takeover import takeover
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_task
from tests.agent.workshop import Workshop

EACH_MINUTE = ("* * * * *",)
# Half a minute after a full one: what is changed then lies between two due moments.
BEGIN_MS = (NOW_MS // MINUTE_MS + 1) * MINUTE_MS + MINUTE_MS // 2


async def change(workshop: Workshop, **fields: Any) -> None:
    """As the command line does it: the database first, the agent hears of it later."""
    await workshop.database.write(
        partial(
            tasks.apply,
            definitions=[a_task("often", **fields)],
            who="Anna",
            why="",
            now_ms=workshop.clock.now_ms(),
        )
    )


async def flag(workshop: Workshop, **flags: Any) -> None:
    await workshop.database.write(
        partial(
            tasks.set_flags, names=["often"], who="Anna", now_ms=workshop.clock.now_ms(), **flags
        )
    )


async def remove(workshop: Workshop) -> None:
    await workshop.database.write(
        partial(tasks.remove, names=["often"], who="Anna", why="", now_ms=workshop.clock.now_ms())
    )


async def come_back(workshop: Workshop) -> None:
    """The next agent of this home begins, with what is stored of the one before."""
    database, now_ms = workshop.database, workshop.clock.now_ms()
    decided_ms = database.read_now(state.decided_until) or 0
    await workshop.roster.load()
    async with asyncio.TaskGroup() as group:
        workshop.runner.work_in(group)
        await workshop.scheduler.begin(
            decided_until_ms=decided_ms,
            highest_ms=0,
            boots=(),
            history=database.read_now(
                partial(tasks.history, until_ms=now_ms, changed_after_ms=decided_ms - 1)
            ),
        )
        await workshop.runner.recover((), ())
        await workshop.scheduler.decide()
        await workshop.settle()
        workshop.runner.close()


async def begin(workshop: Workshop, group: asyncio.TaskGroup) -> None:
    workshop.clock.advance(BEGIN_MS - NOW_MS)
    await workshop.register(a_task("often", schedule=EACH_MINUTE, overlap="allow"))
    await workshop.begin(group)
    await workshop.scheduler.decide()


async def stay_away(workshop: Workshop) -> None:
    async with asyncio.TaskGroup() as group:
        await begin(workshop, group)


def missing(workshop: Workshop) -> dict[str, int]:
    found = prove(workshop.database, BEGIN_MS, workshop.clock.now_ms())
    return {name: one.missing_count for name, one in found.items()}


def told(workshop: Workshop) -> Sequence[tuple[int, str, str | None]]:
    """Which minute, what became of it, and by which version."""
    return [
        ((run.scheduled_ms - BEGIN_MS) // MINUTE_MS + 1, run.reason or run.status, str(run.def_rev))
        for run in sorted(workshop.rows(), key=lambda run: run.scheduled_ms)
    ]


async def test_a_task_removed_while_no_agent_served_has_a_row_for_each_moment_until_then(
    workshop: Workshop,
) -> None:
    await stay_away(workshop)
    workshop.clock.advance(3 * MINUTE_MS)
    await remove(workshop)
    workshop.clock.advance(2 * MINUTE_MS)

    await come_back(workshop)

    assert missing(workshop) == {"often": 0}
    assert told(workshop) == [(minute, "agent_down", "1") for minute in (1, 2, 3)]


async def test_rows_of_what_was_changed_bear_the_version_that_they_were_due_by(
    workshop: Workshop,
) -> None:
    await stay_away(workshop)
    workshop.clock.advance(MINUTE_MS)
    await change(workshop, schedule=("*/2 * * * *",))
    workshop.clock.advance(3 * MINUTE_MS)
    await change(workshop, schedule=EACH_MINUTE)
    workshop.clock.advance(MINUTE_MS)

    await come_back(workshop)

    assert missing(workshop) == {"often": 0}
    versions = {minute: version for minute, _, version in told(workshop)}
    assert versions[1] == "1"
    assert set(versions.values()) == {"1", "2", "3"}


async def test_a_pause_made_while_no_agent_served_says_nothing_of_moments_before_it(
    workshop: Workshop,
) -> None:
    await stay_away(workshop)
    workshop.clock.advance(2 * MINUTE_MS)
    await flag(workshop, paused=True, reason="stock-take")
    workshop.clock.advance(2 * MINUTE_MS)

    await come_back(workshop)

    assert told(workshop) == [
        (1, "agent_down", "1"),
        (2, "agent_down", "1"),
        (3, "paused", "1"),
        (4, "paused", "1"),
    ]
    assert workshop.rows()[-1].note == "stock-take"


async def test_a_pause_that_began_and_ended_in_an_absence_has_its_rows_with_its_reason(
    workshop: Workshop,
) -> None:
    await stay_away(workshop)
    workshop.clock.advance(MINUTE_MS)
    await flag(workshop, paused=True, reason="stock-take")
    workshop.clock.advance(MINUTE_MS)
    await flag(workshop, paused=False)
    workshop.clock.advance(MINUTE_MS)

    await come_back(workshop)

    assert [(minute, said) for minute, said, _ in told(workshop)] == [
        (1, "agent_down"),
        (2, "paused"),
        (3, "running"),
    ]


async def test_a_change_that_is_taken_over_late_counts_from_when_it_was_made(
    workshop: Workshop,
) -> None:
    async with asyncio.TaskGroup() as group:
        await begin(workshop, group)
        await change(workshop, schedule=("@every 5s",), overlap="allow")
        workshop.clock.advance(40_000)

        await workshop.scheduler.reload()
        workshop.clock.advance(5_000)
        await workshop.scheduler.decide()
        await workshop.settle()
        workshop.runner.close()

    assert missing(workshop) == {"often": 0}


async def test_a_moment_before_a_change_still_runs_when_the_agent_hears_of_both_late(
    workshop: Workshop,
) -> None:
    async with asyncio.TaskGroup() as group:
        await begin(workshop, group)
        workshop.clock.advance(MINUTE_MS // 2 + 1_000)
        await flag(workshop, paused=True)
        workshop.clock.advance(1_000)

        await workshop.scheduler.reload()
        await workshop.settle()
        workshop.clock.advance(MINUTE_MS)
        await workshop.scheduler.decide()
        await workshop.settle()
        workshop.runner.close()

    assert [said for _, said, _ in told(workshop)] == ["running", "paused"]


async def test_two_changes_taken_over_at_once_leave_no_moment_without_a_row(
    workshop: Workshop,
) -> None:
    async with asyncio.TaskGroup() as group:
        await begin(workshop, group)
        workshop.clock.advance(MINUTE_MS)
        await change(workshop, schedule=("@every 10s",), overlap="allow")
        workshop.clock.advance(25_000)
        await change(workshop, schedule=EACH_MINUTE, overlap="allow", timezone="Europe/Berlin")
        workshop.clock.advance(40_000)

        await workshop.scheduler.reload()
        await workshop.scheduler.decide()
        await workshop.settle()
        workshop.runner.close()

    assert missing(workshop) == {"often": 0}
    assert {version for _, _, version in told(workshop)} == {"1", "2", "3"}


async def test_a_task_removed_while_the_agent_serves_has_no_moment_without_a_row(
    workshop: Workshop,
) -> None:
    async with asyncio.TaskGroup() as group:
        await begin(workshop, group)
        workshop.clock.advance(2 * MINUTE_MS)
        await remove(workshop)
        workshop.clock.advance(2 * MINUTE_MS)

        await workshop.scheduler.reload()
        await workshop.settle()
        workshop.runner.close()

    assert missing(workshop) == {"often": 0}
    assert [minute for minute, _, _ in told(workshop)] == [1, 2]


async def test_what_does_not_decide_on_moments_leaves_them_to_the_present_version(
    workshop: Workshop,
) -> None:
    await stay_away(workshop)
    workshop.clock.advance(2 * MINUTE_MS)
    await change(workshop, schedule=EACH_MINUTE, overlap="allow", description="better told")
    workshop.clock.advance(MINUTE_MS)

    await come_back(workshop)

    spans = workshop.database.read_now(
        partial(tasks.history, until_ms=workshop.clock.now_ms(), changed_after_ms=BEGIN_MS)
    )
    assert takeover(spans["often"], BEGIN_MS).last_ms is None
    # By its policy the newest one runs, however often the task was described anew.
    assert [said for _, said, _ in told(workshop)] == ["agent_down", "agent_down", "running"]


async def test_what_is_summed_up_is_not_told_again_after_a_clock_that_was_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.portions.MOST_ROWS", 20)
    first = Workshop(tmp_path)
    async with asyncio.TaskGroup() as group:
        await begin(first, group)
        first.clock.advance(6 * HOUR_MS)  # summed up but for the last twenty
        await first.scheduler.decide()
        first.clock.set_wall(first.clock.now_ms() - HOUR_MS)
        await first.scheduler.decide()
        first.clock.advance(MINUTE_MS // 2)
        paused = await first.recorder.set_flags(["often"], paused=True, who="Anna")
        await first.scheduler.take(paused)
        first.runner.close()
    first.database.close()

    first.clock.advance(2 * HOUR_MS)
    second = Workshop(tmp_path, clock=first.clock)
    await come_back(second)

    (found,) = prove(second.database, BEGIN_MS, second.clock.now_ms()).values()
    second.database.close()
    assert (found.missing, found.doubled) == ((), ())
