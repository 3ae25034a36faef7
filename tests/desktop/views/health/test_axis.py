"""From where to where does the values' axis of a chart reach, and what stands at it?"""

import pytest

from desktop.views.health.axis import value_range, value_ticks
from desktop.views.health.course import Course


def course(unit: str, warn: float | None = None, crit: float | None = None) -> Course:
    return Course(
        name="x", title="x", unit=unit, check_id="x", group="", every_ms=1, warn=warn, crit=crit
    )


@pytest.mark.parametrize(
    ("values", "drawn", "reach"),
    [
        ([0.1, 0.2], course("share", 0.8, 0.95), (0.0, 1.0)),
        ([3.0, 70.0], course("%"), (0.0, 100.0)),
        ([3.0, 170.0], course("%"), (0.0, 170.0)),
        ([2e9, 3e9], course("bytes", 50e9, 200e9), (0.0, 3e9)),
        ([2e9, 40e9], course("bytes", 50e9, 200e9), (0.0, 50e9)),
        ([-4.0, 9.0], course("C"), (-4.0, 9.0)),
        ([0.0, 0.0], course("ms"), (0.0, 1.0)),
    ],
)
def test_zero_is_on_the_axis_and_a_limit_that_is_near(
    values: list[float], drawn: Course, reach: tuple[float, float]
) -> None:
    assert value_range(values, drawn) == reach


@pytest.mark.parametrize(
    ("bottom", "top", "unit", "said"),
    [
        (0.0, 1.0, "share", ["0", "50", "100 %"]),
        (0.0, 3e9, "bytes", ["0", "1 GB", "2 GB", "3 GB"]),
        (0.0, 2_500.0, "ms", ["0", "1 s", "2 s"]),
        (0.0, 0.034, "ms", ["0", "0.02 ms"]),
        (-5.0, 10.0, "C", ["-5 C", "0", "5 C", "10 C"]),
        (0.0, 7.0, "reads", ["0", "5"]),
    ],
)
def test_values_at_the_axis_are_round_and_in_their_unit(
    bottom: float, top: float, unit: str, said: list[str]
) -> None:
    ticks = value_ticks(bottom, top, unit)

    assert [text.replace("\N{NO-BREAK SPACE}", " ") for _, text in ticks] == said
