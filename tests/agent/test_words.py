"""How are mails and reports worded, in English and in German?"""

import re

import pytest

from agent.cli import say
from agent.words import LANGUAGES, REASONS_DE, WORDS, Words


def places(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    assert set(WORDS) == set(LANGUAGES)
    assert WORDS["en"].keys() == WORDS["de"].keys()
    for key, english in WORDS["en"].items():
        assert places(english) == places(WORDS["de"][key]), key
        assert WORDS["de"][key].strip(), key


def test_each_reason_has_german_words() -> None:
    assert REASONS_DE.keys() == say.REASONS.keys()


@pytest.mark.parametrize(
    ("share", "english", "german"),
    [
        (1.0, "100.0 %", "100,0 %"),
        (0.99999, "99.9 %", "99,9 %"),
        (0.0, "0.0 %", "0,0 %"),
        (None, "-", "-"),
    ],
)
def test_a_rate_is_100_percent_only_when_nothing_failed(
    share: float | None, english: str, german: str
) -> None:
    assert Words("en").percent(share) == english
    assert Words("de").percent(share) == german


def test_numbers_and_lengths_are_written_as_the_language_does() -> None:
    assert (Words("en").number(12345.6, places=1), Words("de").number(12345.6, places=1)) == (
        "12,345.6",
        "12.345,6",
    )
    lengths = [Words("de").length(ms) for ms in (900, 61_000, 7_260_000, None)]
    assert lengths == ["0,9 s", "1 min 01 s", "2 h 01 min", "-"]
