"""Who did what, and does the agent know its own definitions?"""

from functools import partial

from agent.handlers import cursors
from agent.handlers.context import Context
from agent.store import audit, ops
from agent.wire.operations import Done, StoredOp, refusal_in
from agent.wire.sessions import Who
from shared.protocol.errors import ProtocolError
from shared.protocol.requests import (
    AgentReload,
    AuditPage,
    AuditPageReply,
    AuditRow,
    OpGet,
    OpReply,
    ReloadReply,
)
from shared.protocol.roles import ADMIN


async def op(context: Context, who: Who, request: OpGet) -> OpReply:
    """What became of a command; only admins may ask about those of others."""
    stored = await context.database.read(partial(ops.get, op=request.op))
    # Another's command looks the same as none: nobody learns what others do.
    if stored is None or (stored.key_id != who.key_id and who.role != ADMIN):
        raise ProtocolError("no such command is remembered", code="not_found")
    return OpReply(
        op=stored.op,
        type=stored.type,
        state=stored.state,
        at_ms=stored.at_ms,
        code=refusal_in(
            StoredOp(
                op=stored.op,
                key_id=stored.key_id,
                type=stored.type,
                digest=stored.digest,
                state=stored.state,
                at_ms=stored.at_ms,
                result=stored.result,
            )
        ),
        run_id=stored.run_id,
    )


async def audit_page(context: Context, who: Who, request: AuditPage) -> AuditPageReply:
    """Who asked what, newest first."""
    wanted = request.filter
    rows = await context.database.read(
        partial(
            audit.page,
            before=cursors.read(request.cursor, wanted, int),
            limit=request.limit + 1,
            key_id=wanted.key_id,
            action=wanted.type,
            target=wanted.target,
            from_ms=wanted.from_ms,
            to_ms=wanted.to_ms,
        )
    )
    shown = rows[: request.limit]
    return AuditPageReply(
        rows=tuple(
            AuditRow(
                id=row.id or 0,
                at_ms=row.at_ms,
                key_id=row.key_id,
                label=row.label,
                role=row.role,
                address=row.address,
                op=row.op,
                type=row.type,
                target=row.target,
                args=row.args,
                code=row.code,
                dur_ms=row.dur_ms,
            )
            for row in shown
        ),
        next=cursors.make(shown[-1].id or 0, wanted) if len(rows) > len(shown) else None,
    )


async def reload(context: Context, who: Who, request: AgentReload) -> Done:
    """Read settings and definitions anew."""
    problems = await context.reload()
    return Done(ReloadReply(problems=problems, rev=context.journal.revs.state))
