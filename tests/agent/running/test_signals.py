"""Each signal of the system ends a run as it ends any process, and the end says which it was."""

import signal
import sys

import pytest

from agent.running.terms import Ended
from tests.agent.running.conftest import Desk

# These change nothing, or only stop a process whose parent can wake it.
HARMLESS = frozenset(
    {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
    | {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
)
SENDS_ITSELF = (
    "import os, signal, sys\n"
    "number = int(sys.argv[1])\n"
    "if number not in (9, 19): signal.signal(number, signal.SIG_DFL)\n"
    "os.kill(os.getpid(), number)\n"
)
# The C library keeps 32 and 33 to itself and lets no program say what they do.
OF_THE_LIBRARY = frozenset({32, 33})
EACH = frozenset(range(1, 65)) - {signal.SIGSTOP} - OF_THE_LIBRARY


async def end_by(desk: Desk, number: int, *, timeout_ms: int = 0) -> Ended:
    run_id = f"R{number}"
    argv = (sys.executable, "-S", "-c", SENDS_ITSELF, str(number))
    await desk.keepers.start(desk.order(run_id, *argv, timeout_ms=timeout_ms, grace_ms=100))
    return await desk.end_of(run_id)


@pytest.mark.parametrize("first", [1, 17, 33, 49])
async def test_a_signal_is_told_from_every_exit_status(desk: Desk, first: int) -> None:
    for number in sorted(EACH & set(range(first, first + 16))):
        ended = await end_by(desk, number)

        expected = (0, None) if number in HARMLESS else (None, number)
        assert (number, ended.exit_status, ended.signal) == (number, *expected)
        assert ended.cause == ""


async def test_a_run_that_stops_itself_is_ended_by_its_time(desk: Desk) -> None:
    ended = await end_by(desk, signal.SIGSTOP, timeout_ms=300)

    assert ended.cause == "timeout"
