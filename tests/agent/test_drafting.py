"""Is everything that is wrong with a task told at once, and nothing that is right?"""

from typing import Any

import pytest

from agent.definitions import Definition
from agent.drafting import read_draft
from agent.errors import BadDefinition
from agent.tasktables import read_definition

GOOD: dict[str, Any] = {"task_name": "sync", "schedule": "0 2 * * *", "command": "true"}


def faults(**more: Any) -> dict[str, str]:
    return {fault.field: fault.fix for fault in read_draft({**GOOD, **more}).faults}


def test_a_good_task_is_what_the_door_makes_of_it() -> None:
    table = {**GOOD, "timeout_seconds": "10m", "environment": {"A": "secret:x"}}

    draft = read_draft(table)

    assert draft.faults == ()
    assert draft.definition == read_definition(table)


def test_every_field_that_is_wrong_is_told_at_once() -> None:
    found = faults(
        task_name="Sync!",
        schedule="61 * * * *",
        timezone="Mars/Olympus",
        timeout_seconds=0,
        priority="high",
        tags=["a b"],
        environment={"1A": "x"},
        umask="9",
        colour="red",
    )

    assert found.keys() == {
        "task_name",
        "schedule",
        "timezone",
        "timeout_seconds",
        "priority",
        "tags",
        "environment",
        "umask",
        "colour",
    }
    assert found["timeout_seconds"] == "must be from 1 to 2592000"


def test_what_is_missing_is_told_beside_what_is_wrong() -> None:
    draft = read_draft({"nice": 99})

    assert draft.wrong == {"task_name", "command", "schedule", "nice"}


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"retry_base_s": 7000}, {"retry_cap_s"}),
        ({"retry_base_s": 7000, "retry_cap_s": 5, "nice": 40}, {"retry_cap_s", "nice"}),
        ({"overlap_limit": 3, "umask": "x"}, {"overlap_limit", "umask"}),
        ({"kind": "watch"}, {"command"}),
        ({"kind": "watch", "missed": "all"}, {"command", "missed"}),
        ({"shell": "always", "command": ["a", "b"], "nice": 40}, {"shell", "nice"}),
        ({"valid_from": "2027-01-01", "valid_until": "2026-01-01"}, {"valid_until"}),
        ({"no_new_privs": False, "sandbox": ["read_only"]}, {"no_new_privs"}),
        ({"command": "echo {secret:x}"}, {"command"}),
        ({"k" * 70: 1, "nice": 40}, {"k" * 64, "nice"}),
        ({"exit_statuses": {"3": "odd"}, "nice": 40}, {"exit_statuses.3", "nice"}),
        ({"retry_factor": float("nan")}, {"retry_factor"}),
    ],
)
def test_fields_that_hang_together_are_told_once(more: dict[str, Any], wrong: set[str]) -> None:
    assert faults(**more).keys() == wrong


def test_the_first_fault_is_the_one_that_the_door_names() -> None:
    table = {**GOOD, "nice": 40, "umask": "x"}

    with pytest.raises(BadDefinition) as refused:
        read_definition(table)

    assert str(read_draft(table).faults[0]) == str(refused.value)


def test_each_field_alone_is_told_under_its_own_name() -> None:
    """Whatever stands in a field, judging ends, and the fault names a field that there is."""
    for name in Definition.__struct_fields__:
        for junk in (None, -1, "\0", [], {}, [1], {"a": 1}, 1e400, True):
            wrong = read_draft({**GOOD, name: junk}).wrong
            assert all(
                field.partition(".")[0] in Definition.__struct_fields__ for field in wrong
            ), (name, junk)
