"""What of a run that is over is kept, said in its row, and cleared away?"""

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from agent import endings
from agent.belated import Belated, Spawn
from agent.clock import Clock
from agent.definitions import Definition
from agent.log import log_of
from agent.recorder import Recorder
from agent.running.keeping import Keepers
from agent.running.output import Kept, Outputs, Said
from agent.running.terms import Ended
from agent.runs import Run
from agent.together import Together

log = log_of(__name__)


class Leavings:
    """The outputs of runs that ended; all of it may block, so it is done in threads."""

    def __init__(
        self, outputs: Outputs, keepers: Keepers, recorder: Recorder, clock: Clock, *, spawn: Spawn
    ) -> None:
        self._outputs = outputs
        self._keepers = keepers
        self._spawn = spawn
        self._keep_small = Together[tuple[Run, Ended, int | None], Kept | None](self._keep_if_small)
        self._belated = Belated(outputs, recorder, clock, spawn=spawn)
        self._recorded: list[str] = []  # runs of which something is left to clear away

    async def noted(self, run: Run, ended: Ended, definition: Definition) -> Run:
        """Keep the output, and the row with what it tells.

        A disk that takes nothing costs neither: the output waits in the spool, and is told from it.
        """
        limit_mb = definition.output_limit_mb
        kept: Said
        try:
            kept = await self._keep(run, ended, limit_mb=limit_mb)
        except OSError as error:
            log.error("output not kept", run_id=run.id, cause=str(error))
            self._belated.put(run, ended, limit_mb=limit_mb)
            run = endings.noted(run, f"its output could not be kept at once: {error.strerror}")
            try:
                kept = await asyncio.to_thread(self._outputs.tell, run)
            except OSError as unread:
                return _untold(run, ended, unread)
        is_good = run.status == "success"
        return msgspec.structs.replace(
            endings.noted(run, endings.SPOOL_FULL) if kept.is_cut else run,
            output_bytes=kept.bytes,
            output_tail=kept.tail,
            log_file=kept.file if isinstance(kept, Kept) else None,
            log_offset=kept.offset if isinstance(kept, Kept) else None,
            log_bytes=kept.bytes_kept if isinstance(kept, Kept) else None,
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
        kept = await self._keep_small((run, ended, limit_mb))
        if kept is not None:
            return kept
        # It takes its time, and those that end beside it need not wait for it.
        return await asyncio.to_thread(self._outputs.keep, run, ended, limit_mb=limit_mb)

    def _keep_if_small(self, end: tuple[Run, Ended, int | None]) -> Kept | None:
        run, ended, limit_mb = end
        return self._outputs.keep_if_small(run, ended, limit_mb=limit_mb)

    async def discard(self, run_id: str) -> None:
        """Clear away what a run has left; its row stands already."""
        if not self._belated.waits(run_id):
            await asyncio.to_thread(self._outputs.discard, run_id)

    async def give_back(self, run_id: str) -> None:
        """It was not to be started: leave what there is, but for what it was handed for that."""
        await asyncio.to_thread(self._outputs.spares.give_back, run_id)

    async def go_through(self, rows: Iterable[Run], limit_mb: Callable[[Run], int | None]) -> None:
        """What an earlier agent left of these runs: keep what it could not, clear away the rest."""
        for run in rows:
            if run.has_ended and run.started_ms is not None and run.log_file is None:
                self._belated.put(run, endings.told_by(run), limit_mb=limit_mb(run))
            elif run.has_ended:
                await self.discard(run.id)

    async def keep_late(self) -> None:
        """Try once, and at once, to keep what could not be kept."""
        await self._belated.try_now()

    def close(self) -> None:
        """Try nothing again."""
        self._belated.close()

    def clear_away(self, run_id: str) -> None:
        """Discard it soon, together with others, and let its keeper forget it."""
        self._recorded.append(run_id)
        if len(self._recorded) == 1:
            self._spawn(self._clear_all_away(), name="clear away")

    async def _clear_all_away(self) -> None:
        # The keeper remembers a run until nothing of it is left to clear away.
        while run_ids := tuple(self._recorded):
            done = [run_id for run_id in run_ids if not self._belated.waits(run_id)]
            await asyncio.to_thread(self._outputs.discard_all, done)
            await self._keepers.forget(run_ids)
            del self._recorded[: len(run_ids)]


def _untold(run: Run, ended: Ended, why: OSError) -> Run:
    """The row of a run whose output can be read no more than kept."""
    said = f"its output could not be read: {why.strerror}"
    is_good = run.status == "success"
    return msgspec.structs.replace(
        run,
        output_tail=said,
        error_message=None
        if is_good
        else run.error_message or endings.in_words(ended, None, rest=f"; {said}"),
    )
