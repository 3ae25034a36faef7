"""What does an agent cost that has nothing to do: `make bench-rest`.

It serves as it is installed: history, health and events on, with one listener, as a desktop is.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os import getloadavg
from typing import Final

import msgspec

from agent.definitions import Definition
from agent.tasktables import load_definitions
from bench import ours
from bench.costs import cost, resident_mb, share_mb, switches
from bench.measure import TIMES, Figure, machine, table
from schema import catalogue

FEW: Final = 29
MANY: Final = 10_000
NOT_DUE: Final = ("@every 366d",)
SETTLE_S: Final = 30.0
"""What a start does once is over by then, and the first readings have been kept."""
QUIET_S: Final = 120.0
MINUTE_S: Final = 60.0
IMPORTS: Final = "asyncio, zmq, msgspec, sqlalchemy.dialects.sqlite, croniter, psutil, click"
"""What an agent that does this cannot do without; less is not to be had."""
_RESIDENT: Final = "print(next(l for l in open('/proc/self/status') if l.startswith('VmRSS:')))"


@dataclass(frozen=True, slots=True)
class Rest:
    """An agent at rest: memory of agent and keeper, and what a minute costs."""

    agent_mb: float
    keeper_mb: float
    share_mb: float
    agent_ms: float
    keeper_ms: float
    wakes: float


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--many", type=int, default=MANY)
    asked.add_argument("--quiet-s", type=float, default=QUIET_S)
    chosen = asked.parse_args()
    load = getloadavg()[0]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, load {load:.1f} before\n", flush=True)
    few = _at_rest(_company(), chosen.quiet_s)
    many = _at_rest(ours.noting(chosen.many, *NOT_DUE), chosen.quiet_s)
    print(table(_figures(few, many, chosen.many)), flush=True)


def _company() -> list[Definition]:
    """The tasks of the example company, none of which is due while this lasts."""
    found = load_definitions(catalogue.read("retail"), "catalogue retail")
    return [msgspec.structs.replace(one, schedule=NOT_DUE) for one in found]


def _at_rest(definitions: Sequence[Definition], quiet_s: float) -> Rest:
    with ours.serving(definitions) as one:
        time.sleep(SETTLE_S)
        agent, keeper = (one.agent,), (one.keeper,)
        woken, spent, kept = switches(one.pids), cost(agent), cost(keeper)
        time.sleep(quiet_s)
        a_minute = MINUTE_S / quiet_s
        return Rest(
            agent_mb=resident_mb(agent),
            keeper_mb=resident_mb(keeper),
            share_mb=share_mb(one.pids),
            agent_ms=(cost(agent) - spent).all_s * a_minute * 1000,
            keeper_ms=(cost(keeper) - kept).all_s * a_minute * 1000,
            wakes=(switches(one.pids) - woken) * a_minute,
        )


def _imports_mb() -> float:
    """What a process holds that imports the libraries, and does nothing."""
    words = [sys.executable, "-c", f"import {IMPORTS}; {_RESIDENT}"]
    said = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
    return int(said.split()[1]) / 1000


def _figures(few: Rest, many: Rest, count: int) -> list[Figure]:
    few_ms, many_ms = few.agent_ms + few.keeper_ms, many.agent_ms + many.keeper_ms
    both_mb = few.agent_mb + few.keeper_mb
    return [
        Figure(f"memory, {FEW} tasks: agent", few.agent_mb, "MB", 52),
        Figure("… keeper", few.keeper_mb, "MB", 12),
        Figure("… both", both_mb, "MB", 64),
        Figure("… both, what is shared counted by halves", few.share_mb, "MB"),
        Figure("… the libraries alone, imported and idle", _imports_mb(), "MB"),
        Figure(f"… {count} tasks: both", many.agent_mb + many.keeper_mb, "MB"),
        Figure("… a task", (many.agent_mb - few.agent_mb) * 1000 / (count - FEW), "kB"),
        Figure(f"processor time of a minute, {FEW} tasks", few_ms, "ms", 30),
        Figure(f"… {count} tasks", many_ms, "ms"),
        Figure("… many / few", many_ms / few_ms, TIMES, 1.2),
        Figure("… of that the keeper", few.keeper_ms, "ms"),
        Figure(f"threads woken in a minute, {FEW} tasks", few.wakes, ""),
        Figure(f"… {count} tasks", many.wakes, ""),
    ]


if __name__ == "__main__":
    main()
