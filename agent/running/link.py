"""How does the agent start a keeper, and talk with one over its socket?"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from agent import descriptors
from agent.running import processes
from agent.running.keeper import LINE_LIMIT, LISTENER

CONNECT_WITHIN_S = 3.0
BEGIN_WITHIN_S = 15.0
"""So long a keeper that was just started may take to begin: its interpreter has to be loaded, and
without it no agent serves."""
HEARD_AT_ONCE_BYTES = 256 << 10
BACKLOG = 16
LOG_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
ROOT = Path(__file__).parents[2]
# What the words of every keeper hold.
KEEPER_MARK = b"from agent.running.keeper import main"
# What a run may hold open is none of the agent's business, which takes more than it was given.
# Being a subreaper outlasts `exec`; the ctypes it takes would cost the keeper 1.3 MB for life.
_PREPARE = (
    f"import sys; sys.path.append({str(ROOT)!r}); "
    "from agent.running.processes import become_subreaper; become_subreaper(); "
    "import resource as r; n = r.RLIMIT_NOFILE; "
    "r.setrlimit(n, (int(sys.argv.pop(1)), r.getrlimit(n)[1])); "
    "import os; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
)
_KEEP = f"import sys; sys.path.append({str(ROOT)!r}); from agent.running.keeper import main; main()"
_ISOLATED = ("-I", "-S", "-c")
_LINES = msgspec.json.Decoder(dict[str, Any])
_PASSED_ON = ("PATH", "LANG", "TZ", "SMARTCRON_RUN_ID")


class NoKeeper(Exception):
    """Nobody listens, or nobody answers."""


class Link:
    """The connection to one keeper."""

    def __init__(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.name = name
        self.pid = 0
        self.start = 0
        self._reader = reader
        self._writer = writer
        self._heard: deque[bytes] = deque()  # whole lines
        self._begun = b""

    def send(self, request: dict[str, Any] | msgspec.Struct) -> bool:
        """Send a request; what a dying keeper did not take, its journal tells.

        False, and nothing sent, when it is longer than a keeper reads.
        """
        line = msgspec.json.encode(request)
        if len(line) >= LINE_LIMIT:
            return False
        self._writer.write(line + b"\n")
        return True

    async def hear(self) -> AsyncIterator[dict[str, Any]]:
        """What the keeper tells, until it hangs up."""
        while True:
            while self._heard:
                yield _LINES.decode(self._heard.popleft())
            try:
                data = await self._reader.read(HEARD_AT_ONCE_BYTES)
            except OSError:
                return
            if not data:
                return
            *whole, self._begun = (self._begun + data).split(b"\n")
            self._heard.extend(whole)

    async def hello(self, *, begins: bool = False) -> list[dict[str, Any]]:
        """Introduce ourselves and learn what the keeper knows of each run; raises NoKeeper."""
        self.send({"do": "hello"})
        known: list[dict[str, Any]] = []
        within_s = BEGIN_WITHIN_S if begins else CONNECT_WITHIN_S
        try:
            async with asyncio.timeout(within_s):
                async for line in self.hear():
                    if line["e"] == "known":
                        return known
                    if line["e"] == "hello":
                        self.pid = line["pid"]
                        process = processes.look(self.pid)
                        self.start = process.start if process is not None else 0
                    else:
                        known.append(line)
        except TimeoutError as error:
            raise NoKeeper(f"keeper {self.name} does not answer") from error
        raise NoKeeper(f"keeper {self.name} hung up")

    def is_over(self) -> bool:
        """Has the keeper's process ended (not only its connection)?"""
        process = processes.look(self.pid)
        return process is None or process.start != self.start or process.is_over

    def cut(self) -> None:
        """Hear no more, whoever holds the other end; what was missed, its journal tells."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Hang up; the keeper goes on."""
        self._writer.close()
        with contextlib.suppress(OSError):
            # All who close wait for one and the same thing: who is cancelled must not cancel it.
            await asyncio.shield(self._writer.wait_closed())


async def connect(runtime: Path, name: str) -> Link:
    """Reach the keeper of this name; raises NoKeeper."""
    connection = socket.socket(socket.AF_UNIX)
    connection.setblocking(False)
    folder = os.open(runtime, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            await asyncio.get_running_loop().sock_connect(connection, _short(folder, name))
    except (OSError, TimeoutError) as error:
        connection.close()
        raise NoKeeper(f"keeper {name} cannot be reached: {error}") from error
    finally:
        os.close(folder)
    reader, writer = await asyncio.open_unix_connection(sock=connection, limit=LINE_LIMIT)
    return Link(name, reader, writer)


def spawn_keeper(runtime: Path, name: str) -> int:
    """Start a keeper that listens already, in a session of its own; return its pid."""
    folder = os.open(runtime, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    listener = socket.socket(socket.AF_UNIX)
    try:
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(_short(folder, name))
        listener.listen(BACKLOG)
        return os.posix_spawn(
            sys.executable,
            [
                sys.executable,
                *_ISOLATED,
                _PREPARE,
                str(descriptors.GIVEN[0]),
                *_ISOLATED,
                _KEEP,
                str(runtime / f"{name}.journal"),
                str(runtime / f"{name}.sock"),
            ],
            {key: os.environ[key] for key in _PASSED_ON if key in os.environ},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, _log_in(runtime), LOG_FLAGS, 0o600),
                (os.POSIX_SPAWN_DUP2, listener.fileno(), LISTENER),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}),
        )
    finally:
        listener.close()
        os.close(folder)


def _log_in(runtime: Path) -> str:
    """Where keepers remark what troubles them; on a disk that makes no file nowhere."""
    path = str(runtime / "keeper.log")
    try:
        os.close(os.open(path, LOG_FLAGS | os.O_CLOEXEC, 0o600))
    except OSError:
        return os.devnull
    return path


def _short(folder: int, name: str) -> str:
    """A path to the socket that fits into the 108 bytes of an address, however deep the home is."""
    return f"/proc/self/fd/{folder}/{name}.sock"
