"""Does a database know less than it once confirmed: has somebody set it back to an older copy?"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol

import msgspec
from sqlalchemy import Connection, func, select

from agent import readback, sealed
from agent.log import log_of
from agent.readback import NotWhole
from agent.runs import Run
from agent.store import state
from agent.store.database import Database
from schema.tables import executions

log = log_of(__name__)

FILE: Final = "decided"
OLDER_COPY: Final = "the database was set back to an older copy"
JOURNAL_LOST: Final = "the local journal was damaged"
ROW_LOST: Final = "row_lost"
"""Why a moment counts as missed of which it is not known whether it ran."""
_ROOM: Final = 4_096
"""The file never grows: on a full disk it can still be written."""


class Marked(msgspec.Struct, frozen=True):
    """Up to which moment all is decided, as this database confirmed."""

    database: str
    decided_ms: int


class SetBack(msgspec.Struct, frozen=True, kw_only=True):
    """What a database that was set back had forgotten: due moments in this span, and runs."""

    since_ms: int
    until_ms: int
    moments: int
    unknown: int
    cause: str = ""


class MakeUp(Protocol):
    """Gives each forgotten moment a row, so that none of them runs again."""

    def __call__(
        self,
        database: Database,
        *,
        since_ms: int,
        until_ms: int,
        living: Iterable[Run],
        run_ids: frozenset[str],
        now_ms: int,
        cause: str,
    ) -> SetBack: ...


class Mark:
    """A small file beside the database, which no copy of the database brings back.

    It is not flushed to the disk: what it is for needs no power cut, and a mark that is too low
    only notices less.
    """

    def __init__(self, folder: Path, database: str, *, make_up: MakeUp) -> None:
        self._path = folder / FILE
        self._database = database
        self._make_up = make_up
        self._fails = False
        self.live: Callable[[], Iterable[Run]] = tuple
        """Which runs are not over, as the agent that works knows it."""
        self.found: SetBack | None = None
        """What was found last, until somebody has told it."""

    def put(self, decided_ms: int) -> None:
        """The database has confirmed that all is decided up to here; says so when it cannot."""
        try:
            _put(self._path, Marked(self._database, decided_ms))
            self._fails = False
        except OSError as error:
            if not self._fails:
                log.error("how far was decided is not put down", cause=str(error))
            self._fails = True

    def raise_to(self, decided_ms: int) -> None:
        """All may have been decided up to here, though nothing tells it any more."""
        if (read(self._path.parent, self._database) or 0) < decided_ms:
            self.put(decided_ms)

    def look(
        self,
        database: Database,
        *,
        living: Iterable[Run],
        run_ids: frozenset[str],
        now_ms: int,
        cause: str = OLDER_COPY,
    ) -> None:
        """Compare, and make up for what the database has forgotten; `run_ids` it is still told.

        `living` are the runs that are not over. Raises StorageError.
        """
        until_ms = min(read(self._path.parent, self._database) or 0, now_ms)
        since_ms = database.read_now(state.decided_until) or 0
        if since_ms >= until_ms:
            return
        self.found = self._make_up(
            database,
            since_ms=since_ms,
            until_ms=until_ms,
            living=living,
            run_ids=run_ids,
            now_ms=now_ms,
            cause=cause,
        )
        log.error("the database knew less than it did", **msgspec.structs.asdict(self.found))


def read(folder: Path, database: str) -> int | None:
    """Up to where this database has confirmed that all is decided; None where that is not known."""
    try:
        said = readback.from_json((folder / FILE).read_bytes(), Marked)
    except (OSError, NotWhole):
        return None  # torn by a power cut, or never written
    return said.decided_ms if said.database == database else None


def rows_lost(connection: Connection, from_ms: int, to_ms: int) -> int:
    """How many due moments within [from, to] have a row that says only that theirs was lost."""
    column = executions.c
    found = connection.scalar(
        select(func.sum(column.missed_count)).where(
            column.scheduled_at.between(from_ms, to_ms), column.reason == ROW_LOST
        )
    )
    return int(found or 0)


def forget(folder: Path) -> None:
    """Somebody wants the database as it was; raises OSError."""
    (folder / FILE).unlink(missing_ok=True)


def _put(path: Path, marked: Marked) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(handle, sealed.seal(msgspec.json.encode(marked)).ljust(_ROOM), 0)
    finally:
        os.close(handle)
