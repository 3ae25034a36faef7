"""Which failed attempts get another one, and how long it waits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.definitions import Definition
from agent.rules.retry import next_attempt

ENDED_MS = 1_800_000_000_000
TASK = Definition(
    task_name="sync",
    schedule=("@hourly",),
    command="false",
    max_retries=3,
    retry_base_s=30,
    retry_cap_s=100,
)


def wait_s(
    definition: Definition = TASK,
    *,
    status: str = "error",
    exit_status: int | None = 1,
    signal: int | None = None,
    attempt: int = 1,
    jitter: float = 0.5,
) -> float | None:
    at_ms = next_attempt(
        definition,
        status=status,
        exit_status=exit_status,
        signal=signal,
        attempt=attempt,
        ended_ms=ENDED_MS,
        jitter=jitter,
    )
    return None if at_ms is None else (at_ms - ENDED_MS) / 1000


def changed(**changes: object) -> Definition:
    values = {name: getattr(TASK, name) for name in TASK.__struct_fields__}
    return Definition(**{**values, **changes})


@pytest.mark.parametrize(("attempt", "wanted_s"), [(1, 30), (2, 60), (3, 100), (4, None)])
def test_each_wait_doubles_up_to_the_cap_and_the_last_attempt_is_the_last(
    attempt: int, wanted_s: float | None
) -> None:
    assert wait_s(attempt=attempt) == wanted_s


@pytest.mark.parametrize(("jitter", "wanted_s"), [(0.0, 24), (0.5, 30), (1.0, 36)])
def test_the_jitter_moves_a_wait_by_a_fifth(jitter: float, wanted_s: float) -> None:
    assert wait_s(jitter=jitter) == wanted_s


@pytest.mark.parametrize(
    "status", ["success", "aborted", "skipped", "missed", "lost", "timeout", "running"]
)
def test_only_failures_of_the_command_are_tried_again(status: str) -> None:
    assert wait_s(status=status, exit_status=None) is None


def test_a_timeout_is_tried_again_when_asked_for() -> None:
    assert wait_s(changed(retry_on_timeout=True), status="timeout", exit_status=None) == 30


def test_a_run_out_of_memory_or_killed_by_a_signal_is_tried_again() -> None:
    assert wait_s(status="killed_memory", exit_status=None, signal=9) == 30
    assert wait_s(exit_status=None, signal=11) == 30


@pytest.mark.parametrize("exit_status", [126, 127])
def test_a_command_that_is_not_there_is_not_tried_again(exit_status: int) -> None:
    assert wait_s(exit_status=exit_status) is None


def test_a_failed_start_without_exit_status_is_tried_again() -> None:
    assert wait_s(exit_status=None) == 30


def test_a_task_disabled_meanwhile_is_not_tried_again() -> None:
    assert wait_s(changed(enabled=False)) is None


@settings(deadline=None)
@given(
    attempt=st.integers(1, 100),
    base_s=st.integers(1, 86_400),
    cap_s=st.integers(1, 604_800),
    jitter=st.floats(0, 1),
)
def test_no_wait_leaves_its_bounds(attempt: int, base_s: int, cap_s: int, jitter: float) -> None:
    definition = changed(max_retries=100, retry_base_s=base_s, retry_cap_s=cap_s)

    waited_s = wait_s(definition, attempt=attempt, jitter=jitter)

    assert waited_s is not None
    assert 0.79 * min(base_s, cap_s) <= waited_s <= 1.21 * cap_s
