"""What follows from the end of a run: its next attempt, the tasks after it, the end of an alert?"""

import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial

from agent import slowness
from agent.claims import followers, next_try, unrun
from agent.clock import Clock
from agent.definitions import Definition
from agent.errors import RunNotFound
from agent.log import log_of
from agent.patience import Patience
from agent.recorder import Recorder
from agent.roster import Roster
from agent.rules import retry
from agent.runs import Run
from agent.waitlist import Waitlist
from agent.works import Works

log = log_of(__name__)


class Aftermath:
    """Writes ends down until they stand; `submit` takes the runs that follow."""

    def __init__(
        self,
        *,
        clock: Clock,
        recorder: Recorder,
        roster: Roster,
        patience: Patience,
        works: Works,
        waitlist: Waitlist,
        submit: Callable[[Iterable[Run]], None],
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._roster = roster
        self._patience = patience
        self._works = works
        self._waitlist = waitlist
        self._submit = submit

    async def finish(self, run: Run, definition: Definition) -> None:
        """Record an end, and with it the next attempt, or the runs of the tasks that follow."""
        is_closing = self._waitlist.is_closing_for(run)
        following = None if is_closing else self._next_attempt(run, definition)
        new = await self.record_end(run, following)
        if run.warned_ms is not None:
            alert = slowness.alert_of(run)
            await self._patience.to_the_end(lambda: self._recorder.resolve(alert))
        planned = next((row for row in new if row.status == "retry_wait"), None)
        if planned is not None and self._is_needless(planned, definition):
            # A regular run came while the end was being written.
            self.end_soon(self.unrun(planned, "skipped", "superseded"))
        elif planned is not None:
            self._waitlist.plan_retry(planned)
        log.info(
            "run ended",
            task=run.task_name,
            run_id=run.id,
            status=run.status,
            exit_status=run.exit_status,
            duration_ms=run.duration_ms,
        )

    def unrun(self, run: Run, status: str, reason: str, note: str | None = None) -> Run:
        """This run as one that is over now and was never started."""
        return unrun(run, status, reason, now_ms=self._clock.now_ms(), note=note)

    def end_soon(self, run: Run) -> None:
        """Record the end of one that was never started."""
        self._works.spawn(self._end_unrun(run), name=f"{run.status} {run.id}")

    async def _end_unrun(self, run: Run) -> None:
        await self.record_end(run)

    async def record_end(self, run: Run, following: Run | None = None) -> tuple[Run, ...]:
        """Write an end with what follows from it, and let the tasks after it start."""
        chained: tuple[Run, ...] = ()
        if following is None:
            after = self._roster.followers(run.task_name)
            chained = followers(after, run, self._waitlist.busy, now_ms=self._clock.now_ms())
        with self._waitlist.arriving(chained):
            # The keeper remembers the end as long as we do not.
            new = await self._patience.to_the_end(
                lambda: self._recorder.ended(run, following, chained)
            )
        # A moment may have been moved by a millisecond to where none was before it.
        self._submit(row for row in new if row.trigger == "chain" and row.status == "queued")
        return new

    def take_back(self, runs: Sequence[Run]) -> None:
        """Let these never run, should they stand after all: their orders got no answer."""
        self._works.spawn(self._take_back(runs), name=f"take back {runs[0].id}")

    async def _take_back(self, runs: Sequence[Run]) -> None:
        for run in runs:
            refused = self.unrun(run, "skipped", "unconfirmed")
            with suppress(RunNotFound):  # as its order was told
                await self._patience.to_the_end(partial(self._recorder.ended, refused))

    def _is_needless(self, run: Run, definition: Definition) -> bool:
        """Another run of the task has come, and the task has one at a time."""
        busy = self._waitlist.busy(run.task_name)
        return definition.overlap != "allow" and bool(busy.alive or busy.waiting)

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
