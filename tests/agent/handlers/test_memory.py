"""Where are commands, and those who gave them, remembered?"""

from functools import partial
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.handlers.memory import Memory
from agent.running.redaction import Redactor
from agent.store import ledger
from agent.store.database import Database
from agent.wire.operations import DONE, UNFINISHED, Operations, StoredOp, digest
from agent.wire.sessions import Who
from shared.protocol.requests import RunStart, RunStartReply
from tests.agent.store.fresh import fresh_file
from tests.agent.store.makings import a_run

ME = Who(key_id="0" * 16, public="p", label="Anna", role="operator")


async def test_an_order_whose_run_was_recorded_is_answered_after_a_crash(tmp_path: Path) -> None:
    clock = SystemClock()
    now_ms = clock.now_ms()
    command = RunStart(op="a" * 32, expires_ms=now_ms + 60_000, task_id="backup")
    database = Database.open(fresh_file(tmp_path / "agent.sqlite3"))
    memory = Memory(database, clock, tmp_path, redactor=Redactor())
    begun = StoredOp(
        op=command.op,
        key_id=ME.key_id,
        type=command.type,
        digest=digest(command),
        state=UNFINISHED,
        at_ms=now_ms,
    )
    run = a_run(now_ms, trigger="manual", op=command.op)
    await memory.begin(begun)
    await database.write(partial(ledger.order, run=run))

    settled = await memory.settle()

    async def act() -> object:
        pytest.fail("the order was carried out a second time")

    reply = await Operations(memory, clock.now_ms).once(ME, command, act)  # type: ignore[arg-type]
    stored = await memory.get(command.op)
    database.close()
    assert settled == 1
    assert reply == RunStartReply(run_id=run.id, state="queued", replayed=True)
    assert stored is not None
    assert stored.state == DONE
