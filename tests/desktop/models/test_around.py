"""How busy it is around a moment: counted as the agent reckons, told in one sentence."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.models.around import (
    BARS,
    Bar,
    bar_words,
    bars_of,
    own_bar,
    quietest,
    sentence,
    stretch_around,
)
from shared.protocol.planning import Coming, ScheduleForecastReply

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
NOW_MS = round(datetime(2026, 11, 24, 20, 20, tzinfo=UTC).timestamp() * 1000)
THREE_MS = round(datetime(2026, 11, 25, 3, tzinfo=UTC).timestamp() * 1000)
KATHMANDU = ZoneInfo("Asia/Kathmandu")  # 5:45 ahead


def every(step_ms: int, count: int = 10, first_ms: int = THREE_MS) -> list[int]:
    return [first_ms + at * step_ms for at in range(count)]


def load(
    from_ms: int, starts: dict[int, int], *, slots: int = 8, running: dict[int, int] | None = None
) -> ScheduleForecastReply:
    """So many runs begin at these moments, within thirteen hours; it begins a minute earlier."""
    first_ms = from_ms - MINUTE_MS
    counts, most = [0] * (BARS * 60 + 1), [0] * (BARS * 60 + 1)
    for at_ms, number in starts.items():
        counts[(at_ms - first_ms) // MINUTE_MS] += number
    for at_ms, number in (running or {}).items():
        most[(at_ms - first_ms) // MINUTE_MS] = number
    return ScheduleForecastReply(
        from_ms=first_ms,
        until_ms=from_ms + BARS * HOUR_MS,
        starts=tuple(counts),
        running=tuple(most),
        slots=slots,
    )


def own(*at_ms: int, outcome: str = "runs") -> list[Coming]:
    starts = outcome != "skipped"
    return [
        Coming(task_id="sync", at_ms=at, outcome=outcome, start_ms=at if starts else None)
        for at in at_ms
    ]


def told(
    starts: dict[int, int],
    saved: Sequence[Coming],
    times_ms: Sequence[int],
    *,
    running: dict[int, int] | None = None,
) -> tuple[tuple[Bar, ...], str]:
    stretch = stretch_around(times_ms, 10, UTC, NOW_MS)
    assert stretch is not None
    reply = load(stretch.from_ms, starts, running=running)
    bars = bars_of(stretch, reply, saved, times_ms, NOW_MS)
    return bars, sentence(bars, times_ms[0], stretch.step_ms, UTC, reply.slots)


@pytest.mark.parametrize(
    ("times_ms", "step_ms"),
    [
        (every(DAY_MS), HOUR_MS),
        (every(2 * HOUR_MS), HOUR_MS),
        (every(HOUR_MS, count=2), HOUR_MS),  # no more are to come
        (every(HOUR_MS), 10 * MINUTE_MS),
        (every(15 * MINUTE_MS), 10 * MINUTE_MS),
        (every(2 * MINUTE_MS), MINUTE_MS),
    ],
)
def test_a_bar_is_as_long_as_enough_moments_are_known(times_ms: list[int], step_ms: int) -> None:
    stretch = stretch_around(times_ms, 10, UTC, NOW_MS)

    assert stretch is not None
    assert stretch.step_ms == step_ms
    assert stretch.from_ms <= times_ms[0] < stretch.until_ms


@pytest.mark.parametrize("step_ms", [MINUTE_MS, 10_000])
def test_what_is_due_each_minute_has_no_quieter_one(step_ms: int) -> None:
    assert stretch_around(every(step_ms), 10, UTC, NOW_MS) is None
    assert stretch_around([], 10, UTC, NOW_MS) is None


def test_bars_begin_on_the_full_hours_of_the_task_and_never_before_this_one() -> None:
    soon = stretch_around(every(DAY_MS, first_ms=NOW_MS + HOUR_MS), 10, UTC, NOW_MS)
    far = stretch_around(every(DAY_MS), 10, KATHMANDU, NOW_MS)

    assert soon is not None
    assert soon.from_ms == NOW_MS - 20 * MINUTE_MS
    assert far is not None
    began = datetime.fromtimestamp(far.from_ms / 1000, KATHMANDU)
    assert (began.hour, began.minute) == (2, 0)


times = st.lists(st.integers(NOW_MS + 1, NOW_MS + 40 * HOUR_MS), min_size=1, max_size=10)


@given(times.map(sorted), st.integers(0, 3))
def test_no_bar_claims_to_know_moments_that_nobody_told(times_ms: list[int], more: int) -> None:
    stretch = stretch_around(times_ms, len(times_ms) + more, UTC, NOW_MS)

    if stretch is not None and not more:
        assert stretch.until_ms - stretch.step_ms <= times_ms[-1]


def test_the_own_moments_are_taken_out_of_the_load_and_put_where_they_are_written() -> None:
    two_ms, four_ms = THREE_MS - HOUR_MS, THREE_MS + HOUR_MS
    starts = {two_ms: 5, THREE_MS: 40, four_ms: 2}

    bars, said = told(starts, own(two_ms), every(DAY_MS))

    seen = {one.at_ms: (one.others, one.own, one.gone) for one in bars if one.total or one.gone}
    assert seen == {two_ms: (4, 0, 1), THREE_MS: (40, 1, 0), four_ms: (2, 0, 0)}
    assert sum(one.others for one in bars) == sum(starts.values()) - 1
    assert said == (
        "03:00 has 41 runs due, all of them at 03:00; "
        "the quietest hour near is 01:00 with\N{NO-BREAK SPACE}none."
    )


def test_the_same_schedule_changes_no_bar() -> None:
    bars, _ = told({THREE_MS: 3}, own(THREE_MS), every(DAY_MS))

    assert [(one.others, one.own, one.gone) for one in bars if one.total] == [(2, 1, 0)]


def test_a_moment_that_does_not_run_is_not_in_the_load() -> None:
    bars, _ = told({THREE_MS: 3}, own(THREE_MS, outcome="skipped"), every(DAY_MS))

    assert [(one.others, one.own) for one in bars if one.total] == [(3, 1)]


def test_what_has_passed_of_this_hour_stays() -> None:
    first_ms = NOW_MS - 10 * MINUTE_MS
    bars, _ = told({first_ms: 1}, own(first_ms), every(DAY_MS, first_ms=NOW_MS + MINUTE_MS))

    assert (bars[0].own, bars[0].gone) == (2, 0)


@pytest.mark.parametrize(
    ("starts", "said"),
    [
        ({}, "Nothing but this task is due from 03:00 to 04:00."),
        (dict.fromkeys(every(HOUR_MS, 20, THREE_MS - 6 * HOUR_MS)[:BARS], 4),
         "03:00 has 5 runs due, all of them at 03:00; it is no quieter near."),
        ({THREE_MS + 20 * MINUTE_MS: 9, THREE_MS + 40 * MINUTE_MS: 2},
         "03:00 has 12 runs due, 9 of them at 03:20; "
         "the quietest hour near is 02:00 with\N{NO-BREAK SPACE}none."),
    ],
)  # fmt: skip
def test_the_sentence_says_what_is_due_then_and_where_is_less(
    starts: dict[int, int], said: str
) -> None:
    assert told(starts, (), every(DAY_MS))[1] == said


def test_that_slots_will_be_lacking_is_told() -> None:
    bars, said = told({THREE_MS: 12}, (), every(DAY_MS), running={THREE_MS: 12})
    here = own_bar(bars, THREE_MS)

    assert here is not None
    assert here.is_full
    assert "at times more at once than the 8 slots" in said
    assert bar_words(here, HOUR_MS, UTC, 8) == (
        "03:00 to 04:00: 13 runs due, 1 of this task, at times more at once than the 8 slots"
    )


def test_shorter_bars_are_told_by_their_length() -> None:
    ten = told({THREE_MS: 2}, (), every(15 * MINUTE_MS))[1]
    one = told({THREE_MS: 2}, (), every(2 * MINUTE_MS))[1]

    assert ten.startswith("03:00 has 3 runs due, in 10 minutes, all of them at 03:00; the quietest")
    assert "10 minutes near begin at 02:50, with" in ten
    assert one.startswith("03:00 has 3 runs due; the quietest minute near is 02:59")


def test_the_nearest_of_the_quietest_is_named_and_none_of_the_tasks_own() -> None:
    bars = [Bar(at_ms=at, others=others) for at, others in enumerate((1, 5, 9, 5, 1))]
    bars[2] = Bar(at_ms=2, others=9, own=1)

    assert quietest(bars, bars[2]) == bars[0]
    bars[0] = Bar(at_ms=0, others=1, own=1)
    assert quietest(bars, bars[2]) == bars[4]
