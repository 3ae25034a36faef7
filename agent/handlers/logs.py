"""What has a run written, and what does it write now?"""

from typing import Final

import msgspec

from agent.handlers import cursors
from agent.handlers.context import Context, LogRange
from agent.handlers.rights import check_output
from agent.wire.control import Answer
from agent.wire.sessions import Who
from shared.protocol.errors import ProtocolError
from shared.protocol.requests import (
    OUTPUT,
    LogRead,
    LogReadReply,
    LogSearch,
    LogSearchReply,
    LogStat,
    LogStatReply,
    Stream,
)

LOOK_MS: Final = 250
COLLECT_MS: Final = 150
"""After the first byte of a held back read, so that a line comes whole and not in crumbs."""


async def stat(context: Context, who: Who, request: LogStat) -> LogStatReply:
    """How much output of a run is there."""
    check_output(context, who)
    found = await context.logs.read(request.run_id, 0, 0)
    return LogStatReply(
        streams=(Stream(name=OUTPUT, first=found.first, size=found.size, ended=found.has_ended),)
    )


async def read(context: Context, who: Who, request: LogRead) -> Answer:
    """Some output; with `wait_ms`, held back until there is some or the run has ended."""
    check_output(context, who)
    if request.stream != OUTPUT:
        raise ProtocolError(
            f"there is no stream {request.stream!r}, only {OUTPUT!r}", code="not_found"
        )
    offset = request.offset
    if offset is None:
        whole = await context.logs.read(request.run_id, 0, 0)
        offset = max(whole.first, whole.size - (request.tail or 0))
    found = await context.logs.read(request.run_id, offset, request.limit)
    if not found.data and not found.has_ended and request.wait_ms:
        found = await _wait(context, offset, request)
    end = found.offset + len(found.data)
    return Answer(
        LogReadReply(
            offset=found.offset,
            next=end,
            first=found.first,
            size=found.size,
            eof=found.has_ended and end >= found.size,
            skipped=found.skipped,
        ),
        found.data,
    )


async def search(context: Context, who: Who, request: LogSearch) -> LogSearchReply:
    """Lines of kept output, as many as are found in the time that was given."""
    check_output(context, who)
    question = msgspec.structs.replace(request, cursor=None)
    place = cursors.read(request.cursor, question, str)
    found = await context.logs.search(request, place)
    return LogSearchReply(
        hits=found.hits,
        next=None if found.next is None else cursors.make(found.next, question),
        searched_bytes=found.searched_bytes,
        problem=found.problem,
    )


async def _wait(context: Context, offset: int, request: LogRead) -> LogRange:
    """Look again and again until there is something to tell or the time is over."""
    clock = context.clock
    until_ms = clock.monotonic_ms() + request.wait_ms
    while True:
        left_ms = until_ms - clock.monotonic_ms()
        await clock.sleep_ms(max(0, min(LOOK_MS, left_ms)))
        found = await context.logs.read(request.run_id, offset, request.limit)
        if found.has_ended or left_ms <= LOOK_MS:
            return found
        if found.data:
            if len(found.data) < request.limit:
                await clock.sleep_ms(COLLECT_MS)
                found = await context.logs.read(request.run_id, offset, request.limit)
            return found
