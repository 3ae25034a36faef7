"""The log: colours, letters cut in two, a bound, search."""

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop.parts.log_text import KEPT_CHARACTERS
from desktop.theme import Theme
from desktop.views.log import LogDock
from tests.desktop.rows_at_hand import NOW_MS, run


@pytest.fixture
def dock(qtbot: QtBot, theme: Theme) -> LogDock:
    made = LogDock(theme)
    qtbot.addWidget(made)
    made.resize(900, 240)
    made.begin("run-1")
    made.show()
    return made


def settled(dock: LogDock, qtbot: QtBot) -> str:
    qtbot.waitUntil(lambda: not dock.text.is_busy and not dock.text._timer.isActive())
    return dock.text.toPlainText()


def test_a_letter_cut_between_two_chunks_is_one_letter(dock: LogDock, qtbot: QtBot) -> None:
    whole = "Größe: 3 €\n".encode()

    for at in range(len(whole)):
        dock.append(whole[at : at + 1])
    text = settled(dock, qtbot)

    assert text == "Größe: 3 €\n"


def test_colours_are_decoded_and_never_shown_as_signs(
    dock: LogDock, qtbot: QtBot, theme: Theme
) -> None:
    dock.append(b"\x1b[31merror\x1b[0m plain\n")
    text = settled(dock, qtbot)

    cursor = dock.text.textCursor()
    cursor.setPosition(2)
    assert text == "error plain\n"
    assert cursor.charFormat().foreground().color().name() == theme.tokens.bad.text.lower()


def test_a_line_that_came_in_pieces_is_one_line(dock: LogDock, qtbot: QtBot) -> None:
    dock.append(b"half")
    settled(dock, qtbot)
    dock.append(" a line\n")

    assert settled(dock, qtbot) == "half a line\n"


def test_at_most_one_megabyte_is_kept_the_newest(dock: LogDock, qtbot: QtBot) -> None:
    line = b"x" * 99 + b"\n"

    dock.append(line * 15_000)
    dock.append(b"the end\n")
    text = settled(dock, qtbot)

    assert len(text) <= KEPT_CHARACTERS + 100
    assert text.endswith("the end\n")


def test_what_was_left_out_is_said(dock: LogDock, qtbot: QtBot) -> None:
    dock.append(b"after\n", skipped=12_000)

    assert settled(dock, qtbot).replace("\N{NO-BREAK SPACE}", " ") == "12 kB left out here\nafter\n"


def test_a_log_without_a_word_says_whether_one_may_still_come(dock: LogDock) -> None:
    meanwhile = dock.text.placeholderText()
    dock.end()

    assert meanwhile == "Waiting for output"
    assert dock.text.placeholderText() == "This run has written nothing"
    dock.show_nothing()
    assert dock.text.placeholderText() == ""


def test_search_counts_and_goes_round(dock: LogDock, qtbot: QtBot) -> None:
    dock.append(b"429 one\n200 two\n429 three\n")
    settled(dock, qtbot)

    dock.search.edit.setText("429")
    places = []
    for _ in range(3):
        dock.go_to_match(1)
        places.append(dock.text.textCursor().blockNumber())

    assert dock.match_count == 2
    assert places == [0, 2, 0]


def test_following_stops_when_the_reader_scrolls_up(dock: LogDock, qtbot: QtBot) -> None:
    dock.append(b"line\n" * 500)
    settled(dock, qtbot)
    bar = dock.text.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.value() == bar.maximum())

    bar.setValue(0)

    assert not dock.follow.isChecked()
    dock.append(b"more\n" * 10)
    settled(dock, qtbot)
    assert bar.value() == 0


def test_following_is_off_while_the_agent_is_silent_and_the_text_stays(
    dock: LogDock, qtbot: QtBot
) -> None:
    dock.append(b"kept\n")
    settled(dock, qtbot)

    dock.show_stale(True)

    assert not dock.follow.isEnabled()
    assert dock.text.toPlainText() == "kept\n"


def test_the_title_names_the_run_and_whether_it_grows(dock: LogDock) -> None:
    dock.begin(run(1).id)
    dock.show_run(run(1, state="running", result=None), zone="UTC", now_ms=NOW_MS)

    assert dock.title.text() == "payroll_sync"
    assert dock.subline.text().endswith("attempt 1, still growing")


def test_a_log_that_cannot_be_saved_says_so(dock: LogDock, qtbot: QtBot, tmp_path: Path) -> None:
    with qtbot.waitSignal(dock.failed) as told:
        dock.save_to(tmp_path / "missing" / "a.log")

    assert "could not be saved" in told.args[0]
