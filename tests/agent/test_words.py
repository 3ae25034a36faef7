"""How are mails about alerts worded, in English and in German?"""

import re

from agent.runs import ENDINGS, LIVE_STATES
from agent.words import LANGUAGES, WORDS


def places(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    assert set(WORDS) == set(LANGUAGES)
    assert WORDS["en"].keys() == WORDS["de"].keys()
    for key, english in WORDS["en"].items():
        assert places(english) == places(WORDS["de"][key]), key
        assert WORDS["de"][key].strip(), key


def test_every_state_of_a_run_has_words_in_both_languages() -> None:
    for state in (*LIVE_STATES, *ENDINGS):
        assert f"ending_{state}" in WORDS["en"], state
