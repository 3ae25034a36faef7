"""What becomes of due moments: on time, late, paused, overlapping, and too many."""

from collections import Counter
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cron.moments import Moments
from agent.definitions import Definition
from agent.rules.admission import (
    Busy,
    Decision,
    Held,
    Late,
    Record,
    Start,
    Summed,
    admit,
    await_pings,
    refuse,
    say_closed,
)
from agent.windows import Closed

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
NOON_MS = 1_800_000_000_000


def task(**changes: object) -> Definition:
    values: dict[str, object] = {
        "task_name": "backup",
        "schedule": ("* * * * *",),
        "command": "true",
        **changes,
    }
    return Definition(**values)  # type: ignore[arg-type]  # the tests choose fields by name


DOWN = Late("agent_down", "the agent was down")
NEVER: Callable[[int], Closed | None] = lambda _at_ms: None  # noqa: E731 - a name for what it is


def ago(*minutes: float) -> Moments:
    return Moments(tuple(NOON_MS - round(minute * MINUTE_MS) for minute in minutes))


def closed(from_ago: float, until_ago: float) -> Callable[[int], Closed | None]:
    """A blackout from so many minutes before noon until so many (negative: after it)."""
    from_ms, until_ms = (NOON_MS - round(ago * MINUTE_MS) for ago in (from_ago, until_ago))
    window = Closed("stocktake", "blackout", from_ms, until_ms)
    return lambda at_ms: window if from_ms <= at_ms < until_ms else None


def decide(
    definition: Definition,
    *minutes_ago: float,
    alive: int = 0,
    waiting: int = 0,
    late: Late = Late(),  # noqa: B008 - frozen
    closed_at: Callable[[int], Closed | None] = NEVER,
) -> list[tuple[float, str]]:
    decisions = admit(
        definition,
        ago(*minutes_ago),
        now_ms=NOON_MS,
        busy=Busy(alive, waiting),
        late=late,
        closed_at=closed_at,
    )
    return [say(decision) for decision in decisions]


def say(decision: Decision) -> tuple[float, str]:
    match decision:
        case Start(moment_ms, trigger):
            return (NOON_MS - moment_ms) / MINUTE_MS, f"start {trigger}"
        case Record(moment_ms, status, reason):
            return (NOON_MS - moment_ms) / MINUTE_MS, f"{status} {reason}"
        case Summed(_, last_ms, count, reason):
            return (NOON_MS - last_ms) / MINUTE_MS, f"{count} missed {reason}"


@pytest.mark.parametrize("missed", ["skip", "latest", "all"])
def test_a_moment_found_in_time_starts(missed: str) -> None:
    assert decide(task(missed=missed), 0) == [(0, "start schedule")]
    assert decide(task(missed=missed), 0.5) == [(0.5, "start schedule")]


@pytest.mark.parametrize("missed", ["skip", "latest", "all"])
def test_a_moment_skips_while_the_task_runs(missed: str) -> None:
    assert decide(task(missed=missed), 0, alive=1) == [(0, "skipped overlap")]


def test_what_somebody_holds_back_is_skipped_and_what_nobody_met_is_missed() -> None:
    held = [say(one) for one in refuse(ago(1, 0), Held("paused", "by Anna"))]
    unmet = [say(one) for one in refuse(ago(1, 0), DOWN)]

    assert held == [(1, "skipped paused"), (0, "skipped paused")]
    assert unmet == [(1, "missed agent_down"), (0, "missed agent_down")]


def test_latest_catches_up_with_the_newest_and_records_the_others() -> None:
    assert decide(task(), 30, 20, 10, late=DOWN) == [
        (30, "missed agent_down"),
        (20, "missed agent_down"),
        (10, "start catchup"),
    ]


def test_skip_runs_nothing_that_was_missed() -> None:
    assert decide(task(missed="skip"), 20, 10, late=DOWN) == [
        (20, "missed agent_down"),
        (10, "missed agent_down"),
    ]


def test_all_catches_up_with_each_inside_the_window_oldest_first() -> None:
    definition = task(missed="all", start_deadline_s=1500)

    assert decide(definition, 30, 20, 10, 0, late=DOWN) == [
        (30, "missed agent_down"),
        (20, "start catchup"),
        (10, "start catchup"),
        (0, "start schedule"),
    ]


@pytest.mark.parametrize("missed", ["latest", "all"])
@pytest.mark.parametrize("late", [DOWN, Late(), Late("clock_jump"), Late("suspended")])
def test_a_moment_older_than_the_window_is_missed_for_the_reason_it_was_late(
    missed: str, late: Late
) -> None:
    definition = task(missed=missed, start_deadline_s=600)

    assert decide(definition, 10.001, late=late) == [(10.001, f"missed {late.reason}")]
    assert decide(definition, 10, late=late) == [(10, "start catchup")]


def test_moments_too_many_to_list_are_summed_in_one_row() -> None:
    moments = Moments((NOON_MS,), 5_000_000, NOON_MS - 10 * HOUR_MS, NOON_MS - HOUR_MS)

    decided = admit(task(), moments, now_ms=NOON_MS, busy=Busy(), late=DOWN, closed_at=NEVER)

    assert decided == [
        Summed(NOON_MS - 10 * HOUR_MS, NOON_MS - HOUR_MS, 5_000_000, "agent_down", DOWN.note),
        Start(NOON_MS, "schedule"),
    ]


def test_nothing_due_means_nothing_to_decide() -> None:
    assert decide(task()) == []


def test_of_several_moments_within_a_minute_each_runs_where_the_task_lets_it() -> None:
    assert decide(task(overlap="allow"), 0.5, 0.3, 0.1) == [
        (0.5, "start schedule"),
        (0.3, "start schedule"),
        (0.1, "start schedule"),
    ]
    assert decide(task(), 0.5, 0.3, 0.1) == [
        (0.5, "missed too_late"),
        (0.3, "missed too_late"),
        (0.1, "start schedule"),
    ]


def test_catching_up_stops_at_its_limit_and_says_so() -> None:
    definition = task(missed="all", catchup_limit=2)

    assert decide(definition, 40, 30, 20, 10, late=DOWN) == [
        (40, "missed catchup_limit"),
        (30, "missed catchup_limit"),
        (20, "start catchup"),
        (10, "start catchup"),
    ]


def test_catching_up_with_all_waits_behind_a_run_instead_of_being_skipped() -> None:
    assert decide(task(missed="all"), 10, alive=1, late=DOWN) == [(10, "start catchup")]
    assert decide(task(missed="latest"), 10, alive=1, late=DOWN) == [(10, "skipped overlap")]


OVERLAPS: tuple[tuple[dict[str, object], int, int, str], ...] = (
    ({}, 0, 0, "start schedule"),
    ({}, 1, 0, "skipped overlap"),
    ({}, 0, 1, "skipped overlap"),
    ({"overlap": "queue"}, 0, 0, "start schedule"),
    ({"overlap": "queue"}, 1, 0, "start schedule"),
    ({"overlap": "queue"}, 1, 1, "skipped queue_full"),
    ({"overlap": "queue", "overlap_limit": 3}, 1, 2, "start schedule"),
    ({"overlap": "queue", "overlap_limit": 3}, 1, 3, "skipped queue_full"),
    ({"overlap": "queue"}, 0, 1, "start schedule"),
    ({"overlap": "allow", "overlap_limit": 2}, 1, 0, "start schedule"),
    ({"overlap": "allow", "overlap_limit": 2}, 1, 1, "skipped overlap"),
    ({"overlap": "allow", "overlap_limit": 2}, 2, 0, "skipped overlap"),
    ({"overlap": "replace"}, 1, 1, "start schedule"),
)


@pytest.mark.parametrize(("policy", "alive", "waiting", "expected"), OVERLAPS)
def test_what_becomes_of_a_moment_while_others_of_its_task_run_and_wait(
    policy: dict[str, object], alive: int, waiting: int, expected: str
) -> None:
    assert decide(task(**policy), 0, alive=alive, waiting=waiting) == [(0, expected)]


def test_of_several_moments_only_the_newest_replaces_a_run() -> None:
    assert decide(task(overlap="replace", missed="all"), 0.5, 0.3, alive=1) == [
        (0.5, "skipped replaced"),
        (0.3, "start schedule"),
    ]


def test_a_task_that_skips_runs_neither_for_a_moment_in_a_blackout_nor_inside_one() -> None:
    inside, before = closed(5, -5), closed(30, 10)

    assert decide(task(), 0, closed_at=inside) == [(0, "skipped blackout")]
    assert decide(task(), 20, closed_at=before, late=DOWN) == [(20, "skipped blackout")]
    assert decide(task(), 8, closed_at=inside, late=DOWN) == [(8, "skipped blackout")]
    assert decide(task(), 8, closed_at=before, late=DOWN) == [(8, "start catchup")]


def test_a_task_that_delays_starts_when_the_blackout_is_over() -> None:
    inside = closed(5, -5)

    decided = admit(
        task(in_blackout="delay"),
        ago(0),
        now_ms=NOON_MS,
        busy=Busy(),
        late=Late(),
        closed_at=inside,
    )

    assert decided == [Start(NOON_MS, "schedule", NOON_MS + 5 * MINUTE_MS)]


def test_a_blackout_is_named_with_its_end_on_the_clocks_of_the_task() -> None:
    window = Closed("stocktake", "blackout", NOON_MS, NOON_MS + HOUR_MS)

    said = say_closed(window, "Europe/Berlin")

    assert said == "stocktake, until 2027-01-15 10:00 Europe/Berlin"
    assert say_closed(msgspec.structs.replace(window, until_ms=None), "UTC").endswith("without end")


@settings(deadline=None)
@given(
    ages_ms=st.lists(st.integers(0, 3 * HOUR_MS), unique=True, max_size=30),
    older=st.integers(0, 10**6),
    missed=st.sampled_from(["skip", "latest", "all"]),
    overlap=st.sampled_from(["forbid", "queue", "allow", "replace"]),
    start_deadline_s=st.integers(61, 7200),
    alive=st.integers(0, 2),
    waiting=st.integers(0, 2),
    is_closed=st.booleans(),
)
def test_each_due_moment_gets_exactly_one_decision(
    ages_ms: list[int],
    older: int,
    missed: str,
    overlap: str,
    start_deadline_s: int,
    alive: int,
    waiting: int,
    is_closed: bool,
) -> None:
    newest = tuple(NOON_MS - age_ms for age_ms in sorted(ages_ms, reverse=True))
    ancient_ms = NOON_MS - 10 * HOUR_MS
    moments = Moments(newest, older, ancient_ms - older, ancient_ms) if older else Moments(newest)
    definition = task(missed=missed, overlap=overlap, start_deadline_s=start_deadline_s)

    decided = admit(
        definition,
        moments,
        now_ms=NOON_MS,
        busy=Busy(alive, waiting),
        late=DOWN,
        closed_at=closed(1, -1) if is_closed else NEVER,
    )

    singles = [one.moment_ms for one in decided if not isinstance(one, Summed)]
    starts = [one for one in decided if isinstance(one, Start)]
    regular = [one for one in starts if one.trigger == "schedule"]
    assert tuple(singles) == newest
    assert sum(one.count for one in decided if isinstance(one, Summed)) == older
    assert all(NOON_MS - one.moment_ms <= start_deadline_s * 1000 for one in starts)
    if is_closed:
        assert not starts
    if overlap == "forbid" and (alive or waiting):
        assert not regular
    if overlap in ("forbid", "replace"):
        assert len(regular) <= 1
    assert max(Counter(singles).values(), default=1) == 1


@pytest.mark.parametrize(
    ("late_ms", "is_answered", "wanted"),
    [
        (0, False, Start(NOON_MS, "schedule")),
        (60_000, False, Start(NOON_MS, "schedule")),
        (120_000, False, Start(NOON_MS, "catchup")),
        (120_001, False, Record(NOON_MS, "missed", "agent_down", "note")),
        (7_200_000, True, Start(NOON_MS, "catchup")),
    ],
)
def test_the_moment_of_a_watch_waits_for_a_ping_as_long_as_one_can_answer_it(
    late_ms: int, *, is_answered: bool, wanted: Decision
) -> None:
    asked: list[tuple[int, int]] = []

    def answered(from_ms: int, until_ms: int) -> bool:
        asked.append((from_ms, until_ms))
        return is_answered

    decisions = await_pings(
        a_watch(),
        Moments(newest=(NOON_MS,)),
        now_ms=NOON_MS + late_ms,
        late=Late("agent_down", "note"),
        is_answered=answered,
        closed_at=lambda _: None,
    )

    assert decisions == [wanted]
    assert asked in ([], [(NOON_MS, NOON_MS + 120_000)])


def test_a_watch_expects_nothing_in_a_blackout_and_sums_up_what_is_long_past() -> None:
    decisions = await_pings(
        a_watch(),
        Moments(
            newest=(NOON_MS,),
            first_older_ms=NOON_MS - 9_000,
            last_older_ms=NOON_MS - 1_000,
            older_count=4,
        ),
        now_ms=NOON_MS,
        late=Late("agent_down"),
        is_answered=lambda _from, _until: False,
        closed_at=lambda _: Closed("holidays", "blackout", 0, None),
    )

    assert decisions == [
        Summed(NOON_MS - 9_000, NOON_MS - 1_000, 4, "agent_down"),
        Record(NOON_MS, "skipped", "blackout", "holidays, without end"),
    ]


def a_watch() -> Definition:
    return Definition(task_name="dump", kind="watch", schedule=("0 2 * * *",), ping_grace_s=120)
