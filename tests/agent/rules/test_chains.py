"""Which tasks come after which, and which circles are found?"""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.chains import find_circle, follows
from agent.runs import ENDINGS
from tests.agent.store.makings import a_task


@pytest.mark.parametrize(
    ("after_on", "endings"),
    [
        ("success", {"success"}),
        ("failure", {"error", "timeout", "killed_memory", "lost"}),
        ("any", {"success", "error", "timeout", "killed_memory", "lost", "aborted"}),
    ],
)
def test_a_follower_says_which_ends_start_it(after_on: str, endings: set[str]) -> None:
    follower = a_task("report", after=("backup",), after_on=after_on)

    assert {ending for ending in ENDINGS if follows(follower, ending)} == endings


def test_a_circle_is_told_in_the_order_of_running() -> None:
    after = {"c": ("b",), "b": ("a",), "a": ("c",), "d": ("a",)}

    circle = find_circle(after)

    assert circle[0] == circle[-1]
    assert all(earlier in after[later] for earlier, later in pairwise(circle))
    assert set(circle) == {"a", "b", "c"}


def test_a_chain_of_ten_thousand_tasks_is_no_circle() -> None:
    assert find_circle({f"t{n}": (f"t{n + 1}",) for n in range(10_000)}) == ()


@given(
    st.dictionaries(
        st.integers(0, 8).map(str), st.lists(st.integers(0, 8).map(str), max_size=3), max_size=9
    )
)
def test_a_circle_is_found_where_taking_away_ends_never_empties_the_rest(
    after: dict[str, list[str]],
) -> None:
    left = {name: set(before) & after.keys() for name, before in after.items()}
    while ends := [name for name, before in left.items() if not before]:
        for name in ends:
            del left[name]
        left = {name: before - set(ends) for name, before in left.items()}

    assert bool(find_circle(after)) == bool(left)
