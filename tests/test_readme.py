"""Do the README's commands and places exist?"""

import re
import tomllib
from pathlib import Path

import pytest
from click import Command, Context, Group

from agent.cli.root import cli
from agent.tasktables import load_definitions

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_make_command_in_the_guides_is_a_target() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)(?=\W)(?! )", GUIDES))
    named |= set(re.findall(r"^make ([a-z]+)", GUIDES, re.MULTILINE))

    assert {"run", "test", "check"} <= named
    assert named <= TARGETS


def test_every_target_runs_a_script_that_can_be_run() -> None:
    recipes = (ROOT / "Makefile").read_text(encoding="utf-8")
    scripts = re.findall(r"scripts/[a-z-]+(?:\.py)?", recipes)

    assert scripts
    for name in scripts:
        path = ROOT / name
        assert path.is_file(), name
        assert path.suffix == ".py" or path.stat().st_mode & 0o111, name


def test_every_agent_command_in_the_readme_exists() -> None:
    named = re.findall(r"(?:smartcron-agent|sc) ((?:[a-z]+ ?)+)", README)

    assert len(named) >= 4
    for words in named:
        command: Command = cli
        for word in words.split():
            if not isinstance(command, Group):
                break  # the rest are the command's own words
            found = command.get_command(Context(command), word)
            assert found is not None, f"smartcron-agent {words}"
            command = found


@pytest.mark.parametrize("place", sorted(set(re.findall(r"`([a-z]+/[\w./-]*)`", README))))
def test_every_place_in_the_readme_exists(place: str) -> None:
    in_a_home = {"keys/", "data/", "logs/", "backups/"}

    assert place in in_a_home or (ROOT / place).exists()


def test_the_task_in_the_readme_is_accepted() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)

    (definition,) = load_definitions(text, "README.md")

    assert definition.task_name == tomllib.loads(text)["task"][0]["task_name"]


def test_the_crontab_lines_are_those_of_the_packaged_file() -> None:
    (lines,) = re.findall(r"```crontab\n(.*?)```", README, re.DOTALL)

    assert lines in (ROOT / "packaging" / "systemd" / "crontab").read_text(encoding="utf-8")
