"""Which claimed runs start now, and what becomes of them when they end."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec

from agent import endings, slowness
from agent.claims import followers, next_try, unrun
from agent.clock import Clock
from agent.definitions import Definition
from agent.errors import AgentError, RunNotFound, StorageError
from agent.hours import Hours
from agent.leavings import Leavings
from agent.log import log_of
from agent.precedence import StartsFirst
from agent.queueing import Queue, Waiting
from agent.recorder import Recorder
from agent.roster import Roster
from agent.rules import retry
from agent.rules.admission import Busy, say_closed
from agent.running.keeping import (
    AlreadyOrdered,
    Ended,
    Keepers,
    NotStarted,
    Order,
    Standing,
    Started,
)
from agent.running.output import Outputs
from agent.runs import Run
from agent.sampling import Living
from agent.windows import Closed

log = log_of(__name__)

RECORD_AGAIN_MS = 1_000
# Of a window that does not end within a year: look again after a day.
LOOK_AGAIN_MS = 86_400_000

T = TypeVar("T")


@dataclass(slots=True)
class _Active:
    """A run that holds a slot: from its order to the keeper until its end is recorded."""

    run: Run
    definition: Definition
    stop_reason: str | None = None
    stopped_by: str | None = None
    grace_ms: int = 0
    is_alive: bool = False  # its keeper has a process for it
    is_recorded: bool = False  # and its row says so


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
        closed_at: Callable[[Definition, int], Closed | None],
        slots: int,
        catchup_slots: int,
        category_slots: Mapping[str, int],
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._roster = roster
        self._keepers = keepers
        self._order_for = order_for
        self._closed_at = closed_at
        self._queue = Queue(
            slots=slots, background_slots=catchup_slots, category_slots=category_slots
        )
        self._active: dict[str, _Active] = {}
        self._arriving: Counter[str] = Counter()  # rows being written down to wait, by task
        self._retries = Hours(clock, self._retry_due)
        self._parked = Hours(clock, self._unpark)
        self._unwarned = Hours(clock, self._warn)  # those that live and may come to take long
        self._leavings = Leavings(outputs, keepers, spawn=self._spawn)
        self._starts_first = StartsFirst()
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

    def living(self) -> Iterable[Living]:
        """The runs that have a process now."""
        for active in self._active.values():
            run = active.run
            if active.is_alive and run.pid is not None and run.started_ms is not None:
                yield Living(
                    run_id=run.id,
                    pid=run.pid,
                    started_ms=run.started_ms,
                    timeout_ms=active.definition.timeout_seconds * 1000,
                )

    @property
    def is_closing(self) -> bool:
        """Nothing more is started."""
        return self._closing

    @property
    def queue(self) -> Queue:
        """Who waits for a slot."""
        return self._queue

    def busy(self, task_name: str) -> Busy:
        """What of this task runs and waits, or is being written down to wait."""
        busy, arriving = self._queue.busy(task_name), self._arriving[task_name]
        return Busy(busy.alive, busy.waiting + arriving) if arriving else busy

    @contextmanager
    def arriving(self, rows: Iterable[Run]) -> Iterator[None]:
        """Count these already while they are being written: two at once see each other."""
        names = Counter(
            row.task_name
            for row in rows
            if row.status == "queued" and not self._waiting(row).is_background
        )
        self._arriving += names
        try:
            yield
        finally:
            self._arriving -= names

    async def wait_idle(self) -> None:
        """Return when nothing is startable, alive or unrecorded; retries may still be planned."""
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
        """Take claimed runs; they start as soon as slots, priority, policy and windows allow."""
        for run in runs:
            self._admit(run)
        self._dispatch()

    def look_again(self) -> None:
        """The clock or a calendar is another: see whose hour has come, or is another too."""
        now_ms = self._clock.now_ms()
        for run in self._retries:
            if run.retry_at_ms is not None and run.retry_at_ms <= now_ms:
                self._retries.hasten(run.id)
        for run in self._parked:
            if run.scheduled_ms > now_ms:
                continue  # the delay of a chain
            definition = self._definition(run)
            closed = self._closed_at(definition, now_ms)
            if closed is None or definition.in_blackout == "skip":
                self._parked.hasten(run.id)
            elif closed.until_ms not in (None, run.retry_at_ms):
                self._queue.remove(run.id)
                self._delay(Waiting(run, definition), closed)

    def take_back(self, runs: Sequence[Run]) -> None:
        """Let these never run, should they stand after all: their orders got no answer."""
        self._spawn(self._take_back(runs), name=f"take back {runs[0].id}")

    def hasten(self, run_id: str) -> None:
        """Let a retry that waits start now; raises RunNotFound when none of this id waits."""
        run = self._retries.remove(run_id)
        if run is None:
            raise RunNotFound(run_id)
        self._retry_due(run)

    async def abort(self, run_id: str, *, who: str, grace_ms: int | None = None) -> str:
        """Stop a run, queued, waiting or alive; returns the state it is in afterwards."""
        active = self._active.get(run_id)
        if active is not None:
            active.stop_reason, active.stopped_by = endings.STOPPED_BY_HAND, who
            active.grace_ms = (
                active.definition.kill_grace_s * 1000 if grace_ms is None else grace_ms
            )
            # One that is just being started is stopped as soon as there is something to stop.
            if active.is_alive:
                await self._stop(active)
            return "stopping"
        waiting = self._queue.remove(run_id) or self._retries.remove(run_id)
        if waiting is None:
            raise RunNotFound(run_id)
        self._parked.remove(run_id)
        told = endings.stopping(waiting, endings.STOPPED_BY_HAND, who)
        await self._record_end(self._unrun(told, "aborted", endings.STOPPED_BY_HAND))
        self._dispatch()
        return "ended"

    async def recover(self, unfinished: Iterable[Run], standing: Iterable[Standing]) -> None:
        """Account for every run of an earlier life; see promises on crash and restart."""
        unfinished = tuple(unfinished)
        known = {found.run_id: found for found in standing}
        again = [run for run in unfinished if run.id not in known and self._waits_on(run)]
        waiting = {run.id for run in again}
        # They wait already, although not in the queue yet: what ends meanwhile must see them.
        with self.arriving(again):
            await self._account_for([run for run in unfinished if run.id not in waiting], known)
            # A crash may have come between a regular run and the ends of those that it replaces.
            for active in self._active.values():
                if active.definition.overlap != "allow":
                    self._supersede_retries(active.run)
            for run in again:
                self._admit(run)
        early, self._early = self._early or [], None
        for told in early:
            self._take_end(told)
        self._dispatch()

    async def _account_for(self, unfinished: Sequence[Run], known: dict[str, Standing]) -> None:
        """Go on with what a keeper knows, plan retries, end what nobody knows any more."""
        # Those that a keeper knows first: they hold their tasks against all others.
        for run in sorted(unfinished, key=lambda run: run.id not in known):
            found = known.pop(run.id, None)
            if found is not None:
                await self._take_over(run, found)
            elif self._is_planned(run):
                self._plan_retry(run)
            elif (over := self._unseen(run)) is not None:
                definition = self._definition(run)
                if over.status == "lost":
                    # With what it wrote until nobody saw it any more.
                    over = await self._leavings.noted(over, endings.nobody_saw(over), definition)
                await self._finish(over, definition)
                await self._leavings.discard(run.id)
        # What is left was recorded already; only the acknowledgement was lost.
        recorded = [run_id for run_id, found in known.items() if isinstance(found, Ended)]
        for run_id in recorded:
            await self._leavings.discard(run_id)
        await self._keepers.forget(recorded)

    def _waits_on(self, run: Run) -> bool:
        """A run of an earlier life that waits for its slot or its hour under this agent too."""
        return not self._is_planned(run) and self._unseen(run) is None

    def _is_planned(self, run: Run) -> bool:
        return run.status == "retry_wait" and self._roster.get(run.task_name) is not None

    def _unseen(self, run: Run) -> Run | None:
        task = self._roster.get(run.task_name)
        definition = task.definition if task else None
        return endings.unseen(run, definition, now_ms=self._clock.now_ms())

    async def _take_over(self, run: Run, found: Standing) -> None:
        """Go on with a run that the keeper knows: it lives, or its end was not recorded yet."""
        if isinstance(found, Ended):
            self._hold(run)
            self._take_end(found)
            return
        living = msgspec.structs.replace(
            run,
            status="stopping" if run.status == "stopping" else "running",
            pid=found.pid,
            started_ms=found.started_ms,
            late_ms=max(0, found.started_ms - run.scheduled_ms),
        )
        self._hold(living)
        self._warn_later(self._active[run.id])
        await self._recorder.started(living)

    def close(self) -> None:
        """Start nothing more; what lives stays with the keeper."""
        self._closing = True
        self._retries.close()
        self._parked.close()
        self._unwarned.close()

    # The queue

    def _definition(self, run: Run) -> Definition:
        task = self._roster.get(run.task_name)
        return task.definition if task else endings.stand_in(run)

    def _waiting(self, run: Run) -> Waiting:
        return Waiting(run, self._definition(run))

    def _admit(self, run: Run) -> None:
        """Let a claimed run wait; what it makes needless, or replaces, gives way."""
        waiting = self._waiting(run)
        if not waiting.is_background and waiting.definition.overlap != "allow":
            self._supersede_retries(run)
        if not waiting.is_background and waiting.definition.overlap == "replace":
            self._replace(run)
        self._enqueue(waiting)

    def _enqueue(self, waiting: Waiting) -> None:
        """Let a run wait for a slot, or first for its hour."""
        run, now_ms = waiting.run, self._clock.now_ms()
        hour_ms = run.retry_at_ms if run.status == "queued" and run.retry_at_ms else 0
        if hour_ms > now_ms:
            self._park(waiting, hour_ms - now_ms)
            return
        self._idle.clear()
        self._queue.put(waiting)

    def _park(self, waiting: Waiting, duration_ms: int) -> None:
        self._queue.park(waiting)
        self._parked.put(waiting.run, duration_ms)

    def _unpark(self, run: Run) -> None:
        if self._queue.unpark(run.id):
            self._idle.clear()
            self._dispatch()

    def _delay(self, waiting: Waiting, closed: Closed) -> None:
        """Let a run wait until a window is over, also under the next agent."""
        run, now_ms = waiting.run, self._clock.now_ms()
        until_ms = closed.until_ms
        if until_ms is None:
            known_ms = run.retry_at_ms or 0
            until_ms = known_ms if known_ms > now_ms else now_ms + LOOK_AGAIN_MS
        delayed = msgspec.structs.replace(run, retry_at_ms=until_ms)
        self._park(Waiting(delayed, waiting.definition), until_ms - now_ms)
        if until_ms != run.retry_at_ms:
            self._spawn(self._tell_delay(delayed), name=f"delay {run.id}")

    async def _tell_delay(self, run: Run) -> None:
        while run in self._parked.of(run.task_name):
            try:
                await self._recorder.delayed(run)
            except StorageError as error:
                log.error("the database refuses; trying again", cause=str(error))
                await self._clock.sleep_ms(RECORD_AGAIN_MS)
            else:
                return

    def _dispatch(self) -> None:
        """Start what may start, most urgent first; the rest keeps its place."""
        # Nothing starts before it is known what an earlier agent left alive.
        is_ready = not self._closing and self._early is None
        while is_ready and (waiting := self._queue.take()):
            run, definition = waiting.run, waiting.definition
            if run.trigger != "manual" and self._closing_for(run):
                self._queue.release(run.id)
                self._end_soon(self._unrun(run, "skipped", "disabled"))
                continue
            # Somebody who orders a run by hand knows what window it is.
            closed = (
                None
                if run.trigger == "manual"
                else self._closed_at(definition, self._clock.now_ms())
            )
            if closed is None:
                self._active[run.id] = _Active(run, definition)
                self._starts_first.begin()
                self._spawn(self._start(run.id), name=f"start {run.id}")
                continue
            self._queue.release(run.id)
            if definition.in_blackout == "delay":
                self._delay(waiting, closed)
            else:
                note = say_closed(closed, definition.timezone)
                self._end_soon(self._unrun(run, "skipped", "blackout", note))
        self._note_idle()

    def _replace(self, run: Run) -> None:
        """Make way for a newer run: what waits is skipped, what lives is stopped."""
        for older in self._queue.waiting_of(run.task_name):
            self._queue.remove(older.id)
            self._parked.remove(older.id)
            self._end_soon(self._unrun(older, "skipped", "replaced"))
        for active in list(self._active.values()):
            if active.run.task_name == run.task_name and active.stop_reason is None:
                active.stop_reason = "replaced"
                active.grace_ms = active.definition.kill_grace_s * 1000
                if active.is_alive:
                    self._spawn(self._stop(active), name=f"replace {active.run.id}")

    def _note_idle(self) -> None:
        if not (self._queue.startable or self._active or self._works):
            self._idle.set()

    def _hold(self, run: Run) -> None:
        self._idle.clear()
        waiting = self._waiting(run)
        # It has a process, or had one, and its row knows of it: an earlier agent wrote it.
        self._active[run.id] = _Active(
            run, waiting.definition, is_alive=True, is_recorded=run.status != "queued"
        )
        self._queue.hold(waiting)

    def _release(self, run: Run) -> None:
        self._unwarned.remove(run.id)
        self._active.pop(run.id, None)
        self._queue.release(run.id)

    # Starting and ending

    async def _start(self, run_id: str) -> None:
        active = self._active[run_id]
        try:
            started = await self._ordered(active)
        except (NotStarted, AgentError, OSError, ValueError) as error:
            await self._never_started(active, error)
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
        active.is_alive = True
        self._warn_later(active)
        if active.stop_reason is not None:
            await self._stop(active)
        await self._starts_first.wait()
        if run_id not in self._active:
            return  # as above
        living = msgspec.structs.replace(active.run, status="running")
        await self._recorded(lambda: self._recorder.started(living))
        active.is_recorded = True
        if active.run.status == "stopping":
            await self._tell_stopping(active)

    async def _ordered(self, active: _Active) -> Started:
        try:
            return await self._keepers.start(self._order_for(active.definition, active.run))
        finally:
            self._starts_first.done()

    def _warn_later(self, active: _Active) -> None:
        now_ms = self._clock.now_ms()
        wait_ms = slowness.warn_in_ms(active.run, active.definition, now_ms=now_ms)
        if wait_ms is not None:
            self._unwarned.put(active.run, wait_ms)

    def _warn(self, run: Run) -> None:
        active = self._active.get(run.id)
        # Of one that is being stopped everybody knows, and its row says by whom.
        if active is not None and active.stop_reason is None:
            active.run = msgspec.structs.replace(active.run, warned_ms=self._clock.now_ms())
            self._spawn(self._tell_slow(active), name=f"warn {run.id}")

    async def _tell_slow(self, active: _Active) -> None:
        log.warning("a run takes long", task=active.run.task_name, run_id=active.run.id)
        trouble = slowness.trouble_of(active.run, active.definition)
        await self._recorded(lambda: self._recorder.alert(trouble))
        await self._recorded(lambda: self._recorder.started(active.run))
        if active.run.id not in self._active:
            await self._recorded(lambda: self._recorder.resolve(trouble.dedupe_key))

    async def _stop(self, active: _Active) -> None:
        if not await self._keepers.stop(active.run.id, grace_ms=active.grace_ms):
            active.stop_reason = None  # nobody took the order: the next one asks again
            return
        active.run = msgspec.structs.replace(active.run, status="stopping")
        if active.is_recorded:
            await self._tell_stopping(active)

    async def _tell_stopping(self, active: _Active) -> None:
        """Write it down now: whoever records the end may not be the agent that was asked."""
        by = endings.stopping(active.run, active.stop_reason, active.stopped_by)
        try:
            await self._recorder.stopping(by)
        except StorageError as error:
            # The run is being stopped all the same, and who asked need not wait for the row.
            log.error("the database refuses; trying again", cause=str(error))
            self._spawn(self._tell_later(by), name=f"stopping {by.id}")

    async def _tell_later(self, run: Run) -> None:
        await self._clock.sleep_ms(RECORD_AGAIN_MS)
        await self._recorded(lambda: self._recorder.stopping(run))

    async def _never_started(self, active: _Active, cause: Exception) -> None:
        self._release(active.run)
        if active.stop_reason is None:
            refused = self._unrun(active.run, "error", "never_started")
            error_class = endings.class_of_refusal(cause)
            over = msgspec.structs.replace(refused, error_class=error_class)
        else:
            told = endings.stopping(active.run, active.stop_reason, active.stopped_by)
            over = self._unrun(told, "aborted", active.stop_reason)
        await self._finish(
            msgspec.structs.replace(over, error_message=str(cause)), active.definition
        )
        if not isinstance(cause, AlreadyOrdered):  # whose files may be of one that lives
            await self._leavings.discard(over.id)
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
        await self._starts_first.wait()
        run = endings.ended(
            active.run,
            active.definition,
            ended,
            stop_reason=active.stop_reason,
            stopped_by=active.stopped_by,
        )
        run = await self._leavings.noted(run, ended, self._definition(run))
        await self._finish(run, active.definition)
        self._leavings.clear_away(run.id)

    async def _finish(self, run: Run, definition: Definition) -> None:
        """Record an end, and with it the next attempt, or the runs of the tasks that follow."""
        following = None if self._closing_for(run) else self._next_attempt(run, definition)
        new = await self._record_end(run, following)
        if run.warned_ms is not None:
            await self._recorded(lambda: self._recorder.resolve(slowness.alert_of(run)))
        planned = next((row for row in new if row.status == "retry_wait"), None)
        if planned is not None and self._is_needless(planned, definition):
            # A regular run came while the end was being written.
            self._end_soon(self._unrun(planned, "skipped", "superseded"))
        elif planned is not None:
            self._plan_retry(planned)
        log.info(
            "run ended",
            task=run.task_name,
            run_id=run.id,
            status=run.status,
            exit_status=run.exit_status,
            duration_ms=run.duration_ms,
        )

    def _is_needless(self, run: Run, definition: Definition) -> bool:
        """Another run of the task has come, and the task has one at a time."""
        busy = self.busy(run.task_name)
        return definition.overlap != "allow" and bool(busy.alive or busy.waiting)

    def _closing_for(self, run: Run) -> bool:
        task = self._roster.get(run.task_name)
        return task is None or not task.enabled

    def _next_attempt(self, run: Run, definition: Definition) -> Run | None:
        if self._is_needless(run, definition):
            return None  # the next due moment has begun already and is the better try
        retry_at_ms = retry.next_attempt(
            definition,
            status=run.status,
            error_class=run.error_class,
            attempt=run.attempt,
            ended_ms=run.ended_ms or self._clock.now_ms(),
            jitter=random.random(),  # noqa: S311 - spreads load, guards nothing
        )
        if retry_at_ms is None:
            return None
        return next_try(run, retry_at_ms=retry_at_ms, now_ms=self._clock.now_ms())

    # Retries

    def _plan_retry(self, run: Run) -> None:
        # A clock that was set since must not make it longer than any retry ever waits.
        longest_ms = retry.longest_wait_ms(self._definition(run))
        wait_ms = min(max(0, (run.retry_at_ms or 0) - self._clock.now_ms()), longest_ms)
        self._retries.put(run, wait_ms)

    def _retry_due(self, run: Run) -> None:
        task = self._roster.get(run.task_name)
        if task is None or not task.enabled:
            self._end_soon(self._unrun(run, "skipped", "disabled"))
            return
        self._enqueue(self._waiting(run))
        self._dispatch()

    def _supersede_retries(self, run: Run) -> None:
        """A regular run of the task makes retries of it needless, planned or in the queue."""
        for waiting in self._queue.retries_of(run.task_name):
            self._queue.remove(waiting.id)
            self._parked.remove(waiting.id)
            self._end_soon(self._unrun(waiting, "skipped", "superseded"))
        for planned in self._retries.of(run.task_name):
            self._retries.remove(planned.id)
            self._end_soon(self._unrun(planned, "skipped", "superseded"))

    # Writing

    def _unrun(self, run: Run, status: str, reason: str, note: str | None = None) -> Run:
        return unrun(run, status, reason, now_ms=self._clock.now_ms(), note=note)

    def _end_soon(self, run: Run) -> None:
        self._spawn(self._end_unrun(run), name=f"{run.status} {run.id}")

    async def _end_unrun(self, run: Run) -> None:
        await self._record_end(run)

    async def _record_end(self, run: Run, following: Run | None = None) -> tuple[Run, ...]:
        """Write an end with what follows from it, and let the tasks after it start."""
        chained: tuple[Run, ...] = ()
        if following is None:
            after = self._roster.followers(run.task_name)
            chained = followers(after, run, self.busy, now_ms=self._clock.now_ms())
        with self.arriving(chained):
            new = await self._recorded(lambda: self._recorder.ended(run, following, chained))
        # A moment may have been moved by a millisecond to where none was before it.
        self.submit(row for row in new if row.trigger == "chain" and row.status == "queued")
        return new

    async def _take_back(self, runs: Sequence[Run]) -> None:
        for run in runs:
            refused = self._unrun(run, "skipped", "unconfirmed")
            with suppress(RunNotFound):  # as its order was told
                await self._recorded(partial(self._recorder.ended, refused))

    async def _recorded(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write until it is written: the keeper remembers the end as long as we do not."""
        while True:
            try:
                return await write()
            except StorageError as error:
                log.error("the database refuses; trying again", cause=str(error))
                await self._clock.sleep_ms(RECORD_AGAIN_MS)

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
