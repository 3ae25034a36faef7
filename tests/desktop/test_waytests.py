"""A channel is tried by hand from the window, and what came of it stands beside it."""

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop.views.alerts.page import DELIVERY
from desktop.views.rail import ALERTS
from desktop.window import MainWindow
from shared.protocol.alerting import (
    DeliveriesPage,
    DeliveriesReply,
    MailState,
    Missed,
    Way,
    WayTest,
    WayTestReply,
)
from shared.protocol.requests import OpReply
from tests.desktop.rows_at_hand import NOW_MS
from tests.desktop.test_alarms import SENT
from tests.desktop.windows_at_hand import LIVE, LOST

MAIL = Way(name="mail", sevs=("critical", "high"), to=("ops@example.org", "boss@example.org"))
PAGER = Way(name="pager", sevs=("critical",), to=("pager",))


class Outside:
    """Says which channels there are, and keeps the tests that are ordered."""

    def __init__(self, window: MainWindow) -> None:
        self.ways: tuple[Way, ...] = (MAIL, PAGER)
        self.tests: list[WayTest] = []
        self.said: list[str] = []
        self.taken: list[Callable[[Any], None]] = []
        self.failed: list[Callable[[str, str], None]] = []
        window.question_asked.connect(self._answer)
        window.standing_ordered.connect(self._take)

    def _answer(self, request: object, answered: Callable[[Any], None], _failed: object) -> None:
        if isinstance(request, DeliveriesPage):
            answered(DeliveriesReply(rows=(SENT,), mail=MailState(is_on=True), ways=self.ways))

    def _take(self, order: WayTest, said: str, _back: object, taken: Any, failed: Any) -> None:
        self.tests.append(order)
        self.said.append(said)
        self.taken.append(taken)
        self.failed.append(failed)


@pytest.fixture
def outside(window: MainWindow) -> Outside:
    made = Outside(window)
    window.show_link(LIVE)
    window.show_screen(ALERTS)
    window.centre.tabs.choose(DELIVERY)
    return made


@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Return])
def test_a_channel_is_tried_by_key_and_waits_until_the_agent_has_said_what_came_of_it(
    window: MainWindow, outside: Outside, key: Qt.Key
) -> None:
    mail, pager = window.centre.ways.test_buttons

    QTest.keyClick(mail, key)

    assert [one.id for one in outside.tests] == ["mail"]
    assert outside.said == [""], "it is said beside the channel, not twice"
    assert not mail.isEnabled()
    assert pager.isEnabled()
    assert mail.accessibleName() == "Send a test by Mail"
    assert window.centre.ways.trial_texts()[0].startswith("A test is on its way")


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (
            WayTestReply(to=MAIL.to, answer="250 taken"),
            "the test was taken for ops@example.org, boss@example.org (250 taken)",
        ),
        (
            WayTestReply(to=MAIL.to, missed=(Missed(to=MAIL.to[1], why="550 nobody"),)),
            "the test was taken for ops@example.org, and not for boss@example.org: 550 nobody",
        ),
        (
            WayTestReply(to=MAIL.to, missed=tuple(Missed(to=one, why="away") for one in MAIL.to)),
            "nobody got the test. ops@example.org, boss@example.org: away",
        ),
        (
            WayTestReply(to=("ops@example.org",), fault="alert.txt:3"),
            "the test was taken for ops@example.org. It went in the usual words, "
            "a template of yours is broken: alert.txt:3",
        ),
    ],
)
def test_it_is_told_who_got_it_and_who_did_not_and_why(
    window: MainWindow, outside: Outside, reply: WayTestReply, says: str
) -> None:
    window.centre.ways.test_buttons[0].click()

    outside.taken[0](reply)

    (said,) = window.centre.ways.trial_texts()
    assert said.partition(": ")[2] == says
    assert window.centre.ways.test_buttons[0].isEnabled()


def test_all_channels_are_tried_at_once_and_each_says_what_came_of_its_own(
    window: MainWindow, outside: Outside
) -> None:
    window.centre.ways.test_all.click()
    outside.failed[1]("The agent did not answer.", "")

    assert [one.id for one in outside.tests] == ["mail", "pager"]
    mail, pager = window.centre.ways.trial_texts()
    assert mail.startswith("A test is on its way")
    assert pager.endswith(": The agent did not answer.")
    window.centre.ways.test_all.click()
    assert [one.id for one in outside.tests] == ["mail", "pager", "pager"]


def test_a_link_that_broke_meanwhile_leaves_it_open_what_came_of_it(
    window: MainWindow, outside: Outside
) -> None:
    window.centre.ways.test_buttons[0].click()

    outside.taken[0](OpReply(op="0" * 32, state="done", type="way.test", at_ms=NOW_MS))

    (said,) = window.centre.ways.trial_texts()
    assert said.endswith("It was sent, but the link was lost before the agent told more.")


def test_whoever_may_not_order_is_told_why(window: MainWindow, outside: Outside) -> None:
    window.show_link(LOST)

    for button in (*window.centre.ways.test_buttons, window.centre.ways.test_all):
        assert not button.isEnabled()
        assert button.toolTip()


def test_another_agent_has_other_channels_and_an_answer_of_the_last_one_is_dropped(
    window: MainWindow, outside: Outside
) -> None:
    window.centre.ways.test_buttons[0].click()

    window.forget_rows()
    outside.taken[0](WayTestReply(to=MAIL.to, answer="250 taken"))
    window.centre.show_ways(DeliveriesReply(ways=(PAGER,)))

    assert window.centre.ways.trial_texts() == []
    assert not window.centre.ways.test_all.isVisible(), "one channel is not all of several"


def test_beside_the_quiet_times_nothing_is_tried(window: MainWindow, outside: Outside) -> None:
    assert window.centre.quiet_ways.test_buttons == []


def test_the_keyboard_reaches_each_channel_before_all_and_then_the_messages(
    window: MainWindow, outside: Outside
) -> None:
    ways = window.centre.ways
    window.activateWindow()
    assert QTest.qWaitForWindowActive(window)
    ways.test_buttons[0].setFocus()

    walked = []
    for _ in range(3):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)  # type: ignore[arg-type] # there is one
        walked.append(QApplication.focusWidget())

    assert walked == [ways.test_buttons[1], ways.test_all, window.centre.messages.table]
