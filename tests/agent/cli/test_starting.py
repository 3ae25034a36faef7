"""The command that runs tasks now and, if asked, waits for how they end."""

import json
import signal
import subprocess
from typing import Final

import pytest

from tests.journeys.household import Household, until

GOOD = 'task_name = "good"\nschedule = []\ncommand = "for i in 1 2 3; do echo line $i; done"'
BAD = 'task_name = "bad"\nschedule = []\ncommand = "echo oh; exit 9"'
SLOW = 'task_name = "slow"\nschedule = []\ncommand = "sleep 300"\ntimeout_seconds = 300'
HASTY = 'task_name = "hasty"\nschedule = []\ncommand = "sleep 300"\ntimeout_seconds = 1'
SECOND = (
    'task_name = "second"\nschedule = []\nmax_retries = 1\nretry_base_s = 1\nretry_jitter = 0\n'
    'command = "echo try $SMARTCRON_ATTEMPT; test $SMARTCRON_ATTEMPT = 2"'
)


@pytest.fixture
def served(household: Household) -> Household:
    household.apply(GOOD, BAD, SLOW, HASTY, SECOND)
    household.serve()
    return household


def test_waiting_ends_as_the_run_did_and_shows_the_last_lines(served: Household) -> None:
    good = served.run("tasks", "run", "good", "--wait", "--tail", "2")
    bad = served.run("tasks", "run", "bad", "--wait", "--json")
    hasty = served.run("tasks", "run", "hasty", "--wait")

    assert good.returncode == 0
    assert good.stdout.splitlines()[1:3] == ["  line 2", "  line 3"]
    assert "good ended: success" in good.stdout
    assert bad.returncode == 3
    (end,) = json.loads(bad.stdout)["ends"]
    assert (end["status"], end["exit_status"], end["output_tail"]) == ("error", 9, ["oh"])
    assert hasty.returncode == 4
    assert "hasty ended: timeout" in hasty.stdout


def test_retries_are_waited_for(served: Household) -> None:
    said = served.run("tasks", "run", "second", "--wait")

    assert said.returncode == 0
    assert "attempt 1 ended as error; it is tried again" in said.stdout
    assert "  try 2" in said.stdout.splitlines()


HEEDED: Final = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
"""Ctrl+C is heeded, also where these tests themselves were started in the background."""


def test_ctrl_c_leaves_the_run_going_on_and_says_how_to_see_it(served: Household) -> None:
    python, *words = served.command("tasks", "run", "slow", "--wait")
    waiting = subprocess.Popen(
        [python, "-c", HEEDED, *words],
        env=served.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert waiting.stdout is not None
    try:
        # What was said before it began to wait.
        run_id = waiting.stdout.readline().split()[-1]
        served.wait_for("slow", "running")
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=60)
    finally:
        waiting.kill()

    assert waiting.returncode == 130
    assert f"runs log {run_id} --follow" in said
    assert [run.id for run in served.live()] == [run_id]
    served.cli("runs", "abort", run_id)
    until(lambda: not served.live(), "the end of it")


def test_many_run_by_pattern_and_one_that_is_refused_keeps_back_none(served: Household) -> None:
    served.cli("tasks", "run", "slow")
    served.wait_for("slow", "running")

    done = served.run("tasks", "run", "[gs]*", "--yes", "--wait")

    assert done.returncode == 1
    assert "good ended: success" in done.stdout
    assert "second ended: success" in done.stdout
    assert "✗ slow: " in done.stdout
    served.cli("runs", "abort", "slow")
