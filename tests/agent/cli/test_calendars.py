"""Calendars as a person brings them in, looks at them and closes the agent."""

import shutil
import time
from pathlib import Path

import pytest

from tests.agent.cli.test_bad_input import refused
from tests.journeys.household import Household, until

SAMPLE = Path(__file__).parents[1] / "calendars" / "holidays.ics"
HOUR_MS = 3_600_000
FILE = """
[[calendar]]
name = "night"
timezone = "Europe/Berlin"
description = "[bold]quiet[/]"
weekly = ["MON-FRI 22:00-06:00", "SAT 22:00-SUN 06:00"]

[[calendar]]
name = "never"
weekly = ["00:00-24:00"]
"""


@pytest.fixture
def file(household: Household) -> Path:
    path = household.root / "calendars.toml"
    path.write_text(FILE)
    return path


def test_a_file_is_checked_applied_and_shown(household: Household, file: Path) -> None:
    checked = household.cli("calendars", "check", str(file))
    assert "night: " in checked
    assert "never is closed at all times" in checked
    assert household.json("calendars", "list") == []

    first = household.json("calendars", "apply", str(file))
    second = household.json("calendars", "apply", str(file))
    assert (first["added"], second["unchanged"]) == (["night", "never"], ["night", "never"])
    assert list(first["doubts"]) == ["never"]

    shown = household.json(
        *("calendars", "show", "night"),
        *("--from", "2026-03-28T12:00Z", "--to", "2026-03-29T12:00Z"),
    )
    assert [(one["from"], one["until"]) for one in shown["closures"]] == [
        ("2026-03-28T22:00:00+01:00", "2026-03-29T06:00:00+02:00")
    ]
    assert "2026-03-28T22:00:00+01:00" in household.cli(
        "calendars", "show", "night", "--from", "2026-03-28T12:00Z"
    )
    assert "[bold]quiet[/]" in household.cli("calendars", "list")


def test_a_file_of_holidays_is_imported_and_what_is_not_wholly_in_it_is_told(
    household: Household,
) -> None:
    said = household.cli(
        *("calendars", "import-ical", str(SAMPLE), "--name", "holidays"),
        *("--tz", "Europe/Berlin", "--description", "no deliveries"),
    )
    assert "added holidays" in said
    assert "rules without an end: 2" in said
    assert "events that take no time: 1, left out" in said

    shown = household.json(
        "calendars", "show", "holidays", "--from", "2027-12-01", "--to", "2028-02-01"
    )
    assert [one["from"][:10] for one in shown["closures"]] == ["2027-12-25", "2028-01-01"]
    assert shown["source"].startswith("holidays.ics, imported ")
    assert (shown["description"], shown["kind"]) == ("no deliveries", "blackout")


def test_a_calendar_goes_when_no_task_names_it(household: Household, file: Path) -> None:
    household.cli("calendars", "apply", str(file))
    task = 'task_name = "sync"\nschedule = "0 7 * * *"\ncommand = "true"\n'
    household.apply(f'{task}calendars = ["night"]')

    refused(household.run("calendars", "remove", "night"), 1, "night", "sync")
    household.apply(task)
    assert household.json("calendars", "remove", "night") == {"removed": "night"}
    refused(household.run("calendars", "remove", "night"), 2, "night", "calendars list")


def test_the_agent_is_closed_for_a_while_and_opened_again(household: Household) -> None:
    begun_ms = time.time_ns() // 1_000_000
    closed = household.json("calendars", "close", "--for", "2h", "--why", "new disks")
    assert begun_ms + 2 * HOUR_MS <= closed["until_ms"] <= begun_ms + 3 * HOUR_MS

    (listed,) = household.json("calendars", "list")
    assert (listed["kind"], listed["description"]) == ("maintenance", "new disks")
    assert listed["closed"]["until_ms"] == closed["until_ms"]

    household.cli("calendars", "open")
    assert household.json("calendars", "list")[0]["closed"] is None
    refused(household.run("calendars", "open"), 1, "nothing is closed by hand")


def test_a_living_agent_closes_and_opens_as_soon_as_it_is_told(household: Household) -> None:
    household.apply('task_name = "beat"\nschedule = "@every 1s"\ncommand = "true"')
    household.serve()
    household.wait_for("beat", "success")

    household.cli("calendars", "close", "--until", _soon(), "--why", "new disks")
    # On a busy machine one may be skipped for the one before it, too.
    until(
        lambda: "blackout" in {run.reason for run in household.runs("beat", "skipped")},
        "a moment that is skipped for the closing",
    )
    last = household.runs("beat")[-1].scheduled_ms

    household.cli("calendars", "open")
    until(
        lambda: [run for run in household.runs("beat", "success") if run.scheduled_ms > last],
        "a run after the opening",
    )


def test_bad_words_about_calendars_are_answered_with_the_way_out(
    household: Household, file: Path
) -> None:
    other = household.root / "other.ics"
    shutil.copy(file, other)
    calendars = ("calendars",)
    close = (*calendars, "close", "--why", "x")
    ical = (*calendars, "import-ical", str(SAMPLE), "--name")
    for words, named in (
        ((*calendars, "show", "nobody"), ("nobody", "calendars list")),
        (close, ("--until", "--for")),
        ((*close, "--for", "2h", "--until", _soon()), ("--until", "--for")),
        ((*close, "--for", "2 hours"), ("--for", "2 hours", "10m, 2h or 1d")),
        ((*close, "--for", "999999d"), ("999999d", "366d")),
        ((*close, "--until", "2020-01-01"), ("--until", "2020-01-01", "later")),
        ((*close, "--until", "soon"), ("--until", "soon", "tomorrow 18:00")),
        ((*calendars, "close", "--for", "1h", "--why", "a\nb"), ("--why", "one line")),
        ((*ical, "Holidays"), ("name", "Holidays", "a-z")),
        ((*ical, "closed-by-hand"), ("closed-by-hand", "calendars close")),
        ((*ical, "holidays", "--tz", "Mars/X"), ("timezone", "Mars/X")),
        ((*calendars, "import-ical", str(other), "--name", "x"), ("other.ics", "iCalendar")),
    ):
        refused(household.run(*words), 2, *named)
    assert household.json("calendars", "list") == []


def _soon() -> str:
    return time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(time.time() + 7200))
