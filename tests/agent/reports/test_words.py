"""How is a report worded in each language: its words, numbers, dates and lengths?"""

from string import Formatter

import pytest

from agent.cli.say import REASONS
from agent.reports.words import REASONS_DE, WORDS
from agent.words import LANGUAGES
from tests.agent.reports.makings import DAY_MS, HOUR_MS, words


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys_and_places_for_values() -> None:
    assert set(WORDS) == set(LANGUAGES)
    for language in LANGUAGES:
        assert WORDS[language].keys() == WORDS["en"].keys()
        for key, text in WORDS[language].items():
            assert places(text) == places(WORDS["en"][key]), (language, key)
            assert text.count("|") == WORDS["en"][key].count("|"), (language, key)
            assert text.strip() == text != "", (language, key)


def test_every_reason_has_german_words() -> None:
    assert REASONS_DE.keys() == REASONS.keys()


@pytest.mark.parametrize(
    ("value", "places_", "english", "german"),
    [
        (0, 0, "0", "0"),
        (1_234_567, 0, "1,234,567", "1.234.567"),
        (1_234.56, 1, "1,234.6", "1.234,6"),
        (0.5, 2, "0.50", "0,50"),
    ],
)
def test_numbers_have_the_form_of_their_language(
    value: float, places_: int, english: str, german: str
) -> None:
    assert words("en").number(value, places=places_) == english
    assert words("de").number(value, places=places_) == german


@pytest.mark.parametrize(
    ("share", "english", "german"),
    [
        (None, "-", "-"),
        (0.0, "0%", "0\u00a0%"),
        (1.0, "100%", "100\u00a0%"),
        (0.98435, "98.4%", "98,4\u00a0%"),
        (0.999999, "99.9%", "99,9\u00a0%"),
        (0.000001, "0.1%", "0,1\u00a0%"),
    ],
)
def test_all_and_nothing_are_said_only_where_it_is_so(
    share: float | None, english: str, german: str
) -> None:
    assert (words("en").percent(share), words("de").percent(share)) == (english, german)


@pytest.mark.parametrize(
    ("length_ms", "english", "german"),
    [
        (None, "-", "-"),
        (0, "0.00 s", "0,00 s"),
        (790, "0.79 s", "0,79 s"),
        (8_123, "8.1 s", "8,1 s"),
        (61_000, "1 min 01 s", "1 min 01 s"),
        (6_900_000, "1 h 55 min", "1 Std. 55 min"),
        (273_600_000, "3 d 4 h", "3 T. 4 Std."),
    ],
)
def test_lengths_have_the_form_of_their_language(
    length_ms: int | None, english: str, german: str
) -> None:
    assert (words("en").length(length_ms), words("de").length(length_ms)) == (english, german)


def test_dates_are_those_of_the_zone() -> None:
    at_ms = DAY_MS + 30 * 60_000

    assert words("en").date(at_ms) == "Wednesday, 25 November 2026"
    assert words("de").date(at_ms) == "Mittwoch, 25. November 2026"
    assert words("en").at(at_ms) == "Wed 25 Nov 00:30"
    assert words("de").at(at_ms) == "Mi. 25. Nov. 00:30"
    assert words("en", "Pacific/Auckland").at(at_ms) == "Wed 25 Nov 12:30"
    assert words("en", "UTC").clock(at_ms + HOUR_MS) == "00:30"
