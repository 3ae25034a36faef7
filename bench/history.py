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
from agent.store import ledger, spans, streaks
from agent.store.database import Database
from agent.store.history import PAGE_BUDGET_MS, RunFilter
from agent.store.ledger import Step
from agent.ulid import first_ulid, new_ulid
from bench.measure import TIMES, Figure, machine, table
from bench.millions import APART_MS, CATEGORIES, HOST, NEEDLE, OLD_HOST, TASKS, fill, fill_figures
from tests.mariadb import Server, needed

FEW: Final = 100_000
MANY: Final = 10_000_000
LIMIT: Final = 100
ROUNDS: Final = 40
TURNS: Final = 4
RUNS_A_SECOND: Final = 100
BYTES_A_ROW: Final = 1_400
"""With its indexes, as it was found; so much is asked of the disk before anything is made."""
FIGURES_GOAL_MS: Final = 20.0
SETTLED_WITHIN_S: Final = 180
FEW_PAGES: Final = 200
GOAL_MS: Final = {"SQLite": 5.0, "MariaDB": 10.0}
DAY_MS: Final = 86_400_000

Questions = dict[str, RunFilter]
Took = dict[str, list[float]]


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


def figures_asked(database: Database, now_ms: int) -> dict[str, Callable[[], object]]:
    """What is asked of rollups."""

    def span(days: int, task_name: str | None = None) -> Callable[[], object]:
        asked = partial(
            spans.figures,
            from_ms=now_ms - days * DAY_MS,
            to_ms=now_ms,
            now_ms=now_ms,
            task_name=task_name,
        )
        return lambda: database.read_now(asked)

    return {
        "figures of a task, a day": span(1, TASKS[3]),
        "figures of a task, 30 days": span(30, TASKS[3]),
        "figures of a task, two years": span(730, TASKS[3]),
        "figures of all tasks, two years": span(730),
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
            with databases(name, Path(folder)) as (fresh, settle):
                sizes = {FEW: fresh("few"), chosen.rows: fresh("many")}
                for count, url in sizes.items():
                    fill_all(url, count, now_ms, Path(folder))
                settle()
                took: dict[int, Took] = {count: {} for count in sizes}
                # By turns, as the machine has other work at one time than at another.
                for _ in range(TURNS):
                    for count, url in sizes.items():
                        _measure(took[count], url, count, now_ms)
        print(table(_figures(name, took[FEW], took[chosen.rows], chosen.rows)), "\n", flush=True)


def _ask_for_room(folder: Path, rows: int) -> None:
    free = shutil.disk_usage(folder).free
    needed = 2 * rows * BYTES_A_ROW
    if free < needed:
        sys.exit(f"{folder} has {free >> 30} GB free, {rows} rows need {needed >> 30} GB")


@contextmanager
def databases(name: str, folder: Path) -> Iterator[tuple[Callable[[str], str], Callable[[], None]]]:
    """What names a new database, and what waits until all that was loaded lies on the disk."""
    if name == "SQLite":
        yield lambda kind: f"sqlite:///{folder / kind}.sqlite3", lambda: None
        return
    needed()
    # On the disk, where databases lie, unlike the small ones of tests.
    options = ("--innodb-buffer-pool-size=4G", "--innodb-log-file-size=1G", "--local-infile=1")
    server = Server(folder, options=(*options, "--innodb-flush-method=fsync")).start()
    try:

        def fresh(kind: str) -> str:
            server.say(f"CREATE DATABASE {kind} CHARACTER SET utf8mb4")
            return server.url(kind)

        def settle() -> None:
            server.say("SET GLOBAL innodb_max_dirty_pages_pct = 0")
            until_s = time.monotonic() + SETTLED_WITHIN_S
            while time.monotonic() < until_s:
                ((_, dirty),) = server.say("SHOW STATUS LIKE 'Innodb_buffer_pool_pages_dirty'")
                if int(dirty) < FEW_PAGES:
                    break
                time.sleep(1)
            server.say("SET GLOBAL innodb_max_dirty_pages_pct = 90")

        yield fresh, settle
    finally:
        server.end()


def fill_all(url: str, count: int, now_ms: int, folder: Path) -> None:
    """Make so many runs and their figures, and say how long that took."""
    began = time.monotonic()
    fill(url, count, now_ms, folder)
    fill_figures(url, count, now_ms)
    print(f"{count} rows made in {time.monotonic() - began:.0f} s", file=sys.stderr)


def _measure(took: Took, url: str, count: int, now_ms: int) -> None:
    """Add the milliseconds of each question to those of earlier turns."""
    database = Database.open(url)

    def page(wanted: RunFilter, before: str | None = None) -> Callable[[], object]:
        asked = partial(
            ledger.page,
            wanted=wanted,
            before=before,
            limit=LIMIT,
            budget_ms=PAGE_BUDGET_MS,
            with_words=False,
        )
        return lambda: database.read_now(asked)

    asked = {name: page(wanted) for name, wanted in questions(now_ms).items()}
    middle = first_ulid(now_ms - count // 2 * APART_MS)
    asked["of a task, in the middle"] = page(RunFilter(task_name=TASKS[3]), middle)
    asked |= figures_asked(database, now_ms)
    with _written_meanwhile(url):
        for name, ask in asked.items():
            for _ in range(ROUNDS // TURNS):
                began = time.perf_counter()
                ask()
                took.setdefault(name, []).append((time.perf_counter() - began) * 1000)
    database.close()


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


def claimed_run(at_ms: int, task_name: str, category: str, *, status: str, host: str) -> Run:
    """The row of a run that was due then, as it is written before its process begins."""
    return Run(
        id=new_ulid(at_ms),
        task_name=task_name,
        category=category,
        def_rev=1,
        scheduled_ms=at_ms,
        attempt=1,
        trigger="schedule",
        status=status,
        queued_ms=at_ms,
        host=host,
    )


def _write(url: str, begun: Event, stop: Event) -> None:
    database = Database.open(url)
    number = 0
    while not stop.wait(1 / RUNS_A_SECOND):
        number += 1
        now_ms = time.time_ns() // 1_000_000
        task_name, category = TASKS[number % len(TASKS)], CATEGORIES[number % len(CATEGORIES)]
        run = claimed_run(now_ms, task_name, category, status="starting", host=HOST)
        running = msgspec.structs.replace(run, status="running", started_ms=now_ms)
        ended = msgspec.structs.replace(
            running, status="success", ended_ms=now_ms + 5, duration_ms=5, output_tail="done"
        )
        database.write_now(partial(ledger.claim, runs=[run], now_ms=now_ms))
        for step in (running, ended):
            database.write_now(partial(streaks.record, steps=[Step(run=step, now_ms=now_ms)]))
        begun.set()
    database.close()


def _figures(name: str, few: Took, many: Took, rows: int) -> list[Figure]:
    figures = []
    for what, took_ms in many.items():
        goal_ms = FIGURES_GOAL_MS if what.startswith("figures") else GOAL_MS[name]
        figures += [
            Figure(f"{name}, {what}", statistics.median(took_ms), "ms", goal_ms),
            Figure("… a quarter of them within", sorted(took_ms)[len(took_ms) // 4 - 1], "ms"),
            Figure("… 9 of 10", sorted(took_ms)[len(took_ms) * 9 // 10 - 1], "ms"),
            Figure(f"… among {FEW} rows", statistics.median(few[what]), "ms"),
        ]
    pages = [what for what in many if not what.startswith("figures")]
    sums = [sum(statistics.median(took[what]) for what in pages) for took in (many, few)]
    figures.append(Figure(f"{name}, all pages, {rows} / {FEW} rows", sums[0] / sums[1], TIMES, 2))
    return figures


if __name__ == "__main__":
    main()
