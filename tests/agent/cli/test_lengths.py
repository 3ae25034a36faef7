"""How long is what an option of the command line says?"""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from agent.cli.files import clean
from agent.cli.lengths import DAYS, YEAR, Length
from agent.cli.moments import now_ms
from agent.errors import WrongUse
from tests.journeys.household import Household


def heard(kind: Length, text: str) -> object:
    option = click.Option(["--for"], type=kind)
    return kind.convert(text, option, None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("2h", 7_200), ("1d", 86_400)]
)
def test_every_form_is_taken(text: str, seconds: int) -> None:
    assert heard(YEAR, text) == seconds


@pytest.mark.parametrize(("text", "days"), [("30", 30), ("30d", 30), ("48h", 2)])
def test_a_number_alone_is_of_the_unit_of_its_option(text: str, days: int) -> None:
    assert heard(DAYS, text) == days


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (YEAR, "soon", "--for 'soon': write a length such as 90s, 10m, 2h or 1d; a number alone"),
        (YEAR, "2w", "such as 90s, 10m, 2h or 1d"),
        (YEAR, "0", "must be from 1s to 366d"),
        (YEAR, "400d", "must be from 1s to 366d"),
        (YEAR, "0.5", "must be from 1s to 366d"),
        (YEAR, "1.5", "must be whole seconds"),
        (DAYS, "36h", "must be whole days"),
        (Length(60, 86_400), "30s", "must be from 1m to 1d"),
    ],
)
def test_what_is_no_such_length_is_refused_with_the_forms(
    kind: Length, text: str, said: str
) -> None:
    with pytest.raises(WrongUse) as refused:
        heard(kind, text)

    assert str(refused.value).startswith(f"--for {text!r}: ")
    assert said in str(refused.value)


def test_what_is_deleted_by_its_age_is_deleted_by_no_bare_number(tmp_path: Path) -> None:
    done = CliRunner().invoke(clean, ["--folder", str(tmp_path), "--older-than", "7"])

    assert isinstance(done.exception, WrongUse)
    assert "--older-than '7': say of what" in str(done.exception)


def test_a_pause_and_a_task_are_given_their_lengths_in_words(household: Household) -> None:
    household.apply(
        """
        task_name = "good"
        schedule = []
        command = "true"
        timeout_seconds = "10m"
        retry_base_s = "90"
        """
    )
    before_ms = now_ms()

    household.cli("tasks", "pause", "good", "--for", "2h")

    task = household.json("tasks", "show", "good")
    definition = task["definition"]
    assert (definition["timeout_seconds"], definition["retry_base_s"]) == (600, 90)
    assert task["paused_until_ms"] - before_ms >= 7_200_000
