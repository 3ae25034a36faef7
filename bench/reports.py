"""How long do the reports of a day, and of a month's errors, take among a million runs:
`make bench-reports`.

On SQLite and on MariaDB; everything lies in a temporary folder and is removed afterwards.
"""

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from agent.definitions import Definition
from agent.reports import gathering
from agent.reports.gathering import Source
from agent.rules.downsampling import Keeping
from agent.store import state, tasks
from agent.store.database import Database
from bench.history import databases, fill_all
from bench.measure import Figure, machine, table
from bench.millions import TASKS

ROWS: Final = 1_000_000
ROUNDS: Final = 5
MONTH_MS: Final = 30 * 86_400_000
GOAL_S: Final = 2.0


def main() -> None:
    """Build, measure, print, remove."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=ROWS)
    asked.add_argument("--on", choices=["SQLite", "MariaDB"], action="append")
    chosen = asked.parse_args()
    now_ms = time.time_ns() // 1_000_000
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}\n")
    for name in chosen.on or ["SQLite", "MariaDB"]:
        with (
            tempfile.TemporaryDirectory(prefix="smartcron-reports-") as folder,
            databases(name, Path(folder)) as (fresh, settle),
        ):
            url = fresh("many")
            fill_all(url, chosen.rows, now_ms, Path(folder))
            settle()
            print(table(_measure(name, url, now_ms)), "\n", flush=True)


def _measure(name: str, url: str, now_ms: int) -> list[Figure]:
    database = Database.open(url)
    _let_be_proved(database, now_ms)
    source = Source(
        database=database,
        agent="bench",
        timezone="Europe/Berlin",
        now_ms=now_ms,
        rows_days=90,
        keeping=Keeping(),
        mask=str,
    )
    yesterday = datetime.fromtimestamp(now_ms / 1000, UTC).date() - timedelta(days=1)
    day = partial(gathering.daily, source, yesterday)
    month = partial(gathering.errors, source, from_ms=now_ms - MONTH_MS, to_ms=now_ms)
    figures = []
    for what, ask in (("the report of a day", day), ("the errors of a month", month)):
        took = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            found = ask()
            took.append(time.perf_counter() - began)
        count = f"{found.attempts_failed} attempts failed"
        figures += [
            Figure(f"{name}, {what}, {count}", statistics.median(took), "s", GOAL_S),
            Figure("… the slowest of five", max(took), "s"),
        ]
    database.close()
    return figures


def _let_be_proved(database: Database, now_ms: int) -> None:
    """Let there be tasks whose due moments are held against the rows."""
    register = partial(tasks.register, who="bench", why="", now_ms=now_ms - 2 * MONTH_MS)
    made = [
        Definition(task_name=name, schedule=("*/3 * * * *",), command=("/bin/true",))
        for name in TASKS
    ]
    database.write_now(partial(register, definitions=made))
    database.write_now(partial(state.set_decided_until, at_ms=now_ms, now_ms=now_ms))


if __name__ == "__main__":
    main()
