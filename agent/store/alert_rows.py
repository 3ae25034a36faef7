"""What is an alert as it stands, and how does it lie in its row?"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from agent.troubles import rank
from schema.tables import alert_notes, alerts


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One trouble as it stands, from its opening to its end.

    Nobody is told of it before `muted_until_ms`, nor while `cause_id`, what it came of, is open.
    """

    id: str
    dedupe_key: str
    kind: str
    severity: str
    status: str
    title: str
    message: str
    occurrences: int
    opened_ms: int
    last_seen_ms: int
    task_name: str | None = None
    run_id: str | None = None
    acknowledged_by: str | None = None
    acknowledged_ms: int | None = None
    snoozed_until_ms: int | None = None
    resolved_ms: int | None = None
    flaps: int = 0
    resolves_ms: int | None = None
    tell_ms: int | None = None
    told: str | None = None
    muted_until_ms: int | None = None
    cause_id: str | None = None
    notes: int = 0
    """How much people did or said; it is counted, and lies in no column."""


MILDER: Final = "milder"
"""People were told that it is open, and not yet that it is worse by now."""
KNOWN: Final = ("open", MILDER)
TOLD: Final = "told"
"""A note that nobody wrote: its text is the id of a message that tells of the alert."""

# Which column a field lies in, where it is called otherwise.
_AT: Final = {
    "opened_ms": "opened_at",
    "last_seen_ms": "last_seen_at",
    "acknowledged_ms": "acknowledged_at",
    "snoozed_until_ms": "snoozed_until",
    "resolved_ms": "resolved_at",
    "resolves_ms": "resolves_at",
    "tell_ms": "tell_at",
    "muted_until_ms": "muted_until",
}
_FIELDS: Final = tuple(name for name in Alert.__struct_fields__ if name != "notes")
_NOTES: Final = (
    select(func.count())
    .where(alert_notes.c.alert_id == alerts.c.id, alert_notes.c.what != TOLD)
    .scalar_subquery()
)
ALL: Final = select(
    *(alerts.c[_AT.get(name, name)].label(name) for name in _FIELDS), _NOTES.label("notes")
)
_CHANGE: Final = alerts.update().where(alerts.c.id == bindparam("which"))


def worst_first(found: Iterable[Alert]) -> list[Alert]:
    """The order in which people read them: what goes on before what is over, bad before less bad.

    Of equals the newest comes first.
    """
    newest_first = sorted(found, key=lambda alert: (alert.opened_ms, alert.id), reverse=True)
    return sorted(
        newest_first, key=lambda alert: (alert.status == "resolved", -rank(alert.severity))
    )


def write(connection: Connection, alert: Alert) -> Alert:
    """Let its row be as it stands now."""
    connection.execute(_CHANGE.values(as_row(alert)), {"which": alert.id})
    return alert


def as_row(alert: Alert) -> dict[str, Any]:
    """Its row."""
    return {_AT.get(name, name): getattr(alert, name) for name in _FIELDS}


def read(rows: Any) -> tuple[Alert, ...]:
    """The alerts of rows of ALL."""
    return tuple(Alert(**row._mapping) for row in rows)
