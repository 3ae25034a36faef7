"""Which runs does a line ask for, and what is said of one that asks for nothing?"""

from zoneinfo import ZoneInfo

import pytest

from desktop.models.runquery import RESULTS, TRIGGERS, read
from desktop.states import ENDING_LOOKS, trigger_words
from shared.protocol.requests import RunFilter

NOW_MS = 1_795_000_000_000
AUCKLAND = ZoneInfo("Pacific/Auckland")


@pytest.mark.parametrize(
    ("line", "wanted", "words"),
    [
        ("", RunFilter(), ""),
        ("vend sync", RunFilter(), "vend sync"),
        ("task:vend_sync late", RunFilter(task_id="vend_sync"), "late"),
        ('cat:"Vend Sync"', RunFilter(category="Vend Sync"), ""),
        ("result:Error,timeout", RunFilter(results=("error", "timeout")), ""),
        ("trigger:manual host:app01", RunFilter(trigger="manual", host="app01"), ""),
        ('text:"429 Too', RunFilter(text="429"), "Too"),
        # What people look for is taken as it is written.
        (r"text:C:\jobs\new", RunFilter(text=r"C:\jobs\new"), ""),
        ("text:don't it's", RunFilter(text="don't"), "it's"),
        (r'text:"D:\my jobs" #4', RunFilter(text=r"D:\my jobs"), "#4"),
        ("from:7d", RunFilter(from_ms=NOW_MS - 7 * 86_400_000), ""),
        ("from:90m", RunFilter(from_ms=NOW_MS - 90 * 60_000), ""),
        # In Auckland's summer, and the last day belongs to it.
        ("from:2026-11-20T06:00", RunFilter(from_ms=1_795_107_600_000), ""),
        ("to:2026-11-20", RunFilter(to_ms=1_795_172_400_000), ""),
        ("to:2026-11-20T00:00Z", RunFilter(to_ms=1_795_132_800_000), ""),
        # It is still being written.
        ("task:", RunFilter(), ""),
    ],
)
def test_conditions_go_to_the_agent_and_words_stay(
    line: str, wanted: RunFilter, words: str
) -> None:
    said = read(line, now_ms=NOW_MS, zone=AUCKLAND)

    assert (said.wanted, said.words, said.problem) == (wanted, words, "")
    assert said.is_asked == (wanted != RunFilter())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("result:broken", "there are success, error"),
        ("trigger:me", "there are schedule, manual"),
        ("from:yesterday", "from:yesterday is no moment; write 2026-11-20"),
        ("to:9999-12-31", "to:9999-12-31 is no moment; write 2026-11-20"),
        ("from:0001-01-01", "from:0001-01-01 is no moment; write 2026-11-20"),
        ("from:²d", "from:²d is no moment; write 2026-11-20"),
        ("from:9999999999d", "from:9999999999d is no moment; write 2026-11-20"),
        ("from:" + "9" * 5_000 + "d", "is no moment; write 2026-11-20"),
        ("from:1d to:2d", "from: must be earlier than to:"),
        ("task:" + "x" * 500, "task_id"),
    ],
)
def test_what_cannot_be_asked_is_told_with_what_can(line: str, told: str) -> None:
    said = read(line, now_ms=NOW_MS, zone=AUCKLAND)

    assert told in said.problem
    assert not said.is_asked


def test_every_result_and_trigger_of_the_screen_can_be_asked_for() -> None:
    assert set(RESULTS) == set(ENDING_LOOKS)
    assert all(trigger_words(one) != one for one in TRIGGERS)
