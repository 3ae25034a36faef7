"""Do the examples of docs/output.md work?"""

import re
import shlex
import tomllib
from pathlib import Path

import msgspec

from agent.cli.files import search
from agent.running.patterns import own_patterns
from agent.running.reports import Listener, Told
from agent.settings import Settings

PAGE = (Path(__file__).parents[1] / "docs" / "output.md").read_text(encoding="utf-8")


def test_every_setting_in_the_table_is_one_with_that_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE, re.MULTILINE)
    own = {"none": (), "true": True}
    said = {name: own[value] if value in own else int(value) for name, value in rows}

    assert len(said) == 6
    assert {name: getattr(Settings(), name) for name in said} == said


def test_the_patterns_on_the_page_are_taken() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    settings = msgspec.convert(tomllib.loads(text), Settings)

    assert len(own_patterns(settings.redact)) == 2


def test_what_the_page_prints_is_heard() -> None:
    lines = re.findall(r"^echo (.*)$", PAGE, re.MULTILINE)
    output, report = Listener(), Listener(mask=str)
    for line in lines:
        word, *rest = shlex.split(line)
        (report if rest else output).hear(word.encode() + b"\n")

    assert output.finish() == Told(
        progress=40, note="importing products", metrics={"rows": 1200, "errors": 3}
    )
    assert report.finish() == Told(progress=40, note="importing products", metrics={"rows": 1200})


def test_the_searches_on_the_page_name_options_that_there_are() -> None:
    known = {option for param in search.params for option in param.opts}
    lines = re.findall(r"^smartcron-agent logs search (.*)$", PAGE, re.MULTILINE)

    assert len(lines) == 2
    for line in lines:
        assert {word for word in shlex.split(line) if word.startswith("-")} <= known
