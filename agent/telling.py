"""Who is told what next of an alert, and which channels are quiet until when?"""

from collections.abc import Collection, Iterable, Iterator
from typing import Final, Literal

import msgspec

from agent.postbox import SEVERITIES, Channel, Escalation, Mail
from agent.rules import delivery
from agent.settings import Settings
from agent.store.alert_rows import Alert

MINUTE_MS: Final = 60_000

What = Literal["told", "repeated", "escalated", "over"]


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """Who is told of alerts, by which ways and when, as the owner chose."""

    mail: Mail = Mail()
    channels: tuple[Channel, ...] = ()
    escalation: tuple[Escalation, ...] = ()
    repeat_minutes: dict[str, int] = {}
    timezone: str = "UTC"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What comes next: when at the earliest, what, to whom; `stage` is that of an escalation."""

    at_ms: int
    what: What
    to: tuple[str, ...]
    stage: int = 0


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A channel as it is now: for which severities, to whom, quiet when and until when."""

    name: str
    severities: tuple[str, ...]
    to: tuple[str, ...]
    quiet: tuple[str, ...]
    quiet_critical: bool
    quiet_until_ms: int | None

    @property
    def held(self) -> tuple[str, ...]:
        """The severities that wait while it is quiet now; none where it is not."""
        if self.quiet_until_ms is None:
            return ()
        return tuple(one for one in self.severities if one != "critical" or self.quiet_critical)


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message by hand: whom it is for, what was answered, who misses it and why.

    `fault` is what is wrong with a template of the owner's; it went in our words then.
    """

    to: tuple[str, ...]
    answer: str = ""
    missed: tuple[tuple[str, str], ...] = ()
    fault: str = ""


def posting_of(settings: Settings) -> Posting:
    """What the settings say of it."""
    return Posting(
        mail=settings.mail,
        channels=settings.channels,
        escalation=settings.escalation,
        repeat_minutes=settings.repeat_minutes,
        timezone=settings.timezone,
    )


def ways(posting: Posting, *, now_ms: int) -> tuple[Way, ...]:
    """Every channel there is, mail first."""
    mail = posting.mail
    found: list[tuple[str, tuple[str, ...], tuple[str, ...], Mail | Channel]] = []
    if mail.is_on:
        found.append(("mail", SEVERITIES, mail.recipients, mail))
    found += [(one.name, one.severities, (one.name,), one) for one in posting.channels]
    return tuple(
        Way(
            name=name,
            severities=severities,
            to=to,
            quiet=chosen.quiet,
            quiet_critical=chosen.quiet_critical,
            quiet_until_ms=delivery.quiet_until_ms(
                chosen.quiet, now_ms=now_ms, timezone=posting.timezone
            ),
        )
        for name, severities, to, chosen in found
    )


def coming(
    posting: Posting,
    alert: Alert,
    *,
    stages: Collection[int] = (),
    is_part: bool = False,
    now_ms: int,
) -> tuple[Step, ...]:
    """What is told next, the soonest first, if nothing changes; `is_part`: its cause is open.

    `stages` are those whose people were told already.
    """
    if alert.muted_until_ms is not None and alert.status != "resolved":
        held_ms = alert.muted_until_ms
        is_told_then = alert.status == "active" and alert.told != "open" and not is_part
        steps = _by_channels(posting, alert, "told", held_ms) if is_told_then else ()
        return _in_order(steps)
    if alert.status == "snoozed" and alert.snoozed_until_ms is not None:
        return _in_order(_by_channels(posting, alert, "told", alert.snoozed_until_ms))
    if alert.status == "resolved" and alert.tell_ms is not None:
        return _in_order(_by_channels(posting, alert, "over", max(alert.tell_ms, now_ms)))
    if alert.status != "active" or is_part:
        return ()
    return _in_order(_of_active(posting, alert, stages, now_ms))


def _of_active(
    posting: Posting, alert: Alert, stages: Collection[int], now_ms: int
) -> Iterator[Step]:
    is_known = alert.told == "open"
    minutes = posting.repeat_minutes.get(alert.severity)
    at_ms = alert.tell_ms
    if at_ms is None and is_known and minutes:
        at_ms = now_ms + minutes * MINUTE_MS
    steps: list[Step] = []
    if at_ms is not None:
        what: What = "repeated" if is_known else "told"
        steps += _by_channels(posting, alert, what, max(at_ms, now_ms))
        yield from steps
    elif not is_known:
        return
    # Nobody is told that nobody cares before anybody was told at all.
    first_ms = now_ms if is_known else min((step.at_ms for step in steps), default=now_ms)
    for number, stage in enumerate(posting.escalation, 1):
        if number in stages or alert.severity not in stage.severities:
            continue
        yield Step(
            at_ms=max(alert.opened_ms + stage.after_minutes * MINUTE_MS, first_ms),
            what="escalated",
            to=(*stage.recipients, *stage.channels),
            stage=number,
        )


def _by_channels(posting: Posting, alert: Alert, what: What, at_ms: int) -> Iterator[Step]:
    """The same for each way it goes; quiet ones have it when their quiet is over."""
    routes = delivery.routes(
        posting.mail,
        posting.channels,
        alert.severity,
        now_ms=at_ms,
        timezone=posting.timezone,
    )
    for route in routes:
        to = route.recipients if route.channel == "mail" else (route.channel,)
        yield Step(at_ms=route.quiet_until_ms or at_ms, what=what, to=to)


def _in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(sorted(steps, key=lambda step: (step.at_ms, step.stage)))
