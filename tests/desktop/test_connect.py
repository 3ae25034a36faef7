"""The dialog that leads to an agent: nothing by itself, everything by keyboard, all in words."""

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from desktop.network.trial import CHECKS as TRIED
from desktop.parts.steps import Checks
from desktop.theme import CHOICES, Theme
from desktop.views.connect import CHECKS, ConnectDialog

LINK = "smartcron://server.example:7460/?a=AAAA&i=BBBB&k=CCCC"
WRONG_KEY = "The key is not the one you were given. Ask who runs the server."
WARNING = (
    "This system has no key store, so the key of this desktop lies in the file "
    "/home/anna/.config/smart-cron/desktop/client.key, readable by you alone."
)


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    return Theme("light")


@pytest.fixture
def dialog(qtbot: QtBot, theme: Theme) -> ConnectDialog:
    made = ConnectDialog(theme, label="anna on laptop")
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def pass_all(dialog: ConnectDialog, environment: str = "staging") -> None:
    dialog.begin_test()
    for check in CHECKS:
        dialog.show_step(check, "ok", f"{check} is fine")
    dialog.show_result(True, "", "server-1", environment, "operator", 412)


def test_it_shows_exactly_the_checks_that_are_made() -> None:
    assert CHECKS == TRIED


def test_a_pasted_link_starts_nothing_by_itself(qtbot: QtBot, dialog: ConnectDialog) -> None:
    asked: list[object] = []
    dialog.test_requested.connect(lambda *what: asked.append(what))
    QApplication.clipboard().setText(LINK)

    dialog.link.paste()
    qtbot.wait(1)

    assert dialog.link.text() == LINK
    assert asked == []
    assert dialog.primary.text() == "Test"


def test_enter_in_the_field_tests_once(qtbot: QtBot, dialog: ConnectDialog) -> None:
    asked: list[tuple[str, str]] = []
    dialog.test_requested.connect(lambda link, label: asked.append((link, label)))
    dialog.set_link(f"  {LINK}\n")

    QTest.keyClick(dialog.link, Qt.Key.Key_Return)

    assert asked == [(LINK, "anna on laptop")]


def test_without_a_link_there_is_nothing_to_test(qtbot: QtBot, dialog: ConnectDialog) -> None:
    asked: list[object] = []
    dialog.test_requested.connect(lambda *what: asked.append(what))

    QTest.keyClick(dialog.link, Qt.Key.Key_Return)

    assert asked == []
    assert not dialog.primary.isEnabled()
    assert dialog.primary.toolTip() == "Paste a link first"


def test_a_good_test_asks_for_a_name_and_enter_keeps_it(
    qtbot: QtBot, dialog: ConnectDialog
) -> None:
    dialog.set_link(LINK)
    pass_all(dialog)

    assert dialog.primary.text() == "Connect"
    assert dialog.name.text() == "server-1"
    assert dialog.environment == "staging"
    with qtbot.waitSignal(dialog.save_requested) as saved:
        QTest.keyClicks(dialog.name, "night shift")
        QTest.keyClick(dialog.name, Qt.Key.Key_Return)
    assert saved.args == ["night shift", "staging"]


def test_the_environment_is_chosen_with_the_arrow_keys(qtbot: QtBot, dialog: ConnectDialog) -> None:
    dialog.set_link(LINK)
    pass_all(dialog, "production")
    chosen = dialog.environments.button(0)
    chosen.setFocus()

    QTest.keyClick(chosen, Qt.Key.Key_Right)

    assert dialog.environment == "staging"


def test_an_environment_nobody_knows_counts_as_production(dialog: ConnectDialog) -> None:
    dialog.choose_environment("demo")

    dialog.choose_environment("moon base")

    assert dialog.environment == "production"


def test_a_connection_without_a_name_is_not_kept(qtbot: QtBot, dialog: ConnectDialog) -> None:
    saved: list[object] = []
    dialog.save_requested.connect(lambda *what: saved.append(what))
    dialog.set_link(LINK)
    pass_all(dialog)

    dialog.name.setText("   ")
    QTest.keyClick(dialog.name, Qt.Key.Key_Return)

    assert saved == []
    assert not dialog.primary.isEnabled()


def test_a_failed_check_says_what_to_do_and_the_rest_was_not_checked(
    dialog: ConnectDialog,
) -> None:
    dialog.set_link(LINK)
    dialog.begin_test()
    dialog.show_step("link", "ok", "an invite for server-1")
    dialog.show_step("reached", "ok", "server.example:7460, 3 ms")
    dialog.show_step("identity", "bad", WRONG_KEY)
    dialog.show_result(False, WRONG_KEY, "", "", "", 800)

    assert dialog.checks.finding("identity") == WRONG_KEY
    assert dialog.checks.finding("invite") == "not checked"
    assert dialog.primary.text() == "Test again"
    assert not dialog.name.isEnabled()
    said = [one.text() for one in dialog.findChildren(QLabel) if one.isVisible()]
    assert said.count(WRONG_KEY) == 1
    assert "2 of 7 checks passed, then stopped at: Is the agent it claims to be" in said
    assert "took 0.8 s" in said


def test_a_failure_no_check_tells_of_is_said_all_the_same(dialog: ConnectDialog) -> None:
    dialog.set_link(LINK)
    dialog.begin_test()

    dialog.show_result(False, "The profile folder cannot be written.", "", "", "", 5)

    assert dialog.message.isVisible()
    assert dialog.message.text() == "The profile folder cannot be written."


def test_another_link_undoes_a_test_that_went_well(qtbot: QtBot, dialog: ConnectDialog) -> None:
    saved: list[object] = []
    dialog.save_requested.connect(lambda *what: saved.append(what))
    dialog.set_link(LINK)
    pass_all(dialog)

    dialog.set_link(LINK.replace("server", "other"))
    dialog.primary.click()

    assert saved == []
    assert dialog.primary.text() == "Test"
    assert dialog.checks.count("ok") == 0


@pytest.mark.parametrize("way", ["button", "escape", "edit"])
def test_a_test_under_way_can_be_called_off(qtbot: QtBot, dialog: ConnectDialog, way: str) -> None:
    dialog.set_link(LINK)
    dialog.begin_test()
    dialog.show_step("reached", "working", "asking server.example:7460")

    with qtbot.waitSignal(dialog.test_cancelled):
        if way == "button":
            assert dialog.primary.text() == "Stop the test"
            dialog.primary.click()
        elif way == "escape":
            QTest.keyClick(dialog.link, Qt.Key.Key_Escape)
        else:
            dialog.link.setText("smartcron://")

    assert dialog.checks.state("reached") == ""
    assert dialog.isVisible() == (way != "escape")


def test_the_tab_key_reaches_everything_in_reading_order(
    qtbot: QtBot, dialog: ConnectDialog
) -> None:
    dialog.set_link(LINK)
    pass_all(dialog)
    dialog.link.setFocus()
    reached: list[QWidget] = []
    for _ in range(7):
        here = QApplication.focusWidget()
        assert here is not None
        reached.append(here)
        QTest.keyClick(here, Qt.Key.Key_Tab)

    chosen = dialog.environments.checkedButton()
    assert reached == [
        dialog.link,
        dialog.open_file,
        dialog.name,
        chosen,
        dialog.leave,
        dialog.primary,
        dialog.link,
    ]


def test_the_warning_about_the_key_is_in_sight(qtbot: QtBot, theme: Theme) -> None:
    dialog = ConnectDialog(theme, label="x", warning=WARNING)
    qtbot.addWidget(dialog)
    dialog.show()

    shown = [one for one in dialog.findChildren(QLabel) if one.text() == WARNING]

    assert len(shown) == 1
    assert shown[0].isVisible()


def test_a_card_file_fills_in_its_link(dialog: ConnectDialog, tmp_path: Path) -> None:
    card = tmp_path / "card.txt"
    card.write_text(f"Your invite, good for 15 minutes:\n\n  {LINK}\n")

    dialog.read_card(card)

    assert dialog.link.text() == LINK
    assert dialog.primary.text() == "Test"


@pytest.mark.parametrize("content", [None, b"", b"hello\xff\x00", b"https://example.com"])
def test_a_file_without_a_link_is_refused_by_its_name(
    dialog: ConnectDialog, tmp_path: Path, content: bytes | None
) -> None:
    card = tmp_path / "card.txt"
    if content is not None:
        card.write_bytes(content)

    dialog.read_card(card)

    assert dialog.link.text() == ""
    assert dialog.message.isVisible()
    assert "card.txt" in dialog.message.text()


@pytest.mark.parametrize("choice", [one for one in CHOICES if one != "system"])
@pytest.mark.parametrize("wide", [900, 1160])
def test_no_word_is_cut_in_any_appearance(qtbot: QtBot, choice: str, wide: int) -> None:
    dialog = ConnectDialog(Theme(choice), label="anna on laptop", warning=WARNING)
    qtbot.addWidget(dialog)
    dialog.resize(wide, 680)
    dialog.show()
    dialog.set_link(LINK)
    dialog.begin_test()
    long = (
        "server.example port 7460 cannot be reached: connection refused. Is the agent running, "
        "and is the port open in the firewall, or the tunnel up?"
    )
    dialog.show_step("link", "ok", "an invite for server-1")
    dialog.show_step("reached", "bad", long)
    dialog.show_result(False, long, "", "", "", 100)
    QApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)
    QApplication.processEvents()

    cut = []
    for label in dialog.findChildren(QLabel):
        flags = Qt.TextFlag.TextWordWrap if label.wordWrap() else Qt.TextFlag.TextSingleLine
        room = label.contentsRect()
        needs = QFontMetrics(label.font()).boundingRect(
            0, 0, room.width(), 10_000, flags.value, label.text()
        )
        if label.isVisible() and (needs.width() > room.width() or needs.height() > room.height()):
            cut.append((label.text(), needs.size(), room.size()))
    assert cut == []
    assert dialog.findChild(Checks) is dialog.checks
