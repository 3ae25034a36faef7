"""What somebody asked for is told in words, also where the agent kept only a part of it."""

from datetime import UTC

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.models.audit import AuditModel, Column, details
from shared.protocol.access import AuditRow
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS

UNTIL_MS = NOW_MS - NOW_MS % (60 * MINUTE_MS) + 60 * MINUTE_MS
UNTIL = f"{UNTIL_MS // (60 * MINUTE_MS) % 24:02}:00"
KEPT_CHARS = 200
DEEP = '{"a":' + "[" * 3_000


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, ""),
        ({"before": "ab" * 16, "after": "cd" * 16, "def_rev": 8, "based_on": 7, "why": "less load"},
         "less load, version 8"),
        ({"until_ms": UNTIL_MS, "paused": True, "reason": "upkeep"},
         f"paused, upkeep, until {UNTIL}"),
        ({"enabled": False}, "switched off"),
        ({"only_failed": False, "force": True}, "not only failed, force"),
        ({"moments_ms": [UNTIL_MS] * 5}, f"moments {UNTIL}, {UNTIL}, {UNTIL}, and 2 more"),
        ({"wait_ms": 18_400, "role": "viewer", "why": ""}, "wait 18.4 s, role viewer"),
    ],
)  # fmt: skip
def test_what_was_asked_for_is_told_in_words(facts: dict[str, object], said: str) -> None:
    args = msgspec.json.encode(facts).decode()

    assert details(args, UTC, NOW_MS).replace("\N{NO-BREAK SPACE}", " ") == said


@pytest.mark.parametrize(
    "args", ["", "changed 3", "[1]", "{never closed", '{"', pytest.param(DEEP, id="deep")]
)
def test_what_is_no_table_of_facts_stays_as_it_is(args: str) -> None:
    assert details(args, UTC, NOW_MS) == args


def test_what_was_cut_away_is_not_made_up() -> None:
    facts = {"def_rev": 8, "why": "less load", "text": "x" * KEPT_CHARS}
    args = msgspec.json.encode(facts).decode()[:KEPT_CHARS]

    assert details(args, UTC, NOW_MS) == "less load, version 8, \N{HORIZONTAL ELLIPSIS}"


values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=40)
names = st.text(max_size=12) | st.sampled_from(["until_ms", "moments_ms", "paused", "why"])
tables = st.dictionaries(names, values | st.lists(values, max_size=5), max_size=8)


@given(tables, st.integers(0, KEPT_CHARS))
def test_nothing_that_an_agent_keeps_is_too_odd_to_be_told(
    facts: dict[str, object], kept: int
) -> None:
    args = msgspec.json.encode(facts).decode()[:kept]

    assert isinstance(details(args, UTC, NOW_MS), str)


def test_the_tip_has_all_that_was_kept_and_the_filter_finds_it_too() -> None:
    args = '{"before":"' + "ab" * 16 + '","def_rev":8}'
    row = AuditRow(id=1, at_ms=NOW_MS, type="task.put", target="sync", args=args)
    model = AuditModel(lambda: NOW_MS)
    model.show_rows([row])

    model.ask("abab")

    assert model.rowCount() == 1
    assert model.say(row, Column.DETAILS) == "version 8"
    assert model.tip(row, Column.DETAILS) == args
