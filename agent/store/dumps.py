"""How does a MariaDB database become a file, and such a file a database again?"""

import gzip
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

from sqlalchemy.engine import URL

from agent.errors import StorageError
from agent.store.engines import asks_for_tls

SUFFIX: Final = ".sql.gz"
_CHUNK: Final = 1 << 18
_LAST_LINE: Final = b"-- Dump completed"
_CONNECT_S: Final = 5
# What our driver takes in a URL, and what the tools call it.
_TLS: Final = {"ssl_ca": "ssl-ca", "ssl_cert": "ssl-cert", "ssl_key": "ssl-key"}
_CHECKS: Final = ("ssl_verify_cert", "ssl_verify_identity")
_NO: Final = ("0", "false", "no")
# MySQL's own tool would else ask for what a MariaDB does not have, and write what only an
# administrator may put back.
_OF_MYSQLDUMP: Final = ("loose-column-statistics=0", "loose-set-gtid-purged=OFF")


def dump(url: URL, path: Path, *, tables: Sequence[str] = ()) -> None:
    """Write the database, or some of its tables, as of one moment while others write.

    Raises StorageError; what lies at `path` is then not whole.
    """
    named = [url.database or "", *tables]
    # Without names it is somebody else's database: also what runs inside of it.
    also = [] if tables else ["--routines"]
    with (
        _told_apart(url, "dumped", "mariadb-dump", "mysqldump") as (command, errors),
        gzip.open(path, "wb", compresslevel=1) as packed,
        subprocess.Popen(  # noqa: S603 - a tool of the server; names are arguments, no shell
            [
                *command.words,
                "--single-transaction",
                "--quick",
                "--skip-lock-tables",
                "--skip-add-locks",  # to fill it again would need a privilege of its own
                "--no-tablespaces",
                "--hex-blob",
                "--default-character-set=utf8mb4",
                *also,
                *named,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            pass_fds=[command.options],
        ) as process,
    ):
        said = cast("IO[bytes]", process.stdout)
        end = b""
        while part := said.read(_CHUNK):
            packed.write(part)
            end = (end + part)[-200:]
        command.check(process.wait(), errors)
    if _LAST_LINE not in end:
        raise StorageError(f"database {url.database} was not dumped: the dump breaks off")


def load(url: URL, path: Path) -> None:
    """Fill the database from such a file; raises StorageError when it is damaged or refused."""
    with (
        _told_apart(url, "filled", "mariadb", "mysql") as (command, errors),
        subprocess.Popen(  # noqa: S603 - a tool of the server; names are arguments, no shell
            [*command.words, "--batch", "--default-character-set=utf8mb4", url.database or ""],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=[command.options],
        ) as process,
    ):
        given = cast("IO[bytes]", process.stdin)
        try:
            with gzip.open(path, "rb") as packed, given as into:
                shutil.copyfileobj(packed, into, _CHUNK)
        except BrokenPipeError:
            pass  # it has said why it left
        except (OSError, EOFError) as error:
            process.kill()
            raise StorageError(f"{path} is damaged: {error}; take another backup") from error
        except BaseException:  # stopped by somebody: it must not go on with what it was given
            process.kill()
            raise
        command.check(process.wait(), errors)


class _Command:
    """A tool of the server, how it is called, and how its failure is told."""

    def __init__(self, words: list[str], options: int, url: URL, act: str) -> None:
        self.words = words
        self.options = options
        self._url = url
        self._act = act

    def check(self, status: int, errors: IO[bytes]) -> None:
        if status == 0:
            return
        errors.seek(0)
        said = errors.read(4_000).decode(errors="replace").strip().splitlines()
        raise StorageError(
            f"database {self._url.database} was not {self._act}: "
            f"{said[-1] if said else f'{self.words[0]} ended with {status}'}"
        )


@contextmanager
def _told_apart(url: URL, act: str, *names: str) -> Iterator[tuple[_Command, IO[bytes]]]:
    """The first of these tools that is installed, with the login where only it can read it."""
    tool = next((found for name in names if (found := shutil.which(name))), None)
    if tool is None:
        raise StorageError(
            f"database {url.database} was not {act}: {names[0]} is not installed; "
            "on Debian it is in the package mariadb-client"
        )
    # A file in memory: a command line is seen by everybody, and a file on disk stays when killed.
    options = os.memfd_create("smartcron-login", os.MFD_CLOEXEC)
    try:
        os.fchmod(options, 0o600)  # the tools pass over files that others may write to
        os.write(options, _login(url, is_mariadbs=_is_mariadbs(tool)).encode())
        words = [tool, f"--defaults-file=/dev/fd/{options}"]
        with tempfile.TemporaryFile() as errors:
            yield _Command(words, options, url, act), errors
    finally:
        os.close(options)


def _login(url: URL, *, is_mariadbs: bool) -> str:
    fields: dict[str, str | int | None] = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "socket": _text(url.query.get("unix_socket")),
        "loose-connect-timeout": _CONNECT_S,
    }
    for ours, theirs in _TLS.items():
        fields[theirs] = _text(url.query.get(ours))
    lines = [f"{name}={_quoted(str(value))}" for name, value in fields.items() if value is not None]
    if asks_for_tls(url):
        # As our own connections do, unless the URL says otherwise.
        is_checked = all(_text(url.query.get(name)) not in _NO for name in _CHECKS)
        if is_mariadbs:
            lines += ["ssl", "ssl-verify-server-cert"] if is_checked else ["ssl"]
        else:
            lines.append(f"ssl-mode={'VERIFY_IDENTITY' if is_checked else 'REQUIRED'}")
    return "\n".join(["[client]", *lines, "[mysqldump]", *_OF_MYSQLDUMP, ""])


def _is_mariadbs(tool: str) -> bool:
    """MySQL's tools and MariaDB's have the same names, and other words for TLS."""
    said = subprocess.run(  # noqa: S603 - a tool of the server, as found in the path
        [tool, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    return b"mariadb" in said.stdout.lower()


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _text(value: str | tuple[str, ...] | None) -> str | None:
    return value[-1] if isinstance(value, tuple) else value
