"""Which ports may servers of tests have, so that they are free also when they are served again?"""

import atexit
import itertools
import os
import random
import socket
from contextlib import closing, suppress
from typing import Final

# Below those that the kernel lends to connections: between the end of a server and its return one
# of these may be lent to somebody else, or to the very client that tries to reach the server.
_FIRST: Final = 12_000
_BLOCKS: Final = 20
_EACH: Final = 1_000


def _own_block() -> int:
    """A thousand ports that no other process that runs tests now takes any of.

    The kernel gives a name without a file to one process alone, and takes it back at its end.
    """
    first = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _BLOCKS
    blocks: list[int] = [*range(first, _BLOCKS), *range(first)]
    for block in blocks:
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            mark.bind(f"\0smart-cron-tests-ports-{block}")
        except OSError:
            mark.close()
            continue
        atexit.register(mark.close)
        return block
    return first  # so many tests go on that some have to share


_block = _own_block()
_turns = itertools.count(random.randrange(_EACH))  # noqa: S311 - they may have to be shared


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now, all different, and of no other worker or run of tests."""
    own = (_FIRST + _block * _EACH + turn % _EACH for turn in itertools.islice(_turns, _EACH))
    found = list(itertools.islice(filter(_is_free, own), count))
    assert len(found) == count, "all ports of this worker are taken"
    return found


def free_port() -> int:
    return free_ports(1)[0]


def _is_free(port: int) -> bool:
    with suppress(OSError), closing(socket.create_server(("127.0.0.1", port))):
        return True
    return False
