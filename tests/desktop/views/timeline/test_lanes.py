"""Where bars stand: nothing is hidden, nothing is too small to be seen, and times are round."""

from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop import words
from desktop.models.timeline import course_of
from desktop.views.timeline.lanes import (
    COUNTS_FROM_MS,
    EACH_PX,
    LEAST_BAR_PX,
    LEFT_OUT,
    PLANNED,
    RANGES,
    SHORTEST_MS,
    Axis,
    Range,
    bars,
    hour_bars,
    lanes,
    outlines,
    shows_counts,
    ticks,
    zoomed,
)
from shared.protocol.planning import Coming
from shared.protocol.timeline import HourCount, Span
from tests.desktop.models.test_timeline import span
from tests.desktop.rows_at_hand import MINUTE_MS, task

HOUR_MS = 60 * MINUTE_MS
FROM_MS = 1_795_000_800_000
AXIS = Axis(FROM_MS, FROM_MS + 10 * HOUR_MS, 200, 600)
"""A minute is a pixel."""
NOW_MS = FROM_MS + 8 * HOUR_MS


def at(minute: float, length: float | None = 0.1, number: int = 0, **more: object) -> Span:
    begin = FROM_MS + round(minute * MINUTE_MS)
    end = None if length is None else begin + round(length * MINUTE_MS)
    return span(number or round(minute * 10), begin, end, **more)


def placed(*spans: Span) -> list[tuple[float, float, str, int]]:
    found = bars(course_of(spans), AXIS, NOW_MS)
    return [(round(bar.x), round(bar.wide, 1), bar.state, bar.count) for bar in found]


def test_a_bar_is_as_long_as_its_run_and_never_too_small_to_be_seen() -> None:
    assert placed(at(10, 30), at(100, 0.01)) == [
        (210, 30, "success", 1),
        (300, LEAST_BAR_PX, "success", 1),
    ]


def test_runs_closer_than_a_pixel_are_one_bar() -> None:
    assert placed(*[at(minute) for minute in range(60)]) == [(200, 63, "success", 60)]


def test_a_failure_is_never_part_of_another_bar() -> None:
    minutely = [at(minute) for minute in range(30)]
    minutely[10] = at(10, state="error")
    minutely[11] = at(11, state="timeout")

    assert [(state, count) for _, _, state, count in placed(*minutely)] == [
        ("success", 10),
        ("error", 1),
        ("timeout", 1),
        ("success", 18),
    ]


@given(st.lists(st.tuples(st.integers(0, 599), st.booleans()), max_size=60))
def test_every_run_in_sight_is_in_exactly_one_bar(runs: list[tuple[int, bool]]) -> None:
    spans = [
        at(minute, number=place + 1, state="error" if is_bad else "success")
        for place, (minute, is_bad) in enumerate(runs)
    ]
    course = course_of(spans)

    found = bars(course, AXIS, NOW_MS)

    places = [place for bar in found for place in range(bar.first, bar.last + 1)]
    assert places == list(range(len(spans)))
    for bar in found:
        assert {one.state for one in course.spans[bar.first : bar.last + 1]} == {bar.state}


def test_what_reaches_into_the_axis_is_drawn_and_what_does_not_is_left_out() -> None:
    found = placed(at(-100, 110), at(-100, 20, 2), at(595, 50), at(700))

    assert [x for x, *_ in found] == [100, 795]


def test_what_goes_on_ends_at_the_now_line() -> None:
    (x, wide, state, _) = placed(at(470, None))[0]

    assert (x + wide, state) == (AXIS.x(NOW_MS), "running")


def test_what_was_missed_stands_at_its_moment_or_over_all_it_stands_for() -> None:
    single = at(60, state="missed", start_ms=None)
    many = at(120, state="missed", start_ms=None, until_ms=FROM_MS + 150 * MINUTE_MS)

    assert placed(single, many) == [(260, LEAST_BAR_PX, "missed", 1), (320, 30, "missed", 1)]


def test_a_day_of_minutely_runs_is_few_boxes() -> None:
    day = Axis(FROM_MS, FROM_MS + words.DAY_MS, 0, 1000)
    course = course_of([at(minute, number=minute + 1) for minute in range(1440)])

    assert len(bars(course, day, NOW_MS)) == 1


def test_hours_are_as_high_as_the_busiest_and_say_how_many_failed() -> None:
    hours = {
        FROM_MS + hour * HOUR_MS: HourCount("a", FROM_MS + hour * HOUR_MS, runs, failures)
        for hour, (runs, failures) in enumerate([(10, 0), (5, 5), (0, 0), (60, 6)])
    }
    shorter = Axis(FROM_MS, FROM_MS + 2 * HOUR_MS, 0, 100)

    found = hour_bars(hours, shorter)

    assert [(one.x, one.high, one.bad) for one in found] == [(0, 1, 0), (50, 0.5, 0.5)]


def coming(minute: float, **more: object) -> Coming:
    return Coming(task_id="sync", at_ms=FROM_MS + round(minute * MINUTE_MS), **more)  # type: ignore[arg-type]


def test_plans_are_outlines_from_their_start_and_what_is_left_out_is_told_apart() -> None:
    long = coming(500, start_ms=FROM_MS + 510 * MINUTE_MS, end_ms=FROM_MS + 530 * MINUTE_MS)
    found = outlines([coming(480), long, coming(560, outcome="skipped")], AXIS, NOW_MS)

    assert [(one.x, one.wide, one.state) for one in found] == [
        (710, 20, PLANNED),
        (760, LEAST_BAR_PX, LEFT_OUT),
    ]


def test_plans_that_touch_are_one_outline() -> None:
    (found,) = outlines([coming(490 + minute) for minute in range(20)], AXIS, NOW_MS)

    assert (found.count, round(found.wide)) == (20, 23)


def test_many_plans_are_a_row_of_boxes_and_never_more_than_there_are() -> None:
    (many,) = outlines([coming(490 + minute) for minute in range(60)], AXIS, NOW_MS)
    (two,) = outlines([coming(490), coming(491)], AXIS, NOW_MS)
    (one,) = outlines([coming(490, end_ms=FROM_MS + 550 * MINUTE_MS)], AXIS, NOW_MS)

    begins = [x for x, _ in many.boxes]
    assert (begins[0], begins[-1]) == (many.x, many.x + many.wide - LEAST_BAR_PX)
    assert {wide for _, wide in many.boxes} == {LEAST_BAR_PX}
    assert all(right - left >= EACH_PX for left, right in pairwise(begins))
    assert 2 < len(begins) <= many.count
    assert two.boxes == [(two.x, two.wide)]
    assert one.boxes == [(one.x, 60)]


def test_plans_that_follow_each_other_at_once_are_told_apart_where_there_is_room() -> None:
    in_turn = [
        coming(490 + 20 * place, end_ms=FROM_MS + (510 + 20 * place) * MINUTE_MS)
        for place in range(3)
    ]

    found = outlines(in_turn, AXIS, NOW_MS)

    assert [(one.x, one.wide) for one in found] == [(690, 20), (710, 20), (730, 20)]


@given(st.lists(st.tuples(st.integers(481, 599), st.integers(0, 30)), max_size=60))
def test_every_plan_is_in_one_outline_and_within_its_stretch(
    plans: list[tuple[int, int]],
) -> None:
    planned = [
        coming(minute, end_ms=FROM_MS + (minute + length) * MINUTE_MS)
        for minute, length in sorted(plans)
    ]

    found = outlines(planned, AXIS, NOW_MS)

    assert sum(one.count for one in found) == len(planned)
    for one in found:
        assert len(one.boxes) <= one.count
        assert one.boxes[0][0] == one.x
        end = sum(one.boxes[-1])
        assert end == pytest.approx(one.x + one.wide)


@pytest.mark.parametrize("reach", RANGES)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "Asia/Kathmandu"])
def test_ticks_are_round_on_the_wall_clock_and_have_room(reach: Range, zone: str) -> None:
    axis = Axis(*reach.at(FROM_MS), 0, 900)

    found = ticks(axis, ZoneInfo(zone))

    places = [axis.x(tick.at_ms) for tick in found]
    assert 3 <= len(found) <= 15
    assert all(right - left >= 55 for left, right in pairwise(places))
    for tick in found:
        wall = words.moment(tick.at_ms, ZoneInfo(zone))
        assert tick.is_day == ((wall.hour, wall.minute) == (0, 0))
        assert wall.second == 0


def test_ticks_follow_the_wall_clock_where_it_changes() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    night_ms = 1_792_872_000_000  # 2026-10-25 00:00 in Berlin is 22:00 UTC of the day before
    axis = Axis(night_ms - 6 * HOUR_MS, night_ms + 24 * HOUR_MS, 0, 900)

    found = ticks(axis, berlin)

    assert all(words.moment(tick.at_ms, berlin).hour % 3 == 0 for tick in found)


@given(st.floats(0.1, 8), st.floats(0, 1))
def test_zooming_leaves_the_moment_under_the_pointer_in_its_place(
    factor: float, share: float
) -> None:
    view = (FROM_MS, FROM_MS + 6 * HOUR_MS)
    around_ms = round(FROM_MS + share * 6 * HOUR_MS)

    first, last = zoomed(view, factor, around_ms)

    before = (around_ms - view[0]) / (view[1] - view[0])
    assert (around_ms - first) / (last - first) == pytest.approx(before, abs=1e-4)


def test_zooming_has_an_end() -> None:
    view = (FROM_MS, FROM_MS + HOUR_MS)

    near, far = zoomed(view, 1e-9, FROM_MS), zoomed(view, 1e9, FROM_MS)

    assert near[1] - near[0] == SHORTEST_MS
    assert far[1] - far[0] == 14 * words.DAY_MS


def test_counts_are_drawn_for_long_stretches_and_where_there_are_too_many_runs() -> None:
    view = (FROM_MS, FROM_MS + 2 * HOUR_MS)
    busy = {FROM_MS: HourCount("", FROM_MS, 900), FROM_MS - HOUR_MS: HourCount("", 0, 900)}

    assert not shows_counts(view, busy, 900)
    assert shows_counts(view, busy, 899)
    assert shows_counts((FROM_MS, FROM_MS + COUNTS_FROM_MS + 1), {}, 900)


def test_lanes_are_grouped_by_category_by_name_and_filtered_by_words() -> None:
    tasks = [task("b_sync", "Vend"), task("a_pay", "Payroll"), task("a_sync", "Vend")]

    def shown(**more: object) -> list[str]:
        return [lane.name for lane in lanes(tasks, **{"folded": frozenset(), **more})]  # type: ignore[arg-type]

    assert shown() == ["Payroll", "a_pay", "Vend", "a_sync", "b_sync"]
    assert shown(folded=frozenset({"Vend"})) == ["Payroll", "a_pay", "Vend"]
    assert shown(wanted="VEND a_") == ["Vend", "a_sync"]
    assert shown(wanted="nothing") == []
