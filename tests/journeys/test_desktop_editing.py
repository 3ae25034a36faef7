"""A task edited on a desktop, by a real agent: it holds at once, and the slower one is told."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from agent.store import tasks
from agent.tasktables import read_definition
from desktop.views.editing.dialog import EditDialog
from desktop.views.editing.form import Choice
from tests.journeys.desks import Desk, desks_at
from tests.journeys.household import Household, until
from tests.largest import largest_task

REST = 'task_name = "rest"\nschedule = "0 0 1 1 *"\ncommand = "sleep 600"\nkill_grace_s = 1'


@pytest.fixture
def household(bare: Household, made: Path) -> Household:
    bare.copy(made, environment="test", name="journey", remote_edit=True)
    bare.apply(REST)
    return bare


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    with desks_at(qtbot, tmp_path / "profile") as (made,):
        yield made


@pytest.fixture
def desks(qtbot: QtBot, tmp_path: Path) -> Iterator[tuple[Desk, ...]]:
    with desks_at(qtbot, tmp_path / "anna", tmp_path / "ben") as made:
        yield made


def edit(desk: Desk) -> EditDialog:
    desk.choose("rest")
    desk.press("edit")
    desk.until(lambda: desk.window.editing.dialog is not None, "the editor")
    editor = desk.window.editing.dialog
    assert isinstance(editor, EditDialog)
    return editor


def write(desk: Desk, editor: EditDialog, name: str, text: str) -> None:
    field = editor.form.field(name)
    assert not isinstance(field, Choice)
    field.setText(text)
    desk.until(editor.act.isEnabled, "the agent's judgement")


def closed(desk: Desk) -> None:
    desk.until(lambda: desk.window.editing.dialog is None, "the edit to be taken")


def test_a_timeout_that_is_edited_ends_the_next_run(household: Household, desk: Desk) -> None:
    household.serve()
    desk.connect_by(household, role="admin", tasks=1)
    editor = edit(desk)
    assert len(editor.right.moments.lines()) in (0, 10)

    write(desk, editor, "timeout_seconds", "1s")
    editor.act.click()
    closed(desk)
    desk.until(lambda: desk.tasks()["rest"].def_rev == 2, "the new version in the grid")
    desk.press("run")

    desk.until(
        lambda: (last := desk.tasks()["rest"].last) is not None and last.result == "timeout",
        "the run that the new timeout ends",
    )
    (run,) = household.runs("rest")
    assert (run.status, run.def_rev) == ("timeout", 2)


def test_how_busy_it_is_around_is_told_by_the_agent(household: Household, desk: Desk) -> None:
    others = [f'task_name = "{one}"\nschedule = "0 3 * * *"\ncommand = "true"' for one in "ab"]
    household.apply(REST, *others)
    household.serve()
    desk.connect_by(household, role="admin", tasks=3)
    editor = edit(desk)
    around = editor.right.around
    desk.until(lambda: "from 00:00 to 01:00" in around.said.text(), "the hour of today's schedule")
    alone = around.said.text()

    write(desk, editor, "schedule", "0 3 * * *")
    desk.until(lambda: "03:00 has" in around.said.text(), "the hour of the one that is written")

    assert alone == "Nothing but this task is due from 00:00 to 01:00."
    # Two of others and the one that is not saved yet; where its hour now lies is no matter.
    assert around.said.text().startswith("03:00 has 3 runs due, all of them at 03:00; the quietest")
    assert editor.form.was.text().startswith("was: ")


def test_the_slower_of_two_desks_is_told_and_overwrites_nothing(
    household: Household, desks: tuple[Desk, ...]
) -> None:
    anna, ben = desks
    household.serve()
    anna.connect_by(household, "anna", role="admin", tasks=1)
    ben.connect_by(household, "ben", role="admin", tasks=1)
    hers, his = edit(anna), edit(ben)
    write(anna, hers, "timeout_seconds", "20m")
    write(ben, his, "timeout_seconds", "30m")
    write(ben, his, "nice", "5")

    hers.act.click()
    closed(anna)

    ben.until(lambda: not his.theirs.isHidden(), "the word that anna was quicker")
    assert not his.act.isEnabled()
    his.mine.click()
    ben.until(his.act.isEnabled, "the agent's judgement")
    his.act.click()
    closed(ben)
    anna.until(lambda: anna.tasks()["rest"].def_rev == 3, "both edits")
    shown = household.cli("tasks", "show", "rest")
    assert "timeout_seconds = 1800" in shown
    assert "nice = 5" in shown


def test_a_task_is_made_on_a_desktop_and_undone(household: Household, desk: Desk) -> None:
    household.serve()
    desk.connect_by(household, role="admin", tasks=1)

    desk.press("new")
    editor = desk.window.editing.dialog
    assert isinstance(editor, EditDialog)
    for name, text in (("task_name", "quick"), ("command", "echo ran")):
        field = editor.form.field(name)
        assert not isinstance(field, Choice)
        field.setText(text)
    desk.until(editor.act.isEnabled, "the agent's judgement")
    editor.act.click()
    closed(desk)
    desk.until(lambda: "quick" in desk.tasks(), "the new task in the grid")
    desk.press("undo")

    desk.until(lambda: "quick" not in desk.tasks(), "the task to be gone again")


def test_a_task_goes_back_to_what_it_was_and_gets_a_schedule_by_choice(
    household: Household, desk: Desk
) -> None:
    household.apply(REST.replace("sleep 600", "sleep 601"))
    household.serve()
    desk.connect_by(household, role="admin", tasks=1)

    editor = edit(desk)
    editor.choose("earlier")
    desk.until(lambda: len(editor.earlier.lines.lines()) == 2, "both versions")
    editor.earlier.lines.setCurrentRow(1)
    editor.earlier.use.click()
    editor.choose("schedule")
    editor.form.when.ways.choose("interval")
    editor.form.when.ways.chosen.emit("interval")
    editor.form.when.use.click()
    desk.until(editor.act.isEnabled, "the agent's judgement")
    editor.act.click()
    closed(desk)

    shown = household.cli("tasks", "show", "rest")
    assert "sleep 600" in shown
    assert "@every 15m" in shown


def test_the_largest_task_runs_and_is_edited_and_brought_back_as_it_is(
    household: Household, desk: Desk
) -> None:
    large = largest_task("rest")
    plain = {name: value for name, value in large.items() if name != "environment"}
    pairs = ", ".join(f'{name} = "{value}"' for name, value in large["environment"].items())
    lines = [f"{name} = {json.dumps(value)}" for name, value in plain.items()]
    household.apply("\n".join([*lines, f"environment = {{ {pairs} }}"]))
    household.serve()
    desk.connect_by(household, role="admin", tasks=1)
    desk.choose("rest")
    desk.press("run")
    until(lambda: household.runs("rest", "success"), "a run of it")

    editor = edit(desk)
    write(desk, editor, "nice", "5")
    editor.act.click()
    closed(desk)
    desk.until(lambda: desk.tasks()["rest"].def_rev == 3, "the new version in the grid")
    editor = edit(desk)
    editor.choose("earlier")
    for known in (1, 2, 3):
        # Each is as large as a page.
        desk.until(lambda: len(editor.earlier.lines.lines()) == known, "one more version")  # noqa: B023 - asked at once
        editor.earlier.more.click()

    (task,) = household.database.read_now(partial(tasks.load, names=["rest"]))
    assert task.definition == read_definition({**large, "nice": 5})


def test_an_operator_and_an_agent_that_allows_none_edit_nothing(
    household: Household, desk: Desk
) -> None:
    household.serve()
    desk.connect_by(household, role="operator", tasks=1)
    desk.choose("rest")

    assert not desk.window.actions_by_name["edit"].isEnabled()
    assert "admin" in desk.window.actions_by_name["edit"].toolTip()
