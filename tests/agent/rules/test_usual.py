"""Did a good run take far longer, or far shorter, than is usual for its task at this hour?"""

from collections.abc import Sequence

import msgspec
import pytest

from agent.rules.usual import is_odd, learned, quicker, slower
from agent.runs import Run
from tests.agent.store.makings import a_run, ended


def good(duration_ms: int) -> Run:
    return ended(a_run(status="running"), "success", duration_ms)


@pytest.mark.parametrize(
    ("counts", "middle_ms", "spread_ms"),
    [
        ([(1_000, 10)], 1_000, 0),
        ([(1_000, 5), (2_000, 6)], 2_000, 0),
        ([(60_000, 4), (61_000, 4), (59_000, 4)], 60_000, 1_000),
    ],
)
def test_the_median_and_the_spread_are_learned(
    counts: Sequence[tuple[int, int]], middle_ms: int, spread_ms: int
) -> None:
    known = learned(counts)

    assert known is not None
    assert (known.middle_ms, known.spread_ms) == (middle_ms, spread_ms)


@pytest.mark.parametrize("counts", [[], [(1_000, 9)], [(1_000, 5), (2_000, 4)]])
def test_of_few_runs_nothing_is_usual(counts: Sequence[tuple[int, int]]) -> None:
    assert learned(counts) is None
    assert slower(good(10**9), None) is None
    assert quicker(good(1), None) is None


@pytest.mark.parametrize(
    ("usual_ms", "took_ms", "said"),
    [
        ([60_000] * 10, 120_001, "task_slower"),
        ([60_000] * 10, 120_000, None),
        ([60_000] * 10, 11_999, "task_quicker"),
        ([60_000] * 10, 12_000, None),
        ([1_000] * 10, 6_000, None),
        ([1_000] * 10, 6_001, "task_slower"),
        ([4_999] * 10, 1, None),  # what is short anyway is never too quick
        ([60_000, 90_000, 30_000] * 5, 1_000, None),  # nor what takes now this, now that
        ([60_000, 90_000, 30_000] * 5, 200_000, None),
    ],
)
def test_what_is_far_from_usual_is_said(
    usual_ms: list[int], took_ms: int, said: str | None
) -> None:
    run = good(took_ms)
    known = learned((one, 1) for one in usual_ms)

    found = [trouble.kind for trouble in (slower(run, known), quicker(run, known)) if trouble]

    assert found == ([] if said is None else [said])
    # The look at the last runs alone must not hide it.
    assert said is None or is_odd(run, usual_ms)


def test_what_is_like_one_of_the_last_runs_needs_no_look() -> None:
    assert not is_odd(good(60_000), [60_000] * 10)
    assert not is_odd(good(60_000), [])
    assert not is_odd(msgspec.structs.replace(good(10**6), status="error"), [60_000] * 10)
    # Much longer than the shortest of them: this hour may know it otherwise than others.
    assert is_odd(good(60_000), [60_000] * 10 + [1_000])
