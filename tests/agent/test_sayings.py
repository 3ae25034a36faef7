"""What do our own alerts say in the language of whoever reads them?"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.rules import alerting, grouping, usual
from agent.sayings import MESSAGES, TITLES, message_in, title_in
from agent.troubles import Trouble
from tests.agent.store.makings import NOW_MS, a_run, ended
from tests.effort import growth

AGENT = Path(__file__).parents[2] / "agent"


def titles_in_code() -> Iterator[str]:
    """What is written as the title of a trouble anywhere, `x` where something is filled in."""
    for path in sorted(AGENT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Trouble"):
                continue
            for given in node.keywords:
                if given.arg == "title" and (text := _as_text(given.value)):
                    yield text


def _as_text(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        parts = [str(one.value) if isinstance(one, ast.Constant) else "9" for one in node.values]
        return "".join(parts)
    return ""


FAILED = [
    alerting.failed(ended(a_run(NOW_MS), status), priority=1, in_row=in_row)
    for status in ("error", "timeout", "killed_memory", "lost")
    for in_row in (1, 3)
]
CHECKS = [
    alerting.of_check(f"{name}:/var", "crit", "bad")
    for name in (
        "disk", "cpu", "memory", "inodes", "disk_days", "loop", "logs", "database", "reads",
        "writes", "replication", "keeper",
    )
] + [
    alerting.of_check("disk:/var", "warn", "bad"),
    *(
        alerting.of_check("own:shop", verdict, "bad", severity="high")
        for verdict in ("warn", "crit", "unknown")
    ),
]  # fmt: skip


@pytest.mark.parametrize("trouble", FAILED + [one for one in CHECKS if one is not None])
def test_every_failure_and_every_check_has_a_german_title(trouble: Trouble) -> None:
    german = title_in("de", trouble.title, kind=trouble.kind)

    assert german != trouble.title
    assert title_in("en", trouble.title, kind=trouble.kind) == trouble.title


def test_every_title_that_is_written_anywhere_has_a_german_one() -> None:
    found = list(titles_in_code())

    assert len(found) > 15
    # What a run did, and what a check says, are tried above.
    left = {text for text in found if title_in("de", text, kind="") == text}
    assert left == {"9 9", "Check 9 9"}


@pytest.mark.parametrize("pair", TITLES + MESSAGES)
def test_both_languages_have_the_same_places(pair: tuple[str, str]) -> None:
    places = [sorted(re.findall(r"\{(\w+)\}", text)) for text in pair]

    assert places[0] == places[1]


def test_a_name_stays_in_its_place() -> None:
    assert title_in("de", "backup failed, 12 times in a row", kind="task_failed") == (
        "backup ist 12-mal in Folge gescheitert"
    )
    assert title_in("de", "Check shop-front warns", kind="check_bad") == "Prüfung shop-front warnt"


def test_the_title_of_an_own_rule_is_its_owners_even_if_it_is_one_of_ours() -> None:
    assert title_in("de", "Runs pile up", kind="own_rule") == "Runs pile up"


def test_what_is_told_is_german_and_a_strangers_words_stay() -> None:
    run = msgspec.structs.replace(ended(a_run(NOW_MS), "error"), error_message="disk {full} \\1")
    trouble = alerting.failed(run, priority=3, in_row=1)

    told = message_in("de", trouble.message)

    assert told.startswith(f"Lauf {run.id}, Versuch 1: Exit-Status ")
    assert told.endswith("disk {full} \\1")
    assert message_in("de", "what a stranger wrote") == "what a stranger wrote"


def test_what_came_of_a_trouble_is_told_in_german_too() -> None:
    message = grouping.with_effects(
        "Master runner: no heartbeat; nothing starts until it goes on",
        ("a missed its due moment", "Runs pile up"),
        5,
    )

    assert message_in("de", message) == (
        "Hauptprozess: no heartbeat; nichts beginnt, bis er weiterläuft\n"
        "Das hatte 5 weitere zur Folge: a hat seinen Zeitpunkt verpasst; Läufe stauen sich"
        " und 3 weitere."
    )


@pytest.mark.parametrize("when", ["", " at this hour of the week"])
def test_a_run_of_unusual_length_is_told_in_german(when: str) -> None:
    known = usual.learned([(60_000, 100)], when=when)
    for took_ms, judge in ((600_000, usual.slower), (100, usual.quicker)):
        run = msgspec.structs.replace(ended(a_run(NOW_MS), "success"), duration_ms=took_ms)
        trouble = judge(run, known)

        assert trouble is not None
        assert message_in("de", trouble.message).startswith(f"Lauf {run.id} dauerte ")


@pytest.mark.parametrize("piece", ["run 1 took 1 s, ", "a", ". ", "This caused 1 more: "])
def test_hostile_words_four_times_as_long_take_about_four_times_as_long(piece: str) -> None:
    def say(size: int) -> None:
        text = piece * (size // len(piece))
        message_in("de", text)
        message_in("de", "\n" + text)
        title_in("de", text, kind="task_failed")

    assert growth(say, 1_000) < 8
