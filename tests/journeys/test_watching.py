"""Jobs that somebody else starts, watched by a real agent, and by one that comes back later."""

import http.client
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from agent.runs import Run
from tests.journeys.household import COMMAND_S, WAIT_S, Household, until
from tests.ports import free_port

WATCH = 'task_name = "dump"\nkind = "watch"\n'
BY_HAND = WATCH + "schedule = []"
EACH_SECOND = WATCH + 'schedule = "@every 1s"\nping_grace_s = 1'


def wrapped(household: Household, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        household.command("exec", "dump", "--", *words),
        env=household.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def python(code: str) -> Sequence[str]:
    return (sys.executable, "-c", code)


def test_a_wrapped_command_passes_everything_through_and_is_recorded(
    household: Household,
) -> None:
    household.apply(BY_HAND)
    household.serve()

    with wrapped(household, "sh", "-c", "read word; echo got $word; echo no >&2; exit 75") as job:
        out, errors = job.communicate(b"apples\n", timeout=WAIT_S)

    (run,) = household.wait_for("dump", "error")
    assert (job.returncode, out, errors) == (75, b"got apples\n", b"no\n")
    assert (run.trigger, run.exit_status, run.error_class) == ("ping", 75, "recoverable")
    assert run.duration_ms is not None
    assert household.check()["exit_status"] == 0


def test_a_wrapped_command_gets_signals_and_its_end_by_one_is_ours(household: Household) -> None:
    household.apply(BY_HAND)
    household.serve()
    with wrapped(household, *python("import time; print('up', flush=True); time.sleep(60)")) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == b"up\n"
        household.wait_for("dump", "running")

        job.send_signal(signal.SIGTERM)
        status = job.wait(WAIT_S)

    (run,) = household.wait_for("dump", "error")
    assert status == -signal.SIGTERM
    assert (run.signal, run.exit_status) == (15, None)


@pytest.mark.parametrize(
    ("words", "status"), [(("/nowhere/dump",), 127), (("/etc/passwd",), 126), (("true",), 0)]
)
def test_a_wrapped_command_runs_or_fails_the_same_without_an_agent(
    household: Household, words: Sequence[str], status: int
) -> None:
    household.apply(BY_HAND)

    with wrapped(household, *words) as job:
        job.communicate(timeout=WAIT_S)
    household.serve()

    (run,) = household.wait_for("dump", "success" if status == 0 else "error")
    assert job.returncode == status
    assert run.exit_status == status


def test_a_wrong_name_keeps_no_command_from_running(household: Household) -> None:
    household.serve()

    with wrapped(household, "echo", "done") as job:
        out, errors = job.communicate(timeout=WAIT_S)

    assert (job.returncode, out) == (0, b"done\n")
    assert b"there is no task 'dump'" in errors


def test_a_moment_without_a_ping_is_missed_and_the_next_ping_is_good_again(
    household: Household,
) -> None:
    household.apply(EACH_SECOND)
    household.serve()

    until(lambda: household.runs("dump", "missed", reason="no_ping"), "a moment without a ping")

    def is_in_time() -> list[Run]:
        # One that takes longer than the grace to arrive is a run that nobody expected.
        household.cli("ping", "dump", "--message", "12 files")
        return household.runs("dump", "success", trigger="schedule")

    run = until(is_in_time, "a ping within its grace")[0]
    assert run.note == "12 files"
    assert household.check()["exit_status"] == 0


def test_many_pings_at_once_are_all_taken_down_once(household: Household) -> None:
    household.apply(BY_HAND)
    household.serve()

    with ThreadPoolExecutor(12) as pool:
        told = list(
            pool.map(lambda n: household.cli("ping", "dump", "--message", str(n)), range(24))
        )

    rows = household.wait_for("dump", "success", count=24)
    assert len(told) == 24
    assert sorted(int(row.note or -1) for row in rows) == list(range(24))


def test_pings_kept_while_no_agent_served_are_taken_up_by_one_pass_as_well(
    household: Household,
) -> None:
    household.apply(BY_HAND)

    said = household.json("ping", "dump")
    household.cli("tick", "--one-shot")

    assert said == {"run_id": None, "state": None, "kept": True}
    assert [row.status for row in household.runs("dump")] == ["success"]
    assert list(household.home.pings.iterdir()) == []


def test_a_ping_for_what_is_not_watched_is_refused_with_the_way_out(household: Household) -> None:
    household.apply('task_name = "sync"\nschedule = []\ncommand = "true"')

    down = [household.run("ping", name) for name in ("nothing", "sync")]
    household.serve()
    up = [household.run("ping", name) for name in ("nothing", "sync")]

    assert [done.returncode for done in (*down, *up)] == [2] * 4
    assert all("there is no task 'nothing'" in done.stderr for done in (down[0], up[0]))
    assert all("kind = 'watch'" in done.stderr for done in (down[1], up[1]))


def test_http_pings_are_off_until_switched_on_and_need_the_token(
    bare: Household, made: Path
) -> None:
    port = free_port()
    bare.copy(made, http_pings=f"127.0.0.1:{port}")
    bare.apply(BY_HAND)
    without = bare.serve(until_ready=False)
    refused = without.wait(WAIT_S)
    bare.agents.remove(without)
    secrets = bare.home.secrets_file
    secrets.touch(mode=0o600)
    secrets.chmod(0o600)
    secrets.write_text('http_ping_token = "a-token-of-the-tests-only"\n')
    bare.serve()

    line = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    line.request(
        "POST", "/ping/dump", headers={"Authorization": "Bearer a-token-of-the-tests-only"}
    )
    said = line.getresponse().read().decode()
    line.close()

    (run,) = bare.wait_for("dump", "success")
    assert refused == 2
    assert "http_ping_token" in bare.said()
    assert said == f"{run.id} success\n"
    until(lambda: bare.check()["exit_status"] == 0, "a clean ledger")


def tells_of_the_wait(household: Household, words: tuple[str, ...]) -> bool:
    said = household.run(*words).stdout
    assert "queued" not in said
    return "awaits ping" in said


def test_what_waits_for_a_ping_is_not_called_queued_and_fails_when_none_comes(
    household: Household,
) -> None:
    household.apply(WATCH + 'schedule = "@every 2s"\nping_grace_s = 1')
    household.serve()
    household.wait_for("dump", "queued")
    # Its first moment may have passed before the agent was there, which is no failure of it.
    until(lambda: household.runs("dump", "missed", reason="no_ping"), "a moment without a ping")

    for words in (("runs", "list"), ("status",)):
        # It waits half of the time.
        telling = partial(tells_of_the_wait, household, words)
        until(telling, f"{words} that tell of the wait", within_s=COMMAND_S)
    assert "1 failing" in household.run("status").stdout
    assert "never" not in household.cli("tasks", "list")
