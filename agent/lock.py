"""Who works on this home: one agent at a time, told by a lock the kernel keeps."""

import fcntl
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from agent.errors import AlreadyServing, HomeError
from agent.settings import Home

# flock on these is not to be trusted, and a ledger on them neither.
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})

LOOKS_WITHIN_S = 0.5
"""So long a look whether the home is served never takes, on a host that is slow."""

_BEGINS = "begins "
_PID_DIGITS = 10


def lock_file(home: Home) -> Path:
    """The file whose lock says that an agent lives; it holds the pid of one that serves."""
    return home.runtime / "agent.lock"


@contextmanager
def only_agent(home: Home, *, begins: bool = False) -> Iterator[Callable[[], None]]:
    """Hold the home; call what is given once all doors are open, so that others know it serves.

    Whoever `begins` to serve may be told to stop until then too, by `holding_pid`.
    Raises AlreadyServing when another agent holds it, HomeError on network disks.
    """
    kind = _file_system(home.runtime)
    if kind in NETWORK_FILE_SYSTEMS:
        raise HomeError(
            f"home {str(home.root)!r} lies on a network file system ({kind}), where locks cannot "
            "be trusted; choose a folder on a local disk with --home"
        )
    try:
        descriptor = os.open(lock_file(home), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except IsADirectoryError as error:
        raise HomeError(f"{lock_file(home)} is a folder; move it away, and begin again") from error
    try:
        try:
            _take(descriptor)
        except BlockingIOError as error:
            pid = serving_pid(home)
            raise AlreadyServing(
                f"an agent serves home {str(home.root)!r} already"
                + (f" (pid {pid})" if pid else "")
                + "; stop that one first, or give this one another --home"
            ) from error
        os.ftruncate(descriptor, 0)
        if begins:
            os.pwrite(descriptor, f"{_BEGINS}{os.getpid()}\n".encode(), 0)
        yield lambda: _write_pid(descriptor)
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> None:
    """Lock it for us alone; raises BlockingIOError when another agent has it."""
    until_s = monotonic() + LOOKS_WITHIN_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= until_s:
                raise
            # Whoever only looks, as we do here, shares the lock for a moment; an agent never does.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            sleep(random.uniform(0.001, 0.01))  # noqa: S311 - parts those who began together
        else:
            return


def _write_pid(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def is_served(home: Home) -> bool:
    """An agent holds this home now."""
    try:
        descriptor = os.open(lock_file(home), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def serving_pid(home: Home) -> int | None:
    """The pid of the agent that serves the home; None while it is not ready, or there is none."""
    return _pid_of(_noted(home))


def holding_pid(home: Home) -> int | None:
    """The pid of the agent that serves the home or is about to; None where there is none."""
    return _pid_of(_noted(home).removeprefix(_BEGINS))


def _pid_of(text: str) -> int | None:
    """The process that is named; None for what no process can have."""
    return int(text) if text.isdigit() and len(text) <= _PID_DIGITS and int(text) > 0 else None


def _noted(home: Home) -> str:
    try:
        return lock_file(home).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _file_system(folder: Path) -> str:
    """The type of the file system that holds a folder; empty where the system does not say."""
    try:
        device = folder.stat().st_dev
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        fields = line.split()
        if fields[2] == wanted:
            return fields[fields.index("-") + 1]
    return ""
