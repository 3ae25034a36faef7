"""What the host says of itself: processor, memory, log folder."""

import os
from typing import Final

import msgspec
import psutil

from agent.rules.clocks import Happening, clock_state
from agent.rules.thresholds import Threshold
from agent.settings import Home


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One look at one thing; `value` is None when it could not be learned, `message` says why."""

    id: str
    name: str
    kind: str
    value: float | None
    unit: str
    message: str
    threshold: Threshold
    state: str = ""
    """How bad it is, where no threshold says so."""


SHARE: Final = Threshold(warn=0.80, crit=0.95, back=0.03, for_s=180)
"""A minute of work is no fault: what is busy has to stay so."""
SWAP: Final = Threshold(warn=0.80, crit=0.95, back=0.05)
DISK: Final = Threshold(warn=0.80, crit=0.90, back=0.02)
LATENCY: Final = Threshold(warn=250, crit=2_000, back=50)
BEAT_AGE: Final = Threshold(warn=90, crit=150, back=10)
BEHIND: Final = Threshold(warn=1_000, crit=10_000, back=200)
LAG: Final = Threshold(warn=500, crit=5_000, back=100)
LEVEL: Final = Threshold(warn=1, crit=2)


class Cpu:
    """Measures the processors between two looks; each who looks has one of their own."""

    def __init__(self) -> None:
        self._before = _cpu_times()

    def share(self) -> float:
        """Share of all processors in use since the look before."""
        before, self._before = self._before, _cpu_times()
        spent = self._before[0] - before[0]
        return (self._before[1] - before[1]) / spent if spent > 0 else 0.0

    def look(self) -> Reading:
        """The share as a reading."""
        share = self.share()
        load1 = os.getloadavg()[0]
        return Reading(
            id="cpu",
            name="CPU",
            kind="cpu",
            value=share,
            unit="share",
            message=f"{share:.0%} in use, load {load1:.2f} on {psutil.cpu_count() or 1} processors",
            threshold=SHARE,
        )


def _cpu_times() -> tuple[float, float]:
    """Seconds since boot of all processors together, and how many of them were busy."""
    times = psutil.cpu_times()
    total = sum(times[:8]) if len(times) > 8 else sum(times)  # what guests use is in `user` too
    return total, total - times.idle - getattr(times, "iowait", 0.0)


def memory() -> Reading:
    """Share of the host's memory that is not available."""
    found = psutil.virtual_memory()
    share = 1 - found.available / found.total
    return Reading(
        id="memory",
        name="Memory",
        kind="memory",
        value=share,
        unit="share",
        message=f"{in_bytes(found.total - found.available)} of {in_bytes(found.total)} in use",
        threshold=SHARE,
    )


def swap() -> Reading | None:
    """Share of the swap space in use; None where there is none."""
    try:
        found = psutil.swap_memory()
    except (OSError, RuntimeError):
        return None  # some containers hide it
    if not found.total:
        return None
    share = found.used / found.total
    return Reading(
        id="swap",
        name="Swap",
        kind="swap",
        value=share,
        unit="share",
        message=f"{in_bytes(found.used)} of {in_bytes(found.total)} in use",
        threshold=SWAP,
    )


def log_folder(home: Home) -> Reading:
    """0 when the log folder takes new files, 1 when not."""
    usable = os.access(home.task_logs, os.W_OK | os.X_OK)
    return Reading(
        id="logs",
        name="Log folder",
        kind="logs",
        value=0.0 if usable else 1.0,
        unit="fault",
        message="can be written" if usable else f"{home.task_logs} cannot be written",
        threshold=Threshold(warn=1, crit=1),
    )


def database(latency_ms: float | None, fault: str = "") -> Reading:
    """How long one small query took."""
    return Reading(
        id="database",
        name="Database",
        kind="database",
        value=latency_ms,
        unit="ms",
        message=fault or f"answers in {latency_ms:.1f} ms",
        threshold=LATENCY,
    )


def writing(number: int, oldest_ms: int, kept: int) -> Reading:
    """How long the first write waits for its commit, and how many are kept for later."""
    behind = f"{number} wait, the first for {oldest_ms} ms" if number else "none waits"
    return Reading(
        id="writes",
        name="Writes",
        kind="writes",
        value=float(oldest_ms),
        unit="ms",
        message=f"{behind}; {kept} kept in the local journal" if kept else behind,
        threshold=BEHIND,
    )


def master_runner(beat_age_ms: int | None, *, is_known: bool = True) -> Reading:
    """How long ago the scheduler decided last, by its row in the database."""
    if not is_known:
        message = "when it decided last is not known, as the database could not be asked"
    elif beat_age_ms is None:
        message = "has never run on this database"
    else:
        message = f"last heartbeat {max(0, beat_age_ms) / 1000:.0f} s ago"
    return Reading(
        id="master_runner",
        name="Master runner",
        kind="heartbeat",
        value=None if beat_age_ms is None else max(0, beat_age_ms) / 1000,
        unit="s",
        message=message,
        threshold=BEAT_AGE,
    )


def loop_lag(lag_ms: int) -> Reading:
    """How late the scheduler woke up last."""
    return Reading(
        id="loop",
        name="Scheduler",
        kind="loop",
        value=float(lag_ms),
        unit="ms",
        message=f"woke {lag_ms} ms after its time",
        threshold=LAG,
    )


def clock(last: Happening | None, now_ms: int) -> Reading:
    """0 when the clock is in step, 1 for an hour after it was not, 2 while it is wrong."""
    state = clock_state(last, now_ms)
    return Reading(
        id="clock",
        name="Clock",
        kind="clock",
        value={"ok": 0.0, "warn": 1.0, "crit": 2.0}[state.level],
        unit="level",
        message=state.message,
        threshold=LEVEL,
    )


def host_readings(home: Home) -> list[Reading]:
    """What needs nothing but the host: memory and log folder, no processors and no disks."""
    found = (memory(), swap(), log_folder(home))
    return [reading for reading in found if reading is not None]


def in_bytes(size: int) -> str:
    """A size as people say it: of less than a tenth of a gigabyte 0.0 GB would say nothing."""
    if size >= 100_000_000:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"
