"""What is put right when a database is back that was away as the agent began?"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from agent.beginning import go_through_spool
from agent.core import Core
from agent.errors import AgentError, AlreadyServing, StorageError
from agent.log import log_of
from agent.running.terms import Ended
from agent.store import standby, state
from agent.store.journal import LOST
from agent.store.reaching import FLOOR
from agent.store.ready import open_ready
from agent.store.standby import Floor, Found, Told

log = log_of(__name__)

TRY_EVERY_MS: Final = 1_000
LOOK_EVERY_MS: Final = 100


class Returning:
    """Meets the database once: looks at it, takes over what it knows, lets it be told the rest."""

    def __init__(self, core: Core, *renewals: Callable[[], Awaitable[object]]) -> None:
        self._core = core
        self._renewals = renewals

    async def run(self, stop: Callable[[], object]) -> None:
        """Return when the database is back and all is as if it had never been away.

        Where another agent has taken it meanwhile, this one is to stop.
        """
        floor = self._core.reached.floor
        if floor is None:
            return
        try:
            while not await self.meet(floor):
                await self._core.clock.sleep_ms(TRY_EVERY_MS)
        except AlreadyServing as error:
            log.error("stopping: another agent has taken the database", cause=str(error))
            stop()
            return
        while not self._core.outage.is_over:
            await self._core.clock.sleep_ms(LOOK_EVERY_MS)
        await self._catch_up()

    async def run_once(self) -> None:
        """As `run`, without waiting for a database that is away still."""
        floor = self._core.reached.floor
        if floor is not None and await self.meet(floor):
            for consequence in await self._core.outage.try_again():
                self._core.recorder.show_consequence(consequence)

    async def meet(self, floor: Floor) -> bool:
        """Is it back? Then it was looked at, and is to be told what was kept from now on.

        Whatever is decided here stands in the journal before the floor goes: an agent that dies
        on the way leaves the next one to begin again.
        """
        core = self._core
        told = standby.add_up(await core.reached.local.all())
        try:
            found = await asyncio.to_thread(self._look, floor, told.run_ids)
        except StorageError as error:
            core.outage.still_away(str(error))
            return False
        told = standby.add_up(await core.reached.local.all())
        core.outage.reach()
        await self._take_over_runs(found, told)
        await core.scheduler.put_right(found, from_ms=floor.at_ms, taken=told.taken)
        await core.handmade.tell(found.by_hand)
        await core.reached.local.remember(FLOOR, None)
        await core.reached.local.remember(LOST, None)
        core.outage.meet()
        log.info("the database is back; what was due before the agent began is decided")
        return True

    def _look(self, floor: Floor, run_ids: frozenset[str]) -> Found:
        """What it holds, once it is at our version and ours alone."""
        core = self._core
        database = open_ready(core.reached.url, folder=core.home.backups, agent_id=core.agent_id)
        try:
            holder = core.holder()
            other = database.write_now(partial(state.hold, holder=holder))
            state.refuse_other(other, now_ms=holder.at_ms)
            core.reached.mark.look(
                database,
                living=core.reached.copy.read_begun(),
                run_ids=run_ids,
                now_ms=floor.at_ms,
            )
            return database.write_now(partial(standby.find, floor=floor, now_ms=holder.at_ms))
        finally:
            database.close()

    async def _take_over_runs(self, found: Found, told: Told) -> None:
        """Account for the runs of which nobody here could know."""
        core = self._core
        strange = [run for run in found.unfinished if run.id not in told.run_ids]
        core.board.put_up(strange)
        standing = dict(core.strangers)
        await core.watching.recover(run for run in strange if core.watching.takes(run))
        await core.runner.recover(
            [run for run in strange if not core.watching.takes(run)], standing.values()
        )
        known = dict(core.strangers)
        core.strangers.clear()
        for run_id, now in known.items():
            if isinstance(now, Ended) and now is not standing.get(run_id):
                core.runner.on_ended(now)  # it ended while it was being taken over

    async def _catch_up(self) -> None:
        """What others may see, and what others may have changed."""
        try:
            for renew in self._renewals:
                await renew()
            await self._core.board.fill(with_live=False)
            # An agent that died while it was away knew of nothing that it left there.
            await go_through_spool(self._core)
        except AgentError as error:
            log.error("not all is shown that the database holds", cause=str(error))
