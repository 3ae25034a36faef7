"""Keys: each leads to one act, and each act can be drawn and told."""

from collections import Counter

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from desktop import keys
from desktop.theme import Theme


def test_no_key_leads_to_two_acts() -> None:
    uses = Counter(key for act in keys.ACTS for key in act.keys)

    assert [key for key, number in uses.items() if number > 1] == []


def test_every_act_becomes_an_action_with_its_icon(qapp: QApplication) -> None:
    owner, done = QWidget(), list[str]()
    acts = {act.name: lambda name=act.name: done.append(name) for act in keys.ACTS}

    actions = keys.make_actions(owner, acts, Theme("dark"))
    actions["undo"].trigger()

    assert done == ["undo"]
    assert all(not actions[act.name].icon().isNull() for act in keys.ACTS if act.icon)


def test_an_act_nobody_does_is_found_when_the_window_is_made(qapp: QApplication) -> None:
    with pytest.raises(KeyError):
        keys.make_actions(QWidget(), {}, Theme("dark"))


def test_the_list_tells_every_key(qapp: QApplication) -> None:
    told = {text for _, acts in keys.key_list() for text, _ in acts}

    assert {act.text for act in keys.ACTS if act.keys} <= told
