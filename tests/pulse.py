"""How long does this host itself let somebody wait who wants to go on?"""

import os
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

BEAT_S: Final = 0.02
WORK_S: Final = 0.3
MOST_PROCESSORS: Final = 8
"""So many are listened to; more of them are not all taken away at once."""


def stretched() -> float:
    """How many times as long work takes here now as it would on a host without others."""
    began, worked = time.monotonic(), time.thread_time()
    while time.thread_time() - worked < WORK_S:
        pass
    return (time.monotonic() - began) / (time.thread_time() - worked)


def waited_ms(pid: int) -> float:
    """How long has this process waited for its turn so far, all in all?

    What a pulse in one process feels is not what happens to another one.
    """
    try:
        told = Path(f"/proc/{pid}/schedstat").read_text()
    except OSError:
        return 0.0  # this kernel does not say
    return int(told.split()[1]) / 1_000_000


def _processors() -> list[int]:
    # Elsewhere a thread chooses no processor: one beats for all.
    return sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else [0]


class Pulse:
    """Threads that sleep shortly, again and again, and remember their latest waking.

    A promise in milliseconds is one about a host that has time: what a thread without any work
    waits for is not the program's. `in_all_ms` is for what many turns of several threads bring
    about one after the other: each of them may have come late.

    There is one on each processor: where the host is itself a guest, one of its processors may be
    taken away with whoever works on it while all goes on upon the others.
    """

    def __init__(self) -> None:
        self.worst_ms = 0.0
        self.in_all_ms = 0.0
        self._began = self._ended = 0.0
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._beat, args=(processor,), name="pulse", daemon=True)
            for processor in _processors()[:MOST_PROCESSORS]
        ]

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended = time.monotonic()
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _beat(self, processor: int) -> None:
        if sys.platform == "linux":
            with suppress(OSError):  # it was taken from this process meanwhile
                os.sched_setaffinity(0, {processor})  # of this thread alone
        began = self._began
        while not self._is_over.wait(BEAT_S):
            began = self._note(began, time.monotonic())
        # Whoever is measured may go on before this thread does when the host lets both go on.
        self._note(began, self._ended)

    def _note(self, began: float, now: float) -> float:
        late_ms = max(0.0, (now - began - BEAT_S) * 1_000)
        with self._lock:
            self.worst_ms = max(self.worst_ms, late_ms)
            self.in_all_ms += late_ms
        return now
