"""Are names and options that are nearly right understood, or answered with what is right?"""

from datetime import UTC, datetime, timedelta

import pytest

from tests.journeys.household import Household


@pytest.fixture
def known(household: Household) -> Household:
    household.apply('task_name = "nightly"\nschedule = "0 7 * * *"\ncommand = "true"')
    return household


@pytest.mark.parametrize(
    "words",
    [
        ("tasks", "show", "nightyl"),
        ("tasks", "pause", "nighly"),
        ("tasks", "remove", "nightly2", "--yes"),
        ("stats", "--task", "nightli"),
        ("why", "nigtly", "2099-01-01T07:00"),
    ],
)
def test_a_task_that_is_misspelt_is_answered_with_the_one_that_is_meant(
    known: Household, words: tuple[str, ...]
) -> None:
    said = known.run(*words)

    assert said.returncode == 2
    assert said.stderr.strip().endswith("did you mean 'nightly'?")


def test_the_agent_that_serves_is_no_hindrance(known: Household) -> None:
    known.serve()

    said = known.run("tasks", "run", "nightlly")

    assert said.returncode == 2
    assert said.stderr.strip().endswith("did you mean 'nightly'?")


def test_a_name_that_is_like_none_is_answered_without_a_guess(known: Household) -> None:
    assert "did you mean" not in known.run("tasks", "show", "zzz").stderr


def test_who_is_asked_whether_to_remove_a_task_is_asked_only_of_one_that_is_there(
    known: Household,
) -> None:
    said = known.run("tasks", "remove", "nosuch")

    assert said.returncode == 2
    assert "there is no task 'nosuch'" in said.stderr
    assert "Remove" not in said.stdout


def test_a_key_that_cannot_be_one_is_refused_in_words(known: Household) -> None:
    known.serve()

    said = known.run("keys", "revoke", "anna")

    assert said.returncode == 2
    assert "KEY_ID 'anna': is no id of a key" in said.stderr
    assert "`smartcron-agent keys list`" in said.stderr


def test_what_is_called_otherwise_elsewhere_is_understood_here(known: Household) -> None:
    later = "2099-01-01T00:00Z"

    known.cli("calendars", "close", "--for", "1h", "--reason", "new disks")
    known.cli("calendars", "open")
    known.cli("tasks", "pause", "nightly", "--to", later)
    soon = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    known.cli("alerts", "mute", "add", "--all", "--until", soon, "--reason", "x")
    known.cli("next", "nightly", "--to", later, "--count", "1")
    known.cli("forecast", "--to", "2099-01-01T00:00Z", "--from", "2098-12-31T00:00Z")
    known.cli("logs", "search", "x", "--from", "2026-11-24T08:00")
    known.cli("tasks", "remove", "nightly", "--reason", "replaced", "--yes")
