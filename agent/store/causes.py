"""What does an error of the database mean: one sentence about ours, with the way out?"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from agent.errors import Damaged, DiskFull, NotStorable, StorageError, Unreachable
from agent.log import log_of
from agent.store.engines import BUSY_TIMEOUT_MS, name_of
from schema.columns import Unreadable

log = log_of(__name__)

# What MySQL and MariaDB say by number; everything else is told in the server's own words.
_NO_SUCH_VALUE: Final = frozenset({1264, 1265, 1292, 1366, 1406, 1411, 3819, 4025})
_FULL: Final = frozenset({1021, 1114})
_TOO_LARGE: Final = 1153
# Nothing that somebody wrote is wrong: the same asked later may well be answered.
_PASSING: Final = frozenset(
    {1040, 1053, 1203, 1205, 1213, 1290, 1317, 1836, 1927, 2002, 2003, 2006, 2013, 2055}
)
DAMAGED: Final = "is damaged or no database"
_RECOVERS: Final = "run `smartcron-agent db recover` while none serves"
_MENDS: Final = f"start the agent anew, which makes the best of it, or {_RECOVERS}"
_SENTENCES: Final = {
    1021: "cannot be written: the disk of the server is full; free some space",
    1040: "takes no more connections; raise max_connections of the server, or end other programs",
    1044: "is not open to user {user!r}; grant it with `GRANT ALL ON `{database}`.* TO ...`",
    1045: "refuses user {user!r} or the password; correct them in database_url of settings.toml",
    1049: "is not there; make it with `CREATE DATABASE `{database}` CHARACTER SET utf8mb4`",
    1114: "cannot be written: the disk of the server is full; free some space",
    1130: "lets this host not in; allow it on the server: {said}",
    1142: "lacks a privilege: {said}; grant it to user {user!r}",
    1143: "lacks a privilege: {said}; grant it to user {user!r}",
    1146: "lacks a table: {said}; restore a backup with `smartcron-agent db restore`",
    1205: "stayed locked for some seconds by another program; end that one",
    1213: "was locked by two programs that waited for one another; try again",
    1226: "takes no more connections of user {user!r}: {said}",
    1227: "lacks a privilege: {said}; grant it to user {user!r}",
    1290: "cannot be written: the server is read-only ({said}); let it be written again",
    1698: "refuses user {user!r} or the password; correct them in database_url of settings.toml",
    1792: "cannot be written over a connection that only reads",
    1836: "cannot be written: the server is read-only; let it be written again",
    2003: "does not answer: {said}; start the server, or correct database_url",
    2006: "was lost: {said}; try again when the server is back (if it never went away, its "
    "max_allowed_packet is too small: raise it to 64M)",
    2013: "does not answer: {said}; try again when it is back",
    2026: "is not reached over TLS: {said}; correct the ssl options of database_url",
    2061: "takes this user's password only over an encrypted way: let the server speak TLS, or "
    "install the package cryptography beside the agent ({said})",
}


@contextmanager
def told_plainly(url: URL) -> Generator[None]:
    """Turn the driver's errors into one sentence about our database."""
    try:
        yield
    except (SQLAlchemyError, Unreadable) as error:
        plain = plain_error(error, url)
        if plain is error:
            raise
        raise plain from error


def plain_error(error: Exception, url: URL) -> Exception:
    """The error as we tell it; itself when it is none of the database's."""
    if isinstance(error, Unreadable):
        return _of_value(error, url)
    if isinstance(error, IntegrityError) or not isinstance(error, DBAPIError):
        return error
    number = _number(error)
    if isinstance(error, DataError) or number in _NO_SUCH_VALUE:
        log.error("the database takes no such value", cause=str(error.orig))
        return NotStorable(
            f"database {name_of(url)} takes no such value ({error.orig}); shorten or correct it"
        )
    if number == _TOO_LARGE:
        return NotStorable(
            f"database {name_of(url)} takes no packet of that size; "
            "raise max_allowed_packet of the server to 64M"
        )
    said = _of_sqlite(error) if number is None else _of_server(error, number, url)
    sentence = f"database {name_of(url)} {said}"
    if number is None and DAMAGED in said:
        return Damaged(sentence)
    if number in _FULL or (number is None and "disk is full" in said):
        return DiskFull(sentence)
    is_passing = (number in _PASSING and not _is_of_tls(error)) or (
        number is None and "stayed locked" in said
    )
    return (Unreachable if is_passing else StorageError)(sentence)


def _of_value(error: Unreadable, url: URL) -> StorageError:
    if url.get_backend_name() == "sqlite":
        return Damaged(f"database {name_of(url)} {DAMAGED} (it has {error}); {_RECOVERS}")
    return StorageError(f"database {name_of(url)} has {error}; correct that row by hand")


def _number(error: DBAPIError) -> int | None:
    """The server's number of an error; None for one of SQLite's."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error) or cause is None or not cause.args:
        return None
    return cause.args[0] if isinstance(cause.args[0], int) else None


def _of_server(error: DBAPIError, number: int, url: URL) -> str:
    arguments = error.orig.args if error.orig is not None else ()
    said = str(arguments[1]) if len(arguments) > 1 else str(error.orig)
    if _is_of_tls(error):
        number = 2026
    sentence = _SENTENCES.get(number, f"failed: {{said}} (error {number})")
    return sentence.format(said=said, user=url.username or "", database=url.database)


def _is_of_tls(error: DBAPIError) -> bool:
    said = str(error.orig).lower()
    return "certificate" in said or "ssl" in said


def _of_sqlite(error: DBAPIError) -> str:
    cause = str(error.orig).lower()
    if "not a database" in cause or "malformed" in cause:
        return f"{DAMAGED} ({cause}); {_MENDS}"
    if "could not decode" in cause:
        return f"{DAMAGED} (a text of it cannot be decoded); {_RECOVERS}"
    if "full" in cause:
        return "cannot be written: the disk is full; free some space"
    if "readonly" in cause or "read-only" in cause or "unable to open" in cause:
        return f"cannot be written ({cause}); check the owner and mode of the file and its folder"
    if "locked" in cause:
        return f"stayed locked for {BUSY_TIMEOUT_MS} ms by another program; end that one"
    return f"failed: {error.orig}"
