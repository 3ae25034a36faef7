"""Blocking work for many items with few threads."""

import asyncio
import threading

import pytest

from agent.together import Together


async def test_what_comes_while_the_thread_is_at_work_is_its_next_load_and_fails_alone() -> None:
    gate = threading.Event()
    threads: list[int] = []

    def double(number: int) -> int:
        gate.wait(60)
        threads.append(threading.get_ident())
        if number == 3:
            raise ValueError("no three")
        return number * 2

    together = Together[int, int](double)
    first = asyncio.ensure_future(together(1))
    await asyncio.sleep(0)
    others = [asyncio.ensure_future(together(number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    gate.set()

    assert await first == 2
    assert await others[0] == 4
    with pytest.raises(ValueError, match="no three"):
        await others[1]
    assert await others[2] == 8
    assert len(threads) == 4
    assert threading.get_ident() not in threads
    assert await together(5) == 10, "it works on after a pause"


async def test_one_who_no_longer_waits_does_not_disturb_the_others() -> None:
    gate = threading.Event()
    together = Together[int, int](lambda number: number if gate.wait(60) else 0)
    gone = asyncio.ensure_future(together(1))
    stays = asyncio.ensure_future(together(2))
    await asyncio.sleep(0)
    gone.cancel()
    gate.set()

    assert await stays == 2
    assert gone.cancelled()
