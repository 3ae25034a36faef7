"""Which pings came while no agent listened: one small file each, taken up when one does."""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from agent import readback, sealed
from agent.errors import Conflict
from agent.log import log_of
from agent.readback import NotWhole
from agent.rules.pinging import Ping
from agent.settings import Home

log = log_of(__name__)

MOST_KEPT: Final = 10_000
MOST_AT_ONCE: Final = 500
_BYTES: Final = 8_192
_ENDING: Final = ".json"
_DAMAGED: Final = ".damaged"
_NO_FILE: Final = (errno.ENOENT, errno.ELOOP, errno.EISDIR, errno.EACCES, errno.ENXIO)
"""Somebody put something else there."""


def leave(home: Home, ping: Ping) -> None:
    """Keep a ping for the next agent; raises Conflict when too many lie there already."""
    folder = home.pings
    folder.mkdir(mode=0o700, exist_ok=True)
    if sum(path.suffix == _ENDING for path in folder.iterdir()) >= MOST_KEPT:
        raise Conflict(
            f"{MOST_KEPT} pings lie in {folder} and no agent took them up; "
            f"start one with `smartcron-agent --home {home.root} serve`"
        )
    unfinished = folder / f".{ping.op}"
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(sealed.seal(msgspec.json.encode(ping)))
        file.flush()
        os.fsync(file.fileno())
    # Named by its moment, so that the oldest are taken up first.
    unfinished.rename(folder / f"{ping.at_ms:015d}-{ping.op}{_ENDING}")


def are_any(home: Home) -> bool:
    """Whether a ping lies there: a look that may be taken at any time."""
    try:
        with os.scandir(home.pings) as found:
            return any(entry.name.endswith(_ENDING) for entry in found)
    except FileNotFoundError:
        return False


def waiting(home: Home) -> list[tuple[Path, Ping]]:
    """The pings that lie there, oldest first, not too many at once; unreadable ones are set aside.

    Raises OSError when the host lets none be read.
    """
    try:
        files = sorted(path for path in home.pings.iterdir() if path.suffix == _ENDING)
    except FileNotFoundError:
        return []
    found = []
    for path in files[:MOST_AT_ONCE]:
        try:
            found.append((path, readback.from_json(_read(path), Ping)))
        except (OSError, NotWhole) as error:
            if isinstance(error, OSError) and error.errno not in _NO_FILE:
                raise  # it is the host that has no room now; the ping is as good as it was
            # What it said is not known; whoever looks for it finds what is left of it.
            aside = path.with_name(path.name + _DAMAGED)
            log.error("a kept ping is not readable", aside=str(aside), cause=str(error))
            with suppress(FileNotFoundError):
                path.replace(aside)
    return found


def forget(path: Path) -> None:
    """This ping is recorded."""
    path.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        return file.read(_BYTES)
