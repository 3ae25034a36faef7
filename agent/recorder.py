"""The one way out: write what happened, then show it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from agent.clock import Clock
from agent.definitions import Definition
from agent.runs import Run
from agent.store import checks, ledger, metrics, state, tasks
from agent.store.checks import Check
from agent.store.database import Database
from agent.store.state import Heartbeat
from agent.store.tasks import Applied, TaskRow


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What is new, and already durable: runs and checks as they are now, tasks by name."""

    runs: tuple[Run, ...] = ()
    tasks: frozenset[str] = frozenset()
    checks: tuple[Check, ...] = ()


class Recorder:
    """Writes to the database first; only what is committed is shown, and only what changed.

    Every method raises StorageError when the database cannot take it; then nothing happened
    and nothing is shown.
    """

    def __init__(self, database: Database, clock: Clock, show: Callable[[Shown], None]) -> None:
        self._database = database
        self._clock = clock
        self._show = show

    async def claim(
        self,
        runs: Sequence[Run],
        *,
        watermarks: Mapping[str, int] | None = None,
        decided_until_ms: int | None = None,
    ) -> frozenset[str]:
        """Take due moments, or record why they do not run; the ids of the runs that are ours.

        One transaction: when this returns, the rows stand and the watermarks with them.
        """
        ours = await self._database.write(
            partial(
                ledger.claim,
                runs=runs,
                watermarks=watermarks,
                decided_until_ms=decided_until_ms,
                now_ms=self._clock.now_ms(),
            )
        )
        self._show_runs(run for run in runs if run.id in ours)
        return ours

    async def order(self, run: Run) -> Run:
        """Take a moment for a manual run: its own, or the next free millisecond after it."""
        taken = await self._database.write(partial(ledger.order, run=run))
        self._show_runs([taken])
        return taken

    async def started(self, run: Run) -> None:
        """A run is alive, or still is; nothing happens when it has ended already."""
        await self._move(run)

    async def stopping(self, run: Run) -> None:
        """A run was told to stop; nothing happens when it has ended already."""
        await self._move(run)

    async def ended(self, run: Run, following: Run | None = None) -> None:
        """A run is over; `following` is its next attempt, which waits from the same moment on.

        A run that has ended already keeps its ending, and no attempt follows it twice.
        """
        self._show_runs(await self._database.write(partial(ledger.end, run=run, retry=following)))

    async def register(self, definitions: Sequence[Definition], *, who: str, why: str) -> int:
        """Add the tasks whose names are new; how many were."""
        new = await self._database.write(
            partial(
                tasks.register,
                definitions=definitions,
                who=who,
                why=why,
                now_ms=self._clock.now_ms(),
            )
        )
        if new:
            self._show(Shown(tasks=frozenset(each.task_name for each in definitions)))
        return new

    async def apply(self, definitions: Sequence[Definition], *, who: str, why: str) -> Applied:
        """Make these definitions the ones in force."""
        applied = await self._database.write(
            partial(
                tasks.apply, definitions=definitions, who=who, why=why, now_ms=self._clock.now_ms()
            )
        )
        if applied.added or applied.changed:
            self._show(Shown(tasks=frozenset((*applied.added, *applied.changed))))
        return applied

    async def set_flags(
        self,
        names: Iterable[str],
        *,
        enabled: bool | None = None,
        paused: bool | None = None,
        until_ms: int | None = None,
        reason: str | None = None,
        who: str,
    ) -> tuple[TaskRow, ...]:
        """Enable, disable, pause or resume; the tasks that are different now."""
        changed = await self._database.write(
            partial(
                tasks.set_flags,
                names=tuple(names),
                enabled=enabled,
                paused=paused,
                until_ms=until_ms,
                reason=reason,
                who=who,
                now_ms=self._clock.now_ms(),
            )
        )
        if changed:
            self._show(Shown(tasks=frozenset(task.task_name for task in changed)))
        return changed

    async def measured(self, readings: Mapping[str, float], found: Sequence[Check] = ()) -> None:
        """The host was looked at: keep the readings, keep and show what the checks found."""
        now_ms = self._clock.now_ms()
        await self._database.write(partial(metrics.record, readings=readings, at_ms=now_ms))
        if found:
            await self._database.write(partial(checks.record, checks=found))
            self._show(Shown(checks=tuple(found)))

    async def beat(self, heartbeat: Heartbeat) -> None:
        """The agent is alive, for those who look at the database from outside."""
        await self._database.write(partial(state.beat, heartbeat=heartbeat))

    async def _move(self, run: Run) -> None:
        if await self._database.write(partial(ledger.move, run=run)):
            self._show_runs([run])

    def _show_runs(self, runs: Iterable[Run]) -> None:
        shown = tuple(runs)
        if shown:
            self._show(Shown(runs=shown, tasks=frozenset(run.task_name for run in shown)))
