"""How do tests reach a real MariaDB: a private server with nothing of the system's own."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

import pymysql
import pytest
from sqlalchemy.engine import URL

from tests.ports import free_port

READY_S: Final = 60
END_S: Final = 30
MEMORY_BYTES: Final = 2**30
_PROGRAMS: Final = ("mariadbd", "mariadb-install-db", "mariadb-dump", "mariadb")
_PATH: Final = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"

# Small, and quick rather than safe: no power cut comes in a test, so nothing waits for the disk.
# Killed, frozen and started anew it keeps what it had committed all the same.
_OPTIONS: Final = (
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=16M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-flush-method=nosync",
    "--innodb-fast-shutdown=2",
    "--innodb-lock-wait-timeout=5",
    "--skip-innodb-doublewrite",
    "--key-buffer-size=1M",
    "--aria-pagecache-buffer-size=1M",
    "--max-connections=100",
)


def program(name: str) -> str | None:
    """Where a program of MariaDB lies; servers are not always in a user's path."""
    return shutil.which(name, path=_PATH)


def needed() -> None:
    """Skip what cannot be tested here; on a build machine a missing MariaDB is a failure."""
    missing = [name for name in _PROGRAMS if program(name) is None]
    if not missing:
        return
    said = f"{', '.join(missing)} not found; run scripts/system-libraries --tests"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(said)
    pytest.skip(said)


class Server:
    """One MariaDB of ours: its data in `folder`, its socket there, its port free on loopback.

    `root` has no password; `options` are added to the server's own. It dies with its starter.
    """

    def __init__(self, folder: Path, *, options: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.socket = folder / "s"
        self.port = free_port()
        self.options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self, *options: str) -> Self:
        """Serve, with more options for this time; returns when connections are taken."""
        if not self.data.exists():
            shutil.copytree(_installed(), self.data)
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL", "--"),
                    str(program("mariadbd")),
                    "--no-defaults",
                    *_as_root(),
                    f"--datadir={self.data}",
                    f"--socket={self.socket}",
                    f"--pid-file={self.folder / 'pid'}",
                    f"--port={self.port}",
                    *_OPTIONS,
                    *self.options,
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        pause = threading.Event()
        for _ in range(READY_S * 50):
            if self._process.poll() is not None:
                break
            if self._takes_connections():
                return self
            pause.wait(0.02)
        self.end()
        raise RuntimeError((self.folder / "server.log").read_text(errors="replace")[-2_000:])

    def _takes_connections(self) -> bool:
        # Asked without the driver, which leaves a socket behind when it is refused.
        with closing(socket.socket(socket.AF_UNIX)) as door, suppress(OSError):
            door.connect(str(self.socket))
            return True
        return False

    def end(self) -> None:
        """Stop it in order, by force when that takes too long."""
        if self._process is None:
            return
        self.thaw()
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End it as a power cut of the program would: at once."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def freeze(self) -> None:
        """Let it take connections and answer none."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)

    def connect(self, *, timeout_s: int = 60, **options: Any) -> "pymysql.Connection[Any]":
        """A connection of root's, that commits each statement."""
        wanted: dict[str, Any] = {
            "unix_socket": str(self.socket),
            "user": "root",
            "autocommit": True,
            "connect_timeout": timeout_s,
            "read_timeout": 60,
            **options,
        }
        return pymysql.connect(**wanted)

    def say(self, *statements: str) -> list[tuple[Any, ...]]:
        """What root is answered to the last of these statements."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def url(self, database: str, *, user: str = "root", password: str | None = None) -> str:
        """How our programs are told of a database here."""
        return URL.create(
            "mysql+pymysql",
            username=user,
            password=password,
            host="127.0.0.1",
            port=self.port,
            database=database,
        ).render_as_string(hide_password=False)

    def new_database(self) -> str:
        """An empty one; its name."""
        self._databases += 1
        name = f"smartcron_{self._databases}"
        self.say(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return name

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """A new empty database by its URL; it is dropped afterwards."""
        name = self.new_database()
        try:
            yield self.url(name)
        finally:
            self.thaw()
            self.say(f"DROP DATABASE {name}")


@contextmanager
def served(*options: str) -> Iterator[Server]:
    """A server of one's own, in a folder of its own, ended afterwards."""
    needed()
    with _folder() as folder:
        server = Server(Path(folder), options=options)
        try:
            yield server.start()
        finally:
            server.end()


def _folder() -> TemporaryDirectory[str]:
    # The path of a socket is short by law; pytest's own folders may be too deep.
    # In memory where there is room for it: what others write to the disk then slows nobody down.
    memory = Path("/dev/shm")  # noqa: S108 - a folder of random name is made in it
    has_room = memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_BYTES
    return TemporaryDirectory(prefix="mariadb-", dir=memory if has_room else None)


@cache
def _installed() -> Path:
    """What a new server begins with: installed once, as that takes seconds, and copied for each."""
    folder = _folder()
    atexit.register(folder.cleanup)
    data = Path(folder.name, "data")
    _install(data)
    return data


def _install(data: Path) -> None:
    said = subprocess.run(
        [
            str(program("mariadb-install-db")),
            "--no-defaults",
            *_as_root(),
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
            "--innodb-log-file-size=16M",
        ],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if said.returncode != 0:
        raise RuntimeError(f"mariadb-install-db failed: {said.stdout[-1_000:]}{said.stderr}")


def _as_root() -> tuple[str, ...]:
    """The server refuses to be root's unless it is told so."""
    return ("--user=root",) if os.geteuid() == 0 else ()
