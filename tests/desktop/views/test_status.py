"""The bar at the foot says what waits, and what is made up for only while there is some."""

from pytestqt.qtbot import QtBot

from desktop.theme import Theme
from desktop.views.status import StatusBar
from shared.protocol.events import Summary


def test_what_is_made_up_for_is_told_while_it_lasts(qtbot: QtBot, theme: Theme) -> None:
    bar = StatusBar(theme)
    qtbot.addWidget(bar)
    bar.show_load(tasks=29, running=2, slots=8, queued=40)

    bar.show_backlog(Summary(catching_up=12, backlog=3, oldest_wait_ms=61_000))
    behind, why = bar.load.text(), bar.load.toolTip()
    bar.show_backlog(Summary())

    assert behind == "29 tasks, 2 of 8 slots in use, 40 queued, catching up 15"
    assert why.endswith("1\N{NO-BREAK SPACE}m\N{NO-BREAK SPACE}01\N{NO-BREAK SPACE}s")
    assert bar.load.text() == "29 tasks, 2 of 8 slots in use, 40 queued"
    assert bar.load.toolTip() == ""
