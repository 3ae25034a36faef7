"""When are people told of alerts by mail, and what becomes of a message that does not go?"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec
import structlog

from agent.channels import letters
from agent.channels.letters import Letter, Story
from agent.channels.mail import NotDelivered, Receipt, as_message, hand_over
from agent.clock import Clock, moment
from agent.errors import AgentError
from agent.postbox import Mail
from agent.recorder import Recorder, Shown
from agent.rules import delivery
from agent.rules.alerting import Trouble
from agent.store import alerts, outbox
from agent.store.alerts import Alert
from agent.store.database import Database
from agent.store.outbox import Message, Told

log = structlog.get_logger(__name__)

CHANNEL: Final = "mail"
GATHER_MS: Final = 500
"""What comes at once is told at once."""
AGAIN_MS: Final = 30_000
LONGEST_MS: Final = 3_600_000
OLD_MS: Final = 86_400_000
MOST_DIRECT: Final = 20


class Courier:
    """Sends one message after the other; nothing else of the agent ever waits for it."""

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        recorder: Recorder,
        mail: Mail,
        password: str | None,
        agent: str,
        mask: Callable[[str], str],
        is_away: Callable[[], bool],
        is_muted: Callable[[Alert], bool] = lambda _alert: False,
    ) -> None:
        self._clock = clock
        self._database = database
        self._recorder = recorder
        self._mail = mail
        self._password = password
        self._agent = agent
        self._mask = mask
        self._is_away = is_away
        self._is_muted = is_muted
        self._wake = asyncio.Event()
        self._spaced_ms: dict[str, int] = {}  # until when a severity waits
        self._direct: dict[str, Alert] = {}
        self._left: dict[str, int] = {}  # what left without an outbox: key, when it was opened
        self._may_be_stuck = True  # an earlier agent may have said so

    def note(self, shown: Shown) -> None:
        """Something was recorded; what cannot wait for a database that is away goes without it."""
        if not shown.alerts:
            return
        for alert in shown.alerts:
            is_urgent = alert.severity == "critical" and alert.status == "active"
            if is_urgent and self._is_away() and len(self._direct) < MOST_DIRECT:
                self._direct[alert.dedupe_key] = alert
        self._wake.set()

    def wake(self) -> None:
        """Another process may have put a message into the outbox."""
        self._wake.set()

    async def run(self) -> None:
        """Tell what is to be told, for ever; asleep while there is nothing."""
        with suppress(AgentError):
            before_ms = self._clock.now_ms() - OLD_MS
            await self._database.write(partial(alerts.forget_old, before_ms=before_ms))
        while True:
            self._wake.clear()
            try:
                next_ms = await self.work_off()
            except AgentError as error:
                log.error("mail waits for the database", cause=str(error))
                next_ms = self._clock.now_ms() + AGAIN_MS
            wait_ms = LONGEST_MS if next_ms is None else next_ms - self._clock.now_ms()
            try:
                async with asyncio.timeout(min(LONGEST_MS, max(GATHER_MS, wait_ms)) / 1000):
                    await self._wake.wait()
            except TimeoutError:
                continue
            await self._clock.sleep_ms(GATHER_MS)

    async def work_off(self) -> int | None:
        """Tell what is to be told now; when there is something to do next."""
        await self._send_directly()
        if self._is_away():
            return self._clock.now_ms() + AGAIN_MS
        for key, opened_ms in list(self._left.items()):
            known = partial(alerts.told_already, dedupe_key=key, opened_ms=opened_ms)
            await self._database.write(known)
            del self._left[key]
        now_ms = self._clock.now_ms()
        ready = await self._database.read(partial(alerts.due_severities, now_ms=now_ms))
        held = {one for one in ready if self._spaced_ms.get(one, 0) > now_ms}
        if severities := sorted(ready - held):
            await self._database.write(
                partial(
                    outbox.collect,
                    severities=severities,
                    details=letters.MOST_DETAILS,
                    compose=self._compose,
                )
            )
            for one in severities:
                self._spaced_ms[one] = now_ms + delivery.SPACING_MS.get(one, 0)
        for message in await self._database.read(partial(outbox.due, now_ms=now_ms)):
            await self._send(message)
        times = [
            await self._database.read(partial(alerts.next_tell_ms, after_ms=now_ms)),
            await self._database.read(outbox.next_ms),
            *(self._spaced_ms[one] for one in held),
        ]
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    def _compose(self, told: Sequence[Told], more: int) -> Message:
        stories = [self._story(one) for one in told]
        letter = letters.compose(stories, more=more, agent=self._agent)
        return self._as_message(letter, severity=told[0].alert.severity)

    def _as_message(self, letter: Letter, *, severity: str) -> Message:
        now_ms = self._clock.now_ms()
        return Message(
            id=outbox.new_id(now_ms),
            channel=CHANNEL,
            severity=severity,
            recipients=self._mail.recipients,
            subject=letter.subject,
            thread=letter.thread,
            plain=letter.plain,
            html=letter.html,
            created_ms=now_ms,
            due_ms=now_ms,
        )

    def _story(self, told: Told) -> Story:
        alert = told.alert
        tail = told.run.output_tail if told.run is not None and told.run.output_tail else ""
        return Story(
            alert_id=alert.id,
            severity=alert.severity,
            is_over=alert.status == "resolved",
            title=self._mask(alert.title),
            message=self._mask(alert.message),
            opened=_when(alert.opened_ms),
            over=_when(alert.resolved_ms),
            count=alert.occurrences,
            task_name=alert.task_name or "",
            tail=self._mask(tail)[-letters.TAIL_CHARS :],
            runs=tuple(
                (
                    _when(run.scheduled_ms),
                    run.status,
                    "" if run.duration_ms is None else f"{run.duration_ms / 1000:.1f} s",
                )
                for run in told.runs
            ),
        )

    async def _send(self, message: Message) -> None:
        attempts = message.attempts + 1
        try:
            receipt = await self._hand_over(message)
        except NotDelivered as error:
            await self._put_off(message, str(error), is_for_good=error.is_for_good)
            return
        after = msgspec.structs.replace(
            message,
            attempts=attempts,
            state="sent",
            sent_ms=self._clock.now_ms(),
            receipt=receipt.answer,
            last_error=receipt.cause or None,
        )
        log.info("alerts mailed", message=message.id, subject=message.subject)
        await self._database.write(partial(outbox.put, message=after))
        if receipt.never:
            await self._tell_stuck(f"some do not get it: {receipt.cause}")
        elif self._may_be_stuck and not receipt.later:
            await self._recorder.resolve(delivery.UNDELIVERABLE)
            self._may_be_stuck = False
        if receipt.later:
            # The others have it; it goes once more to those alone whom the server put off.
            rest = msgspec.structs.replace(
                message, id=outbox.new_id(self._clock.now_ms()), recipients=receipt.later
            )
            await self._put_off(rest, receipt.cause, is_for_good=False)

    async def _put_off(self, message: Message, cause: str, *, is_for_good: bool) -> None:
        attempts, now_ms = message.attempts + 1, self._clock.now_ms()
        next_ms = delivery.next_try_ms(attempts, created_ms=message.created_ms, now_ms=now_ms)
        if is_for_good:
            next_ms = None
        after = msgspec.structs.replace(
            message,
            attempts=attempts,
            state="failed" if next_ms is None else "waiting",
            due_ms=message.due_ms if next_ms is None else next_ms,
            last_error=cause,
        )
        log.error("mail not delivered", message=message.id, attempt=attempts, cause=cause)
        await self._database.write(partial(outbox.put, message=after))
        if delivery.is_undeliverable(attempts, is_for_good=next_ms is None):
            await self._tell_stuck(cause)

    async def _tell_stuck(self, cause: str) -> None:
        self._may_be_stuck = True
        await self._recorder.alert(
            Trouble(
                dedupe_key=delivery.UNDELIVERABLE,
                kind=delivery.UNDELIVERABLE,
                severity="high",
                title="Alerts do not arrive by mail",
                message=f"{cause}; `smartcron-agent alerts test --channel mail` tries it",
            )
        )

    async def _hand_over(self, message: Message) -> Receipt:
        return await hand_over(
            self._mail,
            self._password,
            as_message(
                self._mail,
                message_id=message.id,
                thread=message.thread,
                subject=message.subject,
                plain=message.plain,
                html=message.html,
                at_ms=message.created_ms,
                recipients=message.recipients,
                # Some mail clients take drawings out of what they show; a browser shows them.
                attach=f"{message.thread}.html" if message.severity == delivery.REPORT else "",
            ),
            message.recipients,
        )

    async def _send_directly(self) -> None:
        for key, alert in list(self._direct.items()):
            if self._is_muted(alert):
                if not self._is_away():
                    del self._direct[key]  # what is in the database is told at the window's end
                continue
            message = self._compose([Told(alert=alert)], 0)
            try:
                await self._hand_over(message)
            except NotDelivered as error:
                log.critical("mail not delivered", subject=message.subject, cause=str(error))
                if self._is_away():
                    continue
            else:
                log.info("alerts mailed", message=message.id, subject=message.subject)
                self._left[key] = alert.opened_ms
            del self._direct[key]


def _when(at_ms: int | None) -> str:
    return "" if at_ms is None else moment(at_ms).strftime("%Y-%m-%d %H:%M:%S UTC")
