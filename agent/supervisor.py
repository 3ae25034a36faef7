"""What is said to systemd, and which of its units are we?"""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

READY: Final = "READY=1"
ALIVE: Final = "WATCHDOG=1"
STOPPING: Final = "STOPPING=1"
BUSY: Final = f"{ALIVE}\nEXTEND_TIMEOUT_USEC=60000000"
"""At work on something that takes its time, also where a start or an end is waited for."""


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that can be restarted, of the system or of a user's own manager."""

    name: str
    is_users: bool


def tell(what: str) -> None:
    """Tell the service manager, if there is one; that nobody listens is no fault of ours."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.setblocking(False)
        line.connect(address)
        line.send(what.encode())


def own_unit() -> Unit | None:
    """The unit whose main process we are; None when something else has started us."""
    return unit_of_process(os.getpid())


def unit_of_process(pid: int, proc: Path = Path("/proc")) -> Unit | None:
    """The unit whose main process this is; None for others, and for those we may not look at."""
    place = proc / str(pid)
    try:
        # Cron is a unit too, and what it starts lies in that one.
        if f"SYSTEMD_EXEC_PID={pid}".encode() not in (place / "environ").read_bytes().split(b"\0"):
            return None
        lines = (place / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next(filter(None, map(unit_of, lines)), None)


def unit_of(line: str) -> Unit | None:
    """The unit that a line of /proc/self/cgroup names."""
    folders = line.rpartition(":")[2].split("/")
    name = next((folder for folder in reversed(folders) if folder.endswith(".service")), "")
    if not name or name.startswith("user@"):
        return None
    return Unit(name=name, is_users=any(folder.startswith("user@") for folder in folders))
