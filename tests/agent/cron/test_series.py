"""Each n-th moment, validity, spread and boots against lists cut by hand, and in what time."""

import hashlib
import random
import tracemalloc
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.rules import schedule
from agent.rules.schedule import Timing
from tests.agent.rules import reference
from tests.effort import steps_in

ZONES = ("UTC", "America/New_York", "Pacific/Auckland", "Australia/Lord_Howe", "Africa/Casablanca")
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS


def ms(zone: str, text: str, *, fold: int = 0) -> int:
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(local.timestamp()) * 1000


def shown(timing: Timing, start: str, count: int) -> list[str]:
    zone = ZoneInfo(timing.zone)
    found = schedule.next_moments(timing, ms(timing.zone, start), count)
    return [f"{datetime.fromtimestamp(one.at_ms / 1000, zone):%Y-%m-%d %H:%M}" for one in found]


@st.composite
def some_texts(draw: st.DrawFn) -> tuple[str, ...]:
    """One to three schedules of any kind that clocks alone decide."""
    dice = random.Random(draw(st.integers(0, 10**9)))  # noqa: S311 - dice for tests
    texts = [reference.random_text(dice).text for _ in range(draw(st.integers(1, 2)))]
    if draw(st.booleans()):
        texts.append(f"@every {draw(st.sampled_from((7, 11, 45, 60, 90, 1440, 5000)))}m")
    return tuple(texts)


some_starts = st.integers(86_400, 4_000_000_000).map(lambda at_s: at_s * 1000)


def test_every_second_monday_is_counted_from_the_first_day_of_validity() -> None:
    fortnightly = Timing(("0 9 * * MON",), "Europe/Berlin", valid_from="2026-01-05", every_nth=2)

    assert shown(fortnightly, "2025-01-01T00:00", 3) == [
        "2026-01-05 09:00",
        "2026-01-19 09:00",
        "2026-02-02 09:00",
    ]
    # Asked from anywhere else, the same weeks come.
    assert shown(fortnightly, "2026-01-20T00:00", 1) == ["2026-02-02 09:00"]
    assert shown(fortnightly, "2032-06-01T00:00", 1) == ["2032-06-14 09:00"]


@pytest.mark.parametrize("texts", [("0 9 * * MON",), ("30 1 * * *", "@every 10h")])
def test_without_bounds_the_count_begins_in_1970(texts: tuple[str, ...]) -> None:
    timing = Timing(texts, "America/New_York", every_nth=3)
    start_ms, end_ms = (ms("UTC", f"{year}-01-01T00:00") for year in (2026, 2027))

    since_1970 = list(schedule.due_moments(Timing(texts, timing.zone), -1, end_ms))[::3]

    assert list(schedule.due_moments(timing, start_ms, end_ms)) == [
        at_ms for at_ms in since_1970 if at_ms > start_ms
    ]


def test_the_first_bound_is_part_of_the_span_and_the_last_is_not() -> None:
    timing = Timing(
        ("0 * * * *",), "UTC", valid_from="2026-01-01T10:00", valid_until="2026-01-01T12:00"
    )

    assert shown(timing, "2025-01-01T00:00", 9) == ["2026-01-01 10:00", "2026-01-01 11:00"]


def test_bounds_are_read_on_the_clocks_of_the_zone_also_in_its_nights_of_change() -> None:
    zone = "America/New_York"
    in_gap = Timing(("*/30 * * * *",), zone, valid_from="2026-03-08T02:30")
    in_fold = Timing(("*/30 * * * *",), zone, valid_from="2026-11-01T01:30")
    ends_in_fold = Timing(("*/30 * * * *",), zone, valid_until="2026-11-01T01:30")
    before_ms = ms(zone, "2026-11-01T00:45")

    assert shown(in_gap, "2026-03-08T00:00", 1) == ["2026-03-08 03:00"]
    assert schedule.next_moment(in_fold, before_ms) == ms(zone, "2026-11-01T01:30", fold=0)
    assert list(schedule.due_moments(ends_in_fold, before_ms, before_ms + DAY_MS)) == [
        ms(zone, "2026-11-01T01:00", fold=0)
    ]


def test_a_spread_shifts_all_moments_of_a_name_alike_and_keeps_their_tags() -> None:
    digest = hashlib.sha256(b"nightly-report").digest()
    shift_ms = int.from_bytes(digest[:8], "big") % 900 * 1000
    plain = Timing(("30 1 * * *",), "America/New_York", task_name="nightly-report")
    spread = Timing(("30 1 * * *",), "America/New_York", task_name="nightly-report", spread_s=900)
    start_ms = ms("America/New_York", "2026-10-30T12:00")

    usual = schedule.next_moments(plain, start_ms, 5)
    shifted = schedule.next_moments(spread, start_ms, 5)

    assert 0 < shift_ms < 900_000
    assert [(one.at_ms - shift_ms, one.tag) for one in shifted] == [
        (one.at_ms, one.tag) for one in usual
    ]
    assert {one.tag for one in usual} == {"normal", "first_of_two"}


def test_starts_of_the_host_are_due_once_each_within_validity() -> None:
    boots = [ms("UTC", "2026-01-01T00:00") + 123, ms("UTC", "2026-02-01T00:00") + 456]
    timing = Timing(("@reboot",), "UTC", valid_from="2026-01-15", every_nth=3)

    assert schedule.next_moment(Timing(("@reboot",)), boots[0], boots=boots) == boots[1]
    assert schedule.next_moment(Timing(("@reboot",)), boots[1], boots=boots) is None
    assert schedule.next_moment(Timing(("@reboot",)), 0) is None
    assert list(schedule.due_moments(timing, 0, boots[1], boots=boots)) == [boots[1]]


@settings(deadline=None, max_examples=60)
@given(
    texts=some_texts(),
    zone=st.sampled_from(ZONES),
    start_ms=some_starts,
    opens=st.integers(0, 10),
    lasts=st.integers(1, 30),
    every_nth=st.integers(1, 40),
    spread_s=st.sampled_from((0, 1, 600)),
    boot_days=st.lists(st.integers(0, 40 * 86_400), max_size=4),
    limit=st.sampled_from((1, 7, 1000)),
)
def test_all_that_narrows_a_schedule_does_so_at_once_and_the_sums_stay_true(
    texts: tuple[str, ...],
    zone: str,
    start_ms: int,
    opens: int,
    lasts: int,
    every_nth: int,
    spread_s: int,
    boot_days: list[int],
    limit: int,
) -> None:
    first = datetime.fromtimestamp(start_ms / 1000, ZoneInfo(zone)).date().toordinal() + opens
    valid_from, valid_until = (
        str(datetime.fromordinal(day).date()) for day in (first, first + lasts)
    )
    boots = sorted(start_ms + at_s * 1000 for at_s in boot_days)
    plain = Timing(texts, zone)
    timing = Timing(
        (*texts, "@reboot"),
        zone,
        task_name="x",
        valid_from=valid_from,
        valid_until=valid_until,
        every_nth=every_nth,
        spread_s=spread_s,
    )
    shift_ms = 0
    if spread_s:
        digest = hashlib.sha256(b"x").digest()
        shift_ms = int.from_bytes(digest[:8], "big") % spread_s * 1000
    from_ms, to_ms = ms(zone, f"{valid_from}T00:00"), ms(zone, f"{valid_until}T00:00")
    after_ms, until_ms = start_ms, start_ms + 45 * DAY_MS

    counted = list(schedule.due_moments(plain, from_ms - 1, to_ms - 1))[::every_nth]
    started = [at_ms for at_ms in boots if from_ms <= at_ms < to_ms]
    wanted = [
        at_ms + shift_ms
        for at_ms in sorted({*counted, *started})
        if after_ms < at_ms + shift_ms <= until_ms
    ]

    assert list(schedule.due_moments(timing, after_ms, until_ms, boots=boots)) == wanted
    assert schedule.count_moments(timing, after_ms, until_ms, boots=boots) == len(wanted)
    coming = schedule.next_moments(timing, after_ms, 5, boots=boots)
    assert [one.at_ms for one in coming] == wanted[:5]
    following = schedule.next_moment(timing, after_ms, boots=boots)
    assert following == (wanted[0] if wanted else None)
    sums = schedule.moments_between(timing, after_ms, until_ms, limit=limit, boots=boots)
    assert sums.newest == tuple(wanted[-limit:])
    assert sums.count == len(wanted)
    older = wanted[:-limit]
    assert (sums.first_older_ms, sums.last_older_ms) == (
        (older[0], older[-1]) if older else (None, None)
    )


@settings(deadline=None, max_examples=60)
@given(
    texts=some_texts(),
    zone=st.sampled_from(ZONES),
    after_ms=some_starts,
    every_nth=st.sampled_from((1, 1, 2, 5, 400)),
)
def test_the_next_few_are_the_next_one_asked_again_and_again(
    texts: tuple[str, ...], zone: str, after_ms: int, every_nth: int
) -> None:
    timing = Timing(texts, zone, every_nth=every_nth)

    together = [one.at_ms for one in schedule.next_moments(timing, after_ms, 6)]

    singly: list[int] = []
    at_ms = after_ms
    while len(singly) < 6:
        found_ms = schedule.next_moment(timing, at_ms)
        if found_ms is None:
            break
        assert found_ms > at_ms
        singly.append(found_ms)
        at_ms = found_ms
    assert singly == together


@settings(deadline=None, max_examples=60)
@given(one=some_texts(), two=some_texts(), zone=st.sampled_from(ZONES), after_ms=some_starts)
def test_schedules_together_name_what_they_name_alone(
    one: tuple[str, ...], two: tuple[str, ...], zone: str, after_ms: int
) -> None:
    until_ms = after_ms + 10 * DAY_MS
    alone = [
        set(schedule.due_moments(Timing(each, zone), after_ms, until_ms)) for each in (one, two)
    ]

    together = list(schedule.due_moments(Timing(one + two, zone), after_ms, until_ms))

    assert together == sorted(alone[0] | alone[1])
    assert schedule.count_moments(Timing(one + two, zone), after_ms, until_ms) == len(together)


MINUTES = ("* * * * *",)
CROWD = (*MINUTES, *(f"@every {step}m" for step in (7, 11, 13, 17, 19, 23, 29, 31, 37)))


@pytest.mark.parametrize("every_nth", [1, 2, 365])
@pytest.mark.parametrize(
    "texts",
    [
        MINUTES,
        ("@every 1s", *MINUTES),
        ("0 9 * * 1-5", "@every 7m"),
        ("*/7 8-18 1-15 * FRI",),
        ("0 0 29 2 */7",),
        CROWD,
    ],
)
def test_ten_years_of_each_n_th_moment_cost_neither_time_nor_memory(
    texts: tuple[str, ...], every_nth: int
) -> None:
    start_ms = ms("Pacific/Auckland", "2026-01-01T00:00")
    timing = Timing(texts, "Pacific/Auckland", every_nth=every_nth)
    counted = schedule.count_moments(timing, start_ms, start_ms + 10 * YEAR_MS)

    summed = schedule.moments_between(timing, start_ms, start_ms + 10 * YEAR_MS, limit=100)
    assert summed.count == counted
    end_ms = start_ms + 10 * YEAR_MS
    # There are 5 million minutes in these years, and 300 million seconds.
    assert steps_in(lambda: schedule.count_moments(timing, start_ms, end_ms)) < 2_000_000


def test_a_sum_of_ten_years_keeps_less_than_a_megabyte() -> None:
    start_ms = ms("Pacific/Auckland", "2026-01-01T00:00")
    timing = Timing(MINUTES, "Pacific/Auckland", every_nth=2)
    schedule.moments_between(timing, start_ms, start_ms + 10 * YEAR_MS)
    tracemalloc.start()

    schedule.moments_between(timing, start_ms, start_ms + 10 * YEAR_MS)

    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1_000_000
