"""What have processes cost so far, and how much memory do they hold."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.running import processes

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_CHILDREN_USER, _CHILDREN_SYSTEM = 13, 14  # in /proc/<pid>/stat, counted behind the name


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of processor time: of processes themselves, and of the children they waited for."""

    own_s: float
    children_s: float

    def __sub__(self, earlier: "Cost") -> "Cost":
        return Cost(self.own_s - earlier.own_s, self.children_s - earlier.children_s)

    @property
    def all_s(self) -> float:
        return self.own_s + self.children_s


def cost(pids: Iterable[int]) -> Cost:
    """What these processes have cost up to now; their children exact to 10 ms."""
    pids = tuple(pids)
    return Cost(sum(map(_own_s, pids)), sum(map(_children_s, pids)))


def resident_mb(pids: Iterable[int]) -> float:
    """What these processes hold in memory now."""
    return sum(map(_resident_kb, pids)) / 1000


def share_mb(pids: Iterable[int]) -> float:
    """As `resident_mb`, but of what several processes hold together only their parts."""
    return sum(map(_share_kb, pids)) / 1000


def switches(pids: Iterable[int]) -> int:
    """How often their threads have gone to sleep so far, and so have woken up."""
    return sum(
        _figure(path, "voluntary_ctxt_switches:")
        for pid in pids
        for path in Path(f"/proc/{pid}/task").glob("*/status")
    )


def family(pid: int) -> tuple[int, ...]:
    """A process and all that live below it."""
    return (pid, *processes.below(pid))


def _own_s(pid: int) -> float:
    # The kernel's clock of a process, as clock_getcpuclockid(3) makes it: threads that are gone
    # count, and it does not go by ticks.
    return time.clock_gettime((~pid << 3) | 2)


def _children_s(pid: int) -> float:
    line = Path(f"/proc/{pid}/stat").read_bytes()
    fields = line[line.rindex(b")") + 2 :].split()
    return (int(fields[_CHILDREN_USER]) + int(fields[_CHILDREN_SYSTEM])) * _TICK_S


def _resident_kb(pid: int) -> int:
    return _figure(Path(f"/proc/{pid}/status"), "VmRSS:")


def _share_kb(pid: int) -> int:
    return _figure(Path(f"/proc/{pid}/smaps_rollup"), "Pss:")


def _figure(path: Path, name: str) -> int:
    """What stands behind this name in a file of the kernel; 0 where nothing does."""
    for line in path.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0
