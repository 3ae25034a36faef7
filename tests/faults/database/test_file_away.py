"""The database is a file: another program holds it, or the disk has no room for it."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from agent.store import journal
from agent.store.reserve import SIZE
from tests.journeys.household import Household, until
from tests.journeys.test_agent_kill_loop import finish, hold_against, start_tasks, told

DISK_MB = 128
HELD_S = 7.0

may_mount = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("mount") is None, reason="only root may make a small disk"
)


def kept(household: Household) -> int:
    return journal.look(household.home.journal_file).number


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Another program writes into the database, and takes its time."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("COMMIT")


@pytest.mark.timeout(120)
def test_a_file_that_another_program_holds_keeps_no_run_from_its_start(
    household: Household,
) -> None:
    truth = start_tasks(household)
    agent = household.serve()
    until(lambda: told(truth)[0].total() > 3, "some runs")

    began_ms = time.time() * 1000
    with held(household.home.database_file):
        time.sleep(HELD_S)  # longer than SQLite itself would wait
        while_held = told(truth)[0].total()
    ended_ms = time.time() * 1000
    until(lambda: not kept(household), "the replay")
    finish(household, agent)

    hold_against(household, truth)
    meanwhile = [
        run.late_ms
        for run in household.runs()
        if began_ms < run.scheduled_ms < ended_ms and run.late_ms is not None
    ]
    assert while_held > len(meanwhile) // 2 > 5
    assert max(meanwhile) < 4_000


@pytest.fixture
def small_disk(bare: Household) -> Iterator[Household]:
    """A home on a disk of its own, that has room for little more than the reserve."""
    disk = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=700", "tmpfs", str(bare.root)]
    if subprocess.run(disk, capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield bare.prepare()
    finally:
        bare.leave()
        subprocess.run(["umount", str(bare.root)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room there is."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 65_536)
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x")
    return filler


@may_mount
@pytest.mark.timeout(180)
def test_a_full_disk_costs_no_run_its_row_or_its_exit_status(small_disk: Household) -> None:
    household = small_disk
    truth = household.root / "truth"
    truth.touch()
    tables = [
        f'task_name = "ends_with_{status}"\nschedule = "@every 1s"\nshell = "always"\n'
        f"command = '''echo \"$SMARTCRON_RUN_ID\" > /dev/null; exit {status}'''"
        for status in (0, 3)
    ]
    household.apply(*tables)
    agent = household.serve()
    reserve = household.home.reserve_file
    until(lambda: reserve.exists() and reserve.stat().st_size == SIZE, "the reserve")
    household.wait_for("ends_with_3", "error", count=2)

    filler = fill(household.root)
    until(lambda: not reserve.exists(), "the reserve given up", within_s=60)
    filled_ms = time.time() * 1000
    assert agent.poll() is None
    time.sleep(5)  # so long the disk is as full as the reserve lets it be
    filler.unlink()
    freed_ms = time.time() * 1000
    until(lambda: not kept(household), "the replay", within_s=60)
    until(reserve.exists, "a new reserve", within_s=60)
    household.cli("tasks", "disable", "ends_with_0", "ends_with_3")
    until(lambda: not household.live(), "the end of every run")

    assert household.stop(agent) == 0
    checked = household.check()
    assert (checked["missing"], checked["doubled"], checked["exit_status"]) == (0, 0, 0), checked
    rows = [run for run in household.runs() if filled_ms < run.scheduled_ms < freed_ms]
    assert len(rows) >= 8
    assert {(run.task_name, run.status, run.exit_status) for run in rows} == {
        ("ends_with_0", "success", 0),
        ("ends_with_3", "error", 3),
    }
    assert journal.refused(household.home.journal_file) == ()
