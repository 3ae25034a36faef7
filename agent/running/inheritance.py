"""What becomes of the runs of a keeper that is no more?

The agent is a subreaper and the keeper's parent, so the runs of its own keeper become its
children and it learns their true ends. Runs of a keeper whose agent had died too are only
followed: nobody can say how they ended.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Any, TypeVar

from agent.boot import boot_id
from agent.log import log_of
from agent.running import family, marks, processes
from agent.running.link import KEEPER_MARK
from agent.running.stories import Story, Told
from agent.running.watch import Watch
from agent.running.watched import Watched, ended_line, watched

log = log_of(__name__)

Line = dict[str, Any]
Answer = TypeVar("Answer")
SEARCHES = 20
SEARCH_EVERY_S = 0.01
BURIAL_LOOKS = 500
AGAIN_S = 1.0
REBOOTED = "the host was restarted while it ran"
UNSEEN = "its keeper and its agent were gone; nobody saw how it ended"
UNSURE = "its keeper and its agent died while it was being started"
_NO_LIMITS = {
    "e": "order", "output_file": "", "timeout_ms": 0, "kill_grace_ms": 10_000,
    "memory_limit_bytes": None,
}  # fmt: skip


class Inheritance:
    """The runs this agent watches itself; `tell` hears in the loop what happens to them.

    All looking at processes is done in a thread, one piece of work at a time.
    """

    def __init__(self, tell: Callable[[Line], None], keepers: set[int]) -> None:
        self._tell = tell
        self._keepers = keepers  # children that are no orphans
        self._told: list[Line] = []
        self._watch = Watch(self._told.append, takes_strays=False)
        self._working = asyncio.Lock()
        self._woken = asyncio.Event()
        self._handles: dict[int, int] = {}  # pid: pidfd that becomes readable at its end
        self._tending: asyncio.Task[None] | None = None
        self._adopted: dict[str, Line] = {}  # of those that are being taken over

    async def take_over(self, told: Told, *, is_ours: bool) -> list[Line]:
        """Say of each run what is known, and watch those that go on.

        A line is `started` (it goes on), `ended`, `refused`, or `never`: it was not started.
        After an OSError it may be asked once more: what was known of by then stays known.
        """
        lines = await self._work(lambda: self._adopt_all(told, is_ours))
        if self._tending is None and self._watch.runs:
            self._tending = asyncio.create_task(self._tend_all(), name="inherited runs")
        self._open_handles()
        self._woken.set()
        return lines

    async def stop(self, run_id: str, *, grace_ms: int) -> bool:
        """Begin to end a run; False when it is over."""
        begun = await self._work(lambda: self._watch.stop(run_id, "aborted", grace_ms=grace_ms))
        self._woken.set()
        return begun

    def watches(self, run_id: str) -> bool:
        """Is this run ours to end?"""
        return run_id in self._watch.runs

    async def close(self) -> None:
        """Watch no more; the runs go on."""
        if self._tending is not None:
            self._tending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._tending
        for pid in list(self._handles):
            self._drop_handle(pid)

    async def _tend_all(self) -> None:
        while True:
            next_s = self._watch.next_s()
            wait_s = None if next_s is None else max(0.0, next_s - time.monotonic())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._work(self._tend)
            except OSError as error:
                log.error("inherited runs cannot be looked at yet", cause=str(error))
                await asyncio.sleep(AGAIN_S)
                self._woken.set()

    async def _work(self, work: Callable[[], Answer]) -> Answer:
        async with self._working:
            try:
                return await asyncio.to_thread(work)
            finally:
                happened, self._told[:] = list(self._told), []
                for line in happened:
                    self._tell(line)

    def _tend(self) -> None:
        for run in list(self._watch.runs.values()):
            if not run.is_over and not run.is_child:
                process = processes.look(run.pid)
                if process is None or process.start != run.start or process.is_over:
                    self._watch.lost_sight(run)
            elif not run.is_over and (over := _child_over(run.pid)) is not None:
                self._watch.reap(over)
        for pid in self._orphans():
            if (over := _child_over(pid)) is not None:
                self._watch.reap(over)
        self._watch.tick()

    def _orphans(self) -> list[int]:
        """Children that fell to us; what this agent starts itself stays in its own session."""
        own = os.getsid(0)
        found = []
        for pid in processes.children(os.getpid()) or ():
            process = processes.look(pid)
            if process is None or process.session == own or pid in self._keepers:
                continue
            if not self._watch.answers_for(pid):
                found.append(pid)
        return found

    def _adopt_all(self, told: Told, is_ours: bool) -> list[Line]:
        stories = _stories(told)
        for story in stories:
            if story.run_id not in self._adopted:
                self._adopted[story.run_id] = self._adopt(story, told, is_ours)
        return [self._adopted.pop(story.run_id) for story in stories]

    def _adopt(self, story: Story, told: Told, is_ours: bool) -> Line:
        line = story.ended or story.refused
        if line is not None:
            return line
        if story.order is None and story.started is None:
            return _lost(story, UNSURE)
        if story.order is None:
            # That line is damaged: whatever limits it set, the run is not left alone.
            story.order = {**_NO_LIMITS, "run": story.run_id}
        if story.exited is not None and story.started is not None and not _is_held(story.started):
            return self._end_the_rest(story.exited, watched(story.started, story.order), told)
        return self._adopt_living(story, story.order, told, is_ours)

    def _adopt_living(self, story: Story, order: Line, told: Told, is_ours: bool) -> Line:
        # Where that line is damaged, the process itself has to show whose it is.
        if told.boot not in ("", boot_id()):
            return _lost(story, REBOOTED)
        if story.started is None:
            story.started = _find_unannounced(story.run_id, order, told, self._orphans, is_ours)
            if story.started is None:
                line = {"e": "never", "run": story.run_id}
                return line if is_ours else _lost(story, UNSURE)
        run = watched(story.started, order)
        process = processes.look(run.pid)
        if process is None or process.start != run.start:
            return _lost(story, UNSEEN)
        if not processes.is_child(run.pid):
            if process.is_over or not family.claims(run, run.pid):
                return _lost(story, UNSEEN)
            run.is_child = False
        if story.stopping is not None:
            run.cause = story.stopping["cause"]
            run.kill_s = story.stopping["kill_mono_ms"] / 1000
            run.next_s = time.monotonic()
        self._watch.add(run)
        return story.started

    def _end_the_rest(self, exited: Line, run: Watched, told: Told) -> Line:
        """Its true end is known; what is left of its family goes."""
        run.cause, run.detail = exited["cause"], exited["detail"]
        run.exited = exited
        if told.boot != boot_id():
            return ended_line(run)
        if run.cause:
            run.kill_s = time.monotonic()
        self._watch.resume(run)
        self._told[:] = [line for line in self._told if line["run"] != run.run_id]
        return ended_line(run) if run.run_id not in self._watch.runs else _as_started(run)

    def _open_handles(self) -> None:
        loop = asyncio.get_running_loop()
        mains = [run.pid for run in self._watch.runs.values() if not run.is_over]
        for pid in {*mains, *self._orphans()} - self._handles.keys():
            try:
                handle = os.pidfd_open(pid)
            except OSError:
                self._woken.set()  # over already
                continue
            self._handles[pid] = handle
            loop.add_reader(handle, self._ended, pid)

    def _ended(self, pid: int) -> None:
        self._drop_handle(pid)
        self._woken.set()

    def _drop_handle(self, pid: int) -> None:
        handle = self._handles.pop(pid)
        asyncio.get_running_loop().remove_reader(handle)
        os.close(handle)


def _stories(told: Told) -> list[Story]:
    # Those with a known process first, so that an unannounced one stands out among the orphans.
    return sorted(told.stories.values(), key=lambda story: story.started is None)


def _find_unannounced(
    run_id: str, order: Line, told: Told, orphans: Callable[[], list[int]], is_ours: bool
) -> Line | None:
    """The process of a run whose keeper died after the order and before it could say `started`.

    A keeper starts one at a time, so there is at most one.
    """
    known = [s.started["start"] for s in told.stories.values() if s.started]
    # Older ones are of other runs; an older keeper does not say when it took the order.
    newest = max(order.get("tick", 0), *known, 0)
    for _ in range(SEARCHES):
        pids = orphans() if is_ours else list(processes.look_at_all())
        found = [p for p in map(processes.look, pids) if p is not None and p.start >= newest]
        named = [p for p in found if p.session == p.pid and _shows(p.pid, run_id)]
        # A zombie has no environment any more, but it still leads its session. Where one is about
        # to become its program, that is the start, and the zombie is of another run's family.
        is_begun = any(KEEPER_MARK in processes.words_of(p.pid) for p in found)
        zombies = [p for p in found if p.is_over and p.session == p.pid and is_ours]
        zombies = [] if is_begun else zombies
        for process in sorted(named or zombies, key=lambda p: (p.start, p.pid)):
            return {
                "e": "started",
                "run": run_id,
                "pid": process.pid,
                "start": process.start,
                "started_ms": time.time_ns() // 1_000_000,
                "started_mono_ms": time.monotonic_ns() // 1_000_000,
            }
        if not found:
            return None
        time.sleep(SEARCH_EVERY_S)  # it may be about to become its program
    if is_ours:
        # A disk that does not answer holds it; begun later, it would run beside its next start.
        for process in filter(_is_still_its_keeper, found):
            processes.send(process.pid, process.start, signal.SIGKILL)
            _bury(process.pid)
    return None


def _shows(pid: int, run_id: str) -> bool:
    """Has a process become the program of this run, or one that hides whose it is?"""
    if processes.run_of(pid) == run_id:
        return True
    is_marked = marks.borne_by(pid) == marks.mark_of(run_id)
    return is_marked and KEEPER_MARK not in processes.words_of(pid)


def _bury(pid: int) -> None:
    """Take the status of a child that was ended, so that it is nobody's end later."""
    for _ in range(BURIAL_LOOKS):
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
        except ChildProcessError:
            return
        time.sleep(SEARCH_EVERY_S)


def _is_still_its_keeper(process: processes.Process) -> bool:
    """Has it not become its program yet?"""
    return process.session == process.pid and KEEPER_MARK in processes.words_of(process.pid)


def _is_held(started: Line) -> bool:
    """Is the process our child, so that it can be asked itself?"""
    process = processes.look(started["pid"])
    if process is None or process.start != started["start"]:
        return False
    return processes.is_child(process.pid)


def _child_over(pid: int) -> os.waitid_result | None:
    """How this process ended, if it is a child of ours that did; it stays to be let go of."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    except ChildProcessError:
        return None


def _as_started(run: Watched) -> Line:
    return {
        "e": "started",
        "run": run.run_id,
        "pid": run.pid,
        "start": run.start,
        "started_ms": run.started_ms,
        "started_mono_ms": run.started_mono_ms,
    }


def _lost(story: Story, detail: str) -> Line:
    started = story.started or {}
    return {
        "e": "ended",
        "run": story.run_id,
        "pid": started.get("pid"),
        "started_ms": started.get("started_ms"),
        "ended_ms": time.time_ns() // 1_000_000,
        "duration_ms": None,
        "exit_status": None,
        "signal": None,
        "cause": "lost",
        "cpu_ms": None,
        "peak_rss": None,
        "leftovers": 0,
        "detail": detail,
    }
