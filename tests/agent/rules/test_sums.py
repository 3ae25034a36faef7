"""A sum never stands for a moment that has a row already."""

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from agent.due import each_due
from agent.rules.sums import Sum, split_sum
from tests.agent.store.makings import a_task

MINUTE_MS = 60_000
START_MS = 1_799_971_200_000
YEAR_MS = 365 * 86_400_000


def minute(number: int) -> int:
    return START_MS + number * MINUTE_MS


def each_minute(after_ms: int, until_ms: int) -> int:
    return until_ms // MINUTE_MS - after_ms // MINUTE_MS


def test_without_rows_the_sum_stays_whole() -> None:
    assert split_sum(minute(1), minute(9), (), each_minute) == (Sum(minute(1), minute(9), 9),)


def test_rows_cut_the_sum_into_what_is_left_around_them() -> None:
    taken = [(minute(7), minute(8)), (minute(3), minute(3))]

    found = split_sum(minute(1), minute(9), taken, each_minute)

    assert found == (
        Sum(minute(1), minute(2), 2),
        Sum(minute(4), minute(6), 3),
        Sum(minute(9), minute(9), 1),
    )


def test_a_sum_that_reaches_beyond_both_ends_leaves_nothing() -> None:
    assert split_sum(minute(1), minute(9), [(minute(0), minute(99))], each_minute) == ()


def test_the_ends_of_what_is_left_are_due_moments_however_long_the_span() -> None:
    monthly = a_task(schedule=("0 7 1 * *",), timezone="Europe/Berlin")
    due = list(each_due(monthly, START_MS, START_MS + 10 * YEAR_MS))
    asked = 0

    def count(after_ms: int, until_ms: int) -> int:
        nonlocal asked
        asked += 1
        return bisect_right(due, until_ms) - bisect_right(due, after_ms)

    found = split_sum(START_MS, START_MS + 10 * YEAR_MS, [(due[6], due[8])], count)

    assert found == (Sum(due[0], due[5], 6), Sum(due[9], due[-1], len(due) - 9))
    assert asked < 200


moments = st.integers(0, 400)
spans = st.tuples(moments, st.integers(0, 40)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(st.sets(moments), st.lists(spans, max_size=12), spans)
def test_each_free_moment_is_in_exactly_one_sum_and_no_taken_one_is(
    due: set[int], taken: list[tuple[int, int]], whole: tuple[int, int]
) -> None:
    first, last = whole

    def count(after: int, until: int) -> int:
        return sum(after < moment <= until for moment in due)

    found = split_sum(first, last, taken, count)

    free = {
        moment
        for moment in due
        if first <= moment <= last and not any(one <= moment <= two for one, two in taken)
    }
    stood_for = [moment for moment in due for one in found if one.first_ms <= moment <= one.last_ms]
    assert sorted(stood_for) == sorted(free)
    for one in found:
        assert {one.first_ms, one.last_ms} <= free
        assert one.count == sum(one.first_ms <= moment <= one.last_ms for moment in free)
    assert list(found) == sorted(found, key=lambda one: one.first_ms)
