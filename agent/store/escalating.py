"""Which alerts did nobody care for in time, who was told of that, and who must know the end?"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select

from agent.store import alerts as store
from agent.store.alert_rows import ALL, KNOWN, TOLD, Alert, read, worst_first
from agent.store.outbox import Draft, put
from schema.tables import alert_notes, alerts

MOST_AT_ONCE: Final = 50
_ESCALATED: Final = "escalated "
_OVER: Final = "told the end"
_OVER_WITHIN_MS: Final = 86_400_000

Compose = Callable[[Sequence[Alert]], Draft]


def escalate(
    connection: Connection,
    stage: int,
    *,
    severities: Sequence[str],
    before_ms: int,
    now_ms: int,
    said: str,
    compose: Compose,
) -> tuple[Draft, ...]:
    """Tell the people of this stage of what was opened by then and nobody cares for, once."""
    found = read(
        connection.execute(
            ALL.where(*_neglected(stage, severities), alerts.c.opened_at <= before_ms)
            .order_by(alerts.c.id)
            .limit(MOST_AT_ONCE)
        )
    )
    return _tell(connection, found, what=_name(stage), note=said, now_ms=now_ms, compose=compose)


def tell_ends(
    connection: Connection, stage: int, *, now_ms: int, said: str, compose: Compose
) -> tuple[Draft, ...]:
    """Tell the same people that it is over."""
    what = f"{_OVER} {stage}"
    found = read(
        connection.execute(
            ALL.where(
                alerts.c.status == "resolved",
                alerts.c.resolved_at >= now_ms - _OVER_WITHIN_MS,
                _has_note(_name(stage)),
                ~_has_note(what),
            )
            .order_by(alerts.c.id)
            .limit(MOST_AT_ONCE)
        )
    )
    return _tell(connection, found, what=what, note=said, now_ms=now_ms, compose=compose)


def oldest_ms(
    connection: Connection, stage: int, *, severities: Sequence[str], after_ms: int
) -> int | None:
    """When the first was opened of which the people of this stage may have to be told."""
    at_ms: int | None = connection.scalar(
        select(func.min(alerts.c.opened_at)).where(
            *_neglected(stage, severities), alerts.c.opened_at > after_ms
        )
    )
    return at_ms


def stages_told(connection: Connection) -> dict[str, frozenset[int]]:
    """Of each alert that is not over: of which stages the people were told."""
    note = alert_notes.c
    rows = connection.execute(
        select(note.alert_id, note.what)
        .join(alerts, alerts.c.id == note.alert_id)
        .where(note.what.startswith(_ESCALATED), alerts.c.status != "resolved")
    )
    found: dict[str, frozenset[int]] = {}
    for alert_id, what in rows:
        found[alert_id] = found.get(alert_id, frozenset()) | stages_in([what])
    return found


def stages_in(acts: Iterable[str]) -> frozenset[int]:
    """Of which stages the people were told, by what was done about one alert."""
    numbers = (act.removeprefix(_ESCALATED) for act in acts if act.startswith(_ESCALATED))
    return frozenset(int(number) for number in numbers if number.isdigit())


def _tell(
    connection: Connection,
    found: Sequence[Alert],
    *,
    what: str,
    note: str,
    now_ms: int,
    compose: Compose,
) -> tuple[Draft, ...]:
    if not found:
        return ()
    draft = compose(worst_first(found))
    for message in draft.messages:
        put(connection, message)
    for alert in found:
        store.remember(connection, alert, who=store.WHO, what=what, note=note, now_ms=now_ms)
        for message in draft.messages:
            at_ms = message.created_ms
            store.remember(
                connection, alert, who=store.WHO, what=TOLD, note=message.id, now_ms=at_ms
            )
    return (draft,)


def _name(stage: int) -> str:
    return f"{_ESCALATED}{stage}"


def _neglected(stage: int, severities: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    return (
        alerts.c.status == "active",
        alerts.c.severity.in_(severities),
        alerts.c.told.in_(KNOWN),
        *store.stands_alone(),
        ~_has_note(_name(stage)),
    )


def _has_note(what: str) -> ColumnElement[bool]:
    note = alert_notes.c
    return select(note.id).where(note.alert_id == alerts.c.id, note.what == what).exists()
