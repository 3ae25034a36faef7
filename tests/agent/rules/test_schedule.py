"""Due moments against the rules minute by minute, and tables of cases."""

import sys
from bisect import bisect_right
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import BadDefinition
from agent.rules import schedule
from agent.rules.schedule import Fold, Gap, Timing
from tests.agent.rules import reference
from tests.agent.rules.dice import FRESH_SEED, SEED, WINDOWS, ZONES, random_window, seeded
from tests.effort import steps_in

TEXTS_A_WINDOW = 26
ASKED_A_TEXT = 40
HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS


def ms(zone: str, text: str, *, fold: int = 0) -> int:
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(local.timestamp()) * 1000


def shown(zone: str, at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)).isoformat(timespec="minutes")


def coming(zone: str, text: str, start: str, count: int, **options: str) -> list[tuple[str, str]]:
    moments = schedule.next_moments(Timing((text,), zone, **options), ms(zone, start), count)  # type: ignore[arg-type]
    return [(shown(zone, moment.at_ms), moment.tag) for moment in moments]


@pytest.mark.timeout(max(600, WINDOWS))
@pytest.mark.parametrize(
    ("seed", "windows"),
    [pytest.param(SEED, WINDOWS, id="known"), pytest.param(FRESH_SEED, WINDOWS // 4, id="fresh")],
)
def test_due_moments_are_those_of_the_rules_read_minute_by_minute(seed: int, windows: int) -> None:
    dice = seeded(seed)
    compared = asked = fired = 0

    for _ in range(windows):
        zone, from_s, end_s = random_window(dice)
        table = reference.minutes(zone, from_s, end_s)
        name = f"task{dice.randrange(1000)}"
        for number in range(TEXTS_A_WINDOW):
            text = (
                reference.random_text(dice) if number % 4 else reference.random_dialect(dice, name)
            )
            gap: Gap = dice.choice(("after", "after", "skip"))
            fold: Fold = dice.choice(("first", "first", "both"))

            wanted = list(reference.due(text, table, gap=gap, fold=fold))
            timing = Timing((text.text,), zone, gap, fold, name)
            found = schedule.due_moments(timing, from_s * 1000 - 1, end_s * 1000 - 1)

            case = (text.text, zone, from_s, gap, fold, name, f"seed {seed}")
            assert [at_ms // 1000 for at_ms in found] == wanted, case
            compared += 1
            fired += len(wanted)
            for after_s in (dice.randrange(from_s, end_s) for _ in range(ASKED_A_TEXT)):
                coming_ms = schedule.next_moment(timing, after_s * 1000)
                place = bisect_right(wanted, after_s)
                if place < len(wanted):
                    assert coming_ms == wanted[place] * 1000, (*case, after_s)
                else:
                    assert coming_ms is None or coming_ms >= end_s * 1000, (*case, after_s)
                asked += 1

    sys.stdout.write(f"seed {seed}: {asked} next moments, {compared} spans, {fired} moments\n")
    assert asked == compared * ASKED_A_TEXT == windows * TEXTS_A_WINDOW * ASKED_A_TEXT
    assert fired > compared


def test_the_next_moment_counts_and_sums_agree_with_walking() -> None:
    dice = seeded(SEED + 1)

    for _ in range(300):
        zone, from_s, _ = random_window(dice)
        texts = tuple(reference.random_text(dice).text for _ in range(dice.choice((1, 1, 2, 3))))
        if dice.random() < 0.3:
            texts += (f"@every {dice.choice((7, 11, 60, 90, 100))}m",)
        if dice.random() < 0.3:
            texts += (f"@every {dice.randint(3, 90)}m",)
        until_s = from_s + dice.randrange(86_400, 20 * 86_400)
        after_ms, until_ms = from_s * 1000, until_s * 1000
        limit = dice.choice((1, 10, 1000))

        walked = list(schedule.due_moments(Timing(texts, zone), after_ms, until_ms))
        moments = schedule.moments_between(Timing(texts, zone), after_ms, until_ms, limit=limit)
        older = walked[:-limit]

        assert schedule.count_moments(Timing(texts, zone), after_ms, until_ms) == len(walked), texts
        assert moments.newest == tuple(walked[-limit:]), texts
        assert moments.older_count == len(older)
        assert moments.first_older_ms == (older[0] if older else None)
        assert moments.last_older_ms == (older[-1] if older else None)
        following = schedule.next_moment(Timing(texts, zone), after_ms)
        assert following == (walked[0] if walked else following)
        assert walked or following is None or following > until_ms


@settings(deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    after_ms=st.integers(min_value=0, max_value=4_000_000_000_000),
    seed=st.integers(min_value=0, max_value=10**9),
)
def test_asking_again_from_the_answer_never_goes_back(zone: str, after_ms: int, seed: int) -> None:
    text = reference.random_text(seeded(seed)).text

    moment = schedule.next_moment(Timing((text,), zone), after_ms)

    assert moment is not None
    assert moment > after_ms
    assert schedule.next_moment(Timing((text,), zone), moment - 1) == moment


# Debian's rule, coalesced: what is left out runs once right after, what comes twice runs once.
GAPS = (
    ("America/New_York", "30 2 * * *", "2026-03-08T00:00", "2026-03-08T03:00-04:00"),
    ("Europe/London", "30 1 * * *", "2026-03-29T00:00", "2026-03-29T02:00+01:00"),
    ("Europe/Berlin", "5,30 2 * * *", "2026-03-29T00:00", "2026-03-29T03:00+02:00"),
    ("Pacific/Auckland", "0 2 * * *", "2026-09-27T00:00", "2026-09-27T03:00+13:00"),
    ("Australia/Lord_Howe", "15 2 * * *", "2026-10-04T00:00", "2026-10-04T02:30+11:00"),
    ("Antarctica/Troll", "30 1,2 * * *", "2026-03-29T00:00", "2026-03-29T03:00+02:00"),
    ("America/St_Johns", "30 0 * * *", "2008-03-09T00:00", "2008-03-09T01:01-02:30"),
    ("America/Havana", "30 0 * * *", "2026-03-07T12:00", "2026-03-08T01:00-04:00"),
    ("Africa/Casablanca", "15 2 * * *", "2026-03-22T00:00", "2026-03-22T03:00+01:00"),
    ("Europe/Dublin", "30 1 * * *", "2026-03-29T00:00", "2026-03-29T02:00+01:00"),
    ("America/Sao_Paulo", "30 0 * * *", "2018-11-03T12:00", "2018-11-04T01:00-02:00"),
)


@pytest.mark.parametrize(("zone", "text", "start", "moved"), GAPS)
def test_a_time_the_clock_left_out_runs_once_right_after(
    zone: str, text: str, start: str, moved: str
) -> None:
    first, second = coming(zone, text, start, 2)

    assert first == (moved, "moved")
    assert second[1] == "normal"
    assert second[0][:10] > moved[:10]


@pytest.mark.parametrize(("zone", "text", "start", "moved"), GAPS)
def test_a_time_the_clock_left_out_is_left_out_when_the_task_says_so(
    zone: str, text: str, start: str, moved: str
) -> None:
    ((first, tag),) = coming(zone, text, start, 1, dst_gap="skip")

    assert first[:10] > moved[:10]
    assert tag == "normal"


def test_a_moved_time_and_a_match_right_after_the_gap_are_one_run() -> None:
    moments = coming("America/New_York", "0,30 2,3 * * *", "2026-03-08T00:00", 2)

    assert moments == [("2026-03-08T03:00-04:00", "moved"), ("2026-03-08T03:30-04:00", "normal")]


FOLDS = (
    ("America/New_York", "30 1 * * *", "2026-11-01T00:00", "01:30-04:00", "01:30-05:00"),
    ("Europe/London", "30 1 * * *", "2026-10-25T00:00", "01:30+01:00", "01:30+00:00"),
    ("Europe/Berlin", "0 2 * * *", "2026-10-25T00:00", "02:00+02:00", "02:00+01:00"),
    ("Pacific/Auckland", "30 2 * * *", "2026-04-05T00:00", "02:30+13:00", "02:30+12:00"),
    ("Australia/Lord_Howe", "45 1 * * *", "2026-04-05T00:00", "01:45+11:00", "01:45+10:30"),
    ("Antarctica/Troll", "30 1 * * *", "2026-10-25T00:00", "01:30+02:00", "01:30+00:00"),
    ("America/Sao_Paulo", "30 23 * * *", "2018-02-17T12:00", "23:30-02:00", "23:30-03:00"),
    ("America/St_Johns", "30 23 * * *", "2008-11-01T12:00", "23:30-02:30", "23:30-03:30"),
)


@pytest.mark.parametrize(("zone", "text", "start", "first", "second"), FOLDS)
def test_a_repeated_time_runs_at_its_first_showing_only(
    zone: str, text: str, start: str, first: str, second: str
) -> None:
    once = coming(zone, text, start, 2)
    both = coming(zone, text, start, 2, dst_fold="both")

    assert once[0] == (f"{start[:11]}{first}", "first_of_two")
    assert once[1][0][:10] > start[:10]
    assert both == [
        (f"{start[:11]}{first}", "first_of_two"),
        (f"{start[:11]}{second}", "second_of_two"),
    ]


def test_asked_inside_the_repeated_hour_a_fixed_time_waits_for_the_next_day() -> None:
    zone = "America/New_York"
    inside_ms = ms(zone, "2026-11-01T01:10", fold=1)

    moment = schedule.next_moment(Timing(("30 1 * * *",), zone), inside_ms)

    assert moment == ms(zone, "2026-11-02T01:30")


def test_a_wild_schedule_follows_elapsed_time() -> None:
    spring = coming("America/New_York", "*/30 * * * *", "2026-03-08T01:15", 3)
    autumn = coming("America/New_York", "30 * * * *", "2026-11-01T00:45", 3)

    assert [at for at, _ in spring] == [
        "2026-03-08T01:30-05:00",
        "2026-03-08T03:00-04:00",
        "2026-03-08T03:30-04:00",
    ]
    assert autumn == [
        ("2026-11-01T01:30-04:00", "first_of_two"),
        ("2026-11-01T01:30-05:00", "second_of_two"),
        ("2026-11-01T02:30-05:00", "normal"),
    ]


def test_a_day_that_never_was_is_a_correction_and_nothing_is_made_up() -> None:
    moments = coming("Pacific/Apia", "0 12 * * *", "2011-12-29T06:00", 2)

    assert moments == [("2011-12-29T12:00-10:00", "normal"), ("2011-12-31T12:00+14:00", "normal")]


def test_across_a_day_that_never_was_a_wild_schedule_goes_on_as_if_nothing_were() -> None:
    moments = coming("Pacific/Apia", "*/30 * * * *", "2011-12-29T23:10", 3)

    assert moments == [
        ("2011-12-29T23:30-10:00", "normal"),
        ("2011-12-31T00:00+14:00", "normal"),
        ("2011-12-31T00:30+14:00", "normal"),
    ]


def test_a_single_time_runs_once_and_is_moved_like_any_fixed_one() -> None:
    zone = "America/New_York"

    assert coming(zone, "@at 2026-12-24T18:00", "2026-01-01T00:00", 3) == [
        ("2026-12-24T18:00-05:00", "normal")
    ]
    assert coming(zone, "@at 2026-03-08T02:30", "2026-01-01T00:00", 3) == [
        ("2026-03-08T03:00-04:00", "moved")
    ]
    assert coming(zone, "@at 2026-11-01T01:30", "2026-01-01T00:00", 3) == [
        ("2026-11-01T01:30-04:00", "first_of_two")
    ]
    assert len(coming(zone, "@at 2026-11-01T01:30", "2026-01-01T00:00", 3, dst_fold="both")) == 2


def test_an_interval_counts_from_a_fixed_anchor() -> None:
    first = schedule.next_moment(Timing(("@every 90s",), "Pacific/Auckland"), 1_000_000_000_123)

    assert first is not None
    assert first % 90_000 == 0
    assert schedule.next_moment(Timing(("@every 90s",), "UTC"), first) == first + 90_000


def test_several_schedules_name_each_moment_once() -> None:
    texts = ("0 * * * *", "*/30 * * * *", "@every 30m")
    start_ms = ms("UTC", "2026-01-01T00:00")

    moments = list(schedule.due_moments(Timing(texts, "UTC"), start_ms, start_ms + 2 * HOUR_MS))

    assert moments == [start_ms + step * HOUR_MS // 2 for step in (1, 2, 3, 4)]


def test_a_leap_day_on_a_sunday_is_found_at_once() -> None:
    start_ms = ms("America/New_York", "2032-03-01T00:00")
    timing = Timing(("0 0 29 2 */7",), "America/New_York")

    steps = steps_in(lambda: schedule.next_moment(timing, start_ms))

    assert schedule.next_moment(timing, start_ms) == ms("America/New_York", "2060-02-29T00:00")
    assert steps < 60_000, "there are 14 million minutes before it"


@pytest.mark.parametrize("text", ["* * * * *", "@every 1s", "0 3 * * 1-5", "*/7 8-18 1-15 * FRI"])
def test_ten_years_are_summed_without_walking_through_them(text: str) -> None:
    start_ms = ms("Pacific/Auckland", "2026-01-01T00:00")
    end_ms = start_ms + 10 * YEAR_MS
    timing = Timing((text,), "Pacific/Auckland")

    moments = schedule.moments_between(timing, start_ms, end_ms)

    assert len(moments.newest) == 1000
    assert moments.count == schedule.count_moments(timing, start_ms, end_ms)
    assert moments.newest[-1] <= end_ms
    assert steps_in(lambda: schedule.moments_between(timing, start_ms, end_ms)) < 200_000


def test_ten_years_of_minutes_are_all_counted() -> None:
    start_ms = ms("UTC", "2026-01-01T00:00")

    moments = schedule.moments_between(
        Timing(("* * * * *",), "UTC"), start_ms, start_ms + 10 * YEAR_MS
    )

    assert moments.count == 10 * 365 * 24 * 60
    assert moments.first_older_ms == start_ms + 60_000
    assert moments.last_older_ms == moments.newest[0] - 60_000


def test_a_clock_in_the_far_future_still_gets_an_answer() -> None:
    late_ms = ms("UTC", "2098-06-01T00:00")

    assert schedule.next_moment(Timing(("0 0 1 1 *",), "Europe/Berlin"), late_ms) == ms(
        "Europe/Berlin", "2099-01-01T00:00"
    )
    assert (
        schedule.next_moment(Timing(("* * * * *",), "UTC"), ms("UTC", "9950-01-01T00:00")) is None
    )


def test_an_unknown_zone_is_refused_with_the_one_meant() -> None:
    with pytest.raises(BadDefinition, match="'Pacific/Auckland'") as refused:
        schedule.next_moment(Timing(("* * * * *",), "Pacific/Aukland"), 0)

    assert refused.value.field == "timezone"


def test_no_moment_is_at_or_before_the_one_asked_from() -> None:
    start_ms = ms("UTC", "2026-01-01T00:00")

    assert schedule.next_moment(Timing(("0 0 * * *",), "UTC"), start_ms - 1) == start_ms
    assert schedule.next_moment(Timing(("0 0 * * *",), "UTC"), start_ms) == start_ms + 24 * HOUR_MS
    assert list(schedule.due_moments(Timing(("0 0 * * *",), "UTC"), start_ms, start_ms)) == []
