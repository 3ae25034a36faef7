"""What does an agent do with a database file that is damaged: make it whole, once, and go on."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from agent import readback, recovery, sealed, supervisor
from agent.clock import SystemClock, iso
from agent.errors import Damaged, StorageError
from agent.log import log_of
from agent.proof import doubts
from agent.readback import NotWhole
from agent.recovery import Made
from agent.settings import Home, Settings
from agent.store import anchor, chain, journal, mark, restoring, salvage
from agent.store.backups import OWN, Backup
from agent.store.database import Database, database_url
from agent.store.engines import name_of, read_url
from agent.store.salvage import Renewed
from agent.store.standby import Copy
from agent.store.writes import Raise, Resolve
from agent.troubles import Trouble

log = log_of(__name__)

ALERT: Final = "database_mended"
DAMAGED_ALERT: Final = "database_damaged"
MENDING: Final = "mending"
"""A file beside the journal, there from before anything is moved until all is made whole."""
FOUND: Final = "damaged"
"""Under this name the journal says what a living agent found to be wrong with the file."""
MOST_AN_HOUR: Final = 3
HOUR_MS: Final = 3_600_000
BEAT_S: Final = 10.0

T = TypeVar("T")


class Mended(msgspec.Struct, frozen=True, kw_only=True):
    """What took the place of a damaged file, and what could be saved of it."""

    renewed: Renewed
    made: Made


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A mend under way: of which file, since when, and what lies in its place once that is done.

    Where the damaged file goes follows from `at_ms`.
    """

    file: str
    at_ms: int
    cause: str
    is_renewed: bool = False
    backup: str = ""
    made_ms: int = 0


async def on_a_sound_file(
    work: Callable[[], Awaitable[None]],
    *,
    home: Home,
    settings: Settings,
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Do the work; whenever the database file is found to be of no use, mend it and do it again.

    What a living agent has found before is mended first, and a mend that was cut short is brought
    to its end. Once it `is_over`, nothing is begun. Raises what the work raises, and Damaged where
    mending helps no more.
    """
    cause = await _patiently(partial(_found_before, home, settings))
    while True:
        if cause is not None:
            await _patiently(partial(mend, home, database_url(settings, home), cause=cause))
        if is_over():
            return
        failed: Damaged | None = None
        try:
            await work()
        except* Damaged as group:
            found: BaseException = group
            while isinstance(found, BaseExceptionGroup):
                found = found.exceptions[0]
            failed = found if isinstance(found, Damaged) else None
        if failed is None:
            return
        # What SQLite says of a statement may sound alike: no file is replaced for that.
        url = database_url(settings, home)
        if not _was_ours(home, url) or not await _patiently(partial(_is_damaged, url)):
            raise failed
        if is_over():
            return  # the next start mends it
        cause = str(failed)


def _is_damaged(url: str) -> bool:
    try:
        return bool(salvage.damage(url))
    except StorageError as error:
        log.error("the file cannot be looked through", cause=str(error))
        return False


def _was_ours(home: Home, url: str) -> bool:
    """An agent of this home has worked with it: any other file may be somebody's, and stays."""
    name, folder = name_of(read_url(url)), home.journal_file.parent
    return mark.read(folder, name) is not None or Copy(folder).read(name) is not None


async def _patiently(work: Callable[[], T]) -> T:
    """What this comes to, with signs of life meanwhile: a large file takes its time."""
    under_way = asyncio.ensure_future(asyncio.to_thread(work))
    while not (await asyncio.wait({under_way}, timeout=BEAT_S))[0]:
        supervisor.tell(supervisor.BUSY)
    return await under_way


def mend(home: Home, url: str, *, cause: str, is_asked: bool = False) -> Mended:
    """Set the damaged file aside, begin with the newest backup, and save what can be saved.

    Nothing of the damaged file is thrown away. Raises StorageError, and Damaged where that was
    done so often without anybody asking for it that the disk must be to blame; WrongUse for a
    server's database.
    """
    file = salvage.file_of(url)
    begun = cut_short(home, url)
    if begun is None or not _has_moved(begun):
        # Of one that has moved nothing the moment says nothing: runs may have gone on since.
        begun = Begun(file=str(file), at_ms=SystemClock().now_ms(), cause=cause)
    now_ms, cause = begun.at_ms, begun.cause
    aside = restoring.aside_of(file, now_ms)
    often = restoring.set_aside_since(file, now_ms - HOUR_MS)
    if often >= MOST_AN_HOUR and not is_asked and not restoring.is_moved(aside):
        raise Damaged(
            f"{cause}; it was set aside and made whole {often} times within the hour, so the disk "
            "is to blame: see to that, then run `smartcron-agent db recover`"
        )
    log.error("the database file is damaged; making the best of it", cause=cause)
    _put(home, begun)
    begun = _renewed(home, url, begun, aside)
    renewed = Renewed(aside=aside, backup=_backup(begun))
    known = Copy(home.journal_file.parent).read(name_of(read_url(url)))
    database = Database.open(url)
    try:
        made = recovery.make_whole(
            database,
            renewed.aside,
            home.journal_file,
            made_ms=begun.made_ms,
            now_ms=now_ms,
            known=known,
        )
        mended = Mended(renewed=renewed, made=made)
        raised = Raise(trouble=_trouble(mended, cause), now_ms=now_ms)
        database.write_now(raised.replay)
        database.write_now(Resolve(dedupe_key=DAMAGED_ALERT, now_ms=now_ms).apply)
        # Rows of the audit may have gone with the file: that is no edit of somebody's.
        kept = database.read_now(chain.head)
        anchor.cut(home.root, kept, at_ms=now_ms, why="a damaged file was made whole")
    finally:
        database.close()
    journal.note(home.journal_file, FOUND, None)
    give_up(home)
    log.error(
        "the database was made whole",
        aside=str(renewed.aside),
        backup=None if renewed.backup is None else str(renewed.backup.path),
        **msgspec.structs.asdict(made),
    )
    return mended


def cut_short(home: Home, url: str) -> Begun | None:
    """The mend of this database that was begun and did not come to its end."""
    try:
        begun = readback.from_json(_note(home).read_bytes(), Begun)
    except (OSError, NotWhole):
        return None
    file = salvage.own_file(url)
    return begun if file is not None and begun.file == str(file) else None


def _has_moved(begun: Begun) -> bool:
    aside = restoring.aside_of(Path(begun.file), begun.at_ms)
    return begun.is_renewed or restoring.is_moved(aside)


def give_up(home: Home) -> None:
    """No mend is to be brought to its end: it has come to it, or another database lies there."""
    _note(home).unlink(missing_ok=True)


def _note(home: Home) -> Path:
    return home.journal_file.parent / MENDING


def _put(home: Home, begun: Begun) -> None:
    """Put it down, so that a power cut leaves it or what stood there before."""
    path = _note(home)
    half = path.with_name(f".{path.name}.half")
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(sealed.seal(msgspec.json.encode(begun)))
            opened.flush()
            os.fsync(descriptor)
        half.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StorageError(f"{path} cannot be written, so nothing is mended: {error}") from error


def _renewed(home: Home, url: str, begun: Begun, aside: Path) -> Begun:
    """Put a backup or an empty database in place, unless an earlier agent came so far."""
    file = Path(begun.file)
    if begun.is_renewed and file.exists() and not salvage.damage(url):
        return begun
    if aside.exists() and file.exists():
        # Whatever lies there is not the file that is mended, and nobody knows how whole it is.
        restoring.set_aside(file, now_ms=SystemClock().now_ms())
    renewed = salvage.renew(url, home.backups, now_ms=begun.at_ms, prove=doubts)
    backup = renewed.backup
    begun = msgspec.structs.replace(
        begun,
        is_renewed=True,
        backup="" if backup is None else str(backup.path),
        made_ms=begun.at_ms if backup is None else backup.made_ms,
    )
    _put(home, begun)
    return begun


def _backup(begun: Begun) -> Backup | None:
    if not begun.backup:
        return None
    return Backup(path=Path(begun.backup), source=OWN, made_ms=begun.made_ms, size_bytes=0)


def _found_before(home: Home, settings: Settings) -> str | None:
    """What is wrong with the file, where an earlier agent found something and it is still so."""
    url = database_url(settings, home)
    begun = cut_short(home, url)
    if begun is not None and (_has_moved(begun) or not Path(begun.file).exists()):
        return begun.cause
    try:
        said = journal.noted(home.journal_file, FOUND)
        file = salvage.own_file(url)
        if file is None or (said is None and begun is None):
            return None
        damage = salvage.damage(url) if file.exists() else ()
    except StorageError as error:
        log.warning("the file is not looked through before the start", cause=str(error))
        return None
    if not damage:
        journal.note(home.journal_file, FOUND, None)
        give_up(home)
    return damage[0] if damage else None


def _trouble(mended: Mended, cause: str) -> Trouble:
    backup, made = mended.renewed.backup, mended.made
    begun = "an empty database" if backup is None else f"the backup of {iso(backup.made_ms)}"
    return Trouble(
        dedupe_key=ALERT,
        kind=ALERT,
        severity="critical",
        title="The database was damaged and is made whole",
        message=f"{cause}. In its place: {begun}, {sum(made.rows.values())} rows that could still "
        f"be read, {made.told} writes of the local journal. {made.lost} due moments lost their "
        f"rows and are recorded as missed, {made.unknown} runs as lost; none runs again. The "
        f"damaged file is kept: {mended.renewed.aside}",
    )
