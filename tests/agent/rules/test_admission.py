"""What becomes of due moments: on time, late, paused, overlapping, and too many."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.cron.moments import Moments
from agent.definitions import Definition
from agent.rules.admission import Decision, Record, Start, Summed, admit

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


def decide(
    definition: Definition,
    *minutes_ago: float,
    is_running: bool = False,
    is_paused: bool = False,
    was_down: bool = False,
) -> list[tuple[float, str]]:
    moments = Moments(tuple(NOON_MS - round(ago * MINUTE_MS) for ago in minutes_ago))
    decisions = admit(
        definition,
        moments,
        is_running=is_running,
        is_paused=is_paused,
        now_ms=NOON_MS,
        was_down=was_down,
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
    assert decide(task(missed=missed), 0, is_running=True) == [(0, "skipped overlap")]


def test_a_paused_task_skips_each_moment() -> None:
    decided = decide(task(), 2, 1, 0, is_paused=True, is_running=True, was_down=True)

    assert decided == [(2, "skipped paused"), (1, "skipped paused"), (0, "skipped paused")]


def test_latest_catches_up_with_the_newest_and_records_the_others() -> None:
    assert decide(task(), 30, 20, 10, was_down=True) == [
        (30, "missed agent_down"),
        (20, "missed agent_down"),
        (10, "start catchup"),
    ]


def test_skip_runs_nothing_that_was_missed() -> None:
    assert decide(task(missed="skip"), 20, 10, was_down=True) == [
        (20, "missed agent_down"),
        (10, "missed agent_down"),
    ]


def test_all_catches_up_with_each_inside_the_window_oldest_first() -> None:
    definition = task(missed="all", start_deadline_s=1500)

    assert decide(definition, 30, 20, 10, 0, was_down=True) == [
        (30, "missed agent_down"),
        (20, "start catchup"),
        (10, "start catchup"),
        (0, "start schedule"),
    ]


@pytest.mark.parametrize("missed", ["latest", "all"])
@pytest.mark.parametrize(("was_down", "reason"), [(True, "agent_down"), (False, "too_late")])
def test_a_moment_older_than_the_window_is_missed(missed: str, was_down: bool, reason: str) -> None:
    definition = task(missed=missed, start_deadline_s=600)

    assert decide(definition, 10.001, was_down=was_down) == [(10.001, f"missed {reason}")]
    assert decide(definition, 10, was_down=was_down) == [(10, "start catchup")]


def test_moments_too_many_to_list_are_summed_in_one_row() -> None:
    moments = Moments((NOON_MS,), 5_000_000, NOON_MS - 10 * HOUR_MS, NOON_MS - HOUR_MS)

    decided = admit(
        task(), moments, is_running=False, is_paused=False, now_ms=NOON_MS, was_down=True
    )

    assert decided == [
        Summed(NOON_MS - 10 * HOUR_MS, NOON_MS - HOUR_MS, 5_000_000, "agent_down"),
        Start(NOON_MS, "schedule"),
    ]


def test_nothing_due_means_nothing_to_decide() -> None:
    assert decide(task()) == []


@settings(deadline=None)
@given(
    ages_ms=st.lists(st.integers(0, 3 * HOUR_MS), unique=True, max_size=30),
    older=st.integers(0, 10**6),
    missed=st.sampled_from(["skip", "latest", "all"]),
    start_deadline_s=st.integers(1, 7200),
    is_running=st.booleans(),
    is_paused=st.booleans(),
    was_down=st.booleans(),
)
def test_each_due_moment_gets_exactly_one_decision(
    ages_ms: list[int],
    older: int,
    missed: str,
    start_deadline_s: int,
    is_running: bool,
    is_paused: bool,
    was_down: bool,
) -> None:
    newest = tuple(NOON_MS - age_ms for age_ms in sorted(ages_ms, reverse=True))
    ancient_ms = NOON_MS - 10 * HOUR_MS
    moments = Moments(newest, older, ancient_ms - older, ancient_ms) if older else Moments(newest)
    definition = task(missed=missed, start_deadline_s=start_deadline_s)

    decided = admit(
        definition,
        moments,
        is_running=is_running,
        is_paused=is_paused,
        now_ms=NOON_MS,
        was_down=was_down,
    )

    singles = [one.moment_ms for one in decided if not isinstance(one, Summed)]
    starts = [one for one in decided if isinstance(one, Start)]
    assert tuple(singles) == newest
    assert sum(one.count for one in decided if isinstance(one, Summed)) == older
    assert all(NOON_MS - one.moment_ms <= start_deadline_s * 1000 for one in starts)
    if is_running or is_paused:
        assert not starts
    if missed != "all":
        assert len(starts) <= 1
    assert max(Counter(singles).values(), default=1) == 1
