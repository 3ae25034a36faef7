"""What do many readings come to in a minute or an hour, and which of these answers a question?"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

RAW_MS: Final = 5_000
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
LEVELS: Final = (RAW_MS, MINUTE_MS, HOUR_MS)
"""Of what length the steps are that are kept, the finest first."""


class Keeping(msgspec.Struct, frozen=True, kw_only=True):
    """For how many days each level is kept."""

    raw_days: int = 2
    minute_days: int = 30
    hour_days: int = 730

    def days(self, level_ms: int) -> int:
        """How long the steps of this length are kept."""
        return {RAW_MS: self.raw_days, MINUTE_MS: self.minute_days}.get(level_ms, self.hour_days)


class Step(msgspec.Struct, frozen=True):
    """What the readings from `at_ms` on, for one step, come to; a reading alone is one too."""

    at_ms: int
    samples: int
    mean: float
    lowest: float
    highest: float


def reading(at_ms: int, value: float) -> Step:
    """One reading as a step."""
    return Step(at_ms, 1, value, value, value)


def fold(steps: Iterable[Step], step_ms: int, *, from_ms: int = 0) -> tuple[Step, ...]:
    """The same in longer steps that are counted from `from_ms` on; each reading weighs the same."""
    found: dict[int, Step] = {}
    for step in steps:
        at_ms = step.at_ms - (step.at_ms - from_ms) % step_ms
        before = found.get(at_ms)
        found[at_ms] = (
            msgspec.structs.replace(step, at_ms=at_ms) if before is None else _both(before, step)
        )
    return tuple(found[at_ms] for at_ms in sorted(found))


def level_for(step_ms: int, from_ms: int, now_ms: int, keeping: Keeping) -> int:
    """The finest level that is no finer than asked for and reaches back far enough.

    Where none reaches back so far it is the coarsest, and where that is coarser than asked for
    there is nothing finer of that time.
    """
    coarse_enough = [level_ms for level_ms in LEVELS if level_ms <= step_ms] or [RAW_MS]
    for level_ms in LEVELS[LEVELS.index(coarse_enough[-1]) :]:
        if now_ms - from_ms <= keeping.days(level_ms) * DAY_MS:
            return level_ms
    return HOUR_MS


def finer(level_ms: int) -> Sequence[int]:
    """The levels below, from the next finer one down: what has not been summed up yet is there."""
    return LEVELS[: LEVELS.index(level_ms)][::-1]


def _both(one: Step, other: Step) -> Step:
    samples = one.samples + other.samples
    return Step(
        one.at_ms,
        samples,
        (one.mean * one.samples + other.mean * other.samples) / samples,
        min(one.lowest, other.lowest),
        max(one.highest, other.highest),
    )
