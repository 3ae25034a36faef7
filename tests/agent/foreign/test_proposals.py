"""Which task does each line become, and what became of it before."""

import msgspec
import pytest

from agent.errors import BadDefinition
from agent.foreign.proposals import run_as
from tests.agent.foreign.makings import HOST, proposals


def test_names_are_unique_in_the_file_and_among_the_tasks_that_are_there() -> None:
    (there,) = proposals("@hourly /other/backup")
    assert there.task is not None

    found = proposals("@daily /usr/bin/backup", "@weekly backup", known=(there.task,))

    assert [one.task and one.task.task_name for one in found] == ["backup-2", "backup-3"]


def test_a_line_that_was_imported_is_skipped_wherever_it_stands_now() -> None:
    first = proposals("@daily a", "@daily b")
    known = tuple(one.task for one in first if one.task is not None)

    again = proposals("# new", "@daily b", "A=1", "@daily a", "@daily c", known=known)

    assert [(one.verdict, one.task and one.task.task_name) for one in again] == [
        ("skipped", "b"),
        ("skipped", "a"),
        ("ok", "c"),
    ]
    assert "imported before, as b" in again[0].note


def test_an_imported_task_is_known_by_its_mark_after_it_was_changed() -> None:
    (first,) = proposals("@daily a")
    assert first.task is not None
    changed = msgspec.structs.replace(first.task, task_name="better", schedule=("@weekly",))

    (again,) = proposals("@daily a", known=(changed,))

    assert again.verdict == "skipped"
    assert "better" in again.note


def test_the_same_line_twice_is_two_tasks_and_both_are_known_again() -> None:
    first = proposals("@daily a", "@daily a")
    names = [one.task.task_name for one in first if one.task is not None]
    assert names == ["a", "a-2"]

    known = tuple(one.task for one in first if one.task is not None)
    assert [one.verdict for one in proposals("@daily a", "@daily a", known=known)] == [
        "skipped",
        "skipped",
    ]


def test_an_agent_that_is_not_root_can_run_as_nobody_else() -> None:
    host = msgspec.structs.replace(HOST, agent_user="smartcron")

    assert run_as("smartcron", host) is None
    with pytest.raises(BadDefinition, match="cannot become anna"):
        run_as("anna", host)
