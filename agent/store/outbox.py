"""Which messages are on their way, and what became of the others?"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, func, select

from agent.runs import Run
from agent.store import alerts, ledger
from agent.store.alerts import Alert
from agent.store.history import RunFilter
from agent.ulid import new_ulid
from schema.tables import outbox

MOST_TOLD: Final = 50
MOST_RUNS: Final = 10


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message; it is `waiting`, `sent`, or `failed` when nobody will get it."""

    id: str
    channel: str
    severity: str
    recipients: tuple[str, ...]
    subject: str
    thread: str
    plain: str
    html: str
    created_ms: int
    due_ms: int
    attempts: int = 0
    state: str = "waiting"
    last_error: str | None = None
    receipt: str | None = None
    sent_ms: int | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """An alert, and what people want to see with it."""

    alert: Alert
    run: Run | None = None
    runs: tuple[Run, ...] = ()


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """Messages about these alerts, and so many more, with what they were made of."""

    told: tuple[Told, ...]
    more: int
    messages: tuple[Message, ...]
    lead: str = ""


Compose = Callable[[Sequence[Told], int], Draft]
"""Makes a message for each channel of alerts, and of so many more."""
_AT: Final = {"created_ms": "created_at", "due_ms": "due_at", "sent_ms": "sent_at"}
_ALL: Final = select(
    *(outbox.c[_AT.get(name, name)].label(name) for name in Message.__struct_fields__)
)


def collect(
    connection: Connection,
    *,
    severities: Sequence[str],
    now_ms: int,
    details: int,
    compose: Compose,
) -> tuple[Draft, ...]:
    """What is to be told of these severities becomes messages, and is told with them."""
    drafts: list[Draft] = []
    for severity in severities:
        told, more = to_tell(connection, severity=severity, now_ms=now_ms, details=details)
        if not told:
            continue
        draft = compose(told, more)
        for message in draft.messages:
            put(connection, message)
            told_by = (message.id, message.created_ms)
            alerts.told_by(connection, severity, message=told_by, now_ms=now_ms)
        alerts.told(connection, severity, now_ms=now_ms)
        drafts.append(draft)
    return tuple(drafts)


def to_tell(
    connection: Connection, *, severity: str, now_ms: int, details: int
) -> tuple[tuple[Told, ...], int]:
    """What is to be told of this severity, and how many more there are."""
    count, found = alerts.waiting(connection, severity, now_ms=now_ms, limit=MOST_TOLD)
    return with_details(connection, found, details=details), count - len(found)


def with_details(
    connection: Connection, found: Sequence[Alert], *, details: int
) -> tuple[Told, ...]:
    """The alerts, the first of them with their runs."""
    return tuple(
        _with_runs(connection, alert) if number < details else Told(alert=alert)
        for number, alert in enumerate(found)
    )


def _with_runs(connection: Connection, alert: Alert) -> Told:
    if alert.task_name is None:
        return Told(alert=alert)
    page = ledger.page(connection, RunFilter(task_name=alert.task_name), limit=MOST_RUNS)
    run = None if alert.run_id is None else ledger.find(connection, alert.run_id)
    return Told(alert=alert, run=run, runs=tuple(page.runs))


def put(connection: Connection, message: Message, *, like: Message | None = None) -> None:
    """Let it go on its way, or be what became of it; a rest is `like` what it is left of."""
    row = {_AT.get(name, name): getattr(message, name) for name in Message.__struct_fields__}
    if connection.execute(outbox.update().where(outbox.c.id == message.id).values(row)).rowcount:
        return
    if connection.scalar(select(outbox.c.id).where(outbox.c.id == message.id)) is None:
        connection.execute(outbox.insert(), row)
        if like is not None:
            alerts.told_alike(connection, message.id, like=like.id, since_ms=like.created_ms)


def due(connection: Connection, *, now_ms: int, limit: int = 20) -> tuple[Message, ...]:
    """What is to be tried now, the oldest first."""
    wanted = _ALL.where(outbox.c.state == "waiting", outbox.c.due_at <= now_ms)
    rows = connection.execute(wanted.order_by(outbox.c.due_at).limit(limit))
    return tuple(Message(**row._mapping) for row in rows)


def next_ms(connection: Connection) -> int | None:
    """When the next one is to be tried."""
    at_ms: int | None = connection.scalar(
        select(func.min(outbox.c.due_at)).where(outbox.c.state == "waiting")
    )
    return at_ms


def waiting(connection: Connection) -> dict[str, int]:
    """How many are on their way by each channel."""
    counted = select(outbox.c.channel, func.count()).where(outbox.c.state == "waiting")
    return dict(connection.execute(counted.group_by(outbox.c.channel)).all())


def newest(connection: Connection, *, limit: int = 100) -> tuple[Message, ...]:
    """The newest messages, whatever became of them."""
    return chosen(connection, limit=limit)


def chosen(connection: Connection, *which: ColumnElement[Any], limit: int) -> tuple[Message, ...]:
    """Those that fit, the newest first."""
    rows = connection.execute(_ALL.where(*which).order_by(outbox.c.id.desc()).limit(limit))
    return tuple(Message(**row._mapping) for row in rows)


def new_id(now_ms: int) -> str:
    """The id of a message; it is also in its headers."""
    return new_ulid(now_ms)
