"""Who are you, and are you there?"""

import msgspec

from agent.handlers.context import Context
from agent.wire.sessions import Who
from shared.protocol.errors import UnsupportedVersion
from shared.protocol.journal import ROWS_PER_PAGE
from shared.protocol.requests import MAJOR, MINOR, Hello, HelloReply, Limits, Ping, Pong, Sync
from shared.protocol.rows import Delta

_PAGE_BYTES = 480 << 10


async def hello(context: Context, who: Who, request: Hello) -> HelloReply:
    """Opens the session, if both sides speak a common version."""
    identity = context.identity
    if MAJOR not in request.proto:
        raise UnsupportedVersion(
            f"this agent speaks version {MAJOR}, the client {sorted(request.proto)}",
            detail={"majors": [MAJOR], "version": identity.agent.version},
        )
    return HelloReply(
        proto=MAJOR,
        minor=MINOR,
        epoch=context.journal.epoch,
        role=who.role,
        key_id=who.key_id,
        label=who.label,
        agent=identity.agent,
        caps=identity.capabilities,
        limits=Limits(page_rows=ROWS_PER_PAGE),
        events_port=identity.events_port,
        now_ms=context.clock.now_ms(),
        revs=context.journal.revs,
    )


async def ping(context: Context, who: Who, request: Ping) -> Pong:
    """Here."""
    return Pong(
        now_ms=context.clock.now_ms(), epoch=context.journal.epoch, revs=context.journal.revs
    )


async def sync(context: Context, who: Who, request: Sync) -> Delta:
    """What the client lacks; a page that would be too large is made of fewer rows."""
    limit = request.limit
    while True:
        delta = context.journal.sync(
            request.scope,
            since=request.since,
            epoch=request.epoch,
            cursor=request.cursor,
            limit=limit,
            now_ms=context.clock.now_ms(),
        )
        rows = len(delta.rows.all()) + len(delta.gone)
        if rows <= 1 or len(msgspec.msgpack.encode(delta)) <= _PAGE_BYTES:
            return delta
        limit = rows // 2
