"""What do people hear who make an own rule: why it cannot be, and what is doubtful about it?"""

import msgspec
import pytest

from agent.alertrules import read_words
from agent.errors import BadDefinition
from agent.rulemaking import check_patterns
from agent.rules.conditions import Recent, judge
from agent.running import patterns
from agent.running.patterns import CPU_S
from tests.agent.store.makings import NOW_MS, a_run, ended
from tests.effort import growth


@pytest.mark.parametrize(
    "pattern",
    [r"\d+ rows", r"\d+ (rows|lines) written", r"(?i)(\w+): failed", r".*\berror\b", r"\s+$"],
)
def test_a_repetition_at_the_front_of_a_pattern_is_taken(pattern: str) -> None:
    check_patterns(read_words("mine", [f"output_has={pattern}"]))


@pytest.mark.parametrize(
    ("pattern", "proposed"),
    [(r"a\w+\s*\w+ rows", r"a\w{1,64}\s{0,64}\w{1,64} rows"), (r"(\d+) \1\w+x", None)],
)
def test_a_pattern_that_is_refused_says_the_very_text_to_write_instead(
    monkeypatch: pytest.MonkeyPatch, pattern: str, proposed: str | None
) -> None:
    if proposed:  # it takes half of the limit, or all of it on a processor that others use as well
        limit, more = (f"({limit_s}, {limit_s})" for limit_s in (CPU_S, 2 * CPU_S))
        assert limit in patterns._PROBE
        monkeypatch.setattr(patterns, "_PROBE", patterns._PROBE.replace(limit, more))
        monkeypatch.setattr(patterns, "WALL_S", 120)
    with pytest.raises(BadDefinition) as refused:
        check_patterns(read_words("mine", [f"output_lacks={pattern}"]))

    if proposed:
        assert f"write {proposed!r}" in refused.value.fix
        check_patterns(read_words("mine", [f"output_lacks={proposed}"]))
    assert "can take very long" in refused.value.fix


def test_a_pattern_that_was_taken_costs_no_time_on_hostile_output() -> None:
    rule = read_words("mine", [r"output_has=\d+ rows"])

    def judged(tail: str) -> object:
        run = msgspec.structs.replace(ended(a_run(NOW_MS), "error"), output_tail=tail)
        return judge(rule, run, Recent())

    assert judged("12345 rows written") is not None
    assert judged("1" * 4_096) is None
    assert growth(lambda size: judged("1" * size), 16_384) < 8
