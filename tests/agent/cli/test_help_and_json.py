"""Does every command explain itself, and answer programs?"""

import json
import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from agent.cli.root import cli
from tests.journeys.household import Household

# Those that change or start something are tried where it can be undone.
ASKED_AS_JSON = (
    ("status",),
    ("health",),
    ("events",),
    ("events", "--kind", "boot", "--limit", "3"),
    ("tasks", "list"),
    ("tasks", "show", "good"),
    ("tasks", "pause", "good"),
    ("tasks", "resume", "good"),
    ("tasks", "disable", "good"),
    ("tasks", "enable", "good"),
    ("tasks", "history", "good"),
    ("tasks", "prune", "--dry-run"),
    ("tasks", "remove", "good", "--dry-run"),
    ("tasks", "skip", "good", "--dry-run"),
    ("runs", "list"),
    ("next", "--count", "3"),
    ("next", "--task", "good", "--until", "2099-01-01T00:00Z", "--count", "2"),
    ("next", "--without", "good"),
    ("forecast",),
    ("why", "good"),
    ("why", "good", "2099-01-01T07:00"),
    ("tasks", "pause", "good", "--until", "2099-01-01T00:00Z", "--dry-run"),
    ("next", "--cron", "*/5 * * * *", "--tz", "Europe/Berlin"),
    ("ledger", "check"),
    ("db", "status"),
    ("db", "check"),
    ("db", "upgrade"),
    ("db", "backup"),
    ("db", "maintain"),
    ("cleanup",),
    ("logs", "rotate"),
    ("logs", "search", "x"),
    ("stats",),
    ("stats", "--task", "good", "--from", "2026-01-01T00:00Z"),
    ("stats", "check"),
    ("metrics", "cpu"),
    ("metrics", "rss", "--task", "good", "--from", "2026-01-01T00:00Z", "--step", "86400"),
    ("runs", "list", "--text", "x", "--trigger", "manual", "--host", "h", "--category", "General"),
    ("runs", "list", "--from", "2026-01-01T00:00Z", "--to", "2099-01-01T00:00Z"),
    ("stats", "rebuild"),
    ("report", "daily"),
    ("report", "errors"),
    ("keys", "list"),
    ("invite", "--label", "Anna"),
    ("calendars", "list"),
    ("checks", "add", "fine", "true"),
    ("checks", "list"),
    ("calendars", "close", "--for", "2h", "--why", "new disks"),
)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def groups(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    yield path
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from groups(command, (*path, name))


def find(path: tuple[str, ...]) -> click.Command:
    found: click.Command = cli
    for name in path:
        assert isinstance(found, click.Group)
        command = found.get_command(click.Context(found), name)
        assert command is not None
        found = command
    return found


@pytest.mark.parametrize("path", tuple(commands(cli)), ids=" ".join)
def test_the_help_of_each_command_has_a_sentence_and_an_example(path: tuple[str, ...]) -> None:
    text = find(path).help or ""

    assert text.strip().splitlines()[0].endswith((".", ":", ";", ","))
    assert "Example" in text
    example = " ".join(text[text.index("Example") :].split())
    # Some name the home as well, as a line of a crontab has to.
    assert re.search(rf"smartcron-agent (--home \S+ )?{re.escape(' '.join(path))}\b", example)


@pytest.mark.parametrize("path", tuple(commands(cli)), ids=" ".join)
def test_every_option_of_a_command_says_what_it_is_for(path: tuple[str, ...]) -> None:
    silent = [
        option.opts
        for option in find(path).params
        if isinstance(option, click.Option) and not option.hidden and not option.help
    ]

    assert silent == []


@pytest.mark.parametrize("path", tuple(groups(cli)), ids=" ".join)
def test_a_group_has_an_example_and_whole_sentences(path: tuple[str, ...]) -> None:
    text = CliRunner().invoke(cli, [*path, "--help"], terminal_width=80).output

    assert "Example" in text
    assert f"smartcron-agent {' '.join(path)}".strip() in text.partition("Example")[2]
    # What is cut says nothing, not even that a longer sentence stands elsewhere.
    listed = text.partition("Commands:")[2]
    assert [line for line in listed.splitlines() if line.endswith("...")] == []


@pytest.mark.parametrize("path", [*groups(cli), *commands(cli)], ids=" ".join)
def test_help_fits_a_terminal_of_eighty_columns(path: tuple[str, ...]) -> None:
    text = CliRunner().invoke(cli, [*path, "--help"], terminal_width=80).output

    assert [line for line in text.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize(("wrong", "meant"), [("taks", "tasks"), ("alert", "alerts")])
def test_a_misspelt_command_is_answered_with_the_one_that_is_meant(wrong: str, meant: str) -> None:
    said = CliRunner().invoke(cli, [wrong, "list"])

    assert said.exit_code == 2
    assert repr(meant) in said.output


def test_every_command_that_tells_something_can_tell_it_to_programs() -> None:
    # These print TOML, an output, that of another, or stay in the foreground.
    plain = {("tasks", "export"), ("runs", "log"), ("serve",), ("demo",), ("exec",)}
    # These have --format jsonl: a document for each row.
    plain |= {("export", "runs"), ("export", "stats"), ("export", "audit"), ("audit", "export")}

    without = {
        path
        for path in commands(cli)
        if not any("--json" in option.opts for option in find(path).params)
    }

    assert without == plain


@pytest.mark.parametrize("words", ASKED_AS_JSON, ids=" ".join)
def test_json_is_json_and_nothing_else(household: Household, words: tuple[str, ...]) -> None:
    household.apply('task_name = "good"\nschedule = "0 7 * * *"\ncommand = "true"')

    said = household.run(*words, "--json")

    json.loads(said.stdout)
    assert said.stderr == ""
