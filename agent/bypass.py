"""What leaves without the outbox, as no database takes it, and what is put down of that later?"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from agent.addressing import Addressing
from agent.channels.mail import NotDelivered
from agent.clock import Clock
from agent.handing import Hands
from agent.log import log_of
from agent.recorder import Shown
from agent.store import alerts
from agent.store.alert_rows import KNOWN
from agent.store.alerts import Alert
from agent.store.database import Database
from agent.store.outbox import Told

log = log_of(__name__)

MOST: Final = 20
AGAIN_MS: Final = 3_600_000
"""What comes again and again is told no sooner; what is in no row by then will be in none."""


class Left(NamedTuple):
    """It left: since when there was something to tell, and when it was told."""

    since_ms: int
    told_ms: int


class Bypass:
    """Sends what is critical at once, and remembers it so that it is told once."""

    def __init__(
        self,
        *,
        clock: Clock,
        addressing: Addressing,
        hands: Hands,
        is_away: Callable[[], bool],
        is_muted: Callable[[Alert], bool],
    ) -> None:
        self._clock = clock
        self._addressing = addressing
        self._hands = hands
        self._is_away = is_away
        self._is_muted = is_muted
        self._waiting: dict[str, Alert] = {}
        self._left: dict[str, Left] = {}

    def note(self, shown: Shown) -> None:
        """Something is in no database yet, or in none at all."""
        for alert in (*(shown.alerts if self._is_away() else ()), *shown.unkept):
            # What was open, and told, before an agent began without its database is no news.
            is_news = alert.status == "active" and alert.told not in KNOWN
            is_urgent = alert.severity == "critical" and is_news
            if is_urgent and len(self._waiting) < MOST and not self._is_told(alert):
                self._waiting[alert.dedupe_key] = alert

    def _is_told(self, alert: Alert) -> bool:
        left = self._left.get(alert.dedupe_key)
        return left is not None and self._clock.now_ms() - left.told_ms < AGAIN_MS

    async def send(self) -> None:
        """Let what waits leave; what does not, waits on as long as there is no outbox for it."""
        for key, alert in list(self._waiting.items()):
            if self._is_muted(alert):
                if not self._is_away():
                    del self._waiting[key]  # what is recorded is told at the window's end
                continue
            if await self.leaves([Told(alert=alert)]):
                self._remember(alert)
            elif self._is_away():
                continue
            del self._waiting[key]

    async def pass_by(self, found: Sequence[Told], more: int) -> None:
        """Let these leave that the outbox does not take, each of them once."""
        new = [
            one for one in found if one.alert.status == "active" and not self._is_told(one.alert)
        ]
        if new and await self.leaves(new, more):
            for one in new:
                self._remember(one.alert)

    def _remember(self, alert: Alert) -> None:
        self._left[alert.dedupe_key] = Left(alert.opened_ms, self._clock.now_ms())

    async def settle(self, database: Database) -> None:
        """Put down what left, so that it is not told again; raises StorageError."""
        for key, left in list(self._left.items()):
            told = partial(alerts.told_already, dedupe_key=key, since_ms=left.since_ms)
            is_in_row = await database.write(told)
            if is_in_row or self._clock.now_ms() - left.told_ms >= AGAIN_MS:
                del self._left[key]

    async def leaves(self, told: Sequence[Told], more: int = 0) -> bool:
        """Somebody was told of it."""
        is_told = False
        for message in await self._addressing.in_own_words(self._addressing.draft(told, more)):
            if message.due_ms > message.created_ms:
                continue  # it is quiet there
            try:
                await self._hands.give(message)
            except NotDelivered as error:
                log.critical("mail not delivered", subject=message.subject, cause=str(error))
            else:
                log.info("alerts mailed", message=message.id, subject=message.subject)
                is_told = True
        return is_told
