"""What is listed or told in many lines stands on the ground of the appearance in force."""

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractScrollArea, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from desktop.parts.lines import Lines
from desktop.parts.log_text import LogText
from desktop.theme import Theme
from desktop.tokens import DARK
from desktop.views.details.summary import Summary
from desktop.views.health.lines import Lines as HealthLines

MADE: dict[str, tuple[Callable[[Theme], QWidget], type[QAbstractScrollArea], str]] = {
    "moments": (lambda theme: Lines(theme, name="moments"), Lines, DARK.surface),
    "log": (LogText, LogText, DARK.log_paper),
    "trace": (Summary, QPlainTextEdit, DARK.log_paper),
    "health": (HealthLines, QPlainTextEdit, DARK.log_paper),
}


@pytest.fixture
def theme(qtbot: QtBot) -> Iterator[Theme]:
    made = Theme("light")
    yield made
    made.choose("light")


@pytest.mark.parametrize("name", MADE)
def test_another_appearance_reaches_the_ground_of_what_is_in_sight(
    qtbot: QtBot, theme: Theme, name: str
) -> None:
    make, kind, ground = MADE[name]
    widget = make(theme)
    qtbot.addWidget(widget)
    widget.show()

    theme.choose("dark")

    area = widget if isinstance(widget, kind) else widget.findChild(kind)
    assert area is not None
    assert area.viewport().palette().base().color() == QColor(ground)
