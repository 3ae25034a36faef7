"""Does the unit start what exists, and leave the runs alone when the agent restarts?"""

from configparser import ConfigParser
from pathlib import Path

from click import Context

from agent.cli.root import cli

UNIT = Path(__file__).parents[2] / "packaging" / "systemd" / "smartcron-agent.service"
CRONTAB = UNIT.with_name("crontab")
COMMANDS = cli.list_commands(Context(cli))


def test_a_restart_of_the_agent_spares_its_runs() -> None:
    unit = ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # keys are case-sensitive
    unit.read_string(UNIT.read_text(encoding="utf-8"))

    assert unit["Service"]["KillMode"] == "process"
    assert unit["Service"]["Restart"] == "always"
    assert unit["Service"]["ExecStart"].split()[-1] in COMMANDS


def test_the_crontab_lines_ask_for_commands_that_exist() -> None:
    lines = [
        line
        for line in CRONTAB.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]

    assert [line.split()[:5] for line in lines] == [["*"] * 5, ["*/5", *["*"] * 4]]
    assert all(line.split()[-1] in COMMANDS for line in lines)
