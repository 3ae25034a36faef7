"""Who asked what: an administrator sees it, page by page; others are told why not."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.models.audit import Column
from desktop.views.audit import REFUSED
from desktop.views.rail import AUDIT, TASKS
from desktop.window import MainWindow
from shared.protocol.access import AuditPage, AuditPageReply, AuditRow
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS
from tests.desktop.windows_at_hand import LIVE, LOST

BOSS = replace(LIVE, role="admin")


def asked_for(number: int, **more: Any) -> AuditRow:
    facts: dict[str, Any] = {
        "id": number,
        "at_ms": NOW_MS - (1_000 - number) * MINUTE_MS,
        "key_id": "0" * 16,
        "label": "Anna",
        "role": "operator",
        "address": "10.0.0.7",
        "type": "run.start",
        "target": f"shop_{number}",
        **more,
    }
    return AuditRow(**facts)


class Outside:
    """An agent with an audit, given in pages, the newest first."""

    def __init__(self, window: MainWindow, rows: int = 250) -> None:
        self.rows = [asked_for(number) for number in range(rows, 0, -1)]
        self.asked: list[AuditPage] = []
        self.refuses = ""
        self.is_slow = False
        self.later: list[Callable[[], None]] = []
        window.question_asked.connect(self._answer)

    def _answer(self, request: object, answered: Callable[[Any], None], failed: Any) -> None:
        if not isinstance(request, AuditPage):
            return
        self.asked.append(request)
        if self.is_slow:
            self.later.append(partial(self._answer, request, answered, failed))
        elif self.refuses:
            failed(self.refuses, "")
        else:
            self._tell(request, answered)

    def _tell(self, request: AuditPage, answered: Callable[[Any], None]) -> None:
        begin = int(request.cursor or 0)
        end = begin + request.limit
        following = str(end) if end < len(self.rows) else None
        answered(AuditPageReply(rows=tuple(self.rows[begin:end]), next=following))


@pytest.fixture
def outside(window: MainWindow) -> Outside:
    made = Outside(window)
    window.show_link(BOSS)
    return made


def texts(window: MainWindow, row: int = 0) -> list[str]:
    model = window.audit.table.model()
    return [model.index(row, column).data() for column in Column]


def count(window: MainWindow) -> int:
    return window.audit.table.model().rowCount()


def test_an_administrator_sees_who_did_what_and_goes_back_page_by_page(
    window: MainWindow, outside: Outside
) -> None:
    assert outside.asked == [], "nothing is asked before it is looked at"
    window.actions_by_name["audit"].trigger()
    first = texts(window)

    counts = [count(window)]
    while window.audit.older.isEnabled():
        QTest.keyClick(window.audit.older, Qt.Key.Key_Return)
        counts.append(count(window))

    assert counts == [100, 200, 250]
    assert first[1:] == ["Anna", "Ran now", "shop_250", "Done", "", "10.0.0.7"]
    assert window.audit.reach.text() == "This is all that is kept"


def test_words_and_refusals_are_found_among_what_is_shown(
    window: MainWindow, outside: Outside
) -> None:
    outside.rows[3] = asked_for(247, label="Otto", type="run.abort", code="forbidden")
    window.show_screen(AUDIT)

    window.audit.field.edit.setText("otto stop")
    found = (count(window), texts(window))
    window.audit.field.edit.setText("")
    window.audit.which.chosen.emit(REFUSED)

    assert found[0] == 1
    assert found[1][1:5] == ["Otto", "Stopped a run", "shop_247", "Refused: forbidden"]
    assert count(window) == 1
    assert window.audit.count.text() == "1 of the last 100"


def test_the_end_of_a_connection_is_no_refusal_and_a_command_of_the_host_is_named(
    window: MainWindow, outside: Outside
) -> None:
    outside.rows[3] = asked_for(247, type="session.end", code="rate_limited")
    outside.rows[4] = asked_for(246, type="tasks apply", code="bad_definition")
    window.show_screen(AUDIT)

    ended, ordered = texts(window, 3), texts(window, 4)
    window.audit.which.chosen.emit(REFUSED)

    assert (ended[2], ended[4]) == ("Disconnected", "Ended: rate limited")
    assert (ordered[2], ordered[4]) == ("On the host: tasks apply", "Refused: bad definition")
    assert [texts(window, row)[2] for row in range(count(window))] == ["On the host: tasks apply"]


def test_who_is_no_administrator_is_told_so_and_nothing_is_asked(
    window: MainWindow, outside: Outside
) -> None:
    window.show_link(LIVE)
    window.show_screen(AUDIT)

    assert outside.asked == []
    assert window.audit.empty.title.text() == "Only administrators see who asked what"
    assert "operator" in window.audit.empty.text.text()


def test_a_refusal_is_said_until_the_agent_answers(window: MainWindow, outside: Outside) -> None:
    outside.refuses = "The agent is busy. Try again in a moment."
    rows, outside.rows = outside.rows, []
    window.show_screen(AUDIT)
    window.show_link(replace(BOSS, round_trip_ms=4))
    refused = window.audit.empty.title.text()

    outside.refuses = ""
    window.actions_by_name["refresh"].trigger()
    answered = window.audit.empty.title.text()
    outside.rows = rows
    window.actions_by_name["refresh"].trigger()

    assert refused == "It could not be told"
    assert answered != refused
    assert count(window) == 100


def test_that_nobody_changed_anything_is_said_only_when_the_agent_says_so(
    window: MainWindow, outside: Outside
) -> None:
    outside.is_slow, outside.rows = True, []
    window.show_screen(AUDIT)
    asked = window.audit.empty.title.text()

    outside.is_slow = False
    for answer in outside.later:
        answer()
    told = window.audit.empty.title.text()
    window.forget_rows()

    assert asked == "The agent is asked"
    assert told == "Nobody changed anything yet"
    assert window.audit.empty.title.text() != told, "another agent has said nothing of it"


def test_to_come_again_asks_for_the_newest_and_keeps_what_was_fetched(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(AUDIT)
    window.audit.older.click()
    outside.rows.insert(0, asked_for(251))

    window.show_screen(TASKS)
    window.show_screen(AUDIT)

    assert count(window) == 201
    assert texts(window)[3] == "shop_251"
    window.audit.older.click()
    assert outside.asked[-1].cursor == "200"


def test_more_than_a_page_that_came_meanwhile_leaves_no_hole(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(AUDIT)
    outside.rows = [asked_for(number) for number in range(900, 0, -1)]

    window.actions_by_name["refresh"].trigger()

    assert count(window) == 100
    assert texts(window, 99)[3] == "shop_801"


def test_while_the_agent_is_silent_what_is_known_stays_and_no_more_is_asked_for(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(AUDIT)

    window.show_link(replace(LOST, role="admin"))

    assert count(window) == 100
    assert not window.audit.older.isEnabled()
    assert window.audit.older.toolTip()


def test_of_another_agent_nothing_of_the_last_one_is_shown(
    window: MainWindow, outside: Outside
) -> None:
    window.show_screen(AUDIT)

    window.forget_rows()

    assert count(window) == 0


@pytest.mark.parametrize(("wide", "is_hidden"), [(960, True), (1_440, False)])
def test_a_narrow_window_keeps_room_for_details_and_tells_from_where_in_a_tip(
    window: MainWindow, outside: Outside, qtbot: QtBot, wide: int, is_hidden: bool
) -> None:
    window.show_screen(AUDIT)
    table = window.audit.table

    window.resize(wide, 700)

    qtbot.waitUntil(lambda: table.isColumnHidden(Column.ADDRESS) is is_hidden)
    assert table.columnWidth(Column.DETAILS) >= 100
    tip = table.model().index(0, Column.WHO).data(Qt.ItemDataRole.ToolTipRole)
    assert tip.splitlines() == ["Anna", "operator", "0" * 16, "10.0.0.7"]


def test_whoever_hears_the_table_hears_the_whole_row(window: MainWindow, outside: Outside) -> None:
    window.show_screen(AUDIT)

    heard = window.audit.table.model().index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)

    assert heard.endswith("Anna, Ran now, shop_250, Done, 10.0.0.7")
