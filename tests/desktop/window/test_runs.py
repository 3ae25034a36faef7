"""The screen of runs in the window: what stands there, and what can be done about one."""

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.models.runs import Column as RunColumn
from desktop.views.rail import RUNS
from desktop.window import MainWindow
from tests.desktop.rows_at_hand import run


def test_a_narrow_list_of_runs_shows_why_one_failed_before_what_it_used(
    window: MainWindow,
) -> None:
    window.show_rows([run(1, "vend_a", result="error", exit=3)])
    window.show_screen(RUNS)
    table = window.executions.table
    for wide, shown in ((960, False), (1_440, True)):
        window.resize(wide, 700)
        QTest.qWait(0)

        assert table.isColumnHidden(RunColumn.CPU) is not shown
        assert table.horizontalScrollBar().maximum() == 0
        assert table.columnWidth(RunColumn.REASON) >= 100


def test_recent_executions_show_the_last_fifty_and_filter(window: MainWindow, qtbot: QtBot) -> None:
    window.show_screen("runs")
    window.show_history("", [run(n, result="error" if n % 10 == 0 else "success", exit=1)
                             for n in range(80)])  # fmt: skip

    window.executions.which.chosen.emit("trouble")

    assert window.executions.count.text() == "the last 8"


def test_only_a_run_that_failed_or_waits_is_tried_again(window: MainWindow, qtbot: QtBot) -> None:
    window.show_screen("runs")
    rows = [
        run(1, result="error", exit=1),
        run(2),
        run(3, state="retry_wait", result=None, dur_ms=None, end_ms=None),
    ]
    window.show_history("", rows)
    page, may = window.executions, []
    for row in range(3):
        page.table.selectRow(row)
        may.append(page.retry.isEnabled())

    with qtbot.waitSignal(window.try_again_requested) as asked:
        page.table.selectRow(0)
        page.retry.click()

    assert may == [True, False, True]
    assert asked.args == [rows[2].id]


def test_what_can_be_done_about_a_chosen_run_follows_the_run(window: MainWindow) -> None:
    going = run(1, "pay_b", state="running", result=None, end_ms=None, dur_ms=None)
    window.show_rows([going])
    window.show_screen(RUNS)
    page = window.executions
    page.table.setCurrentIndex(page.table.model().index(0, 0))
    could_stop = page.stop.isEnabled()

    window.show_rows([run(1, "pay_b", result="error", rev=2)])
    ended = (page.stop.isEnabled(), page.retry.isEnabled())
    window.forget_rows()

    assert could_stop
    assert ended == (False, True)
    assert not page.retry.isEnabled()
    assert not page.open_log.isEnabled()


def test_escape_in_the_empty_field_of_the_runs_leads_to_the_runs(window: MainWindow) -> None:
    window.show_history("", [run(1)])
    window.show_screen(RUNS)
    window.executions.focus_filter()

    QTest.keyClick(window.executions.field.edit, Qt.Key.Key_Escape)

    assert window.executions.table.hasFocus()
