"""How long does a page of history take among ten million runs: `make bench-history`.

On SQLite and on MariaDB, while a hundred runs a second are written, beside the same among a
hundred thousand. Everything lies in a temporary folder and is removed afterwards.
"""

import argparse
import multiprocessing
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final

import msgspec

from agent.runs import Run
from agent.store import ledger, streaks
from agent.store.database import Database
from agent.store.history import PAGE_BUDGET_MS, RunFilter
from agent.store.ledger import Step
from agent.ulid import first_ulid, new_ulid
from bench.measure import TIMES, Figure, machine, table
from bench.millions import APART_MS, CATEGORIES, HOST, NEEDLE, OLD_HOST, TASKS, fill
from tests.mariadb import served

FEW: Final = 100_000
MANY: Final = 10_000_000
LIMIT: Final = 100
ROUNDS: Final = 40
RUNS_A_SECOND: Final = 100
BYTES_A_ROW: Final = 1_400
"""With its indexes, as it was found; so much is asked of the disk before anything is made."""
GOAL_MS: Final = {"SQLite": 5.0, "MariaDB": 10.0}
DAY_MS: Final = 86_400_000

Questions = dict[str, RunFilter]


def questions(now_ms: int) -> Questions:
    """What people filter by, alone and together, and what is hardest to find."""
    return {
        "all": RunFilter(),
        "of a task": RunFilter(task_name=TASKS[3]),
        "failures": RunFilter(statuses=("error", "timeout", "killed_memory", "lost")),
        "failures of a task": RunFilter(task_name=TASKS[3], statuses=("error", "timeout")),
        "of a category": RunFilter(category=CATEGORIES[2]),
        "failures of a category": RunFilter(category=CATEGORIES[2], statuses=("error", "lost")),
        "ordered by hand": RunFilter(triggers=("manual",)),
        "of a host": RunFilter(host=HOST),
        "of a host that is gone": RunFilter(host=OLD_HOST),
        "of a day": RunFilter(from_ms=now_ms - 3 * DAY_MS, to_ms=now_ms - 2 * DAY_MS),
        "failures of a task, of a day": RunFilter(
            task_name=TASKS[3],
            statuses=("error", "timeout"),
            from_ms=now_ms - 3 * DAY_MS,
            to_ms=now_ms - 2 * DAY_MS,
        ),
        "lost, ordered by hand, of a host": RunFilter(
            statuses=("lost",), triggers=("manual",), host=HOST
        ),
        "text in output or error, found often": RunFilter(text="Known BEFORE"),
        "text found once, one look": RunFilter(text=NEEDLE),
        "text in the failures of a task": RunFilter(
            task_name=TASKS[3], statuses=("error",), text="point of sale"
        ),
    }


def main() -> None:
    """Build, measure, print, remove."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=MANY)
    asked.add_argument("--on", choices=["SQLite", "MariaDB"], action="append")
    chosen = asked.parse_args()
    now_ms = time.time_ns() // 1_000_000
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}\n")
    for name in chosen.on or list(GOAL_MS):
        with tempfile.TemporaryDirectory(prefix="smartcron-history-") as folder:
            _ask_for_room(Path(folder), chosen.rows)
            with _databases(name, Path(folder)) as fresh:
                few = _measured(fresh("few"), FEW, now_ms, Path(folder))
                many = _measured(fresh("many"), chosen.rows, now_ms, Path(folder))
        print(table(_figures(name, few, many, chosen.rows)), "\n", flush=True)


def _ask_for_room(folder: Path, rows: int) -> None:
    free = shutil.disk_usage(folder).free
    needed = 2 * rows * BYTES_A_ROW
    if free < needed:
        sys.exit(f"{folder} has {free >> 30} GB free, {rows} rows need {needed >> 30} GB")


@contextmanager
def _databases(name: str, folder: Path) -> Iterator[Callable[[str], str]]:
    if name == "SQLite":
        yield lambda kind: f"sqlite:///{folder / kind}.sqlite3"
        return
    with served(
        "--innodb-buffer-pool-size=2G", "--innodb-log-file-size=1G", "--local-infile=1"
    ) as server:

        def fresh(kind: str) -> str:
            server.say(f"CREATE DATABASE {kind} CHARACTER SET utf8mb4")
            return server.url(kind)

        yield fresh


def _measured(url: str, count: int, now_ms: int, folder: Path) -> dict[str, tuple[float, float]]:
    """Milliseconds of each question: the median, and what 19 of 20 did not exceed."""
    began = time.monotonic()
    fill(url, count, now_ms, folder)
    print(f"{count} rows made in {time.monotonic() - began:.0f} s", file=sys.stderr)
    database = Database.open(url)
    found = {}
    with _written_meanwhile(url):
        for name, wanted in questions(now_ms).items():
            found[name] = _ask(database, wanted, None)
        middle = first_ulid(now_ms - count // 2 * APART_MS)
        found["of a task, in the middle"] = _ask(database, RunFilter(task_name=TASKS[3]), middle)
    database.close()
    return found


def _ask(database: Database, wanted: RunFilter, before: str | None) -> tuple[float, float]:
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        database.read_now(
            partial(
                ledger.page, wanted=wanted, before=before, limit=LIMIT, budget_ms=PAGE_BUDGET_MS
            )
        )
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), sorted(took)[ROUNDS * 19 // 20 - 1]


@contextmanager
def _written_meanwhile(url: str) -> Iterator[None]:
    """A hundred runs a second are claimed, started and ended by another process."""
    spawning = multiprocessing.get_context("spawn")
    begun, stop = spawning.Event(), spawning.Event()
    writer = spawning.Process(target=_write, args=(url, begun, stop))
    writer.start()
    try:
        begun.wait(60)
        yield
    finally:
        stop.set()
        writer.join()


def _write(url: str, begun: Event, stop: Event) -> None:
    database = Database.open(url)
    number = 0
    while not stop.wait(1 / RUNS_A_SECOND):
        number += 1
        now_ms = time.time_ns() // 1_000_000
        run = Run(
            id=new_ulid(now_ms),
            task_name=TASKS[number % len(TASKS)],
            category=CATEGORIES[number % len(CATEGORIES)],
            def_rev=1,
            scheduled_ms=now_ms,
            attempt=1,
            trigger="schedule",
            status="starting",
            queued_ms=now_ms,
            host=HOST,
        )
        running = msgspec.structs.replace(run, status="running", started_ms=now_ms)
        ended = msgspec.structs.replace(
            running, status="success", ended_ms=now_ms + 5, duration_ms=5, output_tail="done"
        )
        database.write_now(partial(ledger.claim, runs=[run], now_ms=now_ms))
        for step in (running, ended):
            database.write_now(partial(streaks.record, steps=[Step(run=step, now_ms=now_ms)]))
        begun.set()
    database.close()


def _figures(
    name: str,
    few: dict[str, tuple[float, float]],
    many: dict[str, tuple[float, float]],
    rows: int,
) -> list[Figure]:
    figures = []
    for what, (median_ms, most_ms) in many.items():
        figures.append(Figure(f"{name}, {what}", median_ms, "ms", GOAL_MS[name]))
        figures.append(Figure("… 19 of 20", most_ms, "ms"))
        figures.append(Figure(f"… among {FEW} rows", few[what][0], "ms"))
    ratio = sum(one for one, _ in many.values()) / sum(one for one, _ in few.values())
    figures.append(Figure(f"{name}, all of these, {rows} / {FEW} rows", ratio, TIMES, 2))
    return figures


if __name__ == "__main__":
    main()
