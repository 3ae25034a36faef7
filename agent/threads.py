"""Which threads does the agent work with? All are started before it begins.

A host that starts no more threads is no cause to stop then: what is there goes on working.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from agent.errors import AgentError
from agent.log import log_of

AT_HAND: Final = 8
"""For whatever must not be done on the loop: files, names of hosts, programs."""
_BEGINS_WITHIN_S: Final = 10.0

log = log_of(__name__)


class NoThreads(AgentError):
    """The host starts no thread for us."""


def full_pool(number: int, name: str) -> ThreadPoolExecutor:
    """A pool whose threads all live: as many as asked for, else as the host starts now.

    Raises NoThreads when that is none.
    """
    tried = number
    while tried:
        pool = ThreadPoolExecutor(tried, thread_name_prefix=name)
        if _fill(pool, tried):
            if tried < number:
                log.warning("the host starts no more threads", pool=name, threads=tried)
            return pool
        tried //= 2
    raise NoThreads(_said(name))


def begin(thread: threading.Thread) -> None:
    """Start one; raises NoThreads."""
    try:
        thread.start()
    except RuntimeError as error:
        raise NoThreads(_said(thread.name)) from error


def _said(name: str) -> str:
    return (
        f"the host starts no thread for {name}: its limit of processes is reached; raise it "
        "(TasksMax of the unit, `ulimit -u`, pids.max of the container) or end what fills it"
    )


def _fill(pool: ThreadPoolExecutor, number: int) -> bool:
    """Have each thread wait for the last: so the pool must start one for each."""
    meeting = threading.Barrier(number)
    try:
        begun = [pool.submit(meeting.wait, _BEGINS_WITHIN_S) for _ in range(number)]
        for one in begun:
            one.result()
    except RuntimeError:  # BrokenBarrierError is one too
        meeting.abort()
        pool.shutdown(wait=True, cancel_futures=True)
        return False
    return True
