"""The one way out: write what happened, then show it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from agent.clock import Clock
from agent.definitions import Definition
from agent.errors import StorageError
from agent.rules.alerting import Trouble
from agent.rules.clocks import Happening
from agent.rules.downsampling import Keeping
from agent.rules.sums import Sum
from agent.runs import Run
from agent.store import alerts, corrections, events, ledger, state, tasks
from agent.store.alert_book import Changed
from agent.store.alerts import Alert
from agent.store.checks import Check
from agent.store.corrections import Overreaching, Taken, Withdrawn
from agent.store.database import Database, Doing
from agent.store.edits import Edited
from agent.store.ledger import Step
from agent.store.outage import Outage, put
from agent.store.samples import Sample
from agent.store.state import Heartbeat, Holder
from agent.store.streaks import Consequence
from agent.store.tasks import Applied, TaskRow
from agent.store.writes import (
    Claim,
    Happened,
    Measured,
    Order,
    Raise,
    Resolve,
    Take,
    Write,
)

_MANY: Final = 200

T = TypeVar("T")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What is new, and already durable: runs and checks as they are now, tasks by name.

    `gone_runs` are the ids of rows that were taken back, `switched_off` tasks that were disabled
    because they kept failing. Of `unkept` alerts there is no row at all: nothing takes one.
    """

    runs: tuple[Run, ...] = ()
    tasks: frozenset[str] = frozenset()
    checks: tuple[Check, ...] = ()
    alerts: tuple[Alert, ...] = ()
    gone_runs: tuple[str, ...] = ()
    switched_off: tuple[TaskRow, ...] = ()
    unkept: tuple[Alert, ...] = ()


class Recorder:
    """Writes to the database first; only what is committed is shown, and only what changed.

    What runs are waits for no database: with an `outage` it goes to the local journal while the
    database takes nothing. Every method raises StorageError when nothing takes it; then nothing
    happened and nothing is shown, but for the alert: a full disk is what people must hear of.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        show: Callable[[Shown], None],
        outage: Outage | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._show = show
        self._outage = outage

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
        ours: frozenset[str] = await self._write(
            Claim(
                runs=tuple(runs),
                watermarks=dict(watermarks or {}),
                decided_until_ms=decided_until_ms,
                now_ms=self._clock.now_ms(),
            )
        )
        self._show_runs(_worth_showing([run for run in runs if run.id in ours]))
        return ours

    async def order(self, run: Run) -> Run:
        """Take a moment for a manual run: its own, or the next free millisecond after it."""
        taken: Run = await self._write(Order(run=run))
        self._show_runs([taken])
        return taken

    async def started(self, run: Run) -> None:
        """A run is alive, or still is; nothing happens when it has ended already."""
        await self._take(Step(run=run, now_ms=self._clock.now_ms()))

    async def delayed(self, run: Run) -> None:
        """A run that waits is to wait longer; nothing happens when it has ended already."""
        await self._take(Step(run=run, now_ms=self._clock.now_ms()))

    async def stopping(self, run: Run) -> None:
        """A run was told to stop; nothing happens when it has ended already."""
        await self._take(Step(run=run, now_ms=self._clock.now_ms()))

    async def backfill(self, runs: Sequence[Run]) -> tuple[Run, ...]:
        """Take past moments for runs that somebody ordered as of them, each a further attempt."""
        taken = await self._ask(partial(ledger.backfill, runs=runs))
        self._show_runs(taken)
        return taken

    async def ended(
        self, run: Run, following: Run | None = None, chained: Sequence[Run] = ()
    ) -> tuple[Run, ...]:
        """A run is over; the rows that are new by it.

        `following` is its next attempt, `chained` are runs of tasks that come after it; they are
        there from the same moment on. A run that has ended already keeps its ending, and nothing
        follows it twice: the same end told again is answered alike, another one with nothing.
        """
        if not run.has_ended:
            raise ValueError(f"{run.status!r} is no ending")
        return await self._take(
            Step(run=run, retry=following, chained=tuple(chained), now_ms=self._clock.now_ms())
        )

    async def kept(self, run: Run) -> bool:
        """The output of a run was kept after its end; False while there is no such end."""
        found = await self._ask(partial(ledger.note_log, run=run))
        self._show_runs(found)
        return bool(found)

    def show_consequence(self, found: Consequence) -> None:
        """What ends came to beside their rows: alerts, and tasks disabled as they kept failing."""
        self._show(Shown(alerts=found.alerts, switched_off=found.disabled))

    async def register(self, definitions: Sequence[Definition], *, who: str, why: str) -> int:
        """Add the tasks whose names are new; how many were."""
        new = await self._ask(
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
        applied = await self._ask(
            partial(
                tasks.apply, definitions=definitions, who=who, why=why, now_ms=self._clock.now_ms()
            )
        )
        if applied.added or applied.changed:
            self._show(Shown(tasks=frozenset((*applied.added, *applied.changed))))
        return applied

    async def edit(self, change: Doing[Edited]) -> Edited:
        """What somebody made of a task, or that it is no more."""
        edited = await self._ask(change)
        self._show(Shown(tasks=frozenset({edited.task_name})))
        return edited

    async def set_flags(
        self,
        names: Iterable[str],
        *,
        enabled: bool | None = None,
        paused: bool | None = None,
        until_ms: int | None = None,
        skip_until_ms: int | None = None,
        reason: str | None = None,
        who: str,
    ) -> tuple[TaskRow, ...]:
        """Enable, disable, pause, resume or skip; the tasks that are different now."""
        names = tuple(names)
        for name in names if enabled else ():
            # The change does it too; here everyone sees it.
            for key in tasks.ended_by_enabling(name):
                await self.resolve(key)
        changed = await self._ask(
            partial(
                tasks.set_flags,
                names=names,
                enabled=enabled,
                paused=paused,
                until_ms=until_ms,
                skip_until_ms=skip_until_ms,
                reason=reason,
                who=who,
                now_ms=self._clock.now_ms(),
            )
        )
        if changed:
            self._show(Shown(tasks=frozenset(task.task_name for task in changed)))
        return changed

    async def measured(
        self,
        readings: Mapping[str, float],
        found: Sequence[Check] = (),
        *,
        earlier: Sequence[tuple[int, Mapping[str, float]]] = (),
        keeping: Keeping | None = None,
    ) -> None:
        """The host was looked at: keep the readings, keep and show what the checks found.

        `earlier` are readings taken since the last time. With `keeping` those of full minutes
        and hours are summed up, and those that are too old go.
        """
        now_ms = self._clock.now_ms()
        await self._write(
            Measured(
                at_ms=now_ms,
                readings=dict(readings),
                earlier=tuple((at_ms, dict(values)) for at_ms, values in earlier),
                keeping=keeping,
                checks=tuple(found),
            )
        )
        if found:
            self._show(Shown(checks=tuple(found)))

    async def alert(self, trouble: Trouble) -> None:
        """Something is wrong: it is an alert until `resolve` ends it."""
        write = Raise(trouble=trouble, now_ms=self._clock.now_ms())
        try:
            raised: Alert = await self._write(write)
        except StorageError:
            self._show(Shown(unkept=(write.assumed(),)))
            raise
        self._show(Shown(alerts=(raised,)))

    async def resolve(self, dedupe_key: str) -> None:
        """Something is right again; nothing happens when there was no alert."""
        ended: Alert | None = await self._write(
            Resolve(dedupe_key=dedupe_key, now_ms=self._clock.now_ms())
        )
        if ended is not None:
            self._show(Shown(alerts=(ended,)))

    async def pass_time(self) -> None:
        """Alerts that were snoozed until now are open again, those that stayed away are over."""
        changed = await self._ask(partial(alerts.pass_time, now_ms=self._clock.now_ms()))
        if changed:
            self._show(Shown(alerts=changed))

    async def change_alerts(self, change: Doing[Changed]) -> Changed:
        """What people do about alerts; everyone sees it at once."""
        changed = await self._ask(change)
        if changed.alerts:
            self._show(Shown(alerts=changed.alerts))
        return changed

    async def sampled(self, readings: Sequence[Sample]) -> None:
        """What long runs use now; it is kept for charts and shown to nobody by itself."""
        if readings:
            await self._write(Measured(at_ms=self._clock.now_ms(), samples=tuple(readings)))

    async def happened(self, happenings: Sequence[Happening]) -> None:
        """Something happened to the clocks."""
        await self._write(Happened(happenings=tuple(happenings)))

    async def booted(self, boot_id: str) -> int | None:
        """The moment of this boot when it is a new one."""
        now_ms = self._clock.now_ms()
        up_since_ms = now_ms - self._clock.boottime_ms()
        return await self._ask(
            partial(events.note_boot, boot_id=boot_id, now_ms=now_ms, up_since_ms=up_since_ms)
        )

    async def taken(self, task_name: str, from_ms: int, until_ms: int) -> tuple[Taken, ...]:
        """The rows that a task has of due moments in a span."""
        return await self._ask(
            partial(corrections.taken, task_name=task_name, from_ms=from_ms, until_ms=until_ms)
        )

    async def correct(
        self,
        happening: Happening,
        *,
        highest_ms: int,
        cut: Callable[[Overreaching, Definition | None], Sum],
    ) -> Withdrawn:
        """The clock stood too late: take back what was told of moments still to come."""
        if self._outage is not None:
            await self._outage.confirm(
                happening.at_ms
            )  # later than that nothing is decided any more
        withdrawn = await self._ask(
            partial(corrections.correct, happening=happening, highest_ms=highest_ms, cut=cut)
        )
        self._show(Shown(gone_runs=withdrawn.newest))
        return withdrawn

    async def beat(self, heartbeat: Heartbeat, holder: Holder | None = None) -> Holder | None:
        """The agent is alive, for those who look from outside; the other one that works here."""
        return await self._ask(partial(state.beat, heartbeat=heartbeat, holder=holder))

    async def hold(self, holder: Holder) -> Holder | None:
        """Work on this database; the other agent that does so already, if there is one."""
        return await self._ask(partial(state.hold, holder=holder))

    async def let_go(self, holder: Holder) -> None:
        """Work on this database no more."""
        await self._ask(partial(state.let_go, holder=holder))

    async def _take(self, step: Step) -> tuple[Run, ...]:
        new: tuple[Run, ...]
        new, consequence = await self._write(Take(step=step))
        self._show_runs(new)
        if consequence is not None:
            self.show_consequence(consequence)
        return new

    async def _write(self, write: Write) -> Any:
        """What goes on happening whatever becomes of the database."""
        if self._outage is not None:
            return await self._outage.write(write)
        return await put(self._database, write)

    async def _ask(self, write: Doing[T]) -> T:
        """What people, and the agent about itself, want of the database alone."""
        if self._outage is not None:
            return await self._outage.ask(write)
        return await self._database.write(write)

    def _show_runs(self, runs: Iterable[Run]) -> None:
        shown = tuple(runs)
        if shown:
            self._show(Shown(runs=shown, tasks=frozenset(run.task_name for run in shown)))


def _worth_showing(runs: Sequence[Run]) -> Iterable[Run]:
    """After a long absence there are thousands of rows: then the newest that ended, by task."""
    if len(runs) <= _MANY:
        return runs
    newest = {run.task_name: run for run in runs if run.has_ended}
    return [*newest.values(), *(run for run in runs if not run.has_ended)]
