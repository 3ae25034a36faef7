"""What the agent remembers about itself: heartbeat, how far it has decided, its version."""

from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import mysql, sqlite

from schema.tables import state

HEARTBEAT: Final = "heartbeat_ms"
DECIDED_UNTIL: Final = "decided_until_ms"
HIGHEST: Final = "highest_decided_ms"
AGENT_VERSION: Final = "agent_version"


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's last sign of life, for those who look at it from outside."""

    at_ms: int
    pid: int
    started_ms: int
    version: str
    running: int = 0
    lag_ms: int = 0


_FIND = select(state.c.value).where(state.c.name == bindparam("wanted"))
_SET_SQLITE = sqlite.insert(state)
_SET_SQLITE = _SET_SQLITE.on_conflict_do_update(
    index_elements=["name"],
    set_={
        "value": _SET_SQLITE.excluded["value"],
        "updated_at": _SET_SQLITE.excluded["updated_at"],
    },
)
_SET_MYSQL = mysql.insert(state)
_SET_MYSQL = _SET_MYSQL.on_duplicate_key_update(
    value=_SET_MYSQL.inserted["value"], updated_at=_SET_MYSQL.inserted["updated_at"]
)


def get(connection: Connection, name: str) -> str | None:
    """What is remembered under this name."""
    return connection.scalar(_FIND, {"wanted": name})


def put(connection: Connection, name: str, value: str, *, now_ms: int) -> None:
    """Remember a value under this name, in place of the one before."""
    connection.execute(
        _SET_SQLITE if connection.dialect.name == "sqlite" else _SET_MYSQL,
        {"name": name, "value": value, "updated_at": now_ms},
    )


def beat(connection: Connection, heartbeat: Heartbeat) -> None:
    """Record a sign of life."""
    value = msgspec.json.encode(heartbeat).decode()
    put(connection, HEARTBEAT, value, now_ms=heartbeat.at_ms)


def last_beat(connection: Connection) -> Heartbeat | None:
    """The newest sign of life; None before the first."""
    value = get(connection, HEARTBEAT)
    return None if value is None else msgspec.json.decode(value, type=Heartbeat)


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
