"""What is different between two versions of a task, field by field, as a diff?"""

from agent.cli.differences import as_diff, differences
from agent.definitions import Definition

OLD = Definition(
    task_name="x",
    schedule=("0 3 * * *",),
    command="true",
    environment={"A": "1", "B": "2"},
)


def test_each_field_that_differs_has_what_it_was_and_what_it_is() -> None:
    new = Definition(
        task_name="x",
        schedule=("0 4 * * *", "0 5 * * *"),
        command="true",
        memory_limit_mb=64,
        environment={"A": "1", "B": "3", "C": "4"},
    )

    assert list(as_diff(differences(OLD, new))) == [
        '- schedule = "0 3 * * *"',
        '+ schedule = ["0 4 * * *", "0 5 * * *"]',
        "+ memory_limit_mb = 64",
        '- environment.B = "2"',
        '+ environment.B = "3"',
        '+ environment.C = "4"',
    ]


def test_of_a_new_task_only_what_its_file_has_to_say_is_told() -> None:
    new = Definition(task_name="x", schedule=("@daily",), command="true", category="Reports")

    assert sorted(as_diff(differences(None, new))) == [
        '+ category = "Reports"',
        '+ command = "true"',
        '+ schedule = "@daily"',
    ]


def test_a_task_is_not_different_from_itself() -> None:
    assert differences(OLD, OLD) == []
