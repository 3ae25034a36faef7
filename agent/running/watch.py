"""When is a run over, and which of its limits must end it?

Standard library only: the keeper watches its runs with this, and the agent those it inherits.
"""

from __future__ import annotations

import os
import time

from agent.running import cgroup, family, processes
from agent.running.watched import ended_line

TYPE_CHECKING = False  # typing itself would cost the keeper half a megabyte
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from agent.running.watched import Watched

STOPPING_EVERY_S = 0.05
KILLING_EVERY_S = 0.01
GIVE_UP_AFTER_S = 5.0
UNKILLABLE_EVERY_S = 1.0
LEFTOVERS_MAY_STAY_S = 0.5
SAMPLE_EVERY_S = 0.2
SAMPLE_AT_LEAST_S = 0.01
CPU_EVERY_S = 2.0
CPU_AT_LEAST_S = 0.1
# One that grows this fast is caught before it has twice what it may have.
GROWING_PER_S = 500 << 20
# The kernel warns a single process at its limit; it gets a moment to end in order.
CPU_OVER_MS = 1_000


class Watch:
    """All runs this process answers for; what happens to them is told to `tell`, as it happens."""

    def __init__(self, tell: Callable[[dict[str, Any]], None], *, takes_strays: bool) -> None:
        self._tell = tell
        self._takes_strays = takes_strays
        self.runs: dict[str, Watched] = {}
        self._by_pid: dict[int, Watched] = {}
        # What runs were allowed to leave behind, pid and start: nobody's to end any more.
        self._kept: dict[int, int] = {}

    def add(self, run: Watched) -> None:
        """Answer for this run from now on, until its end has been told."""
        self.runs[run.run_id] = run
        self._by_pid[run.pid] = run
        if self._takes_strays:
            run.peers = self.runs
            run.kept = self._kept

    def answers_for(self, pid: int) -> bool:
        """Is this the main process of a run that is not over?"""
        return pid in self._by_pid

    def next_s(self) -> float | None:
        """When `tick` is needed next, on the monotonic clock; None: not by the clock."""
        due = [run.next_s for run in self.runs.values() if run.next_s is not None]
        return min(due, default=None)

    def tick(self) -> None:
        """Do what the clock asks for."""
        now_s = time.monotonic()
        for run in list(self.runs.values()):
            if run.next_s is not None and run.next_s <= now_s:
                self._attend(run, now_s)

    def stop(self, run_id: str, cause: str, *, grace_ms: int) -> bool:
        """Begin to end a run and its whole family; False when it is over already."""
        run = self.runs.get(run_id)
        if run is None or run.is_over or self._is_zombie(run):
            return False
        now_s = time.monotonic()
        kill_s = now_s + grace_ms / 1000
        if run.kill_s is not None:
            run.kill_s = min(run.kill_s, kill_s)  # a second, more impatient order
            run.next_s = now_s
            return True
        run.cause = cause
        run.kill_s = kill_s
        self._tell(
            {"e": "stopping", "run": run_id, "cause": cause, "kill_mono_ms": int(kill_s * 1000)}
        )
        if grace_ms > 0:
            family.terminate(run)
        run.next_s = min(now_s + STOPPING_EVERY_S, kill_s)
        return True

    def reap(self, over: os.waitid_result) -> None:
        """Let go of a child that is over; it may be a run's main process or an orphan."""
        pid = over.si_pid
        run = self._by_pid.get(pid)
        if run is None:
            os.waitpid(pid, os.WNOHANG)
            return
        # Before the zombie goes: its number still belongs to nobody else, and should we die
        # between both, its status can be learned by nobody any more but from the journal.
        family.remember(run, self._by_pid)
        run.status = over.si_status << 8 if over.si_code == os.CLD_EXITED else over.si_status
        if run.group and not run.cause and cgroup.was_out_of_memory(run.group):
            run.cause, run.detail = (
                "killed_memory",
                "the kernel ended it at the limit of its cgroup",
            )
        self._over(run)
        _, _, usage = os.wait4(pid, os.WNOHANG)
        run.cpu_ms = max(round((usage.ru_utime + usage.ru_stime) * 1000), run.cpu_seen_ms)
        run.peak_rss = max(usage.ru_maxrss * 1024, run.peak_seen)
        run.minor_faults, run.major_faults = usage.ru_minflt, usage.ru_majflt
        if processes.COUNTS_IO:
            run.read_bytes = usage.ru_inblock * processes.IO_BLOCK_BYTES
            run.written_bytes = usage.ru_oublock * processes.IO_BLOCK_BYTES
        self._settle(run)

    def lost_sight(self, run: Watched) -> None:
        """The main process, not a child of ours, is over: nobody can say how it ended."""
        family.living(run)
        self._over(run)
        self._settle(run)

    def resume(self, run: Watched) -> None:
        """Answer for what is left of a run whose main process was over before."""
        self.runs[run.run_id] = run
        run.is_over = True
        family.living(run)
        self._settle(run)

    def _over(self, run: Watched) -> None:
        del self._by_pid[run.pid]
        run.is_over = True
        run.ended_ms = time.time_ns() // 1_000_000
        run.ended_mono_ms = time.monotonic_ns() // 1_000_000
        self._tell({**ended_line(run), "e": "exited"})

    def _settle(self, run: Watched) -> None:
        """End the run when nothing of it is left, else see to it that nothing will be."""
        if not run.members:
            self._end(run)
            return
        self._tell({**ended_line(run), "e": "exited"})  # now with its usage
        now_s = time.monotonic()
        if run.kill_s is None:
            # The last of a pipeline may still be writing down what it has read.
            run.kill_s = now_s + LEFTOVERS_MAY_STAY_S
        run.next_s = min(now_s + STOPPING_EVERY_S, run.kill_s)

    def _attend(self, run: Watched, now_s: float) -> None:
        if run.kill_s is not None:
            self._pursue(run, now_s, run.kill_s)
            return
        if run.expires_s is not None and now_s >= run.expires_s:
            run.next_s = None
            self.stop(run.run_id, "timeout", grace_ms=run.kill_grace_ms)
            return
        if run.memory_limit_bytes or run.cpu_limit_ms:
            self._sample(run, now_s)
        else:
            run.next_s = run.expires_s

    def _pursue(self, run: Watched, now_s: float, kill_s: float) -> None:
        """TERM was sent: wait, then KILL, until nothing is left."""
        if now_s >= kill_s:
            if run.killing_since_s is None and not run.cause:
                run.leftovers = len(family.living(run))
                if run.keeps_leftovers and run.is_over:
                    self._end(run)
                    return
            family.kill(run)
            if run.killing_since_s is None:
                # Not since it was due: we may have stood still, and they need time to die.
                run.killing_since_s = time.monotonic()
        left = family.living(run)
        since_s = run.killing_since_s
        # Another user's, or held by a disk that does not answer: it may take days.
        is_hopeless = since_s is not None and now_s > since_s + GIVE_UP_AFTER_S
        if run.is_over and not left:
            self._end(run)
        elif run.is_over and is_hopeless:
            run.detail = f"{len(left)} of its processes cannot be killed"
            self._end(run)
        elif since_s is not None:
            run.next_s = now_s + (UNKILLABLE_EVERY_S if is_hopeless else KILLING_EVERY_S)
        else:
            run.next_s = min(now_s + STOPPING_EVERY_S, kill_s)

    def _sample(self, run: Watched, now_s: float) -> None:
        """Look what the family uses; end it when that is too much, else look again in time."""
        waits = [] if run.expires_s is None else [run.expires_s - now_s]
        if run.memory_limit_bytes:
            resident = family.resident_bytes(run, self._by_pid)
            run.peak_seen = max(run.peak_seen, resident)
            if resident > run.memory_limit_bytes:
                run.detail = (
                    f"{resident >> 20} MB in use, {run.memory_limit_bytes >> 20} MB allowed"
                )
                # At once: in a grace it would take what the limit is there to protect.
                self._stop_at_limit(run, "killed_memory", 0, now_s)
                return
            waits.append(_until_memory(run, resident, run.memory_limit_bytes, now_s))
            run.sampled_s, run.resident = now_s, resident
        if run.cpu_limit_ms:
            run.cpu_seen_ms = max(run.cpu_seen_ms, family.cpu_ms(run, self._by_pid))
            left_ms = run.cpu_limit_ms + CPU_OVER_MS - run.cpu_seen_ms
            if left_ms <= 0:
                run.detail = (
                    f"{run.cpu_seen_ms / 1000:.1f} s of processor time used, "
                    f"{run.cpu_limit_ms / 1000:.0f} s allowed"
                )
                self._stop_at_limit(run, "cpu_limit", run.kill_grace_ms, now_s)
                return
            soonest_s = left_ms / 1000 / (os.cpu_count() or 1)
            waits.append(min(CPU_EVERY_S, max(CPU_AT_LEAST_S, soonest_s)))
        run.next_s = now_s + min(waits)

    def _stop_at_limit(self, run: Watched, cause: str, grace_ms: int, now_s: float) -> None:
        if not self.stop(run.run_id, cause, grace_ms=grace_ms):
            run.next_s = None
            return
        if grace_ms == 0:
            run.next_s = now_s
            self._attend(run, now_s)

    def _end(self, run: Watched) -> None:
        del self.runs[run.run_id]
        if run.keeps_leftovers and not run.cause:
            family.keep(run, self._by_pid, self._kept)
        if run.group:
            cgroup.remove(run.group)
        self._tell(ended_line(run))

    @staticmethod
    def _is_zombie(run: Watched) -> bool:
        process = processes.look(run.pid)
        return process is None or process.start != run.start or process.is_over


def _until_memory(run: Watched, resident: int, limit: int, now_s: float) -> float:
    """How long not to look: what is still allowed lasts, however fast it may be taken."""
    wait_s = (2 * limit - resident) / GROWING_PER_S / 2
    passed_s = now_s - run.sampled_s
    if resident > run.resident and passed_s < 1:
        # Look again when half of what is left would be taken at this pace.
        per_s = (resident - run.resident) / max(passed_s, 0.001)
        wait_s = min(wait_s, (limit - resident) / per_s / 2)
    return min(SAMPLE_EVERY_S, max(SAMPLE_AT_LEAST_S, wait_s))
