"""Where does the output of a run lie now, and what is in it?"""

import asyncio
from functools import partial

from agent.handlers.context import LogRange
from agent.running.output import Chunk, Outputs
from agent.runs import Run
from agent.store import ledger
from agent.store.database import Database


class Reading:
    """Reads spools and kept logs off the loop, by the newest row of the run."""

    def __init__(self, database: Database, outputs: Outputs) -> None:
        self._database = database
        self._outputs = outputs

    async def read(self, run_id: str, offset: int, limit: int) -> LogRange:
        """Up to `limit` bytes from there on, none at the end; raises RunNotFound, Refused."""
        run = await self._database.read(partial(ledger.get, run_id=run_id))
        chunk = await self._chunk(run, offset, limit)
        if not run.has_ended and chunk.size == 0:
            # Its end may have been recorded, and its spool removed, between the two looks.
            run = await self._database.read(partial(ledger.get, run_id=run_id))
            chunk = await self._chunk(run, offset, limit)
        return LogRange(
            data=chunk.data,
            offset=chunk.offset,
            first=0,
            size=chunk.size,
            has_ended=chunk.has_ended,
            skipped=chunk.skipped,
        )

    async def _chunk(self, run: Run, offset: int, limit: int) -> Chunk:
        return await asyncio.to_thread(self._outputs.read, run, offset, limit)
