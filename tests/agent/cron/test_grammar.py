"""What a schedule text means, and what is refused with which advice."""

import re
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.cron.grammar import Cron, Every, Once, parse
from agent.errors import BadDefinition
from tests.effort import steps_in


def cron(text: str) -> Cron:
    schedule = parse(text)
    assert isinstance(schedule, Cron)
    return schedule


def clock(schedule: Cron) -> list[str]:
    return [f"{time_s // 3600:02}:{time_s % 3600 // 60:02}" for time_s in schedule.times]


TIMES = (
    ("5 7 * * *", ["07:05"]),
    ("0 */6 * * *", ["00:00", "06:00", "12:00", "18:00"]),
    ("30 8-10 * * *", ["08:30", "09:30", "10:30"]),
    ("10-50/20 0 * * *", ["00:10", "00:30", "00:50"]),
    ("0,15 1,23 * * *", ["01:00", "01:15", "23:00", "23:15"]),
    ("5-5 7-7 * * *", ["07:05"]),
    ("007 08 * * *", ["08:07"]),
    ("0\t1  *   * *", ["01:00"]),
    ("@daily", ["00:00"]),
    ("@MIDNIGHT", ["00:00"]),
)


@pytest.mark.parametrize(("text", "wanted"), TIMES)
def test_minutes_and_hours_make_the_times_of_a_day(text: str, wanted: list[str]) -> None:
    assert clock(cron(text)) == wanted


DAYS = (
    ("0 0 * * *", None, False),
    ("0 0 1 * *", ("1 * *",), False),
    ("0 0 * jan,Feb *", ("* 1,2 *",), False),
    ("0 0 * * MON", ("* * 1",), False),
    ("0 0 * * 7", ("* * 0",), False),
    ("0 0 * * 5-7", ("* * 0,5,6",), False),
    ("0 0 * * sun-tue", ("* * 0,1,2",), False),
    ("0 0 13 * FRI", ("13 * *", "* * 5"), True),
    ("0 0 13 * */2", ("13 * 0,2,4,6",), False),
    ("0 0 */10 * MON", ("1,11,21,31 * 1",), False),
    ("0 0 1-31 * MON", None, True),
    ("0 0 13 * 0-6", None, True),
    ("0 0 1-1 1-12 *", ("1 * *",), False),
    ("@weekly", ("* * 0",), False),
    ("@monthly", ("1 * *",), False),
    ("@yearly", ("1 1 *",), False),
    ("@annually", ("1 1 *",), False),
)


@pytest.mark.parametrize(("text", "days", "days_or"), DAYS)
def test_a_star_in_a_day_field_means_and_otherwise_either_day_will_do(
    text: str, days: tuple[str, ...] | None, days_or: bool
) -> None:
    schedule = cron(text)

    assert (schedule.days, schedule.days_or) == (days, days_or)


@pytest.mark.parametrize(
    ("text", "is_fixed"),
    [
        ("0 2 * * *", True),
        ("0-59 2 * * *", True),
        ("* 2 * * *", False),
        ("0 */2 * * *", False),
        ("@hourly", False),
        ("@daily", True),
    ],
)
def test_a_schedule_is_fixed_when_neither_time_field_begins_with_a_star(
    text: str, is_fixed: bool
) -> None:
    assert cron(text).is_fixed is is_fixed


@pytest.mark.parametrize(
    ("text", "interval_s"),
    [("@every 90s", 90), ("@every 5m", 300), ("@every 2h", 7200), ("@EVERY 1d", 86_400)],
)
def test_an_interval_is_a_number_and_a_unit(text: str, interval_s: int) -> None:
    schedule = parse(text)

    assert isinstance(schedule, Every)
    assert schedule.interval_s == interval_s


def test_a_single_time_is_read_as_the_wall_clock_shows_it() -> None:
    assert parse("@at 1970-01-02T00:30") == Once("@at 1970-01-02T00:30", 86_400 + 1800)


REFUSALS = (
    ("", "is empty"),
    ("   ", "is empty"),
    ("1 2 3", "has 3 fields, cron text has five"),
    ("22-2 * * *", "has 4 fields"),
    ("* * * * * *", "drop the seconds and years.*@every 30s"),
    ("*/10 * * * * *", "@every 10s"),
    ("0 0 0 1 1 ? 2026", "has 7 fields"),
    ("* 22-2 * * *", "runs backwards; write 22-23,0-2"),
    ("0 0 * * FRI-SUN", "runs backwards; write 5-7"),
    ("0 0 * * FRI-MON", "runs backwards; write 5-6,0-1"),
    ("5/15 * * * *", "write 5-59/15"),
    ("0 0 * * 1/2", "write 1-6/2"),
    ("0 0 ? * *", r"\? in day of month .* write \*"),
    ("0 0 15W * *", r"nearest working day \(W\) is not offered"),
    ("0 0 LW * *", r"\(W\) is not offered"),
    ("R * * * *", r"random time \(R\) is not offered"),
    ("60 * * * *", "minute 60 is out of range; it goes from 0 to 59"),
    ("0 24 * * *", "hour 24 is out of range; it goes from 0 to 23"),
    ("0 0 0 * *", "day of month 0 is out of range; it goes from 1 to 31"),
    ("0 0 * 13 *", "month 13 is out of range; it goes from 1 to 12"),
    ("0 0 * * 8", "weekday 8 is out of range; it goes from 0 to 7"),
    ("0 0 * * MONDAY", "weekday MONDAY is not understood"),
    ("MON 0 * * *", "minute MON is not understood"),
    ("-5 * * * *", "minute -5 is not understood"),
    ("*-5 * * * *", r"minute \*-5 is not understood"),
    ("1,,2 * * * *", "empty item between commas"),
    ("*/0 * * * *", "step of minute .* must be from 1 to 60"),
    ("*/90 * * * *", "@every 90m"),
    ("0 0 30 2 *", "never comes: Feb has no day 30; write a day from 1 to 29"),
    ("0 0 31 4,6,9,11 *", "never comes"),
    ("0 0 30 2 */2", "never comes"),
    ("@reboot now", "write @reboot alone"),
    ("@fortnightly", "@fortnightly is not known"),
    ("@daily 5", "write @daily alone"),
    ("@every", "such as @every 90s"),
    ("@every 1h30m", "such as @every 90s"),
    ("@every 0s", "from 1s to 366d"),
    ("@every 999999999d", "from 1s to 366d"),
    ("@at tomorrow", "such as @at 2026-12-24T18:00"),
    ("@at 2026-02-30T10:00", "no such date and time"),
    ("@at 9999-01-01T00:00", "from 1970 to 9000"),
    ("* * * *\n*", "on one line"),
    ("* * * * *\0", "on one line"),
    ("\u0663 * * * *", "no ASCII"),
    ("*\u00a0* * * *", "no ASCII"),
    ("\U0001f600 * * * *", "no ASCII"),
)


@pytest.mark.parametrize(("text", "reason"), REFUSALS)
def test_a_text_without_one_clear_meaning_is_refused_with_advice(text: str, reason: str) -> None:
    with pytest.raises(BadDefinition) as refused:
        parse(text)

    assert refused.value.field == "schedule"
    assert re.search(reason, refused.value.fix)


def test_a_correction_that_is_offered_is_accepted() -> None:
    offered = 0
    for text, _ in REFUSALS:
        with pytest.raises(BadDefinition) as refused:
            parse(text)
        found = re.search(r"(hour|weekday|minute) .*write (\d\S*)$", refused.value.fix)
        if found is None:
            continue
        place = {"minute": 0, "hour": 1, "weekday": 4}[found[1]]
        words = text.split()
        words[place] = found[2]
        assert parse(" ".join(words))
        offered += 1
    assert offered == 6


def test_a_date_that_never_comes_is_accepted_beside_a_weekday_that_does() -> None:
    assert cron("0 0 30 2 MON").days == ("* 2 1",)


@pytest.mark.parametrize("size", [257, 200_000, 1_000_000])
def test_a_text_too_long_is_refused_at_once(size: int) -> None:
    text = ("1," * size)[:size]

    def refused() -> None:
        with pytest.raises(BadDefinition, match="at most 256"):
            parse(text)

    assert steps_in(refused) < 2_000


@settings(deadline=None)
@given(st.text(max_size=300))
@example("0 0 * * #")
@example("@at 0000-00-00T00:00")
def test_any_text_is_read_or_refused_and_never_breaks(text: str) -> None:
    def read() -> None:
        with suppress(BadDefinition):
            schedule = parse(text)
            assert parse(schedule.text) == schedule

    assert steps_in(read) < 20_000


SIGNS = ("0", "1", "5", "59", "*", "-", "/", ",", "MON", "L", "W", "#", "?", "H", "@every", "@at")


@settings(deadline=None)
@given(st.lists(st.sampled_from(SIGNS), max_size=12))
def test_any_mix_of_known_signs_is_read_or_refused(signs: list[str]) -> None:
    for text in ("".join(signs), " ".join(signs), f"{''.join(signs)} * * * *"):
        with suppress(BadDefinition):
            assert parse(text).text
