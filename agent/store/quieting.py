"""Which alerts is nobody told of: those in a window that mutes them, and those of a known cause?"""

from typing import Final

import msgspec
from sqlalchemy import Connection, and_, bindparam, func, or_, select

from agent.rules import grouping
from agent.store import mutes
from agent.store.alert_rows import ALL, KNOWN, Alert, read, write
from agent.troubles import DELAYS_MS, delay_ms
from schema.tables import alerts

_CAUSE: Final = (
    select(alerts.c.id, alerts.c.status)
    .where(
        alerts.c.dedupe_key.in_(bindparam("causes", expanding=True)),
        or_(
            alerts.c.status != "resolved",
            alerts.c.resolved_at >= bindparam("since", type_=alerts.c.resolved_at.type),
        ),
    )
    .order_by(alerts.c.id.desc())
    .limit(1)
)
MOST_EFFECTS: Final = 1_000
_NOBODY_KNOWS: Final = or_(alerts.c.told.is_(None), alerts.c.told.not_in(KNOWN))


def quieted(connection: Connection, alert: Alert, *, now_ms: int) -> Alert:
    """As people are told of it: not in a window that mutes it, nor beside what caused it."""
    muted_until_ms = mutes.until_ms(connection, alert.task_name, now_ms=now_ms)
    if muted_until_ms is not None:
        alert = msgspec.structs.replace(alert, muted_until_ms=muted_until_ms, tell_ms=None)
    if alert.told in KNOWN:
        return alert  # people know of it already, and want to know that it is worse
    causes = grouping.causes_of(alert.kind, alert.dedupe_key)
    if not causes:
        return alert
    cause = connection.execute(
        _CAUSE, {"causes": causes, "since": now_ms - grouping.AFTER_MS}
    ).first()
    if cause is None or cause.id == alert.id:
        return alert
    tell_ms = None if cause.status != "resolved" else alert.tell_ms
    if tell_ms is not None:
        tell_ms = max(tell_ms, now_ms + grouping.AFTER_MS)
    return msgspec.structs.replace(alert, cause_id=cause.id, tell_ms=tell_ms)


def take_in(connection: Connection, cause: Alert) -> None:
    """What was found just before its cause came of it all the same."""
    kinds, keys = grouping.may_cause(cause.kind)
    if not kinds:
        return
    connection.execute(
        alerts.update()
        .where(
            alerts.c.status == "active",
            alerts.c.opened_at >= cause.opened_ms - grouping.BEFORE_MS,
            alerts.c.id != cause.id,
            _NOBODY_KNOWS,
            alerts.c.cause_id.is_(None),
            or_(alerts.c.kind.in_(kinds), alerts.c.dedupe_key.in_(keys or {""})),
        )
        .values(cause_id=cause.id, tell_at=None)
    )


def let_go(connection: Connection, cause: Alert, *, now_ms: int) -> None:
    """What a cause that is over brought about is told now, if it stays a little longer."""
    for severity in DELAYS_MS:
        connection.execute(
            alerts.update()
            .where(
                alerts.c.cause_id == cause.id,
                alerts.c.severity == severity,
                alerts.c.status == "active",
                _NOBODY_KNOWS,
                or_(alerts.c.muted_until.is_(None), alerts.c.muted_until <= now_ms),
            )
            .values(tell_at=now_ms + max(delay_ms(severity), grouping.AFTER_MS))
        )


def with_effects(connection: Connection, alert: Alert) -> Alert:
    """A cause as people are told of it: with what came of it."""
    if alert.kind not in grouping.CAUSES:
        return alert
    count, effects = caused_by(connection, alert.id, limit=grouping.NAMED)
    titles = tuple(effect.title for effect in effects)
    message = grouping.with_effects(alert.message, titles, count)
    return msgspec.structs.replace(alert, message=message)


def caused_by(
    connection: Connection, alert_id: str, *, limit: int = MOST_EFFECTS
) -> tuple[int, tuple[Alert, ...]]:
    """How many alerts came of this one, and the first of them."""
    count = connection.scalar(select(func.count()).where(alerts.c.cause_id == alert_id)) or 0
    if not count:
        return 0, ()
    these = ALL.where(alerts.c.cause_id == alert_id).order_by(alerts.c.id).limit(limit)
    return count, read(connection.execute(these))


def is_part(connection: Connection, alert: Alert) -> bool:
    """What it came of is not over, so people are told of it with that."""
    cause = alerts.c.id == alert.cause_id, alerts.c.status != "resolved"
    return alert.cause_id is not None and bool(connection.scalar(select(alerts.c.id).where(*cause)))


def heed_mutes(connection: Connection, *, now_ms: int) -> tuple[Alert, ...]:
    """Mute what the windows cover now, tell of what they no longer cover; what is other now."""
    until = mutes.ends(connection, now_ms=now_ms)
    is_any = bool(mutes.not_over(connection, now_ms=now_ms))
    stands, was_muted = alerts.c.status != "resolved", alerts.c.muted_until.is_not(None)
    is_untold_end = and_(was_muted, alerts.c.told.in_(KNOWN))
    wanted = or_(stands, is_untold_end) if is_any else and_(was_muted, or_(stands, is_untold_end))
    changed = []
    for old in read(connection.execute(ALL.where(wanted))):
        until_ms = until(old.task_name)
        if until_ms == old.muted_until_ms:
            continue
        if until_ms is not None:
            other = msgspec.structs.replace(old, muted_until_ms=until_ms, tell_ms=None)
        else:
            other = msgspec.structs.replace(
                old, muted_until_ms=None, tell_ms=_after_mute_ms(connection, old, now_ms)
            )
        changed.append(write(connection, other))
    return tuple(changed)


def _after_mute_ms(connection: Connection, old: Alert, now_ms: int) -> int | None:
    if old.status == "resolved":
        return now_ms
    if old.status != "active" or old.told == "open":
        return None
    cause = (
        None
        if old.cause_id is None
        else connection.execute(ALL.where(alerts.c.id == old.cause_id)).first()
    )
    return now_ms if cause is None or cause.status == "resolved" else None
