"""Which troubles are open: one row a trouble, counted up while it lasts."""

from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    literal,
    not_,
    or_,
    select,
)

from agent.errors import Conflict, WrongUse
from agent.rules import alerting, grouping
from agent.store import quieting
from agent.store.alert_rows import ALL, KNOWN, MILDER, TOLD, as_row, read, write
from agent.store.alert_rows import Alert as Alert
from agent.troubles import Trouble, delay_ms, is_worse
from agent.ulid import new_ulid
from schema.tables import alert_notes, alerts

MOST_SHOWN: Final = 1_000
ID_CHARS: Final = 26
FEWEST_LETTERS: Final = 4
WHO: Final = "Smart Cron"


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody did about an alert."""

    noted_ms: int
    noted_by: str
    what: str
    note: str


_OPEN: Final = ALL.where(alerts.c.status != "resolved")
_OF_KEY: Final = _OPEN.where(alerts.c.dedupe_key == bindparam("wanted"))
_JUST_OVER: Final = (
    ALL.where(
        alerts.c.dedupe_key == bindparam("wanted"),
        alerts.c.status == "resolved",
        alerts.c.resolved_at >= bindparam("since", type_=alerts.c.resolved_at.type),
    )
    .order_by(alerts.c.id.desc())
    .limit(1)
)


def open_alerts(connection: Connection) -> tuple[Alert, ...]:
    """Every trouble that is not resolved, oldest first."""
    return read(connection.execute(_OPEN.order_by(alerts.c.id)))


def newest(connection: Connection, *, limit: int = MOST_SHOWN) -> tuple[Alert, ...]:
    """The newest alerts, those that are over too."""
    return read(connection.execute(ALL.order_by(alerts.c.id.desc()).limit(limit)))


def chosen(connection: Connection, *which: ColumnElement[Any], limit: int) -> tuple[Alert, ...]:
    """Those that fit, the newest first."""
    return read(connection.execute(ALL.where(*which).order_by(alerts.c.id.desc()).limit(limit)))


def due_severities(connection: Connection, *, now_ms: int) -> frozenset[str]:
    """Of which severities something is to be told now: then all that waits is told with it."""
    due = select(alerts.c.severity).where(alerts.c.tell_at <= now_ms).distinct()
    return frozenset(connection.scalars(due))


def due_counts(connection: Connection, *, now_ms: int) -> dict[str, int]:
    """Of how many alerts of each severity something is to be told now."""
    counted = select(alerts.c.severity, func.count()).where(alerts.c.tell_at <= now_ms)
    return dict(connection.execute(counted.group_by(alerts.c.severity)).all())


def next_tell_ms(connection: Connection, *, after_ms: int) -> int | None:
    """When something more is to be told."""
    at_ms: int | None = connection.scalar(
        select(func.min(alerts.c.tell_at)).where(alerts.c.tell_at > after_ms)
    )
    return at_ms


def waiting(
    connection: Connection, severity: str, *, now_ms: int, limit: int
) -> tuple[int, tuple[Alert, ...]]:
    """How many alerts of this severity are to be told, and the first of them: the newest."""
    these = _to_be_told(severity, now_ms)
    count = connection.scalar(select(func.count()).where(*these)) or 0
    # Whatever the limit leaves out, it is rather over than open.
    newest = ALL.where(*these).order_by(alerts.c.status == "resolved", alerts.c.id.desc())
    found = read(connection.execute(newest.limit(limit)))
    return count, tuple(quieting.with_effects(connection, alert) for alert in found)


def told(connection: Connection, severity: str, *, now_ms: int) -> None:
    """Those who are told have all that waited of this severity in their outbox now."""
    these = alerts.update().where(*_to_be_told(severity, now_ms))
    is_over = alerts.c.status == "resolved"
    # What is told first must not be found by the second as what is told already.
    for what, are_meant in (("resolved", is_over), ("open", not_(is_over))):
        connection.execute(these.where(are_meant).values(told=what, tell_at=None))


def _to_be_told(severity: str, now_ms: int) -> tuple[ColumnElement[bool], ...]:
    """All that waits is told with what is due; what is only repeated is not told much earlier."""
    is_news = or_(alerts.c.told.is_(None), alerts.c.told != "open", alerts.c.status == "resolved")
    return (
        alerts.c.severity == severity,
        alerts.c.tell_at.is_not(None),
        or_(is_news, alerts.c.tell_at <= now_ms + delay_ms(severity)),
    )


def repeat(connection: Connection, severity: str, *, at_ms: int) -> None:
    """What people were told of, and nobody cares for, is to be told again then."""
    forgotten = connection.scalars(
        select(alerts.c.id).where(
            alerts.c.status == "active",
            alerts.c.severity == severity,
            alerts.c.told == "open",
            alerts.c.tell_at.is_(None),
            *stands_alone(),
        )
    ).all()
    for alert_id in forgotten:
        connection.execute(alerts.update().where(alerts.c.id == alert_id).values(tell_at=at_ms))


def stands_alone() -> tuple[ColumnElement[bool], ...]:
    """No window mutes it, and people are not told of it with what it came of."""
    cause = alerts.alias()
    is_told_with = (
        select(cause.c.id)
        .where(cause.c.id == alerts.c.cause_id, cause.c.status != "resolved")
        .exists()
    )
    return (alerts.c.muted_until.is_(None), not_(is_told_with))


def told_by(
    connection: Connection, severity: str, *, message: tuple[str, int], now_ms: int
) -> None:
    """All that is to be told of this severity now is in this message, of that moment."""
    message_id, made_ms = message
    these = select(
        alerts.c.id,
        literal(made_ms, alert_notes.c.noted_at.type),
        literal(WHO),
        literal(TOLD),
        literal(message_id),
    ).where(*_to_be_told(severity, now_ms))
    _note_told(connection, these)


def told_alike(connection: Connection, message_id: str, *, like: str, since_ms: int) -> None:
    """This message is about the alerts that the other one is about."""
    column = alert_notes.c
    these = select(
        column.alert_id, column.noted_at, column.noted_by, column.what, literal(message_id)
    ).where(column.noted_at >= since_ms, column.what == TOLD, column.note == like)
    _note_told(connection, these)


def _note_told(connection: Connection, these: Select[Any]) -> None:
    columns = ["alert_id", "noted_at", "noted_by", "what", "note"]
    connection.execute(alert_notes.insert().from_select(columns, these))


def messages_of(connection: Connection, alert_id: str, *, limit: int) -> tuple[str, ...]:
    """The ids of the newest messages that tell of this alert."""
    column = alert_notes.c
    these = select(column.note).where(column.alert_id == alert_id, column.what == TOLD)
    return tuple(connection.scalars(these.order_by(column.id.desc()).limit(limit)))


def told_already(connection: Connection, *, dedupe_key: str, since_ms: int) -> bool:
    """This one, seen since then, left without an outbox; False when it is in no row yet.

    Only its end is still to be told.
    """
    this = (alerts.c.dedupe_key == dedupe_key, alerts.c.last_seen_at >= since_ms)
    is_there = connection.scalar(select(alerts.c.id).where(*this).limit(1)) is not None
    connection.execute(alerts.update().where(*this).values(told="open"))
    connection.execute(
        alerts.update().where(*this, alerts.c.status != "resolved").values(tell_at=None)
    )
    return is_there


def find(connection: Connection, text: str) -> Alert:
    """The alert of this id, or the only one whose id ends so; raises WrongUse."""
    wanted = text.strip().upper()
    if len(wanted) < FEWEST_LETTERS:
        # So few may fit the only alert there is by chance.
        raise WrongUse(f"alert {text!r}: give at least the last {FEWEST_LETTERS} letters of its id")
    found = read(
        connection.execute(ALL.where(_is_named(wanted)).limit(2)) if wanted.isalnum() else ()
    )
    if len(found) != 1:
        known = "no alert" if not found else "more than one alert"
        raise WrongUse(
            f"alert {text!r}: {known} has an id that ends so; "
            "`smartcron-agent alerts list --all` shows them"
        )
    return found[0]


def raise_alert(connection: Connection, trouble: Trouble, *, now_ms: int) -> Alert:
    """Open this trouble, or count it once more when it is open already or was just now."""
    key = {"wanted": trouble.dedupe_key}
    found = connection.execute(_OF_KEY, key).first()
    if found is None:
        since = {"since": now_ms - alerting.FLAP_MS}
        found = connection.execute(_JUST_OVER, key | since).first()
    if found is None:
        alert = Alert(
            id=new_ulid(now_ms),
            **msgspec.structs.asdict(trouble),
            status="active",
            occurrences=1,
            opened_ms=now_ms,
            last_seen_ms=now_ms,
            tell_ms=now_ms + delay_ms(trouble.severity),
        )
        alert = quieting.quieted(connection, alert, now_ms=now_ms)
        connection.execute(alerts.insert(), as_row(alert))
        quieting.take_in(connection, alert)
        return alert
    old = Alert(**found._mapping)
    again = msgspec.structs.replace(
        old,
        occurrences=old.occurrences + 1,
        last_seen_ms=now_ms,
        message=trouble.message,
        run_id=trouble.run_id or old.run_id,
        resolves_ms=None,
    )
    if old.status == "resolved":
        again = msgspec.structs.replace(
            again,
            status="active",
            resolved_ms=None,
            flaps=old.flaps + 1,
            muted_until_ms=None,
            cause_id=None,
            acknowledged_by=None,
            acknowledged_ms=None,
            tell_ms=_again_ms(old, now_ms),
        )
    if is_worse(trouble.severity, old.severity):
        again = msgspec.structs.replace(
            again,
            status="active",
            kind=trouble.kind,
            severity=trouble.severity,
            title=trouble.title,
            snoozed_until_ms=None,
            told=MILDER if old.told in KNOWN else old.told,
            tell_ms=now_ms + delay_ms(trouble.severity),
        )
    if old.status == "resolved" or again.tell_ms != old.tell_ms:
        again = quieting.quieted(connection, again, now_ms=now_ms)
    return write(connection, again)


def _again_ms(old: Alert, now_ms: int) -> int | None:
    """When to tell of what is back: not while people still believe that it goes on."""
    return old.tell_ms if old.told == "open" else now_ms + delay_ms(old.severity)


def resolve(connection: Connection, dedupe_key: str, *, now_ms: int) -> Alert | None:
    """End this trouble; None when it is not open, or comes and goes so that its end must wait."""
    found = connection.execute(_OF_KEY, {"wanted": dedupe_key}).first()
    if found is None:
        return None
    old = Alert(**found._mapping)
    if old.flaps >= alerting.MOST_FLAPS:
        if old.resolves_ms is None:
            waits = msgspec.structs.replace(old, resolves_ms=now_ms + alerting.FLAP_MS)
            return write(connection, waits)
        return None
    return _end(connection, old, now_ms=now_ms)


def resolve_of_task(connection: Connection, task_name: str, *, now_ms: int) -> None:
    """Whatever was wrong with it: the task is no more."""
    for old in read(connection.execute(_OPEN.where(alerts.c.task_name == task_name))):
        _end(connection, old, now_ms=now_ms)


def resolve_of_rule(connection: Connection, prefix: str, *, now_ms: int) -> None:
    """A rule is other or no more: what it found, whose keys begin so, is over."""
    of_rule = alerts.c.dedupe_key.startswith(prefix, autoescape=True)
    for old in read(connection.execute(_OPEN.where(of_rule))):
        _end(connection, old, now_ms=now_ms)


def forget_old(connection: Connection, *, before_ms: int) -> None:
    """Tell nobody any more of what was over long ago: nothing could tell it when it happened."""
    old = (alerts.c.status == "resolved", alerts.c.tell_at < before_ms)
    connection.execute(alerts.update().where(*old).values(tell_at=None))


def pass_time(connection: Connection, *, now_ms: int) -> tuple[Alert, ...]:
    """Wake what was snoozed, end what stayed away, heed the windows; the alerts that are others."""
    overdue = _OPEN.where(or_(alerts.c.snoozed_until <= now_ms, alerts.c.resolves_at <= now_ms))
    changed: list[Alert] = []
    for old in read(connection.execute(overdue)):
        if old.resolves_ms is not None and old.resolves_ms <= now_ms:
            changed.append(_end(connection, old, now_ms=now_ms))
        else:
            awake = msgspec.structs.replace(
                old, status="active", snoozed_until_ms=None, tell_ms=now_ms
            )
            changed.append(write(connection, quieting.quieted(connection, awake, now_ms=now_ms)))
    return (*changed, *quieting.heed_mutes(connection, now_ms=now_ms))


# By hand


def acknowledge(connection: Connection, text: str, *, who: str, note: str, now_ms: int) -> Alert:
    """Somebody cares for it: it is told no more; doing it twice changes nothing; WrongUse."""
    old = _open_one(connection, text)
    if old.status == "acknowledged" and not note:
        return old
    old = remember(connection, old, who=who, what="acknowledged", note=note, now_ms=now_ms)
    return write(
        connection,
        msgspec.structs.replace(
            old,
            status="acknowledged",
            acknowledged_by=old.acknowledged_by or who,
            acknowledged_ms=old.acknowledged_ms or now_ms,
            snoozed_until_ms=None,
            tell_ms=None,
        ),
    )


def snooze(
    connection: Connection, text: str, *, until_ms: int, who: str, note: str, now_ms: int
) -> Alert:
    """Say nothing of it until then; raises WrongUse."""
    old = _open_one(connection, text)
    old = remember(connection, old, who=who, what="snoozed", note=note, now_ms=now_ms)
    return write(
        connection,
        msgspec.structs.replace(old, status="snoozed", snoozed_until_ms=until_ms, tell_ms=None),
    )


def resolve_one(connection: Connection, text: str, *, who: str, note: str, now_ms: int) -> Alert:
    """Somebody says that it is over; raises WrongUse."""
    old = find(connection, text)
    if old.status == "resolved":
        return old
    old = remember(connection, old, who=who, what="resolved", note=note, now_ms=now_ms)
    return _end(connection, old, now_ms=now_ms)


def reopen(connection: Connection, text: str, *, who: str, note: str, now_ms: int) -> Alert:
    """Take back what somebody did about it; raises WrongUse, and Conflict if it came anew."""
    old = find(connection, text)
    if old.status == "active":
        return old
    same = read(connection.execute(_OF_KEY, {"wanted": old.dedupe_key}))
    if any(other.id != old.id for other in same):
        raise Conflict(f"alert {text!r}: the same trouble is open anew, as another alert")
    old = remember(connection, old, who=who, what="reopened", note=note, now_ms=now_ms)
    again = msgspec.structs.replace(
        old,
        status="active",
        acknowledged_by=None,
        acknowledged_ms=None,
        snoozed_until_ms=None,
        resolved_ms=None,
        # Whom it was told to knows it still.
        tell_ms=None if old.told == "open" else now_ms + delay_ms(old.severity),
    )
    return write(connection, quieting.quieted(connection, again, now_ms=now_ms))


def annotate(connection: Connection, text: str, *, who: str, note: str, now_ms: int) -> Alert:
    """Somebody says something of it, over or not; raises WrongUse."""
    old = find(connection, text)
    return remember(connection, old, who=who, what="noted", note=note, now_ms=now_ms)


def remember(
    connection: Connection, alert: Alert, *, who: str, what: str, note: str, now_ms: int
) -> Alert:
    """Keep what somebody did about an alert, and said of it; the alert with this note more."""
    connection.execute(
        alert_notes.insert(),
        {
            "alert_id": alert.id,
            "noted_at": now_ms,
            "noted_by": who,
            "what": what,
            "note": note[:1_000],
        },
    )
    return msgspec.structs.replace(alert, notes=alert.notes + 1)


def notes(connection: Connection, alert_id: str) -> tuple[Note, ...]:
    """What people did about it, oldest first."""
    column = alert_notes.c
    found = connection.execute(
        select(column.noted_at.label("noted_ms"), column.noted_by, column.what, column.note)
        .where(column.alert_id == alert_id, column.what != TOLD)
        .order_by(column.id)
    )
    return tuple(Note(**row._mapping) for row in found)


def _is_named(text: str) -> ColumnElement[bool]:
    """Whole ids need no look at every row."""
    return alerts.c.id == text if len(text) == ID_CHARS else alerts.c.id.like(f"%{text}")


def _open_one(connection: Connection, text: str) -> Alert:
    found = find(connection, text)
    if found.status == "resolved":
        raise WrongUse(f"alert {text!r} is over already; only what is open can be held")
    return found


def _end(connection: Connection, old: Alert, *, now_ms: int) -> Alert:
    # What nobody was told of yet is told once, as over; what was seen in time needs no word.
    tell_ms = now_ms + delay_ms(old.severity) if old.told in KNOWN else old.tell_ms
    if old.muted_until_ms is not None:
        tell_ms = None  # nor does what came and went while somebody worked on it
    ended = msgspec.structs.replace(
        old,
        status="resolved",
        resolved_ms=now_ms,
        resolves_ms=None,
        snoozed_until_ms=None,
        tell_ms=tell_ms,
    )
    if old.kind in grouping.CAUSES:
        quieting.let_go(connection, old, now_ms=now_ms)
    return write(connection, ended)
