"""Empty files for the outputs of runs: those of runs that are over, in place of new ones.

To make a file, ext4 looks at each one that was removed from the same part of the disk within the
last minutes. A thousand runs a minute, each with a file that comes and goes, pay for little else.

Only files of runs that this agent has ordered are used again, and of those only such as leave
nobody behind: who was in a sandbox may hold its output in ways that the kernel tells nobody of.
"""

import fcntl
import os
import signal
import stat
import time
from collections import deque
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from agent.running.terms import Order

SUFFIX: Final = ".spare"
_FLAGS: Final = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MODE: Final = stat.S_IFREG | 0o600


class Spares:
    """The spare files of one agent, which none after it knows; may be used in any thread."""

    def __init__(self, folder: Path, *, at_most: int) -> None:
        self._folder = folder
        self._at_most = at_most if at_most and not _is_layered(folder) else 0
        self._agent = f"{time.time_ns():x}"
        self._number = count()
        self._empty: deque[str] = deque()
        # What the keeper may make the output of a run of; "" where it makes a new file.
        self._handed_out: dict[str, str] = {}

    def hand_out(self, order: Order) -> str:
        """The path of an empty file for the output of this run; "" when there is none."""
        if order.sandbox or order.keeps_leftovers or not self._at_most:
            return ""
        try:
            path = self._empty.pop()
        except IndexError:
            path = ""
        self._handed_out[order.run_id] = path
        return path

    def take_in(self, run_id: str, path: str) -> None:
        """Make a spare of the output of a run that is over, or remove it; raises OSError."""
        handed_out = self._handed_out.pop(run_id, None)
        if handed_out is None:
            Path(path).unlink(missing_ok=True)
            return
        # Its keeper may have made nothing of what it was handed, or died while it did.
        if not self._take(path) and handed_out:
            self._take(handed_out)

    def give_back(self, run_id: str) -> None:
        """A run was not to be started: take what it was handed, not what may be of another."""
        if handed_out := self._handed_out.pop(run_id, ""):
            with suppress(OSError):
                self._take(handed_out)

    def _take(self, path: str) -> bool:
        """Is it a spare now? What is there and none is removed; raises OSError."""
        spare = self._folder / f"{self._agent}-{next(self._number)}{SUFFIX}"
        try:
            # Whoever opens it from here on knows a name that nobody was told.
            Path(path).rename(spare)
        except FileNotFoundError:
            return False
        except OSError:
            Path(path).unlink()  # a full disk may have no room for another name
            return False
        if len(self._empty) < self._at_most and _is_emptied(spare):
            self._empty.append(str(spare))
            return True
        spare.unlink()
        return False

    def gather(self) -> None:
        """Take over what an agent before this one had."""
        with suppress(OSError), os.scandir(self._folder) as found:
            lying = [entry for entry in found if entry.name.endswith(SUFFIX)]
            for entry in lying:
                if not entry.name.startswith(f"{self._agent}-"):
                    with suppress(OSError):  # it stays, for nobody
                        self._take(entry.path)


def _is_emptied(path: Path) -> bool:
    """Is nothing in this file any more, and nobody there who could write into it?"""
    try:
        handle = os.open(path, _FLAGS)
    except OSError:
        return False
    try:
        # The kernel tells of whoever wants to open it meanwhile, by default with a deadly signal.
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        # Granted where nobody else has it open, be it through another name or another process.
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        status = os.fstat(handle)
        is_plain = status.st_mode == _MODE and status.st_uid == os.geteuid()
        if not is_plain or status.st_nlink != 1:
            return False
        # Also an empty one: it is as old as its last run, and what is old is swept away.
        os.ftruncate(handle, 0)
    except OSError:
        return False  # somebody has it open, or the disk knows no leases
    else:
        return True
    finally:
        os.close(handle)


def _is_layered(folder: Path) -> bool:
    """Does it lie on an overlay, as a container's own files do?

    There a lease does not see who has mapped a file and then closed it.
    """
    try:
        number = folder.stat().st_dev
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return True  # nobody knows
    device = f"{os.major(number)}:{os.minor(number)}"
    kinds = [line.partition(" - ")[2].split(" ", 1)[0] for line in mounts if f" {device} " in line]
    return not kinds or "overlay" in kinds
