"""Orders that a keeper cannot even begin: each is refused in words, and all others go on."""

import contextlib
import fcntl
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.running import keeping
from agent.running.terms import NotStarted
from tests.agent.running.conftest import Desk, of_run, until


async def and_the_next_one_runs(desk: Desk) -> None:
    await desk.sh("next", "exit 3")
    assert (await desk.end_of("next")).exit_status == 3


@pytest.mark.parametrize("nice", [0, 3])
async def test_a_program_that_is_a_pipe_is_refused_and_hangs_nobody(
    desk: Desk, tmp_path: Path, nice: int
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o755)
    order = msgspec.structs.replace(desk.order("R", str(pipe)), nice=nice)

    with pytest.raises(NotStarted, match=f"{pipe} is no file that can be executed"):
        await desk.keepers.start(order)

    await and_the_next_one_runs(desk)


async def test_a_value_that_no_process_can_have_is_refused_and_costs_no_keeper(desk: Desk) -> None:
    before = desk.keepers.own_pid

    with pytest.raises(NotStarted, match="embedded null"):
        await desk.keepers.start(desk.order("R", "/bin/true", environment={"KEY": "a\0b"}))

    await and_the_next_one_runs(desk)
    assert desk.keepers.own_pid == before


async def test_an_order_larger_than_a_keeper_reads_is_refused(desk: Desk) -> None:
    before = desk.keepers.own_pid

    with pytest.raises(NotStarted, match="the command and its environment are too long"):
        await desk.keepers.start(desk.order("R", "/bin/true", environment={"KEY": "x" * (9 << 20)}))

    await and_the_next_one_runs(desk)
    assert desk.keepers.own_pid == before


@pytest.fixture
def held_program(tmp_path: Path) -> Iterator[Path]:
    """A program whose execution waits for us, as one on a disk that does not answer."""
    program, mark = tmp_path / "held", tmp_path / "mark"
    program.write_text(f"#!/bin/sh\necho ran >> {mark}\n")
    program.chmod(0o755)
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    handle = os.open(program, os.O_RDONLY)
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield program
    finally:
        os.close(handle)
        signal.signal(signal.SIGIO, before)


@pytest.fixture
def ended_stranger() -> Iterator[None]:
    """A child of this process that ended just before, and whose status nobody has taken."""
    pid = os.posix_spawn("/bin/true", ["true"], {}, setsid=True)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    yield
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


@pytest.mark.usefixtures("ended_stranger")
async def test_a_start_that_hangs_one_keeper_after_the_other_is_given_up(
    desk: Desk, held_program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as hasty:
        hasty.setattr(keeping, "ANSWER_WITHIN_S", 0.5)
        with pytest.raises(NotStarted, match=r"hung up or died over its start"):
            await desk.keepers.start(desk.order("R", str(held_program)))

    await and_the_next_one_runs(desk)
    await until(lambda: of_run("R") == [], "the death of what hung")
    assert not held_program.with_name("mark").exists()
