"""What does a plugin of Nagios mean by its exit status and what it printed?"""

import pytest

from agent.health.plugins import Figure, beyond, read, read_figures, worst
from agent.rules.thresholds import CRIT, OK, UNKNOWN, WARN


@pytest.mark.parametrize(
    ("exit_status", "state"),
    [(0, OK), (1, WARN), (2, CRIT), (3, UNKNOWN), (4, UNKNOWN), (127, UNKNOWN)],
)
def test_the_exit_status_says_how_it_is(exit_status: int, state: str) -> None:
    assert read(exit_status, "SWAP - said").state == state


def test_the_first_line_is_the_message_and_figures_stand_behind_bars() -> None:
    said = read(
        1,
        "DISK WARNING - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n"
        "/ 15272 MB (77%);\n"
        "/boot 68 MB (69%); | /boot=68MB;88;93;0;98\n"
        "/home=69357MB;253404;253409;0;253414\n",
    )

    assert said.message == "DISK WARNING - free space: / 3326 MB (56%);"
    assert [one.label for one in said.figures] == ["/", "/boot", "/home"]
    assert said.figures[0] == Figure(
        label="/", value=2643.0, unit="MB", warn="5948", crit="5958", low="0", high="5968"
    )


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("time=0.042s", [("time", 0.042, "s")]),
        ("'in use'=12%;80;90 'it''s'=3c", [("in use", 12.0, "%"), ("it's", 3.0, "c")]),
        ("a=1 b=-2.5 c=1e3B", [("a", 1.0, ""), ("b", -2.5, ""), ("c", 1000.0, "B")]),
        ("load=0,5;~:1;@5:10;;", [("load", 0.5, "")]),
        ("lost=U;1;2", [("lost", None, "")]),
        ("nonsense a=1 =2 b= 'open=3 c=4", [("a", 1.0, ""), ("c", 4.0, "")]),
        ("", []),
        ("a=1;;;;;;;", [("a", 1.0, "")]),
    ],
)
def test_figures_are_read_and_what_is_none_is_passed_over(
    text: str, figures: list[tuple[str, float | None, str]]
) -> None:
    assert [(one.label, one.value, one.unit) for one in read_figures(text)] == figures


def test_a_flood_of_figures_is_cut() -> None:
    assert len(read_figures(" ".join(f"a{n}=1" for n in range(5_000)))) == 32
    assert read_figures("'" * 60_000) == ()
    assert read_figures("x" * 60_000) == ()


def test_the_worst_state_counts_and_what_is_not_known_is_worse_than_a_warning() -> None:
    assert worst(OK, WARN) == WARN
    assert worst(WARN, UNKNOWN) == UNKNOWN
    assert worst(CRIT, UNKNOWN) == CRIT


@pytest.mark.parametrize(
    ("value", "warn", "crit", "falls", "state"),
    [
        (5, None, None, False, OK),
        (5, 5, 9, False, WARN),
        (9, 5, 9, False, CRIT),
        (9, None, 9, False, CRIT),
        (20, 21, 7, True, WARN),
        (7, 21, 7, True, CRIT),
        (22, 21, 7, True, OK),
    ],
)
def test_of_two_limits_each_may_be_missing(
    value: float, warn: float | None, crit: float | None, falls: bool, state: str
) -> None:
    assert beyond(value, warn, crit, falls=falls) == state
