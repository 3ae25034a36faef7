"""What do the runs that live write, looked at once a second?"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from agent.clock import Clock
from agent.recorder import Shown
from agent.running.reports import Told
from agent.runs import Run

LOOK_MS: Final = 1_000
"""A run that lives shorter is never looked at: what it told is known at its end."""
YOUNGEST_MS: Final = 2_000
MOST_AT_ONCE: Final = 64


class Progress:
    """Once a second, while any run lives: keeps outputs small, and listens if somebody watches."""

    def __init__(
        self,
        *,
        clock: Clock,
        look: Callable[[str], Told],
        trim: Callable[[Run], None],
        show: Callable[[Shown], None],
    ) -> None:
        self._clock = clock
        self._look = look
        self._trim = trim
        self._show = show
        self._living: dict[str, Run] = {}
        self._is_any = asyncio.Event()

    def note(self, shown: Shown) -> None:
        """Something was recorded: a run may live now, or no more."""
        for run in shown.runs:
            if run.status in ("running", "stopping"):
                self._living[run.id] = run
                self._is_any.set()
            else:
                self._living.pop(run.id, None)

    async def run(self, *, is_watched: Callable[[], bool]) -> None:
        """Look and tell, for ever; nothing wakes up while nothing lives."""
        while True:
            await self._is_any.wait()
            await self._clock.sleep_ms(LOOK_MS)
            if not self._living:
                self._is_any.clear()
                continue
            await asyncio.to_thread(self._trim_all, list(self._living.values()))
            if is_watched():
                await self._look_around()

    async def _look_around(self) -> None:
        # What began later than now was told by a clock that has been set back since.
        young = range(self._clock.now_ms() - YOUNGEST_MS + 1, self._clock.now_ms() + 1)
        grown = [run for run in self._living.values() if run.started_ms not in young]
        # With very many, each has its turn: whoever was looked at goes to the end.
        for run in grown[:MOST_AT_ONCE]:
            self._living[run.id] = self._living.pop(run.id)
        told = await asyncio.to_thread(self._look_at, [run.id for run in grown[:MOST_AT_ONCE]])
        news = []
        for run_id, said in told:
            before = self._living.get(run_id)
            if before is None:
                continue  # it has ended meanwhile, and its end says all of this
            now = with_told(before, said)
            if now != before:
                self._living[run_id] = now
                news.append(now)
        if news:
            self._show(Shown(runs=tuple(news), tasks=frozenset(run.task_name for run in news)))

    def _trim_all(self, runs: Iterable[Run]) -> None:
        for run in runs:
            self._trim(run)

    def _look_at(self, run_ids: Iterable[str]) -> list[tuple[str, Told]]:
        return [(run_id, self._look(run_id)) for run_id in run_ids]


def with_told(run: Run, told: Told) -> Run:
    """The run with what it has told of itself."""
    return msgspec.structs.replace(
        run,
        progress=told.progress,
        progress_note=told.note,
        metrics=told.metrics or None,
    )
