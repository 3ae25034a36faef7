"""When each task is due: wakes at the next due moment and hands its runs on."""

import asyncio
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
    Set,
)
from functools import partial

from agent.agenda import Agenda
from agent.claiming import FULL_NOTE, Claiming
from agent.clock import Clock
from agent.deciding import Deciding
from agent.definitions import Definition
from agent.errors import Refused, StorageError
from agent.log import log_of
from agent.patience import Patience
from agent.portions import Portions
from agent.reckoning import Reckoning
from agent.recorder import Recorder
from agent.roster import Roster
from agent.rules.admission import Late
from agent.rules.clocks import (
    Happening,
    late_reason,
)
from agent.runner import Runner
from agent.runs import Run
from agent.store.corrections import Taken
from agent.store.standby import Found
from agent.store.tasks import Span, TaskRow
from agent.takeover import Takeover, left_behind, takeover
from agent.timekeeper import Timekeeper
from agent.unplanned import Unplanned
from agent.watching import Watching
from agent.windows import Closed

log = log_of(__name__)

BEAT_MS = 60_000
# A wake-up this long after the one before means that the agent, or its host, stood still.
GAP_MS = 2 * BEAT_MS

_NOTHING: Mapping[str, int] = {}


class Scheduler:
    """Decides what is due, has it claimed, and lets it start; a wake-up costs only what is due."""

    def __init__(
        self,
        *,
        clock: Clock,
        timekeeper: Timekeeper,
        recorder: Recorder,
        roster: Roster,
        runner: Runner,
        watching: Watching,
        boot_id: str,
        closed_at: Callable[[Definition, int], Closed | None],
        changed: Callable[[Iterable[str]], None],
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._roster = roster
        self._runner = runner
        self._changed = changed
        self._patience = Patience(clock)
        self._agenda = Agenda(roster)
        self._reckoning = Reckoning(
            clock=clock,
            timekeeper=timekeeper,
            recorder=recorder,
            roster=roster,
            agenda=self._agenda,
            patience=self._patience,
            boot_id=boot_id,
            changed=changed,
        )
        deciding = Deciding(
            busy=runner.busy,
            is_answered=watching.is_answered,
            closed_at=closed_at,
            taken=self._taken,
        )
        self._claiming = Claiming(
            clock=clock,
            recorder=recorder,
            roster=roster,
            runner=runner,
            watching=watching,
            agenda=self._agenda,
            patience=self._patience,
            changed=changed,
        )
        self._portions = Portions(
            clock=clock,
            roster=roster,
            agenda=self._agenda,
            reckoning=self._reckoning,
            deciding=deciding,
            claiming=self._claiming,
        )
        self._unplanned = Unplanned(self._agenda, recorder, self._patience)
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._has_watched = False
        self._to_take: list[TaskRow] = []
        self._beat_ms = self._noted_ms = 0
        self._asked_ms: int | None = None
        self._lag_ms = 0

    # What others may know

    def next_ms(self, task_name: str) -> int | None:
        """The next due moment of a task that is enabled."""
        return self._agenda.next_ms(task_name)

    def first_due_ms(self) -> int | None:
        """The earliest next due moment of all tasks."""
        return self._agenda.first_ms()

    def fault(self, task_name: str) -> str | None:
        """Why a task cannot be scheduled, when it cannot."""
        return self._agenda.broken.get(task_name)

    @property
    def lag_ms(self) -> int:
        """How much later than asked the loop woke up last."""
        return self._lag_ms

    @property
    def backlog(self) -> int:
        """Tasks whose missed moments are still being worked off."""
        return self._portions.backlog

    @property
    def boots(self) -> tuple[int, ...]:
        """When the agent first saw each boot of the host."""
        return self._agenda.boots

    def clock_happening(self) -> Happening | None:
        """The last thing worth showing that happened to the clocks."""
        return self._reckoning.happening

    # Beginning and changing

    async def begin(
        self,
        *,
        decided_until_ms: int,
        highest_ms: int,
        boots: Sequence[int],
        history: Mapping[str, Sequence[Span]],
        told: Iterable[str] = (),
    ) -> None:
        """Find the next due moment of every task, from what is stored on.

        What was due by definitions that were changed while no agent served is missed. `told` are
        the tasks of which an earlier agent said that they cannot be scheduled.
        """
        self._unplanned.were_told(told)
        self._agenda.boots = tuple(boots)
        self._reckoning.highest_ms = highest_ms
        self._reckoning.decided_until_ms = decided_until_ms
        await self._reckoning.begin()
        self._agenda.plan_all()
        for name, spans in history.items():
            taken = takeover(spans, decided_until_ms)
            self._pass_over(name, taken, decided_until_ms, Late("agent_down"))

    async def begin_away(
        self,
        *,
        from_ms: int,
        watermarks: Mapping[str, int],
        decided_until_ms: int,
        boots: Sequence[int],
        highest_ms: int,
    ) -> None:
        """Begin without the database: decide only what comes later than this moment.

        What was due before may have its rows where nobody can look: `put_right` sees to that.
        """
        self._agenda.boots, self._reckoning.knows_boot = tuple(boots), True
        self._reckoning.highest_ms = highest_ms
        await self._reckoning.begin()
        self._reckoning.decided_until_ms = decided_until_ms
        self._agenda.watermarks = {
            task.task_name: max(from_ms, watermarks.get(task.task_name, 0))
            for task in self._roster.all()
        }
        self._agenda.plan_all()

    async def put_right(self, found: Found, *, from_ms: int, taken: Set[tuple[str, int]]) -> None:
        """Take over what the database holds, and decide what was due before `begin_away`.

        Nothing was told to the database since; `taken` are the moments that have rows to be told.
        Of a task that was changed elsewhere everything up to now is decided by what it is now.
        """
        async with self._one_at_a_time:
            now_ms = self._clock.now_ms()
            rows = {row.task_name: row for row in found.tasks}
            gone = [task.task_name for task in self._roster.all() if task.task_name not in rows]
            changed = {name for name, row in rows.items() if not self._roster.is_as(row)}
            self._roster.replace(found.tasks)
            for name, row in rows.items():
                until_ms = now_ms if name in changed else min(from_ms, now_ms)
                try:
                    runs = await self._decide_earlier(row, found, until_ms, now_ms)
                except Exception as error:  # noqa: BLE001 - its trace is logged, the others go on
                    self._agenda.broke(name, error)
                    continue
                free = [run for run in runs if (name, run.scheduled_ms) not in taken]
                if free or name in changed:
                    await self._claiming.claim(free, {name: until_ms} if name in changed else {})
            self._take_over((*changed, *gone))

    async def _decide_earlier(
        self, task: TaskRow, found: Found, until_ms: int, now_ms: int
    ) -> list[Run]:
        late = Late("agent_down")
        after_ms = found.decided_until_ms
        spans = takeover(found.history.get(task.task_name, ()), after_ms)
        left = left_behind(spans, after_ms, late=late, now_ms=now_ms, boots=self._agenda.boots)
        runs = [run for run in left if run.scheduled_ms <= until_ms]
        if task.enabled:
            runs += await self._portions.decide(
                task,
                now_ms,
                until_ms,
                late=late,
                after_ms=max(task.watermark_ms, spans.last_ms or 0),
            )
        return runs

    async def reload(self) -> None:
        """Take over what changed in the definitions; nothing else is looked at."""
        async with self._one_at_a_time:
            happened = await self._look()
            try:
                rows = await self._roster.read()
            except (StorageError, Refused):
                # What happened to the clocks was told once: decide by it now.
                await self._decide_what_was((), happened)
                raise
            changed = self._roster.changed(rows)
            await self._decide_what_was(changed, happened)
            self._roster.replace(rows)
            self._take_over(changed)
            await self._reckoning.heed_zones(at_once=True)
            self._runner.look_again()  # calendars may be others too
        if changed:
            log.info("definitions changed", tasks=sorted(changed)[:20], count=len(changed))

    async def take(self, rows: Iterable[TaskRow], gone: Iterable[str] = ()) -> None:
        """Take over some tasks as they were just recorded; all others are not looked at."""
        async with self._one_at_a_time:
            rows, gone = tuple(rows), tuple(gone)
            names = (*(row.task_name for row in rows), *gone)
            await self._decide_what_was(names, await self._look())
            self._roster.put(rows)
            self._roster.remove(gone)
            self._take_over(names)

    async def _decide_what_was(
        self, names: Collection[str], happened: Sequence[Happening] | None
    ) -> None:
        """Decide by the definitions known so far: of those that changed, up to their change."""
        if happened is None:
            return
        decided_until_ms, now_ms = self._reckoning.decided_until_ms, self._clock.now_ms()
        known: dict[str, Takeover] = {}
        if names:
            history = await self._patience.unless_away(
                lambda: self._roster.history(names, since_ms=decided_until_ms, until_ms=now_ms)
            )
            known = {
                name: takeover(spans, decided_until_ms) for name, spans in (history or {}).items()
            }
        first_ms = {
            name: taken.first_ms
            for name, taken in known.items()
            if taken.first_ms is not None and self._roster.get(name) is not None
        }
        await self._decide_due(happened, first_ms)
        for name, taken in known.items():
            self._pass_over(name, taken, first_ms.get(name, decided_until_ms), Late("too_late"))

    def _pass_over(self, name: str, taken: Takeover, after_ms: int, late: Late) -> None:
        """Let what only versions between two decisions made due have its rows; go on after them.

        A new timing raises the watermark to the change, a disabled or removed task is not looked
        at, and a pause says nothing of moments before it.
        """
        if taken.last_ms is None:
            return
        now_ms = self._clock.now_ms()
        rows = left_behind(taken, after_ms, late=late, now_ms=now_ms, boots=self._agenda.boots)
        self._portions.add(rows)
        self._agenda.watermarks[name] = max(self._agenda.watermarks.get(name, 0), taken.last_ms)

    def take_soon(self, rows: Iterable[TaskRow]) -> None:
        """Take over some tasks as they were just recorded, before the next decision."""
        self._to_take.extend(rows)
        self._wake.set()

    def _take_over(self, names: Iterable[str]) -> None:
        names = tuple(names)
        for name in names:
            self._agenda.plan(name)
        if names:
            self._changed(names)
            self._wake.set()

    # The loop

    async def run(self) -> None:
        """Decide every due moment, for ever."""
        while True:
            rows, self._to_take = self._to_take, []
            await (self.take(rows) if rows else self.decide())
            await self._sleep()

    async def decide(self) -> None:
        """Decide all moments that are due by now: claim and record them, then start."""
        async with self._one_at_a_time:
            await self._decide()

    async def _decide(self) -> None:
        happened = await self._look()
        if happened is not None:
            await self._decide_due(happened)

    async def _look(self) -> Sequence[Happening] | None:
        asked_ms, self._asked_ms = self._asked_ms, None
        return await self._reckoning.look(asked_ms)

    async def _decide_due(
        self, happened: Sequence[Happening], until_ms: Mapping[str, int] = _NOTHING
    ) -> None:
        """Decide what is due by now, or of some tasks up to an earlier moment."""
        now_ms = self._clock.now_ms()
        late = self._why_late(happened, now_ms)
        beat_due = _minute(now_ms) != _minute(self._beat_ms)
        runs, watermarks = await self._portions.work_off(
            self._agenda.take_due(now_ms), now_ms, late, until_ms
        )
        if runs or watermarks or _minute(now_ms) != _minute(self._noted_ms):
            await self._claiming.claim(runs, watermarks, decided_until_ms=now_ms)
            self._noted_ms = now_ms
        self._reckoning.decided_until_ms = now_ms
        self._has_watched = True
        if beat_due or happened:
            self._runner.look_again()
        if beat_due:
            self._beat_ms = now_ms
            await self._reckoning.heed_zones(at_once=False)
            await self._unplanned.tell()

    async def _taken(self, task_name: str, from_ms: int, until_ms: int) -> Sequence[Taken]:
        read = partial(self._recorder.taken, task_name, from_ms, until_ms)
        return await self._patience.unless_away(read) or ()

    def _why_late(self, happened: Sequence[Happening], now_ms: int) -> Late:
        """What to say of moments that nobody met when they came."""
        was_full = self._claiming.take_full()
        passed_by = [one for one in happened if late_reason([one]) is not None]
        reason = late_reason(passed_by)
        if reason is not None:
            return Late(reason, max(passed_by, key=lambda one: one.size_ms).message)
        if was_full:
            return Late("storage", FULL_NOTE)
        if not self._has_watched or now_ms - self._reckoning.decided_until_ms > GAP_MS:
            return Late("agent_down")
        return Late("too_late")

    # Waiting and writing

    async def _sleep(self) -> None:
        """Until the next due moment, the next beat, or a change."""
        now_ms = self._clock.now_ms()
        next_beat_ms = (now_ms // BEAT_MS + 1) * BEAT_MS
        first_ms = None if self._reckoning.is_held else self.first_due_ms()
        until_ms = next_beat_ms if first_ms is None else min(first_ms, next_beat_ms)
        if until_ms <= now_ms:
            await asyncio.sleep(0)
            return
        self._reckoning.note_sleep()
        started_ms = self._clock.monotonic_ms()
        is_due = until_ms == first_ms
        sleeping = asyncio.ensure_future(
            self._clock.sleep_until_ms(until_ms)
            if is_due
            else self._clock.sleep_ms(until_ms - now_ms)
        )
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            done, _ = await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()
        self._wake.clear()
        self._asked_ms = until_ms - now_ms
        if sleeping in done:
            self._lag_ms = max(0, self._clock.monotonic_ms() - started_ms - self._asked_ms)


def _minute(at_ms: int) -> int:
    return at_ms // BEAT_MS
