"""Which claimed runs start now, and what becomes of them when they end."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager

import msgspec

from agent import endings
from agent.aftermath import Aftermath
from agent.alive import Active, Alive, as_started
from agent.clock import Clock
from agent.definitions import Definition
from agent.errors import AgentError, RunNotFound
from agent.leavings import Leavings
from agent.log import log_of
from agent.patience import Patience
from agent.precedence import StartsFirst
from agent.queueing import Queue
from agent.recorder import Recorder
from agent.roster import Roster
from agent.rules.admission import Busy, say_closed
from agent.running.keeping import Keepers
from agent.running.output import Outputs
from agent.running.terms import AlreadyOrdered, Ended, NotStarted, Order, Standing, Started
from agent.runs import Run
from agent.sampling import Living
from agent.waitlist import Waitlist
from agent.windows import Closed
from agent.works import Works

log = log_of(__name__)


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
        self._patience = Patience(clock)
        self._works = Works(self._is_idle)  # starts, ends and rows under way
        self._alive = Alive(
            clock=clock,
            recorder=recorder,
            keepers=keepers,
            patience=self._patience,
            works=self._works,
        )
        self._waitlist = Waitlist(
            clock=clock,
            recorder=recorder,
            roster=roster,
            patience=self._patience,
            works=self._works,
            queue=self._queue,
            closed_at=closed_at,
            never_run=self._never_run,
            startable=self._dispatch,
        )
        self._aftermath = Aftermath(
            clock=clock,
            recorder=recorder,
            roster=roster,
            patience=self._patience,
            works=self._works,
            waitlist=self._waitlist,
            submit=self.submit,
        )
        self._leavings = Leavings(outputs, keepers, recorder, clock, spawn=self._works.spawn)
        self._starts_first = StartsFirst()
        self._early: list[Ended] | None = []  # ends told before `recover` knew their runs
        self._closing = False

    # What others may know

    @property
    def running(self) -> int:
        """Runs that hold a slot."""
        return len(self._alive)

    def living(self) -> Iterable[Living]:
        """The runs that have a process now."""
        return self._alive.living()

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
        return self._waitlist.busy(task_name)

    def arriving(self, rows: Collection[Run]) -> AbstractContextManager[None]:
        """Count these already while they are being written: two at once see each other."""
        return self._waitlist.arriving(rows)

    async def wait_idle(self) -> None:
        """Return when nothing is startable, alive or unrecorded; retries may still be planned."""
        await self._works.wait_idle()

    async def settle(self, *, within_s: float) -> None:
        """Let starts and ends that are under way come through, however many runs live on."""
        await self._works.settle(within_s=within_s)

    def give_up(self) -> None:
        """Leave what is still under way to the next agent."""
        self._works.give_up()

    # Taking work

    def work_in(self, group: asyncio.TaskGroup) -> None:
        """Start and end runs as tasks of this group."""
        self._works.work_in(group)

    def submit(self, runs: Iterable[Run]) -> None:
        """Take claimed runs; they start as soon as slots, priority, policy and windows allow."""
        for run in runs:
            self._admit(run)
        self._dispatch()

    def look_again(self) -> None:
        """The clock or a calendar is another: see whose hour has come, or is another too."""
        self._waitlist.look_again()

    def take_back(self, runs: Sequence[Run]) -> None:
        """Let these never run, should they stand after all: their orders got no answer."""
        self._aftermath.take_back(runs)

    def hasten(self, run_id: str) -> None:
        """Let a retry that waits start now; raises RunNotFound when none of this id waits."""
        self._waitlist.hasten(run_id)

    async def abort(self, run_id: str, *, who: str, grace_ms: int | None = None) -> str:
        """Stop a run, queued, waiting or alive; returns the state it is in afterwards."""
        active = self._alive.get(run_id)
        if active is not None:
            await self._alive.stop_by_hand(active, who=who, grace_ms=grace_ms)
            return "stopping"
        waiting = self._waitlist.remove(run_id)
        if waiting is None:
            raise RunNotFound(run_id)
        told = endings.stopping(waiting, endings.STOPPED_BY_HAND, who)
        over = self._aftermath.unrun(told, "aborted", endings.STOPPED_BY_HAND)
        await self._aftermath.record_end(over)
        self._dispatch()
        return "ended"

    async def recover(
        self, unfinished: Iterable[Run], standing: Iterable[Standing]
    ) -> tuple[Ended, ...]:
        """Account for every run of an earlier life; see promises on crash and restart.

        What was told meanwhile of the ends of runs that are none of these comes back.
        """
        unfinished = tuple(unfinished)
        known = {found.run_id: found for found in standing}
        again = [run for run in unfinished if run.id not in known and self._waits_on(run)]
        waiting = {run.id for run in again}
        # They wait already, although not in the queue yet: what ends meanwhile must see them.
        with self.arriving(again):
            await self._account_for([run for run in unfinished if run.id not in waiting], known)
            # A crash may have come between a regular run and the ends of those that it replaces.
            for active in self._alive.all():
                if active.definition.overlap != "allow":
                    self._waitlist.supersede_retries(active.run)
            for run in again:
                self._admit(run)
        early, self._early = self._early or [], None
        unknown = tuple(told for told in early if not self._take_end(told))
        self._dispatch()
        return unknown

    async def _account_for(self, unfinished: Sequence[Run], known: dict[str, Standing]) -> None:
        """Go on with what a keeper knows, plan retries, end what nobody knows any more."""
        # Those that a keeper knows first: they hold their tasks against all others.
        for run in sorted(unfinished, key=lambda run: run.id not in known):
            found = known.pop(run.id, None)
            if found is not None:
                await self._take_over(run, found)
            elif self._is_planned(run):
                self._waitlist.plan_retry(run)
            elif (over := self._unseen(run)) is not None:
                definition = self._waitlist.definition(run)
                if over.status == "lost":
                    # With what it wrote until nobody saw it any more.
                    over = await self._leavings.noted(over, endings.nobody_saw(over), definition)
                await self._aftermath.finish(over, definition)
                await self._leavings.discard(run.id)
        # What is left was recorded already; only the acknowledgement was lost.
        recorded = [run_id for run_id, found in known.items() if isinstance(found, Ended)]
        await self._keepers.forget(recorded)

    async def go_through(self, rows: Iterable[Run]) -> None:
        """Keep what of the outputs of these runs could not be kept, clear away the rest."""
        definition_of = self._waitlist.definition
        await self._leavings.go_through(rows, lambda run: definition_of(run).output_limit_mb)

    async def keep_late(self) -> None:
        """Try once, and at once, to keep the outputs that wait for it."""
        await self._leavings.keep_late()

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
        living = as_started(run, found)
        self._hold(living)
        await self._recorder.started(living)

    def close(self) -> None:
        """Start nothing more; what lives stays with the keeper."""
        self._closing = True
        self._waitlist.close()
        self._alive.close()
        self._leavings.close()

    # The queue

    def _admit(self, run: Run) -> None:
        """Let a claimed run wait; what it makes needless, or replaces, gives way."""
        waiting = self._waitlist.waiting(run)
        if not waiting.is_background and waiting.definition.overlap != "allow":
            self._waitlist.supersede_retries(run)
        if not waiting.is_background and waiting.definition.overlap == "replace":
            self._waitlist.replace_waiting(run)
            self._alive.replace(run.task_name)
        self._waitlist.put(waiting)

    def _dispatch(self) -> None:
        """Start what may start, most urgent first; the rest keeps its place."""
        # Nothing starts before it is known what an earlier agent left alive.
        is_ready = not self._closing and self._early is None
        while is_ready and (waiting := self._queue.take()):
            run, definition = waiting.run, waiting.definition
            if run.trigger != "manual" and self._waitlist.is_closing_for(run):
                self._queue.release(run.id)
                self._never_run(run, "skipped", "disabled")
                continue
            # Somebody who orders a run by hand knows what window it is.
            closed = (
                None
                if run.trigger == "manual"
                else self._closed_at(definition, self._clock.now_ms())
            )
            if closed is None:
                active = Active(run, definition)
                self._alive.add(active)
                self._starts_first.begin()
                self._works.spawn(self._start(active), name=f"start {run.id}")
                continue
            self._queue.release(run.id)
            if definition.in_blackout == "delay":
                self._waitlist.delay(waiting, closed)
            else:
                note = say_closed(closed, definition.timezone)
                self._never_run(run, "skipped", "blackout", note)
        self._works.look()

    def _is_idle(self) -> bool:
        return not (self._queue.startable or len(self._alive))

    def _never_run(self, run: Run, status: str, reason: str, note: str | None = None) -> None:
        self._aftermath.end_soon(self._aftermath.unrun(run, status, reason, note))

    def _hold(self, run: Run) -> None:
        self._works.note_busy()
        waiting = self._waitlist.waiting(run)
        # It has a process, or had one, and its row knows of it: an earlier agent wrote it.
        self._alive.add(
            Active(run, waiting.definition, is_alive=True, is_recorded=run.status != "queued")
        )
        self._queue.hold(waiting)

    def _release(self, run: Run) -> None:
        self._alive.remove(run.id)
        self._queue.release(run.id)

    # Starting and ending

    async def _start(self, active: Active) -> None:
        run_id = active.run.id
        try:
            started = await self._ordered(active)
        except (NotStarted, AgentError, OSError, ValueError) as error:
            await self._never_started(active, error)
            return
        if run_id not in self._alive:
            return  # it has ended already, and its end says all of this
        self._alive.begin(active, started)
        if active.stop_reason is not None:
            await self._alive.stop(active)
        await self._starts_first.wait()
        if run_id not in self._alive:
            return  # as above
        living = msgspec.structs.replace(active.run, status="running")
        await self._patience.to_the_end(lambda: self._recorder.started(living))
        await self._alive.note_recorded(active)

    async def _ordered(self, active: Active) -> Started:
        try:
            return await self._keepers.start(self._order_for(active.definition, active.run))
        finally:
            self._starts_first.done()

    async def _never_started(self, active: Active, cause: Exception) -> None:
        self._release(active.run)
        if active.stop_reason is None:
            over = endings.refused(active.run, cause, now_ms=self._clock.now_ms())
        else:
            told = endings.stopping(active.run, active.stop_reason, active.stopped_by)
            stopped = self._aftermath.unrun(told, "aborted", active.stop_reason)
            over = msgspec.structs.replace(stopped, error_message=str(cause))
        await self._aftermath.finish(over, active.definition)
        if isinstance(cause, AlreadyOrdered):  # whose files may be of one that lives
            await self._leavings.give_back(over.id)
        else:
            await self._leavings.discard(over.id)
        await self._keepers.forget([active.run.id])

    def on_ended(self, ended: Ended) -> None:
        """The keeper says that a run is gone; its slot is free at once."""
        if self._early is not None:
            self._early.append(ended)
        else:
            self._take_end(ended)

    def _take_end(self, ended: Ended) -> bool:
        """False where nothing is known of its run."""
        active = self._alive.get(ended.run_id)
        if active is None:
            # Its keeper goes on remembering it: the next agent asks the ledger about it.
            log.error("an unknown run ended", run_id=ended.run_id)
            return False
        self._release(active.run)
        self._works.spawn(self._end(active, ended), name=f"end {ended.run_id}")
        self._dispatch()
        return True

    async def _end(self, active: Active, ended: Ended) -> None:
        await self._starts_first.wait()
        run = endings.ended(
            active.run,
            active.definition,
            ended,
            stop_reason=active.stop_reason,
            stopped_by=active.stopped_by,
        )
        run = await self._leavings.noted(run, ended, self._waitlist.definition(run))
        await self._aftermath.finish(run, active.definition)
        self._leavings.clear_away(run.id)
