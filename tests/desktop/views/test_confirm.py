"""The question: Enter does what has the focus, and that is nothing at first."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.theme import Theme
from desktop.views.confirm import Confirm


def ask(theme: Theme) -> Confirm:
    return Confirm(theme, question="Stop a?", consequence="It ends.", keep="Let it", act="Stop it")


def test_enter_at_once_changes_nothing(qtbot: QtBot, theme: Theme) -> None:
    dialog = ask(theme)
    dialog.open()

    with qtbot.waitSignal(dialog.rejected):
        QTest.keyClick(dialog.focusWidget() or dialog, Qt.Key.Key_Return)


def test_with_the_keyboard_alone_the_act_can_be_done(qtbot: QtBot, theme: Theme) -> None:
    dialog = ask(theme)
    dialog.open()
    dialog.act.setFocus()

    with qtbot.waitSignal(dialog.accepted):
        QTest.keyClick(dialog.act, Qt.Key.Key_Return)
