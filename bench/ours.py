"""The agent as it serves, with history and events on, and a listener to its events."""

import atexit
import compileall
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count as count_from
from pathlib import Path
from typing import Final, TypeVar

import zmq
from sqlalchemy import Select, func, select

import agent
import schema
import shared
from agent.definitions import Definition
from agent.lock import serving_pid
from agent.settings import Home, Settings
from agent.store import tasks
from agent.store.database import Database, database_url
from agent.wire.keyfiles import AGENT_KEY, LOCAL_KEY, load_pair
from bench import notes
from bench.costs import cost, family
from bench.notes import Burst
from schema.tables import executions

LEAD_S: Final = 6
"""Between the start of the agent and the moment at which everything is due."""
BETWEEN_S: Final = 20
"""Between two bursts of the same tasks."""
INTERVALS_S: Final = range(300, 10_000)
READY_S: Final = 30.0
REST_S: Final = 1.0
"""After the last end: what the agent still has to do for it counts as well."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Serving:
    """A living agent: its process, its keeper's, and what it has written."""

    home: Home
    agent: int
    keeper: int
    listener: "zmq.Socket[bytes]"
    database: Database

    @property
    def pids(self) -> tuple[int, int]:
        return (self.agent, self.keeper)

    def count_ended(self) -> int:
        """Runs whose end stands in the database."""
        ended = executions.c.ended_at.is_not(None)
        return self._ask(select(func.count()).select_from(executions).where(ended))[0]

    def told(self) -> list[int]:
        """What the runs that note their starts have said of them."""
        noted = executions.c.task_name.startswith("note-")
        is_good = executions.c.status == "success"
        return [
            int(tail) for tail in self._ask(select(executions.c.output_tail).where(noted, is_good))
        ]

    def duration_ms(self, task_name: str) -> int | None:
        """How long the first run of this task took; None while it has not ended."""
        found = self._ask(
            select(executions.c.duration_ms).where(
                executions.c.task_name == task_name, executions.c.ended_at.is_not(None)
            )
        )
        return found[0] if found else None

    def count_events(self) -> int:
        """Messages that the listener has got."""
        count = 0
        while self.listener.poll(0):
            self.listener.recv_multipart()
            count += 1
        return count

    def _ask(self, question: Select[T]) -> list[T]:
        return self.database.read_now(lambda found: list(found.execute(question).scalars()))


def noting(count: int, schedule: str, *, file: Path | None = None) -> list[Definition]:
    """Tasks that are all due at the same moments and note their starts.

    In a file through a shell, else in their output.
    """
    command = notes.TASK if file is None else notes.through_shell(file)
    return [
        Definition(task_name=f"note-{number:04}", schedule=(schedule,), command=command)
        for number in range(count)
    ]


def bursts(count: int, *, is_shell: bool) -> tuple[Burst, Burst]:
    """So many tasks due at once, with room for all of them: the first runs of all, and the next.

    With its first run a task gets a log.
    """
    with tempfile.TemporaryDirectory(prefix="smart-cron-bench-") as folder:
        file = Path(folder) / "notes"
        definitions = noting(count, f"@every {BETWEEN_S}s", file=file if is_shell else None)
        due_s = (int(time.time() + LEAD_S) // BETWEEN_S + 1) * BETWEEN_S
        with serving(definitions, max_running=count) as one:
            first = _burst(one, count, due_s, file if is_shell else None)
            return first, _burst(one, count, due_s + BETWEEN_S, file if is_shell else None)


def _burst(one: Serving, count: int, due_s: int, file: Path | None) -> Burst:
    """What is due at this moment, which is still to come."""
    sleep_until(due_s - 0.5)
    before, ended = cost(one.pids), one.count_ended()
    notes.until(lambda: one.count_ended() >= ended + count, f"{count} ends")
    time.sleep(REST_S)
    spent = cost(one.pids) - before
    if not one.count_events():
        raise RuntimeError("the agent told nobody of its runs")
    due_ns = due_s * 1_000_000_000
    found = one.told() if file is None else notes.read(file)
    return notes.burst(count, [note for note in found if note >= due_ns], due_ns=due_ns, cost=spent)


def rounds(count: int, *, period_s: int, periods: int) -> list[float]:
    """The lateness of each start when so many are due at the same second again and again."""
    with serving(noting(count, f"@every {period_s}s"), max_running=count) as one:
        wanted = count * (periods + 1)
        # What came before the agent served is missed, and no round.
        notes.until(lambda: len(one.told()) >= wanted, f"{periods} rounds and one before")
        found = sorted(one.told())
    # The first time everybody fills caches.
    return [notes.lateness_ms(note, period_s) for note in found[count:wanted]]


@contextmanager
def serving(definitions: Sequence[Definition], **settings: object) -> Iterator[Serving]:
    """An agent with these tasks, in a home that is gone when this process is."""
    folder = tempfile.mkdtemp(prefix="smart-cron-bench-")
    # Not before: for minutes ext4 passes over each file that was removed when it makes another,
    # and the next agent would be measured with the litter of this one.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = Home(Path(folder) / "home")
    ports = _free_ports()
    _prepare(home, definitions, ports, settings)
    with (Path(folder) / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "agent", "--home", str(home.root), "serve"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # the kernel shares processors out by session
        )
    try:
        notes.until(lambda: serving_pid(home) == process.pid, "a serving agent", within_s=READY_S)
        (keeper,) = family(process.pid)[1:2]
        url = database_url(Settings(), home)
        with (
            _listening(home, ports[1]) as listener,
            closing(Database.open(url, migrate=False)) as database,
        ):
            yield Serving(home, process.pid, keeper, listener, database)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(READY_S)


def next_moment(after_s: float) -> tuple[int, str]:
    """A second after this one, and a schedule that has it, and no other for minutes."""
    for due_s in count_from(int(after_s) + 1):
        for interval_s in INTERVALS_S:
            if due_s % interval_s == 0:
                return due_s, f"@every {interval_s}s"
    raise AssertionError("numbers have no end")


def sleep_until(at_s: float) -> None:
    """Until this moment of the wall clock; raises RuntimeError when it has passed."""
    wait_s = at_s - time.time()
    if wait_s < 0:
        raise RuntimeError("the machine is too busy: the moment passed before all was ready")
    time.sleep(wait_s)


def _prepare(
    home: Home, definitions: Sequence[Definition], ports: Sequence[int], settings: dict[str, object]
) -> None:
    for part in (agent, schema, shared):
        # As it is installed: else whoever may not write beside our files compiles at each start,
        # which leaves holes in its memory.
        compileall.compile_dir(Path(str(part.__file__)).parent, quiet=1)
    chosen = {"control_port": ports[0], "events_port": ports[1], **settings}
    home.root.mkdir(mode=0o700)
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in chosen.items()]
    home.settings_file.write_text("".join(lines))
    subprocess.run(
        [sys.executable, "-m", "agent", "--home", str(home.root), "init"],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    now_ms = time.time_ns() // 1_000_000
    with closing(Database.open(database_url(Settings(), home))) as database:
        register: Callable[..., int] = tasks.register
        database.write_now(
            partial(register, definitions=definitions, who="bench", why="", now_ms=now_ms)
        )


@contextmanager
def _listening(home: Home, port: int) -> Iterator["zmq.Socket[bytes]"]:
    """Somebody who listens to all events, as a desktop does, on a thread of libzmq."""
    own = load_pair(home.keys / LOCAL_KEY)
    with zmq.Context() as context, context.socket(zmq.SUB) as listener:
        listener.linger = 0
        listener.rcvhwm = 0
        listener.curve_serverkey = load_pair(home.keys / AGENT_KEY).public.encode()
        listener.curve_publickey = own.public.encode()
        listener.curve_secretkey = own.secret.encode()
        listener.subscribe(b"")
        listener.connect(f"tcp://127.0.0.1:{port}")
        yield listener


def _free_ports() -> list[int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        return [one.getsockname()[1], two.getsockname()[1]]
