"""Does one run that writes without end disturb the agent, or the others' starts."""

import time
from dataclasses import dataclass
from statistics import median
from typing import Final

from agent.definitions import Definition
from bench import notes, ours
from bench.costs import resident_mb

MB: Final = 1_000_000
PERIOD_S: Final = 2
QUIET_S: Final = 12
PACE_MB_S: Final = 200
WRITING_S: Final = 6
POLL_S: Final = 0.1
# Lines, ten times a second, no faster than said.
_WRITER: Final = """
import os, sys, time
pace, seconds = int(sys.argv[1]), int(sys.argv[2])
line = b"a line as programs write them, a hundred bytes long, so that there are many"
data = (line.ljust(99) + b"\\n") * (pace // 1000)
next_s = time.monotonic()
for _ in range(10 * seconds):
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(1, rest):]
    next_s += 0.1
    time.sleep(max(0, next_s - time.monotonic()))
"""


@dataclass(frozen=True, slots=True)
class Noise:
    """What a loud run did to everybody else."""

    mb_per_s: float
    growth_mb: float
    growth_after_mb: float
    quiet_ms: float
    noisy_ms: float


def beside(count: int, *, pace_mb_s: int = PACE_MB_S, writing_s: int = WRITING_S) -> Noise:
    """So many tasks, due together every few seconds, before and beside a run that writes."""
    due_s, schedule = ours.next_moment(time.time() + ours.LEAD_S + QUIET_S)
    words = ("{python}", "-c", _WRITER, str(pace_mb_s * MB), str(writing_s))
    loud = Definition(task_name="loud", schedule=(schedule,), command=words)
    others = ours.noting(count, f"@every {PERIOD_S}s")
    with ours.serving([*others, loud], max_running=count + 1) as one:
        ours.sleep_until(due_s - 0.5)
        before_mb = resident_mb([one.agent])
        most_mb = before_mb
        while one.duration_ms("loud") is None:
            most_mb = max(most_mb, resident_mb([one.agent]))
            time.sleep(POLL_S)
        after_mb = resident_mb([one.agent])
        written_s = (one.duration_ms("loud") or 0) / 1000
        found = one.told()
    return Noise(
        mb_per_s=pace_mb_s * writing_s / written_s,
        growth_mb=most_mb - before_mb,
        growth_after_mb=after_mb - before_mb,
        quiet_ms=_middle_ms(found, due_s - QUIET_S + PERIOD_S, due_s - 1),
        noisy_ms=_middle_ms(found, due_s + 1, due_s + written_s),
    )


def _middle_ms(notes_ns: list[int], from_s: float, until_s: float) -> float:
    return median(
        notes.lateness_ms(note, PERIOD_S) for note in notes_ns if from_s <= note / 1e9 < until_s
    )
