"""What is told of a database that is away, and when is it asked again?"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from agent.clock import Clock, iso
from agent.errors import AgentError
from agent.log import log_of
from agent.recorder import Recorder
from agent.rules.alerting import Trouble
from agent.rules.outage import Standing
from agent.store.mark import OLDER_COPY, SetBack
from agent.store.outage import LOOK_EVERY_S, TRY_EVERY_S, Outage
from agent.store.reserve import Reserve

log = log_of(__name__)

ALERT: Final = "database_away"
RESERVE_ALERT: Final = "disk_full"
SET_BACK_ALERT: Final = "database_set_back"
LOOK_MS: Final = 30_000
_LOOK_THROUGH: Final = " Changes of tasks made in that time are gone as well: look them through."


class Bridging:
    """Leads over an outage: an alert, a word to those who watch, trials, the replay."""

    def __init__(
        self,
        *,
        clock: Clock,
        outage: Outage,
        recorder: Recorder,
        reserve: Reserve,
        show: Callable[[Standing], object],
        renew: Callable[[], Awaitable[None]],
        reload: Callable[[], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._outage = outage
        self._recorder = recorder
        self._reserve = reserve
        self._show = show
        self._renew = renew
        self._reload = reload
        self._unkept: set[str] = set()
        self._untold: SetBack | None = None

    async def run(self) -> None:
        """Watch over the database and the reserve, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(), name="outages")
            group.create_task(self._look_often(), name="a word from the database")
            group.create_task(self._learn_anew(), name="what the database holds")
            group.create_task(self._keep_reserve(), name="reserve")

    async def _watch(self) -> None:
        # An earlier agent may have died with the alert open.
        await self._resolve(ALERT)
        while True:
            await self._tell_set_back()
            await self._outage.wait_for_trouble()
            await self._lead_over()

    async def _tell_set_back(self) -> None:
        found = self._untold = self._outage.take_set_back() or self._untold
        if found is None:
            return
        since = iso(found.since_ms) if found.since_ms else "its beginning"
        is_told = await self._raise(
            Trouble(
                dedupe_key=SET_BACK_ALERT,
                kind=SET_BACK_ALERT,
                severity="critical",
                title="The database was set back to an older copy"
                if found.cause == OLDER_COPY
                else "The local journal was damaged",
                message=f"What it knew from {since} to {iso(found.until_ms)} is gone: "
                f"{found.moments} due moments are recorded as missed, as whether they ran is not "
                f"known, and {found.unknown} runs as lost. None of them runs again."
                + (_LOOK_THROUGH if found.cause == OLDER_COPY else ""),
            )
        )
        if is_told:
            self._untold = None

    async def _look_often(self) -> None:
        """Let trouble be noticed also where nothing is written."""
        while True:
            if self._outage.owes_look:
                await self._clock.sleep_ms(round(TRY_EVERY_S * 1000))
            else:
                await self._clock.rest_ms(round(LOOK_EVERY_S * 1000))
            await self._outage.look()

    async def _learn_anew(self) -> None:
        """Read again what somebody changed when it is not known whether that has happened."""
        while True:
            await self._outage.wait_until_unsure()
            # Writes are done in their order: what was late has happened by then, or never will.
            while not self._outage.is_over:
                await self._clock.sleep_ms(round(TRY_EVERY_S * 1000))
            self._outage.be_sure()
            try:
                await self._reload()
            except AgentError as error:
                log.error("what was changed is not learnt yet", cause=str(error))
                self._outage.be_unsure()
                await self._clock.sleep_ms(round(TRY_EVERY_S * 1000))

    async def _lead_over(self) -> None:
        """From the first trouble until everything is told."""
        told: tuple[Standing, int] | None = None
        trouble: Trouble | None = None
        is_kept = False
        while not self._outage.is_over:
            self._outage.pass_time()
            standing = self._outage.standing
            if standing.is_told and trouble is None:
                log.error("the database is away; runs are kept", cause=standing.cause)
                trouble = self._trouble(standing)
            if trouble is not None and not is_kept:
                is_kept = await self._raise(trouble)
            shown = (standing, self._outage.untold.number)
            if standing.is_told and shown != told:
                self._show(standing)
                told = shown
            for consequence in await self._outage.try_again():
                self._recorder.show_consequence(consequence)
            if not self._outage.is_over:
                await self._clock.sleep_ms(self._outage.rest_ms(round(TRY_EVERY_S * 1000)))
        if told is None:
            return
        if trouble is not None and not is_kept:
            await self._raise(trouble)  # so that its end is told to whom heard of it
        await self._resolve(ALERT)
        self._show(self._outage.standing)
        try:
            await self._renew()
        except AgentError as error:
            log.error("alerts not renewed", cause=str(error))

    def _trouble(self, standing: Standing) -> Trouble:
        since = iso(standing.since_ms or self._clock.now_ms())
        return Trouble(
            dedupe_key=ALERT,
            kind=ALERT,
            severity="critical",
            title="Database unreachable",
            message=f"Since {since} the database takes nothing: {standing.cause}. Runs go on "
            "and are kept in the local journal until it is back; changes are refused.",
        )

    async def _keep_reserve(self) -> None:
        """Give people to know when the reserve had to be given up, and make it anew in time."""
        trouble = Trouble(
            dedupe_key=RESERVE_ALERT,
            kind=RESERVE_ALERT,
            severity="critical",
            title="The disk is full",
            message=f"The reserve {self._reserve.path} was given up so that what runs "
            "do can be recorded for a while; free some space.",
        )
        is_told = is_in_row = False
        await asyncio.to_thread(self._reserve.renew)
        while True:
            await self._clock.rest_ms(LOOK_MS)
            is_kept = await asyncio.to_thread(self._reserve.renew)
            if is_told and not is_in_row:
                is_in_row = await self._raise(trouble)
            if not is_kept and not is_told:
                is_in_row, is_told = await self._raise(trouble), True
            elif is_kept and is_told:
                is_told = not await self._resolve(RESERVE_ALERT)

    async def _raise(self, trouble: Trouble) -> bool:
        """It stands in a row; where nothing takes one people hear of it all the same."""
        try:
            await self._recorder.alert(trouble)
        except AgentError as error:
            if trouble.dedupe_key not in self._unkept:  # tried again and again, said once
                log.critical(trouble.message, cause=str(error))
            self._unkept.add(trouble.dedupe_key)
            return False
        self._unkept.discard(trouble.dedupe_key)
        return True

    async def _resolve(self, dedupe_key: str) -> bool:
        try:
            await self._recorder.resolve(dedupe_key)
        except AgentError as error:
            log.error("an alert is not ended", alert=dedupe_key, cause=str(error))
            return False
        return True
