"""What is told of the clocks for each thing that can happen to them."""

import pytest

from agent.rules.clocks import (
    EARLIEST_MS,
    KINDS,
    Happening,
    Reading,
    clock_state,
    judge,
    judge_start,
    late_reason,
)
from tests.agent.fake_clock import FakeClock

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
NOW_MS = 1_795_500_000_000
IN_1970_MS = 12_000
IN_2098_MS = 4_055_000_000_000


def read(clock: FakeClock) -> Reading:
    return Reading(clock.now_ms(), clock.boottime_ms(), clock.monotonic_ms())


def told(happened: tuple[Happening, ...]) -> list[tuple[str, int]]:
    return [(one.kind, one.size_ms) for one in happened]


def jumped(jump_ms: int, *, slept_ms: int = MINUTE_MS) -> list[tuple[str, int]]:
    clock = FakeClock(NOW_MS)
    before = read(clock)
    clock.advance(slept_ms)
    clock.set_wall(clock.now_ms() + jump_ms)
    return told(judge(before, read(clock), asked_ms=slept_ms))


JUMPS = (
    (SECOND_MS, "clock_forward"),
    (59 * SECOND_MS, "clock_forward"),
    (5 * MINUTE_MS, "clock_forward"),
    (2 * HOUR_MS, "clock_forward"),
    (DAY_MS, "clock_forward"),
    (10 * YEAR_MS, "clock_forward"),
    (-SECOND_MS, "clock_back"),
    (-59 * SECOND_MS, "clock_back"),
    (-2 * HOUR_MS, "clock_back"),
    (-3 * HOUR_MS + 1, "clock_back"),
    (-3 * HOUR_MS, "clock_corrected"),
    (-DAY_MS, "clock_corrected"),
)


@pytest.mark.parametrize(("jump_ms", "kind"), JUMPS)
def test_a_step_of_the_wall_clock_is_told_with_its_size(jump_ms: int, kind: str) -> None:
    assert jumped(jump_ms) == [(kind, abs(jump_ms))]


@pytest.mark.parametrize("slept_ms", [0, 7, MINUTE_MS, HOUR_MS])
@pytest.mark.parametrize("jump_ms", [0, 1, 500, -1, -500])
def test_what_is_smaller_than_half_a_second_is_nothing(jump_ms: int, slept_ms: int) -> None:
    assert jumped(jump_ms, slept_ms=slept_ms) == []


@pytest.mark.parametrize("ppm", [500, -500])
@pytest.mark.parametrize("looks", [1, 60, 3600])
def test_slewing_for_an_hour_is_nothing_however_often_the_clocks_are_read(
    ppm: int, looks: int
) -> None:
    clock = FakeClock(NOW_MS)
    span_ms = HOUR_MS // looks

    for _ in range(looks):
        before = read(clock)
        clock.advance(span_ms)
        clock.set_wall(clock.now_ms() + span_ms * ppm // 1_000_000)
        assert judge(before, read(clock), asked_ms=span_ms) == ()


def test_a_leap_second_smeared_over_a_day_is_nothing() -> None:
    clock = FakeClock(NOW_MS)
    lost_ms = 0

    for minute in range(1, 1441):
        before = read(clock)
        clock.advance(MINUTE_MS)
        due_ms = minute * SECOND_MS // 1440
        clock.set_wall(clock.now_ms() - (due_ms - lost_ms))
        lost_ms = due_ms
        assert judge(before, read(clock), asked_ms=MINUTE_MS) == ()
    assert clock.now_ms() == NOW_MS + DAY_MS - SECOND_MS


def test_a_host_that_slept_three_hours_was_suspended_and_its_clock_did_not_jump() -> None:
    clock = FakeClock(NOW_MS)
    before = read(clock)
    clock.advance(20 * SECOND_MS)
    clock.suspend(3 * HOUR_MS)
    clock.advance(40 * SECOND_MS)

    (happened,) = judge(before, read(clock), asked_ms=MINUTE_MS)

    assert (happened.kind, happened.size_ms) == ("suspend", 3 * HOUR_MS)
    assert happened.at_ms == clock.now_ms()
    assert happened.message == (
        "The host was suspended for 3 h; "
        "what was due meanwhile counts as missed, by each task's policy."
    )


def test_a_nap_of_two_seconds_is_nothing() -> None:
    clock = FakeClock(NOW_MS)
    before = read(clock)
    clock.suspend(2 * SECOND_MS)

    assert judge(before, read(clock), asked_ms=0) == ()


def test_an_agent_stopped_for_five_minutes_was_held_up_for_them() -> None:
    clock = FakeClock(NOW_MS)
    before = read(clock)
    clock.advance(MINUTE_MS + 5 * MINUTE_MS)

    assert told(judge(before, read(clock), asked_ms=MINUTE_MS)) == [("stall", 5 * MINUTE_MS)]


def test_an_agent_that_was_at_work_was_not_held_up() -> None:
    clock = FakeClock(NOW_MS)
    before = read(clock)
    clock.advance(5 * MINUTE_MS)

    assert judge(before, read(clock)) == ()


def test_a_wake_up_before_its_time_is_nothing() -> None:
    clock = FakeClock(NOW_MS)
    before = read(clock)
    clock.advance(SECOND_MS)

    assert judge(before, read(clock), asked_ms=MINUTE_MS) == ()


def test_a_clock_set_during_suspend_is_both() -> None:
    clock = FakeClock(NOW_MS)
    before = read(clock)
    clock.suspend(HOUR_MS)
    clock.set_wall(clock.now_ms() - DAY_MS)
    clock.advance(MINUTE_MS)

    happened = judge(before, read(clock), asked_ms=MINUTE_MS)

    assert told(happened) == [("suspend", HOUR_MS), ("clock_corrected", DAY_MS)]


def test_a_clock_set_while_the_agent_was_stopped_is_both() -> None:
    clock = FakeClock(NOW_MS)
    before = read(clock)
    clock.advance(6 * MINUTE_MS)
    clock.set_wall(clock.now_ms() + 2 * HOUR_MS)

    happened = judge(before, read(clock), asked_ms=MINUTE_MS)

    assert told(happened) == [("stall", 5 * MINUTE_MS), ("clock_forward", 2 * HOUR_MS)]
    assert late_reason(happened) == "clock_jump"


def test_a_clock_set_back_to_before_this_version_is_wrong_and_later_put_right() -> None:
    clock = FakeClock(NOW_MS)
    before = read(clock)
    clock.set_wall(IN_1970_MS)
    wrong = judge(before, read(clock), asked_ms=0)
    still = judge(read(clock), read(clock), asked_ms=0)
    between = read(clock)
    clock.set_wall(NOW_MS)
    right = judge(between, read(clock), asked_ms=0)

    assert told(wrong) == [("clock_wrong", NOW_MS - IN_1970_MS)]
    assert "1970-01-01 00:00 UTC" in wrong[0].message
    assert still == ()
    assert told(right) == [("clock_right", NOW_MS - IN_1970_MS)]


STARTS = (
    # decided until, now, verdict, kind, size
    (None, NOW_MS, "go_on", None, 0),
    (0, NOW_MS, "go_on", None, 0),
    (NOW_MS, NOW_MS, "go_on", None, 0),
    (NOW_MS - 2 * MINUTE_MS, NOW_MS, "go_on", None, 0),
    (NOW_MS - 2 * MINUTE_MS - 1, NOW_MS, "outage", "outage", 2 * MINUTE_MS + 1),
    (NOW_MS - 10 * YEAR_MS, NOW_MS, "outage", "outage", 10 * YEAR_MS),
    (NOW_MS + 500, NOW_MS, "wait", None, 0),
    (NOW_MS + 59 * SECOND_MS, NOW_MS, "wait", "clock_back", 59 * SECOND_MS),
    (NOW_MS + 3 * HOUR_MS - 1, NOW_MS, "wait", "clock_back", 3 * HOUR_MS - 1),
    (NOW_MS + 3 * HOUR_MS, NOW_MS, "correct", "clock_corrected", 3 * HOUR_MS),
    (IN_2098_MS, NOW_MS, "correct", "clock_corrected", IN_2098_MS - NOW_MS),
    (None, IN_1970_MS, "hold", "clock_wrong", EARLIEST_MS - IN_1970_MS),
    (NOW_MS, IN_1970_MS, "hold", "clock_wrong", EARLIEST_MS - IN_1970_MS),
    (NOW_MS, EARLIEST_MS, "correct", "clock_corrected", NOW_MS - EARLIEST_MS),
)


@pytest.mark.parametrize(("decided_ms", "now_ms", "verdict", "kind", "size_ms"), STARTS)
def test_what_an_agent_does_when_it_begins(
    decided_ms: int | None, now_ms: int, verdict: str, kind: str | None, size_ms: int
) -> None:
    begun = judge_start(decided_ms, now_ms, is_new_boot=False)

    assert begun.verdict == verdict
    if kind is None:
        assert begun.happening is None
    else:
        assert begun.happening is not None
        assert told((begun.happening,)) == [(kind, size_ms)]
        assert begun.happening.at_ms == now_ms


def test_a_boot_in_1970_holds_until_the_clock_is_right_and_was_then_an_outage() -> None:
    clock = FakeClock(IN_1970_MS)
    decided_ms = NOW_MS - HOUR_MS
    held = judge_start(decided_ms, clock.now_ms(), is_new_boot=True)
    before = read(clock)
    clock.advance(2 * MINUTE_MS)
    clock.set_wall(NOW_MS)

    happened = judge(before, read(clock), asked_ms=2 * MINUTE_MS)
    begun = judge_start(decided_ms, clock.now_ms(), is_new_boot=True)

    assert held.verdict == "hold"
    assert [kind for kind, _ in told(happened)] == ["clock_right"]
    assert begun.verdict == "outage"
    assert begun.happening is not None
    assert begun.happening.size_ms == HOUR_MS
    assert begun.happening.message.startswith("The host was started anew; no agent decided for 1 h")


def test_a_boot_in_2098_is_an_outage_at_first_and_a_correction_when_it_is_put_right() -> None:
    clock = FakeClock(IN_2098_MS)
    begun = judge_start(NOW_MS - HOUR_MS, clock.now_ms(), is_new_boot=True)
    before = read(clock)
    clock.advance(2 * MINUTE_MS)
    clock.set_wall(NOW_MS)

    happened = judge(before, read(clock), asked_ms=2 * MINUTE_MS)

    assert begun.verdict == "outage"
    assert [kind for kind, _ in told(happened)] == ["clock_corrected"]


def happening(kind: str, size_ms: int = MINUTE_MS, at_ms: int = NOW_MS) -> Happening:
    (known,) = (one for one in KINDS if one == kind)
    return Happening(kind=known, size_ms=size_ms, at_ms=at_ms, message=f"It was {kind}.")


REASONS = (
    (("clock_forward",), "clock_jump"),
    (("suspend",), "suspended"),
    (("stall",), "agent_down"),
    (("outage",), "agent_down"),
    (("clock_back",), None),
    (("clock_corrected",), None),
    ((), None),
)


@pytest.mark.parametrize(("kinds", "reason"), REASONS)
def test_moments_that_passed_by_get_the_reason_of_what_hid_them(
    kinds: tuple[str, ...], reason: str | None
) -> None:
    assert late_reason(map(happening, kinds)) == reason


def test_of_two_things_the_longer_one_gives_the_reason() -> None:
    assert late_reason([happening("suspend", 3), happening("clock_forward", 2)]) == "suspended"


LEVELS = (
    (None, "ok"),
    (happening("clock_forward"), "warn"),
    (happening("clock_back", at_ms=NOW_MS + 400), "warn"),
    (happening("suspend", at_ms=NOW_MS - HOUR_MS + 1), "warn"),
    (happening("suspend", at_ms=NOW_MS - HOUR_MS), "ok"),
    (happening("stall"), "warn"),
    (happening("boot"), "ok"),
    (happening("clock_wrong", at_ms=IN_1970_MS), "ok"),
)


@pytest.mark.parametrize(("last", "level"), LEVELS)
def test_the_health_check_warns_for_an_hour(last: Happening | None, level: str) -> None:
    state = clock_state(last, NOW_MS)

    assert state.level == level
    assert state.message == ("in step" if level == "ok" else getattr(last, "message", None))


def test_the_health_check_is_critical_while_the_clock_is_wrong() -> None:
    assert clock_state(None, IN_1970_MS).level == "crit"
    assert "1970-01-01" in clock_state(None, IN_1970_MS).message


LENGTHS = (
    (SECOND_MS, "1.0 s"),
    (59 * SECOND_MS, "59.0 s"),
    (5 * MINUTE_MS, "5 min"),
    (5 * MINUTE_MS + 3 * SECOND_MS, "5 min 3 s"),
    (2 * HOUR_MS, "2 h"),
    (DAY_MS, "24 h"),
    (3 * DAY_MS + HOUR_MS, "3 days 1 h"),
    (10 * YEAR_MS, "10.0 years"),
)


@pytest.mark.parametrize(("size_ms", "words"), LENGTHS)
def test_sizes_are_said_as_people_say_them(size_ms: int, words: str) -> None:
    before = Reading(NOW_MS, 0, 0)

    (happened,) = judge(before, Reading(NOW_MS + size_ms, 0, 0))

    assert f"set forward by {words};" in happened.message
