"""Empty files for the outputs of runs: those of runs that are over, in place of new ones.

To make a file, ext4 looks at each one that was removed from the same part of the disk within the
last minutes. A thousand runs a minute, each with a file that comes and goes, pay for little else.
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

SUFFIX: Final = ".spare"
_FLAGS: Final = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MODE: Final = stat.S_IFREG | 0o600


class Spares:
    """The spare files of one agent, which none after it knows; may be used in any thread."""

    def __init__(self, folder: Path, *, at_most: int) -> None:
        self._folder = folder
        self._at_most = at_most
        self._agent = f"{time.time_ns():x}"
        self._number = count()
        self._empty: deque[str] = deque()
        self._handed_out: dict[str, str] = {}  # run id: what its keeper may make its output of

    def hand_out(self, run_id: str) -> str:
        """The path of an empty file for the output of this run; "" when there is none."""
        try:
            path = self._empty.pop()
        except IndexError:
            return ""
        self._handed_out[run_id] = path
        return path

    def take_in(self, run_id: str, path: str) -> None:
        """Make a spare of the output of a run that is over, or remove it; raises OSError."""
        handed_out = self._handed_out.pop(run_id, "")
        # Its keeper may have made nothing of what it was handed, or died while it did.
        if not self._take(path) and handed_out:
            self._take(handed_out)

    def _take(self, path: str) -> bool:
        """Is it a spare now? What is there and none is removed."""
        spare = self._folder / f"{self._agent}-{next(self._number)}{SUFFIX}"
        try:
            # Whoever opens it from here on knows a name that nobody was told.
            Path(path).rename(spare)
        except FileNotFoundError:
            return False
        if len(self._empty) < self._at_most and _is_emptied(spare):
            self._empty.append(str(spare))
            return True
        spare.unlink()
        return False

    def gather(self) -> None:
        """Take over what an agent before this one had."""
        with suppress(FileNotFoundError), os.scandir(self._folder) as found:
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
        if status.st_size:
            os.ftruncate(handle, 0)
    except OSError:
        return False  # somebody has it open, or the disk knows no leases
    else:
        return True
    finally:
        os.close(handle)
