"""How long does this host itself let somebody wait who wants to go on?"""

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

BEAT_S: Final = 0.02
WORK_S: Final = 0.3


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


class Pulse:
    """A thread that sleeps shortly, again and again, and remembers its latest waking.

    A promise in milliseconds is one about a host that has time: what a thread without any work
    waits for is not the program's.
    """

    def __init__(self) -> None:
        self.worst_ms = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _beat(self) -> None:
        began, is_over = time.monotonic(), False
        while not is_over:
            is_over = self._is_over.wait(BEAT_S)
            now = time.monotonic()
            # Also where the end was told while it slept on: a standstill may be the last thing.
            self.worst_ms = max(self.worst_ms, (now - began - BEAT_S) * 1_000)
            began = now
