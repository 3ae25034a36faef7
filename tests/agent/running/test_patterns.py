"""A pattern of the owner's is laid over all output only if no output can make it slow."""

import pytest

from agent.errors import WrongUse
from agent.running.patterns import is_quick, own_patterns
from agent.running.redaction import Redactor


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)+$", r"(ab?|b)*c", r"(.*,)*x", r"[0-9]+-secret", r"\w+\s*\w+@corp"],
)
def test_a_pattern_that_hostile_output_can_slow_is_refused(pattern: str) -> None:
    with pytest.raises(WrongUse) as refusal:
        own_patterns([pattern])

    assert repr(pattern) in str(refusal.value)
    assert "{1,64}" in str(refusal.value)


@pytest.mark.parametrize("pattern", [r"MYCO-[0-9]{6,}", r"(?i)badge (\w{1,64})", r"kunde\d{1,9}"])
def test_a_quick_pattern_is_taken(pattern: str) -> None:
    assert [own.pattern for own in own_patterns([pattern])] == [pattern.encode()]


def test_a_pattern_over_text_may_name_any_letter_and_is_tried_as_hard() -> None:
    assert is_quick(r"\u00e4pfel|gr\u00f6\u00dfe", as_text=True)
    assert not is_quick(r"(\u00e4|a+)+b", as_text=True)


def test_what_an_own_pattern_finds_is_masked_its_first_group_if_it_has_one() -> None:
    redactor = Redactor(own=own_patterns([r"MYCO-[0-9]{6,}", r"badge (\w{1,64})"], is_known=True))

    masked = redactor.mask(b"id MYCO-123456, badge blue42 ok")

    assert masked == b"id ***********, badge ****** ok"
