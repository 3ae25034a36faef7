"""When does a message wait, when is it tried again, when given up and told of in another way?"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from agent.postbox import Channel, Mail, read_span

MAIL: Final = "mail"
"""The channel that is no chat."""
SECOND_MS: Final = 1_000
_WAITS_S: Final = (30, 60, 120, 300, 600, 900)
GIVE_UP_MS: Final = 3 * 86_400_000
TRIES_UNTOLD: Final = 3
"""Greylisting and a server that is started anew are over by then."""
SPACING_MS: Final = {"critical": 60_000}
"""Between two messages of one severity lies at least so much, however much happens."""
UNDELIVERABLE: Final = "mail_undeliverable"
TEMPLATE_BROKEN: Final = "template_broken"
REPORT: Final = "report"
"""What stands for the severity of what tells of a day, not of an alert."""


def next_try_ms(attempts: int, *, created_ms: int, now_ms: int) -> int | None:
    """When to try again after so many attempts; None when it is given up."""
    if now_ms - created_ms >= GIVE_UP_MS:
        return None
    return now_ms + _WAITS_S[min(attempts, len(_WAITS_S)) - 1] * SECOND_MS


def is_undeliverable(attempts: int, *, is_for_good: bool) -> bool:
    """People must be told in another way that a message does not go."""
    return is_for_good or attempts > TRIES_UNTOLD


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """By which channel who is told, and until when that must wait."""

    channel: str
    recipients: tuple[str, ...]
    quiet_until_ms: int | None


def routes(
    mail: Mail, channels: Sequence[Channel], severity: str, *, now_ms: int, timezone: str
) -> tuple[Route, ...]:
    """Where alerts of this severity go."""
    found: list[tuple[str, tuple[str, ...], Mail | Channel]] = []
    if mail.is_on:
        found.append((MAIL, mail.recipients, mail))
    found += [(one.name, (one.name,), one) for one in channels if severity in one.severities]
    return tuple(
        Route(
            channel=name,
            recipients=recipients,
            quiet_until_ms=None
            if severity == "critical" and not chosen.quiet_critical
            else quiet_until_ms(chosen.quiet, now_ms=now_ms, timezone=timezone),
        )
        for name, recipients, chosen in found
    )


def held_until_ms(found: Sequence[Route]) -> int | None:
    """Until when nothing is told at all, since it is quiet everywhere; None when it is not."""
    ends = [route.quiet_until_ms for route in found]
    return min((end for end in ends if end is not None), default=None) if all(ends) else None


def undeliverable_key(channel: str) -> str:
    """The alert that a channel does not deliver; each has its own."""
    return UNDELIVERABLE if channel == MAIL else f"{UNDELIVERABLE}:{channel}"


def quiet_until_ms(spans: Sequence[str], *, now_ms: int, timezone: str) -> int | None:
    """When the quiet that is now is over, by the clocks of that zone; None when it is not quiet."""
    zone = ZoneInfo(timezone)
    known = [span for span in map(read_span, spans) if span is not None]
    until_ms: int | None = None
    # Where one span ends another may begin; those that fill the whole day end all the same.
    for _ in known:
        at = datetime.fromtimestamp((until_ms or now_ms) / 1000, zone)
        end = next((found for span in known if (found := _end_of(span, at))), None)
        if end is None:
            break
        until_ms = round(end.timestamp() * 1000)
    return until_ms


def _end_of(span: tuple[int, int], at: datetime) -> datetime | None:
    """When this span, in which the moment lies, ends; None when it does not lie in it."""
    start, end = span
    minute = at.hour * 60 + at.minute
    if start < end:
        is_in, days = start <= minute < end, 0
    else:
        is_in, days = minute >= start or minute < end, int(minute >= start)
    if not is_in:
        return None
    clock = time(end // 60, end % 60, tzinfo=at.tzinfo)
    return datetime.combine(at.date() + timedelta(days=days), clock)
