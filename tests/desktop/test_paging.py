"""Runs beyond the newest: asked for page by page, each kind by its own question."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.freshness import Link
from desktop.models.runs import ALL, LIVE, TROUBLE
from desktop.paging import PAGE
from desktop.tables import ROW
from desktop.views.rail import RUNS
from desktop.window import MainWindow
from shared.protocol.requests import RunsPage, RunsPageReply
from shared.protocol.rows import Row, Run
from tests.desktop.rows_at_hand import NOW_MS, run, task
from tests.desktop.windows_at_hand import AGENT, LOST
from tests.desktop.windows_at_hand import LIVE as LINK

KEPT = 320
NEW = Link(name="auckland-app-01")
"""An agent that was not heard yet."""


def recorded(number: int) -> Run:
    went_wrong = number % 10 == 0
    return run(number, "shop", result="error" if went_wrong else "success", exit=int(went_wrong))


class Outside:
    """Has so many runs recorded, and gives them in pages as an agent does."""

    def __init__(self, window: MainWindow) -> None:
        self.asked: list[RunsPage] = []
        self.waiting: list[Callable[[], None]] = []
        self.refuses = ""
        window.question_asked.connect(self._answer)

    def _answer(self, request: object, answered: Callable[[Any], None], failed: Any) -> None:
        if not isinstance(request, RunsPage):
            return
        self.asked.append(request)
        found = [recorded(number) for number in range(KEPT, 0, -1)]
        wanted = request.filter.results
        found = [one for one in found if not wanted or one.result in wanted]
        begin = int(request.cursor or 0)
        end = begin + request.limit
        following = str(end) if end < len(found) else None
        page = RunsPageReply(rows=tuple(found[begin:end]), next=following)
        self.waiting.append(
            (lambda: failed(self.refuses, "")) if self.refuses else lambda: answered(page)
        )

    def answer(self) -> None:
        self.waiting.pop(0)()


@pytest.fixture
def agent_rows() -> Sequence[Row]:
    return (AGENT, task("shop"))


@pytest.fixture
def window(window: MainWindow) -> MainWindow:
    window.show_history("", [recorded(number) for number in range(KEPT, KEPT - 50, -1)])
    return window


@pytest.fixture
def outside(window: MainWindow) -> Outside:
    made = Outside(window)
    window.show_link(LINK)
    window.show_screen(RUNS)
    return made


def shown(window: MainWindow) -> list[str]:
    model = window.executions.table.model()
    return [model.index(row, 0).data(ROW).id for row in range(model.rowCount())]


def test_older_runs_come_page_by_page_until_all_are_there(
    window: MainWindow, outside: Outside
) -> None:
    page = window.executions
    counts = [len(shown(window))]
    while page.older.isEnabled():
        QTest.keyClick(page.older, Qt.Key.Key_Return)
        assert not page.older.isEnabled(), "one page at a time"
        outside.answer()
        counts.append(len(shown(window)))

    assert counts == [50, 100, 200, 300, KEPT]
    assert [one.cursor for one in outside.asked] == [None, "100", "200", "300"]
    assert shown(window) == [recorded(number).id for number in range(KEPT, 0, -1)]
    assert page.reach.text().endswith("These are all that are kept")
    assert page.count.text() == f"the last {KEPT}"


def test_the_end_of_the_list_asks_for_more_by_itself(
    window: MainWindow, outside: Outside, qtbot: QtBot
) -> None:
    scroll = window.executions.table.verticalScrollBar()

    window.executions.table.scrollToBottom()
    qtbot.waitUntil(lambda: len(outside.asked) == 1)
    there = scroll.value()
    outside.answer()
    qtbot.waitUntil(lambda: scroll.maximum() > there)

    assert scroll.value() == there, "what was in sight stays there"
    assert len(shown(window)) == PAGE


def test_trouble_is_asked_for_as_such_and_not_looked_for_among_all(
    window: MainWindow, outside: Outside
) -> None:
    page = window.executions
    before = len(shown(window))

    page._choose(TROUBLE)
    known = len(shown(window))
    outside.answer()

    assert (before, known) == (50, 5)
    assert len(shown(window)) == KEPT // 10
    (asked,) = outside.asked
    assert set(asked.filter.results) == {"error", "timeout", "killed_memory", "missed", "lost"}
    page._choose(ALL)
    assert len(shown(window)) == 50
    page._choose(TROUBLE)
    assert len(outside.asked) == 1, "what is there is not asked for again"


def test_a_run_that_goes_wrong_now_is_among_the_trouble_at_once(
    window: MainWindow, outside: Outside
) -> None:
    window.executions._choose(TROUBLE)
    outside.answer()
    number = KEPT + 1

    window.show_rows([run(number, "shop", state="running", result=None, end_ms=None, dur_ms=None)])
    meanwhile = shown(window)
    window.show_rows([run(number, "shop", result="timeout", rev=2)])

    assert run(number).id not in meanwhile
    assert shown(window)[0] == run(number).id


def test_what_is_in_progress_has_nothing_older(window: MainWindow, outside: Outside) -> None:
    window.executions._choose(LIVE)

    assert not window.executions.older.isVisible()
    assert outside.asked == []


def test_a_refusal_is_told_and_can_be_tried_again(window: MainWindow, outside: Outside) -> None:
    outside.refuses = "The agent is busy. Try again in a moment."
    window.executions.older.click()
    outside.answer()

    assert window.executions.reach.text().endswith(outside.refuses)
    assert window.executions.older.isEnabled()


def test_while_the_agent_is_silent_nothing_older_is_asked_for(
    window: MainWindow, outside: Outside
) -> None:
    window.show_link(LOST)

    assert not window.executions.older.isEnabled()
    assert window.executions.older.toolTip()


def test_an_answer_of_the_last_agent_is_dropped(window: MainWindow, outside: Outside) -> None:
    window.executions.older.click()

    window.forget_rows()
    outside.answer()

    assert shown(window) == []
    assert window.executions.older.isEnabled()


def test_after_a_silence_the_list_begins_anew_so_that_it_has_no_hole(
    window: MainWindow, outside: Outside
) -> None:
    window.executions.older.click()
    outside.answer()
    before = len(shown(window))

    window.show_link(LOST)
    window.show_link(LINK)
    window.show_history("", [recorded(KEPT + number) for number in range(1, 51)])

    assert before == PAGE
    assert shown(window) == [recorded(KEPT + number).id for number in range(50, 0, -1)]
    window.executions.older.click()
    assert outside.asked[-1].cursor is None


def write(window: MainWindow, line: str) -> None:
    window.executions.field.edit.clear()
    QTest.keyClicks(window.executions.field.edit, line)
    QTest.keyClick(window.executions.field.edit, Qt.Key.Key_Return)


def test_conditions_are_asked_of_the_whole_history_page_by_page(window: MainWindow) -> None:
    outside = Outside(window)
    window.show_link(LINK)
    window.show_screen(RUNS)

    write(window, "result:error task:shop from:7d")

    (asked,) = outside.asked
    assert (asked.filter.task_id, asked.filter.results) == ("shop", ("error",))
    assert asked.filter.from_ms == NOW_MS - 7 * 86_400_000
    outside.answer()
    table = window.executions.table.model()
    shown = {table.index(at, 0).data(ROW).result for at in range(table.rowCount())}
    assert (table.rowCount(), shown) == (32, {"error"})
    window.executions.field.edit.clear()
    assert window.executions.table.model().rowCount() == 50


def test_conditions_written_while_nobody_answers_are_asked_once_an_agent_does(
    window: MainWindow,
) -> None:
    outside = Outside(window)
    window.show_link(NEW)
    window.show_screen(RUNS)
    write(window, "result:error")
    silent = window.executions._empty.title.text()

    window.show_link(LINK)

    assert silent.startswith("The agent was not asked yet")
    assert [one.filter.results for one in outside.asked] == [("error",)]
    outside.answer()
    assert window.executions.table.model().rowCount() == KEPT // 10


def test_other_conditions_do_not_keep_what_was_said_of_the_last_ones(window: MainWindow) -> None:
    outside = Outside(window)
    window.show_link(LINK)
    window.show_screen(RUNS)
    write(window, "result:error")
    outside.answer()
    before = window.executions.reach.text()
    window.show_link(LOST)

    write(window, "result:timeout")

    assert before.endswith("All that is kept was searched")
    assert "searched" not in window.executions.reach.text()
    assert window.executions._empty.title.text().startswith("The agent was not asked yet")


def test_an_answer_to_conditions_that_were_given_up_is_dropped(window: MainWindow) -> None:
    outside = Outside(window)
    window.show_link(LINK)
    window.show_screen(RUNS)
    write(window, "result:error")
    write(window, "result:timeout")

    outside.answer()

    assert window.executions.table.model().rowCount() == 0
    outside.answer()
    assert window.executions.table.model().rowCount() == 0
    assert [one.filter.results for one in outside.asked] == [("error",), ("timeout",)]


def test_a_condition_that_cannot_be_is_said_below_the_field_and_not_asked(
    window: MainWindow,
) -> None:
    outside = Outside(window)
    window.show_link(LINK)
    window.show_screen(RUNS)

    write(window, "result:broken")

    assert outside.asked == []
    assert window.executions.problem.text().startswith("result:broken is not known; there are")
    write(window, "broken")
    assert window.executions.problem.isHidden()


def test_home_and_end_lead_to_the_newest_and_the_oldest_run(window: MainWindow) -> None:
    window.show_link(LINK)
    window.show_screen(RUNS)
    table = window.executions.table
    table.setFocus()

    QTest.keyClick(table, Qt.Key.Key_End)
    oldest = table.currentIndex().row()
    QTest.keyClick(table, Qt.Key.Key_Home)

    assert (oldest, table.currentIndex().row()) == (49, 0)
