"""Which outputs could not be kept when their runs ended, and when is it tried again?"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from agent.clock import Clock
from agent.errors import StorageError
from agent.hours import Hours
from agent.log import log_of
from agent.recorder import Recorder
from agent.running.output import Outputs
from agent.running.terms import Ended
from agent.runs import Run

log = log_of(__name__)

FIRST_WAIT_MS: Final = 2_000
LONGEST_WAIT_MS: Final = 300_000
MOST_TRIES: Final = 100
"""Some eight hours; what is not kept then lies in the spool until the next agent tries it."""
MOST_WAITING: Final = 1_000


class Spawn(Protocol):
    """Lets work go on beside the rest."""

    def __call__(self, work: Coroutine[Any, Any, None], *, name: str) -> None: ...


@dataclass(slots=True)
class _Late:
    """An output that lies in the spool though the row of its run says how it ended."""

    ended: Ended
    limit_mb: int | None
    tries: int = 0


class Belated:
    """Outputs that wait in the spool for a disk, or a folder, that takes them."""

    def __init__(self, outputs: Outputs, recorder: Recorder, clock: Clock, *, spawn: Spawn) -> None:
        self._outputs = outputs
        self._recorder = recorder
        self._spawn = spawn
        self._waiting: dict[str, _Late] = {}
        self._left: set[str] = set()  # to the next agent: given up, and not kept
        self._hours = Hours(clock, self._hour_has_come)
        self._is_closed = False

    def waits(self, run_id: str) -> bool:
        """Is the spool of this run still needed?"""
        return run_id in self._waiting or run_id in self._left

    def put(self, run: Run, ended: Ended, *, limit_mb: int | None) -> None:
        """Try to keep this output later, whether its row is written by then or not."""
        if run.id in self._waiting:
            return
        if self._is_closed:
            self._left.add(run.id)
            return
        if len(self._waiting) >= MOST_WAITING:
            self._give_up(next(iter(self._waiting)))
        self._waiting[run.id] = _Late(ended, limit_mb)
        self._hours.put(run, FIRST_WAIT_MS)

    async def try_now(self) -> None:
        """Try to keep all of them once, whatever their hours."""
        for run in self._hours:
            self._hours.remove(run.id)
            await self._keep(run, self._waiting[run.id])

    def close(self) -> None:
        """Leave what is not kept to the next agent."""
        self._is_closed = True
        self._hours.close()

    def _give_up(self, run_id: str) -> None:
        # Its end may not be recorded yet; what clears away after that must not take it.
        self._left.add(run_id)
        self._leave(run_id)

    def _leave(self, run_id: str) -> None:
        self._hours.remove(run_id)
        del self._waiting[run_id]

    def _hour_has_come(self, run: Run) -> None:
        self._spawn(self._keep(run, self._waiting[run.id]), name=f"keep late {run.id}")

    async def _keep(self, run: Run, late: _Late) -> None:
        late.tries += 1
        try:
            is_kept = await self._is_kept(run, late)
        except (OSError, StorageError) as error:
            log.warning("output still not kept", run_id=run.id, cause=str(error), tries=late.tries)
            is_kept = False
        if run.id not in self._waiting or self._is_closed:
            return  # too many came after it, or it is left to the next agent
        if is_kept:
            self._leave(run.id)
            return
        if late.tries >= MOST_TRIES:
            self._give_up(run.id)
            return
        self._hours.put(run, min(FIRST_WAIT_MS << min(late.tries, 20), LONGEST_WAIT_MS))

    async def _is_kept(self, run: Run, late: _Late) -> bool:
        """Keep it, have its row say where, then clear the spool away; all of it or nothing."""
        if not await asyncio.to_thread(self._outputs.is_lying, run.id):
            # It wrote nothing, or somebody has removed it.
            await asyncio.to_thread(self._outputs.discard, run.id)
            return True
        kept = await asyncio.to_thread(self._outputs.keep, run, late.ended, limit_mb=late.limit_mb)
        row = msgspec.structs.replace(
            run, log_file=kept.file, log_offset=kept.offset, log_bytes=kept.bytes_kept
        )
        if not await self._recorder.kept(row):
            return False  # its end waits to be written
        log.info("output kept late", run_id=run.id, bytes=kept.bytes)
        await asyncio.to_thread(self._outputs.discard, run.id)
        return True
