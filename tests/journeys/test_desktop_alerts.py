"""What one desktop does about an alert, another has at once: a real agent, two real windows."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop.app import Application
from desktop.settings import Profile
from desktop.views.alerts.page import DELIVERY, HISTORY
from desktop.views.rail import ALERTS
from tests.journeys.household import Household, until

WAIT_MS = 30_000
BAD = 'task_name = "bad"\npriority = 1\nschedule = "0 0 1 1 *"\ncommand = "echo no paper; exit 3"'
GOOD = BAD.replace("; exit 3", "")

pytestmark = pytest.mark.timeout(180)


class Desk:
    """A desktop on its own profile, with the alert centre in sight."""

    def __init__(self, qtbot: QtBot, profile: Path) -> None:
        self._qtbot = qtbot
        self.application = Application(Profile(profile), theme="light")
        self.window = self.application.window
        self.centre = self.window.centre
        qtbot.addWidget(self.window)

    def connect_by(self, household: Household, name: str, role: str = "operator") -> None:
        link = household.cli("invite", "--role", role, "--label", name).strip()
        self.application.start(link=link)
        self.until(lambda: self.application.link.is_live, "the live link")
        self.until(lambda: bool(self.centre.active.model.alerts()), "the alert")
        self.window.show_screen(ALERTS)

    def until(self, is_true: Callable[[], bool], what: str) -> None:
        def check() -> None:
            assert is_true(), f"waited in vain for {what}"

        self._qtbot.waitUntil(check, timeout=WAIT_MS)

    def state(self) -> str:
        """What the one alert is said to be."""
        alert = self.centre.panel.alert
        return "" if alert is None else alert.state


@pytest.fixture
def household(bare: Household, made: Path) -> Household:
    """A home whose one task has failed."""
    bare.copy(made, environment="test", name="journey")
    bare.apply(BAD)
    bare.serve()
    bare.cli("tasks", "run", "bad")
    until(lambda: bare.json("alerts", "list"), "the alert")
    return bare


@pytest.fixture
def desks(qtbot: QtBot, tmp_path: Path) -> Iterator[tuple[Desk, Desk]]:
    both = Desk(qtbot, tmp_path / "one"), Desk(qtbot, tmp_path / "two")
    yield both
    for desk in both:
        assert desk.application.stop(), "the network thread did not stop within two seconds"
    assert not [one for one in threading.enumerate() if one.name == "network"]


def test_an_alert_is_acknowledged_noted_snoozed_and_ended_and_everyone_sees_it(
    household: Household, desks: tuple[Desk, Desk]
) -> None:
    anna, otto = desks
    anna.connect_by(household, "Anna")
    otto.connect_by(household, "Otto", role="viewer")
    panel, other = anna.centre.panel, otto.centre.panel

    panel.ack.click()
    otto.until(lambda: otto.state() == "acked", "the acknowledgement")
    assert other.alert is not None
    assert other.alert.acked_by == "Anna"
    assert not other.ack.isEnabled()

    anna.until(lambda: anna.state() == "acked", "the acknowledgement at home")
    panel.notes.field.setText("paper is ordered")
    panel.notes.add.click()
    otto.until(lambda: "Anna wrote: paper is ordered" in other.notes.texts(), "the note")

    panel.snooze.menu().actions()[0].trigger()
    otto.until(
        lambda: other.alert is not None and other.alert.snoozed_until_ms is not None, "the snooze"
    )
    anna.window.actions_by_name["undo"].trigger()
    otto.until(
        lambda: other.alert is not None and other.alert.snoozed_until_ms is None, "its undoing"
    )
    assert otto.state() == "acked"

    panel.resolve.click()
    otto.until(lambda: otto.state() == "resolved", "the end")
    anna.until(lambda: anna.state() == "resolved", "the end at home")
    (alert,) = household.json("alerts", "list", "--all")
    acts = [note["what"] for note in household.json("alerts", "show", alert["id"])["notes"]]
    assert acts == ["acknowledged", "noted", "snoozed", "acknowledged", "resolved"]
    assert any("alert.ack" in str(row) for row in household.json("audit", "list"))


def test_a_good_run_ends_the_alert_which_then_stands_in_the_history(
    household: Household, desks: tuple[Desk, Desk]
) -> None:
    desk, _ = desks
    desk.connect_by(household, "Anna")
    assert desk.window.header.bell.isVisible()

    household.apply(GOOD)
    household.cli("tasks", "run", "bad")
    desk.until(lambda: not desk.centre.active.model.alerts(), "the end")
    desk.centre.tabs.choose(HISTORY)

    desk.until(lambda: desk.centre.history_model.rowCount() == 1, "the page of history")
    desk.centre.enter()
    desk.until(
        lambda: any("succeeded" in text for text in desk.centre.panel.events.texts()), "the run"
    )
    assert desk.state() == "resolved"
    assert not desk.window.header.bell.isVisible()
    desk.centre.tabs.choose(DELIVERY)
    desk.until(
        lambda: desk.centre.mail_line.text().startswith("No mail, no chat"), "how mail stands"
    )
