"""Can the database be written to, or does what happens go to the local journal?"""

from hypothesis import given
from hypothesis import strategies as st

from agent.rules.outage import (
    TOLD_AFTER_MS,
    UP,
    Standing,
    answered,
    emptied,
    failed,
    goes_to_journal,
    passed,
)

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
