"""Is the file of the database sound while the agent lives, and what is done when it is not?"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.clock import Clock
from agent.errors import AgentError, Damaged, Unreachable
from agent.log import log_of
from agent.mending import DAMAGED_ALERT, FOUND
from agent.recorder import Recorder
from agent.store import salvage
from agent.store.causes import DAMAGED
from agent.store.reaching import Reached
from agent.troubles import Trouble

log = log_of(__name__)

ALERT: Final = DAMAGED_ALERT
FIRST_MS: Final = 45_000
EVERY_MS: Final = 300_000
REST: Final = 200
"""A look that took long is followed by a rest so many times as long."""
PAUSE_MS: Final = 200
TROUBLED_MS: Final = 1_000


class Soundness:
    """Reads the file through, table by table, now and then; holds up no write.

    What is found is told, and mended as the next agent begins. A file that takes no writes for it
    ends this agent's turn: it leaves, and begins anew on what could be saved.
    """

    def __init__(
        self, reached: Reached, *, clock: Clock, recorder: Recorder, leave: Callable[[], object]
    ) -> None:
        self._outage = reached.outage
        self._url = reached.url
        self._local = reached.local
        self._clock = clock
        self._recorder = recorder
        self._file = salvage.own_file(reached.url)
        self._leave = leave
        self._is_told = False
        self._may_be_told = True  # by an earlier agent
        self._unusable: Damaged | None = None

    async def run(self) -> None:
        """Look after the file until it is of no use; a server sees to its files itself."""
        if self._file is None:
            return
        wait_ms = FIRST_MS
        while True:
            is_troubled = await self._wait(wait_ms)
            began_s = time.monotonic()
            found = await self.look(self._file, is_troubled=is_troubled)
            if found and is_troubled:
                self._unusable = Damaged(f"the database file {self._file} is damaged: {found}")
                self._leave()
                return
            wait_ms = max(EVERY_MS, round((time.monotonic() - began_s) * 1000 * REST))
            if is_troubled:
                await self._clock.sleep_ms(wait_ms)  # whatever that was, it is not over

    def refuse(self, *, is_over: bool) -> None:
        """Raise Damaged where this agent has left for it; where it `is_over`, the next mends it."""
        if self._unusable is not None and not is_over:
            raise self._unusable

    async def look(self, file: Path, *, is_troubled: bool = False) -> str:
        """What is wrong with it, and told by now; empty where it is sound.

        Pages that are well made may hold rows that nobody wrote: to read them all takes long, and
        is done only where a write met damage (`is_troubled`).
        """
        found, is_whole = "", False
        try:
            tables = await asyncio.to_thread(salvage.tables, file)
            is_whole = bool(tables)
            for table in tables:
                said = await asyncio.to_thread(salvage.unsound, file, table)
                is_whole = is_whole and said is not None
                if said:
                    found = said
                    break
            if is_troubled and not found:
                found = next(iter(await asyncio.to_thread(salvage.damage, self._url)), "")
        except Damaged as error:
            found = str(error)
        except Unreachable as error:
            log.warning("the file cannot be looked through", cause=str(error))
            is_whole = False
        if found and not self._is_told:
            self._may_be_told = True
            self._is_told = await self._tell(found)
        elif is_whole and not found and self._may_be_told:
            await self._end()
        return found

    async def _wait(self, wait_ms: int) -> bool:
        """Until it is time, or a write met damage: True then."""
        clock, outage = self._clock, self._outage
        until_ms = clock.monotonic_ms() + wait_ms
        while (left_ms := until_ms - clock.monotonic_ms()) > 0:
            try:
                async with asyncio.timeout(left_ms / 1000):
                    await outage.wait_for_trouble()
            except TimeoutError:
                return False
            await clock.sleep_ms(TROUBLED_MS)
            if DAMAGED in outage.standing.cause:
                return True
        return False

    async def _end(self) -> None:
        """All of it is sound: nothing is to be mended, and nobody is to worry."""
        try:
            await self._local.remember(FOUND, None)
            await self._recorder.resolve(ALERT)
        except AgentError as error:
            log.error("nothing takes the end of the alert", cause=str(error))
        else:
            self._is_told = self._may_be_told = False

    async def _tell(self, found: str) -> bool:
        log.error("the database file is damaged", file=str(self._file), found=found)
        try:
            await self._local.remember(FOUND, found)
            await self._recorder.alert(
                Trouble(
                    dedupe_key=ALERT,
                    kind=ALERT,
                    severity="critical",
                    title="The database file is damaged",
                    message=f"{self._file}: {found}. Runs go on. Start the agent anew: it puts the "
                    "newest backup in its place, takes over what can still be read, and keeps the "
                    "damaged file. See to the disk.",
                )
            )
        except AgentError as error:
            log.error("nothing takes the alert that the file is damaged", cause=str(error))
            return False
        return True
