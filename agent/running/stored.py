"""Which bytes lie at an offset of a stored output, plain or compressed?"""

import contextlib
import errno
import fcntl
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

BLOCK_BYTES: Final = 256 << 10
READ_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
PACKED_SUFFIX: Final = ".gz"
# A gzip file of many members, each a block of ours, with its length in a field that gzip skips:
# so the next one is found without unpacking, and `zcat` reads it all the same.
_HEAD: Final = struct.Struct("<4sI2sH2sHI")
_MAGIC: Final = b"\x1f\x8b\x08\x04"
_MADE_HERE: Final = b"\x00\xff"
_MARK: Final = b"SC"
_FOOT: Final = struct.Struct("<II")


class Stored(Protocol):
    """A file that was opened for reading at any place."""

    @property
    def size(self) -> int:
        """How many bytes there are, unpacked."""
        ...

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from begin to end, as far as there are any."""
        ...

    def close(self) -> None:
        """Give the file back."""
        ...


class Plain:
    """Bytes as they lie, as many as there were when it was opened; `changed_s` is when it grew."""

    def __init__(self, handle: int, status: os.stat_result) -> None:
        self.handle = handle
        self.size = status.st_size
        self.changed_s = status.st_mtime

    def read(self, begin: int, end: int) -> bytes:
        return os.pread(self.handle, max(0, end - begin), begin)

    def close(self) -> None:
        os.close(self.handle)


class Packed:
    """Bytes of a compressed log; the blocks that are asked for are unpacked, no others."""

    def __init__(self, handle: int, status: os.stat_result) -> None:
        self.handle = handle
        self._length = status.st_size
        self._begins = [0]  # of blocks, in the file; the last one is where the next is looked for

    @property
    def size(self) -> int:
        while self._find_next():
            pass
        if len(self._begins) == 1:
            return 0
        last = os.pread(self.handle, _FOOT.size, self._begins[-1] - _FOOT.size)
        return (len(self._begins) - 2) * BLOCK_BYTES + int(_FOOT.unpack(last)[1])

    def read(self, begin: int, end: int) -> bytes:
        first = begin // BLOCK_BYTES
        parts = []
        for number in range(first, -(-end // BLOCK_BYTES)):
            while len(self._begins) < number + 2:
                if not self._find_next():
                    break
            else:
                parts.append(self._block(number))
                continue
            break
        shift = first * BLOCK_BYTES
        return b"".join(parts)[begin - shift : max(0, end - shift)]

    def close(self) -> None:
        os.close(self.handle)

    def _find_next(self) -> bool:
        at = self._begins[-1]
        if at >= self._length:
            return False
        head = os.pread(self.handle, _HEAD.size, at)
        if len(head) < _HEAD.size or head[:4] != _MAGIC or head[12:14] != _MARK:
            raise OSError(errno.EBADMSG, "the compressed log is damaged")
        length = int(_HEAD.unpack(head)[-1])
        if length <= _HEAD.size + _FOOT.size or at + length > self._length:
            raise OSError(errno.EBADMSG, "the compressed log is damaged")
        self._begins.append(at + length)
        return True

    def _block(self, number: int) -> bytes:
        begin, end = self._begins[number], self._begins[number + 1]
        packed = os.pread(self.handle, end - begin, begin)
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(
                packed[_HEAD.size : -_FOOT.size], BLOCK_BYTES
            )
        except zlib.error as error:
            raise OSError(errno.EBADMSG, f"the compressed log is damaged ({error})") from error
        if _FOOT.unpack(packed[-_FOOT.size :]) != (zlib.crc32(data), len(data)):
            raise OSError(errno.EBADMSG, "the compressed log is damaged")
        return data


def open_stored(path: Path) -> Plain | Packed:
    """Open a file of ours, by its name plain or packed; OSError also for what is no plain file."""
    handle, status = open_plain_file(path, READ_FLAGS)
    return Packed(handle, status) if path.suffix == PACKED_SUFFIX else Plain(handle, status)


def is_there(path: str) -> bool:
    """Has anything this name? Raises OSError where that cannot be told."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def make_again(folder: Path) -> None:
    """Make a folder of a home that somebody removed under us, as it was; never the home itself."""
    with contextlib.suppress(FileExistsError):
        try:
            folder.mkdir(mode=0o700)
        except FileNotFoundError:
            folder.parent.mkdir(mode=0o700)
            folder.mkdir(mode=0o700)


def open_plain_file(
    path: Path | str, flags: int, *, is_ours_alone: bool = False
) -> tuple[int, os.stat_result]:
    """A handle of what surely is a file, and what it is, if asked so once nobody else has it.

    A task may have put a link or a pipe in its place.
    """
    handle = os.open(path, flags, 0o600)
    try:
        if is_ours_alone:
            fcntl.flock(handle, fcntl.LOCK_EX)
        status = os.fstat(handle)
    except OSError:
        os.close(handle)
        raise
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "is no plain file", str(path))
    return handle, status


def pack(source: Stored) -> Iterator[bytes]:
    """The bytes of a compressed file with the same content, block by block."""
    at = 0
    while data := source.read(at, at + BLOCK_BYTES):
        at += len(data)
        squeezing = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        body = squeezing.compress(data) + squeezing.flush()
        length = _HEAD.size + len(body) + _FOOT.size
        head = _HEAD.pack(_MAGIC, 0, _MADE_HERE, 8, _MARK, 4, length)
        yield head + body + _FOOT.pack(zlib.crc32(data), len(data))
