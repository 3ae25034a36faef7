"""A definition in words: every policy is told, and what is not used takes no line."""

from desktop.views.details.policies import say_settings
from shared.protocol.requests import TaskSettings


def told(**more: object) -> dict[str, str]:
    facts = {"task_name": "a", "schedule": ("@hourly",), **more}
    settings = TaskSettings(**facts)  # type: ignore[arg-type]
    return {label: value for label, value, _, _ in say_settings(settings, 3)}


def test_every_policy_that_decides_is_told() -> None:
    said = told(
        calendars=("holidays", "stocktake"),
        in_blackout="delay",
        after=("report",),
        after_on="failure",
        after_delay_s=90,
        valid_from="2026-01-01T06:00",
        valid_until="2027-01-01",
        every_nth=2,
        spread_s=600,
        overlap="queue",
        overlap_limit=3,
        missed="all",
        catchup_limit=12,
        max_retries=2,
        dst_gap="skip",
        dst_fold="both",
    )

    assert said["Calendars"] == "holidays, stocktake"
    assert said["In blackout"] == "delay: starts when they open"
    assert said["After"] == "report"
    assert said["After on"] == "failure: after their failure"
    assert "1" in said["After delay"]
    assert said["Valid from"] == "2026-01-01 06:00"
    assert said["Valid until"] == "2027-01-01"
    assert said["Every nth"] == "each 2nd moment"
    assert "10" in said["Spread"]
    assert said["Overlap"] == "queue: a second run waits, at most 3"
    assert said["Missed"] == "all: each is made up for, at most the newest 12"
    assert said["Retries"].startswith("2, after")
    assert said["Clocks forward"] == "skip: left out"
    assert said["Clocks back"] == "both: runs both times"


def test_what_is_not_used_takes_no_line() -> None:
    said = told()

    unused = ("Calendars", "In blackout", "After", "After on", "After delay", "Valid from",
              "Valid until", "Every nth", "Spread")  # fmt: skip
    assert not set(unused) & set(said)
    assert said["Overlap"] == "forbid: a second run is skipped"
    assert said["Missed"] == "latest: the newest one is made up for"


def test_a_policy_nobody_knows_is_shown_as_it_came() -> None:
    assert told(overlap="dance")["Overlap"] == "dance"
