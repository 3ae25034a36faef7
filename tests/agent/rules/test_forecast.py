"""The load of each minute, and what waits for a slot."""

from hypothesis import given
from hypothesis import strategies as st

from agent.expected import Expected
from agent.rules.forecast import MINUTE_MS, Forecast, Waiting, forecast


def a_run(start: float, takes: float | None, *, name: str = "a", priority: int = 3) -> Expected:
    starts_ms = round(start * MINUTE_MS)
    ends_ms = None if takes is None else starts_ms + round(takes * MINUTE_MS)
    return Expected(
        task_name=name, at_ms=starts_ms, priority=priority, starts_ms=starts_ms, ends_ms=ends_ms
    )


def load(*runs: Expected, minutes: int = 6, slots: int = 8) -> Forecast:
    return forecast(runs, from_ms=0, until_ms=minutes * MINUTE_MS, slots=slots)


def test_a_run_counts_in_each_minute_it_touches() -> None:
    found = load(a_run(1, 2), a_run(1.5, 1), a_run(4, None))

    assert found.running == (0, 2, 2, 0, 1, 0)
    assert found.starts == (0, 2, 0, 0, 1, 0)
    assert (found.peak, found.peak_ms) == (2, MINUTE_MS)


def test_runs_one_after_another_are_never_at_once() -> None:
    assert load(a_run(1, 1), a_run(2, 1), a_run(3, 1)).peak == 1


def test_a_moment_that_will_not_run_is_no_load() -> None:
    found = load(Expected(task_name="a", at_ms=MINUTE_MS, outcome="skipped", reason="paused"))

    assert (found.peak, found.peak_ms, found.moments) == (0, None, 1)
    assert found.busiest == ()


def test_of_those_that_wait_the_most_urgent_goes_first() -> None:
    found = load(
        a_run(0, 1, name="long"),
        a_run(0.1, 1, name="late", priority=5),
        a_run(0.2, 1, name="urgent", priority=1),
        slots=1,
    )

    assert found.full_minutes == 2
    assert found.waits == (
        Waiting("late", 1, round(1.9 * MINUTE_MS)),
        Waiting("urgent", 1, round(0.8 * MINUTE_MS)),
    )


def test_a_run_that_began_before_the_span_is_load_but_no_start() -> None:
    found = forecast([a_run(0, 5)], from_ms=2 * MINUTE_MS, until_ms=4 * MINUTE_MS, slots=1)

    assert (found.running, found.starts, found.moments) == ((1, 1), (0, 0), 0)


@given(
    st.lists(
        st.tuples(st.integers(0, 599_999), st.integers(1, 300_000), st.integers(1, 5)), max_size=30
    ),
    st.integers(1, 4),
)
def test_the_load_is_that_of_a_look_at_every_moment(
    spans: list[tuple[int, int, int]], slots: int
) -> None:
    runs = [
        Expected(task_name="a", at_ms=at, priority=rank, starts_ms=at, ends_ms=at + takes)
        for at, takes, rank in spans
    ]

    found = forecast(runs, from_ms=0, until_ms=600_000, slots=slots)

    for minute, running in enumerate(found.running):
        begins, ends = minute * MINUTE_MS, (minute + 1) * MINUTE_MS
        looks = [begins, *(at for at, _, _ in spans if begins <= at < ends)]
        assert running == max(
            sum(at <= look < at + takes for at, takes, _ in spans) for look in looks
        )
    assert sum(found.starts) == len(spans)
    assert (found.waits == ()) == (most_at_once(spans) <= slots)


def most_at_once(spans: list[tuple[int, int, int]]) -> int:
    return max(
        (sum(at <= look < at + takes for at, takes, _ in spans) for look, _, _ in spans), default=0
    )
