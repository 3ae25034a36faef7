"""Who makes or changes the tables of a database now: one program at a time."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy.engine import URL

from agent.errors import Unreachable
from agent.store.causes import told_plainly
from agent.store.engines import make_engine, name_of

WAIT_S: Final = 60
"""So long one waits for another that is at it; what takes longer is told."""
_ASK_S: Final = 2
_LOOK_S: Final = 0.05
_NAME_CHARS: Final = 64


@contextmanager
def turn(url: URL, *, wait_s: float = WAIT_S) -> Iterator[None]:
    """Be the only one that makes or changes tables there; raises StorageError.

    Whoever dies with it leaves it to the next one.
    """
    if url.get_backend_name() == "sqlite":
        with _turn_at_file(url, wait_s):
            yield
        return
    engine = make_engine(url, pool_size=1, writes=True)
    try:
        with told_plainly(url), engine.connect() as connection:
            name = f"smartcron tables of {url.database}"[:_NAME_CHARS]

            def is_ours() -> bool:
                # Less than a silent server is given; the lock goes with the connection.
                asked = connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (name, _ASK_S))
                return bool(asked.scalar_one())

            _until(is_ours, url, wait_s)
            yield
    finally:
        engine.dispose()


@contextmanager
def _turn_at_file(url: URL, wait_s: float) -> Iterator[None]:
    # Not at the file: to close it once more would end the locks that SQLite holds there.
    descriptor = os.open(Path(str(url.database)).parent, os.O_RDONLY | os.O_CLOEXEC)

    def is_ours() -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_S)
            return False
        return True

    try:
        _until(is_ours, url, wait_s)
        yield
    finally:
        os.close(descriptor)


def _until(is_ours: Callable[[], bool], url: URL, wait_s: float) -> None:
    deadline_s = time.monotonic() + wait_s
    while not is_ours():
        if time.monotonic() > deadline_s:
            raise Unreachable(
                f"database {name_of(url)}: another program has been making or changing its tables "
                f"for {wait_s:g} s; wait until it is done, or end it"
            )
