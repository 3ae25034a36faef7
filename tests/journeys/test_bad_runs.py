"""Whatever is wrong with a run, it has a row with an ending and words, and its slot is free."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.runs import Run
from tests.journeys.household import Household, until

NEVER = 'schedule = "0 0 1 1 *"'
WITHIN_S = 40.0

# Task lines, and the status, reason and words that its row must have.
BAD: dict[str, tuple[str, str, str | None, str]] = {
    "no_user": (
        "command = 'true'\nrun_as = 'nosuchuser'",
        "error",
        "never_started",
        "no such user",
    ),
    "no_group": (
        "command = 'true'\nrun_as_group = 'nosuchgroup'",
        "error",
        "never_started",
        "no such group",
    ),
    "no_folder": (
        "command = 'true'\nworking_directory = '/no/such'",
        "error",
        "never_started",
        "the working directory /no/such cannot be entered: no such file or directory",
    ),
    "no_program": (
        "command = '/no/such'",
        "error",
        "never_started",
        "there is no program /no/such",
    ),
    "not_executable": ("command = '/etc/passwd'", "error", "never_started", "is not executable"),
    "no_interpreter": (
        "command = '{home}/lost'",
        "error",
        "never_started",
        "the interpreter /no/interpreter in",
    ),
    "no_interpreter_nicely": (
        "command = '{home}/lost'\nnice = 5",
        "error",
        "never_started",
        "the interpreter /no/interpreter in",
    ),
    "no_secret": (
        "command = 'true'\nenvironment = {A = 'secret:none'}",
        "error",
        "never_started",
        "add 'none' to secrets.toml",
    ),
    "no_processor": ("command = 'true'\ncpus = '8000'", "error", "never_started", "usable here"),
    "exit_255": ("command = 'exit 255'", "error", None, ""),
    "killed": ("command = 'kill -9 $$'", "error", None, ""),
    "too_long": ("command = 'sleep 30'\ntimeout_seconds = 1", "timeout", None, "its 1 s were over"),
    "too_busy": (
        "command = 'while :; do :; done'\ncpu_limit_s = 1",
        "timeout",
        "cpu_limit",
        "of processor time used, 1 s allowed",
    ),
    "too_large_a_file": (
        "command = 'exec head -c 3000000 /dev/zero'\nfile_size_limit_mb = 1",
        "error",
        "file_size_limit",
        "the 1 MB that are allowed",
    ),
    "too_much_memory": (
        "command = 'tail /dev/zero'\nmemory_limit_mb = 20",
        "killed_memory",
        None,
        "MB in use, 20 MB allowed",
    ),
}


def ended(household: Household, task_name: str) -> Run:
    def found() -> list[Run]:
        return [run for run in household.runs(task_name) if run.has_ended]

    return until(found, f"the end of {task_name}", within_s=WITHIN_S)[0]


def test_every_bad_run_has_an_ending_words_and_frees_its_only_slot(household: Household) -> None:
    with household.home.settings_file.open("a") as settings:
        settings.write("max_running = 1\n")
    lost = household.root / "lost"
    lost.write_text("#!/no/interpreter\n")
    lost.chmod(0o700)
    household.apply(
        *(f"task_name = '{name}'\n{NEVER}\n{lines}" for name, (lines, *_) in BAD.items()),
        f"task_name = 'good'\n{NEVER}\ncommand = 'echo fine'",
    )
    household.serve()

    with household.caller() as agent:
        for name in (*BAD, "good"):
            household.order(agent, name)
    rows = {name: ended(household, name) for name in (*BAD, "good")}

    for name, (_, status, reason, words) in BAD.items():
        row = rows[name]
        assert (name, row.status, row.reason) == (name, status, reason)
        assert words in (row.error_message or ""), name
        assert row.ended_ms is not None
    assert rows["exit_255"].exit_status == 255
    assert (rows["killed"].exit_status, rows["killed"].signal) == (None, 9)
    assert rows["good"].status == "success"
    assert rows["good"].minor_faults


@pytest.fixture
def small_spool(household: Household) -> Iterator[Path]:
    """A spool on a disk of its own with room for little."""
    spool = household.home.spool
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(spool)],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        yield spool
    finally:
        subprocess.run(["umount", "--lazy", str(spool)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_full_and_a_read_only_spool_cost_the_output_but_never_the_ending(
    household: Household, small_spool: Path
) -> None:
    household.apply(
        f"task_name = 'loud'\n{NEVER}\ncommand = 'head -c 1000000 /dev/zero'",
        f"task_name = 'quiet'\n{NEVER}\ncommand = 'true'",
        f"task_name = 'later'\n{NEVER}\ncommand = 'echo fine'",
    )
    household.serve()

    with household.caller() as agent:
        household.order(agent, "loud")
        full = ended(household, "loud")
        _remount(small_spool, "ro")
        household.order(agent, "quiet")
        closed = ended(household, "quiet")
        _remount(small_spool, "rw")
        household.order(agent, "later")
        mended = ended(household, "later")

    assert (full.status, full.exit_status) == ("error", 1)
    assert (closed.status, closed.reason) == ("error", "never_started")
    assert "cannot be made: read-only file system" in (closed.error_message or "")
    assert (mended.status, mended.output_tail) == ("success", "fine\n")


def _remount(folder: Path, how: str) -> None:
    """Somebody may still have a file open there, which keeps it as it is."""
    remount = ["mount", "-o", f"remount,{how}", str(folder)]
    until(lambda: subprocess.run(remount, check=False).returncode == 0, f"a spool that is {how}")
