"""Where are commands, and those who gave them, remembered?"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.clock import Clock
from agent.errors import DatabaseAway, Unreachable
from agent.running.redaction import Redactor
from agent.store import anchor, ops
from agent.store.audit import AuditRow
from agent.store.chain import Link
from agent.store.database import Database
from agent.store.outage import Outage, put
from agent.store.writes import Audited, Begun, Finished, Write
from agent.wire.auditing import AuditEntry
from agent.wire.operations import DONE, UNFINISHED, StoredOp
from shared.protocol.errors import ProtocolError
from shared.protocol.requests import Hello, RunStartReply

MOST_RECENT: Final = 10_000
"""Commands known without the database, so that none is carried out twice while that is away."""


class Memory:
    """Commands and audit rows in the database, as the door for requests wants them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        anchors: Path,
        *,
        redactor: Redactor,
        outage: Outage | None = None,
        audited: Callable[[], object] = lambda: None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._anchors = anchors
        self._outage = outage
        self._audited = audited
        self._recent: OrderedDict[str, StoredOp] = OrderedDict()
        self._redactor = redactor

    async def get(self, op: str) -> StoredOp | None:
        """The command with this id; while the database is away, as far as this agent knows it."""
        if self._outage is not None and not self._outage.is_over:
            return self._recent.get(op)
        try:
            stored = await self._database.read(partial(ops.get, op=op))
        except Unreachable as error:
            # Nothing is begun yet, so that it may be asked again.
            raise ProtocolError(str(DatabaseAway(str(error))), code="busy") from error
        return None if stored is None else StoredOp(**msgspec.structs.asdict(stored))

    async def begin(self, stored: StoredOp) -> None:
        """Remember a command before it is carried out."""
        await self._write(Begun(stored=ops.StoredOp(**msgspec.structs.asdict(stored))))
        self._recent[stored.op] = stored
        while len(self._recent) > MOST_RECENT:
            self._recent.popitem(last=False)

    async def finish(self, op: str, *, state: str, result: bytes, run_id: str | None) -> None:
        """Remember what came of it."""
        now_ms = self._clock.now_ms()
        await self._write(Finished(op=op, state=state, result=result, run_id=run_id, now_ms=now_ms))
        if (begun := self._recent.get(op)) is not None:
            self._recent[op] = msgspec.structs.replace(
                begun, state=state, result=result, run_id=run_id
            )

    async def drop(self, op: str) -> None:
        """Forget a command that changed nothing and may come again."""
        now_ms = self._clock.now_ms()
        await self._write(Finished(op=op, state=UNFINISHED, result=None, now_ms=now_ms))
        self._recent.pop(op, None)

    async def settle(self) -> int:
        """Answer the orders whose run an earlier agent recorded before it died; how many."""
        found = await self._database.read(ops.begun_with_runs)
        for op, run_id in found:
            reply = RunStartReply(run_id=run_id, state="queued")
            await self.finish(op, state=DONE, result=msgspec.msgpack.encode(reply), run_id=run_id)
        return len(found)

    async def audit(self, entry: AuditEntry) -> None:
        """Write down who asked what; a hello also says when a key was last here."""
        said = msgspec.structs.asdict(entry)
        # What somebody typed may hold a secret; it is masked before it is kept.
        said |= {name: self._redactor.mask_text(said[name]) for name in ("target", "args")}
        link: Link | None = await self._write(
            Audited(
                row=AuditRow(**said),
                is_hello=entry.type == Hello.type and entry.code == "ok",
            )
        )
        self._audited()
        if link is not None:  # else it is in the journal; what is written after it has its anchor
            await asyncio.to_thread(anchor.raise_to, self._anchors, link)

    async def _write(self, write: Write) -> Any:
        if self._outage is not None:
            return await self._outage.write(write)
        return await put(self._database, write)
