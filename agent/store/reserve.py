"""Where does room come from on a full disk: a file that is kept for that, and given up first."""

import os
import shutil
from pathlib import Path
from typing import Final

from agent.log import log_of

log = log_of(__name__)

SIZE: Final = 32 * 1024 * 1024
"""SQLite needs room even to delete, and to give room back."""
SPARE: Final = SIZE * 2
"""So much more must be free before the file is made anew, so that it does not fill the disk."""


class Reserve:
    """One file of zeros that really takes its room."""

    def __init__(self, path: Path, *, size: int = SIZE) -> None:
        self.path = path
        self._size = size

    @property
    def is_there(self) -> bool:
        """The room is kept."""
        try:
            return self.path.stat().st_size >= self._size
        except OSError:
            return False

    def release(self) -> bool:
        """Give the room up; False when it was given up before."""
        try:
            self.path.unlink()
        except OSError:
            return False
        log.error("the disk is full; the reserve is given up", file=str(self.path))
        return True

    def renew(self) -> bool:
        """Keep the room again where there is much more; whether it is kept now."""
        if self.is_there:
            return True
        half = self.path.with_name(f".{self.path.name}.half")
        try:
            if shutil.disk_usage(self.path.parent).free < self._size + SPARE * self._size // SIZE:
                return False
            descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
            finally:
                os.close(descriptor)
            half.replace(self.path)
        except OSError as error:
            log.error("no reserve can be kept", file=str(self.path), cause=str(error))
            half.unlink(missing_ok=True)
            return False
        return True
