"""The panel about one task: what is asked for it, what it says, and its newest log."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from desktop import words
from desktop.taskwords import Column
from desktop.views.rail import OVERVIEW
from desktop.window import MainWindow
from shared.protocol.rows import Task
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, failing, task
from tests.desktop.windows_at_hand import AGENT, choose, detail


def test_choosing_a_task_asks_for_its_details_once_it_rests(
    window: MainWindow, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(window.detail_requested) as asked:
        choose(window, "pay_a")

    assert asked.args == ["pay_a"]


def test_details_show_settings_bars_and_the_error(window: MainWindow, qtbot: QtBot) -> None:
    row = failing("vend_a")
    choose(window, "vend_a")

    window.show_detail(detail(row))

    assert window.details.settings.texts()["Command"] == "php x.php"
    window.details.summary.copy.click()
    assert QApplication.clipboard().text() == "429 Too Many Requests\n#0 lib/VendClient.php(212)"
    assert window.details.pill.text == "Failing, 3 in a row"


def test_details_of_another_task_are_not_shown(window: MainWindow) -> None:
    choose(window, "pay_a")

    window.show_detail(detail(failing("vend_a")))

    assert window.details.settings.texts() == {}


def test_of_a_task_of_the_same_name_elsewhere_the_old_error_is_not_shown(
    window: MainWindow,
) -> None:
    row = failing("vend_a")
    choose(window, "vend_a")
    window.show_detail(detail(row))
    before = window.details.summary.error_text()

    window.forget_rows()
    window.show_rows([AGENT, row])

    assert before
    assert window.details.task_id == "vend_a"
    assert window.details.summary.error_text() == ""
    assert not window.details.summary.open_run.isVisible()


def test_the_newest_log_is_asked_for_and_shown(window: MainWindow, qtbot: QtBot) -> None:
    choose(window, "pay_b")

    with qtbot.waitSignal(window.log_requested) as asked:
        window.actions_by_name["log"].trigger()
    run_id = asked.args[0]
    window.append_log(run_id, b"hello\n")
    window.append_log("another-run", b"not mine\n")
    window.end_log(run_id)

    assert run_id == "01KAS000000000000000000777"
    qtbot.waitUntil(lambda: window.log.text.toPlainText() == "hello\n")


def test_closing_the_log_says_that_nobody_looks(window: MainWindow, qtbot: QtBot) -> None:
    window._following.open("run-1")

    with qtbot.waitSignal(window.log_closed) as told:
        window.log.closed.emit()

    assert told.args == ["run-1"]


@pytest.mark.parametrize(
    ("row", "good", "said"),
    [
        (task("pay_a", runs_24h=0, success_rate_24h=None, stops_24h=1), "0 of 0",
         "succeeded, 1 stopped"),
        (task("pay_a", runs_24h=4, fails_24h=1, success_rate_24h=0.75, stops_24h=2), "3 of 4",
         f"{words.percent(0.75)} succeeded, 2 stopped"),
    ],
)  # fmt: skip
def test_runs_that_somebody_stopped_stand_apart_in_the_summary(
    window: MainWindow, row: Task, good: str, said: str
) -> None:
    window.show_rows([row])
    choose(window, "pay_a")

    shown = texts_of(window)

    assert good in shown
    assert said in shown


def texts_of(window: MainWindow) -> list[str]:
    return [one.text() for one in window.details.findChildren(QLabel) if one.isVisible()]


def test_a_skipped_moment_is_told_with_what_comes_instead_and_by_whom(window: MainWindow) -> None:
    due_ms, then_ms = NOW_MS + 25 * MINUTE_MS, NOW_MS + 55 * MINUTE_MS
    skipped = task(
        "pay_a", skip_until_ms=due_ms, skip_reason="by Anna: stocktaking", resumes_ms=then_ms
    )
    window.show_rows([skipped])
    choose(window, "pay_a")

    zone = words.zone_named(skipped.tz)
    due, then = (words.clock(at_ms, zone, NOW_MS) for at_ms in (due_ms, then_ms))
    shown = texts_of(window)
    assert words.clock(then_ms, zone, NOW_MS, seconds=True) in shown
    assert shown[shown.index("Skipped") + 1 :][:2] == [due, "by Anna: stocktaking"]
    row = window._tasks.index_of("pay_a", Column.NEXT)
    assert row.data() == then
    assert "by Anna: stocktaking" in row.data(Qt.ItemDataRole.ToolTipRole)
    window.show_screen(OVERVIEW)
    (coming,) = [one for one in window.overview._coming if one.task_id == "pay_a"]
    assert then in coming.accessibleName()


@pytest.mark.parametrize("resumes_ms", [None, NOW_MS + 90 * MINUTE_MS])
def test_a_paused_task_says_when_it_really_runs_next(
    window: MainWindow, resumes_ms: int | None
) -> None:
    paused = task("pay_a", paused=True, paused_until_ms=resumes_ms, resumes_ms=resumes_ms)
    window.show_rows([paused])
    choose(window, "pay_a")

    zone = words.zone_named(paused.tz)
    shown = texts_of(window)
    next_run = shown[shown.index("Next run") + 1 :][:2]
    if resumes_ms is None:
        assert next_run == ["none", "until it is resumed"]
    else:
        at = words.clock(resumes_ms, zone, NOW_MS, seconds=True)
        assert next_run == [at, "the first after the pause"]
