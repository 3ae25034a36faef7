"""What stands in a file of /proc, as far as it is there and open to us?

Standard library only: the keeper imports this file.
"""

import os


def contents(path: str) -> bytes | None:
    """A small file, whole; None where what it tells of is gone or closed to us."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        parts = []
        while part := os.read(handle, 65536):
            parts.append(part)
        return b"".join(parts)
    except OSError:
        return None
    finally:
        os.close(handle)
