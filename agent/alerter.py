"""What of all that is shown makes an alert, or ends one?"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from agent.clock import Clock
from agent.errors import AgentError
from agent.recorder import Recorder, Shown
from agent.rules import alerting
from agent.rules.alerting import Trouble
from agent.rules.outcomes import NO_PING
from agent.runs import Run
from agent.store import alerts
from agent.store.alerts import Alert
from agent.store.checks import Check
from agent.store.database import Database

log = structlog.get_logger(__name__)

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
    ) -> None:
        self._clock = clock
        self._database = database
        self._recorder = recorder
        self._priority = priority
        self._durations_ms = durations_ms
        self._waiting = waiting
        self._open: dict[str, Alert] = {}
        # What is to be raised, or ended (None), by its key: said twice, it is one thing to do.
        self._to_do: dict[str, Trouble | None] = {}
        self._looks: dict[str, tuple[str, int]] = {}
        self._missing: set[str] = set()
        self._looked_ms = clock.monotonic_ms()
        self._was_frozen = False
        self._wake = asyncio.Event()

    async def renew(self) -> None:
        """Know what is open, for what others changed in the database."""
        found = await self._database.read(alerts.open_alerts)
        self._open = {alert.dedupe_key: alert for alert in found}
        self._judge(None, alerting.STOPPED_KEY)
        self._wake.set()

    def note(self, shown: Shown) -> None:
        """Something was recorded."""
        for alert in shown.alerts:
            if alert.status == "resolved":
                self._open.pop(alert.dedupe_key, None)
            else:
                self._open[alert.dedupe_key] = alert
            if alert.snoozed_until_ms is not None or alert.resolves_ms is not None:
                self._wake.set()
        if not shown.runs:
            return
        self._note_missed([run for run in shown.runs if run.status == "missed"])
        for run in shown.runs:
            if run.status == "running":
                self._judge(alerting.late(run), alerting.key_of_late(run.task_name))
            elif run.status == "success":
                self._note_good(run)

    def note_checks(self, found: Iterable[Check]) -> None:
        """The host was looked at."""
        before_ms, self._looked_ms = self._looked_ms, self._clock.monotonic_ms()
        if self._looked_ms - before_ms > FROZEN_MS:
            # Others may have seen that nothing was decided, and said so.
            self._was_frozen = True
            self._wake.set()
        for check in found:
            verdict, looks = self._looks.get(check.check_name, ("", 0))
            looks = looks + 1 if verdict == check.status else 1
            self._looks[check.check_name] = (check.status, looks)
            key = alerting.key_of_check(check.check_name)
            trouble = alerting.of_check(
                check.check_name, check.status, check.message, looks=looks, severity=check.severity
            )
            if trouble is not None or check.status == "ok":
                self._judge(trouble, key, counts=False)
        count, oldest_ms = self._waiting()
        oldest_wait_ms = 0 if oldest_ms is None else max(0, self._clock.now_ms() - oldest_ms)
        piled = alerting.backlog(count, oldest_wait_ms)
        self._judge(piled, alerting.BACKLOG_KEY, counts=False)

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
        usual = self._durations_ms(run.task_name)
        self._judge(alerting.slower(run, usual), alerting.key_of_slower(run.task_name))
        self._missing.discard(run.task_name)
        if not self._missing:
            self._judge(None, alerting.MANY_MISSED_KEY)

    def _judge(self, trouble: Trouble | None, key: str, *, counts: bool = True) -> None:
        """Remember to raise or end it; a state that lasts (`counts` is False) is raised once."""
        known = self._open.get(key)
        if trouble is None:
            if self._to_do.get(key) is not None or (known is not None and key not in self._to_do):
                self._put(key, None)
            return
        is_news = known is None or alerting.is_worse(trouble.severity, known.severity)
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
        if self._was_frozen:
            await self.renew()
            self._was_frozen = False
        while self._to_do:
            key, trouble = next(iter(self._to_do.items()))
            if trouble is not None:
                await self._recorder.alert(trouble)
            else:
                await self._recorder.resolve(key)
            if self._to_do.get(key) is trouble:
                del self._to_do[key]
        if any(at_ms <= self._clock.now_ms() for at_ms in self._changes_ms()):
            await self._recorder.pass_time()

    def _changes_ms(self) -> list[int]:
        return [
            at_ms
            for alert in self._open.values()
            for at_ms in (alert.snoozed_until_ms, alert.resolves_ms)
            if at_ms is not None
        ]

    def _wait_s(self) -> float:
        soonest_ms = min(self._changes_ms(), default=None)
        if soonest_ms is None:
            return LONGEST_S
        return min(LONGEST_S, max(1.0, (soonest_ms - self._clock.now_ms()) / 1000))
