"""When each task is due: wakes at the next due moment and hands its runs on."""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec
import structlog

from agent.clock import Clock
from agent.due import due_between, next_due
from agent.errors import BadDefinition, StorageError
from agent.recorder import Recorder
from agent.roster import Roster
from agent.rules.admission import Decision, Record, Start, Summed, admit, refuse
from agent.runner import Runner
from agent.runs import Run
from agent.store.tasks import Span, TaskRow
from agent.ulid import new_ulid

log = structlog.get_logger(__name__)

BEAT_MS = 60_000
# A wake-up this long after the one before means that the agent, or its host, stood still.
GAP_MS = 2 * BEAT_MS
RECORD_AGAIN_MS = 1_000


class Scheduler:
    """A heap of next due moments; a wake-up costs only the tasks that are due."""

    def __init__(
        self,
        *,
        clock: Clock,
        recorder: Recorder,
        roster: Roster,
        runner: Runner,
        changed: Callable[[Iterable[str]], None],
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._roster = roster
        self._runner = runner
        self._changed = changed
        self._heap: list[tuple[int, int, str]] = []  # next due moment, definition, task name
        self._next: dict[str, int] = {}
        self._watermarks: dict[str, int] = {}
        self._broken: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._deciding = asyncio.Lock()
        self._decided_until_ms = 0
        self._has_watched = False
        self._overdue: list[Run] = []
        self._beat_ms = 0
        self.lag_ms = 0

    def next_ms(self, task_name: str) -> int | None:
        """The next due moment of a task that is enabled."""
        return self._next.get(task_name)

    def fault(self, task_name: str) -> str | None:
        """Why a task cannot be scheduled, when it cannot."""
        return self._broken.get(task_name)

    async def reload(self) -> None:
        """Take over what changed in the definitions; nothing else is looked at."""
        # What is due already was due by the old definitions.
        async with self._deciding:
            await self._decide()
            changed = await self._roster.load()
            for name in changed:
                self._plan(name)
        if changed:
            log.info("definitions changed", tasks=sorted(changed)[:20], count=len(changed))
            self._changed(changed)
            self._wake.set()

    def plan_all(self, *, decided_until_ms: int, history: Mapping[str, Sequence[Span]]) -> None:
        """Find the next due moment of every task, from the stored watermarks on.

        What was due by definitions that were changed while no agent served is missed.
        """
        self._decided_until_ms = decided_until_ms
        for task in self._roster.all():
            self._plan(task.task_name)
            spans = history.get(task.task_name, ())
            try:
                self._overdue.extend(self._taken_away(task, spans, decided_until_ms))
            except BadDefinition as error:
                log.error(
                    "an earlier version is not readable", task=task.task_name, cause=str(error)
                )

    async def run(self) -> None:
        """Decide every due moment, for ever."""
        while True:
            await self.decide()
            await self._sleep()

    async def decide(self) -> None:
        """Decide all moments that are due by now: claim and record them, then start."""
        async with self._deciding:
            await self._decide()

    async def _decide(self) -> None:
        now_ms = self._clock.now_ms()
        was_down = not self._has_watched or now_ms - self._decided_until_ms > GAP_MS
        due = self._take_due(now_ms)
        runs, self._overdue = self._overdue, []
        watermarks: dict[str, int] = {}
        busy = self._runner.busy_tasks()
        for name in due:
            task = self._roster.get(name)
            if task is None:
                continue
            try:
                decided = self._decide_task(task, now_ms, was_down=was_down, is_busy=name in busy)
            except Exception as error:  # noqa: BLE001 - its trace is logged, the others go on
                self._broke(name, error)
                continue
            runs.extend(decided)
            watermarks[name] = now_ms
        beat_due = now_ms - self._beat_ms >= BEAT_MS or now_ms < self._beat_ms
        if runs or beat_due:
            claimed = await self._until_recorded(
                lambda: self._recorder.claim(runs, watermarks=watermarks, decided_until_ms=now_ms)
            )
            self._runner.submit(run for run in runs if run.id in claimed and run.status == "queued")
            self._beat_ms = now_ms
        self._decided_until_ms = now_ms
        self._has_watched = True
        for name in watermarks:
            self._watermarks[name] = now_ms
            self._plan(name, after_ms=now_ms)
        if due:
            self._changed(due)

    # Planning

    def _plan(self, name: str, *, after_ms: int | None = None) -> None:
        """Compute the next due moment of one task and put it on the heap."""
        self._next.pop(name, None)
        self._broken.pop(name, None)
        task = self._roster.get(name)
        if task is None:
            self._watermarks.pop(name, None)
            return
        if not task.enabled:
            return
        if after_ms is None:
            after_ms = max(task.watermark_ms, self._watermarks.get(name, 0))
        try:
            due_ms = next_due(task.definition, after_ms)
        except Exception as error:  # noqa: BLE001 - as above
            self._broke(name, error)
            return
        if due_ms is None:
            return
        self._next[name] = due_ms
        heapq.heappush(self._heap, (due_ms, task.def_rev, name))

    def _broke(self, name: str, error: Exception) -> None:
        """One task that cannot be scheduled must not hold up the others."""
        self._next.pop(name, None)
        self._broken[name] = str(error)
        if isinstance(error, BadDefinition):
            log.error("a task cannot be scheduled", task=name, cause=str(error))
        else:
            log.error("a task cannot be scheduled", task=name, exc_info=error)

    def _take_due(self, now_ms: int) -> list[str]:
        due: dict[str, None] = {}  # each once, in the order of their moments
        while self._heap and self._heap[0][0] <= now_ms:
            due_ms, _, name = heapq.heappop(self._heap)
            if self._next.get(name) == due_ms:
                due[name] = None
        return list(due)

    def _decide_task(
        self, task: TaskRow, now_ms: int, *, was_down: bool, is_busy: bool
    ) -> list[Run]:
        definition = task.definition
        after_ms = max(task.watermark_ms, self._watermarks.get(task.task_name, 0))
        moments = due_between(definition, after_ms, now_ms)
        decisions = admit(
            definition,
            moments,
            is_running=is_busy,
            is_paused=task.is_paused(now_ms),
            now_ms=now_ms,
            was_down=was_down,
        )
        return [_as_run(task, decision, now_ms) for decision in decisions]

    def _taken_away(
        self, task: TaskRow, spans: Sequence[Span], decided_until_ms: int
    ) -> Iterator[Run]:
        """Rows for moments that a change put out of the scheduler's sight before it decided them.

        A new timing raises the watermark to the change, a disabled task is not looked at.
        """
        until_ms = task.watermark_ms if task.enabled else self._clock.now_ms()
        for span, following in pairwise(spans):
            begins_ms = max(span.from_ms, decided_until_ms)
            ends_ms = min(following.from_ms, until_ms)
            if not span.enabled or begins_ms >= ends_ms:
                continue
            definition = span.definition
            moments = due_between(definition, begins_ms, ends_ms)
            now_ms = self._clock.now_ms()
            for decision in refuse(moments, is_paused=span.paused, reason="agent_down"):
                yield _as_run(task, decision, now_ms)

    # Waiting and writing

    async def _sleep(self) -> None:
        """Until the next due moment, the next beat, or a change; never shorter than said."""
        now_ms = self._clock.now_ms()
        next_beat_ms = (now_ms // BEAT_MS + 1) * BEAT_MS
        until_ms = min(self._heap[0][0], next_beat_ms) if self._heap else next_beat_ms
        if until_ms <= now_ms:
            await asyncio.sleep(0)
            return
        started_ms = self._clock.monotonic_ms()
        sleeping = asyncio.ensure_future(self._clock.sleep_ms(until_ms - now_ms))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            done, _ = await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()
        self._wake.clear()
        if sleeping in done:
            self.lag_ms = max(0, self._clock.monotonic_ms() - started_ms - (until_ms - now_ms))

    async def _until_recorded(
        self, write: Callable[[], Awaitable[frozenset[str]]]
    ) -> frozenset[str]:
        while True:
            try:
                return await write()
            except StorageError as error:
                log.error("the database refuses; trying again", cause=str(error))
                await self._clock.sleep_ms(RECORD_AGAIN_MS)


def _as_run(task: TaskRow, decision: Decision, now_ms: int) -> Run:
    """The row of a decision: queued when it starts, ended at once when it does not."""
    match decision:
        case Start(moment_ms, trigger):
            return _row(task, moment_ms, now_ms, trigger=trigger, status="queued")
        case Record(moment_ms, status, reason):
            ended = _row(task, moment_ms, now_ms, trigger="schedule", status=status)
            return msgspec.structs.replace(ended, reason=reason, ended_ms=now_ms)
        case Summed(first_ms, last_ms, count, reason):
            ended = _row(task, first_ms, now_ms, trigger="schedule", status="missed")
            return msgspec.structs.replace(
                ended,
                reason=reason,
                ended_ms=now_ms,
                missed_count=count,
                missed_until_ms=last_ms,
            )


def _row(task: TaskRow, moment_ms: int, now_ms: int, *, trigger: str, status: str) -> Run:
    return Run(
        id=new_ulid(now_ms),
        task_name=task.task_name,
        category=task.definition.category,
        def_rev=task.def_rev,
        scheduled_ms=moment_ms,
        attempt=1,
        trigger=trigger,
        status=status,
        queued_ms=now_ms,
    )
