"""When will something that grows be full, by how it has grown?"""

import pytest

from agent.rules.trends import HOUR_MS, days_until_full


def course(*shares: float) -> list[tuple[int, float]]:
    return [(hour * HOUR_MS, share) for hour, share in enumerate(shares)]


def test_a_disk_that_gains_a_hundredth_an_hour_is_full_when_the_rest_is_gone() -> None:
    steady = course(*[0.5 + hour / 100 for hour in range(26)])

    assert days_until_full(steady) == pytest.approx(25 / 24)


@pytest.mark.parametrize(
    "shares",
    [
        [0.5] * 48,
        [0.9 - hour / 1000 for hour in range(48)],
        [0.5, 0.55, 0.6, 0.65] * 12,  # cleaned up again and again
        [0.5] * 20 + [0.99] + [0.5] * 20,  # something large lay there for an hour
    ],
)
def test_what_does_not_grow_in_the_long_run_is_never_full(shares: list[float]) -> None:
    found = days_until_full(course(*shares))

    assert found is not None
    assert found > 30


def test_what_is_full_is_full_now() -> None:
    assert days_until_full(course(*[0.9 + hour / 100 for hour in range(11)])) == 0


@pytest.mark.parametrize("hours", [0, 1, 5])
def test_too_little_is_known_to_tell(hours: int) -> None:
    assert days_until_full(course(*[0.5 + hour / 100 for hour in range(hours)])) is None


def test_a_week_of_minutes_is_judged_like_one_of_hours() -> None:
    minutes = [(at * 60_000, 0.2 + at / 20_000) for at in range(10_000)]

    assert days_until_full(minutes) == pytest.approx((1 - minutes[-1][1]) / (1_440 / 20_000))
