"""Hanging up: what may happen to one who closes must not happen to the other."""

import asyncio
import socket

from agent.running.link import Link


async def test_one_who_is_cancelled_while_closing_does_not_cancel_the_other() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        link = Link("keeper", reader, writer)
        first, second = (asyncio.create_task(link.close()) for _ in range(2))
        await asyncio.sleep(0)

        first.cancel()
        outcomes = await asyncio.gather(first, second, return_exceptions=True)

    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert outcomes[1] is None
