"""What does an agent do with a database file that is damaged: make it whole, once, and go on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from agent import recovery, supervisor
from agent.clock import SystemClock, iso
from agent.errors import Damaged, StorageError
from agent.log import log_of
from agent.proof import doubts
from agent.recovery import Made
from agent.settings import Home, Settings
from agent.store import anchor, chain, journal, mark, restoring, salvage
from agent.store.database import Database, database_url
from agent.store.engines import name_of, read_url
from agent.store.salvage import Renewed
from agent.store.standby import Copy
from agent.store.writes import Raise
from agent.troubles import Trouble

log = log_of(__name__)

ALERT: Final = "database_mended"
FOUND: Final = "damaged"
"""Under this name the journal says what a living agent found to be wrong with the file."""
MOST_AN_HOUR: Final = 3
HOUR_MS: Final = 3_600_000
BEAT_S: Final = 10.0


class Mended(msgspec.Struct, frozen=True, kw_only=True):
    """What took the place of a damaged file, and what could be saved of it."""

    renewed: Renewed
    made: Made


async def on_a_sound_file(
    work: Callable[[], Awaitable[None]], *, home: Home, settings: Settings
) -> None:
    """Do the work; whenever the database file is found to be of no use, mend it and do it again.

    What a living agent has found before is mended first. Raises what the work raises, and Damaged
    where mending helps no more.
    """
    cause = await asyncio.to_thread(_found_before, home, settings)
    while True:
        if cause is not None:
            await _mended(home, settings, cause)
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
        if not _was_ours(home, url) or not await asyncio.to_thread(salvage.damage, url):
            raise failed
        cause = str(failed)


def _was_ours(home: Home, url: str) -> bool:
    """An agent of this home has worked with it: any other file may be somebody's, and stays."""
    name, folder = name_of(read_url(url)), home.journal_file.parent
    return mark.read(folder, name) is not None or Copy(folder).read(name) is not None


async def _mended(home: Home, settings: Settings, cause: str) -> None:
    mending = asyncio.ensure_future(
        asyncio.to_thread(mend, home, database_url(settings, home), cause=cause)
    )
    while not (await asyncio.wait({mending}, timeout=BEAT_S))[0]:
        supervisor.tell(supervisor.ALIVE)  # a large file takes its time
    await mending


def mend(home: Home, url: str, *, cause: str, is_asked: bool = False) -> Mended:
    """Set the damaged file aside, begin with the newest backup, and save what can be saved.

    Nothing of the damaged file is thrown away. Raises StorageError, and Damaged where that was
    done so often without anybody asking for it that the disk must be to blame; WrongUse for a
    server's database.
    """
    now_ms = SystemClock().now_ms()
    often = restoring.set_aside_since(salvage.file_of(url), now_ms - HOUR_MS)
    if often >= MOST_AN_HOUR and not is_asked:
        raise Damaged(
            f"{cause}; it was set aside and made whole {often} times within the hour, so the disk "
            "is to blame: see to that, then run `smartcron-agent db recover`"
        )
    log.error("the database file is damaged; making the best of it", cause=cause)
    renewed = salvage.renew(url, home.backups, now_ms=now_ms, prove=doubts)
    known = Copy(home.journal_file.parent).read(name_of(read_url(url)))
    database = Database.open(url)
    try:
        made = recovery.make_whole(
            database,
            renewed.aside,
            home.journal_file,
            made_ms=now_ms if renewed.backup is None else renewed.backup.made_ms,
            now_ms=now_ms,
            known=known,
        )
        mended = Mended(renewed=renewed, made=made)
        raised = Raise(trouble=_trouble(mended, cause), now_ms=now_ms)
        database.write_now(raised.apply)
        # Rows of the audit may have gone with the file: that is no edit of somebody's.
        kept = database.read_now(chain.head)
        anchor.cut(home.root, kept, at_ms=now_ms, why="a damaged file was made whole")
    finally:
        database.close()
    journal.note(home.journal_file, FOUND, None)
    log.error(
        "the database was made whole",
        aside=str(renewed.aside),
        backup=None if renewed.backup is None else str(renewed.backup.path),
        **msgspec.structs.asdict(made),
    )
    return mended


def _found_before(home: Home, settings: Settings) -> str | None:
    """What is wrong with the file, where an earlier agent found something and it is still so."""
    url = database_url(settings, home)
    try:
        said = journal.noted(home.journal_file, FOUND)
        file = salvage.own_file(url)
        if said is None or file is None:
            return None
        damage = salvage.damage(url) if file.exists() else ()
    except StorageError as error:
        log.warning("the file is not looked through before the start", cause=str(error))
        return None
    if not damage:
        journal.note(home.journal_file, FOUND, None)
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
