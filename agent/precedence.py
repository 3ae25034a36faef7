"""What can wait while runs that are due are being started?"""

import asyncio
from typing import Final

LONGEST_S: Final = 1.0
"""What waits has its turn after this time, however many starts are still under way."""


class StartsFirst:
    """Lets starts go before the writing down of what has started and ended.

    In a burst both want the same processors. A run that ends while others still start holds no
    slot any more, its keeper remembers the end, and its row then needs to be told only once.
    """

    def __init__(self) -> None:
        self._under_way = 0
        self._calm = asyncio.Event()
        self._calm.set()
        self._patience: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A start is under way."""
        self._under_way += 1
        if self._under_way == 1:
            self._calm.clear()
            self._patience = asyncio.get_running_loop().call_later(LONGEST_S, self._calm.set)

    def done(self) -> None:
        """It is over, however it went."""
        self._under_way -= 1
        if self._under_way == 0:
            self._calm.set()
            if self._patience is not None:
                self._patience.cancel()

    async def wait(self) -> None:
        """Until no start is under way, or it has taken long enough."""
        await self._calm.wait()
