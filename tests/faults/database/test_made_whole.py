"""A damaged database file: found while the agent lives, made whole by the next one, and told."""

import json
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.database.test_file_away import damage
from tests.journeys.household import Household, until


def truth_of(household: Household) -> Path:
    truth = household.root / "truth"
    truth.touch()
    household.apply(
        'task_name = "often"\nschedule = "@every 1s"\nshell = "always"\noverlap = "allow"\n'
        f"command = '''echo $SMARTCRON_SCHEDULED_FOR >> {truth}'''"
    )
    return truth


def lines(truth: Path) -> int:
    return len(truth.read_text().splitlines())


def spoil(household: Household) -> None:
    """Overwrite every third page under a living agent, but for those that say what the file is."""
    household.forget_database()
    file = household.home.database_file
    size = file.stat().st_size
    with file.open("r+b") as opened:
        for at in range(4096 * 2, size - 4096, 4096 * 3):
            opened.seek(at)
            opened.write(b"nonsense" * 512)


def alerts(household: Household, kind: str) -> list[object]:
    found = household.run("alerts", "list", "--json")
    return [one for one in json.loads(found.stdout or "[]") if one["kind"] == kind]


def asides(household: Household) -> list[Path]:
    return sorted(household.home.database_file.parent.glob("replaced-*.sqlite3"))


def all_said(manager: socket.socket) -> list[bytes]:
    """What the agent has told the service manager so far."""
    manager.setblocking(False)
    said = []
    with suppress(BlockingIOError):
        while True:
            said.append(manager.recv(100))
    return said


@pytest.mark.parametrize("has_backup", [True, False], ids=["a backup", "no backup"])
def test_an_agent_that_finds_its_file_of_no_use_begins_with_what_is_left(
    household: Household, has_backup: bool
) -> None:
    truth = truth_of(household)
    agent = household.serve()
    until(lambda: lines(truth) > 3, "some runs")
    if has_backup:
        household.cli("db", "backup")
        until(lambda: lines(truth) > 8, "runs after the backup")
    household.cli("tasks", "pause", "often", "--reason", "not now")
    until(lambda: not household.live(), "the end of every run")
    copy = household.root / "data/standby.tasks"
    until(lambda: copy.exists() and b"not now" in copy.read_bytes(), "a copy")
    assert household.stop(agent) == 0
    damage(household, keep_header=False)
    before = lines(truth)

    again = household.serve()
    told = until(lambda: alerts(household, "database_mended"), "the alert")
    tasks = household.json("tasks", "list")
    household.cli("tasks", "resume", "often")
    until(lambda: lines(truth) > before + 3, "runs again")
    assert household.stop(again) == 0
    third = household.serve()
    household.stop(third)

    assert len(told) == 1
    assert len(asides(household)) == 1, "it was made whole more than once"
    assert [(task["task_name"], task["state"]) for task in tasks] == [("often", "paused")]
    checked = household.check()
    assert (checked["missing"], checked["doubled"], checked["exit_status"]) == (0, 0, 0), checked
    ran = truth.read_text().split()
    assert len(ran) == len(set(ran)), "ran twice"


def test_a_file_that_breaks_under_the_living_agent_is_made_whole_without_anybody(
    household: Household, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = truth_of(household)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        _made_whole_without_anybody(household, truth, manager)


def _made_whole_without_anybody(household: Household, truth: Path, manager: socket.socket) -> None:
    agent = household.serve()
    until(lambda: lines(truth) > 6, "some runs")
    spoil(household)
    spoilt = lines(truth)

    until(lambda: asides(household), "the file set aside", within_s=120)
    until(lambda: alerts(household, "database_mended"), "the alert")
    mended = lines(truth)
    until(lambda: lines(truth) > mended + 3, "runs that go on")

    assert agent.poll() is None
    assert mended > spoilt
    # systemd would kill it some time after it had said so.
    assert b"STOPPING=1" not in all_said(manager)
    assert household.run("health", "--only", "database").returncode == 0
    household.cli("tasks", "disable", "often")
    until(lambda: not household.live(), "the end of every run")
    assert household.stop(agent) == 0
    checked = household.check()
    assert (checked["missing"], checked["doubled"], checked["exit_status"]) == (0, 0, 0), checked
    ran = truth.read_text().split()
    assert len(ran) == len(set(ran)), "ran twice"
    assert len(asides(household)) == 1


def test_a_disk_that_breaks_every_file_ends_the_agent_instead_of_a_loop(
    household: Household,
) -> None:
    truth_of(household)
    agent = household.serve()
    household.wait_for("often", "success")
    household.stop(agent)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    for number in range(3):
        (household.home.database_file.parent / f"replaced-{stamp}-00{number}.sqlite3").touch()
    damage(household, keep_header=False)

    done = household.run("serve")

    assert done.returncode == 1
    assert "3 times within the hour" in done.stderr
    assert len(asides(household)) == 3
