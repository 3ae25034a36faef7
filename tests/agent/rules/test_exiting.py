"""What the way a process ended means."""

import pytest

from agent.rules.exiting import class_of_signal, meaning_of


@pytest.mark.parametrize(
    ("exit_statuses", "meaning"),
    [
        ([0], "success"),
        ([1, 2, 3, 63, 79, 125, 255], "recoverable"),  # agreed on by nobody
        ([64, 65, 66, 67, 70, 72, 73, 77, 78], "fatal"),
        ([68, 69, 71, 74, 75, 76], "recoverable"),
        ([126, 127], "fatal"),
        ([128 + 4, 128 + 8, 128 + 24, 128 + 25, 128 + 31], "fatal"),
        ([128, 128 + 1, 128 + 6, 128 + 9, 128 + 11, 128 + 15, 128 + 64, 193], "recoverable"),
    ],
)
def test_without_a_table_of_its_own_a_status_means_what_programs_agree_on(
    exit_statuses: list[int], meaning: str
) -> None:
    assert {meaning_of(exit_status, {}) for exit_status in exit_statuses} == {meaning}


def test_the_table_of_the_task_goes_before_everything_else() -> None:
    own = {"0": "fatal", "3": "success", "64-78": "recoverable", "255": "fatal"}

    found = {status: meaning_of(status, own) for status in (0, 1, 3, 64, 77, 78, 126, 255)}

    assert found == {
        0: "fatal",
        1: "recoverable",
        3: "success",
        64: "recoverable",
        77: "recoverable",
        78: "recoverable",
        126: "fatal",
        255: "fatal",
    }


def test_each_of_64_signals_has_a_class() -> None:
    fatal = {signal for signal in range(1, 65) if class_of_signal(signal) == "fatal"}

    assert fatal == {4, 8, 24, 25, 31}
