"""What of a run that is over is kept, said in its row, and cleared away?"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

import msgspec

from agent import endings
from agent.definitions import Definition
from agent.log import log_of
from agent.running.keeping import Ended, Keepers
from agent.running.output import Kept, Outputs
from agent.runs import Run
from agent.together import Together

log = log_of(__name__)


class Spawn(Protocol):
    """Lets work go on beside the rest."""

    def __call__(self, work: Coroutine[Any, Any, None], *, name: str) -> None: ...


class Leavings:
    """The outputs of runs that ended; all of it may block, so it is done in threads."""

    def __init__(self, outputs: Outputs, keepers: Keepers, *, spawn: Spawn) -> None:
        self._outputs = outputs
        self._keepers = keepers
        self._spawn = spawn
        self._keep_small = Together[tuple[Run, Ended, int | None], Kept](
            lambda end: outputs.keep(end[0], end[1], limit_mb=end[2])
        )
        self._recorded: list[str] = []  # runs of which something is left to clear away

    async def noted(self, run: Run, ended: Ended, definition: Definition) -> Run:
        """Keep the output, and the row with what it tells.

        A disk that takes nothing costs the output, never the ending.
        """
        try:
            kept = await self._keep(run, ended, limit_mb=definition.output_limit_mb)
        except OSError as error:
            log.error("output not kept", run_id=run.id, cause=str(error))
            return msgspec.structs.replace(
                run, output_tail=f"the output could not be kept: {error.strerror}"
            )
        is_good = run.status == "success"
        return msgspec.structs.replace(
            endings.noted(run, endings.SPOOL_FULL) if kept.is_cut else run,
            output_bytes=kept.bytes,
            output_tail=kept.tail,
            log_file=kept.file,
            log_offset=kept.offset,
            log_bytes=kept.bytes_kept,
            progress=kept.told.progress,
            progress_note=kept.told.note,
            metrics=kept.told.metrics or None,
            error_message=None
            if is_good
            else run.error_message or endings.in_words(ended, kept.error),
            stack_trace=None if is_good else kept.stack_trace,
            frames=None if is_good else kept.frames,
        )

    async def _keep(self, run: Run, ended: Ended, *, limit_mb: int | None) -> Kept:
        if self._outputs.is_large(run.id):
            # It takes its time, and those that end beside it need not wait for it.
            return await asyncio.to_thread(self._outputs.keep, run, ended, limit_mb=limit_mb)
        return await self._keep_small((run, ended, limit_mb))

    async def discard(self, run_id: str) -> None:
        """Clear away what a run has left; its row stands already."""
        await asyncio.to_thread(self._outputs.discard, run_id)

    def clear_away(self, run_id: str) -> None:
        """Discard it soon, together with others, and let its keeper forget it."""
        self._recorded.append(run_id)
        if len(self._recorded) == 1:
            self._spawn(self._clear_all_away(), name="clear away")

    async def _clear_all_away(self) -> None:
        # The keeper remembers a run until nothing of it is left to clear away.
        while run_ids := tuple(self._recorded):
            await asyncio.to_thread(self._outputs.discard_all, run_ids)
            await self._keepers.forget(run_ids)
            del self._recorded[: len(run_ids)]
