"""When will something that grows be full, by how it has grown?"""

from collections.abc import Sequence
from typing import Final

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
LOOK_BACK_MS: Final = 7 * DAY_MS
LEAST_SPAN_MS: Final = 6 * HOUR_MS
LEAST_READINGS: Final = 6
MOST_READINGS: Final = 200
FAR_DAYS: Final = 365.0
"""Whatever is later than this is as good as never."""


def days_until_full(readings: Sequence[tuple[int, float]]) -> float | None:
    """Days until a share of 1 is reached, FAR_DAYS at most; None while too little is known.

    By the median of all slopes between two readings: an hour in which something large lay there,
    or was removed, does not turn it.
    """
    if len(readings) < LEAST_READINGS or readings[-1][0] - readings[0][0] < LEAST_SPAN_MS:
        return None
    every = -(-len(readings) // MOST_READINGS)
    kept = [*readings[:-1:every], readings[-1]]
    slopes = [
        (value - earlier) / (at_ms - earlier_ms)
        for place, (at_ms, value) in enumerate(kept)
        for earlier_ms, earlier in kept[:place]
        if at_ms > earlier_ms
    ]
    from statistics import median  # only here: it brings fractions into memory

    by_day = median(slopes) * DAY_MS
    free = max(0.0, 1.0 - readings[-1][1])
    if by_day * FAR_DAYS <= free:
        return FAR_DAYS
    return free / by_day
