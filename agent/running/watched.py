"""What is known of one run between its start and the end of its last process?

Standard library only: the keeper imports this file.
"""

from __future__ import annotations

import os

from agent.running import cgroup, marks

TYPE_CHECKING = False  # typing itself would cost the keeper half a megabyte
if TYPE_CHECKING:
    from typing import Any


class Watched:
    """One run between its start and the end of its last process."""

    def __init__(
        self,
        run_id: str,
        pid: int,
        start: int,
        *,
        started_ms: int,
        started_mono_ms: int,
        timeout_ms: int = 0,
        kill_grace_ms: int = 10_000,
        memory_limit_bytes: int | None = None,
        cpu_limit_ms: int | None = None,
        keeps_leftovers: bool = False,
        group: str = "",
        output_file: str = "",
        is_child: bool = True,
    ) -> None:
        self.run_id = run_id
        self.mark = marks.mark_of(run_id)
        self.pid = pid
        self.start = start
        self.started_ms = started_ms
        self.started_mono_ms = started_mono_ms
        self.kill_grace_ms = kill_grace_ms
        self.memory_limit_bytes = memory_limit_bytes
        self.cpu_limit_ms = cpu_limit_ms
        self.keeps_leftovers = keeps_leftovers  # what its main process leaves behind lives on
        self.group = group  # of the kernel, if it holds the memory limit
        self.output_file = output_file
        self.is_child = is_child
        self.cause = ""
        self.leftovers = 0
        self.detail = ""
        # What wait4 said, once the main process is over; `is_over` without it means unknown.
        self.is_over = False
        self.status: int | None = None
        self.cpu_ms: int | None = None
        self.peak_rss: int | None = None
        self.minor_faults: int | None = None
        self.major_faults: int | None = None
        self.read_bytes: int | None = None
        self.written_bytes: int | None = None
        self.ended_ms = 0
        self.ended_mono_ms = 0
        # Monotonic seconds; None means that nothing is to be done by the clock.
        self.expires_s = (started_mono_ms + timeout_ms) / 1000 if timeout_ms > 0 else None
        self.kill_s: float | None = None
        self.killing_since_s: float | None = None
        self.next_s = self.expires_s
        self.sampled_s = 0.0
        self.resident = 0
        self.peak_seen = 0
        self.cpu_seen_ms = 0
        # The `exited` line of a run that was over before we came to watch it.
        self.exited: dict[str, Any] | None = None
        # Living processes of the family as last seen, pid and start, perhaps with the main one.
        self.members: dict[int, int] = {}
        # All runs of a watcher whose every unknown child must belong to one of them.
        self.peers: dict[str, Watched] | None = None
        # Processes that runs of that watcher were allowed to leave behind.
        self.kept: dict[int, int] = {}
        if memory_limit_bytes or cpu_limit_ms:
            self.next_s = 0.0


def watched(started: dict[str, Any], order: dict[str, Any], *, is_child: bool = True) -> Watched:
    """A run as its `started` and `order` lines tell it."""
    group = order.get("cgroup") or ""
    is_held = cgroup.is_there(group)
    return Watched(
        started["run"],
        started["pid"],
        started["start"],
        started_ms=started["started_ms"],
        started_mono_ms=started["started_mono_ms"],
        timeout_ms=order["timeout_ms"] or 0,
        kill_grace_ms=order["kill_grace_ms"] or 0,
        memory_limit_bytes=None if is_held else order["memory_limit_bytes"],
        group=group if is_held else "",
        cpu_limit_ms=(order.get("cpu_limit_s") or 0) * 1000 or None,
        keeps_leftovers=bool(order.get("keeps_leftovers")),
        output_file=order["output_file"],
        is_child=is_child,
    )


def ended_line(run: Watched) -> dict[str, Any]:
    """All that is known of a finished run."""
    if run.exited is not None:
        return {**run.exited, "e": "ended", "leftovers": run.leftovers, "detail": run.detail}
    exit_status, number = None, None
    if run.status is not None:
        code = os.waitstatus_to_exitcode(run.status)
        exit_status, number = (code, None) if code >= 0 else (None, -code)
    cause = run.cause
    if run.is_over and run.status is None and not cause:
        cause = "lost"
    return {
        "e": "ended",
        "run": run.run_id,
        "pid": run.pid,
        "started_ms": run.started_ms,
        "ended_ms": run.ended_ms,
        "duration_ms": run.ended_mono_ms - run.started_mono_ms,
        "exit_status": exit_status,
        "signal": number,
        "cause": cause,
        "cpu_ms": run.cpu_ms,
        "peak_rss": run.peak_rss,
        "minor_faults": run.minor_faults,
        "major_faults": run.major_faults,
        "read_bytes": run.read_bytes,
        "written_bytes": run.written_bytes,
        "leftovers": run.leftovers,
        "detail": run.detail,
    }
