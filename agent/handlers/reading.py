"""Where does the output of a run lie now, and what is in it?"""

import asyncio
from functools import partial

import msgspec

from agent.handlers.context import LogFound, LogRange
from agent.running.output import Chunk, Outputs, output_offset
from agent.running.searching import Hit, Place, Question, Searching
from agent.runs import Run
from agent.store import ledger
from agent.store.database import Database
from shared.protocol.requests import LogHit, LogSearch


class Reading:
    """Reads spools and kept logs off the loop, by the newest row of the run."""

    def __init__(self, database: Database, outputs: Outputs) -> None:
        self._database = database
        self._outputs = outputs
        self._searching = Searching(outputs)

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

    async def search(self, wanted: LogSearch, place: str | None) -> LogFound:
        """Lines of kept logs, with the runs that wrote them; raises WrongUse, Refused (busy)."""
        question = Question(
            pattern=wanted.pattern,
            regex=wanted.regex,
            ignore_case=wanted.ignore_case,
            task_name=wanted.task_id,
            from_ms=wanted.from_ms,
            limit=wanted.limit,
            within_s=wanted.within_ms / 1000,
        )
        begin = None if place is None else msgspec.json.decode(place, type=Place)
        found = await self._searching.search(question, begin)
        ids = {hit.run_id for hit in found.hits}
        runs = await self._database.read(partial(ledger.some, run_ids=ids))
        return LogFound(
            hits=tuple(_hit(hit, runs.get(hit.run_id)) for hit in found.hits),
            next=None if found.next is None else msgspec.json.encode(found.next).decode(),
            searched_bytes=found.searched_bytes,
            problem=found.problem,
        )

    async def _chunk(self, run: Run, offset: int, limit: int) -> Chunk:
        return await asyncio.to_thread(self._outputs.read, run, offset, limit)


def _hit(hit: Hit, run: Run | None) -> LogHit:
    # What a run wrote may look like the header of another: its row knows where its output begins.
    is_its_own = (
        run is not None
        and run.task_name == hit.task_name
        and run.log_offset == hit.output_at
        and hit.at < hit.output_at + (run.log_bytes or 0)
    )
    if run is None or not is_its_own:
        return LogHit(task_id=hit.task_name, line=hit.line)
    return LogHit(
        task_id=hit.task_name,
        line=hit.line,
        run_id=run.id,
        offset=output_offset(run, hit.at),
        start_ms=run.started_ms,
    )
