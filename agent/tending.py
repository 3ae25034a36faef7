"""What becomes of a part of the agent that fails because the host gives it something no more?"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from agent.clock import Clock
from agent.errors import AgentError
from agent.log import log_of
from agent.recorder import Recorder
from agent.troubles import Trouble

log = log_of(__name__)

KIND: Final = "part_failing"
FIRST_PAUSE_MS: Final = 1_000
LONGEST_PAUSE_MS: Final = 30_000
GOOD_AFTER_MS: Final = 60_000
OFTEN_MS: Final = 600_000
TOLD_AFTER: Final = 3
"""So often in a row, or within OFTEN_MS, it fails before people are told."""


class Tending:
    """Begins each part anew that fails for want of descriptors, threads, files: never all of them.

    A fault of our own still ends the agent: what it left half done nobody knows.
    """

    def __init__(self, *, clock: Clock, recorder: Recorder) -> None:
        self._clock = clock
        self._recorder = recorder

    def begin(
        self, group: asyncio.TaskGroup, name: str, work: Callable[[], Awaitable[None]]
    ) -> asyncio.Task[None]:
        """Have this part kept at work by the group."""
        return group.create_task(self.keep(name, work), name=name)

    async def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Have this part work until it returns."""
        in_row = 0
        failed_ms: deque[int] = deque(maxlen=TOLD_AFTER)
        settled_after_ms = GOOD_AFTER_MS
        may_be_told = True  # by an earlier agent, which died over it
        while True:
            began_ms = self._clock.monotonic_ms()
            try:
                async with asyncio.TaskGroup() as group:
                    settling = may_be_told and group.create_task(
                        self._settle(name, settled_after_ms), name="settle"
                    )
                    await work()
                    if settling:
                        settling.cancel()
            except (OSError, RuntimeError, ExceptionGroup) as error:
                _end_where_told(error)
                cause = want_of(error)
                if cause is None:
                    raise
            else:
                if may_be_told:
                    await self._end(name)
                return
            now_ms = self._clock.monotonic_ms()
            if now_ms - began_ms >= settled_after_ms:
                may_be_told = False
            if now_ms - began_ms >= GOOD_AFTER_MS:
                in_row = 0
            in_row += 1
            failed_ms.append(now_ms)
            is_in_row = in_row >= TOLD_AFTER
            is_often = len(failed_ms) == TOLD_AFTER and now_ms - failed_ms[0] < OFTEN_MS
            # What works for a while between its failures is not well after that while.
            settled_after_ms = OFTEN_MS if is_often and not is_in_row else GOOD_AFTER_MS
            log.error("a part of the agent failed; it begins anew", part=name, cause=cause)
            if is_in_row or is_often:
                how = "in a row" if is_in_row else f"within {OFTEN_MS // 60_000} minutes"
                may_be_told = await self._raise(name, cause, how) or may_be_told
            await self._clock.sleep_ms(
                min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** min(in_row - 1, 8))
            )

    async def _settle(self, name: str, after_ms: int) -> None:
        """End the alert once the part has worked for a while."""
        await self._clock.sleep_ms(after_ms)
        await self._end(name)

    async def _end(self, name: str) -> None:
        try:
            await self._recorder.resolve(f"{KIND}:{name}")
        except AgentError as error:
            log.error("an alert is not ended", part=name, cause=str(error))

    async def _raise(self, name: str, cause: str, how: str) -> bool:
        try:
            await self._recorder.alert(
                Trouble(
                    dedupe_key=f"{KIND}:{name}",
                    kind=KIND,
                    severity="critical",
                    title=f"The agent's {name} cannot work",
                    message=f"It failed {TOLD_AFTER} times {how} and begins anew each time: "
                    f"{cause}. All else goes on; see the agent's log.",
                )
            )
        except AgentError as error:
            log.critical("an alert is not recorded", part=name, cause=str(error))
            return False
        return True


def _end_where_told(error: BaseException) -> None:
    """Whatever a part says that is told to end, it is no reason to begin it anew."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


def want_of(error: BaseException) -> str | None:
    """What the host did not give, in words; None for a fault of our own."""
    if isinstance(error, BaseExceptionGroup):
        causes = [want_of(one) for one in error.exceptions]
        return None if None in causes else "; ".join(dict.fromkeys(filter(None, causes)))
    # Its subclasses (recursion, what is not implemented) are faults of ours.
    if isinstance(error, OSError) or type(error) is RuntimeError:
        return str(error) or type(error).__name__
    return None
