"""Where several lines are written: as high as what stands there."""

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.parts.areas import MOST_LINES, Comparison, TextArea
from desktop.theme import Theme


@pytest.mark.parametrize("lines", [1, 2, 5, MOST_LINES])
def test_what_is_seen_whole_has_nothing_to_scroll(qtbot: QtBot, theme: Theme, lines: int) -> None:
    area = TextArea(theme, name="lines")
    qtbot.addWidget(area)
    area.setText("\n".join("30 6 * * *" for _ in range(lines)))
    area.resize(300, area.height())
    area.show()
    qtbot.waitExposed(area)
    QApplication.sendPostedEvents()

    assert area.verticalScrollBar().maximum() == 0
    assert not area.verticalScrollBar().isVisible()


def test_what_is_more_scrolls(qtbot: QtBot, theme: Theme) -> None:
    area = TextArea(theme, name="lines")
    qtbot.addWidget(area)
    area.setText("\n".join("30 6 * * *" for _ in range(MOST_LINES + 2)))
    area.show()
    qtbot.waitExposed(area)

    assert area.verticalScrollBar().maximum() > 0


@pytest.mark.parametrize("kind", [TextArea, Comparison])
def test_where_the_keyboard_is_stands_a_ring(
    qtbot: QtBot, theme: Theme, kind: type[TextArea] | type[Comparison]
) -> None:
    area = kind(theme, name="lines")
    qtbot.addWidget(area)
    area.show()
    area.activateWindow()
    qtbot.waitUntil(area.isActiveWindow)

    area.clearFocus()
    without = area.grab().toImage()
    area.setFocus()
    qtbot.waitUntil(area.hasFocus)
    ring = area.grab().toImage().pixelColor(1, area.height() // 2)

    assert ring == QColor(theme.tokens.focus)
    assert without.pixelColor(1, area.height() // 2) != ring
