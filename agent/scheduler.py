"""When each task is due: wakes at the next due moment and hands its runs on."""

import asyncio
from collections import deque
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
    Set,
)
from functools import partial
from itertools import chain, islice

from agent.agenda import Agenda
from agent.claims import unrun
from agent.clock import Clock
from agent.deciding import Deciding, cut_sum
from agent.definitions import Definition
from agent.endings import is_past_deadline
from agent.errors import NotStorable, Refused, StorageError
from agent.log import log_of
from agent.patience import Patience
from agent.recorder import Recorder
from agent.roster import Roster
from agent.rules import calendar, schedule
from agent.rules.admission import ON_TIME_MS, Late
from agent.rules.alerting import Trouble
from agent.rules.clocks import (
    EARLIEST_MS,
    SHOWN_KINDS,
    Happening,
    judge_start,
    late_reason,
)
from agent.runner import Runner
from agent.runs import Run
from agent.store.corrections import Taken
from agent.store.standby import Found
from agent.store.tasks import Span, TaskRow
from agent.takeover import Takeover, left_behind, takeover
from agent.timekeeper import Timekeeper
from agent.watching import Watching
from agent.windows import Closed

log = log_of(__name__)

BEAT_MS = 60_000
# A wake-up this long after the one before means that the agent, or its host, stood still.
GAP_MS = 2 * BEAT_MS
ROWS_AT_ONCE = 2_000
"""Rows of a long absence that share a transaction; between two what is due now has its turn."""
ROWS_OF_ABSENCE = 50_000
"""Moments told one by one after an absence, of all tasks together; the others are summed."""
TASK_INVALID = "task_invalid"
FEWEST_ROWS, MOST_ROWS = 20, 1_000

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
        self._timekeeper = timekeeper
        self._recorder = recorder
        self._roster = roster
        self._runner = runner
        self._watching = watching
        self._boot_id = boot_id
        self._changed = changed
        self._agenda = Agenda(roster)
        self._deciding = Deciding(
            busy=runner.busy,
            is_answered=watching.is_answered,
            closed_at=closed_at,
            taken=self._taken,
        )
        self._patience = Patience(clock)
        self._told: set[str] = set()  # broken tasks whose alert is written
        self._clock_happening: Happening | None = None
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._decided_until_ms = 0
        self._highest_ms = 0
        self._has_watched = False
        self._knows_boot = False
        self._is_held = False
        self._overdue: Iterator[Run] = iter(())
        self._to_take: list[TaskRow] = []
        self._beat_ms = 0
        self._asked_ms: int | None = None
        self._lag_ms = 0
        self._backlog = 0

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
        return self._backlog

    @property
    def boots(self) -> tuple[int, ...]:
        """When the agent first saw each boot of the host."""
        return self._agenda.boots

    def clock_happening(self) -> Happening | None:
        """The last thing worth showing that happened to the clocks."""
        return self._clock_happening

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
        self._told.update(told)
        self._agenda.boots = tuple(boots)
        self._highest_ms = highest_ms
        self._decided_until_ms = decided_until_ms
        await self._begin_by_clock()
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
        self._agenda.boots, self._knows_boot = tuple(boots), True
        self._highest_ms = highest_ms
        await self._begin_by_clock()
        self._decided_until_ms = decided_until_ms
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
                    await self._claim(free, {name: until_ms} if name in changed else {})
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
            runs += await self._decide_one(
                task,
                now_ms,
                until_ms,
                late=late,
                limit=FEWEST_ROWS,
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
            if self._timekeeper.have_zones_changed(at_once=True):
                await self._change_zones()
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
        decided_until_ms, now_ms = self._decided_until_ms, self._clock.now_ms()
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
        self._overdue = chain(self._overdue, rows)
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
        """What happened to the clocks since the last look; None while they cannot be trusted."""
        self._timekeeper.look(asked_ms=self._asked_ms)
        self._asked_ms = None
        happened = self._timekeeper.take()
        # A wrong clock may also be put right in steps too small to be seen.
        if happened or (self._is_held and self._clock.now_ms() >= EARLIEST_MS):
            await self._react(happened)
        return None if self._is_held else happened

    async def _decide_due(
        self, happened: Sequence[Happening], until_ms: Mapping[str, int] = _NOTHING
    ) -> None:
        """Decide what is due by now, or of some tasks up to an earlier moment."""
        now_ms = self._clock.now_ms()
        late = self._why_late(happened, now_ms)
        beat_due = now_ms - self._beat_ms >= BEAT_MS or now_ms < self._beat_ms
        runs, watermarks = await self._decide_tasks(
            self._agenda.take_due(now_ms), now_ms, late, until_ms
        )
        if runs or watermarks or beat_due:
            await self._claim(runs, watermarks, decided_until_ms=now_ms)
            self._beat_ms = now_ms
        self._decided_until_ms = now_ms
        self._has_watched = True
        if beat_due or happened:
            self._runner.look_again()
        if beat_due:
            if self._timekeeper.have_zones_changed(at_once=False):
                await self._change_zones()
            await self._tell_broken()

    async def _decide_tasks(
        self, due: Mapping[str, int], now_ms: int, late: Late, until_ms: Mapping[str, int]
    ) -> tuple[list[Run], dict[str, int]]:
        """Decide for these tasks; the rows still to be claimed, and how far their tasks are.

        After a long absence most are claimed on the way, a bounded number at once.
        """
        limit = max(FEWEST_ROWS, min(MOST_ROWS, ROWS_OF_ABSENCE // max(1, len(due))))
        runs: list[Run] = []
        watermarks: dict[str, int] = {}
        while overdue := list(islice(self._overdue, ROWS_AT_ONCE)):
            await self._claim(overdue, {})
        # What is due now is not to wait for what was missed.
        work = deque(sorted(due, key=lambda name: now_ms - due[name] > ON_TIME_MS))
        while work:
            self._backlog = len(work) - 1
            name = work.popleft()
            task = self._roster.get(name)
            if task is None:
                continue
            at_ms = self._clock.now_ms()
            ends_ms = min(at_ms, until_ms.get(name, at_ms))
            try:
                runs.extend(await self._decide_one(task, at_ms, ends_ms, late=late, limit=limit))
            except Exception as error:  # noqa: BLE001 - its trace is logged, the others go on
                self._agenda.broke(name, error)
                continue
            watermarks[name] = ends_ms
            if len(runs) >= ROWS_AT_ONCE:
                await self._claim(runs, watermarks)
                runs, watermarks = [], {}
                # Nor is what has become due meanwhile.
                work.extendleft(reversed(self._agenda.take_due(self._clock.now_ms())))
                log.info("working off what was missed", tasks_left=len(work))
        return runs, watermarks

    async def _claim(
        self,
        runs: Sequence[Run],
        watermarks: Mapping[str, int],
        *,
        decided_until_ms: int | None = None,
    ) -> None:
        """Write these rows, and how far their tasks are decided with them; then start."""
        try:
            with self._runner.arriving(runs):
                claimed = await self._patience.until_recorded(
                    lambda: self._recorder.claim(
                        runs, watermarks=watermarks, decided_until_ms=decided_until_ms
                    )
                )
                ours = [run for run in runs if run.id in claimed and run.status == "queued"]
                startable = await self._in_time(
                    [run for run in ours if not self._watching.takes(run)]
                )
        except NotStorable as error:
            await self._claim_apart(runs, watermarks, error)
            return
        self._watching.expect(run for run in ours if self._watching.takes(run))
        self._runner.submit(startable)
        # What starts now is ordered before its next moments are looked for and shown.
        await asyncio.sleep(0)
        for name, at_ms in watermarks.items():
            # A change may have been taken over meanwhile that counts from a later moment.
            self._agenda.watermarks[name] = max(at_ms, self._agenda.watermarks.get(name, 0))
            self._agenda.plan(name)
        if watermarks:
            self._changed(watermarks)

    async def _claim_apart(
        self, runs: Sequence[Run], watermarks: Mapping[str, int], error: NotStorable
    ) -> None:
        """Claim what the database refuses task by task, so that one alone is held up by it."""
        names = {run.task_name for run in runs}
        if len(names) < 2:
            for name in names:
                self._agenda.broke(name, error)
            return
        for name in names:
            await self._claim(
                [run for run in runs if run.task_name == name],
                {name: watermarks[name]} if name in watermarks else {},
            )
        rest = {name: at_ms for name, at_ms in watermarks.items() if name not in names}
        if rest:
            await self._claim((), rest)

    async def _in_time(self, runs: Sequence[Run]) -> Sequence[Run]:
        """Those that may still start; what a refusing database held up for too long may not."""
        now_ms = self._clock.now_ms()
        late = [run for run in runs if self._is_past_deadline(run, now_ms)]
        if not late:
            return runs
        log.error("claimed too late to be started", runs=len(late))
        note = "the database refused the claim until the deadline for its start was over"
        missed = [unrun(run, "missed", "too_late", now_ms=now_ms, note=note) for run in late]
        await self._patience.until_recorded(
            lambda: asyncio.gather(*[self._recorder.ended(run) for run in missed])
        )
        gone = {run.id for run in late}
        return [run for run in runs if run.id not in gone]

    def _is_past_deadline(self, run: Run, now_ms: int) -> bool:
        task = self._roster.get(run.task_name)
        return task is not None and is_past_deadline(run, task.definition, now_ms=now_ms)

    async def _decide_one(
        self,
        task: TaskRow,
        now_ms: int,
        until_ms: int,
        *,
        late: Late,
        limit: int,
        after_ms: int | None = None,
    ) -> list[Run]:
        return await self._deciding.decide(
            task,
            after_ms=self._agenda.after_ms(task) if after_ms is None else after_ms,
            until_ms=until_ms,
            now_ms=now_ms,
            late=late,
            limit=limit,
            boots=self._agenda.boots,
            highest_ms=self._highest_ms,
        )

    async def _taken(self, task_name: str, from_ms: int, until_ms: int) -> Sequence[Taken]:
        read = partial(self._recorder.taken, task_name, from_ms, until_ms)
        return await self._patience.unless_away(read) or ()

    def _why_late(self, happened: Sequence[Happening], now_ms: int) -> Late:
        """What to say of moments that nobody met when they came."""
        passed_by = [one for one in happened if late_reason([one]) is not None]
        reason = late_reason(passed_by)
        if reason is not None:
            return Late(reason, max(passed_by, key=lambda one: one.size_ms).message)
        if not self._has_watched or now_ms - self._decided_until_ms > GAP_MS:
            return Late("agent_down")
        return Late("too_late")

    async def _tell_broken(self) -> None:
        """Raise an alert for each task that suspended itself, end it where the task is mended."""
        for name in self._agenda.broken.keys() - self._told:
            cause = self._agenda.broken[name]
            trouble = Trouble(
                dedupe_key=_alert_of(name),
                kind=TASK_INVALID,
                severity="high",
                title=f"{name} cannot be scheduled",
                message=f"{cause}; it does not run until its definition is mended",
                task_name=name,
            )
            await self._patience.until_recorded(partial(self._recorder.alert, trouble))
            self._told.add(name)
        for name in self._told - self._agenda.broken.keys():
            await self._patience.until_recorded(partial(self._recorder.resolve, _alert_of(name)))
            self._told.discard(name)

    # Clocks

    async def _begin_by_clock(self) -> None:
        """Decide whether this clock can be true, and what it means for what was decided before."""
        decided_ms = self._decided_until_ms or None
        beginning = judge_start(decided_ms, self._clock.now_ms(), is_new_boot=False)
        was_held = self._is_held
        self._is_held = beginning.verdict == "hold"
        if self._is_held:
            if not was_held:
                await self._tell([beginning.happening])
            return
        booted_ms = None
        if not self._knows_boot:
            booted_ms = await self._patience.until_recorded(
                partial(self._recorder.booted, self._boot_id)
            )
        if booted_ms is not None:
            self._agenda.boots = (*self._agenda.boots, booted_ms)
            now_ms = self._clock.now_ms()
            beginning = judge_start(decided_ms, now_ms, is_new_boot=True)
        if beginning.verdict == "correct" and beginning.happening is not None:
            await self._correct(beginning.happening)
        else:
            await self._tell([beginning.happening])

    async def _react(self, happened: Sequence[Happening]) -> None:
        """Do what the clocks demand before anything is decided by them."""
        if self._is_held:
            await self._tell(happened)
            await self._begin_by_clock()
            self._agenda.plan_all()
            return
        for one in happened:
            if one.kind == "clock_corrected":
                await self._correct(one)
            else:
                self._is_held = self._is_held or one.kind == "clock_wrong"
                await self._tell([one])

    async def _tell(self, happened: Sequence[Happening | None]) -> None:
        told = [one for one in happened if one is not None]
        for one in told:
            self._note_happening(one)
        if told:
            await self._patience.until_recorded(partial(self._recorder.happened, told))

    def _note_happening(self, one: Happening) -> None:
        log.warning(one.message, kind=one.kind, size_ms=one.size_ms)
        if one.kind in SHOWN_KINDS:
            self._clock_happening = one

    async def _correct(self, happening: Happening) -> None:
        """The clock stood too late and was put right: go on from now.

        Moments that ran keep their rows and do not run again; rows that tell of moments to come
        as missed or skipped are withdrawn, and sums that reach beyond now end now.
        """
        now_ms = happening.at_ms
        self._highest_ms = max(
            self._highest_ms, self._decided_until_ms, *self._agenda.watermarks.values(), now_ms
        )
        self._note_happening(happening)
        withdrawn = await self._patience.until_recorded(
            partial(
                self._recorder.correct,
                happening,
                highest_ms=self._highest_ms,
                cut=partial(cut_sum, now_ms=now_ms, boots=self._agenda.boots),
            )
        )
        log.warning("moments that had not come were taken back", count=withdrawn.count)
        await self._patience.until_recorded(
            partial(
                self._recorder.alert,
                Trouble(
                    dedupe_key="clock_corrected",
                    kind="clock_corrected",
                    severity="high",
                    title="The clock was put right by hours",
                    message=happening.message,
                ),
            )
        )
        self._decided_until_ms = min(self._decided_until_ms, now_ms)
        self._agenda.watermarks = {}
        await self._patience.until_recorded(self._roster.load)
        self._agenda.plan_all()
        self._changed([task.task_name for task in self._roster.all()])

    async def _change_zones(self) -> None:
        """The rules of the zones were replaced: moments to come are reckoned by the new ones."""
        schedule.forget()
        calendar.forget()
        happening = Happening(
            kind="zones_changed",
            size_ms=0,
            at_ms=self._clock.now_ms(),
            message="The time zone data was replaced; all due moments were reckoned anew.",
        )
        await self._patience.until_recorded(partial(self._recorder.happened, [happening]))
        self._agenda.plan_all()
        self._changed([task.task_name for task in self._roster.all()])

    # Waiting and writing

    async def _sleep(self) -> None:
        """Until the next due moment, the next beat, or a change; never shorter than said."""
        now_ms = self._clock.now_ms()
        next_beat_ms = (now_ms // BEAT_MS + 1) * BEAT_MS
        first_ms = None if self._is_held else self.first_due_ms()
        until_ms = next_beat_ms if first_ms is None else min(first_ms, next_beat_ms)
        if until_ms <= now_ms:
            await asyncio.sleep(0)
            return
        # What happened while the agent was at work is no fault of its sleep.
        self._timekeeper.look()
        started_ms = self._clock.monotonic_ms()
        sleeping = asyncio.ensure_future(self._clock.sleep_ms(until_ms - now_ms))
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


def _alert_of(name: str) -> str:
    return f"{TASK_INVALID}:{name}"
