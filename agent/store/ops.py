"""Which commands were given, and what was answered, so that none is carried out twice."""

from typing import Final

import msgspec
from sqlalchemy import Connection, select

from agent.store.upserts import Upsert
from schema.tables import executions, ops

BEGUN: Final = "unfinished"
_DAY_MS: Final = 86_400_000


class StoredOp(msgspec.Struct, frozen=True, kw_only=True):
    """One command by its idempotency id; `digest` is of its body, `result` the answer's bytes."""

    op: str
    key_id: str
    type: str
    digest: str
    state: str
    at_ms: int
    result: bytes | None = None
    run_id: str | None = None


_INSERT = Upsert(ops, key=("op",))


def begin(connection: Connection, stored: StoredOp) -> StoredOp:
    """Remember a command unless its id is known already; what is remembered comes back."""
    connection.execute(
        _INSERT.on(connection),
        {
            "op": stored.op,
            "key_id": stored.key_id,
            "action": stored.type,
            "body_digest": stored.digest,
            "state": stored.state,
            "run_id": stored.run_id,
            "result": stored.result,
            "created_at": stored.at_ms,
        },
    )
    return get(connection, stored.op) or stored


def is_known(connection: Connection, op: str, task_name: str, *, at_ms: int) -> bool:
    """Was this command about a task carried out, or its run of about then written at least?"""
    told = get(connection, op)
    if told is not None and told.state != BEGUN:
        return True
    of_task = select(executions.c.id).where(
        executions.c.task_name == task_name,
        executions.c.scheduled_at.between(at_ms - _DAY_MS, at_ms + _DAY_MS),
        executions.c.op == op,
    )
    return connection.execute(of_task.limit(1)).first() is not None


def get(connection: Connection, op: str) -> StoredOp | None:
    """The command with this id."""
    row = connection.execute(select(ops).where(ops.c.op == op)).first()
    if row is None:
        return None
    return StoredOp(
        op=row.op,
        key_id=row.key_id,
        type=row.action,
        digest=row.body_digest,
        state=row.state,
        at_ms=row.created_at,
        result=row.result,
        run_id=row.run_id,
    )


def finish(
    connection: Connection,
    op: str,
    *,
    state: str,
    result: bytes,
    run_id: str | None = None,
    now_ms: int,
) -> bool:
    """Remember the answer; False when there is one already, or no such command."""
    changed = connection.execute(
        ops.update()
        .where(ops.c.op == op, ops.c.state == BEGUN)
        .values(state=state, result=result, run_id=run_id, finished_at=now_ms)
    )
    return changed.rowcount == 1


def begun_with_runs(connection: Connection) -> tuple[tuple[str, str], ...]:
    """Commands without an answer whose run was recorded all the same: (op, run id)."""
    rows = connection.execute(
        select(ops.c.op, executions.c.id)
        .join(
            executions,
            # A run is due no earlier than its order came: that is what the index can find.
            (executions.c.scheduled_at >= ops.c.created_at) & (executions.c.op == ops.c.op),
        )
        .where(ops.c.state == BEGUN, executions.c.attempt == 1)
    )
    return tuple((op, run_id) for op, run_id in rows)


def drop(connection: Connection, op: str) -> None:
    """Forget a command that changed nothing and may come again."""
    connection.execute(ops.delete().where(ops.c.op == op, ops.c.state == BEGUN))
