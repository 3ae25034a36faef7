"""Which pieces of work are under way, and when is there nothing left to do?"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from agent.log import log_of

log = log_of(__name__)


class Works:
    """Tasks of one group that is known later; `is_idle` says whether anything else is left."""

    def __init__(self, is_idle: Callable[[], bool]) -> None:
        self._is_idle = is_idle
        self._group: asyncio.TaskGroup | None = None
        self._works: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def work_in(self, group: asyncio.TaskGroup) -> None:
        """Let all that is to be done be tasks of this group."""
        self._group = group

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Let this go on beside the rest."""
        if self._group is None:
            raise RuntimeError("there is no task group to work in yet")
        task = self._group.create_task(work, name=name)
        self._works.add(task)
        self._idle.clear()
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._works.discard(task)
        self.look()

    def note_busy(self) -> None:
        """There is something to do now that is no work under way yet."""
        self._idle.clear()

    def look(self) -> None:
        """See whether anything is left to do."""
        if not self._works and self._is_idle():
            self._idle.set()

    async def wait_idle(self) -> None:
        """Return when nothing is."""
        await self._idle.wait()

    async def settle(self, *, within_s: float) -> None:
        """Let what is under way come through."""
        try:
            async with asyncio.timeout(within_s):
                while self._works:
                    await asyncio.wait(set(self._works))
        except TimeoutError:
            log.error("not all is recorded; the keeper remembers it", works=len(self._works))

    def give_up(self) -> None:
        """Leave what is still under way to the next agent."""
        for work in self._works:
            work.cancel()
