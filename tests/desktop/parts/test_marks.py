"""Small curves: their scale tells a course where there is one."""

import pytest

from desktop.parts.marks import spark_scale


@pytest.mark.parametrize("values", [[0.0], [8.9], [8.9, 8.9], [400.0, 404.0]])
def test_values_that_hardly_differ_stand_in_the_middle(values: list[float]) -> None:
    bottom, top = spark_scale(values)

    place = (values[0] - bottom) / (top - bottom)
    assert 0.4 <= place <= 0.6


def test_a_course_uses_the_height() -> None:
    bottom, top = spark_scale([100.0, 300.0])

    assert (bottom, top) == (80.0, 300.0)


def test_a_start_at_zero_does_not_break_the_scale() -> None:
    assert spark_scale([0.0, 5.0]) == (0.0, 5.0)
