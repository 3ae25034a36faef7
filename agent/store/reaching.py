"""Is the database reached as an agent begins, or does what is kept of it have to do for a while?"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from agent import readback, sealed
from agent.clock import Clock
from agent.errors import StorageError, Unreachable
from agent.log import log_of
from agent.readback import NotWhole
from agent.settings import Home
from agent.store import journal, standby, tasks
from agent.store.database import Database
from agent.store.engines import name_of, read_url
from agent.store.journal import LOST, Journal, lost_until_ms
from agent.store.mark import JOURNAL_LOST, MakeUp, Mark
from agent.store.outage import Outage
from agent.store.ready import open_ready
from agent.store.reserve import Reserve
from agent.store.standby import Copy, Floor, Known

log = log_of(__name__)

FLOOR: Final = "floor"
"""Under this name the journal says that an agent began without the database, and when."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A database to work with; with `known` and `floor` it is to be met yet."""

    url: str
    name: str
    database: Database
    outage: Outage
    local: Journal
    copy: Copy
    mark: Mark
    known: Known | None = None
    floor: Floor | None = None


def floor_left(journal_file: Path) -> Floor | None:
    """Where an agent that began without the database has put it, until one meets the database."""
    return _read_floor(journal.noted(journal_file, FLOOR))


def _read_floor(said: str | None) -> Floor | None:
    try:
        return None if said is None else readback.from_json(said.encode(), Floor)
    except NotWhole as error:
        log.error("from when on the local journal knows all cannot be read", cause=str(error))
        return None


async def reach(
    url: str,
    *,
    home: Home,
    local: Journal,
    clock: Clock,
    reserve: Reserve,
    agent_id: str,
    boot: str,
    make_up: MakeUp,
) -> Reached:
    """Open the database, or begin with the copy of what it held where it cannot be reached.

    One that was set back to an older copy is made up for by `make_up` before it is told anything.

    Raises StorageError where it is wrong rather than away, and where there is no copy of it.
    """
    name = name_of(read_url(url))
    copy = Copy(home.journal_file.parent)
    mark = Mark(home.journal_file.parent, name, make_up=make_up)
    said = _read_floor(noted := await local.remembered(FLOOR))
    if noted is not None and said is None:
        await local.remember(LOST, str(clock.now_ms()))
        await local.remember(FLOOR, None)
    lost_ms = lost_until_ms(await local.remembered(LOST), now_ms=clock.now_ms())
    known: Known | None = None
    cause = "it was away as an earlier agent began"
    try:
        database = await asyncio.to_thread(open_ready, url, folder=home.backups, agent_id=agent_id)
    except Unreachable as error:
        known, cause = await asyncio.to_thread(copy.read, name), str(error)
        if known is None:
            raise
        database = Database.unreached(url)
    look = partial(
        mark.look,
        database,
        living=await asyncio.to_thread(copy.read_begun),
        now_ms=clock.now_ms(),
        run_ids=standby.add_up(await local.all()).run_ids,
    )
    try:
        outage = Outage(database, local, clock=clock, reserve=reserve, mark=mark)
        if known is None and said is not None:
            # What was due before that agent began is looked for first, and only then is it told.
            known = await asyncio.to_thread(copy.read, name) or await _read(
                database, name, boot, clock.now_ms()
            )
        elif known is None and not await _tell_what_was_kept(outage, look):
            known, cause = _copied(copy, name, outage.standing.cause), outage.standing.cause
        if lost_ms:
            # Whatever the journal held that cannot be read: none of it is to run once more.
            await asyncio.to_thread(mark.raise_to, lost_ms)
        if lost_ms and known is None:
            await asyncio.to_thread(partial(look, cause=JOURNAL_LOST))
            await local.remember(LOST, None)
        reached = Reached(url, name, database, outage, local, copy, mark)
        if known is None:
            return reached
        outage.begin_away(cause)
        floor = await _floor(local, known, said, boot=boot, now_ms=clock.now_ms(), lost_ms=lost_ms)
        log.error("beginning without the database, with what was known of it", cause=cause)
        return Reached(url, name, database, outage, local, copy, mark, known, floor)
    except BaseException:
        await asyncio.to_thread(database.close)
        raise


def _copied(copy: Copy, name: str, cause: str) -> Known:
    known = copy.read(name)
    if known is None:
        raise StorageError(
            f"the database does not take what an earlier agent kept for it ({cause}); "
            "start again when it does, nothing of it is lost"
        )
    return known


async def _read(database: Database, name: str, boot: str, now_ms: int) -> Known:
    known = await database.read(partial(standby.gather, database=name, boot_id=boot, now_ms=now_ms))
    return msgspec.structs.replace(known, tasks=await database.read(tasks.load_all))


async def _floor(
    local: Journal, known: Known, said: Floor | None, *, boot: str, now_ms: int, lost_ms: int
) -> Floor:
    """From when on the journal knows all that is decided; put down before anything is."""
    floor = said or Floor(at_ms=local.untold.oldest_ms or now_ms)
    floor = msgspec.structs.replace(floor, at_ms=max(floor.at_ms, lost_ms + 1))
    if boot not in (known.boot_id, floor.boot_id):
        # Due later than the floor, so that what runs at a boot runs now.
        booted_ms = max(floor.at_ms + 1, now_ms)
        floor = msgspec.structs.replace(floor, boot_id=boot, booted_ms=booted_ms)
    await local.remember(FLOOR, sealed.seal(msgspec.json.encode(floor)).decode())
    return floor


async def _tell_what_was_kept(outage: Outage, look: Callable[[], None]) -> bool:
    """What an earlier agent kept comes first: what is read from now on has it."""
    await asyncio.to_thread(look)
    if outage.untold.number:
        log.warning("telling the database what was kept", writes=outage.untold.number)
        await outage.try_again()
    return outage.is_over
