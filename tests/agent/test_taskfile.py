"""What all is wrong with a file of tasks, and in which line?"""

import pytest

from agent.errors import BadDefinition
from agent.taskfile import Refused, read_task_file

BAD = """\
[[task]]
task_name = "one"
schedule = "0 25 * * *"
command = "true"
timeout_secnds = 5
priority = 9
nice = 40

[[task]]
task_name = "two"
schedul = "0 3 * * *"
command = "true"
max_retries = "x"

[[task]]
task_name = "fine"
schedule = "0 3 * * *"
command = "true"
after = ["two"]

[[task]]
task_name = "fine"
schedule = []
"""


def test_every_fault_of_every_task_is_told_with_its_line() -> None:
    file = read_task_file(BAD, "tasks.toml")

    assert sorted((fault.line, fault.task_name, fault.field) for fault in file.faults) == [
        (3, "one", "schedule"),
        (5, "one", "timeout_secnds"),
        (6, "one", "priority"),
        (7, "one", "nice"),
        (11, "two", "schedul"),
        (13, "two", "max_retries"),
        (21, "fine", "command"),
        (22, "fine", "task_name"),
    ]
    assert [task.task_name for task in file.definitions] == ["fine"]


def test_a_refusal_names_them_in_the_order_of_the_file_with_those_among_other_tasks() -> None:
    file = read_task_file(BAD, "tasks.toml")
    more = [
        # That one is there, with a fault of its own.
        BadDefinition("after", "two", "there is no such task", where="task fine"),
        BadDefinition("calendars", "none", "there is no such calendar", where="task one"),
    ]

    with pytest.raises(Refused) as refused:
        file.refuse(more)

    lines = str(refused.value).splitlines()
    assert lines[0] == "tasks.toml has 9 faults:"
    assert lines[1] == ("  tasks.toml:1: task one: calendars = 'none': there is no such calendar")
    assert lines[2].startswith("  tasks.toml:3: task one: schedule = '0 25 * * *': hour 25")
    assert not any("two" in line and "no such task" in line for line in lines)


def test_one_fault_is_one_sentence() -> None:
    file = read_task_file('[[task]]\ntask_name = "x"\nschedule = []\ncommand = ""', "t.toml")

    with pytest.raises(Refused, match=r"\At\.toml:4: task x: command = '': is empty"):
        file.refuse()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[[task]]\ntask_name = =", 2, "is not TOML"),
        ("[[tasks]]\n", 0, "'tasks' is not known here"),
        ("[task]\n", 0, "two brackets"),
    ],
)
def test_what_holds_no_tasks_is_refused_at_once(text: str, line: int, words: str) -> None:
    with pytest.raises(Refused) as refused:
        read_task_file(text, "t.toml")

    (fault,) = refused.value.faults
    assert fault.line == line
    assert words in fault.message


def test_a_fault_of_an_inline_table_has_no_line_and_is_told_all_the_same() -> None:
    file = read_task_file('task = [{task_name = "x", schedule = []}]', "t.toml")

    with pytest.raises(Refused, match=r"\At\.toml: task x: command: is missing"):
        file.refuse()
