"""What does a desktop cost the agent that listens no more, and does not go either?"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import psutil

from agent.wire.keyfiles import KeyPair
from shared.protocol.events import Heartbeat
from shared.protocol.requests import Sync
from shared.protocol.rows import Delta, Task
from tests.agent.wire.door import Door, next_event

CHANGES: Final = 10_000
STOPPED: Final = 5
MOST_GROWTH_BYTES: Final = 5_000_000

LISTEN = """
import sys, zmq
server, public, secret, port = sys.argv[1:]
socket = zmq.Context().socket(zmq.SUB)
socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = (
    server.encode(), public.encode(), secret.encode())
socket.subscribe(b"")
socket.connect("tcp://127.0.0.1:" + port)
socket.recv_multipart()
print("heard", flush=True)
while True:
    socket.recv_multipart()
"""


@contextmanager
def listener(door: Door, pair: KeyPair) -> Iterator[subprocess.Popen[str]]:
    """Another process that hears all events, until it is stopped."""
    words = (door.pair.public, pair.public, pair.secret, str(door.events_port))
    process = subprocess.Popen(
        [sys.executable, "-c", LISTEN, *words], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def change(door: Door, times: int) -> None:
    """Change the rows of thirty tasks in turn, each told by itself."""
    for number in range(times):
        door.journal.put(
            Task(id=f"t{number % 30}", name=f"change {number}", pause_reason="x" * 200)
        )
        door.publisher.flush()
        if number % 50 == 0:
            await asyncio.sleep(0.001)


async def test_desktops_that_sleep_for_a_day_cost_no_memory_and_others_hear_everything(
    door: Door,
) -> None:
    guest = await door.welcome("viewer")
    events = guest.subscribe()
    await next_event(events, Heartbeat)
    process = psutil.Process()
    with ExitStack() as stack:
        asleep = [
            stack.enter_context(listener(door, await door.enrolled("viewer", label=f"{n}")))
            for n in range(STOPPED)
        ]
        for one in asleep:
            assert one.stdout is not None
            assert await asyncio.to_thread(one.stdout.readline) == "heard\n"
        await change(door, CHANGES // 2)  # what is kept for those who ask is full from here on
        before = process.memory_info().rss
        for one in asleep:
            os.kill(one.pid, signal.SIGSTOP)

        await change(door, CHANGES)

        grown = process.memory_info().rss - before
        while await events.poll(0):
            await events.recv_multipart()
        await next_event(events, Heartbeat)
        found = await guest.get(Sync(scope="state"), Delta)

    assert grown < MOST_GROWTH_BYTES
    assert f"change {CHANGES - 1}" in {task.name for task in found.rows.tasks}
