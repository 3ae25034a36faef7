"""From one known agent to another, to one more, and away from one for good."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog
from pytestqt.qtbot import QtBot

from desktop.app import Application
from desktop.settings import Connection, Profile
from desktop.views.confirm import Confirm
from desktop.views.connect import ConnectDialog
from desktop.views.connections import Connections

# Nobody listens there: which agent is wanted is known before it answers.
AUCKLAND = Connection(
    id="a" * 16, name="auckland", host="127.0.0.1", agent_key="K" * 40, control_port=9
)
BERLIN = Connection(
    id="b" * 16,
    name="berlin",
    host="127.0.0.1",
    agent_key="K" * 40,
    control_port=9,
    environment="test",
)


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    made = Profile(tmp_path / "profile")
    made.save(made.load().with_connection(BERLIN).with_connection(AUCKLAND))
    return made


@pytest.fixture
def application(qtbot: QtBot, profile: Profile) -> Iterator[Application]:
    made = Application(profile, theme="light")
    qtbot.addWidget(made.window)
    made.start()
    yield made
    assert made.stop()
    assert not [one for one in threading.enumerate() if one.name == "network"]


def menu(application: Application) -> Connections:
    application.window.actions_by_name["connections"].trigger()
    (found,) = [one for one in application.window.findChildren(Connections) if one.isVisible()]
    return found


def entry(shown: Connections, words: str) -> QAction:
    return next(one for one in shown.actions() if one.text().startswith(words))


def dialog(qtbot: QtBot, application: Application, kind: type[QDialog]) -> QDialog:
    def opened() -> list[QDialog]:
        return [one for one in application.window.findChildren(kind) if one.isVisible()]

    qtbot.waitUntil(lambda: bool(opened()))
    return opened()[0]


def test_every_known_agent_is_listed_with_its_place_and_the_one_in_use_is_marked(
    application: Application,
) -> None:
    shown = menu(application)

    texts = [one.text() for one in shown.actions() if one.isCheckable()]
    assert texts == ["berlin\tTest, 127.0.0.1:9", "auckland\tProduction, 127.0.0.1:9"]
    assert [one.text() for one in shown.actions() if one.isChecked()] == [texts[1]]
    assert shown.activeAction().text() == texts[1]
    shown.close()


def test_keys_lead_to_another_agent_which_is_the_one_of_the_next_start(
    application: Application, profile: Profile
) -> None:
    assert application.link.name == "auckland"
    shown = menu(application)

    QTest.keyClick(shown, Qt.Key.Key_Up)
    QTest.keyClick(shown, Qt.Key.Key_Return)

    assert application.link.name == "berlin"
    assert application.window.windowTitle().startswith("berlin (test)")
    assert profile.load().last == BERLIN.id


def test_the_way_to_one_more_agent_is_the_dialog(qtbot: QtBot, application: Application) -> None:
    entry(menu(application), "Connect to another agent").trigger()

    dialog(qtbot, application, ConnectDialog).reject()


def test_an_agent_is_forgotten_after_a_question_and_the_other_one_is_shown(
    qtbot: QtBot, application: Application, profile: Profile
) -> None:
    entry(menu(application), "Forget auckland").trigger()
    asked = dialog(qtbot, application, Confirm)
    assert isinstance(asked, Confirm)
    assert asked.keep.hasFocus() or asked.focusWidget() is asked.keep
    asked.keep.click()
    kept = profile.load().connections

    entry(menu(application), "Forget auckland").trigger()
    again = dialog(qtbot, application, Confirm)
    assert isinstance(again, Confirm)
    again.act.click()

    assert kept == (BERLIN, AUCKLAND)
    assert profile.load().connections == (BERLIN,)
    assert application.link.name == "berlin"


def test_without_any_agent_left_it_asks_for_a_link(
    qtbot: QtBot, application: Application, profile: Profile
) -> None:
    for name in ("auckland", "berlin"):
        entry(menu(application), f"Forget {name}").trigger()
        asked = dialog(qtbot, application, Confirm)
        assert isinstance(asked, Confirm)
        asked.act.click()

    assert profile.load().connections == ()
    assert application.link.name == ""
    assert application.window.windowTitle() == "Smart Cron"
    dialog(qtbot, application, ConnectDialog).reject()
