"""Which runs live, and how does the agent start, stop and learn of them?"""

import asyncio
import os
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from agent.log import log_of
from agent.running import journal, processes
from agent.running.inheritance import Inheritance, Line
from agent.running.link import Link, NoKeeper, connect, spawn_keeper
from agent.running.stories import Told, is_sound, told_by
from agent.running.terms import AlreadyOrdered, Ended, NoRoom, NotStarted, Order, Standing, Started
from agent.ulid import new_ulid

log = log_of("keepers")

ANSWER_WITHIN_S = 10.0
GONE_WITHIN_S = 2.0
RESTART_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
QUICK_DEATH_S = 1.0
KEEPERS_FOR_A_START = 3

T = TypeVar("T")


@dataclass(slots=True)
class _Asked:
    """A start that was asked for, and when somebody looks why there is no answer."""

    order: Order
    answer: asyncio.Future[Started]
    look_s: float


class Keepers:
    """The agent's own keeper, those that earlier agents left, and the runs of dead ones."""

    def __init__(
        self,
        runtime: Path,
        *,
        on_ended: Callable[[Ended], None],
        on_started: Callable[[Started], None] | None = None,
    ) -> None:
        self._runtime = runtime
        self._on_ended = on_ended
        self._on_started = on_started
        self._links: dict[str, Link] = {}
        self._journals: dict[str, journal.Journal] = {}  # of dead keepers: ours to go on writing
        self._keeper_of: dict[str, str] = {}  # every run not forgotten: the name of its keeper
        self._over: set[str] = set()
        self._forgetting: set[str] = set()  # told to a keeper that has not confirmed it yet
        self._own = ""
        self._own_pid = 0
        self._is_closed = False
        self._heard_s = 0.0  # when the own keeper was heard last: a busy one is not a dead one
        self._keeper_pids: set[int] = set()
        self._inheritance = Inheritance(self._happened_to_inherited, self._keeper_pids)
        self._orders: dict[str, _Asked] = {}
        self._patience: asyncio.TimerHandle | None = None  # with the answers that they wait for
        self._undone: Counter[str] = Counter()  # keepers that the start of a run has cost
        self._stops: dict[str, list[asyncio.Future[bool]]] = {}
        self._standing: dict[str, Standing] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_own = asyncio.Event()
        self._trouble = ""  # why no keeper can be started now

    async def open(self) -> list[Standing]:
        """Learn what became of all earlier runs, then start an own keeper; raises NoKeeper."""
        processes.become_subreaper()
        self._runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._standing = {}
        names = await asyncio.to_thread(_keeper_names, self._runtime)
        for name in names:
            await self._meet(name)
        await self._start_own()
        standing, self._standing = list(self._standing.values()), None
        for name, link in self._links.items():
            self._listen(name, link)
        return standing

    async def start(self, order: Order) -> Started:
        """Start a run; raises NotStarted with the reason, AlreadyOrdered for a known run id."""
        run_id = order.run_id
        if run_id in self._keeper_of or run_id in self._orders:
            raise AlreadyOrdered(f"run {run_id} was ordered before")
        loop = asyncio.get_running_loop()
        asked = _Asked(order, loop.create_future(), loop.time() + ANSWER_WITHIN_S)
        self._orders[run_id] = asked
        if self._has_own.is_set():
            self._send_order(order)
        if self._patience is None:
            # One timer for all: a burst has a thousand of them.
            self._patience = loop.call_at(asked.look_s, self._look_after_orders)
        return await asked.answer

    def _look_after_orders(self) -> None:
        """Do something about the orders that have waited long enough for their answer."""
        loop = asyncio.get_running_loop()
        late = [asked for asked in self._orders.values() if asked.look_s <= loop.time()]
        for asked in late:
            asked.look_s = loop.time() + ANSWER_WITHIN_S
            if self._trouble:
                reason = NotStarted(f"no keeper can be started: {self._trouble}")
                self._refuse(asked.order.run_id, reason)
        silent_s = time.monotonic() - self._heard_s
        if late and not self._trouble and self._has_own.is_set() and silent_s >= ANSWER_WITHIN_S:
            self._kill_own()  # its death tells what it did with the orders
        next_s = min((asked.look_s for asked in self._orders.values()), default=None)
        self._patience = None if next_s is None else loop.call_at(next_s, self._look_after_orders)

    async def stop(self, run_id: str, *, grace_ms: int) -> bool:
        """Begin to end a run and its family; False when it is over or unknown."""
        if self._inheritance.watches(run_id):
            return await self._inheritance.stop(run_id, grace_ms=grace_ms)
        link = self._links.get(self._keeper_of.get(run_id, ""))
        if link is None or run_id in self._over:
            return False
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._stops.setdefault(run_id, []).append(answer)
        link.send({"do": "stop", "run": run_id, "grace_ms": grace_ms})
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                if await answer:
                    return True
        except TimeoutError:
            return False
        # Its keeper may have died over the question.
        if self._inheritance.watches(run_id):
            return await self._inheritance.stop(run_id, grace_ms=grace_ms)
        return False

    async def forget(self, run_ids: Iterable[str]) -> None:
        """Let go of ended runs whose rows are committed."""
        by_keeper: dict[str, list[str]] = {}
        for run_id in run_ids:
            if run_id in self._over:
                self._over.discard(run_id)
                by_keeper.setdefault(self._keeper_of.pop(run_id), []).append(run_id)
        for name, forgotten in by_keeper.items():
            if name in self._links:
                self._links[name].send({"do": "forget", "runs": forgotten})
            if name in self._journals:
                for run_id in forgotten:
                    self._note(name, {"e": "forgotten", "run": run_id})
            else:
                self._forgetting.update(forgotten)
            self._bury(name)

    async def close(self) -> None:
        """Hang up; the runs go on, and their keeper with them. Nothing happens the second time."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._own in self._links:
            self._links[self._own].send({"do": "drain"})
        if self._patience is not None:
            self._patience.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._inheritance.close()
        for link in self._links.values():
            await link.close()
        for kept in self._journals.values():
            kept.close()
        if all(self._keeper_of[run] != self._own or run in self._over for run in self._keeper_of):
            await self._wait_for_own_end()

    @property
    def own_pid(self) -> int:
        """The process id of this agent's keeper; 0 when there is none now."""
        return self._own_pid

    async def _meet(self, name: str) -> None:
        """Learn from a keeper of an earlier agent, or from the journal of a dead one."""
        try:
            link = await connect(self._runtime, name)
        except NoKeeper as absence:
            log.info("keeper is gone", keeper=name, reason=str(absence))
            await self._inherit(name, is_ours=False)
            return
        try:
            known = await link.hello()
        except NoKeeper as silence:
            known = await self._known_of_silent(link)
            log.warning("keeper is silent", keeper=name, reason=str(silence))
            if link.is_over():
                await link.close()
                await self._inherit(name, is_ours=False)
                return
        link.send({"do": "drain"})
        self._links[name] = link
        for line in known:
            self._learn(name, line)

    async def _known_of_silent(self, link: Link) -> list[Line]:
        """What the journal of a living keeper tells while the keeper itself does not."""
        told = await asyncio.to_thread(_read_journal, self._runtime / f"{link.name}.journal")
        if told is None:
            return []
        link.pid, link.start = told.pid, told.start
        newest = [s.ended or s.refused or s.started for s in told.stories.values()]
        return [line for line in newest if line is not None]

    async def _start_own(self) -> None:
        now_ms = time.time_ns() // 1_000_000
        name = f"keeper-{new_ulid(now_ms)}"
        pid = spawn_keeper(self._runtime, name)
        self._own, self._own_pid = name, pid
        self._keeper_pids.add(pid)
        try:
            link = await connect(self._runtime, name)
            try:
                await link.hello(begins=True)
            except NoKeeper:
                await link.close()
                raise
        except (NoKeeper, OSError):
            self._kill_own()
            await self._wait_for_own_end()
            raise
        self._links[name] = link
        self._trouble = ""
        self._heard_s = time.monotonic()
        self._has_own.set()

    def _listen(self, name: str, link: Link) -> None:
        task = asyncio.create_task(self._hear(name, link), name=f"hear {name}")
        self._tasks.add(task)
        task.add_done_callback(self._heard_out)

    def _heard_out(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:  # a fault of our own: what that keeper tells is heard no more
            log.critical("a keeper is heard no more", exc_info=error)

    async def _hear(self, name: str, link: Link) -> None:
        """Learn what a keeper tells; after its end, take its runs over."""
        began_s = time.monotonic()
        async for line in link.hear():
            self._heard_s = time.monotonic() if name == self._own else self._heard_s
            self._learn(name, line)
        await link.close()
        is_own = name == self._own
        if is_own:
            self._has_own.clear()
        del self._links[name]
        await self._until_given(name, lambda: self._await_end(link, is_own=is_own))
        await self._inherit(name, is_ours=is_own)
        if not is_own:
            return
        log.warning("keeper died; starting another", keeper=name)
        if time.monotonic() - began_s < QUICK_DEATH_S:
            await asyncio.sleep(RESTART_PAUSE_S)
        await self._restart_own()

    async def _restart_own(self) -> None:
        while True:
            try:
                await self._start_own()
            except (NoKeeper, OSError) as error:
                self._trouble = str(error)
                log.error("keeper cannot be started", reason=self._trouble)
                await asyncio.sleep(RESTART_PAUSE_S)
                continue
            break
        self._listen(self._own, self._links[self._own])
        for asked in list(self._orders.values()):
            if asked.order.run_id not in self._keeper_of:
                self._send_order(asked.order)

    async def _await_end(self, link: Link, *, is_own: bool) -> None:
        """Only a dead process has given its children away."""
        until_s = time.monotonic() + GONE_WITHIN_S
        while not link.is_over():
            if time.monotonic() > until_s and is_own:
                self._kill_own()
            elif time.monotonic() > until_s:
                log.error("keeper hung up but lives", keeper=link.name, pid=link.pid)
                return
            await asyncio.sleep(0.005)
        if is_own:
            await self._wait_for_own_end()

    async def _wait_for_own_end(self) -> None:
        until_s = time.monotonic() + GONE_WITHIN_S
        while self._own_pid and time.monotonic() < until_s:
            if not _is_reaped(self._own_pid):
                await asyncio.sleep(0.005)
                continue
            self._keeper_pids.discard(self._own_pid)
            self._own_pid = 0

    def _kill_own(self) -> None:
        """End a keeper that does not answer; its runs become ours."""
        if self._own_pid and processes.is_child(self._own_pid):
            log.error("keeper does not answer; ending it", pid=self._own_pid)
            os.kill(self._own_pid, 9)
            if self._own in self._links:
                # One that it was about to start may hold its end of the line.
                self._links[self._own].cut()

    async def _inherit(self, name: str, *, is_ours: bool) -> None:
        path = self._runtime / f"{name}.journal"
        told = await self._until_given(name, lambda: asyncio.to_thread(_read_journal, path))
        if told is None:
            self._bury(name)
            return
        self._journals[name] = journal.Journal(str(path))
        for line in await self._until_given(
            name, lambda: self._inheritance.take_over(told, is_ours=is_ours)
        ):
            if line["run"] in self._forgetting:
                self._note(name, {"e": "forgotten", "run": line["run"]})
                self._forgetting.discard(line["run"])
            elif line["e"] != "never":
                self._learn(name, line)
            elif line["run"] not in self._orders:
                self._learn(name, {**line, "e": "refused", "reason": "its keeper died before"})
            elif self._undone[line["run"]] + 1 >= KEEPERS_FOR_A_START:
                reason = f"{KEEPERS_FOR_A_START} keepers in a row hung up or died over its start"
                self._learn(name, {**line, "e": "refused", "reason": reason})
            else:
                self._undo(name, self._orders[line["run"]].order)
        self._answer_stops(name)
        self._bury(name)

    async def _until_given(self, name: str, work: Callable[[], Awaitable[T]]) -> T:
        """What it comes to, however often the host refuses it: runs wait for it.

        While an agent begins, OSError is raised: it begins anew as a whole.
        """
        pause_s = RESTART_PAUSE_S
        while True:
            try:
                return await work()
            except OSError as error:
                if self._standing is not None:
                    raise
                cause = str(error)
            log.error("the end of a keeper cannot be seen to yet", keeper=name, cause=cause)
            if name == self._own:
                self._trouble = cause
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    def _undo(self, name: str, order: Order) -> None:
        """A keeper died before it started this run; it is ordered again from another."""
        self._undone[order.run_id] += 1
        self._note(name, {"e": "forgotten", "run": order.run_id})
        self._remove(Path(order.output_file))  # empty: nobody has written yet

    def _answer_stops(self, name: str) -> None:
        for run_id in [run for run in self._stops if self._keeper_of.get(run) == name]:
            for answer in self._stops.pop(run_id):
                if not answer.done():
                    answer.set_result(False)

    def _happened_to_inherited(self, line: Line) -> None:
        name = self._keeper_of.get(line["run"])
        if name is None:
            return
        self._note(name, line)
        if line["e"] == "ended":
            self._learn(name, line)

    def _note(self, name: str, line: Line) -> None:
        """Go on with the journal of a dead keeper."""
        if name in self._journals:
            try:
                self._journals[name].write(line)
            except OSError as error:
                log.error("journal cannot be written", keeper=name, reason=str(error))

    def _bury(self, name: str) -> None:
        """Remove what a dead keeper left when none of its runs is needed any more."""
        if name in self._links or name in self._keeper_of.values():
            return
        if name in self._journals:
            self._journals.pop(name).close()
        for ending in ("sock", "journal"):
            self._remove(self._runtime / f"{name}.{ending}")

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.error("a file cannot be removed", path=str(path), cause=str(error))

    def _send_order(self, order: Order) -> None:
        if not self._links[self._own].send(order):
            self._refuse(order.run_id, NotStarted("the command and its environment are too long"))

    def _learn(self, name: str, line: Line) -> None:
        match line["e"]:
            case "started":
                self._learn_start(name, line)
            case "ended":
                self._learn_end(name, _ended(line))
            case "refused":
                self._learn_refusal(name, line)
            case "seen":
                self._learn_seen(line)
            case "forgotten":
                self._forgetting.difference_update(line["runs"])
            case "stop":
                answers = self._stops.pop(line["run"], [])
                for answer in answers:
                    if not answer.done():
                        answer.set_result(line["begun"])

    def _learn_start(self, name: str, line: Line) -> None:
        if line["run"] in self._keeper_of:
            return
        started = Started(line["run"], line["pid"], line["started_ms"])
        self._keeper_of[started.run_id] = name
        if self._standing is not None:
            self._standing[started.run_id] = started
            return
        if self._on_started is not None:
            self._on_started(started)
        self._answer_order(started)

    def _answer_order(self, started: Started) -> None:
        self._undone.pop(started.run_id, None)
        asked = self._orders.pop(started.run_id, None)
        if asked is not None and not asked.answer.done():
            asked.answer.set_result(started)

    def _learn_end(self, name: str, ended: Ended) -> None:
        if ended.run_id in self._over:
            return
        if ended.run_id in self._orders and ended.pid is not None:
            self._learn_start(
                name,
                {"run": ended.run_id, "pid": ended.pid, "started_ms": ended.started_ms},
            )
        self._keeper_of[ended.run_id] = name
        self._over.add(ended.run_id)
        if self._standing is not None:
            self._standing[ended.run_id] = ended
        else:
            self._on_ended(ended)

    def _learn_refusal(self, name: str, line: Line) -> None:
        run_id, reason = line["run"], line["reason"]
        if run_id in self._over:
            return
        self._keeper_of[run_id] = name
        is_full = line.get("full", False)  # keepers of earlier versions do not tell
        kind = NoRoom if is_full else AlreadyOrdered if line.get("begun") else NotStarted
        if self._refuse(run_id, kind(reason)):
            self._over.add(run_id)
        else:
            cause = "storage" if is_full else "never_started"
            self._learn_end(name, _never_started(run_id, cause, reason))

    def _learn_seen(self, line: Line) -> None:
        run_id: str = line["run"]
        before: str = line.get("before", run_id)
        said = f"run {run_id} was ordered before"
        if before != run_id:
            said = f"its due moment has run already, as run {before}, of which the database knows "
            said += "nothing: is it an older copy?"
        self._refuse(run_id, AlreadyOrdered(said))

    def _refuse(self, run_id: str, reason: NotStarted) -> bool:
        """Tell who waits for the start; False when nobody does."""
        self._undone.pop(run_id, None)
        asked = self._orders.pop(run_id, None)
        if asked is None or asked.answer.done():
            return False
        asked.answer.set_exception(reason)
        return True


_TOLD_OF_END = frozenset(Ended.__struct_fields__) - {"run_id"}


def _ended(line: Line) -> Ended:
    # A keeper of another version may tell more, or less, than this agent knows of.
    fields: dict[str, Any] = {key: line[key] for key in line if key in _TOLD_OF_END}
    return Ended(run_id=line["run"], **fields)


def _never_started(run_id: str, cause: str, reason: str) -> Ended:
    return Ended(
        run_id=run_id,
        pid=None,
        started_ms=None,
        ended_ms=time.time_ns() // 1_000_000,
        duration_ms=None,
        exit_status=None,
        signal=None,
        cause=cause,
        cpu_ms=None,
        peak_rss=None,
        leftovers=0,
        detail=reason,
    )


def _is_reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def _keeper_names(runtime: Path) -> list[str]:
    """All keepers of whom something is left, the oldest first."""
    return sorted({path.stem for path in runtime.glob("keeper-*") if path.suffix != ".new"})


def _read_journal(path: Path) -> Told | None:
    """What a keeper wrote down, as far as it can be read; raises OSError.

    Of a journal that is damaged a copy is kept: it goes with the last of its runs.
    """
    aside = path.with_name(f"damaged-{path.name}")
    try:
        found = journal.read_all(str(path))
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        path.rename(aside)
        log.error("a folder lies where a keeper's journal was", aside=str(aside))
        return None
    sound = [line for line in found if line is not None and is_sound(line)]
    # The last line may be torn by a crash.
    if any(line is None or not is_sound(line) for line in found[:-1]):
        shutil.copyfile(path, aside)
        aside.chmod(0o600)
        log.error(
            "a keeper's journal is damaged; what cannot be read of it is passed over",
            lines=len(found) - len(sound),
            aside=str(aside),
        )
    return told_by(sound)
