"""Which messages do alerts become: to whom, by which channel, and when at the earliest?"""

from collections.abc import Sequence

import msgspec

from agent.channels.letters import Letter
from agent.clock import Clock
from agent.errors import WrongUse
from agent.lettering import Lettering
from agent.postbox import Channel, Escalation, Mail
from agent.rules import delivery
from agent.rules.delivery import Route
from agent.store import outbox
from agent.store.alerts import Alert
from agent.store.outbox import Draft, Message, Told


class Addressing:
    """Knows the channels that the owner chose, and when each of them is quiet."""

    def __init__(
        self,
        *,
        clock: Clock,
        mail: Mail,
        channels: Sequence[Channel],
        timezone: str,
        lettering: Lettering,
    ) -> None:
        self._clock = clock
        self._mail = mail
        self._channels = tuple(channels)
        self._timezone = timezone
        self._lettering = lettering

    @property
    def fault(self) -> str | None:
        """What is wrong with a template of the owner's; None while no letter was written."""
        return self._lettering.fault

    def held_until_ms(self, severity: str) -> int | None:
        """Until when nothing of this severity is told at all; None when it may be told."""
        return delivery.held_until_ms(self._routes(severity))

    def draft(self, told: Sequence[Told], more: int) -> Draft:
        """A message for each channel about these alerts, and so many more, in our words."""
        return self._draft(told, more, self._routes(told[0].alert.severity))

    def draft_stage(
        self, stage: Escalation, found: Sequence[Alert], *, minutes: int | None = None
    ) -> Draft:
        """The same for those who are told when nobody cares, for so many minutes, or it is over."""
        routes = [
            Route(channel=name, recipients=(name,), quiet_until_ms=None) for name in stage.channels
        ]
        if stage.recipients:
            routes.append(
                Route(channel=delivery.MAIL, recipients=stage.recipients, quiet_until_ms=None)
            )
        lead = "" if minutes is None else self._lettering.words("neglected", minutes=minutes)
        return self._draft([Told(alert=alert) for alert in found], 0, routes, lead=lead)

    async def by_hand(self, name: str, who: str) -> Message:
        """A message by this channel that tells only that somebody tries it; raises WrongUse."""
        ways: dict[str, tuple[str, ...]] = {one.name: (one.name,) for one in self._channels}
        if self._mail.is_on:
            ways = {delivery.MAIL: self._mail.recipients, **ways}
        if name not in ways:
            known = ", ".join(ways) or "none: settings.toml has neither [mail] nor [[channels]]"
            raise WrongUse(f"{name[:40]!r} is no channel of this agent; those are {known}")
        now_ms = self._clock.now_ms()
        alert = Alert(
            id="TEST",
            dedupe_key="test",
            kind="test",
            severity="medium",
            status="open",
            title="A test by hand",
            message=f"{who} asked whether alerts arrive; nothing is wrong",
            occurrences=1,
            opened_ms=now_ms,
            last_seen_ms=now_ms,
        )
        # Also in its quiet hours: whoever tries it looks whether it comes.
        route = Route(channel=name, recipients=ways[name], quiet_until_ms=None)
        (message,) = await self.in_own_words(self._draft([Told(alert=alert)], 0, [route]))
        return message

    async def in_own_words(self, draft: Draft) -> tuple[Message, ...]:
        """Its messages, worded by the owner's templates where there are some and they work.

        That may take seconds, so nobody may hold the database meanwhile.
        """
        if not draft.messages:
            return ()
        own = await self._lettering.own(draft.told, draft.more, lead=draft.lead)
        return tuple(
            msgspec.structs.replace(
                message,
                plain=own.get("plain", message.plain),
                html=own.get("html", message.html),
            )
            for message in draft.messages
        )

    def _routes(self, severity: str) -> tuple[Route, ...]:
        now_ms = self._clock.now_ms()
        return delivery.routes(
            self._mail, self._channels, severity, now_ms=now_ms, timezone=self._timezone
        )

    def _draft(
        self, told: Sequence[Told], more: int, routes: Sequence[Route], *, lead: str = ""
    ) -> Draft:
        letter = self._lettering.letter(told, more, lead=lead)
        severity = told[0].alert.severity
        return Draft(
            told=tuple(told),
            more=more,
            lead=lead,
            messages=tuple(self._message(letter, route, severity) for route in routes),
        )

    def _message(self, letter: Letter, route: Route, severity: str) -> Message:
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
