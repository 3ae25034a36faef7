"""How a figure is measured, and how it is said."""

import logging
import multiprocessing
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

ROUNDS = 3
TIMES = "\N{MULTIPLICATION SIGN}"
"""The unit of a ratio."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value beside what it should be at most; without a goal it only informs."""

    what: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        return "reached" if self.value <= self.goal else "MISSED"


def in_new_process(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the function returns where nothing was ever computed, read or kept before."""
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawning, initializer=_be_silent) as pool:
        return pool.submit(fn, *args, **kwargs).result()


def median_of_new_processes(
    fn: Callable[P, Sequence[float]], *args: P.args, **kwargs: P.kwargs
) -> list[float]:
    """Each value as the median over several processes that begin with nothing."""
    rounds = [in_new_process(fn, *args, **kwargs) for _ in range(ROUNDS)]
    return [statistics.median(values) for values in zip(*rounds, strict=True)]


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table that reads well in a terminal too."""
    rows = [("what", "measured", "goal", "")]
    rows += [(one.what, _said(one.value, one.unit), _goal(one), one.verdict) for one in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    return "\n".join(
        [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]
    )


def machine() -> str:
    """What a figure depends on beside the program."""
    return (
        f"{os.cpu_count()} processors ({platform.machine()}), {platform.system()}, "
        f"Python {platform.python_version()}"
    )


def _be_silent() -> None:
    """What an agent logs has no place among the figures."""
    logging.disable()


def _goal(figure: Figure) -> str:
    return "" if figure.goal is None else f"≤ {_said(figure.goal, figure.unit)}"


def _said(value: float, unit: str) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    if not unit:
        digits = 0
    return f"{value:,.{digits}f} {unit}".replace(",", " ").strip()
