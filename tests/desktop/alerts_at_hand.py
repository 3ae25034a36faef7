"""Alerts made by hand, for tests of what a screen makes of them."""

from typing import Any

from shared.protocol.rows import Alert, Subject
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS


def alert(number: int, task_id: str = "backup", sev: str = "high", **more: Any) -> Alert:
    facts: dict[str, Any] = {
        "id": f"01KAS{number:021d}",
        "rev": 1,
        "sev": sev,
        "state": "open",
        "kind": "task_failed",
        "subject": Subject("task", task_id) if task_id else Subject("agent", ""),
        "title": f"{task_id} failed",
        "msg": "exit status 3",
        "opened_ms": NOW_MS - (100 - number) * MINUTE_MS,
        "last_ms": NOW_MS - MINUTE_MS,
        "run_id": f"01KAS{number + 500:021d}" if task_id else None,
        **more,
    }
    return Alert(**facts)
