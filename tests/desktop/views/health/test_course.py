"""Which kept readings are drawn, over which span, and where is nothing known?"""

from math import isnan

import pytest

from desktop.views.health.course import (
    GROUPS,
    RANGES,
    answers,
    courses,
    drawn_span,
    longest_step,
    questions,
    with_gaps,
)
from shared.protocol.health import CheckDetail, KeptSeries
from shared.protocol.requests import MetricsPageReply
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS


def detail(check_id: str, *series: str, **more: object) -> CheckDetail:
    kept = tuple(KeptSeries(name=name, unit="share") for name in series or (check_id,))
    facts: dict[str, object] = {"name": check_id, "kind": "x", "state": "ok", "series": kept}
    return CheckDetail(id=check_id, **{**facts, **more})  # type: ignore[arg-type] # of a table


def test_what_is_drawn_stands_in_its_group_and_verdicts_are_not_drawn() -> None:
    checks = [
        detail("check:swap", "check:swap", "check:swap:free"),
        *map(detail, ("cpu", "disk:/srv", "inodes", "database_size", "loop", "clock", "disk_days")),
    ]

    found = courses(checks)

    assert [(one.group, one.name) for one in found] == [
        (GROUPS[0], "cpu"),
        (GROUPS[1], "inodes"),
        (GROUPS[1], "disk:/srv"),
        (GROUPS[2], "database_size"),
        (GROUPS[3], "loop"),
        (GROUPS[4], "check:swap"),
        (GROUPS[4], "check:swap:free"),
    ]


def test_limits_are_those_of_the_figure_that_counts() -> None:
    swap = detail("check:swap", "check:swap", "check:swap:free", warn=1.0, every_ms=300_000)

    counts, other = courses([swap])

    assert (counts.warn, other.warn) == (1.0, None)
    assert other.every_ms == 300_000


@pytest.mark.parametrize("reach", RANGES)
def test_no_question_asks_for_more_than_an_agent_gives(reach) -> None:  # type: ignore[no-untyped-def] # a row of RANGES
    names = [f"check:{number}" for number in range(19)]

    asked = questions(names, reach, NOW_MS)

    assert [len(one.series) for one in asked] == [8, 8, 3]
    assert all(one.to_ms - one.from_ms == reach.span_ms <= 2_000 * one.step_ms for one in asked)
    assert all(one.to_ms % one.step_ms == 0 and one.to_ms > NOW_MS for one in asked)


def test_an_answer_is_taken_apart_by_series_and_lacks_what_was_not_kept() -> None:
    (asked,) = questions(["cpu", "swap"], RANGES[0], NOW_MS)
    reply = MetricsPageReply(step_ms=1, times_ms=(1, 2), values=((0.5, None), (0.6, 0.1)))

    assert answers(asked, reply) == {"cpu": ((1, 0.5), (2, 0.6)), "swap": ((2, 0.1),)}


def test_where_nothing_was_kept_the_curve_has_a_hole_however_few_points_there_are() -> None:
    points = tuple((at * MINUTE_MS, 1.0) for at in (0, 1, 2, 30, 31))

    parts = with_gaps(points, longest_step(points, 15_000, MINUTE_MS))

    assert [at // MINUTE_MS for at, value in parts if isnan(value)] == [16]


def test_a_check_done_each_hour_has_no_holes_and_neither_has_what_was_summed_up_by_hour() -> None:
    hourly = tuple((at * 60 * MINUTE_MS, 1.0) for at in range(20))

    of_a_check = with_gaps(hourly[:3], longest_step(hourly[:3], 15_000, 60 * MINUTE_MS))
    summed_up = with_gaps(hourly, longest_step(hourly, 10 * MINUTE_MS, MINUTE_MS))

    assert of_a_check == list(hourly[:3])
    assert summed_up == list(hourly)


@pytest.mark.parametrize(
    ("first_ms", "span"),
    [
        (0, (0, 1_200)),
        (600, (0, 1_200)),
        (900, (900, 1_200)),
        (1_190, (1_100, 1_200)),
    ],
)
def test_the_axis_begins_where_readings_do_if_most_of_it_were_empty(
    first_ms: int, span: tuple[int, int]
) -> None:
    drawn = [((first_ms, 1.0), (1_199, 2.0)), (), ((1_195, 3.0),)]

    assert drawn_span((0, 1_200), drawn) == span


def test_an_axis_without_any_reading_is_as_long_as_its_range() -> None:
    assert drawn_span((0, 1_200), [()]) == (0, 1_200)
