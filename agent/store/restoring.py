"""How is a backup put in the place of the database, with a way back?"""

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import inspect
from sqlalchemy.engine import URL, make_url

from agent.clock import moment
from agent.errors import StorageError, WrongUse
from agent.store import backups, dumps
from agent.store.backups import Backup, Prove
from agent.store.carrying import carry_over
from agent.store.database import Database
from agent.store.engines import SQLITE_SUFFIX, asides_among, ready_of
from schema.tables import ASIDE, VERSION_TABLE, metadata

_BEGINS: Final = f"{ASIDE}-"
_BACK_TRIES: Final = 20
_BACK_S: Final = 0.25
_COMPANIONS: Final = ("-wal", "-shm")


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in place now, where the replaced database went (if any), what is odd about it.

    `carried` runs were taken over from it; None when that was not wanted or not possible.
    """

    backup: Backup
    aside: str | None
    remark: str
    carried: int | None = None


def restore(
    backup: Backup, database_url: str, *, now_ms: int, prove: Prove, carries: bool = True
) -> Restored:
    """Put a backup in the place of the database, which nobody else may use meanwhile.

    What the replaced database has recorded of runs since the backup is taken over where it can be
    read, so that no due moment runs twice; not so without `carries`.

    The replaced database is kept: an SQLite file beside the new one, tables of a server under
    another name, which `put_back` and `restore` take again. Raises StorageError, and then the
    database is as it was.
    """
    url = make_url(database_url)
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite == backup.path.name.endswith(dumps.SUFFIX):
        kind = "an SQLite file" if is_sqlite else "a MariaDB database"
        raise WrongUse(f"{backup.path} is no backup of {kind}, which database_url names")
    if backup.source != backups.OWN:
        raise WrongUse(
            f"{backup.path} is a backup of {backup.source!r}, not of Smart Cron's database; "
            "restore it with the tools of that database"
        )
    backups.check_digest(backup)
    if is_sqlite:
        done = _restore_file(backup, Path(str(url.database)), now_ms=now_ms, prove=prove)
    else:
        done = _restore_tables(backup, url, now_ms=now_ms, prove=prove)
    if not carries or done.aside is None:
        return done
    return msgspec.structs.replace(done, carried=_carry(url, done.aside, backup.made_ms, now_ms))


def _carry(url: URL, aside: str, made_ms: int, now_ms: int) -> int | None:
    is_sqlite = url.get_backend_name() == "sqlite"
    try:
        with backups.reached(url) as engine, engine.connect() as connection:
            if is_sqlite:
                connection.exec_driver_sql("ATTACH DATABASE ? AS replaced", (aside,))
            count = carry_over(
                connection,
                lambda name: f"replaced.{name}" if is_sqlite else f"`{_short(aside, name)}`",
                made_ms=made_ms,
                now_ms=now_ms,
            )
            connection.commit()
            return count
    except (StorageError, ValueError):
        return None  # damaged, or cut off in the midst: nothing of it was taken over


def put_back(name: str, database_url: str, *, now_ms: int, prove: Prove) -> Restored:
    """Put replaced tables of a server back, keeping those that are there now likewise."""
    url = make_url(database_url)
    if name not in asides(database_url):
        raise StorageError(
            f"there are no tables {name!r} kept aside; `smartcron-agent db backups` lists them"
        )
    aside = _aside_name(now_ms)
    _rename(url, _renames(url, to=aside) + _renames(url, back_from=name))
    kept = Backup(path=Path(name), source=backups.OWN, made_ms=now_ms, size_bytes=0)
    return Restored(backup=kept, aside=aside, remark=_open_and_prove(url, prove))


def asides(database_url: str) -> list[str]:
    """The names under which replaced tables of a server are kept."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return []
    return asides_among(_table_names(url))


def _restore_file(backup: Backup, target: Path, *, now_ms: int, prove: Prove) -> Restored:
    half = ready_of(target)
    try:
        half.unlink(missing_ok=True)
        os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        shutil.copyfile(backup.path, half)
        with closing(sqlite3.connect(half)) as restored:
            backups.check_sqlite(restored)
        # Opened where it lies: what this program cannot work with must not come into place.
        remark = _open_and_prove(URL.create("sqlite", database=str(half)), prove)
        with closing(sqlite3.connect(half)) as restored:
            restored.execute("PRAGMA journal_mode = DELETE")
        _flush(half)  # a power cut must not leave less in place than there was
        aside = aside_of(target, now_ms)
        is_there = target.exists()
        if is_there:
            _set_aside(target, aside)
        half.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"{backup.path} was not restored: {error}") from error
    finally:
        for ending in ("", *_COMPANIONS):
            half.with_name(half.name + ending).unlink(missing_ok=True)
    return Restored(backup=backup, aside=str(aside) if is_there else None, remark=remark)


def set_aside(target: Path, *, now_ms: int) -> Path:
    """Move a database file out of the way, for where there is no backup; where it lies now.

    Raises StorageError.
    """
    aside = aside_of(target, now_ms)
    try:
        if target.exists():
            _set_aside(target, aside)
    except OSError as error:
        raise StorageError(f"{target} was not set aside: {error}") from error
    return aside


def aside_of(target: Path, now_ms: int) -> Path:
    """Where a database file goes that is replaced at this moment."""
    return target.with_name(f"{_aside_name(now_ms)}{SQLITE_SUFFIX}")


def is_moved(aside: Path) -> bool:
    """Something of a replaced file lies there, though perhaps not all of it yet."""
    return any(aside.with_name(aside.name + ending).exists() for ending in ("", *_COMPANIONS))


def set_aside_since(target: Path, since_ms: int) -> int:
    """How many files were moved out of the way since then."""
    named = target.parent.glob(f"{_BEGINS}*{SQLITE_SUFFIX}")
    stamps = (path.name.removeprefix(_BEGINS)[: len("20261124-010000-000")] for path in named)
    return sum(stamp >= _aside_name(since_ms).removeprefix(_BEGINS) for stamp in stamps)


def _set_aside(target: Path, aside: Path) -> None:
    """Move a database file with what belongs to it; all in one file where it is sound."""
    if not is_moved(aside):  # else its log lies there by now, and must not be begun anew here
        try:
            with closing(sqlite3.connect(target)) as old:
                old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error:
            pass  # damaged: it is kept as it is, log and all
    for ending in _COMPANIONS:
        companion = target.with_name(target.name + ending)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + ending))
    target.rename(aside)


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _restore_tables(backup: Backup, url: URL, *, now_ms: int, prove: Prove) -> Restored:
    aside = _aside_name(now_ms)
    away = _renames(url, to=aside)
    if away:
        _rename(url, away)
    try:
        dumps.load(url, backup.path)
        remark = _open_and_prove(url, prove)
    except BaseException:
        _take_back(url, away)
        raise
    return Restored(backup=backup, aside=aside if away else None, remark=remark)


def _take_back(url: URL, away: list[tuple[str, str]]) -> None:
    """Put tables back that were set aside, in the place of what was filled so far."""
    for left in reversed(range(_BACK_TRIES)):
        _drop(url)
        try:
            if away:
                _rename(url, [(new, old) for old, new in away])
        except StorageError:
            # The server may make one more table for a tool that has left by now.
            if not left:
                raise
            time.sleep(_BACK_S)
        else:
            return


def _open_and_prove(url: URL, prove: Prove) -> str:
    restored = Database.open(url.render_as_string(hide_password=False))
    try:
        return prove(restored)
    finally:
        restored.close()


def _aside_name(now_ms: int) -> str:
    return f"{_BEGINS}{moment(now_ms):%Y%m%d-%H%M%S}-{now_ms % 1000:03d}"


def _renames(url: URL, *, to: str = "", back_from: str = "") -> list[tuple[str, str]]:
    there = set(_table_names(url))
    ours = [*sorted(metadata.tables), VERSION_TABLE]
    if back_from:
        pairs = [(_short(back_from, name), name) for name in ours]
    else:
        pairs = [(name, _short(to, name)) for name in ours]
    return [(old, new) for old, new in pairs if old in there]


def _short(mark: str, table: str) -> str:
    # A name may have 64 letters.
    return f"{mark}_{table.removeprefix('smart_cron_')}"


def _rename(url: URL, pairs: list[tuple[str, str]]) -> None:
    # One statement: the server renames all of them or none.
    _run(url, "RENAME TABLE " + ", ".join(f"`{old}` TO `{new}`" for old, new in pairs))


def _drop(url: URL) -> None:
    there = set(_table_names(url)) & {*metadata.tables, VERSION_TABLE}
    for name in sorted(there):
        _run(url, f"DROP TABLE `{name}`")


def _table_names(url: URL) -> list[str]:
    with backups.reached(url, answer_s=None) as engine:
        return inspect(engine).get_table_names()


def _run(url: URL, statement: str) -> None:
    with backups.reached(url) as engine:
        backups.run(engine, statement)
