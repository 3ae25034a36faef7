"""When are people told of alerts, and what becomes of what does not go?"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from agent.addressing import Addressing
from agent.bypass import Bypass
from agent.channels import letters
from agent.channels.mail import NotDelivered
from agent.clock import Clock
from agent.errors import AgentError, StorageError
from agent.handing import Hands
from agent.lettering import Lettering
from agent.log import log_of
from agent.postbox import Channel, Escalation, Mail
from agent.recorder import Recorder, Shown
from agent.rules import delivery
from agent.store import alerts, escalating, outbox
from agent.store.alerts import Alert
from agent.store.database import Database, Doing
from agent.store.outbox import Draft, Message
from agent.telling import Tried
from agent.troubles import Trouble
from agent.words import Words

log = log_of(__name__)

GATHER_MS: Final = 500
"""What comes at once is told at once."""
AGAIN_MS: Final = 30_000
MINUTE_MS: Final = 60_000
LONGEST_MS: Final = 3_600_000
OLD_MS: Final = 86_400_000
TRIED_WITHIN_S: Final = 25
"""Whoever tries a channel waits for it, and gives up after half a minute."""


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
        self._is_away = is_away
        self._escalation = escalation
        self._repeat_minutes = repeat_minutes or {}
        words = Words(mail.language)
        self._addressing = Addressing(
            clock=clock,
            mail=mail,
            channels=channels,
            timezone=timezone,
            lettering=Lettering(
                agent=agent, mask=mask, words=words, templates=templates, timezone=timezone
            ),
        )
        self._hands = Hands(mail=mail, password=password, channels=channels, secrets=secrets or {})
        self._bypass = Bypass(
            clock=clock,
            addressing=self._addressing,
            hands=self._hands,
            is_away=is_away,
            is_muted=is_muted,
        )
        self._wake = asyncio.Event()
        self._spaced_ms: dict[str, int] = {}  # until when a severity waits
        # What became of messages, and is not written down yet.
        self._fates: dict[str, Doing[None]] = {}
        self._told_fault: str | None = None
        # An earlier agent may have said so.
        self._may_be_stuck = {delivery.MAIL, *(one.name for one in channels)}

    def note(self, shown: Shown) -> None:
        """Something was recorded; what cannot wait for a database that is away goes without it."""
        if shown.alerts or shown.unkept:
            self._bypass.note(shown)
            self._wake.set()

    def wake(self) -> None:
        """Another process may have put a message into the outbox."""
        self._wake.set()

    async def try_way(self, name: str, who: str) -> Tried:
        """Send a message by hand by this channel, at once and never again; raises WrongUse."""
        message = await self._addressing.by_hand(name, who)
        to, fault = message.recipients, self._addressing.fault or ""
        try:
            async with asyncio.timeout(TRIED_WITHIN_S):
                receipt = await self._hands.give(message)
        except NotDelivered as error:
            return Tried(to=to, missed=tuple((one, str(error)) for one in to), fault=fault)
        except TimeoutError:
            cause = f"not taken within {TRIED_WITHIN_S} s; it may still arrive"
            return Tried(to=to, missed=tuple((one, cause) for one in to), fault=fault)
        missed = tuple((one, receipt.cause) for one in (*receipt.never, *receipt.later))
        log.info("a channel was tried by hand", channel=name, missed=len(missed))
        return Tried(to=to, answer=receipt.answer, missed=missed, fault=fault)

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
        await self._bypass.send()
        now_ms = self._clock.now_ms()
        if self._is_away():
            return now_ms + AGAIN_MS
        try:
            next_ms = await self._fill_outbox(now_ms)
        except StorageError:
            # A full disk takes no message, and is what people must hear of.
            await self._pass_by(now_ms)
            await self._send_due()
            raise
        await self._send_due()
        await self._tell_template()
        if self._fates:
            return now_ms + AGAIN_MS
        next_ms.append(await self._database.read(outbox.next_ms))
        return min((at_ms for at_ms in next_ms if at_ms is not None), default=None)

    async def _fill_outbox(self, now_ms: int) -> list[int | None]:
        """Write down what is to be told now; when there may be more. Raises StorageError."""
        await self._bypass.settle(self._database)
        for message_id, write in list(self._fates.items()):
            await self._database.write(write)
            del self._fates[message_id]
        ready, held = await self._ready(now_ms)
        if ready:
            await self._put_drafts(
                partial(
                    outbox.collect,
                    severities=ready,
                    now_ms=now_ms,
                    details=letters.MOST_DETAILS,
                    compose=self._addressing.draft,
                )
            )
            self._space(ready, now_ms)
        for severity, minutes in self._repeat_minutes.items():
            at_ms = now_ms + minutes * MINUTE_MS
            await self._database.write(partial(alerts.repeat, severity=severity, at_ms=at_ms))
        escalates_ms = await self._escalate(now_ms)
        more_ms = await self._database.read(partial(alerts.next_tell_ms, after_ms=now_ms))
        return [more_ms, *held, *escalates_ms]

    async def _ready(self, now_ms: int) -> tuple[list[str], list[int]]:
        """Of which severities people are told now, and until when the others wait."""
        found = await self._database.read(partial(alerts.due_severities, now_ms=now_ms))
        held = {one: self._held_until_ms(one) for one in found}
        ready = sorted(one for one, until_ms in held.items() if until_ms <= now_ms)
        return ready, [until_ms for until_ms in held.values() if until_ms > now_ms]

    def _held_until_ms(self, severity: str) -> int:
        quiet_ms = self._addressing.held_until_ms(severity)
        return max(quiet_ms or 0, self._spaced_ms.get(severity, 0))

    async def _put_drafts(self, write: Doing[tuple[Draft, ...]]) -> None:
        """What is to be told is in the outbox with this; then it gets the owner's words."""
        for draft in await self._database.write(write):
            worded = await self._addressing.in_own_words(draft)
            for ours, own in zip(draft.messages, worded, strict=True):
                if own != ours:
                    await self._database.write(partial(outbox.put, message=own))

    async def _pass_by(self, now_ms: int) -> None:
        """Tell without an outbox what is to be told now."""
        ready, _ = await self._ready(now_ms)
        for severity in ready:
            read = partial(
                outbox.to_tell, severity=severity, now_ms=now_ms, details=letters.MOST_DETAILS
            )
            await self._bypass.pass_by(*await self._database.read(read))
        self._space(ready, now_ms)

    def _space(self, told: Sequence[str], now_ms: int) -> None:
        for severity in told:
            self._spaced_ms[severity] = now_ms + delivery.SPACING_MS.get(severity, 0)

    async def _send_due(self) -> None:
        # What was composed just now is due now: whoever works this off once, and leaves, sends it.
        due = partial(outbox.due, now_ms=self._clock.now_ms())
        for message in await self._database.read(due):
            if message.id not in self._fates:
                await self._send(message)

    async def _escalate(self, now_ms: int) -> list[int]:
        """Tell others of what nobody cares for; when that may be next."""
        next_ms: list[int] = []
        for number, stage in enumerate(self._escalation, 1):
            after_ms = stage.after_minutes * MINUTE_MS
            people = ", ".join((*stage.recipients, *stage.channels))
            compose = partial(self._addressing.draft_stage, stage)
            await self._put_drafts(
                partial(
                    escalating.escalate,
                    stage=number,
                    severities=stage.severities,
                    before_ms=now_ms - after_ms,
                    now_ms=now_ms,
                    said=people,
                    compose=partial(compose, minutes=stage.after_minutes),
                )
            )
            await self._put_drafts(
                partial(
                    escalating.tell_ends, stage=number, now_ms=now_ms, said=people, compose=compose
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

    async def _send(self, message: Message) -> None:
        attempts = message.attempts + 1
        try:
            receipt = await self._hands.give(message)
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
        await self._note_fate(after)
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
            await self._put_off(rest, receipt.cause, is_for_good=False, like=message)

    async def _put_off(
        self, message: Message, cause: str, *, is_for_good: bool, like: Message | None = None
    ) -> None:
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
        await self._note_fate(after, like=like)
        if delivery.is_undeliverable(attempts, is_for_good=next_ms is None):
            await self._tell_stuck(message.channel, cause)

    async def _note_fate(self, after: Message, *, like: Message | None = None) -> None:
        """Write down what became of a message; where nothing is written now, later."""
        write = partial(outbox.put, message=after, like=like)
        self._fates[after.id] = write
        try:
            await self._database.write(write)
        except StorageError as error:
            # Otherwise it would be sent again and again for want of a row that says it was.
            log.error("a receipt waits for the database", message=after.id, cause=str(error))
        else:
            del self._fates[after.id]

    async def _tell_template(self) -> None:
        """What is wrong with an own template: the message went, in our words."""
        fault = self._addressing.fault
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
