"""What takes the place of a damaged database file, and which of its rows can still be read?"""

import errno
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, Table, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from agent import readback
from agent.errors import AgentError, Damaged, DiskFull, StorageError, Unreachable, WrongUse
from agent.log import log_of
from agent.readback import NotWhole
from agent.runs import Run
from agent.store import backups, chain, ledger, plausible, restoring, state
from agent.store.backups import Backup, Prove
from agent.store.database import Database
from schema.tables import audit, executions, metadata, task_versions, tasks

log = log_of(__name__)

BUSY_S: Final = 5.0
STEP: Final = 500
READ: Final = "recovery.read"
MOST_LOST_IN_A_ROW: Final = 5_000
"""After so many numbers without a readable row nothing more is to be had of a table."""
_NAME: Final = re.compile(r"[a-z_0-9]+")
_OF_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_UNREAD: Final = re.compile(r"error code=(\d+)")
"""So the check says of a page that it was not given; by itself that is no damage."""
_OF_A_BACKUP: Final = frozenset({errno.ENOENT, errno.EIO})
_READ_LENIENTLY: Final = (tasks, task_versions)
"""People write there: what is wrong with a row is told of its task, and holds up nobody."""


class Renewed(msgspec.Struct, frozen=True, kw_only=True):
    """Where the damaged file went, which backup lies in its place (none: an empty database)."""

    aside: Path
    backup: Backup | None


def renew(database_url: str, folder: Path, *, now_ms: int, prove: Prove) -> Renewed:
    """Put the newest proved backup of use, else an empty database, in the damaged file's place.

    Nothing of the damaged one is thrown away; where it goes depends on `now_ms` alone. Raises
    StorageError, WrongUse.
    """
    target = file_of(database_url)
    aside = restoring.aside_of(target, now_ms)
    for backup in backups.find_all(folder):
        if backup.source != backups.OWN or not backup.is_proved:
            continue
        try:
            # What the damaged file says is taken over row by row, later.
            restoring.restore(backup, database_url, now_ms=now_ms, prove=prove, carries=False)
        except (AgentError, OSError) as error:
            if _is_of_the_host(error):
                if isinstance(error, OSError):
                    raise StorageError(f"{backup.path} was not restored: {error}") from error
                raise
            log.error("a backup is of no use", file=str(backup.path), cause=str(error))
            continue
        return Renewed(aside=aside, backup=backup)
    restoring.set_aside(target, now_ms=now_ms)
    Database.open(database_url).close()
    return Renewed(aside=aside, backup=None)


def _is_of_the_host(error: Exception) -> bool:
    """No room, say, or no way to write: that tells nothing of the backup that was tried."""
    if isinstance(error, DiskFull | Unreachable):
        return True
    cause = error.__cause__ if isinstance(error, StorageError) else error
    cause = getattr(cause, "orig", cause)  # as the driver said it
    if isinstance(cause, OSError):
        return cause.errno not in _OF_A_BACKUP
    return isinstance(cause, sqlite3.Error) and _code(cause) not in {0, *_OF_DAMAGE}


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

    Raises Unreachable where that is not known: another program holds it, nobody may read it, the
    disk does not give it.
    """
    path = file_of(database_url)
    if not path.exists():
        return (f"{path} is not there",)
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S)) as raw:
            raw.text_factory = _text
            said = [row[0] for row in raw.execute("PRAGMA integrity_check(20)")]
            if said == ["ok"]:
                said = [_unwritten(raw) or "ok"]
    except sqlite3.Error as error:
        if _code(error) not in _OF_DAMAGE:
            raise Unreachable(f"{path} cannot be looked through: {error}; try again") from error
        return (str(error).lower(),)
    found = () if said == ["ok"] else tuple(said)
    if found and not any(map(_is_damage, found)):
        raise Unreachable(f"{path} cannot be looked through: {found[0]}; try again")
    return found


def _unwritten(raw: sqlite3.Connection) -> str:
    """What nobody wrote of its tables and rows, though every page is well made; else empty."""
    if not _columns(raw, executions.name):
        return "its tables are gone"
    for table in metadata.sorted_tables:
        for _, error in _unwritten_of(raw, table):
            return f"{table.name}: {error}"
    return ""


def _unwritten_of(raw: sqlite3.Connection, table: Table) -> Iterator[tuple[int, ValueError]]:
    """The numbers of its rows that nobody wrote, and what is wrong with each."""
    names = _names(raw, table)
    if not names or table in _READ_LENIENTLY:
        return
    check = plausible.check_of(table, names)
    query = f"SELECT rowid, {', '.join(names)} FROM {table.name}"  # noqa: S608 - our own names
    for number, *row in raw.execute(query):
        try:
            check(row)
        except ValueError as error:
            yield number, error


def _text(value: bytes) -> str | bytes:
    """A text; what cannot be decoded is none, and the rows behind it can be read on."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _is_damage(said: str) -> bool:
    unread = _UNREAD.search(said)
    return unread is None or int(unread[1]) & 0xFF in _OF_DAMAGE


def _code(error: sqlite3.Error) -> int:
    """What kind of error SQLite says it is; 0 where the error is none of SQLite's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


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


def unsound(path: Path, table: str) -> str | None:
    """What is wrong with the pages of a table and its indexes; holds up no writer.

    Empty where they are sound, None where nobody could look.
    """
    try:
        with closing(_looking(path)) as raw:
            (said,) = raw.execute(f"PRAGMA quick_check('{table}')").fetchone()
    except sqlite3.OperationalError:
        return None
    except sqlite3.DatabaseError as error:
        return f"{table}: {str(error).lower()}"
    return "" if said == "ok" else f"{table}: {said}" if _is_damage(said) else None


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


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of a damaged file: how many rows of each table, from which moment on others
    may be lost, and the runs under way in the backup of which the file says nothing.
    """

    aside: str
    rows: dict[str, int]
    since_ms: int
    unheard: tuple[Run, ...]


def read_once(connection: Connection, *, damaged: Path, made_ms: int, now_ms: int) -> Read:
    """Take over what can be read, unless that was done: what was told since is newer."""
    before = _read_before(connection)
    if before is not None and before.aside == damaged.name:
        return before
    _leave_out(connection)
    decided_ms = state.decided_until(connection)
    under_way = {run.id: run for run in ledger.unfinished(connection)}
    found = salvage(connection, damaged, frozenset(under_way))
    read = Read(
        aside=damaged.name,
        rows=found.rows,
        since_ms=made_ms if decided_ms is None else min(decided_ms, made_ms),
        unheard=tuple(run for run in under_way.values() if run.id not in found.runs),
    )
    state.put(connection, READ, msgspec.json.encode(read).decode(), now_ms=now_ms)
    return read


def _read_before(connection: Connection) -> Read | None:
    said = state.get(connection, READ)
    if said is None:
        return None
    try:
        return readback.from_json(said.encode(), Read)
    except NotWhole as error:
        log.warning("what an earlier mend read cannot be read", cause=str(error))
        return None


def _leave_out(connection: Connection) -> None:
    """Forget what of the backup nobody wrote: each start would take the file for damaged anew.

    The backup itself keeps it.
    """
    raw = connection.connection.driver_connection
    if not isinstance(raw, sqlite3.Connection):
        return
    usual, raw.text_factory = raw.text_factory, _text
    try:
        found = [
            (table, number, error)
            for table in metadata.sorted_tables
            for number, error in _unwritten_of(raw, table)
        ]
    finally:
        raw.text_factory = usual
    for table, number, error in found:
        log.warning("the backup has a row that nobody wrote", table=table.name, cause=str(error))
        connection.execute(table.delete().where(text("rowid = :number")), {"number": number})


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
    names = _names(raw, table)
    if not names:
        return 0
    insert = (
        f"INSERT OR REPLACE INTO {table.name} ({', '.join(names)}) "  # noqa: S608 - our own names
        f"VALUES ({', '.join('?' * len(names))})"
    )
    check = plausible.check_of(table, names)
    taken = 0
    for rows in _readable(raw, table.name, names):
        for row in rows:
            try:
                check(row)
            except ValueError as error:
                log.warning(
                    "a row that nobody wrote is left out", table=table.name, cause=str(error)
                )
                continue
            savepoint = connection.begin_nested()
            try:
                connection.exec_driver_sql(insert, tuple(row))
                savepoint.commit()
                taken += 1
                if table is executions and (run_id := row[names.index("id")]) in runs:
                    found.add(run_id)
            except OperationalError:
                raise  # a full disk, say: all is rolled back by now, and no row is to blame
            except Exception as error:  # noqa: BLE001 - what does not fit any more is passed over
                savepoint.rollback()
                log.warning("a row does not fit", table=table.name, cause=str(error))
    return taken


def _names(raw: sqlite3.Connection, table: Table) -> list[str]:
    """Which of our columns the table in this file has."""
    there = _columns(raw, table.name)
    return [column.name for column in table.columns if column.name in there]


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
