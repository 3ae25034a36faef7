"""Does a definition written as text read back the same, and is a difference seen line by line?"""

from typing import Any

import msgspec
import pytest

from agent.tasktables import read_definition
from desktop.models import tasktext
from desktop.models.tasktext import DiffLine, difference
from tests.agent.store.test_tasks import RICH

PLAIN: dict[str, Any] = {
    "task_name": "sync",
    "schedule": ["0 2 * * *"],
    "command": ["a", 'b "c"'],
    "environment": {"A": "1", "B": "two\nlines"},
    "exit_statuses": {"3": "warning", "x y": "retry"},
}


def test_what_is_written_reads_back_the_same() -> None:
    rich = {name: value for name, value in msgspec.to_builtins(RICH).items() if value is not None}

    assert tasktext.read(tasktext.written(PLAIN)) == PLAIN
    assert read_definition(tasktext.read(tasktext.written(rich))) == RICH


def test_a_task_out_of_a_file_is_read_as_well() -> None:
    text = '[[task]]\ntask_name = "a"\nschedule = "@daily"\ncommand = "true"\n'

    assert tasktext.read(text) == {"task_name": "a", "schedule": ["@daily"], "command": "true"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("task_name = ", "not TOML"),
        ("[[task]]\na = 1\n[[task]]\na = 2", "One task"),
        ("valid_from = 2026-12-01", "in quotes"),
        ("environment = { A = 2026-12-01 }", "in quotes"),
        ("priority = 18446744073709551616", "no number of a task"),
        ("environment = { A = -18446744073709551616 }", "no number of a task"),
    ],
)
def test_what_is_no_definition_is_told(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tasktext.read(text)


def test_a_difference_shows_each_line_with_what_stands_beside_it() -> None:
    after = {**PLAIN, "schedule": ["30 2 * * *"], "environment": {"A": "1", "B": "3"}}

    shown = difference(PLAIN, after)

    assert DiffLine("-", 'schedule = ["0 2 * * *"]') in shown
    assert DiffLine("+", 'schedule = ["30 2 * * *"]') in shown
    assert DiffLine("+", 'environment.B = "3"') in shown
    assert DiffLine(" ", 'environment.A = "1"') in shown
    assert difference(PLAIN, PLAIN) == []
