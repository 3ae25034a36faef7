"""Can the database be written to, or does what happens go to the local journal?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.clock import common_second
from agent.rules.outage import (
    TOLD_AFTER_MS,
    UP,
    Standing,
    answered,
    emptied,
    failed,
    goes_to_journal,
    passed,
    rest_ms,
)
from agent.store.outage import LOOK_EVERY_S, TRIAL_WITHIN_S, TRY_EVERY_S, WITHIN_S

BEGAN_MS = 1_795_500_000_000
LOST = "connection refused"


def test_one_failure_sends_everything_to_the_journal_and_nobody_is_told_yet() -> None:
    standing = failed(UP, LOST, now_ms=BEGAN_MS)

    assert standing == Standing(state="suspect", since_ms=BEGAN_MS, cause=LOST)
    assert goes_to_journal(standing)
    assert passed(standing, now_ms=BEGAN_MS + TOLD_AFTER_MS - 1) == standing


def test_trouble_that_lasts_is_told_well_within_ten_seconds() -> None:
    standing = passed(failed(UP, LOST, now_ms=BEGAN_MS), now_ms=BEGAN_MS + TOLD_AFTER_MS)

    assert (standing.state, standing.is_told, standing.since_ms) == ("down", True, BEGAN_MS)
    assert TOLD_AFTER_MS < 5_000


@pytest.mark.parametrize("look_ms", [0, round(WITHIN_S * 1000)])
@pytest.mark.parametrize("trial_ms", [0, 700, round(TRIAL_WITHIN_S * 1000)])
def test_where_nothing_runs_an_outage_is_told_within_ten_seconds_at_the_worst(
    look_ms: int, trial_ms: int
) -> None:
    """It comes right after a word that took as long as one may, wherever between two seconds."""
    worst_ms = 0
    for phase_ms in range(0, 4_000, 50):
        began_ms = BEGAN_MS + phase_ms
        heard_s = (began_ms + round(WITHIN_S * 1000)) / 1000
        asked_ms = round(common_second(heard_s, LOOK_EVERY_S) * 1000)
        standing, now_ms = failed(UP, LOST, now_ms=asked_ms), asked_ms + look_ms
        while not (standing := passed(standing, now_ms=now_ms)).is_told:
            now_ms += trial_ms
            standing = failed(standing, LOST, now_ms=now_ms)
            now_ms += rest_ms(standing, now_ms=now_ms, every_ms=round(TRY_EVERY_S * 1000))
        worst_ms = max(worst_ms, now_ms - began_ms)

    assert 7_000 < worst_ms < 9_600


def test_what_is_to_be_told_does_not_wait_for_the_next_turn() -> None:
    standing = failed(UP, LOST, now_ms=BEGAN_MS)
    due_ms = BEGAN_MS + TOLD_AFTER_MS

    assert rest_ms(standing, now_ms=BEGAN_MS, every_ms=1_000) == 1_000
    assert rest_ms(standing, now_ms=due_ms - 200, every_ms=1_000) == 200
    assert rest_ms(standing, now_ms=due_ms + 200, every_ms=1_000) == 0
    told = passed(standing, now_ms=due_ms)
    assert rest_ms(told, now_ms=due_ms + 200, every_ms=1_000) == 1_000


def test_a_clock_that_is_set_back_keeps_nobody_from_hearing_of_it() -> None:
    standing = passed(failed(UP, LOST, now_ms=BEGAN_MS), now_ms=BEGAN_MS - 3_600_000)

    assert standing.is_told


def test_writes_go_to_the_journal_until_the_database_has_all_of_it() -> None:
    down = passed(failed(UP, LOST, now_ms=BEGAN_MS), now_ms=BEGAN_MS + TOLD_AFTER_MS)

    replaying = answered(down)

    assert (replaying.state, goes_to_journal(replaying)) == ("replaying", True)
    assert emptied(replaying) == UP
    assert not goes_to_journal(UP)


def test_a_replay_that_fails_is_the_same_outage_still() -> None:
    down = passed(failed(UP, LOST, now_ms=BEGAN_MS), now_ms=BEGAN_MS + TOLD_AFTER_MS)

    again = failed(answered(down), "gone again", now_ms=BEGAN_MS + 60_000)

    assert again == Standing(state="down", since_ms=BEGAN_MS, cause="gone again", is_told=True)


def test_a_replay_that_lasts_is_told_too() -> None:
    replaying = answered(failed(UP, LOST, now_ms=BEGAN_MS))

    later = passed(replaying, now_ms=BEGAN_MS + TOLD_AFTER_MS)

    assert (later.state, later.is_told) == ("replaying", True)


@given(st.lists(st.sampled_from(["fail", "answer", "empty", "pass"]), max_size=30))
def test_only_an_empty_journal_after_an_answer_ends_an_outage(steps: list[str]) -> None:
    standing, now_ms = UP, BEGAN_MS
    for step in steps:
        before, now_ms = standing, now_ms + 1_000
        match step:
            case "fail":
                standing = failed(standing, LOST, now_ms=now_ms)
            case "answer":
                standing = answered(standing)
            case "empty":
                standing = emptied(standing)
            case _:
                standing = passed(standing, now_ms=now_ms)
        if before.state != "up" and standing.state == "up":
            assert (before.state, step) == ("replaying", "empty")
        assert (standing.state == "up") == (standing.since_ms is None)
        assert standing.is_told or standing.state != "down"
        assert not before.is_told or standing.is_told or standing == UP
