"""Which pattern is found in just the same texts with less work, or bounded where one is not?"""

import re
from random import Random

import pytest

from agent.easing import bounded, eased


@pytest.mark.parametrize(
    ("pattern", "easier"),
    [
        (r"\d+ rows", r"\d rows"),
        (r"[0-9]+ rows", r"[0-9] rows"),
        (r"(\d+) (rows|lines)", r"(\d) (rows|lines)"),
        (r"(?i)\w+@corp", r"(?i)\w@corp"),
        (r".*error", "error"),
        (r"\s*\d{3,}x", r"\d{3}x"),
        (r"a+?b|c*d", "ab|d"),
        (r"(?:\d+|x*) y", r"(?:\d|) y"),
        (r"[]+]+x", r"[]+]x"),
        # What these mean would be another thing.
        (r"(\d+) \1", r"(\d+) \1"),
        (r"a++b", r"a++b"),
        (r"(a+)+b", r"(a+)+b"),
        (r"(?x) \d+ rows", r"(?x) \d+ rows"),
        (r"(?=\d+)x", r"(?=\d+)x"),
        (r"\Aa+b", r"\Aa+b"),
        (r"rows: \d+", r"rows: \d+"),
        (r"\+", r"\+"),
        ("", ""),
    ],
)
def test_what_is_repeated_at_the_front_is_asked_for_no_more_often_than_needed(
    pattern: str, easier: str
) -> None:
    assert eased(pattern) == easier


def test_the_easier_pattern_is_found_in_the_same_texts() -> None:
    dice = Random(7)  # noqa: S311 - no secret is made of it
    pieces = ["a", "b", ".", r"\d", "[ab]", "[^b]", "^", "$", r"\b", "(", "(?:", ")", "|"]
    repeats = ["", "", "+", "*", "?", "+?", "*?", "{2,}", "{1,2}", "++"]
    texts = ["".join(dice.choices("ab1 \n", k=dice.randrange(9))) for _ in range(60)]
    tried = 0
    while tried < 3_000:
        pattern = "".join(
            dice.choice(pieces) + dice.choice(repeats) for _ in range(dice.randrange(1, 6))
        )
        try:
            found = re.compile(pattern)
        except re.error:
            continue
        easier = re.compile(eased(pattern))
        for text in texts:
            assert bool(found.search(text)) == bool(easier.search(text)), (pattern, text)
        tried += easier.pattern != pattern


@pytest.mark.parametrize(
    ("pattern", "proposed"),
    [
        (r"[0-9]+-secret", r"[0-9]{1,64}-secret"),
        (r"\w+\s*\w{2,}?@corp", r"\w{1,64}\s{0,64}\w{2,64}?@corp"),
        (r"[*+]\+x{3}", r"[*+]\+x{3}"),
    ],
)
def test_a_bound_is_proposed_for_each_repetition_that_has_none(pattern: str, proposed: str) -> None:
    assert bounded(pattern) == proposed
