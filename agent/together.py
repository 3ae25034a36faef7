"""How does blocking work for many items get by with few threads?"""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

MOST_AT_ONCE: Final = 64

Item = TypeVar("Item")
Result = TypeVar("Result")


class Together(Generic[Item, Result]):
    """Does something that may block, item by item in one thread at a time.

    Items that come while the thread is at work are its next load: a burst costs a few changes
    between threads instead of two an item.
    """

    def __init__(self, do: Callable[[Item], Result]) -> None:
        self._do = do
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._work: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """What came of this item; raises what its doing raised."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, done))
        if self._work is None:
            self._work = loop.create_task(self._work_off(), name="work off what waits")
        return await done

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                load, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                results = await asyncio.to_thread(self._do_all, [item for item, _ in load])
                for (_, done), result in zip(load, results, strict=True):
                    if done.done():
                        continue  # whoever waited has gone
                    if isinstance(result, Exception):
                        done.set_exception(result)
                    else:
                        done.set_result(result)
        finally:
            self._work = None

    def _do_all(self, items: list[Item]) -> list[Result | Exception]:
        results: list[Result | Exception] = []
        for item in items:
            try:
                results.append(self._do(item))
            except Exception as error:  # noqa: BLE001 - told to the one who asked
                results.append(error)
        return results
