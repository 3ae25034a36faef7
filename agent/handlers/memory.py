"""Where are commands, and those who gave them, remembered?"""

import asyncio
from functools import partial
from pathlib import Path

import msgspec

from agent.clock import Clock
from agent.running.redaction import Redactor
from agent.store import anchor, audit, clients, ops
from agent.store.database import Database
from agent.wire.auditing import AuditEntry
from agent.wire.operations import DONE, StoredOp
from shared.protocol.requests import Hello, RunStartReply


class Memory:
    """Commands and audit rows in the database, as the door for requests wants them."""

    def __init__(
        self, database: Database, clock: Clock, anchors: Path, *, redactor: Redactor
    ) -> None:
        self._database = database
        self._clock = clock
        self._anchors = anchors
        self._redactor = redactor

    async def get(self, op: str) -> StoredOp | None:
        """The command with this id."""
        stored = await self._database.read(partial(ops.get, op=op))
        return None if stored is None else StoredOp(**msgspec.structs.asdict(stored))

    async def begin(self, stored: StoredOp) -> None:
        """Remember a command before it is carried out."""
        row = ops.StoredOp(**msgspec.structs.asdict(stored))
        await self._database.write(partial(ops.begin, stored=row))

    async def finish(self, op: str, *, state: str, result: bytes, run_id: str | None) -> None:
        """Remember what came of it."""
        await self._database.write(
            partial(
                ops.finish,
                op=op,
                state=state,
                result=result,
                run_id=run_id,
                now_ms=self._clock.now_ms(),
            )
        )

    async def drop(self, op: str) -> None:
        """Forget a command that changed nothing and may come again."""
        await self._database.write(partial(ops.drop, op=op))

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
        row = audit.AuditRow(**said)
        link = await self._database.write(partial(audit.append, row=row))
        await asyncio.to_thread(anchor.raise_to, self._anchors, link)
        if entry.type == Hello.type and entry.code == "ok":
            await self._database.write(
                partial(clients.seen, key_id=entry.key_id, at_ms=entry.at_ms, address=entry.address)
            )
