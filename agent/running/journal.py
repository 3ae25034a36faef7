"""What a keeper has done, line by line, so that it can be told after its death.

Standard library only: the keeper writes it, the agent reads it and ends it.
"""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False  # typing itself would cost the keeper half a megabyte
if TYPE_CHECKING:
    from collections.abc import Container
    from typing import Any

VERSION = 1
LARGE_BYTES = 256 << 10
_RUN = b'"run":"'
_encode = json.JSONEncoder(separators=(",", ":")).encode


def encoded(line: dict[str, Any]) -> bytes:
    """A line as it stands in a journal, and as a keeper says it."""
    return _encode(line).encode() + b"\n"


class Journal:
    """An append-only file of JSON lines; for the owner's eyes only."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._handle = _open(path)
        self._is_torn = False
        self.size = os.fstat(self._handle).st_size

    def write(self, line: dict[str, Any]) -> None:
        """Append one line; raises OSError when the disk refuses it."""
        self.append(encoded(line))

    def append(self, data: bytes) -> None:
        """Append encoded lines with one `os.write`; raises OSError when the disk refuses it."""
        if self._is_torn:
            data = b"\n" + data
        self._is_torn = True
        written = os.write(self._handle, data)
        self.size += written
        if written != len(data):
            raise OSError(28, "No space left on device")
        self._is_torn = False

    def keep(self, run_ids: Container[str]) -> None:
        """Drop the lines of all other runs; the old file stays if that fails; raises OSError."""
        fresh = self.path + ".new"
        if os.path.exists(fresh):  # noqa: PTH110 - pathlib would cost the keeper its memory
            os.unlink(fresh)  # noqa: PTH108 - as above
        replacement = Journal(fresh)
        # As they stand: to read and to write anew thousands of them would take as many starts.
        kept = [
            line
            for line in _lines(self.path)
            if line.endswith(b"}") and ((run := _run_of(line)) is None or run in run_ids)
        ]
        replacement.append(b"".join(line + b"\n" for line in kept))
        os.rename(fresh, self.path)  # noqa: PTH104 - as above
        os.close(self._handle)
        self._handle = replacement._handle
        self.size = replacement.size
        self._is_torn = False

    def close(self) -> None:
        """Write no more."""
        os.close(self._handle)


def read(path: str) -> list[dict[str, Any]]:
    """All whole lines of a journal; a torn one, left by a crash, is passed over."""
    lines: list[dict[str, Any]] = []
    for text in _lines(path):
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            lines.append(line)
    return lines


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
