"""What one desktop does about an alert, another has at once: a real agent, two real windows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from desktop.views.alerts.page import DELIVERY, HISTORY
from desktop.views.rail import ALERTS
from tests.journeys.desks import Desk, desks_at
from tests.journeys.household import CALM, Household, until
from tests.postoffice import let_mail, mail_server

BAD = 'task_name = "bad"\npriority = 1\nschedule = "0 0 1 1 *"\ncommand = "echo no paper; exit 3"'
GOOD = BAD.replace("; exit 3", "")


def at_the_alert(household: Household, desk: Desk, name: str, role: str = "operator") -> None:
    """Connected, with the alert centre in sight."""
    desk.connect_by(household, name, role=role)
    desk.until(lambda: bool(desk.centre.active.model.alerts()), "the alert")
    desk.window.show_screen(ALERTS)


def state(desk: Desk) -> str:
    """What the one alert is said to be."""
    alert = desk.centre.panel.alert
    return "" if alert is None else alert.state


@pytest.fixture
def household(bare: Household, made: Path) -> Household:
    """A home whose one task has failed."""
    bare.copy(made, environment="test", name="journey", **CALM)
    bare.apply(BAD)
    bare.serve()
    bare.cli("tasks", "run", "bad")
    until(lambda: bare.alerts("bad"), "the alert")
    return bare


@pytest.fixture
def desks(qtbot: QtBot, tmp_path: Path) -> Iterator[tuple[Desk, ...]]:
    with desks_at(qtbot, tmp_path / "one", tmp_path / "two") as both:
        yield both


def test_an_alert_is_acknowledged_noted_snoozed_and_ended_and_everyone_sees_it(
    household: Household, desks: tuple[Desk, ...]
) -> None:
    anna, otto = desks
    at_the_alert(household, anna, "Anna")
    at_the_alert(household, otto, "Otto", role="viewer")
    panel, other = anna.centre.panel, otto.centre.panel

    panel.ack.click()
    otto.until(lambda: state(otto) == "acked", "the acknowledgement")
    assert other.alert is not None
    assert other.alert.acked_by == "Anna"
    assert not other.ack.isEnabled()

    anna.until(lambda: state(anna) == "acked", "the acknowledgement at home")
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
    assert state(otto) == "acked"

    panel.resolve.click()
    otto.until(lambda: state(otto) == "resolved", "the end")
    anna.until(lambda: state(anna) == "resolved", "the end at home")
    anna.press("undo")
    for desk in desks:
        desk.until(lambda desk=desk: state(desk) == "open", "that it is open again")  # type: ignore[misc]
    (alert,) = household.alerts("bad", "--all")
    acts = [note["what"] for note in household.json("alerts", "show", alert["id"])["notes"]]
    assert acts == ["acknowledged", "noted", "snoozed", "acknowledged", "resolved", "reopened"]
    assert any("alert.ack" in str(row) for row in household.json("audit", "list"))


def test_a_good_run_ends_the_alert_which_then_stands_in_the_history(
    household: Household, desks: tuple[Desk, ...]
) -> None:
    desk = desks[0]
    at_the_alert(household, desk, "Anna")
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
    assert state(desk) == "resolved"
    assert not desk.window.header.bell.isVisible()
    desk.centre.tabs.choose(DELIVERY)
    desk.until(
        lambda: desk.centre.mail_line.text().startswith("No mail, no chat"), "how mail stands"
    )


def test_a_test_of_the_mail_arrives_and_the_window_says_for_whom(
    bare: Household, made: Path, desks: tuple[Desk, ...]
) -> None:
    anna, otto = desks
    bare.copy(made, environment="test", name="journey")
    with mail_server() as sink:
        let_mail(bare.home, sink)
        bare.serve()
        for desk, role in ((anna, "operator"), (otto, "viewer")):
            desk.connect_by(bare, role, role=role)
            desk.window.show_screen(ALERTS)
            desk.centre.tabs.choose(DELIVERY)
            desk.until(lambda ways=desk.centre.ways: bool(ways.test_buttons), "the channel")  # type: ignore[misc]
        assert not otto.centre.ways.test_buttons[0].isEnabled()

        anna.centre.ways.test_buttons[0].click()
        anna.until(
            lambda: any("taken for anna@" in one for one in anna.centre.ways.trial_texts()),
            "what came of it",
        )

        assert "operator asked whether alerts arrive" in sink.text()
    assert any("way.test" in str(row) for row in bare.json("audit", "list"))
