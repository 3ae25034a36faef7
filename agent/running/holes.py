"""How is the middle of a file given back to the disk while its end still grows?"""

import ctypes
import errno
import os
from typing import Final

_KEEP_SIZE: Final = 1
_PUNCH_HOLE: Final = 2


def punch(handle: int, begin: int, end: int) -> None:
    """Let the bytes from begin to end take no room; every offset stays. OSError where none can."""
    libc = ctypes.CDLL(None, use_errno=True)
    size = ctypes.c_int64
    if libc.fallocate(handle, _PUNCH_HOLE | _KEEP_SIZE, size(begin), size(end - begin)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def around(handle: int, offset: int) -> tuple[int, int | None]:
    """Where data begins at or after an offset, and where it ends again, None: at the file's end."""
    try:
        begin = os.lseek(handle, offset, os.SEEK_DATA)
        end = os.lseek(handle, begin, os.SEEK_HOLE)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.EINVAL):
            return offset, None  # nothing more, or a file system that knows no holes
        raise
    return begin, end if end < os.fstat(handle).st_size else None
