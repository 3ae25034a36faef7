"""What the agent remembers about itself: heartbeat, how far it has decided, its version."""

from typing import Final, TypeVar

import msgspec
from sqlalchemy import Connection, bindparam, func, select

from agent import readback
from agent.errors import AlreadyServing
from agent.log import log_of
from agent.readback import NotWhole
from agent.store.prepared import Prepared
from agent.store.upserts import Upsert
from agent.supervisor import Unit
from schema.tables import state, tasks

log = log_of(__name__)

T = TypeVar("T")

HEARTBEAT: Final = "heartbeat_ms"
DECIDED_UNTIL: Final = "decided_until_ms"
HIGHEST: Final = "highest_decided_ms"
AGENT_VERSION: Final = "agent_version"
HOLDER: Final = "holder"
MOVING_FROM: Final = "moving_from"
"""Where the rows come from of a database that does not hold all of them yet."""
_DIGITS: Final = 18
"""So many has no number of ours, and each database holds them."""
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


def number(connection: Connection, name: str) -> int | None:
    """The whole number that is remembered; None also where something else stands there."""
    found = get(connection, name)
    if found is None:
        return None
    text = str(found)  # SQLite lets a text be anything
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        return int(text)
    _tell_useless(name, text)
    return None


def _value(connection: Connection, name: str, kind: type[T]) -> T | None:
    """What is remembered as JSON; None also where something else stands there."""
    found = get(connection, name)
    if found is None:
        return None
    text = str(found)
    try:
        return readback.from_json(text.encode(), kind)
    except NotWhole:
        _tell_useless(name, text)
        return None


def _tell_useless(name: str, text: str) -> None:
    log.error("what the database remembers is of no use", name=name, value=text[:80])


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
    return _value(connection, HEARTBEAT, Heartbeat)


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
    return _value(connection, HOLDER, Holder)


def decided_until(connection: Connection) -> int | None:
    """Every due moment up to here has been decided; None before the first decision."""
    found = number(connection, DECIDED_UNTIL)
    if found is not None or get(connection, DECIDED_UNTIL) is None:
        return found
    # What was decided of each task says so too.
    newest_ms: int | None = connection.scalar(select(func.max(tasks.c.watermark)))
    return newest_ms


def set_decided_until(connection: Connection, at_ms: int, *, now_ms: int) -> None:
    """Say up to which moment all is decided."""
    put(connection, DECIDED_UNTIL, str(at_ms), now_ms=now_ms)


def highest(connection: Connection) -> int:
    """How far was ever decided before a clock was put right; 0 when none ever was."""
    return number(connection, HIGHEST) or 0


def set_highest(connection: Connection, at_ms: int, *, now_ms: int) -> None:
    """Say up to which moment rows may lie, although the clock is earlier."""
    put(connection, HIGHEST, str(at_ms), now_ms=now_ms)
