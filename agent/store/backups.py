"""How is a copy of a database made, proved by a restore, found again and kept for how long?"""

import hashlib
import os
import re
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError

from agent import __version__, readback
from agent.clock import moment
from agent.errors import Conflict, StorageError
from agent.readback import NotWhole
from agent.store import dumps
from agent.store.causes import plain_error
from agent.store.database import Database
from agent.store.engines import SQLITE_SUFFIX, make_engine, name_of
from schema.tables import ASIDE, VERSION_TABLE, metadata

OWN: Final = "smartcron"
MOST_LABELLED: Final = 5
"""Copies with a label (before an upgrade, say) are kept apart from the daily ones."""
MOST_UNPROVED: Final = 2
LEFT_S: Final = 12 * 3_600
"""Nobody works on a half copy, or on the place of a proof, that was not touched for so long."""
_PROOF: Final = ".proof-"
_SCRATCH: Final = "smartcron_scratch_"
_STAMP: Final = "%Y%m%d-%H%M%S"
_NAME: Final = re.compile(
    r"(?P<source>[a-z0-9_]{1,32})-(?P<at>\d{8}-\d{6})-(?P<ms>\d{3})(?:-(?P<label>[a-z0-9-]+))?"
    r"(?:\.sqlite3|\.sql\.gz)",
    re.ASCII,
)
_BUSY_S: Final = 5.0
LONG_S: Final = 600

Prove = Callable[[Database], str]
"""Looks into a restored copy of our database; what it does not like about it, or nothing."""


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """A finished copy; what is told beside the file is lost with its `.json`."""

    path: Path
    source: str
    made_ms: int
    size_bytes: int
    label: str = ""
    agent_version: str = ""
    sha256: str = ""
    is_proved: bool = False
    remark: str = ""
    rows: dict[str, int] = {}


class Keep(msgspec.Struct, frozen=True, kw_only=True):
    """The newest copy of each of so many days, and of so many weeks, stays."""

    daily: int = 7
    weekly: int = 4


def make(
    database_url: str,
    folder: Path,
    *,
    now_ms: int,
    prove: Prove | None,
    scratch_url: str = "",
    source: str = OWN,
    label: str = "",
) -> Backup:
    """Copy a database as it is at one moment while others write, and restore the copy for proof.

    Without `prove` nothing is restored. Raises StorageError: then there is no copy, or, where the
    sentence says so, one that is not proved.
    """
    url = make_url(database_url)
    is_sqlite = url.get_backend_name() == "sqlite"
    suffix = SQLITE_SUFFIX if is_sqlite else dumps.SUFFIX
    stem = f"{source}-{moment(now_ms):{_STAMP}}-{now_ms % 1000:03d}" + (
        f"-{label}" if label else ""
    )
    path = folder / f"{stem}{suffix}"
    half = folder / f".{path.name}.half"
    try:
        _clear_left(folder, before_s=now_ms / 1000 - LEFT_S)
        os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        if is_sqlite:
            _copy_sqlite(str(url.database), half)
        else:
            dumps.dump(url, half, tables=_own_tables(url) if source == OWN else ())
        _flush(half)
        half.replace(path)
        made = Backup(
            path=path,
            source=source,
            made_ms=now_ms,
            size_bytes=path.stat().st_size,
            label=label,
            agent_version=__version__,
            sha256=_digest(path),
        )
        _describe(made)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(
            f"backup {path} was not made: {error}; check the room and the mode of its folder"
        ) from error
    finally:
        half.unlink(missing_ok=True)
    if prove is None:
        return made
    rows, remark = try_out(made.path, url, scratch_url=scratch_url, prove=prove, source=source)
    proved = msgspec.structs.replace(made, is_proved=True, rows=rows, remark=remark)
    _describe(proved)
    return proved


def _clear_left(folder: Path, *, before_s: float) -> None:
    """Give back the room that copies took which were killed while they were made or proved."""
    for path in folder.iterdir():
        half = path.name.removeprefix(".").removesuffix(".half")
        is_half = path.name == f".{half}.half" and _NAME.fullmatch(half)
        with suppress(OSError):  # it is gone meanwhile, or is another user's
            if is_half and path.stat().st_mtime < before_s:
                path.unlink()
            elif path.name.startswith(_PROOF) and _last_touched_s(path) < before_s:
                shutil.rmtree(path)


def _last_touched_s(folder: Path) -> float:
    return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))


def try_out(
    path: Path, url: URL, *, scratch_url: str, prove: Prove, source: str = OWN
) -> tuple[dict[str, int], str]:
    """Restore a copy into a place of its own; its rows, and what `prove` did not like about it.

    Raises StorageError when it cannot be restored. The place is gone afterwards.
    """
    with _restored(path, url, scratch_url) as place:
        if source != OWN:
            return _count(place), ""
        # Also a copy of an older version must be one that this program can work with.
        restored = Database.open(place.render_as_string(hide_password=False))
        try:
            remark = prove(restored)
        finally:
            restored.close()
        return _count(place), remark


def with_password(database_url: str, password: str) -> str:
    """The same database, with the password that its URL does not tell."""
    return make_url(database_url).set(password=password).render_as_string(hide_password=False)


def find_all(folder: Path) -> list[Backup]:
    """Every copy in the folder, newest first."""
    found = []
    for path in folder.iterdir() if folder.is_dir() else ():
        name = _NAME.fullmatch(path.name)
        if name is None:
            continue
        at = datetime.strptime(name["at"], _STAMP).replace(tzinfo=UTC)
        bare = Backup(
            path=path,
            source=name["source"],
            made_ms=int(at.timestamp()) * 1000 + int(name["ms"]),
            size_bytes=path.stat().st_size,
            label=name["label"] or "",
        )
        found.append(_described(bare))
    return sorted(found, key=lambda each: (each.made_ms, each.path.name), reverse=True)


def newest(folder: Path) -> Backup | None:
    """The newest copy of our database that was proved; None when there is none."""
    of_ours = (each for each in find_all(folder) if each.source == OWN and each.is_proved)
    return next(of_ours, None)


def rotate(folder: Path, keep: Keep) -> list[Path]:
    """Remove the copies that are kept no longer; which."""
    gone = superseded(find_all(folder), keep)
    for each in gone:
        each.path.unlink(missing_ok=True)
        _beside(each.path).unlink(missing_ok=True)
    return [each.path for each in gone]


def superseded(found: Iterable[Backup], keep: Keep) -> list[Backup]:
    """Those that neither a day, a week nor a label keeps; days and weeks are of UTC."""
    by_source: dict[str, list[Backup]] = {}
    for each in sorted(found, key=lambda one: one.made_ms, reverse=True):
        by_source.setdefault(each.source, []).append(each)
    gone: list[Backup] = []
    for copies in by_source.values():
        proved = [each for each in copies if each.is_proved and not each.label]
        days = {moment(each.made_ms).date(): each for each in reversed(proved)}
        weeks = {moment(each.made_ms).isocalendar()[:2]: each for each in reversed(proved)}
        kept = [
            *[days[day] for day in sorted(days, reverse=True)[: max(keep.daily, 1)]],
            *[weeks[week] for week in sorted(weeks, reverse=True)[: keep.weekly]],
            *[each for each in copies if each.label][:MOST_LABELLED],
            *[each for each in copies if not each.is_proved and not each.label][:MOST_UNPROVED],
        ]
        names = {each.path for each in kept}
        gone += [each for each in copies if each.path not in names]
    return gone


def check_digest(backup: Backup) -> None:
    """Refuse a file that is no longer what was written; raises StorageError."""
    if backup.sha256 and _digest(backup.path) != backup.sha256:
        raise StorageError(
            f"{backup.path} is not what it was when it was made: its digest differs; take another"
        )


def described(path: Path) -> Backup:
    """The copy at this path, wherever it lies; raises StorageError when there is none."""
    if not path.is_file():
        raise StorageError(f"{path} is not there; `smartcron-agent db backups` lists what is")
    name = _NAME.fullmatch(path.name)
    bare = Backup(
        path=path,
        source=name["source"] if name and name["source"] != ASIDE else OWN,
        made_ms=int(path.stat().st_mtime * 1000),
        size_bytes=path.stat().st_size,
    )
    return _described(bare)


def _copy_sqlite(source: str, half: Path) -> None:
    address = f"file:{quote(source)}?mode=rw"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=_BUSY_S)) as original,
        closing(sqlite3.connect(half)) as copy,
    ):
        original.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, no log beside it
        check_sqlite(copy)


def check_sqlite(connection: sqlite3.Connection) -> None:
    """Read all of it; raises sqlite3.DatabaseError when it is damaged."""
    verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {verdict}")


def _own_tables(url: URL) -> list[str]:
    """Those of ours that are there: a copy is also made of an older version.

    The version comes last, so that what is filled only in part is none of ours yet.
    """
    with reached(url, answer_s=None) as engine:
        there = set(inspect(engine).get_table_names())
    return [*sorted(there & metadata.tables.keys()), *sorted(there & {VERSION_TABLE})]


@contextmanager
def _restored(path: Path, url: URL, scratch_url: str) -> Iterator[URL]:
    """The copy, restored into a place of its own that is gone afterwards."""
    if path.name.endswith(dumps.SUFFIX):
        with _scratch(url, scratch_url, path) as place:
            dumps.load(place, path)
            yield place
        return
    with tempfile.TemporaryDirectory(prefix=_PROOF, dir=path.parent) as folder:
        file = Path(folder) / "restored.sqlite3"
        try:
            shutil.copyfile(path, file)
            with closing(sqlite3.connect(file)) as restored:
                check_sqlite(restored)
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"{path} cannot be restored: {error}") from error
        yield URL.create("sqlite", database=str(file))


@contextmanager
def _scratch(url: URL, scratch_url: str, path: Path) -> Iterator[URL]:
    """An empty database on a server, for as long as a proof takes."""
    if scratch_url:
        place = make_url(scratch_url)
        _refuse_filled(place)
        try:
            yield place
        finally:
            _drop_tables(place)
        return
    name = f"{_SCRATCH}{secrets.token_hex(6)}"
    with reached(url) as engine:
        for left in _left_on_server(engine):
            with suppress(SQLAlchemyError):  # seen, and perhaps another account's
                run(engine, f"DROP DATABASE IF EXISTS `{left}`")
        try:
            run(engine, f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4")
        except SQLAlchemyError as error:
            raise StorageError(
                f"{path} was made, but is not proved: the account may not create a database to "
                "restore it into; GRANT ALL ON `smartcron\\_scratch\\_%`.* to it, or name an empty "
                "database with backup_scratch_url in settings.toml"
            ) from error
        try:
            yield url.set(database=name)
        finally:
            run(engine, f"DROP DATABASE IF EXISTS `{name}`")


def _left_on_server(engine: Engine) -> list[str]:
    """The places of proofs that were killed, as far as they hold anything."""
    with engine.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT table_schema FROM information_schema.tables WHERE table_schema LIKE %s "
            "GROUP BY table_schema HAVING MAX(create_time) <= NOW() - INTERVAL %s SECOND",
            (_SCRATCH.replace("_", r"\_") + "%", LEFT_S),
        )
        return sorted(str(name) for name in found.scalars())


def _refuse_filled(place: URL) -> None:
    with reached(place) as engine:
        there = inspect(engine).get_table_names()
    if there:
        raise Conflict(
            f"backup_scratch_url names database {place.database!r}, which holds tables "
            f"({', '.join(sorted(there)[:3])}); name one that is empty"
        )


def _drop_tables(place: URL) -> None:
    with reached(place) as engine:
        for table in inspect(engine).get_table_names():
            run(engine, f"DROP TABLE `{table.replace('`', '``')}`")


def _count(place: URL) -> dict[str, int]:
    """How many rows each table has, whosever they are."""
    with reached(place) as engine, engine.connect() as connection:
        return {
            name: int(
                connection.exec_driver_sql(
                    f"SELECT COUNT(*) FROM {engine.dialect.identifier_preparer.quote(name)}"  # noqa: S608 - quoted
                ).scalar_one()
            )
            for name in sorted(inspect(connection).get_table_names())
        }


@contextmanager
def reached(url: URL, *, answer_s: int | None = LONG_S) -> Iterator[Engine]:
    """A way to the database for few and long statements; raises StorageError.

    None is for short ones: a server that is frozen is then found out as anywhere else.
    """
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, pool_size=1, hide_parameters=True)
    else:
        engine = make_engine(url, pool_size=1, writes=True, answer_s=answer_s)
    try:
        yield engine
    except SQLAlchemyError as error:
        plain = plain_error(error, url)
        if plain is not error:
            raise plain from error
        raise StorageError(f"database {name_of(url)} failed: {error}") from error
    finally:
        engine.dispose()


def run(engine: Engine, statement: str) -> None:
    """Let the database do one thing."""
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _beside(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _describe(backup: Backup) -> None:
    """Write what is known about a copy beside it."""
    target = _beside(backup.path)
    half = target.with_name(f".{target.name}.half")
    half.unlink(missing_ok=True)
    handle = os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(backup, enc_hook=str))
    half.replace(target)


def _described(bare: Backup) -> Backup:
    """With what was written beside it; as it is when that is gone or of no use."""
    try:
        told = readback.from_json(
            _beside(bare.path).read_bytes(), Backup, dec_hook=lambda kind, text: kind(text)
        )
    except (OSError, NotWhole):
        return bare
    return msgspec.structs.replace(told, path=bare.path, size_bytes=bare.size_bytes)
