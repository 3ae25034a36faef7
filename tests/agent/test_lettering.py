"""How does an alert with its runs become a letter to people?"""

from typing import Any

import msgspec
import pytest

from agent.channels.letters import Letter
from agent.lettering import Lettering
from agent.store.alerts import Alert
from agent.store.outbox import Told
from agent.words import Language, Words
from tests.agent.store.makings import a_run, ended

# 2026-10-25 in Berlin: the hour from 2 to 3 comes twice, from 00:00 and from 01:00 UTC.
FIRST_MS = 1_792_888_200_000
SECOND_MS = FIRST_MS + 3_600_000
NOON_MS = 1_792_922_400_000


def an_alert(opened_ms: int, **fields: Any) -> Alert:
    chosen: dict[str, Any] = {
        "id": "01TEST",
        "dedupe_key": "task_failed:backup",
        "kind": "task_failed",
        "severity": "critical",
        "status": "active",
        "title": "backup failed, 3 times in a row",
        "message": "run 01RUN, attempt 1: exit status 3. no space",
        "occurrences": 1,
        "opened_ms": opened_ms,
        "last_seen_ms": opened_ms,
        "task_name": "backup",
    }
    return Alert(**(chosen | fields))


def letter_of(told: Told, *, language: Language = "en", timezone: str = "Europe/Berlin") -> Letter:
    lettering = Lettering(
        agent="shop",
        mask=str,
        words=Words(language),
        templates=None,
        timezone=timezone,
    )
    return lettering.letter([told], 0)


def test_our_titles_and_what_they_tell_are_in_the_language_of_the_letter() -> None:
    letter = letter_of(Told(alert=an_alert(NOON_MS)), language="de")

    assert letter.subject == "[shop] kritisch: backup ist 3-mal in Folge gescheitert"
    assert "Lauf 01RUN, Versuch 1: Exit-Status 3. no space" in letter.plain
    assert "backup ist 3-mal in Folge gescheitert" in letter.html


def test_a_secret_is_masked_in_every_language() -> None:
    lettering = Lettering(
        agent="shop",
        mask=lambda text: text.replace("hunter2", "*******"),
        words=Words("de"),
        templates=None,
        timezone="UTC",
    )

    alert = an_alert(NOON_MS, message="run 1, attempt 1: hunter2")
    letter = lettering.letter([Told(alert=alert)], 0)

    assert "hunter2" not in letter.plain
    assert "Lauf 1, Versuch 1: *******" in letter.plain


def test_times_are_those_of_the_agents_zone_and_name_it() -> None:
    run = msgspec.structs.replace(ended(a_run(NOON_MS), "error"), duration_ms=1_500)

    letter = letter_of(Told(alert=an_alert(NOON_MS), runs=(run,)))

    assert "since 2026-10-25 11:00:00 Europe/Berlin" in letter.plain
    assert "2026-10-25 11:00:00 Europe/Berlin  failed  1.5 s" in letter.plain
    assert "UTC" not in letter.plain


@pytest.mark.parametrize(
    ("at_ms", "said"),
    [
        (FIRST_MS, "2026-10-25 02:30:00 Europe/Berlin (00:30:00 UTC)"),
        (SECOND_MS, "2026-10-25 02:30:00 Europe/Berlin (01:30:00 UTC)"),
    ],
)
def test_an_hour_that_comes_twice_is_told_apart_by_utc(at_ms: int, said: str) -> None:
    assert f"since {said}," in letter_of(Told(alert=an_alert(at_ms))).plain


def test_in_utc_a_time_is_said_once() -> None:
    letter = letter_of(Told(alert=an_alert(FIRST_MS)), timezone="UTC")

    assert "since 2026-10-25 00:30:00 UTC," in letter.plain


def test_lengths_are_written_as_the_language_writes_them() -> None:
    run = msgspec.structs.replace(ended(a_run(NOON_MS), "error"), duration_ms=1_500)

    assert "1,5 s" in letter_of(Told(alert=an_alert(NOON_MS), runs=(run,)), language="de").plain
