"""Checks made by hand, and an outside that answers what the health page asks."""

from collections.abc import Callable
from math import sin
from typing import Any

from desktop.window import MainWindow
from shared.protocol.health import CheckDetail, HealthGet, HealthReply, KeptSeries
from shared.protocol.requests import MetricsPage, MetricsPageReply
from shared.protocol.rows import Check
from tests.desktop.rows_at_hand import MINUTE_MS, NOW_MS

GB = 1e9


def check(
    check_id: str, state: str = "ok", value: float | None = 0.5, unit: str = "share", msg: str = ""
) -> Check:
    return Check(
        id=check_id,
        name=check_id,
        kind=check_id.partition(":")[0],
        state=state,
        since_ms=NOW_MS - 90 * MINUTE_MS,
        value=value,
        unit=unit,
        msg=msg or f"{check_id} is {state}",
    )


def detail(row: Check, name: str, **more: object) -> CheckDetail:
    facts: dict[str, object] = {
        "id": row.id,
        "name": name,
        "kind": row.kind,
        "state": row.state,
        "since_ms": row.since_ms,
        "value": row.value,
        "unit": row.unit,
        "msg": row.msg,
        "checked_ms": NOW_MS - 4_000,
        "late_ms": NOW_MS + 41_000,
        "every_ms": 10_000,
        "series": (KeptSeries(name=row.id, unit=row.unit or ""),),
        **more,
    }
    return CheckDetail(**facts)  # type: ignore[arg-type] # of a table


SHARE: dict[str, object] = {"warn": 0.8, "crit": 0.95}
ROWS = (
    check("cpu", value=0.31, msg="31 % in use, load 2.40 on 8 processors"),
    check("memory", "warn", 0.83, msg="13.3 GB of 16.0 GB in use"),
    check("swap", value=0.02, msg="0.1 GB of 4.0 GB in use"),
    check("disk", value=0.46, msg="58.0 GB of 126.0 GB in use where the home lies"),
    check("disk:/var/backups", "crit", 0.92, msg="460.0 GB of 500.0 GB in use on /var/backups"),
    check("inodes", value=0.11, msg="880000 of 8000000 in use where the home lies"),
    check("inodes:/var/backups", value=0.03, msg="960000 of 32000000 in use on /var/backups"),
    check("disk_days", value=365.0, unit="days", msg="does not fill where the home lies"),
    check("disk_days:/var/backups", "warn", 4.4, "days", "full in 4.4 days on /var/backups"),
    check("database", value=1.4, unit="ms", msg="answers in 1.4 ms"),
    check("database_size", value=1.8 * GB, unit="bytes", msg="takes 1.8 GB"),
    check("reads", value=2.0, unit="reads", msg="2 of 3 connections read, 0 reads wait"),
    check("writes", value=0.0, unit="ms", msg="none waits"),
    check("loop", value=3.0, unit="ms", msg="woke 3 ms after its time"),
    check("clock", value=0.0, unit="level", msg="in step"),
    check("logs", value=0.0, unit="fault", msg="can be written"),
    check("check:shop", value=212.0, unit="ms", msg="status 200 after 212 ms"),
    check("check:queue", "warn", 140.0, "", "140 orders wait to be sent"),
)
_NAMES = (
    "CPU", "Memory", "Swap", "Disk space", "Disk space /var/backups", "Inodes",
    "Inodes /var/backups", "Disk trend", "Disk trend /var/backups", "Database", "Database size",
    "Database readers", "Writes", "Scheduler", "Clock", "Log folder", "Check shop", "Check queue",
)  # fmt: skip
_MORE: dict[str, dict[str, object]] = {
    "cpu": {**SHARE, "for_s": 180},
    "memory": {**SHARE, "for_s": 180},
    "swap": SHARE,
    "disk": {"warn": 0.8, "crit": 0.9},
    "inodes": SHARE,
    "disk_days": {"warn": 7.0, "crit": 2.0, "falls": True},
    "database": {"warn": 250.0, "crit": 2_000.0},
    "database_size": {"warn": 50 * GB, "crit": 200 * GB},
    "reads": {"warn": 64.0, "crit": 200.0},
    "writes": {"warn": 1_000.0, "crit": 10_000.0},
    "loop": {"warn": 500.0, "crit": 5_000.0},
    "clock": {"warn": 1.0, "crit": 2.0},
    "logs": {"warn": 1.0, "crit": 1.0},
    "check:shop": {"warn": 2_000.0, "every_ms": 60_000},
    "check:queue": {
        "warn": 100.0,
        "crit": 1_000.0,
        "every_ms": 60_000,
        "checked_ms": NOW_MS - 9 * MINUTE_MS,
        "late_ms": NOW_MS - 6 * MINUTE_MS,
        "series": (
            KeptSeries(name="check:queue", label="orders"),
            KeptSeries(name="check:queue:oldest", label="oldest", unit="s"),
        ),
    },
}
NEW = CheckDetail(
    id="check:tls",
    name="Check tls",
    kind="certificate",
    state="unknown",
    unit="days",
    msg="not looked at yet",
    every_ms=3_600_000,
    warn=21.0,
    crit=7.0,
    falls=True,
)
DETAILS = (
    *(
        detail(row, name, **(_MORE.get(row.id) or _MORE[row.id.partition(":")[0]]))
        for row, name in zip(ROWS, _NAMES, strict=True)
    ),
    NEW,
)
LINES = ("✗ 1 of 15 health checks are critical", "✓ CPU: OK", "! Memory: warn, 13.3 GB in use")


class Outside:
    """Answers what the page asks, as an agent would that was away for a while."""

    def __init__(self, window: MainWindow) -> None:
        self.asked: list[Any] = []
        self.refuses: dict[type, str] = {}
        self.is_silent = False
        self.kept_since_ms = 0
        self.waiting: list[Callable[[], None]] = []
        window.question_asked.connect(self._answer)

    def of(self, kind: type) -> list[Any]:
        """Everything of that kind that was asked."""
        return [one for one in self.asked if type(one) is kind]

    def _answer(
        self, request: object, answered: Callable[[Any], None], failed: Callable[[str, str], None]
    ) -> None:
        self.asked.append(request)
        if type(request) in self.refuses:
            failed(self.refuses[type(request)], "")
        elif isinstance(request, HealthGet):
            self._give(lambda: answered(HealthReply(at_ms=NOW_MS, checks=DETAILS, lines=LINES)))
        elif isinstance(request, MetricsPage):
            self._give(lambda: answered(_course(request, self.kept_since_ms)))

    def _give(self, answer: Callable[[], None]) -> None:
        if self.is_silent:
            self.waiting.append(answer)
        else:
            answer()


def _course(asked: MetricsPage, since_ms: int) -> MetricsPageReply:
    """Readings around those of the rows, with a hole in the middle."""
    now = {row.id: row.value or 0.0 for row in ROWS} | {"check:queue:oldest": 340.0}
    peak = 1.0 if asked.of == "mean" else 1.2
    reach = asked.to_ms - asked.from_ms
    step_ms = max(asked.step_ms, MINUTE_MS)
    times = [
        at_ms
        for at_ms in range(asked.from_ms, min(asked.to_ms, NOW_MS), step_ms)
        if at_ms >= since_ms and not 0.42 < (at_ms - asked.from_ms) / reach < 0.5
    ]
    rows = tuple(
        tuple(
            _wave(now[name] * peak, at_ms, name) if name in now else None for name in asked.series
        )
        for at_ms in times
    )
    return MetricsPageReply(step_ms=step_ms, times_ms=tuple(times), values=rows)


def _wave(value: float, at_ms: int, name: str) -> float:
    part = at_ms / MINUTE_MS / (60 + 7 * len(name))
    wave = value * (1 + 0.22 * sin(part) + 0.06 * sin(9 * part))
    # Shares are no more than all.
    return min(wave, 0.99) if value <= 1 else wave
