"""A day as the tests want it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from agent.cli.say import REASONS
from agent.reports.facts import (
    Curve,
    Daily,
    Day,
    Errors,
    FailingTask,
    Failure,
    Hour,
    Missed,
    Proof,
    TaskTimes,
    Trouble,
    Troubles,
)
from agent.reports.words import REASONS_DE, Words
from agent.words import Language

HOUR_MS = 3_600_000
BERLIN = "Europe/Berlin"
DAY_MS = round(datetime(2026, 11, 25, tzinfo=ZoneInfo(BERLIN)).timestamp() * 1000)


def words(language: Language = "en", zone: str = BERLIN) -> Words:
    return Words(language, ZoneInfo(zone), REASONS if language == "en" else REASONS_DE)


def a_failure(**fields: Any) -> Failure:
    values: dict[str, Any] = {
        "run_id": "01KAVXW0000000000000000000",
        "task_name": "vend_sync",
        "at_ms": DAY_MS + HOUR_MS,
        "status": "error",
        "attempt": 1,
        "exit_status": 3,
        "cause": "the point of sale does not answer",
        "last_line": "gave up after 3 tries",
    }
    return Failure(**(values | fields))


def an_alert(**fields: Any) -> Trouble:
    values: dict[str, Any] = {
        "id": "01KAVXW0000000000000000001",
        "kind": "task_failed",
        "severity": "critical",
        "status": "active",
        "title": "vend_sync failed",
        "task_name": "vend_sync",
        "occurrences": 2,
        "opened_ms": DAY_MS + HOUR_MS,
        "resolved_ms": None,
    }
    return Trouble(**(values | fields))


def what_went_wrong(**fields: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "agent": "shop",
        "timezone": BERLIN,
        "from_ms": DAY_MS,
        "to_ms": DAY_MS + 24 * HOUR_MS,
        "made_ms": DAY_MS + 31 * HOUR_MS,
        "attempts_failed": 1,
        "moments_missed": 12,
        "failures": (a_failure(),),
        "failing": (
            FailingTask(task_name="vend_sync", status="error", count=1, last_ms=DAY_MS + HOUR_MS),
        ),
        "missed": (
            Missed(
                task_name="reviews",
                cause="agent_down",
                count=12,
                first_ms=DAY_MS + 9 * HOUR_MS,
                last_ms=DAY_MS + 10 * HOUR_MS - 300_000,
            ),
        ),
    }
    return values | fields


def a_day(**fields: Any) -> Daily:
    counts = [{"success": 50}, {"success": 48, "error": 1}, *[{"success": 50}] * 22]
    counts[9] = {"success": 38, "missed": 12}
    values = what_went_wrong() | {
        "runs": 1_187,
        "failed": 1,
        "retries": 4,
        "avg_ms": 8_123,
        "p95_ms": 61_000,
        "hours": tuple(
            Hour(at_ms=DAY_MS + place * HOUR_MS, endings=endings)
            for place, endings in enumerate(counts)
        ),
        "days": tuple(
            Day(from_ms=DAY_MS - back * 24 * HOUR_MS, runs=1_187, failures=failures)
            for back, failures in ((2, 0), (1, 12), (0, 1))
        ),
        "slowest": (
            TaskTimes(
                task_name="vend_sync",
                runs=24,
                failures=1,
                avg_ms=431_000,
                peak_ms=862_000,
                usual_ms=200_000,
            ),
            TaskTimes(task_name="new_task", runs=1, failures=0, avg_ms=90, peak_ms=90),
        ),
        "alerts": Troubles(
            opened=3,
            resolved=2,
            open_now=1,
            shown=(
                an_alert(),
                an_alert(
                    severity="medium",
                    status="resolved",
                    title="Runs pile up",
                    resolved_ms=DAY_MS + 2 * HOUR_MS,
                ),
            ),
        ),
        "host": (
            Curve(
                name="cpu",
                points=tuple((DAY_MS + place * HOUR_MS, 0.25, 0.5) for place in range(24)),
            ),
        ),
        "proof": Proof(
            due=1_199, rows=1_199, missing=0, doubled=0, until_ms=DAY_MS + 24 * HOUR_MS - 1
        ),
        "are_rows_kept": True,
    }
    return Daily(**(values | fields))


def an_empty_day(**fields: Any) -> Daily:
    values: dict[str, Any] = {
        "attempts_failed": 0,
        "moments_missed": 0,
        "failures": (),
        "failing": (),
        "missed": (),
        "runs": 0,
        "failed": 0,
        "retries": 0,
        "avg_ms": None,
        "p95_ms": None,
        "hours": tuple(Hour(at_ms=DAY_MS + place * HOUR_MS, endings={}) for place in range(24)),
        "days": (Day(from_ms=DAY_MS, runs=0, failures=0),),
        "slowest": (),
        "alerts": Troubles(opened=0, resolved=0, open_now=0, shown=()),
        "host": (),
        "proof": None,
    }
    return a_day(**(values | fields))


def errors(**fields: Any) -> Errors:
    return Errors(**what_went_wrong(**fields))
