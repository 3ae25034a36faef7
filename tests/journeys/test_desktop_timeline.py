"""What a real agent ran and will run stands on the timeline of a real window."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from desktop.views.rail import TIMELINE
from tests.journeys.desks import Desk, desks_at
from tests.journeys.household import Household

QUICK = 'task_name = "quick"\nschedule = "@every 1s"\ncommand = "echo it ran"'
WRONG = 'task_name = "wrong"\nschedule = "0 0 1 1 *"\ncommand = "echo no; exit 3"\nmax_retries = 0'
LONG = (
    'task_name = "long"\ncategory = "Slow"\nschedule = "{minute} * * * *"\nkill_grace_s = 1\n'
    'command = "echo begun; sleep 600"'
)


@pytest.fixture
def household(bare: Household, made: Path) -> Household:
    """A home with one task that is due all the time, one that fails, and one that goes on."""
    bare.copy(made, environment="test", name="journey")
    # What is due each hour must not be due while the test goes on.
    minute = (datetime.now(UTC).minute + 30) % 60
    bare.apply(QUICK, WRONG, LONG.format(minute=minute))
    bare.serve()
    return bare


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    with desks_at(qtbot, tmp_path / "profile") as (made,):
        yield made


def test_a_viewer_sees_what_ran_what_runs_and_what_is_to_come(
    household: Household, desk: Desk
) -> None:
    household.cli("tasks", "run", "wrong")
    household.cli("tasks", "run", "long")
    desk.connect_by(household, "Anna", role="viewer", tasks=3)
    window, page = desk.window, desk.window.timeline
    scene = page.canvas.scene

    def states(task_id: str) -> list[str]:
        return [one.state for one in window._timeline.course(task_id).spans]

    window.show()
    window.show_screen(TIMELINE)
    desk.until(lambda: len(scene.lanes) == 5, "two categories and three tasks")
    desk.until(lambda: states("wrong") == ["error"], "the failure")
    desk.until(lambda: states("long")[:1] == ["running"], "the run that goes on")
    desk.until(lambda: "success" in states("quick"), "what ran")
    # A task of each second must not hide one of each hour.
    desk.until(lambda: "long" in window._timeline.planned, "what is to come")
    assert "quick" in window._timeline.planned
    desk.until(lambda: bool(window._timeline.starts), "the hours to come")
    assert page.hint.text() == ""

    known = len(states("quick"))
    desk.until(lambda: len(states("quick")) > known + 1, "runs that come by themselves")

    page.canvas.choose("wrong")
    QTest.keyClick(page.canvas, Qt.Key.Key_Left)
    assert page.said.text().startswith("wrong, Error")
    QTest.keyClick(page.canvas, Qt.Key.Key_Return)
    desk.until(lambda: "no" in window.log.text.toPlainText(), "the output of the failure")

    (long,) = window._timeline.course("long").spans
    household.cli("runs", "abort", long.run_id)
    desk.until(lambda: states("long") == ["aborted"], "the end of what went on")

    page.choose_range("7d")
    desk.until(
        lambda: sum(one.runs for one in window._timeline.hours_of(["quick"]).values()) > 0,
        "counts of the hour",
    )
