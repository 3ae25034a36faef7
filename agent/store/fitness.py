"""Can this server carry our tables: its version, what we may do there, and its clock?"""

import re
import time
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from agent.errors import StorageError
from agent.store.engines import name_of
from schema.tables import metadata

MARIADB_FROM: Final = (10, 6)
MYSQL_FROM: Final = (8, 0)
TO_WORK: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
TO_CHANGE: Final = ("CREATE", "ALTER", "INDEX", "DROP")
"""Needed beside TO_WORK to make the tables, and to lift them to a new version."""
PACKET_BYTES: Final = 2 << 20
"""The driver gathers rows up to a megabyte in one statement, and then one row may come."""
CLOCK_MS: Final = 5_000
"""A clock of the server's that differs by less is taken to be right."""

_GRANT: Final = re.compile(r"GRANT (?P<what>.+?) ON (?P<where>\S+) TO ")
_ROLE: Final = re.compile(r"GRANT `[^`]+`(?:@`[^`]*`)?(?:, ?`[^`]+`(?:@`[^`]*`)?)* TO ")


def check_version(connection: Connection) -> None:
    """Refuse a server that is too old for our tables; raises StorageError."""
    if connection.dialect.name == "sqlite":
        return
    said = str(connection.exec_driver_sql("SELECT VERSION()").scalar_one())
    is_mariadb = "mariadb" in said.lower()
    found = re.match(r"(?:5\.5\.5-)?(\d+)\.(\d+)", said)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    needed = MARIADB_FROM if is_mariadb else MYSQL_FROM
    if version < needed:
        kind = "MariaDB" if is_mariadb else "MySQL"
        raise StorageError(
            f"database {name_of(connection.engine.url)} is on {kind} {said.split('-')[0]}, "
            f"and our tables need {kind} {needed[0]}.{needed[1]} or newer; upgrade the server"
        )


def check_privileges(connection: Connection, *, will_change: bool) -> None:
    """Refuse before anything is written when a privilege is missing, naming each; StorageError."""
    if connection.dialect.name == "sqlite":
        return
    lines = [str(line) for line in connection.exec_driver_sql("SHOW GRANTS").scalars()]
    if any(_ROLE.match(line) for line in lines):
        return  # what a role gives is not told here in full; the server itself will say
    held = granted(lines, str(connection.engine.url.database))
    needed = (*TO_WORK, *TO_CHANGE) if will_change else TO_WORK
    missing = [name for name in needed if name not in held]
    if missing:
        who = str(connection.exec_driver_sql("SELECT CURRENT_USER()").scalar_one())
        user, _, host = who.rpartition("@")
        url = connection.engine.url
        raise StorageError(
            f"database {name_of(url)} does not let {who} {_listed(missing)}; grant it as an "
            f"administrator: GRANT {', '.join(missing)} ON `{url.database}`.* TO '{user}'@'{host}'"
        )


def check_packets(connection: Connection) -> None:
    """Refuse a server that takes shorter statements than ours may be; raises StorageError.

    Later it would only hang up on them, and nobody would hear why.
    """
    if connection.dialect.name == "sqlite":
        return
    most = int(connection.exec_driver_sql("SELECT @@max_allowed_packet").scalar_one())
    if most < PACKET_BYTES:
        raise StorageError(
            f"database {name_of(connection.engine.url)} is on a server whose max_allowed_packet "
            f"is {most}, and we write up to {PACKET_BYTES} bytes at once; raise it as an "
            "administrator with SET GLOBAL max_allowed_packet = 67108864, and with "
            "max_allowed_packet = 64M under [mysqld] in the server's configuration so that its "
            "next start keeps it"
        )


def granted(lines: Iterable[str], database: str) -> frozenset[str]:
    """What these lines of SHOW GRANTS allow in all of a database."""
    held: set[str] = set()
    for line in lines:
        found = _GRANT.match(line)
        if found is None or not _covers(found["where"], database):
            continue
        names = {name.strip().upper() for name in found["what"].split(",")}
        held |= names
        if names & {"ALL PRIVILEGES", "ALL"}:
            held |= {*TO_WORK, *TO_CHANGE}
    return frozenset(held)


def clock_ahead_ms(connection: Connection) -> int:
    """By how much the server's clock is ahead of ours; 0 where both are this host's."""
    if connection.dialect.name == "sqlite":
        return 0
    before_ms = time.time_ns() // 1_000_000
    theirs = connection.exec_driver_sql(
        "SELECT CAST(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) / 1000 AS SIGNED)"
    ).scalar_one()
    after_ms = time.time_ns() // 1_000_000
    # Half of the way there and back is as good a guess as any.
    return int(theirs) - (before_ms + after_ms) // 2


def clock_sentence(ahead_ms: int) -> str | None:
    """What is wrong with a clock that differs by so much; None when it is right enough."""
    if abs(ahead_ms) < CLOCK_MS:
        return None
    word = "ahead of" if ahead_ms > 0 else "behind"
    return (
        f"the clock of the database server is {abs(ahead_ms) / 1000:.0f} s {word} this host's; "
        "rows hold this host's time, but NOW() in queries by hand does not fit them: "
        "set both clocks by NTP"
    )


def damaged_tables(connection: Connection) -> tuple[str, ...]:
    """What the server finds wrong in our tables, reading all of them; SQLite is asked elsewhere."""
    if connection.dialect.name == "sqlite":
        return ()
    names = ", ".join(f"`{name}`" for name in sorted(metadata.tables))
    rows = connection.exec_driver_sql(f"CHECK TABLE {names}").all()
    # Each row is: table, operation, kind of message, message.
    return tuple(
        f"{table}: {said}"
        for table, _, kind, said in rows
        if kind in ("error", "warning") or (kind == "status" and said != "OK")
    )


def _covers(where: str, database: str) -> bool:
    """`*.*`, or a database by its name or as a pattern, all its tables."""
    if where == "*.*":
        return True
    name, dot, table = where.rpartition(".")
    if not dot or table != "*":
        return False
    pattern = ""
    letters = iter(name.strip("`").replace("``", "`"))
    for letter in letters:
        if letter == "\\":
            pattern += re.escape(next(letters, ""))
        else:
            pattern += {"%": ".*", "_": "."}.get(letter, re.escape(letter))
    return re.fullmatch(pattern, database) is not None


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
