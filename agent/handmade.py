"""When is it noticed that somebody wrote into the table of tasks, and who is told?"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from agent.clock import Clock
from agent.errors import StorageError
from agent.log import log_of
from agent.recorder import Recorder
from agent.rules.alerting import Trouble
from agent.store import byhand
from agent.store.byhand import Found, Refusal
from agent.store.database import Database

LOOK_MS: Final = 15_000
"""As often as the agent gives a sign of life: both are one write then."""
DEFINITION_REFUSED: Final = "definition_refused"

log = log_of(__name__)


class Handmade:
    """Looks every 15 s whether others wrote; reads the tasks only then."""

    def __init__(
        self,
        *,
        clock: Clock,
        database: Database,
        recorder: Recorder,
        reload: Callable[[], Awaitable[object]],
    ) -> None:
        self._clock = clock
        self._database = database
        self._recorder = recorder
        self._reload = reload
        self._mark: object = None
        self._refused: dict[str, int] = {}  # the version that went on, by task

    def reload_by(self, reload: Callable[[], Awaitable[object]]) -> None:
        """From now on, whoever has to know of a change is told this way."""
        self._reload = reload

    async def run(self) -> None:
        """Look, for ever; while the database refuses, what was written there waits."""
        while True:
            try:
                await self.look()
            except StorageError as error:
                log.warning("tasks are not compared with their versions", cause=str(error))
            await self._clock.rest_ms(LOOK_MS)

    async def look(self) -> Found:
        """Take up what was changed by hand since the last look, and tell of what cannot stand."""
        mark = await self._database.write(byhand.mark)
        if mark == self._mark:
            return Found()
        now_ms = self._clock.now_ms()
        found = await self._database.write(partial(byhand.take_up, now_ms=now_ms))
        if found.changed or found.gone or found.refused:
            log.info(
                "tasks were changed in the database",
                changed=[task.task_name for task in found.changed][:20],
                gone=found.gone[:20],
                refused=[refusal.task_name for refusal in found.refused][:20],
            )
            await self._reload()
        await self.tell(found)
        # Our own writes to these rows count too where the server counts; that costs one more look.
        self._mark = mark
        return found

    async def tell(self, found: Found) -> None:
        """Let people know what cannot stand, and what can again."""
        for refusal in found.refused:
            await self._recorder.alert(_trouble(refusal))
            self._refused[refusal.task_name] = refusal.def_rev
        for task in found.changed:
            if self._refused.pop(task.task_name, None) is not None:
                await self._recorder.resolve(_key(task.task_name))


def _trouble(refusal: Refusal) -> Trouble:
    stays = (
        f"version {refusal.def_rev}, the last good definition, stays in force"
        if refusal.def_rev
        else "it does not run until its row is corrected"
    )
    return Trouble(
        dedupe_key=_key(refusal.task_name),
        kind=DEFINITION_REFUSED,
        severity="high",
        title=f"A change of {refusal.task_name} in the database is refused",
        message=f"{refusal.cause}; {stays}",
        task_name=refusal.task_name,
    )


def _key(task_name: str) -> str:
    return f"{DEFINITION_REFUSED}:{task_name}"
