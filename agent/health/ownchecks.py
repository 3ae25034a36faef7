"""When is the turn of each own check, and where does go what it found?"""

import asyncio
from collections.abc import Callable
from typing import Final

from agent.clock import Clock
from agent.errors import AgentError
from agent.health.checking import Checking
from agent.log import log_of
from agent.ownchecks import OwnCheck
from agent.recorder import Recorder
from agent.store import ownchecks
from agent.store.checks import Check
from agent.store.database import Database
from agent.store.standby import Known

log = log_of(__name__)

AT_ONCE: Final = 4
LONGEST_S: Final = 3_600.0


class OwnChecks:
    """Does each check at its time, a few at once; one that is slow holds nobody else up."""

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        recorder: Recorder,
        checking: Checking,
        show: Callable[[tuple[Check, ...]], None],
        gone: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._database = database
        self._recorder = recorder
        self._checking = checking
        self._show = show
        self._gone = gone
        self._known: dict[str, OwnCheck] = {}
        self._next_ms: dict[str, int] = {}
        self._busy: set[str] = set()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._wake = asyncio.Event()

    @property
    def known(self) -> tuple[OwnCheck, ...]:
        """Those that are done, by name."""
        return tuple(self._known.values())

    async def load(self, known: Known | None = None) -> None:
        """Take over what the database has, or what is `known` of it while it is away.

        What is new or changed has its turn at once.
        """
        read = self._database.read
        checks = await read(ownchecks.load_all) if known is None else known.own_checks
        found = {own.name: own for own in checks}
        for name in self._known.keys() - found.keys():
            self._gone(self._known[name].check_name)
        now_ms = self._clock.monotonic_ms()
        self._next_ms = {
            name: self._next_ms.get(name, now_ms) if self._known.get(name) == own else now_ms
            for name, own in found.items()
        }
        self._known = found
        self._wake.set()

    async def run(self) -> None:
        """Do what is due, for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                now_ms = self._clock.monotonic_ms()
                for name, own in self._known.items():
                    if name not in self._busy and self._next_ms[name] <= now_ms:
                        self._next_ms[name] = now_ms + own.every_s * 1000
                        self._busy.add(name)
                        group.create_task(self._do(own), name=f"check {name}")
                try:
                    async with asyncio.timeout(self._wait_s(now_ms)):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    def _wait_s(self, now_ms: int) -> float:
        waiting = [at_ms for name, at_ms in self._next_ms.items() if name not in self._busy]
        soonest_ms = min(waiting, default=None)
        return LONGEST_S if soonest_ms is None else max(0.0, (soonest_ms - now_ms) / 1000)

    async def _do(self, own: OwnCheck) -> None:
        try:
            async with self._room:
                found = await self._checking.look(own)
            if self._known.get(own.name) != own:
                return  # it was changed or removed meanwhile
            check = found.as_check(own, at_ms=self._clock.now_ms())
            await self._recorder.measured(found.readings(own), [check])
            self._show((check,))
        except AgentError as error:
            log.error("what a check found is not kept", check=own.name, cause=str(error))
        finally:
            self._busy.discard(own.name)
            self._wake.set()
