"""What a user asks of a task reaches the outside, and what cannot be asked says why."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.freshness import Link
from desktop.views.confirm import Confirm
from desktop.views.palette import Palette
from desktop.views.planning.pausing import PauseDialog
from desktop.views.toasts import Toast
from desktop.window import MainWindow
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, task
from tests.desktop.windows_at_hand import LIVE, LOST, choose


def test_ctrl_r_orders_a_run_of_the_chosen_task(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_a")

    with qtbot.waitSignal(window.run_requested) as asked:
        window.actions_by_name["run"].trigger()

    assert asked.args == ["pay_a"]


def test_the_run_button_names_the_task(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_a")

    with qtbot.waitSignal(window.run_requested) as asked:
        QTest.mouseClick(window.details.run, Qt.MouseButton.LeftButton)

    assert asked.args == ["pay_a"]


def test_a_watch_cannot_be_run_as_it_runs_nothing(window: MainWindow) -> None:
    window.show_rows([task("dump", kind="watch")])
    choose(window, "dump")

    assert not window.details.run.isEnabled()
    assert window.details.run.toolTip() == "It runs nothing: it waits for pings"
    assert not window.actions_by_name["run"].isEnabled()


def test_a_running_task_cannot_be_run_again_but_stopped(window: MainWindow) -> None:
    choose(window, "pay_b")

    assert not window.details.run.isEnabled()
    assert window.details.run.toolTip() == "It is running already"
    assert window.details.stop.isEnabled()


def test_stop_asks_first_and_keeping_it_is_the_default(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_b")

    window.details.stop.click()
    dialog = window.findChild(Confirm)

    assert isinstance(dialog, Confirm)
    assert dialog.windowTitle() == "Stop pay_b on auckland-app-01?"
    assert dialog.keep.isDefault()
    with qtbot.assertNotEmitted(window.stop_requested):
        dialog.keep.click()


def test_stop_is_ordered_once_it_was_confirmed(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_b")
    window.details.stop.click()
    dialog = window.findChild(Confirm)
    assert isinstance(dialog, Confirm)

    with qtbot.waitSignal(window.stop_requested) as asked:
        dialog.act.click()

    assert asked.args == ["01KAS000000000000000000777"]


def test_pause_for_an_hour_says_until_when_by_the_agents_clock(
    window: MainWindow, qtbot: QtBot
) -> None:
    choose(window, "pay_a")
    window.details.pause.click()
    dialog = window.planner.dialog
    assert isinstance(dialog, PauseDialog)

    with qtbot.waitSignal(window.pause_requested) as asked:
        dialog.act.click()

    assert asked.args is not None
    assert asked.args[:3] == [["pay_a"], NOW_MS + 60 * MINUTE_MS, None]


def test_a_paused_task_offers_to_resume(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_a")
    window.show_rows([task("pay_a", rev=2, paused=True)])

    with qtbot.waitSignal(window.resume_requested) as asked:
        window.details.resume.click()

    assert asked.args == [["pay_a"]]
    assert not window.details.pause.isVisible()


def test_the_next_run_can_be_skipped_only_where_one_is_due(
    window: MainWindow, qtbot: QtBot
) -> None:
    choose(window, "pay_a")
    act = window.actions_by_name["skip"]

    window.show_rows([task("pay_a", rev=2, next_ms=NOW_MS + MINUTE_MS)])
    with qtbot.waitSignal(window.skip_requested) as asked:
        act.trigger()
    window.show_rows([task("pay_a", rev=3, enabled=False)])

    assert asked.args == [["pay_a"]]
    assert not act.isEnabled()


def test_several_chosen_tasks_are_disabled_together(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_a")
    window.grid.selectAll()

    with qtbot.waitSignal(window.disable_requested) as asked:
        window.actions_by_name["switch"].trigger()

    assert sorted(asked.args[0]) == ["pay_a", "pay_b", "vend_a"]


def test_a_viewer_is_told_why_commands_are_off(window: MainWindow) -> None:
    choose(window, "pay_a")

    window.show_link(Link(state="live", role="viewer", beat_ms=NOW_MS, beat_here_ms=NOW_MS))

    assert not window.details.run.isEnabled()
    assert window.details.run.toolTip() == "Needs the operator role"


def test_a_notice_that_can_be_undone_offers_it(window: MainWindow, qtbot: QtBot) -> None:
    window.show_notice("pay_a is paused.", "done", True)
    toast = window.findChild(Toast)

    assert isinstance(toast, Toast)
    assert toast.act is not None
    with qtbot.waitSignal(window.undo_requested):
        toast.act.click()


def test_an_act_can_be_taken_back_once_only(window: MainWindow) -> None:
    window.show_notice("pay_a is paused.", "done", True)
    window.actions_by_name["undo"].trigger()

    toast = window.findChild(Toast)
    assert isinstance(toast, Toast)
    assert toast.act is not None
    assert not toast.act.isVisible()


def test_the_palette_goes_to_a_task(window: MainWindow) -> None:
    window.show_screen("overview")
    window.actions_by_name["palette"].trigger()
    palette = window.findChild(Palette)
    assert isinstance(palette, Palette)

    palette.field.edit.setText("payb")
    palette.field.edit.returnPressed.emit()

    assert window.screen_name == "tasks"
    assert window.details.task_id == "pay_b"


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (replace(LIVE, role="viewer"), "Run now: Needs the operator role"),
        (LOST, "Run now: Off while the agent is silent"),
    ],
)
def test_a_key_whose_act_is_off_says_why(window: MainWindow, link: Link, why: str) -> None:
    choose(window, "pay_a")
    window.show_link(link)

    QTest.keyClick(window.grid, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)

    assert window.toasts.texts() == [why]


def test_what_is_taken_back_is_no_longer_said(window: MainWindow) -> None:
    window.show_notice("pay_a is paused.", can_undo=True)

    window.actions_by_name["undo"].trigger()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    assert window.toasts.texts() == []


def test_the_palette_names_the_task_that_an_act_is_about(window: MainWindow) -> None:
    choose(window, "pay_a")

    window.open_palette()
    palette = window.findChild(Palette)

    assert isinstance(palette, Palette)
    item = palette.list.item(0)
    assert item.data(Qt.ItemDataRole.AccessibleTextRole) == "Run now, pay_a, Ctrl+R"
