"""The frame: what was dragged and chosen is there again, and panes are reached by F6."""

import json

import pytest
from pytestqt.qtbot import QtBot

from desktop.frame import Frame
from desktop.theme import Theme
from tests.desktop.rows_at_hand import NOW_MS, failing, task


def make(qtbot: QtBot, theme: Theme) -> Frame:
    frame = Frame(theme, lambda: NOW_MS)
    qtbot.addWidget(frame)
    frame._tasks.show_rows([failing("vend_a"), task("pay_a")])
    frame.show_screen("tasks")
    frame.show()
    qtbot.waitExposed(frame)
    return frame


def test_what_was_dragged_and_chosen_is_there_again(qtbot: QtBot, theme: Theme) -> None:
    first = make(qtbot, theme)
    first._across.setSizes([900, 468])
    first._across.splitterMoved.emit(0, 0)
    first.grid.header().resizeSection(2, 200)
    first._tasks.set_sort("name")
    first._tasks.set_grouped(False)
    wide = first.details.width()

    second = make(qtbot, theme)
    second.restore_state(first.save_state())

    assert wide > 400
    assert abs(second.details.width() - wide) <= 1
    assert second.grid.header().sectionSize(2) == 200
    assert second._tasks.sort_key == "name"
    assert not second._tasks.is_grouped
    assert second.toolbar.group.text() == "Group nothing"


def test_a_closed_panel_stays_closed(qtbot: QtBot, theme: Theme) -> None:
    first = make(qtbot, theme)
    first.toggle_details()

    second = make(qtbot, theme)
    second.restore_state(first.save_state())

    assert not second.details.isVisible()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        '{"details_px": 9000, "log_px": -3, "sort": "x", "columns": {"last": "wide", "next": 9e9}}',
        '{"details_px": "1", "grouped": "no", "columns": 7}',
        '{"details_px": 9e99, "log_px": 2000000000000, "columns": {"next": 1e400}}',
        "[" * 20_000,
    ],
)
def test_what_cannot_be_understood_changes_nothing(qtbot: QtBot, theme: Theme, text: str) -> None:
    frame = make(qtbot, theme)
    before = json.loads(frame.save_state())

    frame.restore_state(text)

    assert json.loads(frame.save_state()) == before


def test_f6_goes_round_the_panes_in_sight(qtbot: QtBot, theme: Theme) -> None:
    frame = make(qtbot, theme)
    frame.activateWindow()
    frame.grid.setFocus()
    order = []

    for _ in range(3):
        frame.go_to_pane(1)
        focus = frame.focusWidget()
        panes = {"details": frame.details, "rail": frame.rail, "pages": frame._pages}
        order += [name for name, pane in panes.items() if focus and pane.isAncestorOf(focus)]

    assert order == ["details", "rail", "pages"]
