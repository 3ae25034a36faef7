"""When are people told of alerts, by which channels, and what becomes of what does not go?"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import structlog

from agent.channels import letters
from agent.channels.chat import hand_over_chat
from agent.channels.letters import Letter
from agent.channels.mail import NotDelivered, Receipt, as_message, hand_over
from agent.clock import Clock
from agent.errors import AgentError
from agent.lettering import Lettering
from agent.postbox import Channel, Escalation, Mail
from agent.recorder import Recorder, Shown
from agent.rules import delivery
from agent.rules.delivery import Route
from agent.store import alerts, escalating, outbox
from agent.store.alerts import Alert
from agent.store.database import Database
from agent.store.outbox import Message, Told
from agent.troubles import Trouble
from agent.words import Words

log = structlog.get_logger(__name__)

CHANNEL: Final = "mail"
GATHER_MS: Final = 500
"""What comes at once is told at once."""
AGAIN_MS: Final = 30_000
MINUTE_MS: Final = 60_000
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
        channels: Sequence[Channel] = (),
        secrets: Mapping[str, str] | None = None,
        escalation: Sequence[Escalation] = (),
        repeat_minutes: Mapping[str, int] | None = None,
        timezone: str = "UTC",
        templates: Path | None = None,
    ) -> None:
        self._clock = clock
        self._database = database
        self._recorder = recorder
        self._mail = mail
        self._password = password
        self._is_away = is_away
        self._is_muted = is_muted
        self._channels = {one.name: one for one in channels}
        self._secrets = secrets or {}
        self._escalation = escalation
        self._repeat_minutes = repeat_minutes or {}
        self._timezone = timezone
        self._words = Words(mail.language)
        self._lettering = Lettering(agent=agent, mask=mask, words=self._words, templates=templates)
        self._wake = asyncio.Event()
        self._spaced_ms: dict[str, int] = {}  # until when a severity waits
        self._direct: dict[str, Alert] = {}
        self._left: dict[str, int] = {}  # what left without an outbox: key, when it was opened
        self._told_fault: str | None = None
        # An earlier agent may have said so.
        self._may_be_stuck = {CHANNEL, *self._channels}

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
        held = {
            one: until_ms
            for one in ready
            if (until_ms := self._held_until_ms(one, now_ms)) > now_ms
        }
        if severities := sorted(ready - held.keys()):
            await self._database.write(
                partial(
                    outbox.collect,
                    severities=severities,
                    now_ms=now_ms,
                    details=letters.MOST_DETAILS,
                    compose=self._compose,
                )
            )
            for one in severities:
                self._spaced_ms[one] = now_ms + delivery.SPACING_MS.get(one, 0)
        for severity, minutes in self._repeat_minutes.items():
            at_ms = now_ms + minutes * MINUTE_MS
            await self._database.write(partial(alerts.repeat, severity=severity, at_ms=at_ms))
        escalates_ms = await self._escalate(now_ms)
        await self._tell_template()
        # What was composed just now is due now: whoever works this off once, and leaves, sends it.
        due = partial(outbox.due, now_ms=self._clock.now_ms())
        for message in await self._database.read(due):
            await self._send(message)
        times = [
            await self._database.read(partial(alerts.next_tell_ms, after_ms=now_ms)),
            await self._database.read(outbox.next_ms),
            *held.values(),
            *escalates_ms,
        ]
        return min((at_ms for at_ms in times if at_ms is not None), default=None)

    def _routes(self, severity: str, now_ms: int) -> tuple[Route, ...]:
        return delivery.routes(
            self._mail,
            tuple(self._channels.values()),
            severity,
            now_ms=now_ms,
            timezone=self._timezone,
        )

    def _held_until_ms(self, severity: str, now_ms: int) -> int:
        quiet_ms = delivery.held_until_ms(self._routes(severity, now_ms))
        return max(quiet_ms or 0, self._spaced_ms.get(severity, 0))

    async def _escalate(self, now_ms: int) -> list[int]:
        """Tell others of what nobody cares for; when that may be next."""
        next_ms: list[int] = []
        for number, stage in enumerate(self._escalation, 1):
            after_ms = stage.after_minutes * MINUTE_MS
            people = ", ".join((*stage.recipients, *stage.channels))
            tell = partial(self._compose_stage, stage)
            await self._database.write(
                partial(
                    escalating.escalate,
                    stage=number,
                    severities=stage.severities,
                    before_ms=now_ms - after_ms,
                    now_ms=now_ms,
                    said=people,
                    compose=partial(tell, minutes=stage.after_minutes),
                )
            )
            await self._database.write(
                partial(
                    escalating.tell_ends, stage=number, now_ms=now_ms, said=people, compose=tell
                )
            )
            oldest_ms = await self._database.read(
                partial(
                    escalating.oldest_ms,
                    stage=number,
                    severities=stage.severities,
                    after_ms=now_ms - after_ms,
                )
            )
            if oldest_ms is not None:
                next_ms.append(oldest_ms + after_ms)
        return next_ms

    def _compose_stage(
        self, stage: Escalation, found: Sequence[Alert], *, minutes: int | None = None
    ) -> tuple[Message, ...]:
        lead = "" if minutes is None else self._words("neglected", minutes=minutes)
        letter = self._lettering.letter([Told(alert=alert) for alert in found], 0, lead=lead)
        routes = [
            Route(channel=name, recipients=(name,), quiet_until_ms=None) for name in stage.channels
        ]
        if stage.recipients:
            by_mail = Route(channel=CHANNEL, recipients=stage.recipients, quiet_until_ms=None)
            routes.append(by_mail)
        severity = found[0].severity
        return tuple(self._as_message(letter, route, severity=severity) for route in routes)

    def _compose(self, told: Sequence[Told], more: int) -> tuple[Message, ...]:
        severity = told[0].alert.severity
        routes = self._routes(severity, self._clock.now_ms())
        letter = self._lettering.letter(told, more)
        return tuple(self._as_message(letter, route, severity=severity) for route in routes)

    def _as_message(self, letter: Letter, route: Route, *, severity: str) -> Message:
        now_ms = self._clock.now_ms()
        return Message(
            id=outbox.new_id(now_ms),
            channel=route.channel,
            severity=severity,
            recipients=route.recipients,
            subject=letter.subject,
            thread=letter.thread,
            plain=letter.plain,
            html=letter.html,
            created_ms=now_ms,
            due_ms=route.quiet_until_ms or now_ms,
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
        channel = message.channel
        if receipt.never:
            await self._tell_stuck(channel, f"some do not get it: {receipt.cause}")
        elif channel in self._may_be_stuck and not receipt.later:
            await self._recorder.resolve(delivery.undeliverable_key(channel))
            self._may_be_stuck.discard(channel)
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
            await self._tell_stuck(message.channel, cause)

    async def _tell_template(self) -> None:
        """What is wrong with an own template: the message went, in our words."""
        fault = self._lettering.fault
        if fault == self._told_fault:
            return
        self._told_fault = fault
        if not fault:
            await self._recorder.resolve(delivery.TEMPLATE_BROKEN)
            return
        await self._recorder.alert(
            Trouble(
                dedupe_key=delivery.TEMPLATE_BROKEN,
                kind=delivery.TEMPLATE_BROKEN,
                severity="medium",
                title="A template of messages is broken",
                message=f"{fault}; messages have the usual words until it is mended",
            )
        )

    async def _tell_stuck(self, channel: str, cause: str) -> None:
        self._may_be_stuck.add(channel)
        await self._recorder.alert(
            Trouble(
                dedupe_key=delivery.undeliverable_key(channel),
                kind=delivery.UNDELIVERABLE,
                severity="high",
                title=f"Alerts do not arrive by {channel}",
                message=f"{cause}; `smartcron-agent alerts test --channel {channel}` tries it",
            )
        )

    async def _hand_over(self, message: Message) -> Receipt:
        if message.channel != CHANNEL:
            channel = self._channels.get(message.channel)
            if channel is None:
                gone = f"settings.toml has no channel {message.channel!r} any more"
                raise NotDelivered(gone, is_for_good=True)
            return await hand_over_chat(
                channel, self._secrets, subject=message.subject, plain=message.plain
            )
        if not self._mail.is_on:
            raise NotDelivered("settings.toml has no [mail] any more", is_for_good=True)
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
            if not await self._leaves(alert):
                if self._is_away():
                    continue
            else:
                self._left[key] = alert.opened_ms
            del self._direct[key]

    async def _leaves(self, alert: Alert) -> bool:
        """Somebody was told of it without an outbox."""
        is_told = False
        for message in self._compose([Told(alert=alert)], 0):
            if message.due_ms > message.created_ms:
                continue
            try:
                await self._hand_over(message)
            except NotDelivered as error:
                log.critical("mail not delivered", subject=message.subject, cause=str(error))
            else:
                log.info("alerts mailed", message=message.id, subject=message.subject)
                is_told = True
        return is_told
