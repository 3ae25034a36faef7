"""Who should have pinged, who did, and what becomes of the due moments of watches."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec

from agent import endings
from agent.claims import followers, new_run, unrun
from agent.clock import Clock
from agent.errors import AgentError, RunNotFound, StorageError, TaskNotFound
from agent.log import log_of
from agent.patience import Patience
from agent.recorder import Recorder
from agent.roster import Roster
from agent.rules.outcomes import NO_PING
from agent.rules.pinging import (
    MESSAGE_CHARS,
    Ping,
    answered_by,
    begun_by,
    check_expected,
    is_overdue,
    is_too_long,
)
from agent.runner import Runner
from agent.running import pings
from agent.runs import Run
from agent.settings import Home
from agent.store import ops
from agent.store.database import Database
from agent.store.tasks import TaskRow
from agent.troubles import Trouble, of_priority

log = log_of(__name__)

LOOK_MS: Final = 5_000
"""While a ping is waited for; else what came unheard is looked for half as often."""


class Watching:
    """Owns the rows of watches from their due moment to their end; one ping at a time."""

    def __init__(
        self,
        *,
        clock: Clock,
        home: Home,
        database: Database,
        recorder: Recorder,
        roster: Roster,
        runner: Runner,
        decide: Callable[[], Awaitable[None]],
        mask: Callable[[str], str],
    ) -> None:
        self._clock = clock
        self._patience = Patience(clock)
        self._home = home
        self._database = database
        self._recorder = recorder
        self._roster = roster
        self._runner = runner
        self._decide = decide
        self._mask = mask
        self._due: dict[str, list[Run]] = {}  # rows of moments whose grace is not over
        self._answered: set[str] = set()  # those of them that a ping came for
        self._alive: dict[str, list[Run]] = {}  # begun by a ping, and not ended
        self._kept: tuple[Ping, ...] = ()  # came while no agent listened
        self._in_hand: set[str] = set()  # pings that are being taken down
        self._turn = asyncio.Lock()
        self._taking_up = asyncio.Lock()

    # Beginning

    def takes(self, run: Run) -> bool:
        """Is this unfinished row one of a watch: no process of ours stands behind it."""
        task = self._roster.get(run.task_name)
        return task is not None and task.definition.kind == "watch" and run.pid is None

    async def recover(self, unfinished: Iterable[Run]) -> None:
        """Go on with the rows of an earlier agent, and see what was pinged meanwhile."""
        for run in unfinished:
            if run.trigger == "ping" and run.status == "queued":
                # An agent died between the two rows of a ping: what it said is not known.
                await self._finish(_lost(run, self._clock.now_ms()))
            elif run.status == "running":
                self._alive.setdefault(run.task_name, []).append(run)
            else:
                self.expect([run])
        try:
            found = await asyncio.to_thread(pings.waiting, self._home)
        except OSError as error:
            # No cause to stay down: the first look says it again, and people are told.
            log.error("kept pings cannot be read", cause=str(error))
        else:
            self._kept = tuple(ping for _, ping in found)

    def is_answered(self, task_name: str, from_ms: int, until_ms: int) -> bool:
        """Did a ping for a moment come while no agent listened?"""
        return any(
            ping.task_name == task_name and from_ms <= ping.at_ms <= until_ms for ping in self._kept
        )

    def expect(self, runs: Iterable[Run]) -> None:
        """These due moments have come; a ping is to come for each."""
        for run in runs:
            self._due.setdefault(run.task_name, []).append(run)

    # Pings

    async def ping(self, ping: Ping) -> Run:
        """Take a ping down; the run it belongs to, as it is now.

        Raises TaskNotFound for a task that runs a command, StorageError.
        """
        self._task(ping)
        # The start of what now ends may lie there still; what cannot be read, `look` tells of.
        with suppress(OSError):
            await self._take_up()
        return await self._record(ping)

    async def _record(self, ping: Ping) -> Run:
        self._in_hand.add(ping.op)
        try:
            # Its due moment may be this very moment, and not have its row yet.
            await self._decide()
            async with self._turn:
                return await self._take(ping)
        finally:
            self._in_hand.discard(ping.op)

    def _task(self, ping: Ping) -> TaskRow:
        task = self._roster.get(ping.task_name)
        if task is None:
            raise TaskNotFound(ping.task_name)
        check_expected(task.definition)
        return task

    async def _take(self, ping: Ping) -> Run:
        task = self._task(ping)
        begun = None
        if ping.what != "start":
            begun = begun_by(self._alive.get(ping.task_name, ()), ping.run_id)
        row = begun or self._asked_for(task, ping) or await self._extra(task, ping)
        # Its row may stand already, so that nobody is to tell it again.
        return await self._patience.to_the_end(lambda: self._answer(task, row, ping))

    async def _answer(self, task: TaskRow, row: Run, ping: Ping) -> Run:
        if ping.what == "start":
            living = msgspec.structs.replace(
                row,
                status="running",
                started_ms=ping.at_ms,
                late_ms=max(0, ping.at_ms - row.scheduled_ms),
                note=self._said(ping),
                op=ping.op,
            )
            await self._recorder.started(living)
            self._answered.add(row.id)
            self._alive.setdefault(ping.task_name, []).append(living)
            return living
        over = self._ended(task, row, ping)
        await self._finish(over)
        if over.status == "success":
            await self._recorder.resolve(_alert_of(ping.task_name))
        return over

    def _asked_for(self, task: TaskRow, ping: Ping) -> Run | None:
        row = answered_by(
            self._due.get(ping.task_name, ()),
            ping.at_ms,
            grace_ms=task.definition.ping_grace_s * 1000,
        )
        return None if row is None or row.id in self._answered else row

    async def _extra(self, task: TaskRow, ping: Ping) -> Run:
        """No due moment waits for it: it is a run that nobody expected."""
        return await self._recorder.order(
            new_run(
                task,
                moment_ms=ping.at_ms,
                now_ms=self._clock.now_ms(),
                trigger="ping",
                requested_by=ping.who or None,
                op=ping.op,
            )
        )

    def _ended(self, task: TaskRow, row: Run, ping: Ping) -> Run:
        definition = task.definition
        status = "success"
        if ping.what == "fail":
            status = endings.status_of(definition, ping.exit_status)
        is_good = status == "success"
        said = self._said(ping)
        ended_ms = max(ping.at_ms, row.started_ms or 0)
        return msgspec.structs.replace(
            row,
            status=status,
            ended_ms=ended_ms,
            duration_ms=None if row.started_ms is None else ended_ms - row.started_ms,
            late_ms=max(0, ping.at_ms - row.scheduled_ms)
            if row.started_ms is None
            else row.late_ms,
            exit_status=ping.exit_status,
            signal=ping.signal,
            error_class=endings.class_of(definition, status, ping.exit_status, ping.signal),
            note=said if is_good else row.note,
            error_message=None if is_good else said,
            op=row.op or ping.op,
        )

    def _said(self, ping: Ping) -> str | None:
        if not ping.message:
            return None
        return self._mask(ping.message)[:MESSAGE_CHARS]

    async def _finish(self, run: Run) -> None:
        """Record an end, and with it the runs of the tasks that follow."""
        chained = followers(
            self._roster.followers(run.task_name),
            run,
            self._runner.busy,
            now_ms=self._clock.now_ms(),
        )
        new = await self._recorder.ended(run, None, chained)
        self._runner.submit(row for row in new if row.trigger == "chain" and not row.has_ended)
        self._answered.add(run.id)
        self._alive[run.task_name] = [
            one for one in self._alive.get(run.task_name, ()) if one.id != run.id
        ]

    async def abort(self, run_id: str, *, who: str) -> str:
        """Wait for no ping of this run any more; raises RunNotFound."""
        async with self._turn:
            for run in self._waiting():
                if run.id == run_id:
                    stopped = endings.stopping(run, endings.STOPPED_BY_HAND, who)
                    await self._finish(
                        unrun(
                            stopped,
                            "aborted",
                            endings.STOPPED_BY_HAND,
                            now_ms=self._clock.now_ms(),
                        )
                    )
                    return "ended"
        raise RunNotFound(run_id)

    # Looking

    async def run(self) -> None:
        """Look every few seconds, for ever."""
        while True:
            try:
                await self.look()
            except AgentError as error:
                log.error("watches not looked after; trying again", cause=str(error))
            await self._clock.rest_ms(LOOK_MS if self._waiting() else 2 * LOOK_MS)

    async def look(self) -> None:
        """Take up what was pinged while no agent listened, then say what did not come.

        Raises OSError when that lies where it cannot be read; what did not come is said first.
        """
        refused: OSError | None = None
        try:
            if pings.are_any(self._home):
                await self._take_up()
        except OSError as error:
            refused = error
        async with self._turn:
            now_ms = self._clock.now_ms()
            for run in self._waiting():
                await self._judge(run, now_ms)
            for name, rows in list(self._due.items()):
                self._forget(name, rows, now_ms)
        if refused is not None:
            raise refused

    def _waiting(self) -> Sequence[Run]:
        unanswered = [
            row for rows in self._due.values() for row in rows if row.id not in self._answered
        ]
        return [*unanswered, *(run for runs in self._alive.values() for run in runs)]

    async def _judge(self, run: Run, now_ms: int) -> None:
        """End a row when it is too late for the ping it waits for."""
        task = self._roster.get(run.task_name)
        if task is None or not task.enabled or task.definition.kind != "watch":
            await self._finish(unrun(run, "skipped", "disabled", now_ms=now_ms))
            return
        definition = task.definition
        if run.status == "running":
            if is_too_long(run, now_ms, timeout_ms=definition.timeout_seconds * 1000):
                await self._finish(
                    msgspec.structs.replace(
                        run,
                        status="timeout",
                        ended_ms=now_ms,
                        duration_ms=now_ms - (run.started_ms or now_ms),
                        error_class="recoverable",
                        error_message=(
                            f"it said that it began, but not within its "
                            f"{definition.timeout_seconds} s how it ended"
                        ),
                    )
                )
            return
        if is_overdue(run, now_ms, grace_ms=definition.ping_grace_s * 1000):
            # The alert first: counted once too often is better than not at all.
            await self._recorder.alert(_no_ping(task, run))
            await self._finish(unrun(run, "missed", NO_PING, now_ms=now_ms))

    def _forget(self, name: str, rows: list[Run], now_ms: int) -> None:
        """Let go of moments that no ping can answer any more."""
        task = self._roster.get(name)
        grace_ms = task.definition.ping_grace_s * 1000 if task is not None else 0
        over = [
            row
            for row in rows
            if row.id in self._answered and is_overdue(row, now_ms, grace_ms=grace_ms)
        ]
        self._answered.difference_update(row.id for row in over)
        left = [row for row in rows if row not in over]
        if left:
            self._due[name] = left
        else:
            del self._due[name]

    async def _take_up(self) -> None:
        async with self._taking_up:
            for path, ping in await asyncio.to_thread(pings.waiting, self._home):
                if ping.op in self._in_hand:
                    continue  # it was told as well, and its teller did not wait for the answer
                try:
                    if not await self._is_recorded(ping):
                        self._task(ping)
                        await self._record(ping)
                except StorageError:
                    raise
                except AgentError as error:
                    log.error("a kept ping is of no use", task=ping.task_name, cause=str(error))
                await asyncio.to_thread(pings.forget, path)
            self._kept = ()

    async def _is_recorded(self, ping: Ping) -> bool:
        """Was it told to an agent after all, but whoever told it never heard so?"""
        return await self._database.read(
            partial(ops.is_known, op=ping.op, task_name=ping.task_name, at_ms=ping.at_ms)
        )


def _lost(run: Run, now_ms: int) -> Run:
    return unrun(run, "lost", "no_trace", now_ms=now_ms)


def _no_ping(task: TaskRow, run: Run) -> Trouble:
    definition = task.definition
    return Trouble(
        dedupe_key=_alert_of(task.task_name),
        kind=NO_PING,
        severity=of_priority(definition.priority),
        title=f"No ping from {task.task_name}",
        message=(
            f"It was due and did not ping within {definition.ping_grace_s} s (run {run.id}); "
            "see whether whatever starts it still does. The next good ping ends this alert."
        ),
        task_name=task.task_name,
    )


def _alert_of(task_name: str) -> str:
    return f"{NO_PING}:{task_name}"
