"""Is a reading fine, worth a warning, or critical?"""

import pytest

from agent.rules.thresholds import (
    CRIT,
    OK,
    UNKNOWN,
    WARN,
    Standing,
    Threshold,
    at_first_sight,
    judge,
    settle,
    with_limit,
)
from agent.tolerances import Limit

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


@pytest.mark.parametrize(
    ("days", "before", "state"),
    [(8, OK, OK), (7, OK, WARN), (7.5, WARN, WARN), (8.1, WARN, OK), (2, WARN, CRIT)],
)
def test_where_less_is_worse_it_is_the_other_way_round(
    days: float, before: str, state: str
) -> None:
    falling = Threshold(warn=7, crit=2, back=1, falls=True)

    assert judge(days, falling, before=before) == state


@pytest.mark.parametrize(
    ("said", "held"),
    [
        ([WARN] * 4, [OK, OK, OK, WARN]),
        ([WARN, OK, WARN, WARN], [OK, OK, OK, OK]),  # what comes and goes never counts
        ([CRIT, WARN, CRIT, WARN, WARN], [OK, OK, OK, WARN, WARN]),
        ([WARN, WARN, CRIT, CRIT, CRIT, CRIT], [OK, OK, OK, WARN, WARN, CRIT]),
        ([WARN] * 4 + [OK], [OK, OK, OK, WARN, OK]),  # better is better at once
        ([UNKNOWN, WARN], [UNKNOWN, OK]),
    ],
)
def test_what_is_worse_counts_once_it_has_lasted(said: list[str], held: list[str]) -> None:
    standing, found = Standing(), []
    for look, state in enumerate(said):
        standing = settle(standing, state, at_ms=look * 10_000, for_s=30)
        found.append(standing.state)

    assert found == held


def test_without_a_least_duration_it_counts_at_once() -> None:
    assert settle(Standing(), CRIT, at_ms=0, for_s=0).state == CRIT


@pytest.mark.parametrize(
    ("for_s", "known", "state"),
    [
        (0, OK, CRIT),  # what counts at once counts at first sight
        (180, None, WARN),
        (180, OK, OK),
        (180, UNKNOWN, UNKNOWN),
        (180, WARN, WARN),
        (180, CRIT, CRIT),
    ],
)
def test_a_single_look_leaves_what_must_last_to_who_looked_for_long(
    for_s: int, known: str | None, state: str
) -> None:
    assert at_first_sight(CRIT, for_s=for_s, known=known) == state
    assert at_first_sight(OK, for_s=for_s, known=known) == OK


@pytest.mark.parametrize(
    ("own", "limits"),
    [
        (None, (0.80, 0.90)),
        (Limit(warn=0.5), (0.5, 0.90)),
        (Limit(warn=0.97), (0.97, 0.97)),  # the other one makes way
        (Limit(crit=0.7), (0.7, 0.7)),
        (Limit(warn=0.97, crit=0.99), (0.97, 0.99)),
    ],
)
def test_the_owner_may_want_it_otherwise(own: Limit | None, limits: tuple[float, float]) -> None:
    found = with_limit(DISK, own)

    assert (found.warn, found.crit, found.back) == (*limits, 0.02)
