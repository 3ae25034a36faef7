"""Which runs hold a slot, who stops them, and who hears that one takes long?"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from agent import endings, slowness
from agent.clock import Clock
from agent.definitions import Definition
from agent.errors import StorageError
from agent.hours import Hours
from agent.log import log_of
from agent.patience import AGAIN_MS, Patience
from agent.recorder import Recorder
from agent.running.keeping import Keepers
from agent.running.terms import Started
from agent.runs import Run
from agent.sampling import Living
from agent.works import Works

log = log_of(__name__)


@dataclass(slots=True)
class Active:
    """A run that holds a slot: from its order to the keeper until its end is recorded."""

    run: Run
    definition: Definition
    stop_reason: str | None = None
    stopped_by: str | None = None
    grace_ms: int = 0
    is_alive: bool = False  # its keeper has a process for it
    is_recorded: bool = False  # and its row says so


class Alive:
    """Owns the runs between their order and their end."""

    def __init__(
        self,
        *,
        clock: Clock,
        recorder: Recorder,
        keepers: Keepers,
        patience: Patience,
        works: Works,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._keepers = keepers
        self._patience = patience
        self._works = works
        self._active: dict[str, Active] = {}
        self._unwarned = Hours(clock, self._warn)  # those that live and may come to take long

    def __len__(self) -> int:
        return len(self._active)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._active

    def get(self, run_id: str) -> Active | None:
        """The run of this id, as long as it holds its slot."""
        return self._active.get(run_id)

    def all(self) -> list[Active]:
        """All of them, in the order they came."""
        return list(self._active.values())

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

    # Coming and going

    def add(self, active: Active) -> None:
        """One more holds a slot; one that lives already may come to take long."""
        self._active[active.run.id] = active
        if active.is_alive:
            self._warn_later(active)

    def begin(self, active: Active, started: Started) -> None:
        """Its keeper has a process for it."""
        active.run = as_started(active.run, started)
        active.is_alive = True
        self._warn_later(active)

    def remove(self, run_id: str) -> None:
        """One holds its slot no more."""
        self._unwarned.remove(run_id)
        self._active.pop(run_id, None)

    def close(self) -> None:
        """Warn of nothing more; what lives stays with the keeper."""
        self._unwarned.close()

    # Stopping

    async def stop_by_hand(self, active: Active, *, who: str, grace_ms: int | None) -> None:
        """Somebody wants it to end."""
        active.stop_reason, active.stopped_by = endings.STOPPED_BY_HAND, who
        active.grace_ms = active.definition.kill_grace_s * 1000 if grace_ms is None else grace_ms
        # One that is just being started is stopped as soon as there is something to stop.
        if active.is_alive:
            await self.stop(active)

    def replace(self, task_name: str) -> None:
        """Stop what lives of a task: a newer run of it has come."""
        for active in self.all():
            if active.run.task_name == task_name and active.stop_reason is None:
                active.stop_reason = "replaced"
                active.grace_ms = active.definition.kill_grace_s * 1000
                if active.is_alive:
                    self._works.spawn(self.stop(active), name=f"replace {active.run.id}")

    async def stop(self, active: Active) -> None:
        """Have it stopped, for the reason that it tells."""
        if not await self._keepers.stop(active.run.id, grace_ms=active.grace_ms):
            active.stop_reason = None  # nobody took the order: the next one asks again
            return
        active.run = msgspec.structs.replace(active.run, status="stopping")
        if active.is_recorded:
            await self._tell_stopping(active)

    async def note_recorded(self, active: Active) -> None:
        """Its row says that it lives; it may have been told to stop meanwhile."""
        active.is_recorded = True
        if active.run.status == "stopping":
            await self._tell_stopping(active)

    async def _tell_stopping(self, active: Active) -> None:
        """Write it down now: whoever records the end may not be the agent that was asked."""
        by = endings.stopping(active.run, active.stop_reason, active.stopped_by)
        try:
            await self._recorder.stopping(by)
        except StorageError as error:
            # The run is being stopped all the same, and who asked need not wait for the row.
            log.error("the database refuses; trying again", cause=str(error))
            self._works.spawn(self._tell_later(by), name=f"stopping {by.id}")

    async def _tell_later(self, run: Run) -> None:
        await self._clock.sleep_ms(AGAIN_MS)
        await self._patience.to_the_end(lambda: self._recorder.stopping(run))

    # Taking long

    def _warn_later(self, active: Active) -> None:
        now_ms = self._clock.now_ms()
        wait_ms = slowness.warn_in_ms(active.run, active.definition, now_ms=now_ms)
        if wait_ms is not None:
            self._unwarned.put(active.run, wait_ms)

    def _warn(self, run: Run) -> None:
        active = self._active.get(run.id)
        # Of one that is being stopped everybody knows, and its row says by whom.
        if active is not None and active.stop_reason is None:
            active.run = msgspec.structs.replace(active.run, warned_ms=self._clock.now_ms())
            self._works.spawn(self._tell_slow(active), name=f"warn {run.id}")

    async def _tell_slow(self, active: Active) -> None:
        log.warning("a run takes long", task=active.run.task_name, run_id=active.run.id)
        trouble = slowness.trouble_of(active.run, active.definition)
        await self._patience.to_the_end(lambda: self._recorder.alert(trouble))
        await self._patience.to_the_end(lambda: self._recorder.started(_as_written(active)))
        if active.run.id not in self._active:
            await self._patience.to_the_end(lambda: self._recorder.resolve(trouble.dedupe_key))


def _as_written(active: Active) -> Run:
    """What its row may say by now: that it is being stopped not before it says that it lives."""
    if active.is_recorded and active.run.status == "stopping":
        return endings.stopping(active.run, active.stop_reason, active.stopped_by)
    return msgspec.structs.replace(active.run, status="running")


def as_started(run: Run, started: Started) -> Run:
    """This run as one that lives; one that was told to stop still is."""
    return msgspec.structs.replace(
        run,
        status="stopping" if run.status == "stopping" else "running",
        pid=started.pid,
        started_ms=started.started_ms,
        late_ms=max(0, started.started_ms - run.scheduled_ms),
    )
