"""In which lines does a look at the health say how it is?"""

import pytest

from agent.rules.verdicts import BAD, DOUBTFUL, GOOD, Verdict, lines


def verdict(check_id: str, state: str) -> Verdict:
    return Verdict(id=check_id, name=check_id.capitalize(), state=state, message="as it is")


@pytest.mark.parametrize(
    ("found", "first"),
    [
        ([verdict("cpu", "ok")], (GOOD, "All health checks passed")),
        (
            [verdict("cpu", "warn"), verdict("swap", "unknown"), verdict("disk", "ok")],
            (DOUBTFUL, "No health check is critical, 2 of 3 want a look"),
        ),
        (
            [verdict("cpu", "warn"), verdict("disk", "crit")],
            (BAD, "1 of 2 health checks are critical"),
        ),
    ],
)
def test_the_first_line_says_how_the_worst_is(found: list[Verdict], first: tuple[str, str]) -> None:
    assert lines(found)[0] == first


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (verdict("cpu", "ok"), (GOOD, "Cpu: OK")),
        (verdict("cpu", "warn"), (DOUBTFUL, "Cpu: warn, as it is")),
        (verdict("cpu", "unknown"), (DOUBTFUL, "Cpu: unknown, as it is")),
        (verdict("cpu", "crit"), (BAD, "Cpu: crit, as it is")),
        (verdict("database", "unknown"), (BAD, "Database: unknown, as it is")),
    ],
)
def test_each_check_has_a_line_and_its_message_unless_it_is_fine(
    one: Verdict, line: tuple[str, str]
) -> None:
    assert lines([one])[1:] == [line]
