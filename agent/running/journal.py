"""What a keeper has done, line by line, so that it can be told after its death.

Standard library only: the keeper writes it, the agent reads it and ends it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sys

from agent import sealed

TYPE_CHECKING = False  # typing itself would cost the keeper half a megabyte
if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Any

VERSION = 1
LARGE_BYTES = 256 << 10
RESERVE_BYTES = 64 << 10  # so much of the disk is taken ahead
# Linux's FS_IOC_RESVSP64: blocks behind the end of a file, which itself gets no longer.
_RESERVE = 0x4030582A
FULL = (errno.ENOSPC, errno.EDQUOT)
_RUN = b'"run":"'
_encode = json.JSONEncoder(separators=(",", ":")).encode


def encoded(line: dict[str, Any]) -> bytes:
    """A line as it stands in a journal, and as a keeper says it."""
    return sealed.seal(_encode(line).encode()) + b"\n"


class Journal:
    """An append-only file of JSON lines; for the owner's eyes only.

    Room for the next lines is taken ahead where the file system can do that, so that they can be
    written when the disk is full. One that cannot be made is made with its first line.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0
        self._handle = -1
        self._is_torn = False
        self._reserved = 0  # up to here the disk is ours
        self._can_reserve = True
        try:
            self._open()
        except OSError:
            return

    def write(self, line: dict[str, Any]) -> None:
        """Append one line; raises OSError when the disk refuses it."""
        self.append(encoded(line))

    def append(self, data: bytes, *, leaving: int = 0) -> None:
        """Append encoded lines with one `os.write`; raises OSError when the disk refuses it.

        It is also refused if fewer bytes than `leaving` would stay reserved behind it.
        """
        if self._handle < 0:
            self._open()
        if self._is_torn:
            data = b"\n" + data
        if not self._has_room(len(data) + leaving) and leaving:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._is_torn = True
        written = os.write(self._handle, data)
        self.size += written
        if written != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._is_torn = False

    def keep(self, run_ids: Container[str], *, leaving: int = 0) -> None:
        """Drop the lines of all other runs; the old file stays if that fails; raises OSError."""
        fresh = self.path + ".new"
        if os.path.exists(fresh):  # noqa: PTH110 - pathlib would cost the keeper its memory
            os.unlink(fresh)  # noqa: PTH108 - as above
        # As they stand: to read and to write anew thousands of them would take as many starts.
        kept = [
            line
            for line in _lines(self.path)
            if line.endswith(b"}") and ((run := _run_of(line)) is None or run in run_ids)
        ]
        replacement = Journal(fresh)
        try:
            replacement.append(b"".join(line + b"\n" for line in kept), leaving=leaving)
            os.rename(fresh, self.path)  # noqa: PTH104 - as above
        except OSError:
            replacement.close()
            if os.path.exists(fresh):  # noqa: PTH110 - as above
                os.unlink(fresh)  # noqa: PTH108 - as above
            raise
        os.close(self._handle)
        self._handle = replacement._handle
        self.size, self._reserved = replacement.size, replacement._reserved
        self._can_reserve, self._is_torn = replacement._can_reserve, False

    def close(self) -> None:
        """Write no more."""
        if self._handle >= 0:
            os.close(self._handle)

    def _open(self) -> None:
        self._handle = _open(self.path)
        self.size = self._reserved = os.fstat(self._handle).st_size

    def _has_room(self, needed: int) -> bool:
        """Is so much more surely ours? Takes it, and more, from a disk that has it."""
        end = self.size + needed
        if not self._can_reserve or end + RESERVE_BYTES // 2 <= self._reserved:
            return True
        for wanted in (end + RESERVE_BYTES, end):
            if wanted <= self._reserved:
                return True
            try:
                fcntl.ioctl(self._handle, _RESERVE, _span(self._reserved, wanted))
            except OSError as error:
                if error.errno == errno.EINTR:
                    return True  # the next line takes it
                if error.errno not in FULL:
                    self._can_reserve = False
                    return True
            else:
                self._reserved = wanted
                return True
        return False


def read(path: str) -> list[dict[str, Any]]:
    """All whole lines of a journal; one that is torn or damaged is passed over."""
    return [line for line in read_all(path) if line is not None]


def read_all(path: str) -> list[dict[str, Any] | None]:
    """As `read`, with None for each that is not whole."""
    return [_read(text) for text in _lines(path)]


def _read(text: bytes) -> dict[str, Any] | None:
    body = sealed.opened(text)
    try:
        line = None if body is None else json.loads(body)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) else None


def _span(begin: int, end: int) -> bytes:
    """As the kernel's `struct space_resv` has it; of that only where, and how much."""
    where = begin.to_bytes(8, sys.byteorder) + (end - begin).to_bytes(8, sys.byteorder)
    return bytes(8) + where + bytes(24)


def _lines(path: str) -> list[bytes]:
    with open(path, "rb") as file:  # noqa: PTH123 - as above
        return [line for line in file.read().split(b"\n") if line]


def _run_of(line: bytes) -> str | None:
    """The run that a line is about; it is told in the same way in all of them."""
    begin = line.find(_RUN)
    if begin < 0:
        return None
    begin += len(_RUN)
    return line[begin : line.find(b'"', begin)].decode("ascii", "replace")


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, 0o600)
