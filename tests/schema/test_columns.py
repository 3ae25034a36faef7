"""How instants, lists and small maps lie in a column."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, create_engine, select
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from schema.columns import Command, Instant, Json, Schedules, TextList


def kept(column_type: TypeEngine[Any], value: object) -> tuple[object, object]:
    """What comes back, and what lies in the file."""
    table = Table("kept", MetaData(), Column("value", column_type))
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), {"value": value})
        back = connection.scalar(select(table.c.value))
        raw = connection.exec_driver_sql("SELECT value FROM kept").scalar()
    engine.dispose()
    return back, raw


def test_an_instant_lies_in_the_file_as_a_person_writes_it() -> None:
    back, raw = kept(Instant(), 1_764_000_305_042)

    assert raw == "2025-11-24 16:05:05.042"
    assert back == 1_764_000_305_042


@given(st.lists(st.integers(0, 4_102_444_800_000), min_size=2, max_size=2))
def test_instants_come_back_exactly_and_sort_as_text(moments: list[int]) -> None:
    texts = [Instant().process_bind_param(at_ms, _sqlite()) for at_ms in moments]

    assert [Instant().process_result_value(text, _sqlite()) for text in texts] == moments
    assert (texts[0] < texts[1]) == (moments[0] < moments[1])


def test_an_instant_written_by_hand_without_fraction_is_understood() -> None:
    assert Instant().process_result_value("2025-11-24 16:05:05", _sqlite()) == 1_764_000_305_000


def test_an_instant_is_a_datetime_with_milliseconds_on_mariadb() -> None:
    dialect = mysql.dialect()

    assert Instant().dialect_impl(dialect).compile(dialect) == "DATETIME(3)"
    bound = Instant().process_bind_param(1_764_000_305_042, dialect)
    assert Instant().process_result_value(bound, dialect) == 1_764_000_305_042


@pytest.mark.parametrize(
    ("column_type", "value", "raw"),
    [
        (TextList(), ("a", "b c"), '["a", "b c"]'),
        (TextList(), (), "[]"),
        (Schedules(), ("5 7 * * *",), "5 7 * * *"),
        (Schedules(), ("5 7 * * *", "@hourly"), '["5 7 * * *", "@hourly"]'),
        (Schedules(), (), "[]"),
        (Command(), "[ -f x ] && cat x", "[ -f x ] && cat x"),
        pytest.param(Command(), "[" * 3_000, "[" * 3_000, id="deep"),
        (Command(), ("php", "a b.php"), '["php", "a b.php"]'),
        (Command(), ("only",), '["only"]'),
        (Json(), {"b": "2", "a": "ü"}, '{"a":"ü","b":"2"}'),
        (Json(), None, None),
    ],
)
def test_a_value_comes_back_as_it_was(
    column_type: TypeEngine[Any], value: object, raw: object
) -> None:
    assert kept(column_type, value) == (value, raw)


def _sqlite() -> Any:
    engine = create_engine("sqlite://")
    return engine.dialect
