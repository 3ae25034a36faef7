"""The first start: the dialog opens by itself, an invite leads to live rows, and is remembered."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.app import Application
from desktop.keystore import FILE_PLACE
from desktop.settings import Profile
from desktop.views.connect import ConnectDialog
from shared.protocol.rows import Task
from tests.desktop.agent_at_hand import AgentAtHand, Memory
from tests.desktop.conftest import ends_in_time


@pytest.fixture
def application(qtbot: QtBot, tmp_path: Path) -> Iterator[Application]:
    made = Application(Profile(tmp_path / "profile"), theme="light")
    qtbot.addWidget(made.window)
    yield made
    ends_in_time(made.stop)
    assert not [one for one in threading.enumerate() if one.name == "network"]


def dialog_of(application: Application) -> ConnectDialog | None:
    return next(
        (one for one in application.window.findChildren(ConnectDialog) if one.isVisible()), None
    )


def opened(qtbot: QtBot, application: Application) -> ConnectDialog:
    qtbot.waitUntil(lambda: dialog_of(application) is not None)
    dialog = dialog_of(application)
    assert dialog is not None
    return dialog


def test_an_invite_pasted_at_the_first_start_leads_to_live_rows(
    qtbot: QtBot,
    application: Application,
    tmp_path: Path,
    memory: Memory,
    start_agent: Callable[[], AgentAtHand],
) -> None:
    agent = start_agent()
    agent.put(Task(id="backup", name="backup"))
    link = agent.invite("operator")

    application.start()
    dialog = opened(qtbot, application)
    dialog.set_link(link)
    QTest.keyClick(dialog.link, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog.primary.text() == "Connect")
    assert not (tmp_path / "profile" / "desktop.toml").read_text().count("[[connections]]")
    QTest.keyClicks(dialog.name, "night shift")
    QTest.keyClick(dialog.name, Qt.Key.Key_Return)

    qtbot.waitUntil(lambda: application.link.is_live)
    assert dialog_of(application) is None
    (kept,) = Profile(tmp_path / "profile").load().connections
    assert (kept.id, kept.name, kept.environment) == (memory.agent_id, "night shift", "demo")
    assert application.link.role == "operator"


def test_a_dialog_left_in_the_middle_of_a_test_keeps_nothing(
    qtbot: QtBot, application: Application, tmp_path: Path, memory: Memory
) -> None:
    memory.ports = (9, 9)
    application.start()
    dialog = opened(qtbot, application)
    dialog.set_link(memory.link())
    QTest.keyClick(dialog.link, Qt.Key.Key_Return)

    QTest.keyClick(dialog.link, Qt.Key.Key_Escape)

    qtbot.waitUntil(lambda: dialog_of(application) is None)
    assert Profile(tmp_path / "profile").load().connections == ()


def test_a_profile_that_cannot_be_written_is_said_in_the_dialog(
    qtbot: QtBot, application: Application, tmp_path: Path, memory: Memory
) -> None:
    memory.ports = (9, 9)
    application.start()
    dialog = opened(qtbot, application)
    in_the_way = tmp_path / "profile"
    in_the_way.write_text("a file where the folder should be")

    dialog.set_link(memory.link())
    QTest.keyClick(dialog.link, Qt.Key.Key_Return)

    assert dialog.message.isVisible()
    assert str(in_the_way) in dialog.message.text()
    assert dialog.primary.text() == "Test again"
    in_the_way.unlink()


def test_where_the_key_lies_is_told_as_soon_as_there_is_one(
    qtbot: QtBot, application: Application, tmp_path: Path, memory: Memory
) -> None:
    memory.ports = (9, 9)
    application.start()
    dialog = opened(qtbot, application)
    assert not dialog.warning.isVisible()

    dialog.set_link(memory.link())
    QTest.keyClick(dialog.link, Qt.Key.Key_Return)

    lies_in_a_file = Profile(tmp_path / "profile").load().key_place == FILE_PLACE
    assert dialog.warning.isVisible() == lies_in_a_file
    assert (str(tmp_path) in dialog.warning.words.text()) == lies_in_a_file
