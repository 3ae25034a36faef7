"""Qt calls that return nothing give and take references to None and True in equal number."""

import sys

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

CALLS = 5_000
# From Python 3.12 on both live for ever, and their count says nothing; before, a call that takes
# one reference too many ends in an abort after some hundreds.
SLACK = 200


class Bell(QObject):
    rung = Signal()
    told = Signal(bool)


def test_five_thousand_calls_that_return_nothing_keep_none_and_true(qtbot: QtBot) -> None:
    widget = QWidget()
    qtbot.addWidget(widget)
    none, true = sys.getrefcount(None), sys.getrefcount(True)

    for _ in range(CALLS):
        widget.update()
        widget.setEnabled(True)

    assert sys.getrefcount(None) > none - SLACK
    assert sys.getrefcount(True) > true - SLACK


def test_five_thousand_emitted_signals_keep_none_and_true(qtbot: QtBot) -> None:
    bell = Bell()
    heard = 0

    def hear(*_what: object) -> None:
        nonlocal heard
        heard += 1

    bell.rung.connect(hear)
    bell.told.connect(hear)
    none, true = sys.getrefcount(None), sys.getrefcount(True)

    for _ in range(CALLS):
        bell.rung.emit()
        bell.told.emit(True)

    assert heard == 2 * CALLS
    assert sys.getrefcount(None) > none - SLACK
    assert sys.getrefcount(True) > true - SLACK
