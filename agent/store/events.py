"""What happened to the host's clock and to the agent: rows are added, never changed."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from agent.rules.clocks import Happening, Kind
from schema.tables import events

MAX_PAGE: Final = 1_000
BOOT: Final[Kind] = "boot"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened, by the wall clock as it stood then; `id` gives the true order."""

    id: int
    at_ms: int
    kind: str
    size_ms: int | None
    message: str
    details: dict[str, Any]


def record(
    connection: Connection, happening: Happening, *, details: Mapping[str, Any] | None = None
) -> None:
    """Keep what happened, and in `details` what the agent did about it."""
    connection.execute(
        events.insert(),
        {
            "happened_at": happening.at_ms,
            "kind": happening.kind,
            "size_ms": happening.size_ms,
            "message": happening.message,
            "details": dict(details or {}),
        },
    )


def record_all(connection: Connection, happenings: Iterable[Happening]) -> None:
    """Keep several, in their order."""
    for happening in happenings:
        record(connection, happening)


def page(
    connection: Connection,
    *,
    before: int | None = None,
    limit: int = 100,
    kinds: Iterable[str] = (),
) -> tuple[Event, ...]:
    """The newest events older than event `before`, newest first; of all kinds when none is named.

    Newest is what was recorded last: the clock by which they happened may have been set back.
    """
    query = select(events).order_by(events.c.id.desc()).limit(max(1, min(limit, MAX_PAGE)))
    if before is not None:
        query = query.where(events.c.id < before)
    wanted = tuple(kinds)
    if wanted:
        query = query.where(events.c.kind.in_(wanted))
    return tuple(
        Event(
            id=row.id,
            at_ms=row.happened_at,
            kind=row.kind,
            size_ms=row.size_ms,
            message=row.message,
            details=row.details,
        )
        for row in connection.execute(query)
    )


def newest(connection: Connection, kinds: Iterable[str]) -> Happening | None:
    """What happened last of these kinds."""
    for event in page(connection, limit=1, kinds=kinds):
        return msgspec.convert(
            {
                "kind": event.kind,
                "size_ms": event.size_ms or 0,
                "at_ms": event.at_ms,
                "message": event.message,
            },
            Happening,
        )
    return None


def boots(connection: Connection) -> tuple[int, ...]:
    """The moments at which the agent first saw each boot of the host, in ascending order."""
    found = select(events.c.happened_at).where(events.c.kind == BOOT).order_by(events.c.happened_at)
    return tuple(connection.scalars(found))


def note_boot(
    connection: Connection, boot_id: str, now_ms: int, *, up_since_ms: int | None = None
) -> int | None:
    """The moment of a boot that was not known, kept from now on; None for one that was.

    A boot happens when it is first seen, but for the first one of all: a host that was up, from
    `up_since_ms` on, before anybody looked was not started anew for tasks that came later. No two
    boots have the same moment: a millisecond that is taken is passed over.
    """
    known = connection.execute(
        select(events.c.happened_at, events.c.details).where(events.c.kind == BOOT)
    ).all()
    if any(details.get("boot_id") == boot_id for _, details in known):
        return None
    is_first = not known and up_since_ms is not None
    at_ms = now_ms if known or up_since_ms is None else min(up_since_ms, now_ms)
    taken = {known_ms for known_ms, _ in known}
    while at_ms in taken:
        at_ms += 1
    connection.execute(
        events.insert(),
        {
            "happened_at": at_ms,
            "kind": BOOT,
            "size_ms": None,
            "message": "The host was started, before the agent first was."
            if is_first
            else "The host was started anew.",
            "details": {"boot_id": boot_id},
        },
    )
    return at_ms
