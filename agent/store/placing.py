"""Is the database's file still where it was opened, and how is it put back when it is not?"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import Connection

from agent.errors import StorageError
from agent.log import log_of
from agent.store.database import Database

log = log_of(__name__)


class Place:
    """Where an SQLite file lies; a server's database has none, and is never out of place.

    A file that was deleted lives on as long as it is open, and everything written to it dies with
    the agent: so it is looked after.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        url = database.url
        is_file = url.get_backend_name() == "sqlite" and url.database is not None
        self._path = Path(str(url.database)) if is_file else None
        self._found = self._look()
        self._stood: tuple[int, ...] | None = None

    @property
    def is_file(self) -> bool:
        """The database is a file of this host."""
        return self._path is not None

    @property
    def is_kept(self) -> bool:
        """The file that is open lies there."""
        return self._found == self._look()

    def take_first(self) -> None:
        """Where there was no file at first, it is the one that lies there now."""
        if self._found == (0, 0):
            self._found = self._look()

    def is_at_rest(self) -> bool:
        """Nobody is copying a file there: it is whole, or nothing has changed since the last look.

        Commands that look into it meanwhile may change what they find.
        """
        before, self._stood = self._stood, _changes(self._status())
        return before is not None and (before == self._stood or _is_whole(self._path))

    def put_back(self) -> str:
        """Write a deleted file anew from what is open, take another one as it is; what was done.

        Nothing may be written meanwhile that is not kept elsewhere. Raises StorageError.
        """
        if self._path is None:
            return ""
        is_there = self._path.exists()
        try:
            self._take_own_log_away()
            if not is_there:
                self._database.of_open(self._copy)
            self._database.reopen()
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"{self._path} cannot be put back: {error}") from error
        self._found, self._stood = self._look(), None
        if is_there:
            return f"{self._path} was replaced by another file, which is used from now on"
        return f"{self._path} was deleted or moved away; it was written anew from what was open"

    def _take_own_log_away(self) -> None:
        """A log that was left lying is of the file that is gone: SQLite would mix the two."""
        if self._path is None:
            return
        own = {(status.st_dev, status.st_ino) for status in _open_files()}
        for ending in ("-wal", "-shm"):
            part = self._path.with_name(self._path.name + ending)
            with suppress(FileNotFoundError):
                status = part.stat()
                if (status.st_dev, status.st_ino) in own:
                    part.unlink()

    def _copy(self, connection: Connection) -> None:
        source = connection.connection.driver_connection
        if self._path is None or not isinstance(source, sqlite3.Connection):
            return
        half = self._path.with_name(f".{self._path.name}.half")
        half.unlink(missing_ok=True)
        os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        with closing(sqlite3.connect(half)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = WAL")
        try:
            os.link(half, self._path)  # never over a file that somebody puts there meanwhile
        except FileExistsError:
            half.unlink()
            raise
        except OSError:
            half.replace(self._path)  # a file system without links
        else:
            half.unlink()

    def _look(self) -> tuple[int, int] | None:
        if self._path is None:
            return None
        status = self._status()
        return (0, 0) if status is None else (status.st_dev, status.st_ino)

    def _status(self) -> os.stat_result | None:
        try:
            return None if self._path is None else self._path.stat()
        except OSError:
            return None


def _changes(status: os.stat_result | None) -> tuple[int, ...]:
    """What no write to a file leaves as it was."""
    if status is None:
        return ()
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _is_whole(path: Path | None) -> bool:
    """An SQLite file is as long as its header says; one that is half copied is shorter."""
    try:
        if path is None:
            return False
        with path.open("rb") as file:
            head, size = file.read(100), os.fstat(file.fileno()).st_size
    except OSError:
        return False
    # https://sqlite.org/fileformat2.html#the_database_header
    page_size = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    page_size = 65_536 if page_size == 1 else page_size
    return head[:16] == b"SQLite format 3\0" and 0 < pages * page_size <= size


def _open_files() -> Iterator[os.stat_result]:
    """What this process has open."""
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            yield os.fstat(int(entry.name))
