"""What an end says of its moment."""

from typing import Any

import pytest

from agent.rules.outcomes import is_enough, outcome
from tests.agent.store.makings import NOW_MS, a_run


@pytest.mark.parametrize(
    ("fields", "has_next", "wanted"),
    [
        ({"status": "success"}, False, "good"),
        ({"status": "error"}, False, "bad"),
        ({"status": "timeout"}, False, "bad"),
        ({"status": "killed_memory"}, False, "bad"),
        ({"status": "lost"}, False, "bad"),
        ({"status": "error"}, True, None),
        ({"status": "aborted", "started_ms": NOW_MS}, False, "stopped"),
        ({"status": "aborted"}, False, None),
        ({"status": "skipped", "reason": "overlap"}, False, None),
        ({"status": "missed", "reason": "agent_down"}, False, None),
        ({"status": "missed", "reason": "no_ping"}, False, "bad"),
        ({"status": "skipped", "reason": "superseded", "trigger": "retry"}, False, "bad"),
        ({"status": "aborted", "trigger": "retry"}, False, "bad"),
        ({"status": "aborted", "trigger": "retry", "started_ms": NOW_MS}, False, "stopped"),
    ],
)
def test_the_last_word_on_a_moment_is_its_last_attempt_s(
    fields: dict[str, Any], *, has_next: bool, wanted: str | None
) -> None:
    assert outcome(a_run(**fields), has_next=has_next) == wanted


def test_a_task_without_a_limit_never_failed_often_enough() -> None:
    assert [is_enough(n, None) for n in (0, 1000)] == [False, False]
    assert [is_enough(n, 3) for n in (2, 3, 4)] == [False, True, True]
