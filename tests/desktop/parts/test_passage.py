"""Words of any length, and names longer than a line: wrapped anywhere, selected, copied."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from desktop.parts.passage import Passage
from desktop.theme import Theme

NAME = "flagged_products_generate_ai_insights_of_every_outlet_in_the_whole_country"


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    made = Theme("light")
    yield made
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def page(qtbot: QtBot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def passage(qtbot: QtBot, theme: Theme, page: QWidget) -> Passage:
    made = Passage(theme, px=20, weight=600)
    layout = QVBoxLayout(page)
    layout.addWidget(made)
    layout.addStretch(1)
    page.resize(300, 400)
    page.show()
    qtbot.waitExposed(page)
    return made


def test_a_name_longer_than_a_line_goes_on_in_the_next_one_and_is_whole(
    passage: Passage, page: QWidget
) -> None:
    passage.setText("short")
    one_line = passage.height()

    passage.setText(f"{NAME} failed")

    assert page.width() == 300, "no name makes the page wider"
    assert passage.height() >= 2 * one_line
    assert passage.document().size().width() <= passage.viewport().width()
    assert passage.height() >= passage.document().size().height()


def test_what_is_copied_is_what_was_said(passage: Passage) -> None:
    passage.setText(NAME)

    passage.selectAll()
    passage.copy()

    assert QGuiApplication.clipboard().text() == NAME == passage.text()


def test_the_same_words_again_leave_the_selection(passage: Passage) -> None:
    passage.setText(NAME)
    passage.selectAll()

    passage.setText(NAME)

    assert passage.textCursor().selectedText() == NAME


def test_more_room_needs_less_height(passage: Passage, page: QWidget, qtbot: QtBot) -> None:
    passage.setText(f"{NAME} failed")
    narrow = passage.height()

    page.resize(900, 400)

    qtbot.waitUntil(lambda: passage.height() < narrow)


def test_its_ink_follows_the_theme(passage: Passage, theme: Theme) -> None:
    passage.set_ink("bad.text")
    theme.choose("dark")

    ink = passage.palette().color(QPalette.ColorRole.Text)
    assert ink == QColor(theme.tokens.bad.text)
