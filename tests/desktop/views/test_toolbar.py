"""Counters that filter, and the filter in words, in the room there is."""

import pytest
from pytestqt.qtbot import QtBot

from desktop.theme import Theme
from desktop.views.toolbar import COUNTED, Toolbar

COUNTS = {state: 3 for states in COUNTED.values() for state in states}


@pytest.fixture
def toolbar(qtbot: QtBot, theme: Theme) -> Toolbar:
    made = Toolbar(theme)
    qtbot.addWidget(made)
    # As in the window, which can be made smaller than all words are wide.
    made.setMinimumWidth(1)
    made.show()
    qtbot.waitExposed(made)
    return made


def words(toolbar: Toolbar) -> list[str]:
    """The counters that say their words, in their order."""
    shown = [counter for counter in toolbar.counters.values() if not counter.isHidden()]
    return [counter.text() for counter in shown if not counter.toolTip()]


def test_with_little_room_the_worst_states_keep_their_words_longest(toolbar: Toolbar) -> None:
    toolbar.show_counts(COUNTS, stale=False)
    said = []
    for wide in (2_400, 1_250, 1_100, 400):
        toolbar.resize(wide, 92)
        said.append(words(toolbar))

    every, some, fewer, none = said
    assert every == [counter.text() for counter in toolbar.counters.values()]
    assert "Failing" in some
    assert some == every[: len(some)]
    assert len(every) > len(some) >= len(fewer) > len(none) == 0
