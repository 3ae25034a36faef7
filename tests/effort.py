"""How much work is it? Told without a clock where Python does it, and by a ratio where it does not.

A limit in seconds fails on a host that is slow or has other things to do; these do not.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_TRIES: Final = 8


def steps_in(do: Callable[[], object]) -> int:
    """How many lines of Python, each as often as it came up, does this thread go through?

    Not those with which what other tests left in memory says goodbye.
    """
    steps = 0

    def note(_frame: FrameType, event: str, _more: object) -> Any:
        nonlocal steps
        steps += event == "line"
        return note

    before, was_on = sys.gettrace(), gc.isenabled()
    gc.disable()
    sys.settrace(note)
    try:
        do()
    finally:
        sys.settrace(before)
        if was_on:
            gc.enable()
    return steps


@contextmanager
def only_our_garbage() -> Iterator[None]:
    """Spare who is measured the collection of what other tests left in memory."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def growth(do: Callable[[int], object], size: int) -> float:
    """How many times as long as ``do(size)`` takes ``do(4 * size)``?

    About 4 where time grows with the size, about 16 where it grows with the square of it. It is
    this thread's own time, and the shortest of several tries, by turns: what makes a host slow
    comes and goes, and is to meet both.
    """
    few_s, many_s = [], []
    with only_our_garbage():
        for _ in range(_TRIES):
            few_s.append(_took_s(do, size))
            many_s.append(_took_s(do, 4 * size))
    return min(many_s) / min(few_s)


def _took_s(do: Callable[[int], object], size: int) -> float:
    began_s = time.thread_time()
    do(size)
    return time.thread_time() - began_s
