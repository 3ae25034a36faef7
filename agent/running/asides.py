"""How is a command run that is no run of a task: in no ledger, bounded, and never left behind?"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from agent import descriptors
from agent.running import processes

MOST_BYTES: Final = 64 << 10
LAST_WORDS_S: Final = 2.0
_ROUNDS: Final = 5


class Aside(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended: without an exit status it took too long, or a signal ended it."""

    exit_status: int | None
    output: str
    errors: str
    is_too_slow: bool = False


async def run_aside(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: str,
    run_id: str,
    timeout_s: float,
) -> Aside:
    """Run it and end whatever it leaves; raises OSError when it cannot be started.

    All of its family carries `run_id` in the environment, and is known by that.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        env={**environment, "SMARTCRON_RUN_ID": run_id},
        cwd=folder,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,
    )
    descriptors.give_back(process.pid)
    heard = [bytearray(), bytearray()]
    streams = [stream for stream in (process.stdout, process.stderr) if stream is not None]
    readers = [
        asyncio.create_task(_hear(stream, kept), name="hear an aside")
        for stream, kept in zip(streams, heard, strict=True)
    ]
    is_too_slow = False
    try:
        async with asyncio.timeout(timeout_s):
            await _ended(process.pid)
    except TimeoutError:
        is_too_slow = True
    finally:
        # Also when nobody waits for it any more; and a child of it may hold the pipes open.
        await asyncio.shield(asyncio.to_thread(end_family, process.pid, run_id))
        await _say_farewell(process, readers)
    status = process.returncode
    return Aside(
        exit_status=None if is_too_slow or status is None or status < 0 else status,
        output=heard[0].decode(errors="replace"),
        errors=heard[1].decode(errors="replace"),
        is_too_slow=is_too_slow,
    )


async def _ended(pid: int) -> None:
    """Return when this child ends; asyncio's own wait goes on while others hold its pipes."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


async def _hear(stream: asyncio.StreamReader, kept: bytearray) -> None:
    """Keep the beginning; the rest is read so that nobody waits, and forgotten."""
    while part := await stream.read(MOST_BYTES):
        kept += part[: MOST_BYTES - len(kept)]


async def _say_farewell(process: Process, readers: Sequence["asyncio.Task[None]"]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORDS_S):
            await asyncio.gather(process.wait(), *readers)
    for reader in readers:
        reader.cancel()


def end_family(pid: int, run_id: str) -> None:
    """End every process of this session, below it, or with this run id; held still first."""
    held: dict[int, int] = {}
    for _ in range(_ROUNDS):
        everyone = processes.look_at_all()
        roots = {
            number
            for number, process in everyone.items()
            if number == pid or process.session == pid or processes.run_of(number) == run_id
        }
        family = {number: everyone[number] for number in roots}
        family |= processes.descendants(roots, everyone)
        fresh = [
            process
            for process in family.values()
            if not process.is_over and held.get(process.pid) != process.start
        ]
        if not fresh:
            break
        for process in fresh:
            held[process.pid] = process.start
            processes.send(process.pid, process.start, signal.SIGSTOP)
    for number, start in held.items():
        processes.send(number, start, signal.SIGKILL)
