"""How does a write stay when the database does not take it: in the journal, until it is told."""

import asyncio
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection

from agent.clock import Clock
from agent.errors import AgentError, DatabaseAway, DiskFull, NotStorable, Refused, StorageError
from agent.log import log_of
from agent.rules import outage as rules
from agent.rules.outage import UP, Standing
from agent.store import standby, state, streaks
from agent.store.database import Database
from agent.store.journal import Entry, Journal, Untold
from agent.store.mark import Mark, SetBack
from agent.store.opened import Opened
from agent.store.placing import Place
from agent.store.replay import replay
from agent.store.reserve import Reserve
from agent.store.streaks import Consequence
from agent.store.writes import Claim, Take, Write

log = log_of(__name__)

WITHIN_S: Final = 1.2
"""So long a write may take before it is kept in the journal; nothing starts later for longer."""
TRIAL_WITHIN_S: Final = 1.0
"""A database that needs longer for its smallest write is not back."""
TRY_EVERY_S: Final = 1.0
LOOK_EVERY_S: Final = 4.0
FEW: Final = 20
"""At least the last so many hold up what comes meanwhile, so that the journal is ever empty."""
MOST_AT_ONCE: Final = 500
QUICK_S: Final = 0.3
SLOW_S: Final = 3.0

T = TypeVar("T")


def put(database: Database, write: Write) -> asyncio.Future[Any]:
    """What a write came to in the database itself."""
    if isinstance(write, Take):
        # Hundreds of runs may start and end within a second: those that wait are one write.
        return database.write_among(streaks.record, write.step)
    return database.write(write.apply)


class Outage:
    """Writes to the database while it takes them, else to the journal; never waits for long.

    A write that did not come back in time may have happened: it is in the journal too, and doing
    it once more changes nothing. What the journal tells is done exactly once, as the number of
    the newest write told is committed with it.
    """

    def __init__(
        self,
        database: Database,
        journal: Journal,
        *,
        clock: Clock,
        reserve: Reserve | None = None,
        mark: Mark | None = None,
    ) -> None:
        self._database = database
        self._journal = journal
        self._clock = clock
        self._reserve = reserve
        self._mark = mark
        self._standing = UP
        self._troubled = asyncio.Event()
        self._unsure = asyncio.Event()
        # Direct writes under way, and until when: one alarm for all of them costs a burst of
        # runs much less than a limit of its own for each.
        self._flying: dict[asyncio.Future[Any], float] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._at_once = 1
        self._handover: asyncio.Event | None = None
        self._place = Place(database)
        self._trial: asyncio.Future[None] | None = None
        self._is_met = True
        self._owes_look = False
        self.opened = Opened()
        if journal.untold.number:
            self._set(rules.failed(UP, "the agent ended", now_ms=clock.now_ms()))

    # What others may know

    @property
    def standing(self) -> Standing:
        """How the database stands."""
        return self._standing

    @property
    def is_over(self) -> bool:
        """Writes go to the database, as they do when nothing is wrong."""
        return not rules.goes_to_journal(self._standing)

    @property
    def owes_look(self) -> bool:
        """Another file lies where the database was, and it is not known yet what it holds."""
        return self._owes_look

    @property
    def untold(self) -> Untold:
        """What is in the journal and not yet in the database."""
        return self._journal.untold

    async def wait_for_trouble(self) -> None:
        """Return when something is, or goes, to the journal."""
        await self._troubled.wait()

    async def wait_until_unsure(self) -> None:
        """Return when the database may hold what nobody here knows: an answer was lost."""
        await self._unsure.wait()

    def be_unsure(self) -> None:
        """What the database holds is to be learnt anew."""
        self._unsure.set()

    def be_sure(self) -> None:
        """It is learnt anew from here on."""
        self._unsure.clear()

    # Beginning without it

    def begin_away(self, cause: str) -> None:
        """The database was not reached yet; until `meet` nothing asks it, nor tells it anything."""
        now_ms = self._clock.now_ms()
        since_ms = self._journal.untold.oldest_ms or now_ms
        self._is_met = False
        self._database.bar(cause)
        self._set(Standing(state="down", since_ms=since_ms, cause=cause, is_told=True))

    def still_away(self, cause: str) -> None:
        """The database was looked for once more, in vain."""
        self._set_cause(cause)

    def reach(self) -> None:
        """The database is back: it may be asked, but is not told yet what was kept."""
        self._database.bar(None)
        self._place.take_first()
        self._set(msgspec.structs.replace(self._standing, state="suspect"))

    def meet(self) -> None:
        """What is to be known of the database before it is told anything is known."""
        self._is_met = True
        self.opened.forget()

    # Writing

    async def write(self, write: Write) -> Any:
        """What `write` came to, once it stands in the database or in the journal.

        Raises StorageError when neither takes it, NotStorable when no database ever will.
        """
        began_s = asyncio.get_running_loop().time()
        if self._handover is not None:
            await self._wait_for_handover(self._handover)
        if not rules.goes_to_journal(self._standing):
            try:
                return await self._directly(write, until_s=began_s + WITHIN_S)
            except NotStorable:
                raise
            except (StorageError, TimeoutError) as error:
                if self._database.is_closed:
                    raise
                self._note_failure(error)
        await self._keep(write)
        return self.opened.came_to(write) or write.assumed()

    async def ask(self, write: Callable[[Connection], T]) -> T:
        """A write that is never kept: what it came to. Raises StorageError, also when it is late.

        It may happen although it was late.
        """
        # What is told to a file that is not in its place any more dies with it.
        if self._standing.state == "down" or self._owes_look:
            raise DatabaseAway(self._standing.cause)
        try:
            async with asyncio.timeout(WITHIN_S * 3):
                return await self._database.write(write)
        except NotStorable:
            raise
        except StorageError as error:
            self._note_failure(error)
            self.be_unsure()
            raise
        except TimeoutError as error:
            self._note_failure(error)
            self.be_unsure()
            raise StorageError("the database does not answer; see whether it happened") from error

    async def look(self) -> None:
        """Ask for a word: trouble must not wait for a run, nor for the word after this one."""
        if self._owes_look or (self._is_met and not self._place.is_kept):
            await self._put_in_place()
            return
        # A file answers as long as it is there; a server has to be asked.
        if not self.is_over or self._place.is_file:
            return
        asked_ms = self._clock.now_ms()
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._database.read(state.decided_until)
        except (StorageError, TimeoutError) as error:
            self._note_failure(error, since_ms=asked_ms)
        except Refused:
            return  # busy, and so it answers

    async def _put_in_place(self) -> None:
        """Use the file that lies there now, once it is whole and what it holds is known."""
        # From here on nothing is written that is not in the journal too.
        self._is_met = False  # and nothing is told before it is known what lies there now
        self._owes_look = True
        if self.is_over:
            self._note_failure(StorageError("its file is not where it was"))
        is_kept = self._place.is_kept
        if not is_kept and not self._place.is_at_rest():
            return
        try:
            if not is_kept:
                log.error(await asyncio.to_thread(self._place.put_back))
            await self._look_back()
        except StorageError as error:
            self._note_failure(error)
        else:
            self._owes_look = False
            self._is_met = True
            # Its tasks may be others, and whoever counts changes begins to count anew in it.
            self.be_unsure()

    async def _look_back(self) -> None:
        """Another file lies there: it may be an older copy, which does not know what has run."""
        if self._mark is not None:
            kept = standby.add_up(await self._journal.all()).run_ids
            await asyncio.to_thread(
                self._mark.look,
                self._database,
                living=tuple(self._mark.live()),
                run_ids=kept,
                now_ms=self._clock.now_ms(),
            )

    def take_set_back(self) -> SetBack | None:
        """What a database that was set back had forgotten, for whoever tells it."""
        if self._mark is None:
            return None
        found, self._mark.found = self._mark.found, None
        return found

    async def confirm(self, decided_ms: int | None) -> None:
        """The database has it that all is decided up to here; put down before anything starts."""
        if self._mark is not None and decided_ms is not None:
            # A disk that hangs holds nothing up.
            await self._journal.beside(partial(self._mark.put, decided_ms), within_s=WITHIN_S)

    async def _directly(self, write: Write, *, until_s: float) -> Any:
        # Whoever waited for a replay has waited: both together delay a start no longer than one.
        flying = put(self._database, write)
        self._flying[flying] = until_s
        # Whoever waited for a replay is late before those that were asked for since.
        if self._alarm is not None and until_s < self._alarm.when():
            self._alarm.cancel()
            self._alarm = None
        if self._alarm is None:
            self._alarm = asyncio.get_running_loop().call_at(until_s, self._ring)
        try:
            came_to = await flying
        finally:
            del self._flying[flying]
            if not self._flying and self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None
        if isinstance(write, Claim):
            await self.confirm(write.decided_until_ms)
        return came_to

    def _ring(self) -> None:
        """Writes that are late are waited for no longer."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self._give_up(now_s)
        left = [until_s for until_s in self._flying.values() if until_s > now_s]
        self._alarm = loop.call_at(min(left), self._ring) if left else None

    def _give_up(self, before_s: float) -> None:
        for flying, until_s in self._flying.items():
            if until_s <= before_s and not flying.done():
                flying.set_exception(TimeoutError())

    def _note_failure(self, error: Exception, *, since_ms: int | None = None) -> None:
        if self._database.is_closed:
            return
        cause = str(error) or f"it does not answer within {WITHIN_S} s"
        is_first = self._standing.state == "up"
        now_ms = self._clock.now_ms() if since_ms is None else since_ms
        self._set(rules.failed(self._standing, cause, now_ms=now_ms))
        if isinstance(error, DiskFull):
            self._make_room()
        if is_first:
            log.error("the database does not take what happens; it is kept", cause=cause)
            # The others must not come to the journal later than what will come after them.
            self._give_up(math.inf)

    async def _keep(self, write: Write) -> None:
        now_ms = self._clock.now_ms()
        try:
            await self._journal.append(write, now_ms=now_ms)
        except DiskFull:
            if not self._make_room():
                raise
            await self._journal.append(write, now_ms=now_ms)

    def _make_room(self) -> bool:
        return self._reserve is not None and self._reserve.release()

    # Coming back

    def pass_time(self) -> None:
        """Trouble that lasts becomes an outage; one that is over becomes a replay."""
        self._set(rules.passed(self._standing, now_ms=self._clock.now_ms()))

    def rest_ms(self, every_ms: int) -> int:
        """How long until time is to be let pass, and the database asked, once more."""
        return rules.rest_ms(self._standing, now_ms=self._clock.now_ms(), every_ms=every_ms)

    async def try_again(self) -> tuple[Consequence, ...]:
        """Ask whether the database is back, and tell it the journal; what else came of that.

        Afterwards it is up, or still away: then this is to be called again after a while.
        """
        # What is told to a file that was deleted dies with the agent: it is put back first.
        if self._standing.state == "up" or not self._is_met or not self._place.is_kept:
            return ()
        if not await self._answers():
            return ()
        self._set(rules.answered(self._standing))
        consequences: list[Consequence] = []
        try:
            await self._replay(consequences)
        except StorageError as error:
            self._note_failure(error)
        return tuple(consequences)

    async def _answers(self) -> bool:
        """A small write comes back in time; never more than one such write is under way."""
        if self._trial is not None and not self._trial.done():
            return False
        name, now_ms = "trial", self._clock.now_ms()
        put = partial(state.put, name=name, value=self._journal.id, now_ms=now_ms)
        self._trial = asyncio.ensure_future(self._database.write(put))
        done, _ = await asyncio.wait({self._trial}, timeout=TRIAL_WITHIN_S)
        if not done:
            self._trial.add_done_callback(_look_at)
            self._set_cause(f"it does not answer within {TRIAL_WITHIN_S:g} s")
            return False
        error = self._trial.exception()
        if error is None:
            return True
        if not isinstance(error, AgentError):
            raise error
        if isinstance(error, DiskFull):
            self._make_room()
        self._set_cause(str(error))
        return False

    async def _replay(self, consequences: list[Consequence]) -> None:
        self._at_once = 1
        try:
            while True:
                entries = await self._journal.first(self._at_once)
                if not entries and self._journal.untold.number == 0:
                    self._set(rules.emptied(self._standing))
                    log.info("the database was told what happened while it was away")
                    return
                few = max(FEW, self._at_once)
                if self._handover is None and self._journal.untold.number <= few:
                    # New writes would come as fast as old ones go: let them wait for this turn.
                    self._handover = asyncio.Event()
                consequences.extend(await self._tell(entries))
        finally:
            self._end_handover()

    def _end_handover(self) -> None:
        if self._handover is not None:
            self._handover.set()
            self._handover = None

    async def _tell(self, entries: Sequence[Entry]) -> tuple[Consequence, ...]:
        if not entries:
            await asyncio.sleep(0)  # it is being written down just now
            return ()
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        told = await self._database.write(
            partial(replay, journal_id=self._journal.id, entries=entries)
        )
        took_s = loop.time() - began_s
        if not self._place.is_kept:
            raise StorageError("its file is not where it was")
        for entry, cause in told.refused:
            log.error("the database refuses what was kept", number=entry.seq, cause=cause)
        decided = [one.write.decided_until_ms for one in entries if isinstance(one.write, Claim)]
        await self.confirm(next((ms for ms in reversed(decided) if ms is not None), None))
        await self._journal.told(entries[-1].seq, told.refused)
        if took_s > SLOW_S:
            raise StorageError(f"it needs {took_s:.1f} s for {len(entries)} writes")
        grows = 2 if took_s < QUICK_S else 0.5
        self._at_once = max(1, min(MOST_AT_ONCE, int(self._at_once * grows)))
        return told.consequences

    async def _wait_for_handover(self, handover: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(WITHIN_S):
                await handover.wait()
        except TimeoutError:
            if self._handover is handover:
                self._handover = None  # to the journal, then, and nobody else is to wait for it

    def _set_cause(self, cause: str) -> None:
        self._set(rules.failed(self._standing, cause, now_ms=self._clock.now_ms()))

    def _set(self, standing: Standing) -> None:
        self._standing = standing
        self._database.is_away = standing.state == "down"
        if rules.goes_to_journal(standing):
            self._troubled.set()
        else:
            self._troubled.clear()


def _look_at(trial: asyncio.Future[None]) -> None:
    """A trial that came too late says nothing any more."""
    if not trial.cancelled():
        trial.exception()
