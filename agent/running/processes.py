"""What does the kernel say about processes, and how is exactly one of them signalled?

Standard library only, and little of it: the keeper imports this file.
"""

import os
import signal
import time

from agent.procfs import contents

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
IO_BLOCK_BYTES = 512  # in which usage counts what was read from disks and written to them
COUNTS_IO = os.access("/proc/self/io", os.F_OK)  # else all are 0
_PR_SET_CHILD_SUBREAPER = 36
_STAT_STATE, _STAT_PARENT, _STAT_SESSION, _STAT_THREADS, _STAT_START = 0, 1, 3, 17, 19
_STAT_TIMES = slice(11, 15)  # its own in user and kernel mode, and of children waited for
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Process:
    """One line of /proc/<pid>/stat: who, whose child, since when."""

    __slots__ = ("parent", "pid", "session", "start", "state", "threads")

    def __init__(
        self, pid: int, *, parent: int, session: int, start: int, state: str, threads: int = 1
    ) -> None:
        self.pid = pid
        self.parent = parent
        self.session = session
        self.start = start  # clock ticks since boot; with the pid this is nearly an identity
        self.state = state
        self.threads = threads

    @property
    def is_over(self) -> bool:
        """It runs no more, even if nobody has asked for its status yet."""
        # The state is that of its first thread, which others may outlive.
        return self.state in "ZXx" and self.threads <= 1


def tick_now() -> int:
    """Now as the `start` of a process that begins now; in clock ticks since boot."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) * _TICKS_PER_S // 1_000_000_000


def look(pid: int) -> Process | None:
    """What is this process now; None when there is none."""
    line = contents(f"/proc/{pid}/stat")
    if not line:
        return None
    # The name, in parentheses, may hold anything; the numbers follow the last one.
    fields = line[line.rindex(b")") + 2 :].split()
    return Process(
        pid,
        parent=int(fields[_STAT_PARENT]),
        session=int(fields[_STAT_SESSION]),
        start=int(fields[_STAT_START]),
        state=fields[_STAT_STATE].decode(),
        threads=int(fields[_STAT_THREADS]),
    )


def look_at_all() -> dict[int, Process]:
    """Every process of the host by its pid."""
    found: dict[int, Process] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib would cost the keeper its memory
        if name.isdecimal():
            process = look(int(name))
            if process is not None:
                found[process.pid] = process
    return found


def children(pid: int) -> list[int] | None:
    """The direct children of a process, zombies too; None if the kernel does not list them."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - as above
    except OSError:
        return []
    found: list[int] = []
    for thread in threads:
        listed = contents(f"/proc/{pid}/task/{thread}/children")
        if listed is None:
            if os.access("/proc/self/task/" + str(os.getpid()) + "/children", os.R_OK):
                continue  # the thread ended meanwhile
            return None
        found.extend(map(int, listed.split()))
    return found


def below(pid: int) -> dict[int, Process]:
    """All descendants of a process by their pid, found by walking down."""
    first = children(pid)
    if first is None:
        everyone = look_at_all()
        return descendants({pid}, everyone)
    found: dict[int, Process] = {}
    waiting = first
    while waiting:
        child = waiting.pop()
        process = look(child) if child not in found else None
        if process is not None:
            found[child] = process
            waiting.extend(children(child) or ())
    return found


def descendants(roots: set[int], everyone: dict[int, Process]) -> dict[int, Process]:
    """Those of everyone whose line of parents meets one of the roots; without the roots."""
    by_parent: dict[int, list[Process]] = {}
    for process in everyone.values():
        by_parent.setdefault(process.parent, []).append(process)
    found: dict[int, Process] = {}
    waiting = list(roots)
    while waiting:
        for process in by_parent.get(waiting.pop(), ()):
            if process.pid not in found and process.pid not in roots:
                found[process.pid] = process
                waiting.append(process.pid)
    return found


def run_of(pid: int) -> str | None:
    """The run id in the environment a process was started with."""
    text = contents(f"/proc/{pid}/environ")
    if not text:
        return None
    for entry in text.split(b"\0"):
        if entry.startswith(b"SMARTCRON_RUN_ID="):
            return entry[17:].decode("ascii", "replace")
    return None


def words_of(pid: int) -> bytes:
    """The words a process was started with, each ended by NUL; nothing when it is gone."""
    return contents(f"/proc/{pid}/cmdline") or b""


def writes_to(pid: int, path: str) -> bool:
    """Is this file the standard output or error of a process?"""
    for number in ("1", "2"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{number}") == path:  # noqa: PTH115 - as above
                return True
        except OSError:
            continue
    return False


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM now; 0 when it is gone."""
    fields = (contents(f"/proc/{pid}/statm") or b"").split()
    if len(fields) > 1 and fields[1] != b"0":
        return int(fields[1]) * PAGE_BYTES
    return _resident_bytes_of_threads(pid)


def _resident_bytes_of_threads(pid: int) -> int:
    """Of a process whose first thread is over: what the others hold, the same for each."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - as above
    except OSError:
        return 0
    for thread in threads:
        fields = (contents(f"/proc/{pid}/task/{thread}/statm") or b"").split()
        if len(fields) > 1 and fields[1] != b"0":
            return int(fields[1]) * PAGE_BYTES
    return 0


def proportional_bytes(pid: int) -> int:
    """Its part of the memory in RAM: what several share counts once in their sum."""
    for line in (contents(f"/proc/{pid}/smaps_rollup") or b"").split(b"\n"):
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return resident_bytes(pid)


def cpu_ms(pid: int) -> int:
    """Processor time of a process and of its children that it has waited for; 0 when gone."""
    line = contents(f"/proc/{pid}/stat")
    if not line:
        return 0
    fields = line[line.rindex(b")") + 2 :].split()
    return sum(map(int, fields[_STAT_TIMES])) * 1000 // _TICKS_PER_S


def send(pid: int, start: int, number: int) -> bool:
    """Signal the process that began at this tick and no other; False if it is gone or not ours."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        # Looked at after the handle is open: now the number cannot pass to another process.
        process = look(pid)
        if process is None or process.start != start:
            return False
        signal.pidfd_send_signal(handle, number)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def is_child(pid: int) -> bool:
    """Is this a child of ours, alive or not yet waited for?"""
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def become_subreaper() -> None:
    """Become the parent of every descendant whose own parent dies; raises OSError."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), zero, zero, zero) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER is refused")
