"""Which failed attempts get another one, and how long it waits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.definitions import Definition
from agent.rules.retry import longest_wait_ms, next_attempt

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
    error_class: str | None = "recoverable",
    attempt: int = 1,
    jitter: float = 0.5,
) -> float | None:
    at_ms = next_attempt(
        definition,
        status=status,
        error_class=error_class,
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


def test_the_factor_says_how_fast_waits_grow_and_one_lets_them_be_equal() -> None:
    assert [wait_s(changed(retry_factor=1.5), attempt=n) for n in (1, 2, 3)] == [30, 45, 67.5]
    assert [wait_s(changed(retry_factor=1.0), attempt=n) for n in (1, 2, 3)] == [30, 30, 30]


@pytest.mark.parametrize(("jitter", "wanted_s"), [(0.0, 15), (0.5, 30), (1.0, 45)])
def test_the_task_says_how_far_the_jitter_moves_a_wait(jitter: float, wanted_s: float) -> None:
    assert wait_s(changed(retry_jitter=0.5), jitter=jitter) == wanted_s
    assert wait_s(changed(retry_jitter=0.0), jitter=jitter) == 30
    assert longest_wait_ms(changed(retry_jitter=0.5)) == 150_000


@pytest.mark.parametrize(
    "status", ["success", "aborted", "skipped", "missed", "lost", "timeout", "running"]
)
def test_only_failures_of_the_command_are_tried_again(status: str) -> None:
    assert wait_s(status=status, error_class=None) is None


def test_a_timeout_is_tried_again_when_asked_for() -> None:
    assert wait_s(changed(retry_on_timeout=True), status="timeout") == 30


def test_a_run_out_of_memory_is_tried_again() -> None:
    assert wait_s(status="killed_memory") == 30


@pytest.mark.parametrize("status", ["error", "timeout", "killed_memory"])
def test_what_is_sure_to_fail_again_is_not_tried_again(status: str) -> None:
    assert wait_s(changed(retry_on_timeout=True), status=status, error_class="fatal") is None


def test_a_failed_start_of_which_no_class_is_known_is_tried_again() -> None:
    assert wait_s(error_class=None) == 30


def test_a_task_disabled_meanwhile_is_not_tried_again() -> None:
    assert wait_s(changed(enabled=False)) is None


@settings(deadline=None)
@given(
    attempt=st.integers(1, 100),
    base_s=st.integers(1, 86_400),
    cap_s=st.integers(1, 604_800),
    factor=st.floats(1, 10),
    jitter=st.floats(0, 1),
)
def test_no_wait_leaves_its_bounds(
    attempt: int, base_s: int, cap_s: int, factor: float, jitter: float
) -> None:
    definition = changed(
        max_retries=100, retry_base_s=base_s, retry_cap_s=cap_s, retry_factor=factor
    )

    waited_s = wait_s(definition, attempt=attempt, jitter=jitter)

    assert waited_s is not None
    assert 0.79 * min(base_s, cap_s) <= waited_s <= longest_wait_ms(definition) / 1000
