"""Which questions may an own rule ask, and is what stands in its fields what the agent reads?"""

import pytest

from agent.alertrules import SHAPES, read_words
from desktop.models.ruleform import (
    ABOUT,
    QUESTIONS,
    differences,
    draft_again,
    draft_of,
    question_of,
    texts_of,
)
from shared.protocol.alerting import OwnRule


def own(*given: tuple[str, str], **more: object) -> OwnRule:
    return OwnRule(name="mine", sev="high", given=given, at_ms=1, by="Anna", **more)  # type: ignore[arg-type]


def test_every_field_of_every_shape_can_be_written() -> None:
    found = {one.key: {field.name for field in one.fields} for one in QUESTIONS}

    assert found == {shape: set(fields) for shape, fields in SHAPES.items()}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.key)
def test_what_stands_at_first_is_a_rule_that_the_agent_takes(question: object) -> None:
    assert question in QUESTIONS
    chosen = next(one for one in QUESTIONS if one is question)
    texts = {field.name: field.first for field in chosen.fields}

    draft = draft_of(chosen, texts, sev="medium", enabled=True, title="")

    rule = read_words("mine", [f"{name}={text}" for name, text in draft.given])
    assert rule.shape == chosen.key


@pytest.mark.parametrize(
    ("seconds", "text"),
    [("600", "10m"), ("7200", "2h"), ("86400", "1d"), ("90", "90"), ("0.5", "0.5"), ("0", "0")],
)
def test_a_length_is_said_in_whole_units_and_read_back_the_same(seconds: str, text: str) -> None:
    rule = own(("no_success_for_s", seconds))

    assert texts_of(rule) == {"no_success_for_s": text}
    again = draft_of(
        question_of(texts_of(rule)), texts_of(rule), sev="high", enabled=True, title=""
    )
    assert again.given == rule.given


def test_a_length_that_is_none_is_left_to_the_agent_to_refuse() -> None:
    silence = question_of({"no_success_for_s": "x"})

    draft = draft_of(silence, {"no_success_for_s": "soon"}, sev="high", enabled=True, title="")

    assert draft.given == (("no_success_for_s", "soon"),)


def test_fields_of_another_question_are_left_out_and_those_about_tasks_stay() -> None:
    texts = {"task": " shop-* ", "failures": "3", "of_last": "10", "status": "error", "tag": ""}

    draft = draft_of(question_of({"failures": "3"}), texts, sev="high", enabled=False, title=" t ")

    assert draft.given == (("task", "shop-*"), ("failures", "3"), ("of_last", "10"))
    assert (draft.enabled, draft.title) == (False, "t")
    assert [field.name for field in ABOUT] == ["task", "category", "tag", "host"]


def test_a_pattern_keeps_the_blanks_that_belong_to_it() -> None:
    rule = own(("output_has", " ERROR "), ("output_lacks", " "))

    texts = texts_of(rule)
    again = draft_of(question_of(texts), texts, sev="high", enabled=True, title="")

    assert again.given == rule.given


def test_what_is_other_is_said_by_the_names_that_people_see() -> None:
    old, new = own(("failures", "3"), ("of_last", "10")), own(("failures", "4"), enabled=False)

    assert differences(old, new) == [
        "state is off, was on",
        "Failures is 4, was 3",
        "Of the last is empty, was 10",
    ]
    assert draft_again(new).given == new.given
