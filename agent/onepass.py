"""How does one pass go, without a daemon: decide what is due, wait for its runs, leave?"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from agent.beginning import begin
from agent.core import Core, open_core
from agent.errors import DiskFull, Unreachable
from agent.lock import only_agent
from agent.log import log_of
from agent.mending import on_a_sound_file
from agent.outward import courier_of
from agent.returning import Returning
from agent.settings import Home, Settings

if TYPE_CHECKING:
    from agent.courier import Courier

log = log_of(__name__)


async def tick_once(home: Home, settings: Settings) -> None:
    """One pass without a daemon: decide what is due, wait for its runs, leave."""
    home.check()
    home.make()
    with only_agent(home) as say_ready:
        say_ready()
        await on_a_sound_file(partial(_pass, home, settings), home=home, settings=settings)


async def _pass(home: Home, settings: Settings) -> None:
    async with open_core(home, settings) as core, asyncio.TaskGroup() as group:
        sweeping = await begin(core, group)
        courier = courier_of(core)
        returning = Returning(core)
        await returning.run_once()
        await core.scheduler.decide()
        if core.outage.is_over:
            await core.watching.look()
            await core.beat(serves=False)
        await core.runner.wait_idle()
        if sweeping is not None:
            await sweeping
        await core.runner.keep_late()  # there is no later try
        await _tell(core, courier)
        core.runner.close()
        await core.keepers.close()


async def _tell(core: Core, courier: "Courier | None") -> None:
    works: list[Callable[[], Awaitable[object]]] = [core.alerter.work_off]
    if courier is not None:
        works.append(courier.work_off)
    for work in works:
        try:
            await work()
        except (DiskFull, Unreachable) as error:
            log.warning("alerts wait for the database", cause=str(error))
