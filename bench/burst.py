"""How fast does what is due start, and what does it cost: `make bench-burst`.

The agent serves with history and events on; APScheduler 3, Debian's cron, Celery, and a loop that
does nothing but start processes do the same in the same run. See `docs/performance.md`.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from bench import bare, noise, ours, peers
from bench.costs import cost, resident_mb
from bench.measure import TIMES, Figure, in_new_process, machine, table
from bench.notes import Burst

FEW: Final = 29
MANY: Final = 1_000
REPEATS: Final = 3
PERIOD_S: Final = 4
PERIODS: Final = 5
IDLE_S: Final = 60


@dataclass(frozen=True, slots=True)
class Start:
    """How late the first, the middle one and the last of some starts were."""

    first_ms: float
    p50_ms: float
    last_ms: float
    earliest_ms: float


def main() -> None:
    """Measure everything, which takes some minutes, and print it as a table."""
    # Told to stop, take everything along that was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Of all figures these suffer most from what else goes on.
    load = os.getloadavg()[0]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, load {load:.1f} before\n")
    figures: list[Figure] = []
    for part in (few_at_once, many_at_once, at_rest, beside_noise):
        print(f"measuring: {part.__doc__}", file=sys.stderr)
        figures += part()
    print(table(figures))


def few_at_once() -> list[Figure]:
    """The start of a few tasks that are due at the same second."""
    own = _starts(ours.rounds(FEW, period_s=PERIOD_S, periods=PERIODS))
    figures = [
        Figure(f"{FEW} due at once: start of the middle one", own.p50_ms, "ms", 16),
        Figure("… of the first", own.first_ms, "ms"),
        Figure("… of the last", own.last_ms, "ms"),
        Figure("… before the moment", max(0.0, -own.earliest_ms), "ms", 0),
        *_limit_of_few(),
    ]
    if peers.has_apscheduler():
        other = _starts(peers.apscheduler_rounds(FEW, period_s=PERIOD_S, periods=PERIODS))
        figures += [
            Figure("… APScheduler 3: of the first", other.first_ms, "ms"),
            Figure("… APScheduler 3: of the middle one", other.p50_ms, "ms"),
            Figure("… APScheduler 3: of the last", other.last_ms, "ms"),
            Figure("… of the last, ours / APScheduler 3", own.last_ms / other.last_ms, TIMES, 1),
        ]
    if peers.has_cron():
        figures.append(Figure("… cron: of the last", peers.cron(FEW).last_ms, "ms"))
    if peers.has_celery():
        celery = peers.celery(FEW, is_shell=False)
        figures.append(Figure("… Celery: of the last", celery.last_ms, "ms"))
    return figures


def many_at_once() -> list[Figure]:
    """A thousand tasks due at once, until the last has started."""
    return [
        *_burst("direct", is_shell=False, goal=0.6),
        *_burst("through sh", is_shell=True, goal=0.9),
    ]


def at_rest() -> list[Figure]:
    """Memory and processor time while nothing is due."""
    with ExitStack() as stack:
        one = stack.enter_context(ours.serving(ours.noting(FEW, "@every 366d")))
        others = stack.enter_context(peers.idle(FEW))
        time.sleep(ours.REST_S * 5)  # what the start leaves to do is no rest
        everyone = {"": one.pids, **others}
        before = {name: cost(pids) for name, pids in everyone.items()}
        time.sleep(IDLE_S)
        spent_ms = {
            name: (cost(pids) - before[name]).own_s / IDLE_S * 60_000
            for name, pids in everyone.items()
        }
        agent_mb, keeper_mb = (resident_mb([pid]) for pid in one.pids)
        return [
            Figure(f"memory at rest, {FEW} tasks: agent", agent_mb, "MB", 52),
            Figure("… keeper", keeper_mb, "MB", 12),
            Figure("… both", agent_mb + keeper_mb, "MB", 64),
            *(Figure(f"… {name}", resident_mb(pids), "MB") for name, pids in others.items()),
            Figure("processor time at rest, a minute", spent_ms.pop(""), "ms", 30),
            *(Figure(f"… {name}", value, "ms") for name, value in spent_ms.items()),
        ]


def beside_noise() -> list[Figure]:
    """One run that writes as fast as it may, and the others."""
    found = noise.beside(FEW)
    return [
        Figure("a run that writes: its pace", found.mb_per_s, "MB/s"),
        Figure("… the agent grows by, while it writes", found.growth_mb, "MB", 2),
        Figure("… and once its output was kept", found.growth_after_mb, "MB"),
        Figure(f"… start of the middle one of {FEW}, quiet", found.quiet_ms, "ms"),
        Figure("… beside it", found.noisy_ms, "ms"),
        Figure("… beside it / quiet", found.noisy_ms / found.quiet_ms, TIMES, 2),
    ]


def _burst(how: str, *, is_shell: bool, goal: float) -> list[Figure]:
    limits: list[Burst] = []
    firsts: list[Burst] = []
    owns: list[Burst] = []
    others: list[Burst] = []
    # By turns, so that whatever else the machine does meets all of them.
    for _ in range(REPEATS):
        limits.append(bare_burst(MANY, is_shell=is_shell))
        first, own = ours.bursts(MANY, is_shell=is_shell)
        firsts.append(first)
        owns.append(own)
        if peers.has_apscheduler():
            others.append(peers.apscheduler(MANY, is_shell=is_shell))
    own_s = _last_s(owns)
    limit_s = _last_s(limits)
    # Over what the same tasks cost where nobody schedules them, starting them left out.
    task_ms = median(limit.cost.children_s for limit in limits) / MANY * 1000
    figures = [
        Figure(f"{MANY} due at once, {how}: all started", own_s, "s"),
        Figure("… dropped", sum(one.dropped for one in (*firsts, *owns)), "", 0),
        Figure("… the first runs of all of them", _last_s(firsts), "s"),
        Figure("… a bare loop of posix_spawn", limit_s, "s"),
        Figure("… ours / bare loop", own_s / limit_s, TIMES),
        Figure("… processor time of agent and keeper, a run", _own_ms(owns), "ms"),
        Figure("… … the first runs", _own_ms(firsts), "ms"),
        Figure("… above the task itself, a run", _above_ms(owns, task_ms), "ms", 0.5),
        Figure("… … bare loop", _above_ms(limits, task_ms), "ms"),
    ]
    if others:
        figures += [
            Figure("… APScheduler 3", _last_s(others), "s"),
            Figure("… … dropped", sum(one.dropped for one in others), ""),
            Figure("… … above the task itself, a run", _above_ms(others, task_ms), "ms"),
            Figure("… ours / APScheduler 3", own_s / _last_s(others), TIMES, goal),
        ]
    if is_shell and peers.has_cron():
        figures += _peer("cron", peers.cron(MANY), task_ms)
    if not is_shell and peers.has_celery():
        figures += _peer("Celery", peers.celery(MANY, is_shell=False), task_ms)
    return figures


def _limit_of_few() -> list[Figure]:
    """What is left of the time when nobody decides, records or keeps anything."""
    with tempfile.TemporaryDirectory(prefix="smart-cron-bench-") as folder:
        found = in_new_process(
            bare.rounds, Path(folder), count=FEW, period_s=PERIOD_S, periods=PERIODS + 1
        )
    rounds = found[1:]  # the first fills caches, as with all others
    return [
        Figure("… a bare loop of posix_spawn: of the first", _first_ms(rounds), "ms"),
        Figure("… a bare loop of posix_spawn: of the middle one", _middle_ms(rounds), "ms"),
        Figure("… a bare loop of posix_spawn: of the last", _last_s(rounds) * 1000, "ms"),
    ]


def bare_burst(count: int, *, is_shell: bool) -> Burst:
    """The limit, in a process that is as small as one of Python gets."""
    with tempfile.TemporaryDirectory(prefix="smart-cron-bench-") as folder:
        file = Path(folder) / "notes"
        return in_new_process(bare.start_all, file, count=count, is_shell=is_shell)


def _starts(late_ms: Sequence[float]) -> Start:
    """Of several rounds of the same length, in order: the middle one of each figure."""
    rounds = [sorted(late_ms[at : at + FEW]) for at in range(0, len(late_ms), FEW)]
    return Start(
        median(one[0] for one in rounds),
        median(median(one) for one in rounds),
        median(one[-1] for one in rounds),
        min(late_ms),
    )


def _first_ms(bursts: Sequence[Burst]) -> float:
    return median(one.late_ms[0] for one in bursts)


def _middle_ms(bursts: Sequence[Burst]) -> float:
    return median(one.p50_ms for one in bursts)


def _last_s(bursts: Sequence[Burst]) -> float:
    return median(one.last_ms for one in bursts) / 1000


def _own_ms(bursts: Sequence[Burst]) -> float:
    return median(one.cost.own_s for one in bursts) / MANY * 1000


def _above_ms(bursts: Sequence[Burst], task_ms: float) -> float:
    return median(one.cost.all_s for one in bursts) / MANY * 1000 - task_ms


def _peer(name: str, one: Burst, task_ms: float) -> list[Figure]:
    return [
        Figure(f"… {name}", one.last_ms / 1000, "s"),
        Figure("… … dropped", one.dropped, ""),
        Figure("… … above the task itself, a run", _above_ms([one], task_ms), "ms"),
    ]


if __name__ == "__main__":
    main()
