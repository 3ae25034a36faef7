"""What would be different: more, fewer and moved moments, new overlaps, blackouts, odd nights."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.definitions import Definition
from agent.expected import Expected
from agent.rules.whatif import Comparison, Future, Move, TaskChange, compare

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def a_task(name: str = "t", **fields: Any) -> Definition:
    return Definition(task_name=name, schedule=("0 7 * * *",), command="true", **fields)


def a_future(*definitions: Definition, moments: Sequence[Expected] = (), peak: int = 0) -> Future:
    return Future(
        definitions={one.task_name: one for one in definitions}, expected=moments, peak=peak
    )


def at(*hours: int, name: str = "t", **fields: Any) -> list[Expected]:
    return [Expected(task_name=name, at_ms=hour * HOUR_MS, **fields) for hour in hours]


def compared(before: Future, after: Future) -> Comparison:
    return compare(before, after, from_ms=0, until_ms=400 * DAY_MS)


def one_change(before: Future, after: Future) -> TaskChange:
    (change,) = compared(before, after).tasks
    return change


def test_a_task_that_stays_as_it_is_is_not_named() -> None:
    found = compared(a_future(a_task(), moments=at(7), peak=2), a_future(a_task(), peak=3))

    assert found.tasks == ()
    assert (found.peak_before, found.peak_after) == (2, 3)


def test_added_and_removed_tasks_bring_and_take_their_moments() -> None:
    added = one_change(a_future(), a_future(a_task(), moments=at(7, 31)))
    removed = one_change(a_future(a_task(), moments=at(7)), a_future())

    assert (added.kind, added.added) == ("added", (7 * HOUR_MS, 31 * HOUR_MS))
    assert (removed.kind, removed.removed) == ("removed", (7 * HOUR_MS,))


def test_a_moment_moves_within_its_day_and_not_beyond() -> None:
    change = one_change(
        a_future(a_task(), moments=at(7, 31)),
        a_future(a_task(priority=1), moments=at(9, 55)),
    )

    assert change.moved == (Move(7 * HOUR_MS, 9 * HOUR_MS),)
    assert (change.removed, change.added) == ((31 * HOUR_MS,), (55 * HOUR_MS,))


def test_days_are_those_of_the_task() -> None:
    # In Auckland 23 o'clock and 1 o'clock UTC are the same day.
    zone = "Pacific/Auckland"
    change = one_change(
        a_future(a_task(timezone=zone), moments=at(23)),
        a_future(a_task(timezone=zone, priority=1), moments=at(25)),
    )

    assert change.moved == (Move(23 * HOUR_MS, 25 * HOUR_MS),)


def test_of_several_the_nearest_moves() -> None:
    change = one_change(
        a_future(a_task(), moments=at(7)), a_future(a_task(priority=1), moments=at(2, 8, 15))
    )

    assert change.moved == (Move(7 * HOUR_MS, 8 * HOUR_MS),)
    assert change.added == (2 * HOUR_MS, 15 * HOUR_MS)


def test_only_new_overlaps_and_blackouts_are_told() -> None:
    before = a_future(a_task(), moments=at(1, meets_ms=0) + at(2, window="w") + at(3))
    after = a_future(
        a_task(priority=1),
        moments=at(1, meets_ms=0) + at(2, window="w") + at(3, meets_ms=0, window="w"),
    )

    change = one_change(before, after)

    assert [one.at_ms for one in change.overlaps] == [3 * HOUR_MS]
    assert [one.at_ms for one in change.blackouts] == [3 * HOUR_MS]


def test_nights_in_which_the_clocks_change_are_told() -> None:
    change = one_change(
        a_future(), a_future(a_task(timezone="Europe/Berlin"), moments=at(3, tag="moved"))
    )

    assert [one.at_ms for one in change.odd] == [3 * HOUR_MS]
    # In 1970 Germany had no summer time, Auckland neither.
    assert change.clock_changes == ()


@given(st.sets(st.integers(0, 200)), st.sets(st.integers(0, 200)))
def test_every_moment_is_told_once(old: set[int], new: set[int]) -> None:
    change = one_change(
        a_future(a_task(), moments=at(*sorted(old))),
        a_future(a_task(priority=1), moments=at(*sorted(new))),
    )

    hours_from = [move.from_ms // HOUR_MS for move in change.moved]
    hours_to = [move.to_ms // HOUR_MS for move in change.moved]
    gone = sorted(hours_from + [at_ms // HOUR_MS for at_ms in change.removed])
    come = sorted(hours_to + [at_ms // HOUR_MS for at_ms in change.added])
    assert gone == sorted(old - new)
    assert come == sorted(new - old)
    assert all(a // 24 == b // 24 for a, b in zip(hours_from, hours_to, strict=True))
    days_gone = {at_ms // DAY_MS for at_ms in change.removed}
    days_come = {at_ms // DAY_MS for at_ms in change.added}
    assert not days_gone & days_come
