"""Which acts are possible now, and if not, why not?"""

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QWidget

from desktop import keys
from desktop.allowing import allow, menu_of_task
from desktop.theme import Theme
from shared.protocol.rows import Task
from tests.desktop.rows_at_hand import running, task

NAMES = ("run", "stop", "pause", "again", "why", "load", "ack")


@pytest.fixture
def owner(qapp: QApplication) -> QWidget:
    return QWidget()


@pytest.fixture
def actions(owner: QWidget) -> dict[str, QAction]:
    acts = {act.name: (lambda: None) for act in keys.ACTS}
    return keys.make_actions(owner, acts, Theme("light"))


@pytest.mark.parametrize(
    ("chosen", "alerts_chosen", "on"),
    [
        (None, False, {"load"}),
        (task("a"), False, {"run", "pause", "again", "why", "load"}),
        (running("a"), True, {"stop", "pause", "again", "why", "load", "ack"}),
        (task("a", kind="watch"), False, {"pause", "why", "load"}),
    ],
)
def test_what_is_possible_depends_on_what_is_chosen(
    actions: dict[str, QAction], chosen: Task | None, alerts_chosen: bool, on: set[str]
) -> None:
    allow(actions, chosen, may=True, why_not="", is_live=True, alerts_chosen=alerts_chosen)

    assert {name for name in NAMES if actions[name].isEnabled()} == on


def test_without_the_role_questions_stay_and_orders_say_why_not(
    actions: dict[str, QAction],
) -> None:
    allow(actions, task("a"), may=False, why_not="No role", is_live=True, alerts_chosen=True)

    assert {name for name in NAMES if actions[name].isEnabled()} == {"why", "load"}
    assert actions["run"].toolTip() == "No role"


def test_while_the_agent_is_silent_nothing_can_be_asked(actions: dict[str, QAction]) -> None:
    allow(actions, task("a"), may=False, why_not="Silent", is_live=False, alerts_chosen=False)

    assert not any(actions[name].isEnabled() for name in NAMES)
    assert actions["why"].toolTip() == "Silent"


def test_the_menu_of_a_task_has_its_acts_in_groups(
    actions: dict[str, QAction], owner: QWidget
) -> None:
    menu = menu_of_task(actions, owner)

    texts = [action.text() for action in menu.actions()]
    assert texts.count("") == 3
    assert texts[:2] == ["Run now", "Stop the run"]
