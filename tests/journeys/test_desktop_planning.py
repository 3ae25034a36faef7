"""What is asked about moments, from the key in the window to the agent's answer and back."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from pytestqt.qtbot import QtBot

from desktop.parts.dialogs import AskingDialog
from desktop.views.planning.backfill import BackfillDialog
from desktop.views.planning.load import LoadDialog
from desktop.views.planning.pausing import PauseDialog
from desktop.views.planning.trying import TryDialog
from desktop.views.planning.why import WhyDialog
from tests.journeys.desks import Desk, desks_at
from tests.journeys.household import Household

QUICK = 'task_name = "quick"\nschedule = "@every 1s"\ncommand = "echo it ran"'
SLOW = 'task_name = "slow"\nschedule = "@every 1s"\ncommand = "sleep 6"'
REST = 'task_name = "rest"\nschedule = "0 * * * *"\ncommand = "echo rested"\nmissed = "skip"'

DialogT = TypeVar("DialogT", bound=AskingDialog)


@pytest.fixture
def household(bare: Household, made: Path) -> Household:
    bare.copy(made, environment="test", name="journey")
    bare.apply(QUICK, SLOW, REST)
    return bare


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    with desks_at(qtbot, tmp_path / "profile") as (made,):
        yield made


def opened(desk: Desk, act: str, kind: type[DialogT]) -> DialogT:
    desk.press(act)
    dialog = desk.window.planner.dialog
    assert isinstance(dialog, kind)
    return dialog


def test_a_pause_is_previewed_given_a_reason_and_taken_back(
    household: Household, desk: Desk
) -> None:
    household.serve()
    desk.connect_by(household, tasks=3)
    desk.choose("quick")

    dialog = opened(desk, "pause", PauseDialog)
    desk.until(lambda: "3 600 runs" in dialog.headline.text().replace("\N{NARROW NO-BREAK SPACE}",
               " "), "the preview")  # fmt: skip
    dialog.reason.setText("stock take")
    dialog.act.click()
    desk.until(lambda: desk.tasks()["quick"].paused, "the paused task")
    paused = desk.tasks()["quick"]
    desk.press("undo")

    desk.until(lambda: not desk.tasks()["quick"].paused, "the resumed task")
    assert paused.pause_reason == "stock take"
    assert paused.paused_until_ms is not None
    assert desk.window.planner.dialog is None


def test_a_skipped_moment_is_explained_and_run_again(household: Household, desk: Desk) -> None:
    household.serve()
    desk.connect_by(household, tasks=3)
    desk.choose("slow")
    desk.until(
        lambda: any(run.result == "skipped" for run in desk.window._runs.runs()), "a skipped moment"
    )
    run = next(run for run in desk.window._runs.runs() if run.result == "skipped")

    desk.window.planner.open_why(desk.tasks()["slow"], run.scheduled_ms)
    why = desk.window.planner.dialog
    assert isinstance(why, WhyDialog)
    desk.until(lambda: "It was skipped" in why.verdict.text(), "the explanation")
    steps = why.steps.texts()
    why.again.click()
    fill = desk.window.planner.dialog
    assert isinstance(fill, BackfillDialog)
    desk.until(lambda: fill.lines.chosen() == [run.scheduled_ms], "the moment to choose")
    fill.reason.setText("after the jam")
    fill.act.click()

    desk.until(lambda: fill.headline.text()[1:].startswith(" of 1"), "the order taken")
    assert "overlap" in steps[-1]
    desk.until(
        lambda: any(
            one.trigger == "manual" and one.note == "after the jam"
            for one in household.runs("slow")
        ),
        "the run in the ledger",
    )


def test_another_schedule_is_tried_without_being_saved(household: Household, desk: Desk) -> None:
    # A loaded host does not reckon each of a day's seconds within the time that an answer has.
    household.cli("tasks", "disable", "quick", "slow")
    household.serve()
    desk.connect_by(household, tasks=3)
    desk.choose("rest")
    desk.until(lambda: desk.window.details.shown_settings is not None, "the settings")

    dialog = opened(desk, "try", TryDialog)
    desk.until(lambda: len(dialog.then_lines.lines()) == 10, "the moments as it is")
    same = {line.word for line in dialog.then_lines.lines()}
    dialog.schedules[0].setText("*/30 * * * *")
    desk.until(lambda: "more" in dialog.difference.text(), "the difference")
    dialog.schedules[0].setText("99 * * * *")
    desk.until(lambda: "minute" in dialog._problems["preview:0"].text(), "the refusal")

    assert same == {""}
    assert desk.tasks()["rest"].schedule == "0 * * * *"


def test_the_load_of_the_hours_to_come_is_shown_to_a_viewer(
    household: Household, desk: Desk
) -> None:
    household.serve()
    desk.connect_by(household, role="viewer", tasks=3)

    dialog = opened(desk, "load", LoadDialog)
    dialog.ask("6h")

    desk.until(lambda: len(dialog.bars.counts) == 36, "the bars")
    assert min(dialog.bars.counts) > 0
