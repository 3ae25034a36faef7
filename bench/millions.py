"""How does a database come to hold millions of runs within minutes?

Rows are loaded in the order of their ids without the other indexes, which are made afterwards.
"""

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, create_engine
from sqlalchemy.schema import CreateIndex, DropIndex

from agent.store.database import Database
from agent.store.rollups import ALL_TASKS, DAY_MS, HOUR_MS
from agent.ulid import first_ulid
from schema.tables import executions, rollup_totals, rollups

APART_MS: Final = 6_300
"""Ten million rows are two years then."""
TASKS: Final = tuple(f"task-{number:02}" for number in range(29))
CATEGORIES: Final = ("Sales", "Stock", "Payroll", "Banking", "Reports", "System", "Backup")
OLD_HOST: Final = "old-host"
HOST: Final = "shop-1"
NEEDLE: Final = "needle-in-the-stack"

_ENDINGS: Final = ("success", "error", "timeout", "skipped", "killed_memory", "lost")
_OFTEN: Final = (93_000, 4_000, 1_000, 1_890, 100, 10)
_TRIGGERS: Final = ("schedule", "retry", "manual", "chain")
_COLUMNS: Final = (
    "id", "task_name", "category", "def_rev", "scheduled_at", "attempt", "trigger_type", "status",
    "queued_at", "started_at", "ended_at", "duration_ms", "late_ms", "exit_status", "cpu_ms",
    "peak_rss", "output_bytes", "output_tail", "error_message", "missed_count", "host",
)  # fmt: skip
_TAIL: Final = "read 1200 lines\nwrote 1187 lines to the books\n13 lines were known before\ndone"
_ERROR: Final = "RuntimeError: the point of sale did not answer within 30 s"
_AT_ONCE: Final = 50_000


def rows(count: int, now_ms: int) -> Iterator[tuple[Any, ...]]:
    """So many runs of 29 tasks up to now, oldest first, the same ones each time."""
    dice = random.Random(count)  # noqa: S311 - any numbers do
    endings = dice.choices(_ENDINGS, _OFTEN, k=1 << 16)
    triggers = dice.choices(_TRIGGERS, (95, 2, 2, 1), k=1 << 16)
    turns = dice.choices(range(29), k=1 << 16)
    epoch = datetime.fromtimestamp(0, UTC).replace(tzinfo=None)
    for number in range(count):
        at_ms = now_ms - (count - number) * APART_MS
        # Numbers that share no factor: every word meets every other.
        turn, status = turns[number & 0xFFFF], endings[(number * 31 + number // 65_536) & 0xFFFF]
        trigger = triggers[(number * 17 + number // 4_096) & 0xFFFF]
        took_ms = 200 + (number * 7_919) % 90_000
        at = (epoch + timedelta(milliseconds=at_ms)).isoformat(" ", "milliseconds")
        end = (epoch + timedelta(milliseconds=at_ms + took_ms)).isoformat(" ", "milliseconds")
        has_run = status != "skipped"
        yield (
            first_ulid(at_ms)[:14] + f"{number:012}",
            TASKS[turn],
            CATEGORIES[turn % 7],
            1,
            at,
            1,
            trigger,
            status,
            at,
            at if has_run else None,
            end,
            took_ms if has_run else None,
            12 if has_run else None,
            (0 if status == "success" else 1) if has_run else None,
            took_ms // 9 if has_run else None,
            (20 + number % 80) << 20 if has_run else None,
            len(_TAIL) if has_run else 0,
            (f"{NEEDLE}\n{_TAIL}" if number == count // 100 else _TAIL) if has_run else None,
            _ERROR if status == "error" else None,
            1,
            OLD_HOST if number < count // 20 else HOST,
        )


def fill(url: str, count: int, now_ms: int, folder: Path) -> None:
    """Make the tables at this URL and let them hold so many runs."""
    Database.open(url).close()
    engine = create_engine(url, connect_args={} if _is_file(url) else {"local_infile": True})
    indexes = sorted(executions.indexes, key=lambda index: str(index.name))
    with engine.begin() as connection:
        for index in indexes:
            connection.execute(DropIndex(index))
    with engine.connect() as connection:
        if _is_file(url):
            _insert(connection, count, now_ms)
        else:
            _load(connection, count, now_ms, folder / "runs.tsv")
    with engine.begin() as connection:
        for index in indexes:
            connection.execute(CreateIndex(index))
        connection.exec_driver_sql(
            "ANALYZE" if _is_file(url) else f"ANALYZE TABLE {executions.name}"
        )
    engine.dispose()


def fill_figures(url: str, count: int, now_ms: int) -> None:
    """Let the rollups hold what so many runs would have left: each hour of each task."""
    engine = create_engine(url)
    what = {
        "runs": 20,
        "failures": 1,
        "timed_runs": 20,
        "sum_ms": 900_000,
        "max_ms": 90_000,
        "histogram": {str(number): 1 for number in range(80, 100)},
        "used_runs": 20,
        "sum_cpu_ms": 100_000,
        "sum_rss": 20 << 26,
        "max_rss": 1 << 27,
    }
    first_ms = (now_ms - count * APART_MS) // DAY_MS * DAY_MS
    with engine.begin() as connection:
        for day_ms in range(first_ms, now_ms, DAY_MS):
            hours = range(day_ms, min(day_ms + DAY_MS, now_ms), HOUR_MS)
            connection.execute(
                rollups.insert(),
                [
                    {"task_name": name, "hour_at": hour_ms, **what}
                    for name in TASKS
                    for hour_ms in hours
                ],
            )
            steps = [(name, 24, day_ms) for name in (*TASKS, ALL_TASKS)]
            steps += [(ALL_TASKS, 1, hour_ms) for hour_ms in hours]
            connection.execute(
                rollup_totals.insert(),
                [
                    {"task_name": name, "step_hours": length, "begins_at": at_ms, **what}
                    for name, length, at_ms in steps
                ],
            )
    engine.dispose()


def _is_file(url: str) -> bool:
    return url.startswith("sqlite")


def _insert(connection: Connection, count: int, now_ms: int) -> None:
    source = connection.connection.driver_connection
    assert isinstance(source, sqlite3.Connection)  # noqa: S101 - tells mypy
    source.execute("PRAGMA synchronous = OFF")
    source.execute("PRAGMA cache_size = -400000")
    marks = ", ".join("?" * len(_COLUMNS))
    source.executemany(
        f"INSERT INTO {executions.name} ({', '.join(_COLUMNS)}) VALUES ({marks})",  # noqa: S608 - constants
        rows(count, now_ms),
    )
    source.commit()


def _load(connection: Connection, count: int, now_ms: int, path: Path) -> None:
    """By files of some rows each, as one of all would take as much room as the table."""
    pending: list[str] = []
    for number, row in enumerate(rows(count, now_ms), 1):
        pending.append(
            "\t".join("\\N" if value is None else str(value).replace("\n", "\\n") for value in row)
        )
        if len(pending) == _AT_ONCE or number == count:
            path.write_text("\n".join(pending) + "\n")
            pending.clear()
            connection.exec_driver_sql(
                f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE {executions.name}"
                f" CHARACTER SET utf8mb4 ({', '.join(_COLUMNS)})"
            )
            connection.commit()
    path.unlink()
