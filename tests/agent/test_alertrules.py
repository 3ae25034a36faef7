"""What is an own rule of alerts: read from TOML or words, checked at the door?"""

import re
from typing import Any

import pytest

from agent.alertrules import AlertRule, as_toml, load_rules, read_rule, read_words
from agent.errors import BadDefinition, WrongUse


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["status=error,lost"], {"status": ("error", "lost")}),
        (["exit_status=3,4"], {"exit_status": (3, 4)}),
        (["exit_status=3"], {"exit_status": (3,)}),
        (["task=shop-*", "longer_than_s=2.5"], {"task": "shop-*", "longer_than_s": 2.5}),
        (["longer_than_s=2", "enabled=false"], {"longer_than_s": 2.0, "enabled": False}),
        (["output_lacks=done in [0-9]{1,9} s"], {"output_lacks": "done in [0-9]{1,9} s"}),
        (["failures=3", "of_last=10"], {"failures": 3, "of_last": 10}),
        (["metric=cpu", "above=90", "for_s=600"], {"metric": "cpu", "above": 90.0, "for_s": 600}),
        (["metric=task.rss", "above=1e9", "task=x"], {"metric": "task.rss", "above": 1e9}),
    ],
)
def test_words_make_a_rule(words: list[str], expected: dict[str, Any]) -> None:
    rule = read_words("mine", words)

    assert {name: getattr(rule, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "field", "fix"),
    [
        (["taks=x"], "taks", "did you mean 'task'?"),
        (["status=broken"], "status", "must be of success, error"),
        (["severity=low", "status=error"], "severity", "must be 'critical' or 'high'"),
        (["longer_than_s=soon"], "longer_than_s", "must be a number"),
        (["failures=many", "of_last=3"], "failures", "must be a whole number"),
        (["exit_status=3,999"], "exit_status", "must be from 0 to 255"),
        (["failures=3"], "of_last", "is missing; failures needs it"),
        (["failures=4", "of_last=3"], "failures", "is more than of_last = 3"),
        (["success_rate_below=0.5"], "within_s", "is missing"),
        (["success_rate_below=2", "within_s=3600"], "success_rate_below", "must be from 0 to 1"),
        (["runs_from=9"], "success_rate_below", "is missing; runs_from needs it"),
        (["task=x"], "status", "a rule without a condition would hold for everything"),
        (["status=error", "no_success_for_s=600"], "no_success_for_s", "make two rules of it"),
        (["output_has=("], "output_has", "is no pattern"),
        (["output_lacks=.*"], "output_lacks", "is found in every output"),
        (["metric=cpu"], "above", "give either above or below"),
        (["metric=cpu", "above=1", "below=2"], "above", "give either above or below"),
        (["metric=cpu", "above=inf"], "above", "must be a number"),
        (["above=1"], "metric", "is missing"),
        (["metric=rss", "above=1", "task=x"], "metric", "begins with 'task.'"),
        (["metric=task.rss", "above=1", "host=x"], "host", "leave it out"),
        (["task=", "status=error"], "task", "is empty"),
        (["title=a\nb", "status=error"], "title", "must be one line"),
        (
            ["title={tsk} is odd", "status=error"],
            "title",
            "'{tsk}' stands for nothing; known is {task}",
        ),
        (["title=odd: {}", "status=error"], "title", "'{}' stands for nothing"),
        (["enabled=maybe", "status=error"], "enabled", "must be true or false"),
        (["status=error", "status=lost"], "status", "is given twice"),
    ],
)
def test_a_rule_that_cannot_be_names_field_value_and_fix(
    words: list[str], field: str, fix: str
) -> None:
    with pytest.raises(BadDefinition) as refused:
        read_words("mine", words)

    assert refused.value.field == field
    assert fix in refused.value.fix
    assert re.match(rf"{field}( = .*)?: ", str(refused.value), re.DOTALL)


@pytest.mark.parametrize("name", ["", "With Space", "ä", "x" * 65])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(BadDefinition, match=r"^name = "):
        read_words(name, ["status=error"])


def test_a_word_without_a_value_is_refused() -> None:
    with pytest.raises(WrongUse, match="write field=value"):
        read_words("mine", ["status"])


def test_rules_written_out_are_the_same_rules_when_read() -> None:
    rules = [
        read_words("quiet", ["task=backup-*", "output_bytes_below=1000", "severity=high"]),
        read_words("odd", ["exit_status=3,4", "status=error", "title={task} is odd"]),
        read_words("stale", ["no_success_for_s=7200", "category=Shop", "enabled=false"]),
    ]

    assert load_rules(as_toml(rules), "rules.toml") == rules


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rule = 1", "two brackets"),
        ("", "holds no rule"),
        ("x = 1\n[[rule]]\nname='a'", "'x' is not known"),
        ("[[rule]]\nname='a'\nstatus=['error']\n[[rule]]\nname='a'\nstatus=['lost']", "used twice"),
        ("[[rule]]\nname='a'\nstatus=[1]", "rules.toml: rule a: status = "),
        ("[[rule]]\nstatus=['error']", "name: is missing"),
        ("[[rule", "is not TOML"),
    ],
)
def test_a_file_that_cannot_be_says_where(text: str, said: str) -> None:
    with pytest.raises(WrongUse) as refused:
        load_rules(text, "rules.toml")

    assert said in str(refused.value)


def test_a_title_may_have_braces_that_are_no_place() -> None:
    assert read_words("mine", ["title={task}: { x }", "status=error"]).title == "{task}: { x }"


def test_each_rule_is_of_one_shape() -> None:
    given: list[dict[str, object]] = [
        {"status": "error"},
        {"failures": 1, "of_last": 2},
        {"success_rate_below": 0.5, "within_s": 3600},
        {"no_success_for_s": 60},
        {"metric": "cpu", "above": 1},
    ]
    shapes = [read_rule({"name": "x", **fields}).shape for fields in given]

    assert shapes == ["run", "failures", "rate", "silence", "metric"]
    assert AlertRule(name="x", metric="task.rss", above=1).is_of_host is False
