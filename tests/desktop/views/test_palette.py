"""The palette: a few letters lead to the right thing, and Enter does it."""

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.theme import Theme
from desktop.views.palette import Entry, Palette, matching, rank

NAMES = ("vend_sync_sales", "flagged_products_generate_ai_insights", "payroll_auto_start")


def entries(done: list[str]) -> list[Entry]:
    return [Entry(name, "Tasks", "rows", "OK", partial(done.append, name)) for name in NAMES]


def test_letters_must_come_in_order() -> None:
    assert rank("vss", "vend_sync_sales") is not None
    assert rank("ssv", "vend_sync_sales") is None


def test_beginnings_of_words_beat_letters_in_between() -> None:
    beginning, between = rank("ai", "generate_ai"), rank("ai", "payroll_main_list")

    assert beginning is not None
    assert between is not None
    assert beginning > between


def test_nothing_asked_offers_everything_in_its_order() -> None:
    assert [entry.text for entry in matching(" ", entries([]))] == list(NAMES)


def test_enter_does_the_best_answer(qtbot: QtBot, theme: Theme) -> None:
    done: list[str] = []
    palette = Palette(theme, entries(done))
    palette.open()

    QTest.keyClicks(palette.field.edit, "aiin")
    offered = palette.texts()
    QTest.keyClick(palette.field.edit, Qt.Key.Key_Return)

    assert offered == ["flagged_products_generate_ai_insights"]
    assert done == ["flagged_products_generate_ai_insights"]


def test_the_arrows_move_while_the_letters_stay(qtbot: QtBot, theme: Theme) -> None:
    done: list[str] = []
    palette = Palette(theme, entries(done))
    palette.open()

    QTest.keyClick(palette.field.edit, Qt.Key.Key_Down)
    QTest.keyClick(palette.field.edit, Qt.Key.Key_Return)

    assert done == [NAMES[1]]


def test_letters_without_an_answer_do_nothing(qtbot: QtBot, theme: Theme) -> None:
    done: list[str] = []
    palette = Palette(theme, entries(done))
    palette.open()

    QTest.keyClicks(palette.field.edit, "zzz")
    QTest.keyClick(palette.field.edit, Qt.Key.Key_Return)

    assert palette.texts() == []
    assert done == []
    palette.reject()
