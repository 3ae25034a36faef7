"""From where to where does the values' axis of a chart reach, and what stands at it?"""

from collections.abc import Sequence
from math import floor, log10
from typing import Final

from desktop import words
from desktop.views.health.course import Course

MOST_TICKS: Final = 3
# A limit that is further away than this many times the highest value would flatten the curve.
NEAR_LIMIT: Final = 2.0


def value_range(values: Sequence[float], course: Course) -> tuple[float, float]:
    """From where to where the values' axis reaches: zero is always on it."""
    if course.unit == "share" or (course.unit == "%" and 0 <= min(values) <= max(values) <= 100):
        return 0.0, 1.0 if course.unit == "share" else 100.0
    bottom, top = min(0.0, *values), max(0.0, *values)
    reach = max(abs(bottom), abs(top)) or 1.0
    for value in (course.warn, course.crit):
        if value is not None and -NEAR_LIMIT * reach <= value <= NEAR_LIMIT * reach:
            bottom, top = min(bottom, value), max(top, value)
    return bottom, top if top > bottom else bottom + reach


def value_ticks(bottom: float, top: float, unit: str) -> list[tuple[float, str]]:
    """A few round values with their words."""
    if unit == "share":
        return [(0.0, "0"), (0.5, "50"), (1.0, f"100{words.NO_BREAK}%")]
    rough = (top - bottom) / MOST_TICKS
    tenth = 10.0 ** floor(log10(rough))
    step = next(tenth * part for part in (1, 2, 5, 10) if tenth * part >= rough)
    first = -(-bottom // step) * step
    ticks = [first + step * place for place in range(MOST_TICKS + 2)]
    return [(at, tick_words(at, unit)) for at in ticks if at <= top]


def tick_words(value: float, unit: str) -> str:
    """A value at the axis; it is round, so it is said in few letters."""
    if value == 0:
        return "0"
    if unit == "bytes":
        for size, word in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if abs(value) >= size:
                return f"{value / size:.3g}{words.NO_BREAK}{word}"
    if unit == "ms" and abs(value) >= words.SECOND_MS:
        return f"{value / words.SECOND_MS:.3g}{words.NO_BREAK}s"
    said = f"{value:.3g}" if abs(value) < 1e4 else words.reading(value, "")
    short = unit if len(unit) <= 4 else ""
    return f"{said}{words.NO_BREAK}{short}".rstrip(words.NO_BREAK)
