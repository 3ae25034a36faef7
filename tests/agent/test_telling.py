"""Who is told what next of an alert, and which channels are quiet until when?"""

from datetime import UTC, datetime
from typing import Any

import pytest

from agent import telling
from agent.postbox import Channel, Escalation, Mail
from agent.store.alert_rows import Alert
from agent.telling import Posting

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
# Eleven in the evening, in the quiet hours of mail.
NOW_MS = round(datetime(2026, 11, 26, 23, tzinfo=UTC).timestamp() * 1000)
SIX_MS = NOW_MS + 7 * HOUR_MS
POSTING = Posting(
    mail=Mail(
        host="127.0.0.1",
        security="plain",
        sender="agent@example.org",
        recipients=("ops@example.org",),
        quiet=("22:00-06:00",),
    ),
    channels=(Channel(name="pager", secret="pager_url", severities=("critical",)),),
    escalation=(
        Escalation(after_minutes=30, recipients=("head@example.org",)),
        Escalation(after_minutes=60, channels=("pager",), severities=("critical",)),
    ),
    repeat_minutes={"critical": 20},
)


def alert(severity: str = "critical", **more: Any) -> Alert:
    facts: dict[str, Any] = {
        "id": "01" + "A" * 24,
        "dedupe_key": "k",
        "kind": "task_failed",
        "severity": severity,
        "status": "active",
        "title": "t",
        "message": "m",
        "occurrences": 1,
        "opened_ms": NOW_MS,
        "last_seen_ms": NOW_MS,
        "tell_ms": NOW_MS,
        **more,
    }
    return Alert(**facts)


def steps(one: Alert, **more: Any) -> list[tuple[int, str, tuple[str, ...]]]:
    """What comes next: in minutes from now, what, to whom."""
    found = telling.coming(POSTING, one, now_ms=NOW_MS, **more)
    return [((step.at_ms - NOW_MS) // MINUTE_MS, step.what, step.to) for step in found]


OPS, HEAD, PAGER = ("ops@example.org",), ("head@example.org",), ("pager",)


def test_what_is_critical_is_told_now_and_then_to_one_after_the_other() -> None:
    assert steps(alert()) == [
        (0, "told", OPS),
        (0, "told", PAGER),
        (30, "escalated", HEAD),
        (60, "escalated", PAGER),
    ]


def test_what_is_not_critical_waits_for_the_morning_and_nobody_escalates_before() -> None:
    assert steps(alert("high")) == [(420, "told", OPS), (420, "escalated", HEAD)]


def test_what_people_know_is_told_again_and_no_step_twice() -> None:
    known = alert(told="open", tell_ms=NOW_MS + 5 * MINUTE_MS)

    assert steps(known, stages={1}) == [
        (5, "repeated", OPS),
        (5, "repeated", PAGER),
        (60, "escalated", PAGER),
    ]
    assert steps(alert(told="open", tell_ms=None), stages={1, 2}) == [
        (20, "repeated", OPS),
        (20, "repeated", PAGER),
    ]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"status": "acknowledged", "tell_ms": None, "told": "open"}, []),
        ({"status": "resolved", "tell_ms": None}, []),
        ({"status": "resolved", "told": "open"}, [(0, "over", OPS), (0, "over", PAGER)]),
        (
            {"status": "snoozed", "snoozed_until_ms": NOW_MS + HOUR_MS, "tell_ms": None},
            [(60, "told", OPS), (60, "told", PAGER)],
        ),
        (
            {"muted_until_ms": NOW_MS + HOUR_MS, "tell_ms": None},
            [(60, "told", OPS), (60, "told", PAGER)],
        ),
        ({"muted_until_ms": NOW_MS + HOUR_MS, "told": "open", "tell_ms": None}, []),
    ],
)
def test_what_somebody_did_about_it_changes_what_comes(
    more: dict[str, Any], expected: list[tuple[int, str, tuple[str, ...]]]
) -> None:
    assert steps(alert(**more)) == expected


def test_what_came_of_another_is_not_told_by_itself() -> None:
    assert steps(alert(), is_part=True) == []


def test_each_channel_says_until_when_it_is_quiet_and_what_waits_for_that() -> None:
    mail, pager = telling.ways(POSTING, now_ms=NOW_MS)
    (at_noon, _) = telling.ways(POSTING, now_ms=NOW_MS + 13 * HOUR_MS)

    assert (mail.name, mail.quiet_until_ms, mail.held) == ("mail", SIX_MS, ("high", "medium"))
    assert (pager.name, pager.quiet_until_ms, pager.held) == ("pager", None, ())
    assert at_noon.quiet_until_ms is None


def test_without_any_channel_nobody_is_told() -> None:
    assert telling.coming(Posting(), alert(), now_ms=NOW_MS) == ()
    assert telling.ways(Posting(), now_ms=NOW_MS) == ()
