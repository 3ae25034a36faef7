"""Is a reading fine, worth a warning, or critical?"""

import pytest

from agent.rules.thresholds import CRIT, OK, UNKNOWN, WARN, Threshold, judge

DISK = Threshold(warn=0.80, crit=0.90, back=0.02)


@pytest.mark.parametrize(
    ("value", "before", "state"),
    [
        (0.79, OK, OK),
        (0.80, OK, WARN),
        (0.79, WARN, WARN),  # a warning ends only clearly below its limit
        (0.77, WARN, OK),
        (0.90, WARN, CRIT),
        (0.89, CRIT, CRIT),
        (0.87, CRIT, WARN),
        (0.10, CRIT, OK),
        (0.89, UNKNOWN, WARN),
        (None, OK, UNKNOWN),
        (None, CRIT, UNKNOWN),
    ],
)
def test_a_reading_is_judged_in_the_light_of_the_one_before(
    value: float | None, before: str, state: str
) -> None:
    assert judge(value, DISK, before=before) == state
