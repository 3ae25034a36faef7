"""Where does what a report tells come from: a few bounded reads, whatever lies in the database."""

from datetime import date
from functools import partial
from typing import Any

import msgspec
import pytest

from agent.reports.facts import Kind, Report
from agent.reports.gathering import gather, last_day, of_date
from agent.store import alerts, ledger, metrics, state
from agent.troubles import Trouble
from tests.agent.store.makings import HOUR_MS, MINUTE_MS, NOW_MS, a_run, a_task, ended
from tests.agent.workshop import Workshop

HOUR_AGO_MS = NOW_MS - HOUR_MS


def report_of(workshop: Workshop, kind: Kind = "daily", **fields: Any) -> Report:
    chosen: dict[str, Any] = {
        "agent": "shop",
        "timezone": "UTC",
        "now_ms": NOW_MS,
        "mask": lambda text: text.replace("hunter2", "*******"),
    }
    return gather(workshop.database, kind, last_day(NOW_MS), **(chosen | fields))


async def put(
    workshop: Workshop, at_ms: int, status: str, took_ms: int = 1_500, **more: Any
) -> None:
    run = a_run(at_ms, status="running")
    await workshop.recorder.claim([run])
    await workshop.recorder.ended(msgspec.structs.replace(ended(run, status, took_ms), **more))


async def test_a_day_is_told_with_its_runs_failures_and_usual_times(workshop: Workshop) -> None:
    await workshop.register(a_task("backup"))
    for number in range(4):
        await put(workshop, HOUR_AGO_MS + number * MINUTE_MS, "success", 2_000)
    bad = {"error_message": "no space, password hunter2\nsecond line"}
    await put(workshop, HOUR_AGO_MS + 5 * MINUTE_MS, "error", 2_000, **bad)
    await put(workshop, HOUR_AGO_MS - 30 * HOUR_MS, "error")

    told = report_of(workshop)

    assert told.endings == {"success": 4, "error": 1}
    assert (told.runs, told.failed, told.success_rate) == (5, 1, 0.8)
    assert [hour.endings for hour in told.hours if hour.endings] == [{"success": 4, "error": 1}]
    assert [(one.task_name, one.avg_ms, one.usual_ms) for one in told.tasks] == [
        ("backup", 2_000, 2_000)
    ]
    assert [one.reason for one in told.failures] == ["no space, password *******"]


async def test_a_row_that_stands_for_many_missed_moments_counts_as_many(
    workshop: Workshop,
) -> None:
    await workshop.register(a_task("backup"))
    missed = a_run(
        HOUR_AGO_MS,
        status="missed",
        reason="agent_down",
        missed_count=7,
        missed_until_ms=HOUR_AGO_MS + 6 * MINUTE_MS,
        ended_ms=HOUR_AGO_MS + 7 * MINUTE_MS,
    )
    await workshop.database.write(partial(ledger.backfill, runs=[missed]))

    told = report_of(workshop, "errors")

    assert (told.missed, told.wrong) == (7, 7)
    assert [(one.reason, one.count) for one in told.failures] == [("agent_down", 7)]


async def test_alerts_readings_and_the_proof_are_in_it(workshop: Workshop) -> None:
    await workshop.register(a_task("backup"))
    for number, key in enumerate(("one", "two")):
        trouble = Trouble(
            dedupe_key=key, kind="x", severity="high", title=f"{key} hunter2", message=""
        )
        at_ms = HOUR_AGO_MS + number
        await workshop.database.write(partial(alerts.raise_alert, trouble=trouble, now_ms=at_ms))
    await workshop.database.write(partial(alerts.resolve, dedupe_key="one", now_ms=NOW_MS - 1))
    readings = {"cpu": 0.25, "disk": 0.75}
    await workshop.database.write(partial(metrics.record, readings=readings, at_ms=HOUR_AGO_MS))
    await workshop.database.write(partial(state.set_decided_until, at_ms=NOW_MS, now_ms=NOW_MS))

    told = report_of(workshop)

    assert (told.alerts_opened, told.alerts_resolved) == (2, 1)
    assert [(one.title, one.resolved_ms is None) for one in told.alerts] == [
        ("two *******", True),
        ("one *******", False),
    ]
    assert [(curve.name, curve.mean) for curve in told.curves] == [("cpu", 0.25), ("disk", 0.75)]
    assert told.proof is not None
    assert told.proof.is_clean


def test_nothing_at_all_is_a_report_too(workshop: Workshop) -> None:
    told = report_of(workshop)

    assert (told.runs, told.success_rate, told.proof, told.failures) == (0, None, None, ())


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-09-26", 24), ("2026-09-27", 23), ("2026-04-05", 25)],
)
def test_a_day_goes_from_midnight_to_midnight_where_the_agent_is(day: str, hours: int) -> None:
    start_ms, end_ms = of_date(date.fromisoformat(day), "Pacific/Auckland", now_ms=NOW_MS * 2)

    assert end_ms - start_ms == hours * HOUR_MS


def test_the_last_day_is_24_bars_and_today_ends_now() -> None:
    start_ms, end_ms = last_day(NOW_MS)

    assert -(-(end_ms - start_ms) // HOUR_MS) == 24
    assert end_ms == NOW_MS
    assert of_date(date(2026, 11, 24), "UTC", now_ms=NOW_MS)[1] == NOW_MS
