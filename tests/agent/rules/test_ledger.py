"""The comparison of due moments with rows finds what is missing, doubled and strange."""

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.definitions import Definition
from agent.rules import schedule
from agent.rules.ledger import Comparison, Gap, Row, Version, compare

MINUTE_MS = 60_000
START_MS = 1_799_971_200_000
EACH_MINUTE = Definition(task_name="tick", schedule=("* * * * *",), command="true")
EACH_FIVE = Definition(task_name="tick", schedule=("*/5 * * * *",), command="true")


def due(definition: Definition, after_ms: int, until_ms: int) -> Iterable[int]:
    timing = schedule.Timing(definition.schedule, definition.timezone)
    return schedule.due_moments(timing, after_ms, until_ms)


def minute(number: int) -> int:
    return START_MS + number * MINUTE_MS


def check(
    rows: Iterable[Row],
    *,
    history: tuple[Version, ...] = (Version(0, EACH_MINUTE),),
    after: int = 0,
    until: int = 10,
) -> Comparison:
    return compare(history, rows, after_ms=minute(after), until_ms=minute(until), due=due)


def test_a_row_for_each_moment_is_clean() -> None:
    found = check([Row(minute(number)) for number in range(1, 11)])

    assert found == Comparison(10, 10, (), (), ())
    assert found.is_clean


def test_moments_without_a_row_are_named_as_ranges() -> None:
    found = check([Row(minute(number)) for number in (1, 2, 5, 9, 10)])

    assert found.missing == (Gap(minute(3), minute(4), 2), Gap(minute(6), minute(8), 3))
    assert found.missing_count == 5
    assert (found.expected, found.recorded) == (10, 5)
    assert not found.is_clean


def test_two_rows_of_one_moment_are_doubled() -> None:
    rows = [Row(minute(number)) for number in (*range(1, 11), 4)]

    found = check(rows)

    assert found.doubled == (minute(4),)
    assert found.recorded == 11
    assert not found.is_clean


def test_a_row_that_sums_up_stands_for_its_range() -> None:
    rows = [Row(minute(1), 6, minute(6)), *(Row(minute(number)) for number in range(7, 11))]

    assert check(rows) == Comparison(10, 10, (), (), ())


def test_a_row_that_sums_up_counts_with_its_part_of_the_span() -> None:
    rows = [Row(minute(1), 6, minute(6)), *(Row(minute(number)) for number in range(7, 11))]

    assert check(rows, after=4) == Comparison(6, 6, (), (), ())


def test_a_sum_smaller_than_its_range_hides_nothing() -> None:
    found = check([Row(minute(1), 7, minute(10))])

    assert found.missing == (Gap(minute(1), minute(10), 3),)
    assert (found.expected, found.recorded) == (10, 7)


def test_a_sum_and_a_row_of_one_moment_are_doubled() -> None:
    found = check([Row(minute(1), 10, minute(10)), Row(minute(3))])

    assert found.doubled == (minute(3),)


def test_a_row_that_nothing_made_due_is_shown_but_fails_nothing() -> None:
    rows = [Row(minute(number)) for number in range(1, 11)]

    found = check([*rows, Row(minute(3) + 1), Row(minute(99))])

    assert found.unexpected == (minute(3) + 1,)
    assert found.is_clean


def test_a_changed_schedule_is_due_only_after_the_change() -> None:
    history = (Version(minute(2), EACH_MINUTE), Version(minute(5) + 1, EACH_FIVE))

    found = check([Row(minute(number)) for number in (3, 4, 5, 10)], history=history)

    assert found == Comparison(4, 4, (), (), ())


def test_a_moment_at_the_instant_of_a_change_belongs_to_the_older_version() -> None:
    history = (Version(0, EACH_MINUTE), Version(minute(4), None))

    assert check([], history=history).missing == (Gap(minute(1), minute(4), 4),)


def test_a_task_that_was_away_owes_nothing_for_that_time() -> None:
    history = (
        Version(0, EACH_MINUTE),
        Version(minute(2), None),
        Version(minute(8), EACH_MINUTE),
    )

    found = check([Row(minute(number)) for number in (1, 2, 9, 10)], history=history)

    assert found == Comparison(4, 4, (), (), ())


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), max_size=60), st.integers(0, 30), st.integers(0, 30))
def test_expected_is_recorded_and_missing_less_doubled(
    numbers: list[int], after: int, until: int
) -> None:
    found = check([Row(minute(number)) for number in numbers], after=after, until=until)

    inside = [number for number in numbers if after < number <= until]
    assert found.expected == max(0, until - after)
    assert found.recorded == len(inside)
    assert found.missing_count == found.expected - len(set(inside))
    assert len(found.doubled) == len({one for one in inside if inside.count(one) > 1})
