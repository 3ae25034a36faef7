"""What do many readings come to in a minute or an hour, and which of these answers a question?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.downsampling import (
    DAY_MS,
    HOUR_MS,
    LEVELS,
    MINUTE_MS,
    RAW_MS,
    Keeping,
    Step,
    finer,
    fold,
    level_for,
    reading,
)

readings = st.lists(
    st.tuples(st.integers(0, 3 * HOUR_MS), st.floats(-1e6, 1e6)),
    max_size=60,
    unique_by=lambda r: r[0],
).map(lambda found: [reading(*one) for one in sorted(found)])


@given(readings)
def test_hours_made_of_minutes_are_those_made_of_the_readings(found: list[Step]) -> None:
    by_minute = fold(fold(found, MINUTE_MS), HOUR_MS)
    at_once = fold(found, HOUR_MS)

    assert [(one.at_ms, one.samples, one.lowest, one.highest) for one in by_minute] == [
        (one.at_ms, one.samples, one.lowest, one.highest) for one in at_once
    ]
    for one, other in zip(by_minute, at_once, strict=True):
        assert one.mean == pytest.approx(other.mean, abs=1e-6)
        assert one.lowest - 1e-6 <= one.mean <= one.highest + 1e-6


def test_steps_begin_with_the_span() -> None:
    found = [reading(at_ms, float(at_ms)) for at_ms in (7, 12, 16, 17)]

    assert fold(found, 10, from_ms=7) == (
        Step(7, 3, 35 / 3, 7.0, 16.0),
        Step(17, 1, 17.0, 17.0, 17.0),
    )


@pytest.mark.parametrize(
    ("step_ms", "age_ms", "level_ms"),
    [
        (1, HOUR_MS, RAW_MS),
        (RAW_MS, HOUR_MS, RAW_MS),
        (MINUTE_MS, HOUR_MS, MINUTE_MS),
        (HOUR_MS - 1, HOUR_MS, MINUTE_MS),
        (HOUR_MS, HOUR_MS, HOUR_MS),
        (RAW_MS, 3 * DAY_MS, MINUTE_MS),
        (RAW_MS, 40 * DAY_MS, HOUR_MS),
        (MINUTE_MS, 40 * DAY_MS, HOUR_MS),
        (MINUTE_MS, 4_000 * DAY_MS, HOUR_MS),
    ],
)
def test_the_finest_level_answers_that_was_asked_for_and_reaches_back(
    step_ms: int, age_ms: int, level_ms: int
) -> None:
    now_ms = 5_000 * DAY_MS

    assert level_for(step_ms, now_ms - age_ms, now_ms, Keeping()) == level_ms


def test_what_is_not_summed_up_yet_is_looked_for_in_the_finer_levels() -> None:
    assert [list(finer(level_ms)) for level_ms in LEVELS] == [[], [RAW_MS], [MINUTE_MS, RAW_MS]]
