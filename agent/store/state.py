"""What the agent remembers about itself: heartbeat, how far it has decided, its version."""

from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, select

from agent.errors import AlreadyServing
from agent.store.prepared import Prepared
from agent.store.upserts import Upsert
from agent.supervisor import Unit
from schema.tables import state

HEARTBEAT: Final = "heartbeat_ms"
DECIDED_UNTIL: Final = "decided_until_ms"
HIGHEST: Final = "highest_decided_ms"
AGENT_VERSION: Final = "agent_version"
HOLDER: Final = "holder"
HOLDER_LIVES_MS: Final = 180_000
"""So long after its last sign of life an agent is taken to work on its database still."""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's last sign of life, for those who look at it from outside."""

    at_ms: int
    pid: int
    started_ms: int
    version: str
    running: int = 0
    lag_ms: int = 0
    unit: Unit | None = None
    serves: bool = True
    """It goes on living; else it was one pass, and comes back when it is called."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Which agent works on this database, and when it last said so."""

    agent_id: str
    host: str
    at_ms: int


_FIND = select(state.c.value).where(state.c.name == bindparam("wanted"))
_SET: Final = Prepared(
    ("name", "value", "updated_at"), Upsert(state, key=("name",), renews=("value", "updated_at"))
)


def get(connection: Connection, name: str) -> str | None:
    """What is remembered under this name."""
    return connection.scalar(_FIND, {"wanted": name})


def put(connection: Connection, name: str, value: str, *, now_ms: int) -> None:
    """Remember a value under this name, in place of the one before."""
    _SET.execute(connection, [(name, value, now_ms)])


def beat(
    connection: Connection, heartbeat: Heartbeat, holder: Holder | None = None
) -> Holder | None:
    """Record a sign of life of whoever holds the database; the other agent that does, if any."""
    other = None if holder is None else hold(connection, holder)
    if other is not None:
        return other
    value = msgspec.json.encode(heartbeat).decode()
    put(connection, HEARTBEAT, value, now_ms=heartbeat.at_ms)
    return None


def last_beat(connection: Connection) -> Heartbeat | None:
    """The newest sign of life; None before the first."""
    value = get(connection, HEARTBEAT)
    return None if value is None else msgspec.json.decode(value, type=Heartbeat)


def hold(connection: Connection, holder: Holder) -> Holder | None:
    """Take the database for this agent, or keep it; the other one that lives on it, if any."""
    other = held_by(connection)
    # A clock may have been set: what lies beyond now says as little as what is long ago.
    is_alive = other is not None and abs(holder.at_ms - other.at_ms) < HOLDER_LIVES_MS
    if other is not None and is_alive and other.agent_id != holder.agent_id:
        return other
    put(connection, HOLDER, msgspec.json.encode(holder).decode(), now_ms=holder.at_ms)
    return None


def refuse_other(other: Holder | None, *, now_ms: int) -> None:
    """Raise AlreadyServing where another agent works on the database."""
    if other is not None:
        raise AlreadyServing(
            f"agent {other.agent_id} on host {other.host!r} works on this database, "
            f"and said so {abs(now_ms - other.at_ms) // 1000} s ago; stop that one, give this "
            f"one another database_url, or wait for {HOLDER_LIVES_MS // 60_000} min after "
            "its end if it was killed"
        )


def living_holder(connection: Connection, *, agent_id: str, now_ms: int) -> Holder | None:
    """Another agent that works on this database now."""
    other = held_by(connection)
    if other is None or other.agent_id == agent_id:
        return None
    return other if abs(now_ms - other.at_ms) < HOLDER_LIVES_MS else None


def let_go(connection: Connection, holder: Holder) -> None:
    """Leave the database to whichever agent comes next, unless another one holds it."""
    found = held_by(connection)
    if found is not None and found.agent_id == holder.agent_id:
        connection.execute(state.delete().where(state.c.name == HOLDER))


def held_by(connection: Connection) -> Holder | None:
    """Which agent said last that it works on this database."""
    found = get(connection, HOLDER)
    try:
        return None if found is None else msgspec.json.decode(found, type=Holder)
    except msgspec.MsgspecError:
        return None  # somebody wrote into it; the next sign of life mends it


def decided_until(connection: Connection) -> int | None:
    """Every due moment up to here has been decided; None before the first decision."""
    value = get(connection, DECIDED_UNTIL)
    return None if value is None else int(value)


def set_decided_until(connection: Connection, at_ms: int, *, now_ms: int) -> None:
    """Say up to which moment all is decided."""
    put(connection, DECIDED_UNTIL, str(at_ms), now_ms=now_ms)


def highest(connection: Connection) -> int:
    """How far was ever decided before a clock was put right; 0 when none ever was."""
    return int(get(connection, HIGHEST) or 0)


def set_highest(connection: Connection, at_ms: int, *, now_ms: int) -> None:
    """Say up to which moment rows may lie, although the clock is earlier."""
    put(connection, HIGHEST, str(at_ms), now_ms=now_ms)
