"""How is a connection to the database set up: which URL names one, and what is agreed first?"""

import ipaddress
import os
import sqlite3
import ssl
import stat
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from agent.errors import StorageError, WrongUse
from schema.tables import ASIDE

SQLITE_SUFFIX: Final = ".sqlite3"
"""Of copies, and of what a restore has put aside."""
BUSY_TIMEOUT_MS: Final = 5_000
CONNECT_S: Final = 5
ANSWER_S: Final = 5
"""A server that is silent for so long is taken to be gone: PyMySQL would wait for ever."""
LOCK_WAIT_S: Final = 4
"""Less than ANSWER_S, so that a held lock is told as what it is, and not as a silent server."""
LONG_ANSWER_S: Final = 3_600
"""What an upgrade or a move may take at one go."""
_LOG_PAGES: Final = 4_000
"""SQLite's log grows to 16 MB before it is worked in: what is written again and again goes once."""
_CACHE_KB: Final = 4_096
_SQL_MODE: Final = (
    "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)
_FILES: Final = ("ssl_ca", "ssl_cert", "ssl_key")
_CHECKS: Final = ("ssl_verify_cert", "ssl_verify_identity")
_REQUIRED: Final = "ssl_required"
_OPTIONS: Final = (*_FILES, *_CHECKS, _REQUIRED, "unix_socket")
_ANSWERS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


_LOOKS_LIKE: Final = (
    "it looks like sqlite:////path/to/file or mysql+pymysql://user:password@host/name "
    "(in a password, write @ : / % as %40 %3A %2F %25)"
)


def read_url(text: str) -> URL:
    """The database this text names; raises WrongUse, and never with its password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise WrongUse(f"database_url is not a database URL; {_LOOKS_LIKE}") from error
    kind = url.get_backend_name()
    if kind == "sqlite":
        if not url.database or url.database == ":memory:" or url.query:
            raise WrongUse(
                "database_url must name a plain SQLite file, such as sqlite:////path/to/file"
            )
        if not Path(url.database).is_absolute():
            # It would be another file with each folder that a command is started in.
            raise WrongUse(
                f"database_url: the file {url.database!r}: must be a whole path with four slashes, "
                "such as sqlite:////path/to/file"
            )
        return url
    if kind not in ("mysql", "mariadb"):
        raise WrongUse(f"database_url names {kind!r}; use sqlite or mysql+pymysql")
    if url.drivername not in ("mysql", "mariadb", "mysql+pymysql", "mariadb+pymysql"):
        raise WrongUse(f"database_url names {url.drivername!r}; write mysql+pymysql://...")
    if "@" in f"{url.host}{url.database}":
        # The end of a password that was written as it is, and would be told as a host or a name.
        raise WrongUse(f"database_url has one @ too many; {_LOOKS_LIKE}")
    if url.port is not None and not 0 < url.port < 65_536:
        raise WrongUse(
            f"database_url: port = {url.port}: must be from 1 to 65535; 3306 is the usual one"
        )
    if not url.database:
        raise WrongUse(
            "database_url names no database; write its name after the host, "
            "such as mysql+pymysql://user:password@host/smartcron"
        )
    _tls(url)
    return url.set(drivername="mysql+pymysql")


def asks_for_tls(url: URL) -> bool:
    """Does anything in the URL make TLS a must?"""
    if _REQUIRED in url.query:
        return _is_true(url, _REQUIRED)
    return any(name.startswith("ssl_") for name in url.query)


def in_the_open(url: URL) -> str | None:
    """What is wrong with a way to the database that others may read along; None when nothing is.

    Nothing is where the URL itself says that it is well so.
    """
    if url.get_backend_name() == "sqlite" or "unix_socket" in url.query or _is_here(url.host):
        return None
    if _REQUIRED in url.query or asks_for_tls(url):
        return None
    return (
        f"database {name_of(url)} is on another host, and nothing makes the way there encrypted: "
        "who can listen on it reads all rows, and may change them. Add ?ssl_ca=/path/ca.pem to "
        "database_url, or ?ssl_required=true where a known authority signed the server's "
        "certificate; ?ssl_required=false says that the way is safe without"
    )


def _is_here(host: str | None) -> bool:
    if not host or host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def name_of(url: URL) -> str:
    """The database as a person calls it, without password or options."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(query={}).render_as_string(hide_password=True)


def make_engine(url: URL, *, pool_size: int, writes: bool, answer_s: int | None = None) -> Engine:
    """Connections that agree on one behaviour, whichever database it is."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, pool_size=pool_size, writes=writes)
    answer_s = ANSWER_S if answer_s is None else answer_s
    return _mysql_engine(url, pool_size=pool_size, writes=writes, answer_s=answer_s)


def _mysql_engine(url: URL, *, pool_size: int, writes: bool, answer_s: int) -> Engine:
    agreed = (
        f"SET time_zone = '+00:00', sql_mode = '{_SQL_MODE}', "
        f"innodb_lock_wait_timeout = {LOCK_WAIT_S}"
    )
    wanted: dict[str, Any] = {
        "connect_timeout": CONNECT_S,
        "read_timeout": answer_s,
        "write_timeout": answer_s,
        "charset": "utf8mb4",
        "init_command": agreed,
        "program_name": "smartcron-agent",
    }
    tls = _tls(url)
    if tls is not None:
        wanted["ssl"] = tls
    if "unix_socket" in url.query:
        wanted["unix_socket"] = _text(url, "unix_socket")
    engine = create_engine(
        url.set(drivername="mysql+pymysql", query={}),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        paramstyle="format",  # values in order, as `agent.store.prepared` hands them over
        hide_parameters=True,
        connect_args=wanted,
    )

    @event.listens_for(engine, "do_connect")
    def _connect(
        _dialect: object, _record: object, words: list[Any], named: dict[str, Any]
    ) -> object:
        from pymysql.constants import CR
        from pymysql.err import OperationalError

        try:
            return _connection()(*words, **named)
        except RuntimeError as error:  # so it says that it cannot encrypt the password by itself
            raise OperationalError(CR.CR_AUTH_PLUGIN_ERR, str(error)) from error

    if not writes:

        @event.listens_for(engine, "connect")
        def _only_read(connection: Any, _record: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")

    return engine


@cache
def _connection() -> type:
    from pymysql.connections import Connection  # only who has a server needs it

    class Quick(Connection):
        """PyMySQL's, which goes a long way round for what needs no quotes: most of a run's row."""

        def escape(self, obj: object, mapping: Any = None) -> str:
            if obj is None:
                return "NULL"
            if type(obj) is int:
                return str(obj)
            return str(super().escape(obj, mapping))

    return Quick


# To the driver None is a stranger: it asks around how to adapt it until an exception says that
# nobody can, 0.2 µs for each of the fifty empty values of a run. This hands it back at once.
sqlite3.register_adapter(type(None), dict[None, None]().get)


def _sqlite_engine(url: URL, *, pool_size: int, writes: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,  # an error must not carry what a row holds
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "do_connect")
    def _only_what_is_there(
        _dialect: object, _record: object, words: list[Any], _named: dict[str, Any]
    ) -> None:
        # SQLite would begin an empty file where somebody took the database away.
        if not Path(words[0]).exists():
            raise sqlite3.OperationalError("unable to open database file: it is not there")

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        # Transactions begin where we say so, not where the driver guesses.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        if writes:
            # On an empty file only; it must come before the first table.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        else:
            connection.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def ready_of(path: Path) -> Path:
    """Where a copy lies that is to take the place of this SQLite file."""
    return path.with_name(f".{path.name}.restored")


def asides_among(tables: Iterable[str]) -> list[str]:
    """The names under which a server keeps replaced tables, oldest first."""
    return sorted({name.split("_", 1)[0] for name in tables if name.startswith(f"{ASIDE}-")})


def make_file(url: URL, *, may_create: bool) -> None:
    """Make sure that the SQLite file is there, ours and for the owner's eyes only."""
    path = Path(str(url.database))
    if may_create and not path.exists():
        _refuse_between(path)
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if may_create else 0)
    try:
        descriptor = os.open(path, flags, 0o600)
        try:
            if stat.S_IMODE(os.fstat(descriptor).st_mode) != 0o600:
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        if not path.parent.is_dir():
            raise StorageError(
                f"database {path} cannot be there: its folder {path.parent} is not; make the "
                "folder, or correct database_url"
            ) from error
        raise StorageError(
            f"database {path} is not there; make it with `smartcron-agent init`"
        ) from error
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise StorageError(
            f"database {path} cannot be written: {cause}; "
            "check the owner and mode of the file and its folder"
        ) from error


def _refuse_between(path: Path) -> None:
    """Whoever is killed between two renames leaves no file: an empty one would know no tasks."""
    kept = sorted(path.parent.glob(f"{ASIDE}-*{SQLITE_SUFFIX}"))
    if kept and ready_of(path).exists():
        raise StorageError(
            f"database {path} is not there: a restore was cut off; what was there is kept aside, "
            f"and `smartcron-agent db restore {kept[-1]}` puts it back"
        )


def _tls(url: URL) -> ssl.SSLContext | None:
    """How the server proves who it is; None where nothing in the URL asks for TLS.

    Once asked for, TLS is never done without, and the server's certificate and name are checked
    unless the URL says otherwise.
    """
    for name in url.query:
        if name not in _OPTIONS:
            raise WrongUse(
                f"database_url: the option {name!r} is not known; known are {', '.join(_OPTIONS)}"
            )
    if not asks_for_tls(url):
        others = [name for name in (*_FILES, *_CHECKS) if name in url.query]
        if others:
            raise WrongUse(
                f"database_url: ssl_required=false and {others[0]} exclude one another; "
                "leave one of them out"
            )
        return None
    checks = {name: _is_true(url, name) for name in _CHECKS}
    files = {name: _file(url, name) for name in _FILES if name in url.query}
    if "ssl_key" in files and "ssl_cert" not in files:
        raise WrongUse("database_url: ssl_key needs ssl_cert, the certificate it belongs to")
    context = ssl.create_default_context()
    # Servers make their own certificates, and leave out what strictness wants.
    context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
    context.check_hostname = checks["ssl_verify_identity"] and checks["ssl_verify_cert"]
    context.verify_mode = ssl.CERT_REQUIRED if checks["ssl_verify_cert"] else ssl.CERT_NONE
    try:
        if "ssl_ca" in files:
            context.load_verify_locations(cafile=files["ssl_ca"])
    except ssl.SSLError as error:
        raise _no_pem(files["ssl_ca"], "ssl_ca", "certificates", error) from error
    try:
        if "ssl_cert" in files:
            context.load_cert_chain(files["ssl_cert"], files.get("ssl_key"), password=_no_password)
    except ssl.SSLError as error:
        raise _no_pem(
            files["ssl_cert"], "ssl_cert", "a certificate and its open key", error
        ) from error
    return context


def _no_pem(path: str, name: str, wanted: str, error: ssl.SSLError) -> WrongUse:
    return WrongUse(
        f"database_url: {name} = {path!r}: holds no {wanted} in PEM ({error.reason or error})"
    )


def _no_password() -> str:
    """Asked for by a key that is locked; nobody is there to open it."""
    return ""


def _is_true(url: URL, name: str) -> bool:
    said = _text(url, name) if name in url.query else "true"
    if said.lower() not in _ANSWERS:
        raise WrongUse(f"database_url: {name} = {said!r}: must be true or false")
    return _ANSWERS[said.lower()]


def _file(url: URL, name: str) -> str:
    path = _text(url, name)
    if not os.access(path, os.R_OK) or not Path(path).is_file():
        raise WrongUse(f"database_url: {name} = {path!r}: is no file that can be read")
    return path


def _text(url: URL, name: str) -> str:
    value = url.query[name]
    return value if isinstance(value, str) else value[-1]
