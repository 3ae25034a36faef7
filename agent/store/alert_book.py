"""Which alerts were there, who was told of one, and what do people change about several?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, func, or_, select

from agent.errors import AgentError, AlertNotFound
from agent.store import outbox as messages
from agent.store.alerts import Alert, chosen, messages_of
from agent.store.outbox import Message
from schema.tables import alerts, outbox

MOST_MESSAGES: Final = 50


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts: all that is given must fit; opened in [from, to)."""

    task_name: str | None = None
    severities: Sequence[str] = ()
    statuses: Sequence[str] = ()
    from_ms: int | None = None
    to_ms: int | None = None
    text: str | None = None


class Changed(msgspec.Struct, frozen=True):
    """The alerts as they are now, and why others stayed as they were, by id."""

    alerts: tuple[Alert, ...]
    refused: Mapping[str, AgentError]


def page(
    connection: Connection, *, wanted: Wanted, before: str | None, limit: int
) -> tuple[Alert, ...]:
    """Up to so many alerts, the newest first, those before this id alone."""
    conditions = list(_conditions(wanted))
    if before is not None:
        conditions.append(alerts.c.id < before)
    return chosen(connection, *conditions, limit=limit)


def get(connection: Connection, alert_id: str) -> Alert:
    """The alert of this id; raises AlertNotFound."""
    found = chosen(connection, alerts.c.id == alert_id, limit=1)
    if not found:
        raise AlertNotFound(alert_id)
    return found[0]


def change(
    connection: Connection, *, ids: Sequence[str], act: Callable[[Connection, str], Alert]
) -> Changed:
    """Do it to each of these, all at once; what one of them refuses leaves the others be."""
    changed: list[Alert] = []
    refused: dict[str, AgentError] = {}
    for alert_id in ids:
        try:
            get(connection, alert_id)
            act(connection, alert_id)
            changed.append(get(connection, alert_id))
        except AgentError as error:
            refused[alert_id] = error
    return Changed(tuple(changed), refused)


def messages_about(connection: Connection, alert: Alert) -> tuple[Message, ...]:
    """What was written to people of this alert, the newest first."""
    told = messages_of(connection, alert.id, limit=MOST_MESSAGES)
    return messages.chosen(connection, outbox.c.id.in_(told), limit=MOST_MESSAGES)


def messages_page(connection: Connection, *, before: str | None, limit: int) -> tuple[Message, ...]:
    """Up to so many messages, the newest first, those before this id alone."""
    conditions = () if before is None else (outbox.c.id < before,)
    return messages.chosen(connection, *conditions, limit=limit)


class Mailing(msgspec.Struct, frozen=True, kw_only=True):
    """How messages go: how many wait, when one went last, and what stops the newest that waits."""

    waiting: int
    sent_ms: int | None
    problem: str | None


def mailing(connection: Connection) -> Mailing:
    """How messages go now."""
    counted = select(func.count()).select_from(outbox).where(outbox.c.state == "waiting")
    newest_sent = messages.chosen(connection, outbox.c.state == "sent", limit=1)
    sent = newest_sent[0] if newest_sent else None
    stuck = messages.chosen(
        connection, outbox.c.state != "sent", outbox.c.last_error.is_not(None), limit=1
    )
    # What went after it is proof that mail goes again.
    is_stuck = bool(stuck) and (
        stuck[0].state == "waiting" or sent is None or sent.created_ms < stuck[0].created_ms
    )
    return Mailing(
        waiting=connection.scalar(counted) or 0,
        sent_ms=None if sent is None else sent.sent_ms,
        problem=stuck[0].last_error if is_stuck else None,
    )


def _conditions(wanted: Wanted) -> Iterable[ColumnElement[Any]]:
    column = alerts.c
    if wanted.task_name is not None:
        yield column.task_name == wanted.task_name
    if wanted.severities:
        yield column.severity.in_(wanted.severities)
    if wanted.statuses:
        yield column.status.in_(wanted.statuses)
    if wanted.from_ms is not None:
        yield column.opened_at >= wanted.from_ms
    if wanted.to_ms is not None:
        yield column.opened_at < wanted.to_ms
    for word in (wanted.text or "").split():
        yield or_(
            *(
                each.icontains(word, autoescape=True)
                for each in (column.title, column.message, column.kind)
            )
        )
