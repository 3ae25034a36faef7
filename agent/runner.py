"""Which claimed runs start now, and what becomes of them when they end."""

import asyncio
import heapq
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from agent import endings
from agent.clock import Clock
from agent.definitions import Definition
from agent.errors import AgentError, Conflict, RunNotFound, StorageError, TaskNotFound
from agent.recorder import Recorder
from agent.roster import Roster
from agent.rules import retry
from agent.running.keeping import Ended, Keepers, NotStarted, Order, Standing
from agent.running.output import Outputs
from agent.runs import Run
from agent.ulid import new_ulid

log = structlog.get_logger(__name__)

RECORD_AGAIN_MS = 1_000


@dataclass(slots=True)
class _Active:
    """A run that holds a slot: from its order to the keeper until its end is recorded."""

    run: Run
    definition: Definition
    stopped_by: str | None = None
    grace_ms: int = 0


class Runner:
    """Owns the queue and the runs that live; a slot is free when the process is proved gone."""

    def __init__(
        self,
        *,
        clock: Clock,
        recorder: Recorder,
        roster: Roster,
        keepers: Keepers,
        outputs: Outputs,
        order_for: Callable[[Definition, Run], Order],
        slots: int,
        catchup_slots: int,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._roster = roster
        self._keepers = keepers
        self._outputs = outputs
        self._order_for = order_for
        self._slots = slots
        self._catchup_slots = catchup_slots
        self._queue: list[tuple[int, int, str]] = []  # priority, due moment, run id
        self._waiting: dict[str, Run] = {}
        self._active: dict[str, _Active] = {}
        self._busy_tasks: dict[str, str] = {}  # task name -> the run that holds it
        self._retries: dict[str, tuple[Run, asyncio.TimerHandle]] = {}  # by task name
        self._works: set[asyncio.Task[None]] = set()  # starts, ends and rows under way
        self._early: list[Ended] | None = []  # ends told before `recover` knew their runs
        self._group: asyncio.TaskGroup | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False

    # What others may know

    @property
    def running(self) -> int:
        """Runs that hold a slot."""
        return len(self._active)

    @property
    def queued(self) -> int:
        """Claimed runs that wait for a slot."""
        return len(self._waiting)

    @property
    def slots(self) -> int:
        """How many runs may hold a slot at once."""
        return self._slots

    def is_busy(self, task_name: str) -> bool:
        """A run of this task is queued or alive, so that `forbid` lets no other start."""
        return task_name in self.busy_tasks()

    def busy_tasks(self) -> frozenset[str]:
        """All tasks of which a run is queued or alive."""
        return frozenset(self._busy_tasks) | {run.task_name for run in self._waiting.values()}

    async def wait_idle(self) -> None:
        """Return when nothing is queued, alive or unrecorded; retries may still be planned."""
        await self._idle.wait()

    async def settle(self, *, within_s: float) -> None:
        """Let starts and ends that are under way come through, however many runs live on."""
        try:
            async with asyncio.timeout(within_s):
                while self._works:
                    await asyncio.wait(set(self._works))
        except TimeoutError:
            log.error("not all is recorded; the keeper remembers it", works=len(self._works))

    def give_up(self) -> None:
        """Leave what is still under way to the next agent."""
        for work in self._works:
            work.cancel()

    # Taking work

    def work_in(self, group: asyncio.TaskGroup) -> None:
        """Start and end runs as tasks of this group."""
        self._group = group

    def submit(self, runs: Iterable[Run]) -> None:
        """Take claimed runs; they start as soon as slots, priority and overlap allow."""
        for run in runs:
            self._supersede_retry(run)
            self._enqueue(run)
        self._dispatch()

    async def start_now(
        self, task_name: str, *, who: str, reason: str | None, op: str | None = None
    ) -> Run:
        """Order one run by hand; refused with Conflict while one of the task lives."""
        task = self._roster.get(task_name)
        if task is None:
            raise TaskNotFound(task_name)
        if self._closing:
            raise Conflict("the agent is stopping; ask again when it is back")
        if self.is_busy(task_name):
            raise Conflict(
                f"{task_name} is running already; stop that run first or wait for its end"
            )
        now_ms = self._clock.now_ms()
        run = Run(
            id=new_ulid(now_ms),
            task_name=task_name,
            category=task.definition.category,
            def_rev=task.def_rev,
            scheduled_ms=now_ms,
            attempt=1,
            trigger="manual",
            status="queued",
            queued_ms=now_ms,
            requested_by=who,
            note=reason,
            op=op,
        )
        self._waiting[run.id] = run  # holds the task while the claim is written
        try:
            run = await self._recorder.order(run)
        finally:
            del self._waiting[run.id]
        self.submit([run])
        return run

    async def abort(self, run_id: str, *, who: str, grace_ms: int | None = None) -> str:
        """Stop a run, queued, waiting or alive; returns the state it is in afterwards."""
        active = self._active.get(run_id)
        if active is not None:
            active.stopped_by = who
            active.grace_ms = (
                active.definition.kill_grace_s * 1000 if grace_ms is None else grace_ms
            )
            # One that is just being started is stopped as soon as there is something to stop.
            if active.run.pid is not None:
                await self._stop(active)
            return "stopping"
        waiting = self._waiting.pop(run_id, None) or self._take_retry(run_id)
        if waiting is None:
            raise RunNotFound(run_id)
        await self._record_end(
            msgspec.structs.replace(
                waiting, status="aborted", reason=f"by {who}", ended_ms=self._clock.now_ms()
            )
        )
        self._dispatch()
        return "ended"

    async def recover(self, unfinished: Iterable[Run], standing: Iterable[Standing]) -> None:
        """Account for every run of an earlier life; see promises on crash and restart."""
        known = {found.run_id: found for found in standing}
        again: list[Run] = []
        for run in unfinished:
            found = known.pop(run.id, None)
            if found is not None:
                await self._take_over(run, found)
            elif run.status == "retry_wait" and self._roster.get(run.task_name) is not None:
                self._plan_retry(run)
            elif (ended := self._unseen(run)) is not None:
                await self._record_end(ended)
            else:
                again.append(run)
        # What is left was recorded already; only the acknowledgement was lost.
        await self._keepers.forget([run_id for run_id, f in known.items() if isinstance(f, Ended)])
        # A crash may have come between a regular run and the end of the retry it replaces.
        for run in [*again, *(active.run for active in self._active.values())]:
            self._supersede_retry(run)
        for run in again:
            self._enqueue(run)
        early, self._early = self._early or [], None
        for told in early:
            self._take_end(told)
        self._dispatch()

    def _unseen(self, run: Run) -> Run | None:
        task = self._roster.get(run.task_name)
        definition = task.definition if task else None
        return endings.unseen(run, definition, now_ms=self._clock.now_ms())

    async def _take_over(self, run: Run, found: Standing) -> None:
        """Go on with a run that the keeper knows: it lives, or its end was not recorded yet."""
        task = self._roster.get(run.task_name)
        definition = task.definition if task else endings.stand_in(run)
        if isinstance(found, Ended):
            self._hold(run, definition)
            self._take_end(found)
            return
        living = msgspec.structs.replace(
            run,
            status="stopping" if run.status == "stopping" else "running",
            pid=found.pid,
            started_ms=found.started_ms,
            late_ms=max(0, found.started_ms - run.scheduled_ms),
        )
        self._hold(living, definition)
        await self._recorder.started(living)

    def close(self) -> None:
        """Start nothing more; what lives stays with the keeper."""
        self._closing = True
        for _, timer in self._retries.values():
            timer.cancel()

    # The queue

    def _enqueue(self, run: Run) -> None:
        task = self._roster.get(run.task_name)
        priority = task.definition.priority if task else 5
        self._waiting[run.id] = run
        self._idle.clear()
        heapq.heappush(self._queue, (priority, run.scheduled_ms, run.id))

    def _dispatch(self) -> None:
        """Start what may start, most urgent first; the rest keeps its place."""
        kept: list[tuple[int, int, str]] = []
        catching_up = sum(1 for a in self._active.values() if a.run.trigger == "catchup")
        while self._queue and len(self._active) < self._slots and not self._closing:
            entry = heapq.heappop(self._queue)
            run = self._waiting.get(entry[2])
            if run is None:
                continue  # aborted while it waited
            if run.task_name in self._busy_tasks or (
                run.trigger == "catchup" and catching_up >= self._catchup_slots
            ):
                kept.append(entry)
                continue
            del self._waiting[run.id]
            task = self._roster.get(run.task_name)
            definition = task.definition if task else endings.stand_in(run)
            self._hold(run, definition)
            catching_up += run.trigger == "catchup"
            self._spawn(self._start(run.id), name=f"start {run.id}")
        for entry in kept:
            heapq.heappush(self._queue, entry)
        self._note_idle()

    def _note_idle(self) -> None:
        if not (self._waiting or self._active or self._works):
            self._idle.set()

    def _hold(self, run: Run, definition: Definition) -> None:
        self._idle.clear()
        self._active[run.id] = _Active(run, definition)
        self._busy_tasks[run.task_name] = run.id

    def _release(self, run: Run) -> None:
        self._active.pop(run.id, None)
        if self._busy_tasks.get(run.task_name) == run.id:
            del self._busy_tasks[run.task_name]

    # Starting and ending

    async def _start(self, run_id: str) -> None:
        active = self._active[run_id]
        try:
            started = await self._keepers.start(self._order_for(active.definition, active.run))
        except (NotStarted, AgentError) as error:
            await self._never_started(active, str(error))
            return
        if run_id not in self._active:
            return  # it has ended already, and its end says all of this
        active.run = msgspec.structs.replace(
            active.run,
            status="running",
            pid=started.pid,
            started_ms=started.started_ms,
            late_ms=max(0, started.started_ms - active.run.scheduled_ms),
        )
        await self._recorded(lambda: self._recorder.started(active.run))
        if active.stopped_by is not None:
            await self._stop(active)

    async def _stop(self, active: _Active) -> None:
        if await self._keepers.stop(active.run.id, grace_ms=active.grace_ms):
            active.run = msgspec.structs.replace(active.run, status="stopping")
            # Written down now: whoever records the end may not be the agent that was asked.
            by = msgspec.structs.replace(active.run, reason=f"by {active.stopped_by}")
            await self._recorder.stopping(by)

    async def _never_started(self, active: _Active, cause: str) -> None:
        now_ms = self._clock.now_ms()
        self._release(active.run)
        await self._finish(
            msgspec.structs.replace(
                active.run,
                status="error",
                reason="never_started",
                ended_ms=now_ms,
                error_message=cause,
            ),
            active.definition,
        )
        await self._keepers.forget([active.run.id])

    def on_ended(self, ended: Ended) -> None:
        """The keeper says that a run is gone; its slot is free at once."""
        if self._early is not None:
            self._early.append(ended)
        else:
            self._take_end(ended)

    def _take_end(self, ended: Ended) -> None:
        active = self._active.get(ended.run_id)
        if active is None:
            # Its keeper goes on remembering it: the next agent asks the ledger about it.
            log.error("an unknown run ended", run_id=ended.run_id)
            return
        self._release(active.run)
        self._spawn(self._end(active, ended), name=f"end {ended.run_id}")
        self._dispatch()

    async def _end(self, active: _Active, ended: Ended) -> None:
        run = endings.ended(active.run, active.definition, ended, stopped_by=active.stopped_by)
        run = await self._kept(run, ended)
        await self._finish(run, active.definition)
        await self._keepers.forget([run.id])
        await asyncio.to_thread(self._outputs.discard, run.id)

    async def _kept(self, run: Run, ended: Ended) -> Run:
        """Keep the output; a disk that takes nothing costs the output, never the ending."""
        try:
            kept = await asyncio.to_thread(self._outputs.keep, run, ended)
        except OSError as error:
            log.error("output not kept", run_id=run.id, cause=str(error))
            return msgspec.structs.replace(
                run, output_tail=f"the output could not be kept: {error.strerror}"
            )
        is_good = run.status == "success"
        return msgspec.structs.replace(
            run,
            output_bytes=kept.bytes,
            output_tail=kept.tail,
            log_file=kept.file,
            log_offset=kept.offset,
            log_bytes=kept.bytes_kept,
            error_message=None if is_good else run.error_message or kept.error,
            stack_trace=None if is_good else kept.stack_trace,
        )

    async def _finish(self, run: Run, definition: Definition) -> None:
        """Record an end, and with it the next attempt when there is one."""
        following = None if self._closing_for(run) else self._next_attempt(run, definition)
        await self._record_end(run, following)
        if following is not None:
            self._plan_retry(following)
        log.info(
            "run ended",
            task=run.task_name,
            run_id=run.id,
            status=run.status,
            exit_status=run.exit_status,
            duration_ms=run.duration_ms,
        )

    def _closing_for(self, run: Run) -> bool:
        task = self._roster.get(run.task_name)
        return task is None or not task.enabled

    def _next_attempt(self, run: Run, definition: Definition) -> Run | None:
        if self.is_busy(run.task_name):
            return None  # the next due moment has begun already and is the better try
        retry_at_ms = retry.next_attempt(
            definition,
            status=run.status,
            exit_status=run.exit_status,
            signal=run.signal,
            attempt=run.attempt,
            ended_ms=run.ended_ms or self._clock.now_ms(),
            jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
        )
        if retry_at_ms is None:
            return None
        now_ms = self._clock.now_ms()
        return Run(
            id=new_ulid(now_ms),
            task_name=run.task_name,
            category=run.category,
            def_rev=run.def_rev,
            scheduled_ms=run.scheduled_ms,
            attempt=run.attempt + 1,
            trigger="retry",
            status="retry_wait",
            queued_ms=now_ms,
            retry_at_ms=retry_at_ms,
            requested_by=run.requested_by,
        )

    # Retries

    def _plan_retry(self, run: Run) -> None:
        wait_ms = max(0, (run.retry_at_ms or 0) - self._clock.now_ms())
        timer = asyncio.get_running_loop().call_later(wait_ms / 1000, self._retry_due, run)
        self._retries[run.task_name] = (run, timer)

    def _retry_due(self, run: Run) -> None:
        self._retries.pop(run.task_name, None)
        task = self._roster.get(run.task_name)
        if task is None or not task.enabled:
            ended = msgspec.structs.replace(
                run, status="skipped", reason="disabled", ended_ms=self._clock.now_ms()
            )
            self._spawn(self._record_end(ended), name=f"skip {run.id}")
            return
        self._enqueue(run)
        self._dispatch()

    def _supersede_retry(self, run: Run) -> None:
        """A regular run of the task makes a planned retry of it needless."""
        if run.task_name not in self._retries:
            return
        planned, timer = self._retries.pop(run.task_name)
        timer.cancel()
        ended = msgspec.structs.replace(
            planned, status="skipped", reason="superseded", ended_ms=self._clock.now_ms()
        )
        self._spawn(self._record_end(ended), name=f"supersede {planned.id}")

    def _take_retry(self, run_id: str) -> Run | None:
        for task_name, (run, timer) in self._retries.items():
            if run.id == run_id:
                timer.cancel()
                del self._retries[task_name]
                return run
        return None

    # Writing

    async def _record_end(self, run: Run, following: Run | None = None) -> None:
        await self._recorded(lambda: self._recorder.ended(run, following))

    async def _recorded(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write until it is written: the keeper remembers the end as long as we do not."""
        while True:
            try:
                await write()
            except StorageError as error:
                log.error("the database refuses; trying again", cause=str(error))
                await self._clock.sleep_ms(RECORD_AGAIN_MS)
            else:
                return

    def _spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        if self._group is None:
            raise RuntimeError("the runner works in no task group yet")
        task = self._group.create_task(work, name=name)
        self._works.add(task)
        self._idle.clear()
        task.add_done_callback(self._work_done)

    def _work_done(self, task: asyncio.Task[None]) -> None:
        self._works.discard(task)
        self._note_idle()
