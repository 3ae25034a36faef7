"""How much do long runs use while they go on?"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from agent.clock import Clock
from agent.errors import StorageError
from agent.log import log_of
from agent.recorder import Recorder, Shown
from agent.running import processes
from agent.store.samples import Sample

log = log_of(__name__)

LOOK_EVERY_MS: Final = 5_000
FIRST_AFTER_MS: Final = 10_000
_EVERY_PART_OF_AGE: Final = 5
_MOST_OF_A_TIMEOUT: Final = 200


class Living(msgspec.Struct, frozen=True, kw_only=True):
    """A run that has a process now."""

    run_id: str
    pid: int
    started_ms: int
    timeout_ms: int


class Sampler:
    """Looks at the runs that live long, ever more rarely; what it finds is written, not shown."""

    def __init__(
        self, *, clock: Clock, recorder: Recorder, living: Callable[[], Iterable[Living]]
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._living = living
        # On the clock that nobody sets: when each began, and when its turn comes.
        self._began_ms: dict[str, int] = {}
        self._next_ms: dict[str, int] = {}
        self._cpu_ms: dict[str, int] = {}
        self._is_any = asyncio.Event()

    def note(self, shown: Shown) -> None:
        """Something was recorded: a run may live now."""
        if any(run.status == "running" for run in shown.runs):
            self._is_any.set()

    async def run(self) -> None:
        """Look every few seconds, for ever; nothing wakes up while nothing lives."""
        while True:
            self._is_any.clear()
            if not any(True for _ in self._living()):
                await self._is_any.wait()
            await self._clock.rest_ms(LOOK_EVERY_MS)
            await self.look()

    async def look(self) -> None:
        """Write down what those runs use whose turn it is."""
        now_ms, mono_ms = self._clock.now_ms(), self._clock.monotonic_ms()
        living = list(self._living())
        known = {run.run_id for run in living}
        for gone in self._next_ms.keys() - known:
            del self._next_ms[gone], self._began_ms[gone]
            self._cpu_ms.pop(gone, None)
        for run in living:
            if run.run_id not in self._next_ms:
                began_ms = mono_ms - max(0, now_ms - run.started_ms)
                self._began_ms[run.run_id] = began_ms
                self._next_ms[run.run_id] = began_ms + FIRST_AFTER_MS
        turn = [run for run in living if mono_ms >= self._next_ms[run.run_id]]
        if not turn:
            return
        found = await asyncio.to_thread(lambda: [_measure(run, now_ms) for run in turn])
        for run in turn:
            self._next_ms[run.run_id] = mono_ms + wait_ms(
                age_ms=mono_ms - self._began_ms[run.run_id], timeout_ms=run.timeout_ms
            )
        samples = [self._rising(sample) for sample in found if sample is not None]
        try:
            await self._recorder.sampled(samples)
        except StorageError as error:
            log.warning("what runs use could not be written", cause=str(error))

    def _rising(self, sample: Sample) -> Sample:
        """Time that was used stays used, also when those who used it are gone."""
        cpu_ms = max(sample.cpu_ms, self._cpu_ms.get(sample.run_id, 0))
        self._cpu_ms[sample.run_id] = cpu_ms
        return msgspec.structs.replace(sample, cpu_ms=cpu_ms)


def wait_ms(*, age_ms: int, timeout_ms: int) -> int:
    """How long until the next look, so that a run has some 200 of them however long it lasts."""
    return max(LOOK_EVERY_MS, min(age_ms // _EVERY_PART_OF_AGE, timeout_ms // _MOST_OF_A_TIMEOUT))


def _measure(run: Living, now_ms: int) -> Sample | None:
    """What the family uses now; None when the process is gone or has become another's."""
    if processes.run_of(run.pid) != run.run_id:
        return None
    family = [run.pid, *processes.below(run.pid)]
    return Sample(
        run_id=run.run_id,
        sampled_ms=now_ms,
        cpu_ms=sum(map(processes.cpu_ms, family)),
        rss_bytes=sum(map(processes.resident_bytes, family)),
        processes=len(family),
    )
