"""Ids that sort by time."""

from hypothesis import given
from hypothesis import strategies as st

from agent.ulid import first_ulid, new_ulid, ulid_ms

moments = st.integers(1, 2**48 - 2)


@given(moments)
def test_an_id_tells_when_it_was_made_and_lies_between_the_bounds_of_that_moment(
    at_ms: int,
) -> None:
    made = new_ulid(at_ms)

    assert ulid_ms(made) == at_ms
    assert first_ulid(at_ms) <= made < first_ulid(at_ms + 1)
    assert first_ulid(at_ms - 1) < first_ulid(at_ms)


def test_a_moment_that_no_id_can_have_is_the_nearest_that_one_can() -> None:
    assert ulid_ms(first_ulid(2**60)) == 2**48 - 1
    assert ulid_ms(first_ulid(-5)) == 0
