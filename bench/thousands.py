"""What do ten thousand tasks cost: at the start, while nothing is due, when one changes."""

import asyncio
import gc
import tempfile
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import msgspec

from agent.beginning import begin
from agent.core import Core, open_core
from agent.definitions import Definition
from agent.due import next_due
from agent.roster import Roster
from agent.settings import Home, Settings
from agent.store import state, tasks
from agent.store.database import Database, database_url
from agent.wire.keyfiles import AGENT_KEY, make_pair
from bench.measure import TIMES, Figure, in_new_process, median_of_new_processes
from bench.texts import ZONES, realistic_texts

MANY = 10_000
FEW = 29
TEXTS = 500
BEATS = 50
BATCHES = 10
IDLE_ROUNDS = 3
CHANGES = 200


def start() -> list[Figure]:
    """From nothing until the first of ten thousand tasks can fire."""
    with made_home(MANY) as home:
        load, history, plan = median_of_new_processes(_start, home)
        (whole,) = median_of_new_processes(_start_all, home)
    return [
        Figure(f"{MANY} tasks read", load, "ms"),
        Figure("… what changed since the last decision", history, "ms"),
        Figure(f"… next moments found, {TEXTS} texts", plan, "ms"),
        Figure("the agent's whole start, until the first can fire", whole, "s", 1),
    ]


def idle() -> list[Figure]:
    """A beat at which nothing is due, with many tasks and with few."""
    with made_home(MANY, is_quiet=True) as many, made_home(FEW, is_quiet=True) as few:
        rounds = [
            (in_new_process(beat_ms, many), in_new_process(beat_ms, few))
            for _ in range(IDLE_ROUNDS)
        ]
        (summary,) = median_of_new_processes(_summary, many)
    with_many, with_few = (median(values) for values in zip(*rounds, strict=True))
    return [
        Figure(f"processor time of an idle minute's beat, {FEW} tasks", with_few, "ms"),
        Figure(f"… {MANY} tasks", with_many, "ms"),
        Figure("… many / few", with_many / with_few, TIMES, 1.2),
        Figure(f"the summary in a heartbeat to the desktops, {MANY} tasks", summary, "ms"),
    ]


def change() -> list[Figure]:
    """One of ten thousand tasks is added, changed or removed while the agent serves."""
    with made_home(MANY, is_quiet=True) as home:
        added, changed, removed, recorded = median_of_new_processes(_change, home)
    return [
        Figure(f"one of {MANY} tasks added, without a reload", added, "ms", 1),
        Figure("… changed", changed, "ms", 1),
        Figure("… removed", removed, "ms", 1),
        Figure("… changed, its record in the database included", recorded, "ms"),
    ]


def memory() -> list[Figure]:
    """What the agent keeps for a task beside its definition."""
    with made_home(MANY) as home:
        definition, deciding = median_of_new_processes(_weigh, home)
        (everything,) = median_of_new_processes(_weigh_all, home)
    return [
        Figure("memory of a definition", definition, "kB"),
        Figure("… beside it, to decide when it is due", deciding, "kB", 2),
        Figure("… beside it, with its row as it is shown", everything - definition, "kB"),
    ]


PARTS: tuple[Callable[[], list[Figure]], ...] = (start, idle, change, memory)


@contextmanager
def made_home(count: int, *, is_quiet: bool = False) -> Iterator[Path]:
    """A home whose database holds so many tasks, each changed once and decided up to now."""
    now_ms = time.time_ns() // 1_000_000
    texts = _far_texts(now_ms) if is_quiet else realistic_texts(TEXTS)
    definitions = [_definition(number, texts) for number in range(count)]
    edited = [_edited(definition, timeout_seconds=600) for definition in definitions]
    with tempfile.TemporaryDirectory(prefix="smart-cron-bench-") as folder:
        home = Home(Path(folder))
        home.keys.mkdir(mode=0o700)
        home.make()
        make_pair(home.keys / AGENT_KEY)
        database = Database.open(database_url(Settings(), home))
        try:
            for how, shown, at_ms in (
                (tasks.register, definitions, now_ms - 2_000),
                (tasks.apply, edited, now_ms - 1_000),
            ):
                database.write_now(
                    partial(how, definitions=shown, who="bench", why="", now_ms=at_ms)
                )
            database.write_now(partial(state.set_decided_until, at_ms=now_ms, now_ms=now_ms))
        finally:
            database.close()
        yield home.root


def _definition(number: int, texts: Sequence[str]) -> Definition:
    return Definition(
        task_name=f"task-{number:05}",
        schedule=(texts[number % len(texts)],),
        timezone=ZONES[number % len(ZONES)],
        command=f"php artisan queue:work --queue=q{number}",
        category=f"Category {number % 8}",
        description=f"Works off queue {number}",
        tags=("queue", f"team-{number % 20}"),
    )


def _edited(definition: Definition, *, timeout_seconds: int) -> Definition:
    return msgspec.structs.replace(definition, timeout_seconds=timeout_seconds)


def _far_texts(now_ms: int) -> list[str]:
    """As many texts again, none of which comes within months."""
    month = (time.gmtime(now_ms / 1000).tm_mon + 5) % 12 + 1
    return [f"{number % 60} {number // 60} {number % 28 + 1} {month} *" for number in range(TEXTS)]


@asynccontextmanager
async def _agent(root: Path) -> AsyncIterator[Core]:
    """The agent as `serve` makes it, ready to fire, but for its doors to the network."""
    async with open_core(Home(root), Settings()) as core, asyncio.TaskGroup() as group:
        await begin(core, group)
        yield core
        core.runner.close()
        await core.keepers.close()


def _start(root: Path) -> tuple[float, float, float]:
    """Milliseconds to read the tasks, to read what changed, to plan."""
    home = Home(root)
    now_ms = time.time_ns() // 1_000_000
    with _opened(home) as database:
        began_s = time.perf_counter()
        rows = database.read_now(tasks.load_all)
        read_s = time.perf_counter()
        after_ms = database.read_now(state.decided_until)
        changes = partial(tasks.history, until_ms=now_ms, changed_after_ms=after_ms)
        database.read_now(changes)
        changes_s = time.perf_counter()
        planned = sorted((next_due(row.definition, now_ms) or 0, row.task_name) for row in rows)
        planned_s = time.perf_counter()
    if len(planned) != MANY:
        raise AssertionError(f"{len(planned)} tasks planned")
    return (
        (read_s - began_s) * 1000,
        (changes_s - read_s) * 1000,
        (planned_s - changes_s) * 1000,
    )


def _start_all(root: Path) -> tuple[float]:
    """Seconds until the whole agent is ready to fire."""

    async def ready() -> float:
        began_s = time.perf_counter()
        async with _agent(root):
            return time.perf_counter() - began_s

    return (asyncio.run(ready()),)


def beat_ms(root: Path) -> float:
    """Milliseconds of processor time for a beat, of all threads together."""

    async def beats(core: Core) -> float:
        began_s = time.process_time()
        for _ in range(BEATS):
            core.scheduler._beat_ms = 0
            await core.scheduler.decide()
        return (time.process_time() - began_s) / BEATS * 1000

    async def quietest() -> float:
        async with _agent(root) as core:
            await core.scheduler.decide()
            gc.collect()  # what the start leaves behind is none of a beat's costs
            # What else runs on the machine can only add to a beat.
            return min([await beats(core) for _ in range(BATCHES)])

    return asyncio.run(quietest())


def _summary(root: Path) -> tuple[float]:
    """Milliseconds of processor time to count all tasks for a heartbeat."""

    async def counted() -> float:
        async with _agent(root) as core:
            began_s = time.process_time()
            for _ in range(BEATS):
                core.board.summary()
            return (time.process_time() - began_s) / BEATS * 1000

    return (asyncio.run(counted()),)


def _change(root: Path) -> tuple[float, float, float, float]:
    """Milliseconds to add, to change, to remove a task, and to change one for good."""

    async def changes() -> tuple[float, float, float, float]:
        async with _agent(root) as core:
            await core.scheduler.decide()
            spent: list[tuple[float, float, float, float]] = []
            for number, row in enumerate(list(core.roster.all())[:CHANGES]):
                name = f"new-{number}"
                added = msgspec.structs.replace(
                    row, definition=msgspec.structs.replace(row.definition, task_name=name)
                )
                edited = _edited(row.definition, timeout_seconds=900)
                changed = msgspec.structs.replace(row, definition=edited, def_rev=row.def_rev + 1)
                spent.append(
                    (
                        await _took_ms(core.scheduler.take([added])),
                        await _took_ms(core.scheduler.take([changed])),
                        await _took_ms(core.scheduler.take((), [name])),
                        await _took_ms(_record(core, edited)),
                    )
                )
            added_ms, changed_ms, removed_ms, recorded_ms = map(median, zip(*spent, strict=True))
            return (added_ms, changed_ms, removed_ms, recorded_ms)

    return asyncio.run(changes())


async def _record(core: Core, definition: Definition) -> None:
    await core.recorder.apply([definition], who="bench", why="")
    await core.scheduler.take(
        await core.database.read(partial(tasks.load, names=[definition.task_name]))
    )


async def _took_ms(work: Awaitable[object]) -> float:
    began_s = time.perf_counter()
    await work
    return (time.perf_counter() - began_s) * 1000


def _weigh(root: Path) -> tuple[float, float]:
    """Kilobytes a task: of its definition, of what deciding keeps beside it."""

    async def weigh() -> tuple[float, float]:
        now_ms = time.time_ns() // 1_000_000
        with _opened(Home(root)) as database:
            tracemalloc.start()
            definitions = [row.definition for row in database.read_now(tasks.load_all)]
            definition = _kept_kb()
            definitions.clear()
            nothing = _kept_kb()
            roster = Roster(database)
            await roster.load()
            planned = {row.task_name: next_due(row.definition, now_ms) for row in roster.all()}
            deciding = _kept_kb() - nothing
            planned.clear()
        return (definition, deciding - definition)

    return asyncio.run(weigh())


def _weigh_all(root: Path) -> tuple[float]:
    """Kilobytes a task of all that the agent keeps."""

    async def weigh() -> float:
        tracemalloc.start()
        async with _agent(root):
            return _kept_kb()

    return (asyncio.run(weigh()),)


def _kept_kb() -> float:
    gc.collect()
    return tracemalloc.get_traced_memory()[0] / MANY / 1000


@contextmanager
def _opened(home: Home) -> Iterator[Database]:
    database = Database.open(database_url(Settings(), home))
    try:
        yield database
    finally:
        database.close()
