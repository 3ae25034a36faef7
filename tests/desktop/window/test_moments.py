"""The dialogs about moments from the window: their keys, and what they ask of whom."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop import keys
from desktop.freshness import Link
from desktop.views.planning.backfill import BackfillDialog
from desktop.views.planning.load import LoadDialog
from desktop.views.planning.pausing import PauseDialog
from desktop.views.planning.trying import TryDialog
from desktop.views.planning.why import WhyDialog
from desktop.window import MainWindow
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, run, task
from tests.desktop.windows_at_hand import AGENT, LIVE, LOST, choose, detail


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        ("pause", PauseDialog),
        ("why", WhyDialog),
        ("again", BackfillDialog),
        ("try", TryDialog),
        ("load", LoadDialog),
    ],
)
def test_each_dialog_has_its_key_and_asks_by_itself(
    window: MainWindow, qtbot: QtBot, act: str, kind: type
) -> None:
    choose(window, "pay_a")
    window.show_detail(detail(task("pay_a")))
    (asks_for,) = [one for one in keys.ACTS if one.name == act]

    with qtbot.waitSignal(window.question_asked):
        window.actions_by_name[act].trigger()

    dialog = window.planner.dialog
    assert isinstance(dialog, kind)
    assert asks_for.keys
    assert dialog is not None
    assert dialog.minimumSizeHint().height() <= 576, "the smallest window is 600 high"
    assert dialog.minimumSizeHint().width() <= 760


def test_escape_leaves_a_dialog_and_orders_nothing(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_a")
    window.actions_by_name["pause"].trigger()
    dialog = window.planner.dialog
    assert dialog is not None

    with qtbot.assertNotEmitted(window.pause_requested):
        QTest.keyClick(dialog, Qt.Key.Key_Escape)

    assert window.planner.dialog is None


def test_a_viewer_may_ask_but_not_run_again(window: MainWindow) -> None:
    choose(window, "pay_a")

    window.show_link(Link(state="live", role="viewer", beat_ms=NOW_MS, beat_here_ms=NOW_MS))

    assert window.details.summary.why.isEnabled()
    assert window.actions_by_name["load"].isEnabled()
    assert not window.details.summary.again.isEnabled()
    assert window.details.summary.again.toolTip() == "Needs the operator role"


def test_a_silent_agent_is_not_asked(window: MainWindow) -> None:
    choose(window, "pay_a")

    window.show_link(LOST)

    assert not window.details.summary.why.isEnabled()
    assert window.details.summary.why.toolTip() == "Off while the agent is silent"
    assert not window.actions_by_name["load"].isEnabled()


def test_in_the_run_history_the_chosen_run_is_asked_about(window: MainWindow) -> None:
    window.show_rows([AGENT, run(990, "pay_a", result="skipped", reason="overlap")])
    window.show_link(LIVE)
    window.show_screen("runs")
    window.executions.table.selectRow(0)

    window.executions.why.click()

    dialog = window.planner.dialog
    assert isinstance(dialog, WhyDialog)
    assert dialog._at_ms == NOW_MS - 10 * MINUTE_MS
