"""Rows made by hand, for tests of what a screen makes of them."""

from shared.protocol.rows import LastRun, Run, Task

NOW_MS = 1_795_000_000_000
MINUTE_MS = 60_000


def last_run(result: str = "success", **more: object) -> LastRun:
    facts: dict[str, object] = {
        "run_id": "01KAS000000000000000000001",
        "result": result,
        "scheduled_ms": NOW_MS - 5 * MINUTE_MS,
        "start_ms": NOW_MS - 5 * MINUTE_MS,
        "end_ms": NOW_MS - 4 * MINUTE_MS,
        "dur_ms": MINUTE_MS,
        "exit": 0 if result == "success" else 255,
        **more,
    }
    return LastRun(**facts)  # type: ignore[arg-type]


def task(name: str, category: str = "Payroll", **more: object) -> Task:
    facts: dict[str, object] = {
        "id": name,
        "name": name,
        "category": category,
        "rev": 1,
        "schedule": "*/30 * * * *",
        "schedule_text": "Every 30 minutes",
        "tz": "Pacific/Auckland",
        "next_ms": NOW_MS + 25 * MINUTE_MS,
        "last": last_run(),
        "runs_24h": 48,
        "success_rate_24h": 1.0,
        "hours_24h": ((2, 0),) * 24,
        "spark": (1000, 1200, 900),
        "avg_ms": 1000,
        **more,
    }
    return Task(**facts)  # type: ignore[arg-type]


def failing(name: str, category: str = "Vend Sync", **more: object) -> Task:
    return task(name, category, fails=3, health="bad", last=last_run("error"), **more)


def running(name: str, category: str = "Payroll", **more: object) -> Task:
    return task(
        name,
        category,
        state="running",
        running=1,
        run_id="01KAS000000000000000000777",
        run_start_ms=NOW_MS - 4 * MINUTE_MS,
        **more,
    )


def run(number: int, task_id: str = "payroll_sync", **more: object) -> Run:
    start_ms = NOW_MS - (1000 - number) * MINUTE_MS
    facts: dict[str, object] = {
        "id": f"01KAS{number:021d}",
        "task_id": task_id,
        "rev": 1,
        "state": "ended",
        "result": "success",
        "scheduled_ms": start_ms,
        "queued_ms": start_ms,
        "start_ms": start_ms,
        "end_ms": start_ms + 9000,
        "dur_ms": 9000,
        **more,
    }
    return Run(**facts)  # type: ignore[arg-type]
