"""Do the examples of docs/calendars.md work?"""

import re
from pathlib import Path

from click import Command, Context, Group

from agent.cli.root import cli
from agent.tasktables import load_definitions
from agent.windows import load_calendars

PAGE = (Path(__file__).parents[1] / "docs" / "calendars.md").read_text(encoding="utf-8")


def test_the_calendar_and_the_task_of_the_page_are_accepted() -> None:
    calendar, task = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)

    assert load_calendars(calendar, "the page", zone="UTC")[0].name == "month-end"
    assert load_definitions(task, "the page")[0].calendars == ("month-end", "holidays")


def test_every_command_of_the_page_exists_and_takes_its_options() -> None:
    named = re.findall(r"smartcron-agent (calendars) ([a-z-]+)(.*)", PAGE)

    assert len(named) >= 8
    for room, word, rest in named:
        group = cli.get_command(Context(cli), room)
        assert isinstance(group, Group)
        command: Command | None = group.get_command(Context(group), word)
        assert command is not None, word
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest.partition("#")[0])) <= known, word
