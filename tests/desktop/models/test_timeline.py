"""What is known along the time: nothing twice, nothing lost, and what is still to be asked."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.models.timeline import Timeline, course_of, cut, joined, missing
from shared.protocol.planning import Coming
from shared.protocol.timeline import HourCount, Span
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS, run

HOUR_MS = 60 * MINUTE_MS

moments = st.integers(0, 40)
stretches = st.tuples(moments, moments).map(sorted).map(tuple).filter(lambda one: one[0] < one[1])


def span(number: int, begin_ms: int, end_ms: int | None = None, **more: object) -> Span:
    facts: dict[str, object] = {
        "run_id": f"{number:04}",
        "task_id": "sync",
        "state": "success" if end_ms is not None else "running",
        "due_ms": begin_ms,
        "start_ms": begin_ms,
        "end_ms": end_ms,
        **more,
    }
    return Span(**facts)  # type: ignore[arg-type]


@given(st.lists(stretches, max_size=6), stretches)
def test_what_is_asked_is_never_known_and_in_the_end_all_is(
    known: list[tuple[int, int]], wanted: tuple[int, int]
) -> None:
    held: list[tuple[int, int]] = []
    for one in known:
        held = joined(held, one)
    covered = {at for first, last in known for at in range(first, last)}

    for _ in range(10):
        part = missing(held, *wanted)
        if part is None:
            break
        assert part[0] < part[1]
        assert not covered & set(range(*part))
        assert set(range(*part)) <= set(range(*wanted))
        covered |= set(range(*part))
        held = joined(held, part)

    assert set(range(*wanted)) <= covered
    assert all(one[1] < other[0] for one, other in pairwise(held))


def test_the_newest_part_is_asked_first() -> None:
    assert missing([(10, 20)], 0, 40) == (20, 40)
    assert missing([(10, 20), (30, 40)], 0, 40) == (20, 30)
    assert missing([(10, 40)], 0, 40) == (0, 10)


def test_what_may_be_old_is_cut_off() -> None:
    assert cut([(0, 10), (15, 30), (40, 50)], 20) == [(0, 10), (15, 20)]


def test_runs_come_in_the_order_of_their_bars_whichever_way_they_were_told() -> None:
    timeline = Timeline()
    timeline.show_runs([run(3, "sync"), run(1, "sync")])
    timeline.show_spans([span(2, 5, 9), span(1, 2, 4)], (0, 10))

    course = timeline.course("sync")

    assert course.begins == sorted(course.begins)
    assert (len(course.spans), timeline.count) == (4, 4)


def test_an_answer_that_was_on_its_way_does_not_bring_a_run_to_life_again() -> None:
    timeline = Timeline()
    timeline.show_spans([span(1, 5, 9)])

    timeline.show_spans([span(1, 5)], (0, 10))

    assert [one.state for one in timeline.course("sync").spans] == ["success"]
    assert timeline.count == 1


def test_a_run_that_goes_on_since_long_reaches_into_any_later_stretch() -> None:
    course = course_of([span(1, 0), span(2, 50, 51), span(3, 90, 91)])

    assert [course.spans[at].run_id for at in course.within(80, 100)] == ["0001", "0002", "0003"]


def test_only_runs_that_may_be_in_a_stretch_are_looked_at() -> None:
    course = course_of([span(at, at * 10, at * 10 + 1) for at in range(100)])

    assert list(course.within(500, 540)) == [50, 51, 52, 53]


def test_what_is_out_of_sight_can_be_forgotten_and_is_then_asked_anew() -> None:
    timeline = Timeline()
    timeline.show_spans([span(at, at * 10, at * 10 + 5) for at in range(10)], (0, 100))

    timeline.keep_only(33, 52)

    assert [one.due_ms for one in timeline.course("sync").spans] == [30, 40, 50]
    assert timeline.count == 3
    assert timeline.missing(0, 100) == (52, 100)
    assert timeline.missing(33, 52) is None


def test_hours_of_several_tasks_are_added_up() -> None:
    timeline = Timeline()
    hours = [HourCount("a", 0, 3, 1), HourCount("b", 0, 2, 2), HourCount("a", HOUR_MS, 1)]

    timeline.show_hours(hours, (0, 2 * HOUR_MS))

    found = timeline.hours_of(["a", "b"])
    assert {at: (one.runs, one.failures) for at, one in found.items()} == {
        0: (5, 3),
        HOUR_MS: (1, 0),
    }
    assert timeline.missing(0, 2 * HOUR_MS, of_hours=True) is None
    assert timeline.missing(0, 2 * HOUR_MS) == (0, 2 * HOUR_MS)


def test_another_agent_leaves_nothing() -> None:
    timeline = Timeline()
    timeline.show_spans([span(1, 5, 9)], (0, 10))
    timeline.show_planned([Coming(task_id="sync", at_ms=NOW_MS)], NOW_MS)

    timeline.forget()

    assert (timeline.count, timeline.planned, timeline.planned_until_ms) == (0, {}, None)
    assert timeline.missing(0, 10) == (0, 10)


@pytest.mark.parametrize(
    ("state", "expected"), [("ended", "error"), ("running", "running"), ("queued", "queued")]
)
def test_a_row_of_a_run_is_told_by_how_it_ended_or_lives(state: str, expected: str) -> None:
    timeline = Timeline()
    result = "error" if state == "ended" else None

    timeline.show_runs([run(1, "sync", state=state, result=result, missed_until_ms=7)])

    (found,) = timeline.course("sync").spans
    assert (found.state, found.until_ms) == (expected, 7)
