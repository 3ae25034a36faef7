"""When did the started tasks begin, by their own word.

Each task is `date`, which writes its own time: about a millisecond from being started to saying
so, the same for every scheduler.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.costs import Cost

TASK: Final = ("date", "+%s%N")
WITHIN_S: Final = 60.0
POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Burst:
    """What came of tasks that were all due at the same moment."""

    asked: int
    late_ms: tuple[float, ...]  # of those that started, the earliest first
    cost: Cost

    @property
    def p50_ms(self) -> float:
        return statistics.median(self.late_ms)

    @property
    def last_ms(self) -> float:
        return self.late_ms[-1]

    @property
    def dropped(self) -> int:
        return self.asked - len(self.late_ms)


def burst(asked: int, notes_ns: Sequence[int], *, due_ns: int, cost: Cost) -> Burst:
    """The burst that these notes tell of."""
    late_ms = sorted((note - due_ns) / 1e6 for note in notes_ns)
    return Burst(asked, tuple(late_ms), cost)


def through_shell(notes: Path) -> str:
    """The task as a line for a shell: it adds its note to this file."""
    return f"{' '.join(TASK)} >> {notes}"


def words(notes: Path, *, is_shell: bool) -> tuple[str, ...]:
    """The task as a command; without a shell its output has to be led into the file."""
    return ("/bin/sh", "-c", through_shell(notes)) if is_shell else TASK


def read(notes: Path) -> list[int]:
    """All whole notes so far."""
    text = notes.read_text() if notes.exists() else ""
    return [int(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def until(find: Callable[[], bool], what: str, *, within_s: float = WITHIN_S) -> None:
    """Wait, looking seldom enough not to disturb; raises TimeoutError."""
    deadline_s = time.monotonic() + within_s
    while not find():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"waited {within_s:g} s in vain for {what}")
        time.sleep(POLL_S)


def until_written(notes: Path, count: int) -> None:
    """Wait for so many notes; when they do not come, the rest was dropped."""
    # About 20 bytes a note: the size alone tells, so that nothing is read while starts go on.
    size = count * len(f"{time.time_ns()}\n")
    try:
        until(lambda: notes.exists() and notes.stat().st_size >= size, f"{count} starts")
    except TimeoutError:
        return


def lateness_ms(note_ns: int, period_s: int) -> float:
    """How long after a multiple of the period; negative when it was just before one."""
    period_ns = period_s * 1_000_000_000
    return ((note_ns + period_ns // 2) % period_ns - period_ns // 2) / 1e6
