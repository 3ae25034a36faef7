"""A rule made on one desktop fires at a real agent, and another desktop sees both at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from pytestqt.qtbot import QtBot

from desktop.parts.dialogs import AskingDialog
from desktop.views.alerts.hushing import QuietDialog
from desktop.views.alerts.page import ACTIVE, QUIET, RULES_TAB
from desktop.views.alerts.ruling import RuleDialog
from desktop.views.rail import ALERTS
from tests.journeys.desks import Desk, desks_at
from tests.journeys.household import CALM, Household, until

TASK = 'task_name = "backup-db"\nschedule = "0 0 1 1 *"\ncommand = "echo hi"'

DialogT = TypeVar("DialogT", bound=AskingDialog)


def at_the_rules(household: Household, desk: Desk, name: str, role: str = "operator") -> None:
    """Connected, with the own rules in sight."""
    desk.connect_by(household, name, role=role)
    desk.window.show_screen(ALERTS)
    desk.centre.tabs.choose(RULES_TAB)


def rules(desk: Desk) -> list[str]:
    """The names of the rules in sight, those that rest with a mark."""
    lines = desk.centre.rules.model.lines
    return [line.id if line.holds else f"{line.id} (off)" for line in lines]


def opened(desk: Desk, kind: type[DialogT]) -> DialogT:
    dialog = desk.window.ruling.dialog
    assert isinstance(dialog, kind)
    return dialog


@pytest.fixture
def household(bare: Household) -> Household:
    bare.prepare(environment="test", name="journey", **CALM)
    bare.apply(TASK)
    bare.serve()
    bare.cli("tasks", "run", "backup-db")
    until(lambda: bare.runs("backup-db", "success"), "the run")
    return bare


@pytest.fixture
def desks(qtbot: QtBot, tmp_path: Path) -> Iterator[tuple[Desk, ...]]:
    with desks_at(qtbot, tmp_path / "one", tmp_path / "two") as both:
        yield both


def test_a_rule_is_tried_made_fires_is_switched_off_and_comes_back(
    household: Household, desks: tuple[Desk, ...]
) -> None:
    anna, otto = desks
    at_the_rules(household, anna, "Anna")
    at_the_rules(household, otto, "Otto", role="viewer")

    anna.centre.rules.make.click()
    dialog = opened(anna, RuleDialog)
    dialog.choose("run")
    dialog.name.setText("too-quiet")
    dialog._fields["status"].setText("")
    dialog._fields["task"].setText("backup-*")
    dialog._fields["output_bytes_below"].setText("many")
    anna.until(
        lambda: "whole number" in dialog._problems["output_bytes_below"].text(), "the refusal"
    )
    dialog._fields["output_bytes_below"].setText("1000")
    anna.until(dialog.act.isEnabled, "the agent's consent")
    dialog.trial.start.click()
    anna.until(lambda: "1 time in the last 7 days" in dialog.trial.headline.text(), "the test")
    anna.until(dialog.act.isEnabled, "the button")
    dialog.act.click()
    otto.until(lambda: rules(otto) == ["too-quiet"], "the rule on the other desktop")

    household.cli("tasks", "run", "backup-db")
    for desk in desks:
        desk.until(
            lambda desk=desk: (
                [one.kind for one in desk.centre.active.model.alerts()]  # type: ignore[misc]
                == ["own_rule"]
            ),
            "the alert of the rule",
        )
    assert not otto.centre.rules.make.isEnabled()

    anna.until(lambda: rules(anna) == ["too-quiet"], "the rule at home")
    anna.centre.rules.choose("too-quiet")
    anna.centre.rules.switch.click()
    otto.until(lambda: rules(otto) == ["too-quiet (off)"], "that it rests")
    otto.until(lambda: not otto.centre.active.model.alerts(), "the end of its alert")
    anna.window.actions_by_name["undo"].trigger()
    otto.until(lambda: rules(otto) == ["too-quiet"], "that it holds again")

    household.cli("alerts", "rules", "remove", "too-quiet")
    for desk in desks:
        desk.until(lambda desk=desk: rules(desk) == [], "what the command line did")  # type: ignore[misc]
    acts = [row["type"] for row in household.json("audit", "list")]
    assert acts.count("rule.set") == 3


def test_a_quiet_time_of_one_desktop_mutes_for_all(
    household: Household, desks: tuple[Desk, ...]
) -> None:
    anna, otto = desks
    at_the_rules(household, anna, "Anna")
    at_the_rules(household, otto, "Otto", role="viewer")
    household.cli("alerts", "rules", "add", "any", "task=backup-*", "output_bytes_below=1000")
    for desk in desks:
        desk.centre.tabs.choose(QUIET)

    anna.centre.quiet.make.click()
    dialog = opened(anna, QuietDialog)
    dialog.task.setText("backup-*")
    dialog.reason.setText("new disk")
    anna.until(dialog.act.isEnabled, "the agent's consent")
    dialog.act.click()
    otto.until(lambda: otto.centre.quiet.model.rowCount() == 1, "the window over there")
    household.cli("tasks", "run", "backup-db")
    otto.centre.tabs.choose(ACTIVE)
    otto.until(
        lambda: any(one.muted_until_ms for one in otto.centre.active.model.alerts()),
        "the muted alert",
    )

    anna.until(lambda: anna.centre.quiet.model.rowCount() == 1, "the window at home")
    anna.centre.quiet.choose(anna.centre.quiet.model.lines[0].id)
    anna.centre.quiet.remove.click()
    otto.until(
        lambda: not any(one.muted_until_ms for one in otto.centre.active.model.alerts()),
        "that it is told again",
    )
