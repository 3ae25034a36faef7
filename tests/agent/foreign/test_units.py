"""What does a systemd unit file say, with its drop-ins."""

import math

import pytest

from agent.errors import WrongUse
from agent.foreign.units import read_bool, read_span, read_unit, split_words


def test_keys_repeat_lines_go_on_and_comments_stand_between() -> None:
    unit = read_unit(
        [
            "# a comment\n[Service]\nExecStart=/bin/a \\\n# between\n   b \\\n   c\n"
            "Environment=A=1\nEnvironment=B=2\n; another\n[Timer]\nOnCalendar=daily\n"
        ]
    )

    assert unit.last("Service", "ExecStart") == "/bin/a  b  c"
    assert [one.value for one in unit.all("Service", "Environment")] == ["A=1", "B=2"]
    assert [one.line for one in unit.all("Timer", "OnCalendar")] == [11]
    assert unit.names("Service") == ("ExecStart", "Environment")


def test_an_empty_value_drops_those_before_also_from_a_drop_in() -> None:
    unit = read_unit(["[Timer]\nOnCalendar=daily\n", "[Timer]\nOnCalendar=\nOnCalendar=weekly\n"])

    assert [one.value for one in unit.all("Timer", "OnCalendar")] == ["weekly"]


def test_a_file_that_is_no_unit_is_refused_with_its_line() -> None:
    with pytest.raises(WrongUse, match="line 2"):
        read_unit(["[Timer]\n* * * * * true\n"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b  c", ["a", "b", "c"]),
        ("""a 'b c' "d 'e'" """, ["a", "b c", "d 'e'"]),
        (r"a\x20b c\td \s", ["a b", "c\td", " "]),
        ("it's", ["it's"]),
        ('""', [""]),
        ('"A=b c" D=e', ["A=b c", "D=e"]),
    ],
)
def test_words_are_split_by_systemds_rules(text: str, words: list[str]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize("text", ["'a", r"a\qb", "a\\"])
def test_words_that_cannot_be_split_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"quotation|escape"):
        split_words(text)


@pytest.mark.parametrize(
    ("text", "span_s"),
    [
        ("90", 90),
        ("15min", 900),
        ("1h 30min", 5400),
        ("1d2h", 93_600),
        ("2 weeks", 1_209_600),
        ("1.5h", 5400),
        ("1M", 2_629_800),
        ("500ms", 0.5),
        ("infinity", math.inf),
    ],
)
def test_a_span_is_read_in_seconds(text: str, span_s: float) -> None:
    assert read_span(text) == pytest.approx(span_s)


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "-3"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="span"):
        read_span(text)


def test_yes_and_no_are_read_in_all_their_words() -> None:
    assert [read_bool(text) for text in ("yes", "True", "1", "on", "no", "off", "0")] == [
        *[True] * 4,
        *[False] * 3,
    ]
    with pytest.raises(ValueError, match="neither"):
        read_bool("perhaps")
