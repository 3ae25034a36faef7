"""What of all that is shown makes an alert, or ends one?"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Final

from agent.alertrules import AlertRule
from agent.clock import Clock
from agent.errors import AgentError
from agent.log import log_of
from agent.ownrules import OwnRules
from agent.recorder import Recorder, Shown
from agent.roster import Roster
from agent.rules import alerting, usual
from agent.rules.muting import Mute, muted_until_ms
from agent.rules.outcomes import NO_PING
from agent.runs import Run
from agent.store import alerts, mutes, recent
from agent.store.alerts import Alert
from agent.store.checks import Check
from agent.store.database import Database
from agent.troubles import Trouble, is_worse

log = log_of(__name__)

MOST_WAITING: Final = 1_000
AGAIN_S: Final = 10.0
FROZEN_MS: Final = 30_000
LONGEST_S: Final = 3_600.0


class Alerter:
    """Hears what was recorded and judges it; what it finds is written after what it heard.

    The alert for a failure is none of its business: that one is written with the end of the run.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        recorder: Recorder,
        priority: Callable[[str], int],
        durations_ms: Callable[[str], Sequence[int]],
        waiting: Callable[[], tuple[int, int | None]],
        roster: Roster,
    ) -> None:
        self._clock = clock
        self._database = database
        self._recorder = recorder
        self._priority = priority
        self._durations_ms = durations_ms
        self._waiting = waiting
        self._roster = roster
        self._own = OwnRules(clock=clock, database=database, roster=roster)
        # Of each task the newest good run that may be unusual, and the newest unused moment.
        self._odd: dict[str, Run] = {}
        self._unused: dict[str, Run] = {}
        self._retries: dict[str, tuple[int, str]] = {}  # by id: when it was seen, of which task
        self._mutes: tuple[Mute, ...] = ()
        self._is_to_heed = True  # windows may be others
        self._heeded_ms = 0  # up to when windows that begin or end were heeded
        self._open: dict[str, Alert] = {}
        self._renewing = asyncio.Lock()
        self._news: list[Alert] | None = None  # noted while all that is open is being read
        # What is to be raised, or ended (None), by its key: said twice, it is one thing to do.
        self._to_do: dict[str, Trouble | None] = {}
        # What nothing took as it was raised, and people may have heard of all the same; and what
        # of that is over: it has to be a row before its end can be told.
        self._in_vain: set[str] = set()
        self._over_meanwhile: set[str] = set()
        self._missing: set[str] = set()
        self._looked_ms = clock.monotonic_ms()
        self._was_frozen = False
        self._wake = asyncio.Event()

    async def renew(self) -> None:
        """Know what is open, for what others changed in the database."""
        # One after the other: what was read first must not be what is judged by in the end.
        async with self._renewing:
            news = self._news = []
            try:
                found = await self._database.read(alerts.open_alerts)
            finally:
                self._news = None
            self._open = {alert.dedupe_key: alert for alert in found}
            self._note_alerts(news)
            now_ms = self._clock.now_ms()
            self._mutes = await self._database.read(partial(mutes.not_over, now_ms=now_ms))
            self._is_to_heed = True
            await self._own.load()
        self._judge(None, alerting.STOPPED_KEY)
        self._wake.set()

    def take(
        self, rules: Iterable[AlertRule], windows: Iterable[Mute], opened: Iterable[Alert] = ()
    ) -> None:
        """Know these while the database is away: `renew` comes when it is back."""
        self._open = {alert.dedupe_key: alert for alert in opened}
        self._mutes = tuple(windows)
        self._is_to_heed = False  # there are no rows to heed them
        self._own.take(rules)

    def is_muted(self, alert: Alert) -> bool:
        """Nobody is told of it now, as somebody works on what it is about."""
        return self._muted_until_ms(alert.task_name) is not None

    def _muted_until_ms(self, task_name: str | None) -> int | None:
        if not self._mutes:
            return None
        task = None if task_name is None else self._roster.get(task_name)
        return muted_until_ms(
            self._mutes,
            task_name=task_name,
            category=None if task is None else task.definition.category,
            now_ms=self._clock.now_ms(),
        )

    def note(self, shown: Shown) -> None:
        """Something was recorded."""
        if self._news is not None:
            self._news.extend(shown.alerts)
        self._note_alerts(shown.alerts)
        if not shown.runs:
            return
        self._note_missed([run for run in shown.runs if run.status == "missed"])
        for run in shown.runs:
            self._note_run(run)
        if self._own.is_asked:
            self._wake.set()

    def _note_alerts(self, found: Iterable[Alert]) -> None:
        for alert in found:
            if alert.status == "resolved":
                self._open.pop(alert.dedupe_key, None)
            else:
                self._open[alert.dedupe_key] = alert
            if alert.snoozed_until_ms is not None or alert.resolves_ms is not None:
                self._wake.set()

    def _note_run(self, run: Run) -> None:
        if run.status == "running":
            self._judge(alerting.late(run), alerting.key_of_late(run.task_name))
        elif run.status == "success":
            self._note_good(run)
        elif run.status == "retry_wait" and len(self._retries) < MOST_WAITING:
            self._retries[run.id] = (self._clock.monotonic_ms(), run.task_name)
        elif run.status == "skipped" and run.reason in alerting.NOBODY_CHOSE:
            self._look_later(self._unused, run)
        if run.has_ended:
            for key, trouble in self._own.note(run):
                self._judge(trouble, key)

    def _look_later(self, at: dict[str, Run], run: Run) -> None:
        """What the database has to be asked for is asked soon, once a task."""
        if run.task_name in at or len(at) < MOST_WAITING:
            at[run.task_name] = run
            self._wake.set()

    def note_checks(self, found: Iterable[Check]) -> None:
        """The host was looked at."""
        before_ms, self._looked_ms = self._looked_ms, self._clock.monotonic_ms()
        if self._looked_ms - before_ms > FROZEN_MS:
            # Others may have seen that nothing was decided, and said so.
            self._was_frozen = True
            self._wake.set()
        for check in found:
            key = alerting.key_of_check(check.check_name)
            trouble = alerting.of_check(
                check.check_name, check.status, check.message, severity=check.severity
            )
            if trouble is not None or check.status == "ok":
                self._judge(trouble, key, counts=False)
        count, oldest_ms = self._waiting()
        oldest_wait_ms = 0 if oldest_ms is None else max(0, self._clock.now_ms() - oldest_ms)
        piled = alerting.backlog(count, oldest_wait_ms)
        self._judge(piled, alerting.BACKLOG_KEY, counts=False)
        self._judge_retries()
        if self._own.is_due:
            self._wake.set()

    def _judge_retries(self) -> None:
        since_ms = self._clock.monotonic_ms() - alerting.STORM_MS
        self._retries = {
            run_id: (at_ms, name)
            for run_id, (at_ms, name) in self._retries.items()
            if at_ms > since_ms
        }
        names = {name for _, name in self._retries.values()}
        storm = alerting.retry_storm(len(self._retries), len(names))
        # It is over when most of it is, not at the first retry less.
        if storm is not None or len(self._retries) < alerting.STORM // 3:
            self._judge(storm, alerting.STORM_KEY, counts=False)

    def _note_missed(self, runs: Sequence[Run]) -> None:
        # Whoever found that no ping came has said so.
        found = [run for run in runs if run.reason != NO_PING]
        names = {run.task_name for run in found}
        for trouble in alerting.missed(found, {name: self._priority(name) for name in names}):
            self._judge(trouble, trouble.dedupe_key)
            if trouble.dedupe_key == alerting.MANY_MISSED_KEY:
                self._missing |= names

    def _note_good(self, run: Run) -> None:
        self._judge(None, alerting.key_of_missed(run.task_name))
        self._judge(None, alerting.key_of_not_run(run.task_name))
        self._unused.pop(run.task_name, None)
        for key, trouble in self._own.succeeded(run):
            self._judge(trouble, key)
        if usual.is_odd(run, self._durations_ms(run.task_name)):
            self._look_later(self._odd, run)
        else:
            self._judge(None, usual.key_of_slower(run.task_name))
            self._judge(None, usual.key_of_quicker(run.task_name))
        self._missing.discard(run.task_name)
        if not self._missing:
            self._judge(None, alerting.MANY_MISSED_KEY)

    def _judge(self, trouble: Trouble | None, key: str, *, counts: bool = True) -> None:
        """Remember to raise or end it; a state that lasts (`counts` is False) is raised once."""
        known = self._open.get(key)
        if trouble is None and key in self._in_vain:
            self._over_meanwhile.add(key)
            return
        self._over_meanwhile.discard(key)
        if trouble is None:
            if self._to_do.get(key) is not None or (known is not None and key not in self._to_do):
                self._put(key, None)
            return
        is_news = known is None or is_worse(trouble.severity, known.severity)
        if counts or is_news or (known is not None and known.resolves_ms is not None):
            self._put(key, trouble)

    def _put(self, key: str, trouble: Trouble | None) -> None:
        if key not in self._to_do and len(self._to_do) >= MOST_WAITING:
            log.error("too much is wrong at once; an alert is left out", alert=key)
            return
        self._to_do[key] = trouble
        self._wake.set()

    async def run(self) -> None:
        """Write down what was judged, for ever; wake for nothing else than what is to be done."""
        while True:
            try:
                await self.work_off()
                wait_s = self._wait_s()
            except AgentError as error:
                log.error("alerts not recorded; trying again", cause=str(error))
                await self._clock.sleep_ms(round(AGAIN_S * 1000))
                continue
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def work_off(self) -> None:
        """Write down what was judged until now."""
        self._wake.clear()
        fault = await _fault_of(self._ask_database)
        fault = await _fault_of(self._write_down) or fault
        if fault is not None:
            raise fault
        now_ms = self._clock.now_ms()
        if self._is_to_heed or any(at_ms <= now_ms for at_ms in self._changes_ms()):
            await self._recorder.pass_time()
            self._is_to_heed, self._heeded_ms = False, now_ms

    async def _ask_database(self) -> None:
        if self._was_frozen:
            await self.renew()
            self._was_frozen = False
        await self._weigh()

    async def _write_down(self) -> None:
        """Raise and end what was judged; what cannot be written keeps nothing else back."""
        fault: AgentError | None = None
        while self._to_do and fault is None:
            for key, trouble in list(self._to_do.items()):
                try:
                    await self._put_down(key, trouble)
                except AgentError as error:
                    fault = error
        if fault is not None:
            raise fault

    async def _put_down(self, key: str, trouble: Trouble | None) -> None:
        if trouble is not None:
            self._in_vain.add(key)
            await self._recorder.alert(trouble)
            self._in_vain.discard(key)
        else:
            await self._recorder.resolve(key)
        if key in self._over_meanwhile:
            self._over_meanwhile.discard(key)
            self._to_do[key] = None
        elif self._to_do.get(key) is trouble:
            del self._to_do[key]

    async def _weigh(self) -> None:
        """Judge what only the database knows enough of."""
        for key, trouble in await self._own.weigh():
            self._judge(trouble, key)
        if self._own.is_due:
            for key, trouble in await self._own.look():
                self._judge(trouble, key, counts=False)
        while self._odd:
            name, run = next(iter(self._odd.items()))
            at_ms = run.ended_ms or self._clock.now_ms()
            of_hour = await self._database.read(
                partial(recent.at_hour_of_week, task_name=name, at_ms=at_ms)
            )
            known = usual.learned(of_hour, when=" at this hour of the week")
            if known is None:
                known = usual.learned([(took_ms, 1) for took_ms in self._durations_ms(name)])
            self._judge(usual.slower(run, known), usual.key_of_slower(name))
            self._judge(usual.quicker(run, known), usual.key_of_quicker(name))
            if self._odd.get(name) is run:
                del self._odd[name]
        while self._unused:
            name, run = self._unused.popitem()
            ends_ms = await self._database.read(
                partial(recent.success_ends, task_name=name, limit=alerting.GOOD_RUNS)
            )
            trouble = alerting.not_run(
                name, ends_ms, now_ms=self._clock.now_ms(), reason=run.reason or ""
            )
            if trouble is not None:
                self._judge(trouble, trouble.dedupe_key, counts=False)

    def _changes_ms(self) -> list[int]:
        """When something becomes other by itself; what lies behind is to be done."""
        times = [
            at_ms
            for alert in self._open.values()
            for at_ms in (alert.snoozed_until_ms, alert.resolves_ms)
            if at_ms is not None
        ]
        of_mutes = [at_ms for mute in self._mutes for at_ms in (mute.from_ms, mute.to_ms)]
        return times + [at_ms for at_ms in of_mutes if at_ms > self._heeded_ms]

    def _wait_s(self) -> float:
        soonest_ms = min(self._changes_ms(), default=None)
        if soonest_ms is None:
            return LONGEST_S
        return min(LONGEST_S, max(1.0, (soonest_ms - self._clock.now_ms()) / 1000))


async def _fault_of(work: Callable[[], Awaitable[None]]) -> AgentError | None:
    """Do it; why it could not be done."""
    try:
        await work()
    except AgentError as error:
        return error
    return None
