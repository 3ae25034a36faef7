"""The gap between a keeper's two journal lines, in which it may die."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.boot import boot_id
from agent.running import marks, processes
from agent.running.inheritance import UNSURE, Inheritance
from agent.running.stories import told_by
from tests.agent.running.conftest import until

ORDER = {"e": "order", "timeout_ms": 0, "kill_grace_ms": 100, "memory_limit_bytes": None}


def told_of(*run_ids: str) -> list[dict[str, Any]]:
    header = {"e": "keeper", "v": 1, "pid": 1, "start": 0, "boot": boot_id()}
    return [header, *({**ORDER, "run": run_id, "output_file": "/none"} for run_id in run_ids)]


def others() -> set[int]:
    """Children that this process has already, which are no orphans of a keeper."""
    return set(processes.children(os.getpid()) or ())


def spawn(run_id: str, script: str) -> int:
    """A child as a keeper makes it, which fell to us when the keeper died."""
    environment = {"PATH": os.defpath, "SMARTCRON_RUN_ID": run_id}
    return os.posix_spawn("/bin/sh", ["sh", "-c", script], environment, setsid=True)


@pytest.mark.parametrize("is_over", [False, True])
async def test_a_run_whose_start_was_not_written_down_is_found(is_over: bool) -> None:
    lines: list[dict[str, Any]] = []
    inheritance = Inheritance(lines.append, others())
    pid = spawn("R", "exit 5" if is_over else "sleep 0.2; exit 5")
    if is_over:
        await until(lambda: (p := processes.look(pid)) is not None and p.is_over, "a zombie")

    [line] = await inheritance.take_over(told_by(told_of("R")), is_ours=True)

    assert (line["e"], line["pid"]) == ("started", pid)
    await until(lambda: any(told["e"] == "ended" for told in lines), "the end")
    assert [(t["exit_status"], t["cause"]) for t in lines if t["e"] == "ended"] == [(5, "")]
    await inheritance.close()


async def test_a_run_that_emptied_its_environment_at_once_is_found_by_its_mark(
    home: Path,
) -> None:
    lines: list[dict[str, Any]] = []
    inheritance = Inheritance(lines.append, others())
    waits = f"while [ ! -e {home}/go ]; do /bin/sleep 0.02; done"
    assert marks.put_on(marks.mark_of("R"))
    try:
        pid = spawn("R", f'exec env -i /bin/sh -c "{waits}"')
    finally:
        marks.take_off()
    await until(lambda: processes.words_of(pid).startswith(b"/bin/sh"), "its program")

    [line] = await inheritance.take_over(told_by(told_of("R")), is_ours=True)
    (home / "go").touch()
    await until(lambda: any(line["e"] == "ended" for line in lines), "its end")
    await inheritance.close()

    assert (line["e"], line["pid"]) == ("started", pid)
    assert lines[-1]["exit_status"] == 0


async def test_a_run_that_never_got_a_process_may_be_ordered_again() -> None:
    inheritance = Inheritance(lambda _: None, others())

    [line] = await inheritance.take_over(told_by(told_of("R")), is_ours=True)

    assert line == {"e": "never", "run": "R"}


@pytest.fixture
def stranger() -> Iterator[processes.Process]:
    """A child that ended, and whose status nobody has taken yet."""
    pid = spawn("S", "exit 5")
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    ended = processes.look(pid)
    assert ended is not None
    assert ended.is_over
    yield ended
    os.waitpid(pid, 0)


async def test_what_ended_before_the_order_is_not_its_start(stranger: processes.Process) -> None:
    inheritance = Inheritance(lambda _: None, set())
    await until(lambda: processes.tick_now() > stranger.start, "the next tick")
    lines = told_of("R")
    lines[-1]["tick"] = processes.tick_now()

    [line] = await inheritance.take_over(told_by(lines), is_ours=True)

    assert line == {"e": "never", "run": "R"}


def test_the_tick_of_now_lies_between_those_of_processes_begun_before_and_after() -> None:
    before = processes.look(spawn("before", "exit 0"))
    now = processes.tick_now()
    after = processes.look(spawn("after", "exit 0"))
    assert before is not None
    assert after is not None
    assert before.start <= now <= after.start
    os.waitpid(before.pid, 0)
    os.waitpid(after.pid, 0)


async def test_nobody_can_say_so_when_its_agent_died_too() -> None:
    inheritance = Inheritance(lambda _: None, set())

    [line] = await inheritance.take_over(told_by(told_of("R")), is_ours=False)

    assert (line["e"], line["cause"], line["detail"]) == ("ended", "lost", UNSURE)


async def test_an_exit_already_written_down_stays_true_and_the_rest_of_the_family_goes() -> None:
    lines: list[dict[str, Any]] = []
    inheritance = Inheritance(lines.append, set())
    rest = spawn("R", "trap '' TERM; exec sleep 60")
    await until(lambda: processes.words_of(rest).startswith(b"sleep"), "its program")
    exited = {
        "e": "exited", "run": "R", "pid": 2_000_000_000, "started_ms": 1, "ended_ms": 5,
        "duration_ms": 4, "exit_status": 7, "signal": None, "cause": "", "cpu_ms": 1,
        "peak_rss": 2, "leftovers": 0, "detail": "",
    }  # fmt: skip
    started = {
        "e": "started", "run": "R", "pid": 2_000_000_000, "start": 0, "started_ms": 1,
        "started_mono_ms": 1,
    }  # fmt: skip

    [line] = await inheritance.take_over(told_by([*told_of("R"), started, exited]), is_ours=True)

    assert line["e"] == "started"
    await until(lambda: lines, "the end")
    assert lines == [{**exited, "e": "ended", "leftovers": 1}]
    process = processes.look(rest)
    assert process is None or process.is_over
    await inheritance.close()


async def test_a_process_that_only_has_the_number_of_a_run_is_not_taken_for_it(home: Path) -> None:
    other = await asyncio.create_subprocess_exec("sleep", "60")
    process = processes.look(other.pid)
    assert process is not None
    started = {
        "e": "started", "run": "R", "pid": other.pid, "start": process.start - 1,
        "started_ms": 1, "started_mono_ms": 1,
    }  # fmt: skip
    inheritance = Inheritance(lambda _: None, set())

    [line] = await inheritance.take_over(told_by([*told_of("R"), started]), is_ours=False)

    assert (line["e"], line["cause"]) == ("ended", "lost")
    assert not processes.send(other.pid, process.start - 1, 9)
    other.terminate()
    assert await other.wait() == -15
