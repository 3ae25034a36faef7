"""Do the benchmarks measure what they say they measure?"""

from pathlib import Path

import pytest

from agent.rules.schedule import Timing, next_moment
from bench import thousands
from bench.measure import Figure, table
from bench.schedule import TEXTS, refuse_all
from bench.texts import ZONES, realistic_texts


def test_all_texts_differ_and_are_due_some_day() -> None:
    texts = realistic_texts(TEXTS)

    assert len(set(texts)) == TEXTS
    assert all(next_moment(Timing((text,), ZONES[1]), 0) is not None for text in texts)


def test_each_bad_input_is_refused() -> None:
    refuse_all()


def test_a_table_says_which_goals_were_missed() -> None:
    shown = table(
        [Figure("fine", 1, "ms", 2), Figure("slow", 3_000, "ms", 2), Figure("told", 1, "s")]
    )

    assert [line.rstrip("| ").split("|")[-1].strip() for line in shown.splitlines()[2:4]] == [
        "reached",
        "MISSED",
    ]
    assert "3 000 ms" in shown


def test_a_beat_is_measured_on_a_whole_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thousands, "BEATS", 1)

    with thousands.made_home(3, is_quiet=True) as home:
        assert home.is_dir()
        assert thousands.beat_ms(Path(home)) > 0
