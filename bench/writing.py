"""What does it cost the agent to write down what becomes of its runs: `make bench-writing`.

Runs go through the recorder as in the agent, which watches over each write: claimed in one go,
ended one by one, and each end is answered when it is committed. On SQLite and on MariaDB;
everything lies in temporary folders and is removed afterwards.
"""

import argparse
import asyncio
import itertools
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from sqlalchemy.engine import make_url

from agent import litter
from agent.clock import SystemClock
from agent.definitions import Definition
from agent.recorder import Recorder
from agent.runs import Run
from agent.store import tasks
from agent.store.database import MAX_GROUP, Database
from agent.store.journal import Journal
from agent.store.outage import Outage
from bench.history import claimed_run, databases
from bench.measure import TIMES, Figure, machine, table

TOGETHER: Final = (1, 29, 200, MAX_GROUP)
"""So many runs are due, and end, at the same moment."""
RUNS: Final = 4_000
FEW: Final = 400
REPEATS: Final = 5
"""What others do on the machine only adds to the time that something takes: the least counts."""
SETTLED: Final = 3
"""Groups that are written before any is measured."""
GOAL_US: Final = 100.0
ENDS_A_SECOND: Final = {"SQLite": 20_000, "MariaDB": 8_000}
_TAIL: Final = "reading products\n1200 rows imported, 3 left out\ndone\n"


@dataclass(frozen=True, slots=True)
class Spent:
    """Microseconds of processor time a run, and of the clock."""

    cpu_us: float
    took_us: float


def main() -> None:
    """Build, measure, print, remove."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--on", choices=list(ENDS_A_SECOND), action="append")
    asked.add_argument("--runs", type=int, default=RUNS)
    chosen = asked.parse_args()
    litter.settle()  # as in the agent
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}\n")
    for name in chosen.on or ENDS_A_SECOND:
        with (
            tempfile.TemporaryDirectory(prefix="smartcron-writing-") as folder,
            databases(name, Path(folder)) as (fresh, _),
        ):
            print(table(list(_figures(name, fresh, chosen.runs))), "\n", flush=True)


def _figures(name: str, fresh: Callable[[str], str], runs: int) -> Iterator[Figure]:
    # Each in a database of its own: the more rows there are, the longer the next ones take.
    urls = (fresh(f"writing_{number}") for number in itertools.count())
    for together in TOGETHER:
        asked = max(min(runs, FEW) if together == 1 else runs, together)
        found = sorted(
            asyncio.run(write(next(urls), asked, together)).cpu_us for _ in range(REPEATS)
        )
        due = "one run" if together == 1 else f"a run of {together} due at once"
        goal = GOAL_US if together == MAX_GROUP else None
        yield Figure(f"{name}: processor time of {due}, claim and end", found[0], "µs", goal)
        yield Figure(f"… the middle one of {REPEATS}", median(found), "µs")
    long = asyncio.run(write(next(urls), runs, MAX_GROUP, with_start=True))
    yield Figure("… one that is told as alive meanwhile", long.cpu_us, "µs")
    if name == "SQLite":
        bare_us = min(bare(next(urls), runs) for _ in range(REPEATS))
        yield Figure("… the two rows alone, by the bare driver", bare_us, "µs")
        yield Figure("… ours / the bare driver", found[0] / bare_us, TIMES)
    goal = 1e6 / ENDS_A_SECOND[name]
    yield Figure("… time of an end among many", asyncio.run(end_all(next(urls), runs)), "µs", goal)


async def write(url: str, count: int, together: int, *, with_start: bool = False) -> Spent:
    """Claim, perhaps start, and end so many runs, group after group."""
    names = [f"task-{number}" for number in range(together)]
    with tempfile.TemporaryDirectory(prefix="smartcron-writing-") as folder:
        return await _write(url, names, count, Path(folder), with_start=with_start)


async def _write(
    url: str, names: Sequence[str], count: int, folder: Path, *, with_start: bool
) -> Spent:
    together = len(names)
    database = await _opened(url, names)
    clock = SystemClock()
    journal = Journal.open(folder / "journal.sqlite3", now_ms=clock.now_ms())
    outage = Outage(database, journal, clock=clock)
    recorder = Recorder(database, clock, lambda shown: None, outage)
    groups = [runs_at(names, number) for number in range(SETTLED + count // together)]
    ends = [[ended(run) for run in group] for group in groups]
    try:
        for number, (group, ending) in enumerate(zip(groups, ends, strict=True)):
            if number == SETTLED:
                cpu_s, clock_s = time.process_time(), time.perf_counter()
            at_ms = group[0].scheduled_ms
            await recorder.claim(
                group, watermarks=dict.fromkeys(names, at_ms), decided_until_ms=at_ms
            )
            if with_start:
                await asyncio.gather(*(recorder.started(alive(run)) for run in group))
            await asyncio.gather(*map(recorder.ended, ending))
        written = len(groups[SETTLED:]) * together
        cpu_s, clock_s = time.process_time() - cpu_s, time.perf_counter() - clock_s
        return Spent(cpu_s / written * 1e6, clock_s / written * 1e6)
    finally:
        database.close()
        journal.close()


async def end_all(url: str, count: int) -> float:
    """Microseconds an end, when so many come at once: the writer has always more to write."""
    names = [f"task-{number}" for number in range(MAX_GROUP)]
    database = await _opened(url, names)
    recorder = Recorder(database, SystemClock(), lambda shown: None)
    try:
        groups = [runs_at(names, number) for number in range(max(1, count // MAX_GROUP))]
        for group in groups:
            await recorder.claim(group)
        ends = [ended(run) for group in groups for run in group]
        began_s = time.perf_counter()
        await asyncio.gather(*map(recorder.ended, ends))
        return (time.perf_counter() - began_s) / len(ends) * 1e6
    finally:
        database.close()


def bare(url: str, count: int) -> float:
    """Microseconds of processor time a run, when the same rows are written by the bare driver.

    Two statements for MAX_GROUP rows each, in two transactions: what no program goes below that
    keeps these rows, with these indexes, in this database.
    """
    path = make_url(url).database
    assert path is not None  # noqa: S101 - a URL of ours
    names = [f"task-{number}" for number in range(MAX_GROUP)]
    asyncio.run(_opened(url, names)).close()
    groups = [runs_at(names, number) for number in range(max(1, count // MAX_GROUP))]
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        columns = [row[1] for row in connection.execute("PRAGMA table_info(smart_cron_executions)")]
        insert = (
            f"INSERT INTO smart_cron_executions ({', '.join(columns)})"  # noqa: S608 - names of ours
            f" VALUES ({', '.join('?' * len(columns))})"
        )
        update = (
            "UPDATE smart_cron_executions SET status = ?, started_at = ?, ended_at = ?,"
            " duration_ms = ?, output_tail = ?, exit_status = ? WHERE id = ?"
        )
        fixed = dict.fromkeys(columns)
        rows = [[(*_bare_row(fixed, run),) for run in group] for group in groups]
        said = ("success", "2026-11-26 08:00:00.020", "2026-11-26 08:00:01.520", 1_500, _TAIL, 0)
        ends = [[(*said, run.id) for run in group] for group in groups]
        began_s = time.process_time()
        for claimed, ending in zip(rows, ends, strict=True):
            for statement, values in ((insert, claimed), (update, ending)):
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(statement, values)
                connection.execute("COMMIT")
        return (time.process_time() - began_s) / (len(groups) * MAX_GROUP) * 1e6


def runs_at(names: Sequence[str], number: int) -> list[Run]:
    """A claimed run of each of these tasks, at a moment that no earlier number has."""
    at_ms = time.time_ns() // 1_000_000 + number
    return [claimed_run(at_ms, name, "General", status="queued", host="bench") for name in names]


def alive(run: Run) -> Run:
    """The same run, started."""
    started_ms = run.scheduled_ms + 20
    return msgspec.structs.replace(
        run, status="running", started_ms=started_ms, late_ms=20, pid=4_711
    )


def ended(run: Run) -> Run:
    """The same run, ended well, with what is known of it then."""
    started_ms, took_ms = run.scheduled_ms + 20, 500 + hash(run.task_name) % 5_000
    return msgspec.structs.replace(
        run,
        status="success",
        started_ms=started_ms,
        ended_ms=started_ms + took_ms,
        duration_ms=took_ms,
        late_ms=20,
        exit_status=0,
        pid=4_711,
        cpu_ms=took_ms // 10,
        peak_rss=30 << 20,
        read_bytes=1 << 20,
        written_bytes=1 << 16,
        minor_faults=1_500,
        major_faults=0,
        output_bytes=len(_TAIL),
        output_tail=_TAIL,
        log_file="2026-11-26/a.log",
        log_offset=1_000,
        log_bytes=len(_TAIL) + 90,
    )


async def _opened(url: str, names: Sequence[str]) -> Database:
    database = Database.open(url)
    now_ms = time.time_ns() // 1_000_000
    definitions = [
        Definition(task_name=name, schedule=("0 1 * * *",), command="true") for name in names
    ]
    await database.write(
        partial(tasks.register, definitions=definitions, who="bench", why="", now_ms=now_ms)
    )
    return database


def _bare_row(fixed: dict[str, object], run: Run) -> tuple[object, ...]:
    moment = f"2026-11-26 08:00:00.{run.scheduled_ms % 1000:03}"
    known = {
        "id": run.id,
        "task_name": run.task_name,
        "category": run.category,
        "def_rev": 1,
        "scheduled_at": f"bare {run.scheduled_ms}",
        "attempt": 1,
        "trigger_type": run.trigger,
        "status": run.status,
        "queued_at": moment,
        "output_bytes": 0,
        "missed_count": 1,
        "host": run.host,
    }
    return tuple((fixed | known).values())


if __name__ == "__main__":
    main()
