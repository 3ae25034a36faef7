"""Do the units start what exists, feed the watchdog, and leave the runs alone at a restart?"""

import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
from click import Context

from agent import descriptors
from agent.app import BEAT_MS
from agent.cli.root import cli

FOLDER = Path(__file__).parents[2] / "packaging" / "systemd"
UNITS = sorted(FOLDER.glob("smartcron-*.*"))
CRONTAB = FOLDER / "crontab"
PROGRAM = "/opt/smart-cron/.venv/bin/smartcron-agent"


def unit(name: str) -> ConfigParser:
    found = ConfigParser(interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign] # keys are case-sensitive
    found.read_string((FOLDER / name).read_text(encoding="utf-8"))
    return found


def check_command(words: list[str]) -> None:
    """It is one that there is, with options that it has."""
    command = cli.get_command(Context(cli), words[0])
    assert command is not None
    known = {option for param in command.params for option in param.opts}
    assert {word for word in words[1:] if word.startswith("-")} <= known


def test_a_restart_of_the_agent_spares_its_runs() -> None:
    service = unit("smartcron-agent.service")["Service"]

    assert service["KillMode"] == "process"
    assert service["Restart"] == "always"


def test_the_watchdog_waits_for_more_beats_than_may_be_missed() -> None:
    service = unit("smartcron-agent.service")["Service"]

    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) * 1000 >= 4 * BEAT_MS


def test_a_run_that_takes_too_much_memory_does_not_take_the_agent_with_it() -> None:
    assert unit("smartcron-agent.service")["Service"]["OOMPolicy"] == "continue"


def test_tasks_begin_with_the_usual_number_of_files_and_the_agent_may_take_more() -> None:
    service = unit("smartcron-agent.service")["Service"]
    soft, hard = map(int, service["LimitNOFILE"].split(":"))

    assert soft == 1024
    assert hard >= descriptors.ENOUGH
    assert int(service["TasksMax"]) >= 4096


def test_what_runs_no_task_is_held_to_next_to_nothing_and_what_does_is_not() -> None:
    held = {name: unit(f"smartcron-{name}.service")["Service"] for name in ("health", "failed")}

    assert all(service["NoNewPrivileges"] == "yes" for service in held.values())
    # A file system that the unit has for itself would be one more to be watched.
    assert not any(key.startswith("Protect") for service in held.values() for key in service)
    assert "NoNewPrivileges" not in unit("smartcron-agent.service")["Service"]
    assert unit("hardened.conf")["Service"]["NoNewPrivileges"] == "yes"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this host has no systemd")
@pytest.mark.parametrize(
    ("name", "with_drop_in", "at_most"),
    [
        ("smartcron-agent.service", False, 9.2),
        ("smartcron-agent.service", True, 3.7),
        ("smartcron-health.service", False, 3.6),
        ("smartcron-failed.service", False, 3.6),
    ],
)
def test_systemd_finds_each_unit_no_more_exposed_than_the_manual_says(
    tmp_path: Path, name: str, with_drop_in: bool, at_most: float
) -> None:
    shutil.copy(FOLDER / name, tmp_path)
    if with_drop_in:
        (tmp_path / f"{name}.d").mkdir()
        shutil.copy(FOLDER / "hardened.conf", tmp_path / f"{name}.d")

    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
    )

    found = re.search(r"Overall exposure level for \S+: (\d+\.\d)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= at_most


def test_an_agent_that_is_given_up_is_told_of_by_a_unit_that_exists() -> None:
    told_by = unit("smartcron-agent.service")["Unit"]["OnFailure"]

    assert "--failed" in unit(told_by)["Service"]["ExecStart"]
    assert (FOLDER / "smartcron-health.timer").exists()


@pytest.mark.parametrize("file", [one for one in UNITS if one.suffix == ".service"], ids=str)
def test_each_unit_starts_a_command_that_exists(file: Path) -> None:
    program, *words = unit(file.name)["Service"]["ExecStart"].split()

    assert program == PROGRAM
    check_command(words)


def test_the_crontab_lines_ask_for_commands_that_exist() -> None:
    lines = [
        line
        for line in CRONTAB.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]

    assert [line.split()[:5] for line in lines] == [["*"] * 5, ["*/5", *["*"] * 4]]
    for line in lines:
        check_command(line.split(PROGRAM)[1].split())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this host has no systemd")
def test_systemd_understands_every_unit(tmp_path: Path) -> None:
    for file in UNITS:
        # The program lies elsewhere here, and that user is made when it is installed.
        text = file.read_text(encoding="utf-8").replace(PROGRAM, "/bin/true")
        (tmp_path / file.name).write_text(text.replace("smartcron\n", "root\n"), encoding="utf-8")
    (tmp_path / "smartcron-agent.service.d").mkdir()
    shutil.copy(FOLDER / "hardened.conf", tmp_path / "smartcron-agent.service.d")

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *[str(tmp_path / file.name) for file in UNITS]],
        capture_output=True,
        text=True,
        check=False,
    )

    ours = [line for line in done.stderr.splitlines() if "smartcron" in line]
    assert (ours, done.returncode) == ([], 0)
