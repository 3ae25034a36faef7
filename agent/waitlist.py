"""Which claimed runs wait: for a slot, for their hour, or for another try?"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol

import msgspec

from agent import endings
from agent.clock import Clock
from agent.definitions import Definition
from agent.errors import RunNotFound
from agent.hours import Hours
from agent.patience import Patience
from agent.queueing import Queue, Waiting
from agent.recorder import Recorder
from agent.roster import Roster
from agent.rules import retry
from agent.rules.admission import Busy
from agent.runs import Run
from agent.windows import Closed
from agent.works import Works

# Of a window that does not end within a year: look again after a day.
LOOK_AGAIN_MS: Final = 86_400_000


class NeverRun(Protocol):
    """Ends a run that waits, and that will not run any more."""

    def __call__(self, run: Run, status: str, reason: str) -> None: ...


class Waitlist:
    """Owns the queue and the hours that runs wait for; `startable` hears when one waits no more."""

    def __init__(
        self,
        *,
        clock: Clock,
        recorder: Recorder,
        roster: Roster,
        patience: Patience,
        works: Works,
        queue: Queue,
        closed_at: Callable[[Definition, int], Closed | None],
        never_run: NeverRun,
        startable: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._roster = roster
        self._patience = patience
        self._works = works
        self.queue = queue
        self._closed_at = closed_at
        self._never_run = never_run
        self._startable = startable
        self._arriving: Counter[str] = Counter()  # rows being written down to wait, by task
        self._retries = Hours(clock, self._retry_due)
        self._parked = Hours(clock, self._unpark)

    def definition(self, run: Run) -> Definition:
        """What this run is to do, as far as anybody knows."""
        task = self._roster.get(run.task_name)
        return task.definition if task else endings.stand_in(run)

    def waiting(self, run: Run) -> Waiting:
        """This run with what it is to do."""
        return Waiting(run, self.definition(run))

    def is_closing_for(self, run: Run) -> bool:
        """Is its task gone or disabled?"""
        task = self._roster.get(run.task_name)
        return task is None or not task.enabled

    def busy(self, task_name: str) -> Busy:
        """What of this task runs and waits, or is being written down to wait."""
        busy, arriving = self.queue.busy(task_name), self._arriving[task_name]
        return Busy(busy.alive, busy.waiting + arriving) if arriving else busy

    @contextmanager
    def arriving(self, rows: Collection[Run]) -> Iterator[None]:
        """Count these already while they are being written: two at once see each other."""
        if not rows:
            yield  # as after nearly every end
            return
        names = Counter(
            row.task_name
            for row in rows
            if row.status == "queued" and not self.waiting(row).is_background
        )
        self._arriving += names
        try:
            yield
        finally:
            self._arriving -= names

    def close(self) -> None:
        """Let no hour come any more."""
        self._retries.close()
        self._parked.close()

    # A slot, and the hour before it

    def put(self, waiting: Waiting) -> None:
        """Let a run wait for a slot, or first for its hour."""
        run, now_ms = waiting.run, self._clock.now_ms()
        hour_ms = run.retry_at_ms if run.status == "queued" and run.retry_at_ms else 0
        if hour_ms > now_ms:
            self._park(waiting, hour_ms - now_ms)
            return
        self._works.note_busy()
        self.queue.put(waiting)

    def _park(self, waiting: Waiting, duration_ms: int) -> None:
        self.queue.park(waiting)
        self._parked.put(waiting.run, duration_ms)

    def _unpark(self, run: Run) -> None:
        if self.queue.unpark(run.id):
            self._works.note_busy()
            self._startable()

    def delay(self, waiting: Waiting, closed: Closed) -> None:
        """Let a run wait until a window is over, also under the next agent."""
        run, now_ms = waiting.run, self._clock.now_ms()
        until_ms = closed.until_ms
        if until_ms is None:
            known_ms = run.retry_at_ms or 0
            until_ms = known_ms if known_ms > now_ms else now_ms + LOOK_AGAIN_MS
        delayed = msgspec.structs.replace(run, retry_at_ms=until_ms)
        self._park(Waiting(delayed, waiting.definition), until_ms - now_ms)
        if until_ms != run.retry_at_ms:
            tell = self._patience.to_the_end(partial(self._tell_delay, delayed))
            self._works.spawn(tell, name=f"delay {run.id}")

    async def _tell_delay(self, run: Run) -> None:
        if run in self._parked.of(run.task_name):
            await self._recorder.delayed(run)

    def look_again(self) -> None:
        """The clock or a calendar is another: see whose hour has come, or is another too."""
        now_ms = self._clock.now_ms()
        for run in self._retries:
            if run.retry_at_ms is not None and run.retry_at_ms <= now_ms:
                self._retries.hasten(run.id)
        for run in self._parked:
            if run.scheduled_ms > now_ms:
                continue  # the delay of a chain
            definition = self.definition(run)
            closed = self._closed_at(definition, now_ms)
            if closed is None or definition.in_blackout == "skip":
                self._parked.hasten(run.id)
            elif closed.until_ms not in (None, run.retry_at_ms):
                self.queue.remove(run.id)
                self.delay(Waiting(run, definition), closed)

    # Retries

    def plan_retry(self, run: Run) -> None:
        """Let a failed run be tried again when its time has come."""
        # A clock that was set since must not make it longer than any retry ever waits.
        longest_ms = retry.longest_wait_ms(self.definition(run))
        wait_ms = min(max(0, (run.retry_at_ms or 0) - self._clock.now_ms()), longest_ms)
        self._retries.put(run, wait_ms)

    def hasten(self, run_id: str) -> None:
        """Let a retry that waits start now; raises RunNotFound when none of this id waits."""
        run = self._retries.remove(run_id)
        if run is None:
            raise RunNotFound(run_id)
        self._retry_due(run)

    def _retry_due(self, run: Run) -> None:
        if self.is_closing_for(run):
            self._never_run(run, "skipped", "disabled")
            return
        self.put(self.waiting(run))
        self._startable()

    # Giving way

    def remove(self, run_id: str) -> Run | None:
        """Let a run wait no more; None when it does not."""
        waiting = self.queue.remove(run_id) or self._retries.remove(run_id)
        if waiting is not None:
            self._parked.remove(run_id)
        return waiting

    def supersede_retries(self, run: Run) -> None:
        """A regular run of the task makes retries of it needless, planned or in the queue."""
        self._skip(self.queue.retries_of(run.task_name), "superseded")
        for planned in self._retries.of(run.task_name):
            self._retries.remove(planned.id)
            self._never_run(planned, "skipped", "superseded")

    def replace_waiting(self, run: Run) -> None:
        """Skip what waits of the task: a newer run of it has come."""
        self._skip(self.queue.waiting_of(run.task_name), "replaced")

    def _skip(self, runs: Iterable[Run], reason: str) -> None:
        for waiting in runs:
            self.queue.remove(waiting.id)
            self._parked.remove(waiting.id)
            self._never_run(waiting, "skipped", reason)
