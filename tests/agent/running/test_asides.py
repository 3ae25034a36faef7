"""How is a command run that is no run of a task?"""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from agent import descriptors
from agent.running import processes
from agent.running.asides import MOST_BYTES, Aside, run_aside
from tests.journeys.household import until

RUN_ID = "0ASIDE" + "0" * 20
FAMILY = (
    "import os, sys, time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork(): os._exit(0)\n"
    "    time.sleep(60)\n"
    "print('the parent', flush=True)\n"
)


async def run(*argv: str, timeout_s: float = 60, folder: str = "/") -> Aside:
    return await run_aside(
        argv,
        environment={"PATH": os.defpath},
        folder=folder,
        run_id=RUN_ID,
        timeout_s=timeout_s,
    )


def living_of_run() -> list[int]:
    return [
        pid
        for pid, process in processes.look_at_all().items()
        if not process.is_over and processes.run_of(pid) == RUN_ID
    ]


async def nothing_lives() -> None:
    """What was killed is gone as soon as the host lets it; by itself it would last a minute."""
    await asyncio.to_thread(until, lambda: not living_of_run(), "the end of all", within_s=20)


async def test_it_tells_how_it_ended_and_what_it_said() -> None:
    found = await run("/bin/sh", "-c", "echo out; echo err >&2; exit 2")

    assert found == Aside(exit_status=2, output="out\n", errors="err\n")


async def test_what_takes_too_long_is_ended_with_all_of_its_family() -> None:
    began_s = time.monotonic()

    found = await run(sys.executable, "-c", FAMILY + "time.sleep(60)", timeout_s=1)

    assert (found.is_too_slow, found.exit_status) == (True, None)
    assert time.monotonic() - began_s < 30
    await nothing_lives()


async def test_a_child_that_stays_behind_and_holds_the_output_is_ended() -> None:
    found = await run(sys.executable, "-c", FAMILY)

    assert (found.exit_status, found.output) == (0, "the parent\n")
    await nothing_lives()


async def test_nothing_is_left_when_nobody_waits_any_more() -> None:
    task = asyncio.create_task(run(sys.executable, "-c", FAMILY + "time.sleep(60)"))
    await asyncio.to_thread(until, lambda: len(living_of_run()) >= 2, "its family")

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await nothing_lives()


async def test_a_flood_of_output_is_cut_and_the_command_does_not_wait_for_a_reader() -> None:
    found = await run("/bin/sh", "-c", "head -c 5000000 /dev/zero; exit 1")

    assert (found.exit_status, len(found.output)) == (1, MOST_BYTES)


async def test_one_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await run(str(tmp_path / "nothing"))


async def test_it_may_hold_as_many_files_open_as_the_agent_was_begun_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(descriptors, "GIVEN", (77, descriptors.GIVEN[1]))
    words = 'until [ "$(ulimit -Sn)" = 77 ]; do read -r _ </dev/null; done; echo given'

    ended = await run("sh", "-c", words)

    assert ended.output == "given\n"
