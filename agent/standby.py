"""When is a copy made of what an agent needs to begin while its database is away?"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import msgspec

from agent.boot import boot_id
from agent.clock import Clock
from agent.errors import AgentError
from agent.log import log_of
from agent.recorder import Shown
from agent.roster import Roster
from agent.runs import Run
from agent.store import alerts, standby
from agent.store.alerts import Alert
from agent.store.reaching import Reached
from agent.store.standby import Known

log = log_of(__name__)

LOOK_S: Final = 60.0
GATHER_MS: Final = 200
"""Changes that come together share a copy."""
PAUSE_MS: Final = 1_000


class Standby:
    """Copies what is known whenever it may be another; a copy that would be the same is not made.

    While the database is away nothing is copied: what happens then is in the local journal.
    """

    def __init__(
        self,
        reached: Reached,
        *,
        clock: Clock,
        roster: Roster,
        live: Callable[[], Iterable[Run]],
    ) -> None:
        self._reached = reached
        self._clock = clock
        self._roster = roster
        self._live = reached.mark.live = live
        self._wake = asyncio.Event()
        self._is_changed = True
        self._copied: Known | None = None
        self._alerts: dict[str, Alert] = {}  # those that are open
        self._news: list[Alert] = []  # of alerts, since all were read
        self._fails = False

    def note(self, shown: Shown) -> None:
        """Something was recorded."""
        self._news += shown.alerts
        if shown.runs or shown.alerts:
            self._wake.set()
        elif shown.tasks or shown.switched_off:
            self.hurry()

    def hurry(self) -> None:
        """What is known of tasks, keys, calendars, own rules or checks may be another."""
        self._is_changed = True
        self._wake.set()

    async def run(self) -> None:
        """Copy after each change, and look now and then for changes of others, for ever."""
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
                    await self._clock.sleep_ms(GATHER_MS)
            except TimeoutError:
                self._is_changed = True
            await self.look()
            await self._clock.sleep_ms(PAUSE_MS)

    async def look(self) -> None:
        """Copy what is another by now."""
        self._wake.clear()
        if not self._reached.outage.is_over:
            return
        is_changed, self._is_changed = self._is_changed, False
        try:
            if is_changed:
                await self._copy()
            self._take_news()
            await asyncio.to_thread(self._reached.copy.keep_runs, tuple(self._live()))
            await asyncio.to_thread(self._reached.copy.keep_alerts, tuple(self._alerts.values()))
            self._fails = False
        except (AgentError, OSError) as error:
            if not self._fails:  # said once, not with each run
                log.error("no copy is made of what the database holds", cause=str(error))
            self._fails = self._is_changed = True

    def _take_news(self) -> None:
        news, self._news = self._news, []
        for alert in news:
            if alert.status == "resolved":
                self._alerts.pop(alert.id, None)
            else:
                self._alerts[alert.id] = alert

    async def _copy(self) -> None:
        # What is recorded while they are being read comes after them.
        self._news.clear()
        found = await self._reached.database.read(alerts.open_alerts)
        self._alerts = {alert.id: alert for alert in found}
        known = await self._reached.database.read(
            partial(
                standby.gather,
                database=self._reached.name,
                boot_id=boot_id(),
                now_ms=self._clock.now_ms(),
            )
        )
        known = msgspec.structs.replace(known, tasks=tuple(self._roster.all()))
        if known != self._copied:
            await asyncio.to_thread(self._reached.copy.keep, known)
            self._copied = known
