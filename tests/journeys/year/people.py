"""Who holds tasks back, lets them go, changes them, and what that makes true."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec

from agent.definitions import Definition
from agent.store import tasks
from tests.agent.store.makings import MINUTE_MS
from tests.agent.workshop import Workshop
from tests.journeys.year.dice import dice
from tests.journeys.year.facts import Span, TaskFacts
from tests.journeys.year.host import Host

ACTS = ("pause", "pause", "resume", "disable", "enable", "enable", "skip", "edit", "run", "abort")


class People:
    """One act after another; each becomes a fact once the agent has taken it over."""

    def __init__(
        self,
        seed: int,
        facts: Mapping[str, TaskFacts],
        host: Host,
        decided: Mapping[str, int],
    ) -> None:
        """`decided` is by task the newest moment that has a row."""
        self._dice = dice(seed, "people")
        self._facts = facts
        self._host = host
        self._decided = decided
        # The task of each minute and those in a chain stay, so that most moments do.
        before = {name for task in facts.values() for name in task.definition.after}
        self._changed = sorted(
            name
            for name, task in facts.items()
            if not task.definition.after
            and name not in before
            and task.definition.schedule != ("* * * * *",)
        )
        self._all = sorted(facts)
        self._pending: tuple[str, int, Callable[[], None]] | None = None

    async def act(self, shop: Workshop) -> None:
        """Do something to one task."""
        what = self._dice.choice(ACTS)
        names = self._changed if what in ("disable", "edit") else self._all
        name = self._dice.choice(names)
        minutes, minute = self._dice.randrange(5, 90), self._dice.randrange(60)
        now_ms = shop.clock.now_ms()
        if what == "run":
            await self._run(shop, name)
        elif what == "abort":
            await self._abort(shop)
        elif what == "edit":
            await self._edit(shop, name, f"{minute} */2 * * *", now_ms)
        else:
            until_ms = now_ms + minutes * MINUTE_MS
            flags: dict[str, dict[str, Any]] = {
                "pause": {"paused": True, "until_ms": until_ms},
                "resume": {"paused": False},
                "disable": {"enabled": False},
                "enable": {"enabled": True},
                "skip": {"skip_until_ms": until_ms},
            }
            self._pending = (name, now_ms, partial(self._flag, name, what, now_ms, until_ms))
            changed = await shop.recorder.set_flags(
                [name], who="Anna", reason="stock-take", **flags[what]
            )
            await shop.scheduler.take(changed)

    def done(self) -> None:
        """The agent has taken over what was done last."""
        if self._pending is not None:
            _, _, become_true = self._pending
            become_true()
            self._pending = None

    def recall(self, shop: Workshop) -> None:
        """An agent died over what was done last: did it write it down before?"""
        if self._pending is not None:
            name, at_ms, _ = self._pending
            (row,) = shop.database.read_now(partial(tasks.load, names=[name]))
            if row.updated_ms == at_ms:
                self.done()
            self._pending = None

    async def _run(self, shop: Workshop, name: str) -> None:
        if not shop.runner.busy(name).alive:
            await shop.orders.start_now(name, who="Anna", reason="x", if_running="queue")

    async def _abort(self, shop: Workshop) -> None:
        if self._host.living:
            run_id = self._dice.choice(sorted(self._host.living))
            await shop.runner.abort(run_id, who="Anna")

    async def _edit(self, shop: Workshop, name: str, schedule: str, now_ms: int) -> None:
        task = self._facts[name]
        edited = msgspec.structs.replace(
            task.definition, schedule=(schedule,), enabled=task.enabled
        )
        if edited == msgspec.structs.replace(task.definition, enabled=task.enabled):
            return
        self._pending = (name, now_ms, partial(self._retime, task, edited, now_ms))
        await shop.recorder.apply([edited], who="Anna", why="")
        await shop.scheduler.reload()

    def _flag(self, name: str, what: str, now_ms: int, until_ms: int) -> None:
        task = self._facts[name]
        # Where the clock was set back, moments to come may be decided already.
        from_ms = max(now_ms, self._decided.get(name, 0))
        match what:
            case "pause":
                # The moment at which a pause ends is not in it.
                task.hold("paused", Span(from_ms, until_ms - 1))
            case "resume":
                task.release("paused", from_ms)
            case "skip":
                task.hold("skip_next", Span(from_ms, until_ms))
            case _:
                task.enabled = what == "enable"

    def _retime(self, task: TaskFacts, edited: Definition, now_ms: int) -> None:
        task.def_rev += 1
        task.versions[task.def_rev] = edited
        task.changes_ms.append(now_ms)
        task.release("skip_next", now_ms)  # it was about moments of another timing
