"""Is what a way of choosing writes taken by the agent, and recognised again as the same choice?"""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cron.grammar import Cron, Every, parse
from agent.cron.grammar import Once as AgentOnce
from agent.errors import BadDefinition
from desktop.models.scheduleways import (
    DAY,
    HOUR,
    INTERVAL,
    LAST,
    LONGEST_S,
    MONTH,
    ONCE,
    SIMPLE,
    TEXT,
    UNITS_S,
    WEEK,
    WORKDAY,
    Interval,
    Once,
    Parts,
    Simple,
    date_in,
    key_of,
    number_in,
    text_of,
    time_in,
    way_of,
)

MINUTES, HOURS = st.integers(0, 59), st.integers(0, 23)
WEEKDAYS = st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days)))
PARTS: st.SearchStrategy[Parts] = st.one_of(
    st.builds(Simple, st.just(HOUR), MINUTES),
    st.builds(Simple, st.sampled_from([DAY, WORKDAY]), MINUTES, HOURS),
    st.builds(Simple, st.just(WEEK), MINUTES, HOURS, WEEKDAYS),
    st.builds(Simple, st.just(MONTH), MINUTES, HOURS, on=st.integers(LAST, 31)),
    st.sampled_from(sorted(UNITS_S)).flatmap(
        lambda unit: st.builds(Interval, st.integers(1, LONGEST_S // UNITS_S[unit]), st.just(unit))
    ),
    st.builds(Once, st.dates(date(1970, 1, 1), date(9000, 12, 31)), HOURS, MINUTES),
)


def field(*odd: str, top: int) -> st.SearchStrategy[str]:
    numbers = st.integers(0, top + 1).map(str)
    return st.one_of(
        st.just("*"), numbers, numbers.map(lambda one: f"0{one}"), st.sampled_from(odd)
    )


CRON = st.tuples(
    field("*/5", "H", "1,2", "1-9", top=59),
    field("*/2", "8-18", "H", top=23),
    field("L", "l", "1,15", "*/2", "15W", top=31),
    field("*/3", "JAN", top=12),
    field(
        "MON-FRI",
        "1-5",
        "mon,wed",
        "SUN",
        "7,0",
        "FRI#2",
        "FRI#L",
        "1,2,3,4,5",
        "SAT,x",
        ",",
        top=7,
    ),
).map(" ".join)
NAMED = st.sampled_from(
    ["@hourly", "@DAILY", "@midnight", "@weekly", "@monthly", "@yearly", "@reboot", "@every 090s",
     "@every 367d", "@Every 5m", "@every 5 m", "@at 2026-02-30T06:00", "@at 2026-12-01T6:00",
     "@at 1969-12-31T06:00", "@AT 2026-12-01T06:00", "@at 2026-12-01t06:00", "", "@", "* * * *"]
)  # fmt: skip


@given(PARTS)
def test_what_is_chosen_is_taken_by_the_agent_and_recognised_as_the_same_choice(
    parts: Parts,
) -> None:
    text = text_of(parts)

    parse(text)
    assert way_of([text]) == parts


@given(st.one_of(CRON, NAMED, st.text(st.sampled_from("@*/0159LHMON-FRI ,#"), max_size=20)))
def test_what_is_recognised_means_the_same_to_the_agent_when_it_is_written_anew(text: str) -> None:
    parts = way_of([text])
    if parts is None:
        return

    before, after = parse(text), parse(text_of(parts))
    match before, after:
        case (Cron(), Cron()):
            assert (before.times, before.is_fixed) == (after.times, after.is_fixed)
            assert days(before) == days(after)
        case (Every(), Every()):
            assert before.interval_s == after.interval_s
        case (AgentOnce(), AgentOnce()):
            assert before.local_s == after.local_s
        case _:
            raise AssertionError(f"{text} became {text_of(parts)}")


def days(schedule: Cron) -> object:
    """The weekdays and dates that are named, however they are spelt."""
    every = schedule.days
    return every if every is None else {_days(one) for one in every}


def _days(text: str) -> tuple[str, ...]:
    return tuple(",".join(sorted(word.split(","))) for word in text.split())


@given(st.lists(PARTS.map(text_of), max_size=4).filter(lambda texts: len(texts) != 1))
def test_none_or_several_are_text(texts: list[str]) -> None:
    assert way_of(texts) is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("30 6 * * MON-FRI", SIMPLE),
        ("  5   7 * * 1-5 ", SIMPLE),
        ("0 9 L * *", SIMPLE),
        ("@weekly", SIMPLE),
        ("@every 90s", INTERVAL),
        ("@at 2026-12-01T06:00", ONCE),
        ("*/15 8-18 * * MON-FRI", TEXT),
        ("0 9 * * FRI#2", TEXT),
        ("10 3 13 * FRI", TEXT),
        ("0 0 1 1 *", TEXT),
        ("H 2 * * *", TEXT),
        ("0 2 * * MON-WED", TEXT),
        ("@reboot", TEXT),
        ("@every 367d", TEXT),
        ("60 2 * * *", TEXT),
    ],
)
def test_each_text_opens_in_the_way_that_can_show_it(text: str, key: str) -> None:
    assert key_of(way_of([text])) == key


def test_the_numbers_of_the_weekdays_are_those_of_cron() -> None:
    assert way_of(["0 2 * * 7,1"]) == Simple(WEEK, 0, 2, weekdays=(0, 6))
    assert way_of(["0 2 * * 0"]) == Simple(WEEK, 0, 2, weekdays=(6,))


@pytest.mark.parametrize("text", ["", "x", "-1", "60", "1.5", "+5", "٣", "9999999999"])
def test_what_is_no_number_in_reach_is_told_from_one(text: str) -> None:
    assert number_in(text, 0, 59) is None
    assert number_in(" 059 ", 0, 59) == 59


def test_times_and_dates_are_read_as_people_write_them() -> None:
    assert time_in(" 6:05") == (6, 5)
    assert [time_in(one) for one in ("24:00", "6", "6:5", "06:60", "06.30")] == [None] * 5
    assert date_in("2028-02-29") == date(2028, 2, 29)
    assert [date_in(one) for one in ("2027-02-29", "20261201", "1.12.2026", "9001-01-01")] == (
        [None] * 4
    )


def test_a_text_that_the_agent_refuses_is_never_taken_for_a_choice() -> None:
    for text in ("61 2 * * *", "0 24 * * *", "0 2 32 * *", "0 2 * * 8", "@at 2026-02-30T06:00"):
        with pytest.raises(BadDefinition):
            parse(text)
        assert way_of([text]) is None
