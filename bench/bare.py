"""How fast can processes be started at all: a loop around posix_spawn that does nothing else."""

import os
import resource
import time
from pathlib import Path

from bench import notes
from bench.costs import Cost
from bench.notes import Burst


def start_all(file: Path, *, count: int, is_shell: bool) -> Burst:
    """Start so many one after the other, wait for all; to be called in a process of its own."""
    program, *rest = notes.words(file, is_shell=is_shell)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    before_s = time.process_time()
    due_ns = time.time_ns()
    for _ in range(count):
        os.posix_spawnp(
            program,
            [program, *rest],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 1, str(file), flags, 0o600)],
        )
    own_s = time.process_time() - before_s
    for _ in range(count):
        os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = Cost(own_s, used.ru_utime + used.ru_stime)
    return notes.burst(count, notes.read(file), due_ns=due_ns, cost=cost)


def rounds(folder: Path, *, count: int, period_s: float, periods: int) -> list[Burst]:
    """The same again and again from one process, with a rest before each that lets caches cool."""
    bursts = []
    for number in range(periods):
        time.sleep(period_s)
        bursts.append(start_all(folder / str(number), count=count, is_shell=False))
    return bursts
