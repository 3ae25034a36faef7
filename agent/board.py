"""What everyone who watches sees: the wire's rows, kept equal to what was recorded."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import msgspec

from agent.clock import Clock
from agent.errors import AgentError
from agent.handlers.rows import alert_row, check_row, run_row, task_row
from agent.log import log_of
from agent.recorder import Shown
from agent.roster import Roster
from agent.rules.muting import Mute
from agent.runs import Run
from agent.store import alert_rules, alerts, ledger, mutes, statistics
from agent.store.alert_rules import RuleRow
from agent.store.alerts import Alert
from agent.store.checks import Check
from agent.store.database import Database
from agent.store.rollups import HOUR_MS
from agent.store.statistics import TaskStats
from shared.protocol.events import Summary
from shared.protocol.journal import Journal
from shared.protocol.rows import Agent, Task

log = log_of(__name__)

ENDED_STAY_MS = 300_000
SWEEP_MS = 10_000
GATHER_MS = 20
"""Ends that come together share one look at the statistics."""
PACE_MS = 100
"""Between two such looks: nobody is told of changes more often."""
LATE_MS = 30_000
MAX_ENDED = 500


class Backlog(msgspec.Struct, frozen=True):
    """What waits: runs made up for, tasks whose absence is worked off, since when the first."""

    catching_up: int = 0
    tasks: int = 0
    oldest_ms: int | None = None


class Board:
    """Owns what is on the wire; rows come in from the recorder, statistics follow at once."""

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        journal: Journal,
        roster: Roster,
        next_ms: Callable[[str], int | None],
        fault: Callable[[str], str | None],
        backlog: Callable[[], Backlog],
        first_due_ms: Callable[[], int | None],
        shows_words: bool = True,
    ) -> None:
        self._clock = clock
        self._database = database
        self._journal = journal
        self._roster = roster
        self._next_ms = next_ms
        self._fault = fault
        self._backlog = backlog
        self._first_due_ms = first_due_ms
        self._shows_words = shows_words
        self._counts: Summary | None = None
        self._live: dict[str, dict[str, Run]] = {}  # by task name, then by run id
        self._ended: dict[str, int] = {}  # run id -> when it leaves the wire
        self._last: dict[str, Run] = {}
        self._stats: dict[str, TaskStats] = {}
        self._looks: dict[str, tuple[Check, int]] = {}  # the newest, and since when it is so
        self._stale: set[str] = set()
        self._alerts: set[str] = set()  # the ids of those that are put up
        self._renewing = asyncio.Lock()
        self._news: dict[str, Alert] | None = None  # told of while all of them are being read
        self._agent: Agent | None = None
        self._wanted = asyncio.Event()
        self._hour = 0

    async def fill(self, *, with_live: bool = True) -> None:
        """Put up everything there is, before anybody is let in."""
        now_ms = self._clock.now_ms()
        self._stats = await self._database.read(partial(statistics.of_tasks, now_ms=now_ms))
        self._hour = now_ms // HOUR_MS
        newest = await self._database.read(partial(ledger.page, limit=MAX_ENDED, with_words=False))
        live = await self._database.read(ledger.unfinished) if with_live else ()
        for run in reversed(newest.runs):
            if run.has_ended:
                self._note_ended(run, now_ms)
        for run in live:
            self._note(run, now_ms)
        self.show_alerts(await self._database.read(alerts.open_alerts))
        self.show_tasks(task.task_name for task in self._roster.all())

    def put_up(self, live: Iterable[Run]) -> None:
        """Put up what is known without the database; `fill` adds the rest once it is back."""
        now_ms = self._clock.now_ms()
        for run in live:
            self._note(run, now_ms)
        self.show_tasks(task.task_name for task in self._roster.all())

    @property
    def looks(self) -> tuple[tuple[Check, int], ...]:
        """The newest look of each check, and since when it is as it is."""
        return tuple(self._looks.values())

    @property
    def live(self) -> Iterable[Run]:
        """The runs that are not over."""
        return [run for runs in self._live.values() for run in runs.values()]

    def show(self, shown: Shown) -> None:
        """Something was recorded: everyone may see it now."""
        now_ms = self._clock.now_ms()
        for run in shown.runs:
            self._note(run, now_ms)
            if run.has_ended:
                self._stale.add(run.task_name)
        if self._stale:
            self._wanted.set()
        self._take_back(frozenset(shown.gone_runs))
        self.show_tasks(shown.tasks)
        self.show_checks(shown.checks)
        self.show_alerts(shown.alerts)

    def _take_back(self, run_ids: frozenset[str]) -> None:
        """These rows are no more, and say nothing of their tasks either."""
        if not run_ids:
            return
        for run_id in run_ids:
            self._ended.pop(run_id, None)
            self._journal.remove("run", run_id)
        of_tasks = [name for name, last in self._last.items() if last.id in run_ids]
        for name in of_tasks:
            del self._last[name]
        self.show_tasks(of_tasks)

    def show_tasks(self, names: Iterable[str]) -> None:
        """Put these tasks' rows up as they are when somebody asks; a task that is gone leaves."""
        for name in names:
            self._counts = None
            self._journal.put_later("task", name, self._task_row)

    def _task_row(self, name: str) -> Task | None:
        task = self._roster.get(name)
        if task is None:
            return None
        return task_row(
            task,
            now_ms=self._clock.now_ms(),
            stats=self._stats.get(name),
            live=self._live.get(name, {}).values(),
            last=self._last.get(name),
            next_ms=self._next_ms(name),
            fault=self._fault(name),
            with_words=self._shows_words,
        )

    def show_checks(self, found: Iterable[Check]) -> None:
        """Put up what the health checks found."""
        for check in found:
            known = self._looks.get(check.check_name)
            since_ms = check.checked_ms if known is None else known[1]
            if known is None or known[0].status != check.status:
                since_ms = check.checked_ms
                # All is counted anew only when a count is another: each look tells of them all.
                self._counts = None
            self._looks[check.check_name] = (check, since_ms)
            self._journal.put(check_row(check, since_ms=since_ms, with_words=self._shows_words))

    def forget_check(self, check_name: str) -> None:
        """This check is no more."""
        self._counts = None
        self._looks.pop(check_name, None)
        self._journal.remove("check", check_name)

    def show_alerts(self, found: Iterable[Alert]) -> None:
        """Put up what is wrong; what is right again leaves."""
        for alert in found:
            if self._news is not None:
                self._news[alert.id] = alert
            if alert.status == "resolved":
                self._alerts.discard(alert.id)
                self._journal.remove("alert", alert.id)
            else:
                self._alerts.add(alert.id)
                self._journal.put(alert_row(alert, with_words=self._shows_words))

    def show_agent(self, row: Agent) -> None:
        """Put up the agent itself."""
        standing = "" if self._agent is None else self._agent.standing
        self._agent = msgspec.structs.replace(row, standing=standing)
        self._journal.put(self._agent)

    def _show_standing(self, rules: Sequence[RuleRow], quiet: Sequence[Mute]) -> None:
        """Whoever shows rules and quiet times is told when to ask for them anew."""
        said = [(row.rule.name, row.rev) for row in rules], [(one.id, one.made_ms) for one in quiet]
        if self._agent is not None:
            tag = hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16]
            self._agent = msgspec.structs.replace(self._agent, standing=tag)
            self._journal.put(self._agent)

    async def renew_alerts(self) -> None:
        """Put up what the database says is wrong, for what others changed in it."""
        # One after the other: what was read first must not be shown last.
        async with self._renewing:
            now_ms = self._clock.now_ms()
            rules = await self._database.read(alert_rules.load_all)
            quiet = await self._database.read(partial(mutes.not_over, now_ms=now_ms))
            self._show_standing(rules, quiet)
            news = self._news = {}
            try:
                found = await self._database.read(alerts.open_alerts)
            finally:
                self._news = None
            known = {alert.id: alert for alert in found} | news
            for gone in self._alerts - known.keys():
                self._journal.remove("alert", gone)
            self._alerts.clear()
            self.show_alerts(known.values())

    def durations_ms(self, task_name: str) -> tuple[int, ...]:
        """How long the last runs of a task took, as far as is known yet."""
        stats = self._stats.get(task_name)
        return () if stats is None else stats.spark

    def summary(self) -> Summary:
        """The whole agent in a few counts, for the heartbeat."""
        now_ms = self._clock.now_ms()
        if self._counts is None:
            self._counts = self._count()
        backlog = self._backlog()
        first_ms = self._first_due_ms()
        is_any_late = first_ms is not None and now_ms - first_ms > LATE_MS
        return msgspec.structs.replace(
            self._counts,
            late=self._count_late(now_ms) if is_any_late else 0,
            catching_up=backlog.catching_up,
            backlog=backlog.tasks,
            oldest_wait_ms=max(0, now_ms - backlog.oldest_ms) if backlog.oldest_ms else 0,
        )

    def _count(self) -> Summary:
        """What changes only with a row: ten thousand tasks are not counted with each heartbeat."""
        tasks = list(self._roster.all())
        # What waits for a ping waits for no slot.
        watches = {task.task_name for task in tasks if task.definition.kind == "watch"}
        states = [
            run.status
            for name, runs in self._live.items()
            for run in runs.values()
            if run.status != "queued" or name not in watches
        ]
        checks = [check.status for check, _ in self._looks.values()]
        return Summary(
            tasks=len(tasks),
            enabled=sum(task.enabled for task in tasks),
            running=sum(state in ("starting", "running", "stopping") for state in states),
            queued=states.count("queued"),
            failing=sum(stats.fails_in_row > 0 for stats in self._stats.values()),
            warn=checks.count("warn"),
            crit=checks.count("crit"),
        )

    def _count_late(self, now_ms: int) -> int:
        due = [self._next_ms(task.task_name) for task in self._roster.all()]
        return sum(at_ms is not None and now_ms - at_ms > LATE_MS for at_ms in due)

    async def run(self) -> None:
        """Bring statistics up to date after each end, and let old rows go, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._renew_often(), name="statistics")
            group.create_task(self._sweep_often(), name="sweep")

    async def _renew_often(self) -> None:
        while True:
            await self._wanted.wait()
            await self._clock.sleep_ms(GATHER_MS)
            self._wanted.clear()
            names, self._stale = sorted(self._stale), set()
            try:
                found = await self._database.read(
                    partial(statistics.of_tasks, now_ms=self._clock.now_ms(), names=names)
                )
            except AgentError as error:
                log.error("statistics not renewed", cause=str(error))
                self._stale.update(names)
                await self._clock.sleep_ms(SWEEP_MS)
                self._wanted.set()
                continue
            self._stats.update(found)
            self.show_tasks(names)
            await self._clock.sleep_ms(PACE_MS)

    async def _sweep_often(self) -> None:
        while True:
            await self._clock.rest_ms(SWEEP_MS)
            now_ms = self._clock.now_ms()
            for run_id, leaves_ms in list(self._ended.items()):
                if not now_ms < leaves_ms <= now_ms + ENDED_STAY_MS:
                    del self._ended[run_id]
                    self._journal.remove("run", run_id)
            if now_ms // HOUR_MS != self._hour:
                # Another clock hour: every task's last 24 hours are others now.
                self._hour = now_ms // HOUR_MS
                self._stale.update(task.task_name for task in self._roster.all())
                self._wanted.set()
            self.show_tasks(
                task.task_name
                for task in self._roster.all()
                if task.paused and not task.is_paused(now_ms)
            )

    def _note(self, run: Run, now_ms: int) -> None:
        self._counts = None
        if run.has_ended:
            self._live.get(run.task_name, {}).pop(run.id, None)
            self._note_ended(run, now_ms)
            return
        self._live.setdefault(run.task_name, {})[run.id] = run
        self._put(run)

    def _note_ended(self, run: Run, now_ms: int) -> None:
        # What was skipped says nothing about how the task is doing.
        if run.status != "skipped":
            self._last[run.task_name] = run
        # An end beyond now was told by a clock that has been put right since.
        leaves_ms = min(run.ended_ms or now_ms, now_ms) + ENDED_STAY_MS
        if leaves_ms <= now_ms or len(self._ended) >= MAX_ENDED:
            self._journal.remove("run", run.id)
            return
        self._ended[run.id] = leaves_ms
        self._put(run)

    def _put(self, run: Run) -> None:
        task = self._roster.get(run.task_name)
        is_watch = task is not None and task.definition.kind == "watch"
        self._journal.put(run_row(run, is_watch=is_watch, with_words=self._shows_words))
