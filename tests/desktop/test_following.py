"""One log is followed at a time, in the dock, in the panel, or in both."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.following import Following
from desktop.models.runs import RunsModel
from desktop.theme import Theme
from desktop.views.details.panel import LOG_TAB, SUMMARY_TAB, Details
from desktop.views.log import LogDock
from tests.desktop.rows_at_hand import NOW_MS, running, task

NEWEST = "01KAS000000000000000000777"


class Bench:
    """A dock and a panel side by side, and who follows logs for them."""

    def __init__(self, qtbot: QtBot, theme: Theme) -> None:
        self.home = QWidget()
        qtbot.addWidget(self.home)
        self.dock = LogDock(theme, self.home)
        self.dock.hide()
        self.details = Details(theme, lambda: NOW_MS, self.home)
        runs = RunsModel(lambda: NOW_MS)
        self.following = Following(
            self.dock, self.details, runs, now=lambda: NOW_MS, zone_of=lambda _: "UTC"
        )
        self.home.show()


@pytest.fixture
def bench(qtbot: QtBot, qapp: QApplication) -> Iterator[Bench]:
    yield Bench(qtbot, Theme("light"))
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_the_log_tab_asks_for_the_run_in_progress_and_shows_it_grow(
    bench: Bench, qtbot: QtBot
) -> None:
    bench.details.show_task(running("pay_b"), "running")

    with qtbot.waitSignal(bench.following.wanted) as asked:
        bench.details.tabs.choose(LOG_TAB)
    bench.following.append(NEWEST, "hello\n")

    assert asked.args == [NEWEST]
    assert not bench.dock.isVisible()
    qtbot.waitUntil(lambda: bench.details.tail.text.toPlainText() == "hello\n")


def test_leaving_the_tab_says_that_nobody_looks(bench: Bench, qtbot: QtBot) -> None:
    bench.details.show_task(running("pay_b"), "running")
    bench.details.tabs.choose(LOG_TAB)

    with qtbot.waitSignal(bench.following.left) as told:
        bench.details.tabs.choose(SUMMARY_TAB)

    assert told.args == [NEWEST]


def test_leaving_the_tab_keeps_a_log_the_dock_shows(bench: Bench, qtbot: QtBot) -> None:
    bench.details.show_task(running("pay_b"), "running")
    bench.details.tabs.choose(LOG_TAB)
    bench.following.open(NEWEST)

    with qtbot.assertNotEmitted(bench.following.left):
        bench.details.tabs.choose(SUMMARY_TAB)


def test_a_new_run_of_the_task_takes_over_the_tab(bench: Bench, qtbot: QtBot) -> None:
    bench.details.show_task(task("pay_b"), "ok")
    bench.details.tabs.choose(LOG_TAB)

    with qtbot.waitSignal(bench.following.wanted) as asked:
        bench.details.show_task(running("pay_b", rev=2), "running")

    assert asked.args == [NEWEST]


def test_the_tab_never_shows_the_log_of_another_run(bench: Bench, qtbot: QtBot) -> None:
    bench.details.show_task(running("pay_b"), "running")
    bench.details.tabs.choose(LOG_TAB)

    bench.following.open("other")
    bench.following.append("other", "not yours\n")

    qtbot.waitUntil(lambda: bench.dock.text.toPlainText() == "not yours\n")
    assert bench.details.tail.text.toPlainText() == ""
    assert bench.details.tail.run_id == ""


def test_a_task_that_never_ran_has_no_log(bench: Bench, qtbot: QtBot) -> None:
    bench.details.show_task(task("new", last=None), "never")

    with qtbot.assertNotEmitted(bench.following.wanted):
        bench.details.tabs.choose(LOG_TAB)
