"""From the clock to the cell and back: a real agent, a real wire, the real window."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop import freshness
from desktop.views.confirm import Confirm
from tests.journeys.desks import Desk, desks_at
from tests.journeys.household import Household

WAIT_MS = 30_000
# An agent is lost 20 s after its last beat.
LOST_MS = 40_000

QUICK = 'task_name = "quick"\nschedule = "@every 1s"\ncommand = "echo it ran"'
LONG = (
    'task_name = "long"\ncategory = "Slow"\nschedule = "0 0 1 1 *"\nkill_grace_s = 1\n'
    'command = "echo begun; sleep 600"'
)
REST = 'task_name = "rest"\nschedule = "0 0 1 1 *"\ncommand = "echo rested"'


@pytest.fixture
def household(bare: Household, made: Path) -> Household:
    """A home with one task that is due all the time, and two that wait to be ordered."""
    bare.copy(made, environment="test", name="journey")
    bare.apply(QUICK, LONG, REST)
    return bare


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    with desks_at(qtbot, tmp_path / "profile") as (made,):
        yield made


def test_a_due_task_reaches_the_grid_by_itself(household: Household, desk: Desk) -> None:
    household.serve()

    desk.connect_by(household, tasks=3)

    desk.until(
        lambda: (last := desk.tasks()["quick"].last) is not None and last.result == "success",
        "a successful run of quick",
    )
    first = desk.tasks()["quick"].last
    assert first is not None
    desk.until(
        lambda: (last := desk.tasks()["quick"].last) is not None and last.run_id != first.run_id,
        "the next run of quick",
    )


def test_a_task_runs_on_demand_and_its_output_can_be_read(household: Household, desk: Desk) -> None:
    household.serve()
    desk.connect_by(household, tasks=3)

    desk.choose("rest")
    desk.press("run")

    desk.until(
        lambda: (last := desk.tasks()["rest"].last) is not None and last.result == "success",
        "the ordered run",
    )
    desk.press("log")
    desk.until(lambda: "rested" in desk.window.log.text.toPlainText(), "its output")
    (run,) = household.runs("rest")
    assert (run.status, run.trigger, run.requested_by) == ("success", "manual", "journey")


def test_a_run_is_stopped_only_after_the_question_is_answered(
    household: Household, desk: Desk, qtbot: QtBot
) -> None:
    household.serve()
    desk.connect_by(household, tasks=3)
    desk.choose("long")
    desk.press("run")
    desk.until(lambda: desk.tasks()["long"].state == "running", "the running task")
    desk.press("log")
    desk.until(lambda: "begun" in desk.window.log.text.toPlainText(), "its live output")

    desk.press("stop")
    dialog = _dialog(desk)
    assert desk.tasks()["long"].state == "running"
    dialog.act.click()

    desk.until(
        lambda: (last := desk.tasks()["long"].last) is not None and last.result == "aborted",
        "the aborted run",
    )
    (run,) = household.runs("long")
    assert (run.status, run.note) == ("aborted", "stopped by journey")
    assert not household.run_processes(run.id)


def test_pausing_shows_in_the_grid_and_undo_takes_it_back(household: Household, desk: Desk) -> None:
    household.serve()
    desk.connect_by(household, tasks=3)

    desk.choose("rest")
    desk.press("pause")
    dialog = desk.window.planner.dialog
    assert dialog is not None
    dialog.act.click()
    desk.until(lambda: desk.tasks()["rest"].paused, "the paused task")
    desk.press("undo")

    desk.until(lambda: not desk.tasks()["rest"].paused, "the resumed task")


def test_a_viewer_sees_everything_and_orders_nothing(household: Household, desk: Desk) -> None:
    household.serve()

    desk.connect_by(household, role="viewer", tasks=3)
    desk.choose("rest")

    assert not desk.window.actions_by_name["run"].isEnabled()
    assert not desk.window.actions_by_name["stop"].isEnabled()
    assert household.runs("rest") == []


def test_an_agent_that_is_killed_comes_back_with_the_true_end_of_its_run(
    household: Household, desk: Desk
) -> None:
    agent = household.serve()
    desk.connect_by(household, tasks=3)
    go_on = household.root / "go_on"
    waits = f"while [ ! -e {go_on} ]; do sleep 0.1; done; exit 7"
    household.apply(QUICK, LONG, REST.replace("echo rested", waits))
    desk.choose("rest")
    desk.press("run")
    desk.until(lambda: desk.tasks()["rest"].state == "running", "the running task")

    household.kill(agent)
    desk.until(lambda: not desk.link.is_live, "the silence")
    go_on.touch()
    household.serve()

    desk.until(lambda: desk.link.is_live, "the agent's return")
    desk.until(
        lambda: (last := desk.tasks()["rest"].last) is not None and last.exit == 7,
        "the true exit status",
    )
    assert household.check()["missing"] == 0
    assert household.check()["doubled"] == 0


def test_silence_is_shown_as_age_and_switches_orders_off_until_the_agent_is_heard_again(
    household: Household, desk: Desk
) -> None:
    agent = household.serve()
    desk.connect_by(household, tasks=3)
    desk.choose("rest")
    assert desk.window.actions_by_name["run"].isEnabled()

    agent.send_signal(signal.SIGSTOP)
    try:
        desk.until(lambda: desk.link.state == freshness.LATE, "the late link", within_ms=LOST_MS)
        assert not desk.window.actions_by_name["run"].isEnabled()
        desk.until(lambda: desk.link.state == freshness.LOST, "the lost link", within_ms=LOST_MS)
        assert desk.window.banner.isVisible()
        assert len(desk.tasks()) == 3, "what was known must stay in sight"
    finally:
        agent.send_signal(signal.SIGCONT)

    desk.until(lambda: desk.link.is_live, "the live link", within_ms=LOST_MS)
    assert desk.window.actions_by_name["run"].isEnabled()


def test_an_administrator_reads_in_the_window_who_ran_what(
    household: Household, desk: Desk
) -> None:
    household.serve()
    desk.connect_by(household, "Anna", role="admin", tasks=3)
    desk.choose("rest")
    desk.press("run")
    desk.until(lambda: desk.tasks()["rest"].last is not None, "the ordered run")

    desk.press("audit")

    model = desk.window.audit.table.model()
    desk.until(
        lambda: any(
            [model.index(row, column).data() for column in (1, 2, 3, 4)]
            == ["Anna", "Ran now", "rest", "Done"]
            for row in range(model.rowCount())
        ),
        "what Anna did",
    )


def test_a_revoked_key_is_told_and_sees_nothing_new(household: Household, desk: Desk) -> None:
    household.serve()
    desk.connect_by(household, tasks=3)
    (key,) = household.json("keys", "list")

    household.cli("keys", "revoke", key["key_id"])

    desk.until(lambda: desk.link.state == freshness.REFUSED, "the refusal", within_ms=LOST_MS)
    assert desk.window.refusal.isVisible()


def _dialog(desk: Desk) -> Confirm:
    found: list[QObject] = []

    def look() -> bool:
        found[:] = [
            widget
            for widget in QApplication.topLevelWidgets()
            if isinstance(widget, Confirm) and widget.isVisible()
        ]
        return bool(found)

    desk.until(look, "the question")
    (dialog,) = found
    assert isinstance(dialog, Confirm)
    return dialog
