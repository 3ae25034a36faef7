"""Curves: their labels differ, and silence is a hole."""

from datetime import UTC
from math import isnan

import pytest

from desktop.parts.charts import time_ticks, with_gaps

NOON_MS = 1_795_003_200_000


@pytest.mark.parametrize("reach_s", [3, 36, 90, 600, 3_600, 7_200, 86_400, 7 * 86_400, 60 * 86_400])
def test_no_two_labels_of_a_time_axis_say_the_same(reach_s: int) -> None:
    ticks = time_ticks(NOON_MS, NOON_MS + reach_s * 1000, UTC, most=4)

    said = [text for _, text in ticks]
    assert 1 <= len(said) <= 5
    assert len(set(said)) == len(said)


def test_a_short_span_is_labelled_with_its_seconds() -> None:
    ticks = time_ticks(NOON_MS, NOON_MS + 36_000, UTC, most=3)

    assert all(text.count(":") == 2 for _, text in ticks)


def test_where_nothing_was_heard_the_curve_has_a_hole() -> None:
    samples = [(at * 1000, 1.0) for at in (*range(20), *range(60, 80))]

    parts = with_gaps(samples)

    assert [at for at, value in parts if isnan(value)] == [39_500]
    assert len(parts) == 41


def test_even_samples_have_no_hole() -> None:
    samples = [(at * 1000, 1.0) for at in range(50)]

    assert with_gaps(samples) == samples
