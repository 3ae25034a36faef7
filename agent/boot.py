"""Which host is this, and which boot of it.

Standard library only: the keeper imports this file.
"""

import socket
from functools import lru_cache

from agent.procfs import contents

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_STATISTICS = "/proc/stat"


def boot_id(kernel_says: str = _BOOT_ID, statistics: str = _STATISTICS) -> str:
    """The kernel's name for the time since this boot; where it is hidden, when that began.

    The second is reckoned from the wall clock, so it is told by the minute, and setting the
    clock looks like a boot then.
    """
    name = (contents(kernel_says) or b"").decode("ascii", "replace").strip()
    if name:
        return name
    for line in (contents(statistics) or b"").splitlines():
        if line.startswith(b"btime "):
            return f"booted in minute {round(int(line[6:]) / 60)}"
    return ""


@lru_cache(maxsize=1)
def host_name() -> str:
    """What the host calls itself, for as long as this process lives."""
    return socket.gethostname()[:64]
