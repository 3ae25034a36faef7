"""What takes the place of a damaged database file, and which of its rows can still be read?"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, Table, select
from sqlalchemy.engine import make_url

from agent.errors import Damaged, Unreachable, WrongUse
from agent.log import log_of
from agent.store import backups, chain, restoring, state
from agent.store.backups import Backup, Prove
from agent.store.database import Database
from schema.tables import audit, executions, metadata

log = log_of(__name__)

BUSY_S: Final = 5.0
STEP: Final = 500
MOST_LOST_IN_A_ROW: Final = 5_000
"""After so many numbers without a readable row nothing more is to be had of a table."""
_NAME: Final = re.compile(r"[a-z_0-9]+")


class Renewed(msgspec.Struct, frozen=True, kw_only=True):
    """Where the damaged file went, which backup lies in its place (none: an empty database)."""

    aside: Path
    backup: Backup | None


def renew(database_url: str, folder: Path, *, now_ms: int, prove: Prove) -> Renewed:
    """Put the newest proved backup, else an empty database, in the place of the damaged file.

    Nothing of the damaged one is thrown away. Raises StorageError, WrongUse.
    """
    target = file_of(database_url)
    backup = backups.newest(folder)
    if backup is not None:
        done = restoring.restore(backup, database_url, now_ms=now_ms, prove=prove)
        return Renewed(aside=Path(done.aside or target), backup=backup)
    aside = restoring.set_aside(target, now_ms=now_ms)
    Database.open(database_url).close()
    return Renewed(aside=aside, backup=None)


def file_of(database_url: str) -> Path:
    """The file of an SQLite database; raises WrongUse for a server's."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise WrongUse(
            "database_url names a server, which mends its files itself; put a backup back "
            "with `smartcron-agent db restore`"
        )
    return Path(url.database)


def own_file(database_url: str) -> Path | None:
    """As `file_of`; None for a server's database."""
    try:
        return file_of(database_url)
    except WrongUse:
        return None


def damage(database_url: str) -> tuple[str, ...]:
    """What is wrong with the file; nothing when it is sound. Reads all of it.

    Raises Unreachable where another program holds it, or nobody may read it.
    """
    path = file_of(database_url)
    if not path.exists():
        return (f"{path} is not there",)
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S)) as raw:
            said = [row[0] for row in raw.execute("PRAGMA integrity_check(20)")]
            if said == ["ok"] and not _columns(raw, executions.name):
                said = ["its tables are gone"]
    except sqlite3.Error as error:
        if "locked" in str(error) or "unable to open" in str(error):
            raise Unreachable(f"{path} cannot be looked through: {error}; try again") from error
        return (str(error).lower(),)
    return () if said == ["ok"] else tuple(said)


def tables(path: Path) -> tuple[str, ...]:
    """The names of the tables in a file; raises Damaged."""
    try:
        with closing(_looking(path)) as raw:
            found = raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.OperationalError:
        return ()  # held by another program, or not there: others tell of that
    except sqlite3.DatabaseError as error:
        raise Damaged(str(error).lower()) from error
    return tuple(sorted(name for (name,) in found if _NAME.fullmatch(name)))


def unsound(path: Path, table: str) -> str:
    """What is wrong with the pages of a table and its indexes; holds up no writer."""
    try:
        with closing(_looking(path)) as raw:
            (said,) = raw.execute(f"PRAGMA quick_check('{table}')").fetchone()
    except sqlite3.OperationalError:
        return ""
    except sqlite3.DatabaseError as error:
        return f"{table}: {str(error).lower()}"
    return "" if said == "ok" else f"{table}: {said}"


def _looking(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY_S)


class Salvaged(msgspec.Struct, frozen=True):
    """How many rows of each table were read, and the runs among those asked after."""

    rows: dict[str, int]
    runs: frozenset[str]


def salvage(connection: Connection, damaged: Path, runs: frozenset[str]) -> Salvaged:
    """Take over every row that can still be read.

    The rows of the damaged file are newer than those that stand, and so they replace them.
    """
    taken: dict[str, int] = {}
    found: set[str] = set()
    try:
        with closing(sqlite3.connect(f"file:{damaged}?mode=ro", uri=True)) as raw:
            for table in metadata.sorted_tables:
                taken[table.name] = _take_over(connection, raw, table, runs, found)
    except sqlite3.Error as error:
        log.warning("the damaged file cannot be read on", file=str(damaged), cause=str(error))
    _go_on_after_newest_audit(connection)
    return Salvaged(taken, frozenset(found))


def _go_on_after_newest_audit(connection: Connection) -> None:
    """The chain goes on after the newest row there is; what is lost of it `audit verify` tells."""
    newest = connection.execute(
        select(audit.c.chain_number, audit.c.chain_digest, audit.c.recorded_at)
        .where(audit.c.chain_number > chain.head(connection).number)
        .order_by(audit.c.chain_number.desc())
        .limit(1)
    ).first()
    if newest is not None:
        number, digest, at_ms = newest
        state.put(connection, chain.HEAD, json.dumps([number, digest]), now_ms=at_ms)


def _take_over(
    connection: Connection,
    raw: sqlite3.Connection,
    table: Table,
    runs: frozenset[str],
    found: set[str],
) -> int:
    names = [column.name for column in table.columns if column.name in _columns(raw, table.name)]
    if not names or not all(map(_NAME.fullmatch, names)):
        return 0
    insert = (
        f"INSERT OR REPLACE INTO {table.name} ({', '.join(names)}) "  # noqa: S608 - our own names
        f"VALUES ({', '.join('?' * len(names))})"
    )
    taken = 0
    for rows in _readable(raw, table.name, names):
        for row in rows:
            savepoint = connection.begin_nested()
            try:
                connection.exec_driver_sql(insert, tuple(row))
                savepoint.commit()
                taken += 1
                if table is executions and (run_id := row[names.index("id")]) in runs:
                    found.add(run_id)
            except Exception as error:  # noqa: BLE001 - what does not fit any more is passed over
                savepoint.rollback()
                log.warning("a row does not fit", table=table.name, cause=str(error))
    return taken


def _columns(raw: sqlite3.Connection, name: str) -> set[str]:
    try:
        return {row[1] for row in raw.execute(f"PRAGMA table_info({name})")}
    except sqlite3.Error:
        return set()


def _readable(
    raw: sqlite3.Connection, name: str, columns: list[str]
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows by their numbers, those on damaged pages left out."""
    query = (
        f"SELECT {', '.join(columns)} FROM {name} "  # noqa: S608 - our own names
        "WHERE rowid > ? AND rowid <= ? ORDER BY rowid"
    )
    number, top, step, lost = 0, _top(raw, name), STEP, 0
    while number < top and lost < MOST_LOST_IN_A_ROW:
        try:
            rows = raw.execute(query, (number, number + step)).fetchall()
        except sqlite3.Error:
            if step > 1:
                step //= 2
                continue
            number, lost = number + 1, lost + 1
            continue
        yield rows
        lost = 0 if rows else lost
        number, step = number + step, min(STEP, step * 2)


def _top(raw: sqlite3.Connection, name: str) -> int:
    """The highest number of a row; where even that is damaged, as high as it may be."""
    try:
        (found,) = raw.execute(f"SELECT max(rowid) FROM {name}").fetchone()  # noqa: S608 - ours
    except sqlite3.Error:
        return 1 << 40
    return found or 0
