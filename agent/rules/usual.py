"""Did a good run take far longer, or far shorter, than is usual for its task at this hour?"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from agent.runs import Run
from agent.troubles import Trouble

ENOUGH_RUNS: Final = 10
"""Of fewer nobody knows what is usual."""
MUCH_SLOWER_MS: Final = 5_000
MUCH_QUICKER: Final = 5
"""A run that took less than this part of what is usual hardly did its work."""
LONG_MS: Final = 5_000
"""What usually takes less than this is never too quick."""
SPREADS: Final = 6


class Usual(msgspec.Struct, frozen=True, kw_only=True):
    """How long so many runs took: their median, and the median of how far they were from it."""

    runs: int
    middle_ms: int
    spread_ms: int
    when: str = ""

    @property
    def longest_ms(self) -> int:
        """What takes longer is far slower than usual."""
        return max(
            2 * self.middle_ms,
            self.middle_ms + SPREADS * self.spread_ms,
            self.middle_ms + MUCH_SLOWER_MS,
        )

    @property
    def shortest_ms(self) -> int:
        """What takes less is far quicker than usual; 0 where nothing is."""
        if self.middle_ms < LONG_MS:
            return 0
        below_ms = self.middle_ms - SPREADS * self.spread_ms
        return max(0, min(self.middle_ms // MUCH_QUICKER, below_ms))


def learned(counts: Iterable[tuple[int, int]], *, when: str = "") -> Usual | None:
    """What is usual where so many runs took so long (ms, count); None as long as they are few."""
    ordered = sorted((took_ms, count) for took_ms, count in counts if count > 0)
    total = sum(count for _, count in ordered)
    if total < ENOUGH_RUNS:
        return None
    middle_ms = _middle(ordered, total)
    away = sorted((abs(took_ms - middle_ms), count) for took_ms, count in ordered)
    return Usual(runs=total, middle_ms=middle_ms, spread_ms=_middle(away, total), when=when)


def is_odd(run: Run, durations_ms: Sequence[int]) -> bool:
    """Beside the last runs this one may be unusual: then it is worth a look at this hour's."""
    if run.status != "success" or run.duration_ms is None or not durations_ms:
        return False
    shortest_ms, longest_ms = min(durations_ms), max(durations_ms)
    is_slow = run.duration_ms > max(2 * shortest_ms, shortest_ms + MUCH_SLOWER_MS)
    is_quick = longest_ms >= LONG_MS and run.duration_ms < longest_ms // MUCH_QUICKER
    return is_slow or is_quick


def slower(run: Run, usual: Usual | None) -> Trouble | None:
    """A good run took far longer than is usual."""
    if usual is None or run.duration_ms is None or run.duration_ms <= usual.longest_ms:
        return None
    return Trouble(
        dedupe_key=key_of_slower(run.task_name),
        kind="task_slower",
        severity="medium",
        title=f"{run.task_name} is slower than usual",
        message=f"run {run.id} took {run.duration_ms / 1000:.1f} s, usual{usual.when} are "
        f"{usual.middle_ms / 1000:.1f} s; a run within {usual.longest_ms / 1000:.1f} s ends this "
        "alert",
        task_name=run.task_name,
        run_id=run.id,
    )


def quicker(run: Run, usual: Usual | None) -> Trouble | None:
    """A good run was over so soon that it can hardly have done its work."""
    if usual is None or run.duration_ms is None or run.duration_ms >= usual.shortest_ms:
        return None
    return Trouble(
        dedupe_key=key_of_quicker(run.task_name),
        kind="task_quicker",
        severity="medium",
        title=f"{run.task_name} succeeded in far less time than usual",
        message=f"run {run.id} took {run.duration_ms / 1000:.1f} s, usual{usual.when} are "
        f"{usual.middle_ms / 1000:.1f} s: did it do its work? A run of "
        f"{usual.shortest_ms / 1000:.1f} s or more ends this alert",
        task_name=run.task_name,
        run_id=run.id,
    )


def key_of_slower(task_name: str) -> str:
    """The key of the alert that a task has become slower."""
    return f"task_slower:{task_name}"


def key_of_quicker(task_name: str) -> str:
    """The key of the alert that a task is over too soon."""
    return f"task_quicker:{task_name}"


def _middle(ordered: Sequence[tuple[int, int]], total: int) -> int:
    seen = 0
    for value, count in ordered:
        seen += count
        if seen > total // 2:
            return value
    return ordered[-1][0]
