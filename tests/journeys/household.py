"""One home with a real agent in it, for tests that go from the clock to the ledger."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from agent.cli.session import Session
from agent.lock import serving_pid
from agent.running import processes
from agent.runs import LIVE_STATES, Run
from agent.settings import Home, load_settings
from agent.store import ledger
from agent.store.database import Database, database_url
from agent.store.ledger import RunFilter
from agent.wire.caller import Caller, new_op
from shared.protocol import requests
from tests.ports import free_ports

WAIT_S = 45.0  # a loaded host is slow, and that is no failure
LEAVE_S = 20.0  # less than what a test starts would last by itself
POLL_S = 0.03
COMMAND_S = 180.0
SHOWN_CHARACTERS = 8_000
CALM: Final = {
    f"health.limits.{reading}.{field}": limit
    for reading, limit in (
        *dict.fromkeys(("cpu", "memory", "swap", "disk", "inodes"), 2.0).items(),
        *dict.fromkeys(("loop", "database", "reads", "writes"), 1e9).items(),
        ("disk_days", 0.0),
    )
    for field in ("warn", "crit")
}
"""Settings for those who want no alert but their own: limits that no host reaches."""

T = TypeVar("T")


def until(find: Callable[[], T], what: str, *, within_s: float = WAIT_S) -> T:
    """What `find` finds, once it is true; fails by name when that does not come."""
    deadline = time.monotonic() + within_s
    while True:
        # Before the look: the last one is to come when all of the time is over.
        is_last = time.monotonic() > deadline
        if found := find():
            return found
        if is_last:
            raise AssertionError(f"waited {within_s:g} s in vain for {what}")
        time.sleep(POLL_S)


class Household:
    """A home in a short folder, the processes a test started in it, and its ledger."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="sc-"))
        self.home = Home(self.root)
        self.agents: list[subprocess.Popen[bytes]] = []
        self._database: Database | None = None
        self.control_port, self.events_port = free_ports(2)
        KEPT.add(self)

    def prepare(self, **settings: object) -> Self:
        """Make the home as `init` does, with free ports."""
        self._choose(settings)
        self.cli("init")
        return self

    def copy(self, made: Path, **settings: object) -> Self:
        """Take over a home that was made with the usual database; `init` takes a second."""
        shutil.copytree(made, self.root, dirs_exist_ok=True)
        self._choose(settings)
        return self

    def _choose(self, settings: Mapping[str, object]) -> None:
        chosen: dict[str, object] = {
            "listen": "127.0.0.1",
            "control_port": self.control_port,
            "events_port": self.events_port,
            **settings,
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in chosen.items()]
        self.home.settings_file.write_text("\n".join(lines) + "\n")

    def calm(self, *, but: str = "") -> Self:
        """Let nothing that the host does be an alert, such as a disk that another test fills."""
        file = self.home.settings_file
        lines = [
            f"{name} = {json.dumps(limit)}"
            for name, limit in CALM.items()
            if f".{but}." not in name
        ]
        file.write_text("\n".join([*lines, file.read_text()]))
        return self

    # The command line

    def run(
        self, *words: str, answer: str = "", timeout_s: float = COMMAND_S
    ) -> subprocess.CompletedProcess[str]:
        """One command on this home, whatever it ends with; `answer` is what it reads."""
        return subprocess.run(
            self.command(*words),
            env=self.environment(),
            input=answer,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def cli(self, *words: str) -> str:
        """What a command says; it must end well."""
        done = self.run(*words)
        assert done.returncode == 0, f"{words} ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def json(self, *words: str) -> Any:
        """What a command says with --json; it must end well."""
        return json.loads(self.cli(*words, "--json"))

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "agent", "--home", str(self.root), *words]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "SMARTCRON_HOME": str(self.root)}

    def apply(self, *tasks: str) -> None:
        """Put tasks in force, each the lines of a [[task]] table."""
        file = self.root / "tasks.toml"
        file.write_text("\n".join(f"[[task]]\n{task}\n" for task in tasks))
        self.cli("tasks", "apply", str(file))

    # The agent

    def serve(self, *, until_ready: bool = True) -> subprocess.Popen[bytes]:
        """Start an agent; by default wait until it says that it serves."""
        with (self.root / "said").open("ab") as said:
            agent = subprocess.Popen(
                self.command("serve"),
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        self.agents.append(agent)
        if until_ready:
            until(lambda: self.is_ready(agent) or agent.poll() is not None, "a serving agent")
            assert agent.poll() is None, f"the agent ended: {self.said()[-2000:]}"
        return agent

    def is_ready(self, agent: subprocess.Popen[bytes]) -> bool:
        return serving_pid(self.home) == agent.pid

    def said(self) -> str:
        """All that agents of this home wrote to their terminal."""
        file = self.root / "said"
        return file.read_text(errors="replace") if file.exists() else ""

    def stop(self, agent: subprocess.Popen[bytes], *, within_s: float = WAIT_S) -> int:
        """SIGTERM; the exit status."""
        agent.send_signal(signal.SIGTERM)
        return agent.wait(within_s)

    def kill(self, agent: subprocess.Popen[bytes]) -> None:
        """SIGKILL."""
        agent.send_signal(signal.SIGKILL)
        agent.wait(WAIT_S)

    @contextmanager
    def standing_still(self, agent: subprocess.Popen[bytes]) -> Iterator[None]:
        """It is frozen meanwhile, and not in the middle of a write that holds up all others."""
        until(lambda: self._is_frozen_at_rest(agent), "a frozen agent that writes nothing")
        try:
            yield
        finally:
            agent.send_signal(signal.SIGCONT)

    def _is_frozen_at_rest(self, agent: subprocess.Popen[bytes]) -> bool:
        agent.send_signal(signal.SIGSTOP)
        until(lambda: is_frozen(agent.pid), "a frozen agent")
        file = self.home.database_file
        try:
            with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                other.execute("ROLLBACK")
        except sqlite3.OperationalError:
            agent.send_signal(signal.SIGCONT)
            return False
        return True

    @contextmanager
    def caller(self) -> Iterator[Caller]:
        """A line to the agent that serves, as the command line has it."""
        with Session(self.home).agent(purpose="answer a test") as agent:
            yield agent

    def order(self, agent: Caller, task_name: str) -> str:
        """Order a run; its id."""
        request = requests.RunStart(op=new_op(), expires_ms=agent.expires_ms(), task_id=task_name)
        return agent.call(request, requests.RunStartReply).run_id

    def abort(self, agent: Caller, run_id: str) -> str:
        """Stop a run; the state it is in then."""
        request = requests.RunAbort(op=new_op(), expires_ms=agent.expires_ms(), run_id=run_id)
        return agent.call(request, requests.RunAbortReply).state

    # The ledger

    @property
    def database(self) -> Database:
        if self._database is None:
            url = database_url(load_settings(self.home), self.home)
            self._database = Database.open(url, migrate=False)
        return self._database

    def forget_database(self) -> None:
        """Another file is to lie in its place."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def runs(self, task_name: str | None = None, *statuses: str, **fields: object) -> list[Run]:
        """Rows, oldest first; of this task, in one of these states, with these field values."""
        wanted = RunFilter(task_name=task_name, statuses=statuses)
        found: list[Run] = []
        before: str | None = None
        while True:
            page = self.database.read_now(
                partial(ledger.page, wanted=wanted, before=before, limit=1000)
            )
            found.extend(page.runs)
            before = page.next
            if before is None:
                break
        rows = [run for run in found if all(getattr(run, k) == v for k, v in fields.items())]
        return sorted(rows, key=lambda run: (run.scheduled_ms, run.attempt))

    def wait_for(
        self, task_name: str, *statuses: str, count: int = 1, within_s: float = WAIT_S
    ) -> list[Run]:
        """The rows, once there are as many in one of these states."""
        what = f"{count} runs of {task_name} in {statuses}"

        def enough() -> list[Run]:
            found = self.runs(task_name, *statuses)
            return found if len(found) >= count else []

        return until(enough, what, within_s=within_s)

    def has_cleared_away(self) -> bool:
        """Does no output lie in the spool any more, but empty files that wait for others?"""
        with suppress(FileNotFoundError):  # one was taken as we looked
            return all(
                path.suffix == ".spare" and path.stat().st_size == 0
                for path in self.home.spool.iterdir()
            )
        return False

    def live(self) -> list[Run]:
        return self.runs(None, *LIVE_STATES)

    def alerts(self, task_name: str, *words: str) -> list[dict[str, Any]]:
        """What is told of this task, by `alerts list`; a loaded host may have troubles too."""
        listed: list[dict[str, Any]] = self.json("alerts", "list", *words)
        return [alert for alert in listed if alert["task_name"] == task_name]

    def check(self) -> dict[str, Any]:
        """`ledger check --json`, whatever it ends with."""
        done = self.run("ledger", "check", "--json")
        found: dict[str, Any] = json.loads(done.stdout)
        found["exit_status"] = done.returncode
        return found

    # Processes

    def keepers(self) -> list[int]:
        """Living keepers of this home."""
        runtime = os.fsencode(self.home.runtime)
        return [
            pid
            for pid in living()
            if runtime in (words := read(pid, "cmdline")) and b"agent.running.keeper" in words
        ]

    def own_keeper(self, agent: subprocess.Popen[bytes]) -> int:
        """The keeper that this agent started; 0 while there is none."""
        for pid in self.keepers():
            process = processes.look(pid)
            if process is not None and process.parent == agent.pid:
                return pid
        return 0

    def run_processes(self, run_id: str | None = None) -> list[int]:
        """Living processes of runs of this home, or of one run."""
        mark = b"SMARTCRON_RUN_ID=" + (run_id or "").encode()
        home = f"SMARTCRON_HOME={self.root}".encode()
        return [
            pid
            for pid in living()
            if home in (words := read(pid, "environ").split(b"\0"))
            and any(word.startswith(mark) for word in words)
        ]

    def agents_alive(self) -> list[int]:
        """Living agents that serve this home."""
        wanted = [os.fsencode(word) for word in ("--home", str(self.root), "serve")]
        return [
            pid
            for pid in living()
            if (words := read(pid, "cmdline").split(b"\0")) and wanted == words[3:6]
        ]

    def leave(self) -> None:
        """Stop what still serves, then nothing of this home may be left."""
        try:
            self._leave()
        except BaseException as error:
            error.add_note(f"What its agents said:\n{self.said()[-SHOWN_CHARACTERS:]}")
            raise
        finally:
            KEPT.discard(self)

    def _leave(self) -> None:
        for pid in self.agents_alive():
            os.kill(pid, signal.SIGTERM)
        try:
            for agent in self.agents:
                agent.wait(WAIT_S)
            until(lambda: not self.agents_alive(), "the end of all agents", within_s=LEAVE_S)
            until(
                lambda: not self.keepers() and not self.run_processes(),
                "the end of all keepers and runs",
                within_s=LEAVE_S,
            )
        finally:
            if self._database is not None:
                self._database.close()
            left = [*self.agents_alive(), *self.keepers(), *self.run_processes()]
            end(left)
            for agent in self.agents:
                agent.wait(WAIT_S)


KEPT: set[Household] = set()
"""Those that are not left yet: what their agents said belongs to a failed test's report."""


def what_agents_said() -> Iterator[tuple[str, str]]:
    """Of each home that is kept now, as sections of a report."""
    for household in KEPT:
        if said := household.said():
            yield f"What agents in {household.root} said", said[-SHOWN_CHARACTERS:]


def is_frozen(pid: int) -> bool:
    process = processes.look(pid)
    return process is not None and process.state == "T"


def living() -> Sequence[int]:
    """The processes of the host that are not over."""
    return [pid for pid, process in processes.look_at_all().items() if not process.is_over]


def read(pid: int, name: str) -> bytes:
    """A file of a process; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def end(pids: Sequence[int]) -> None:
    """SIGKILL to these, each proved to be the one that was seen."""
    for pid in pids:
        process = processes.look(pid)
        if process is not None:
            processes.send(pid, process.start, signal.SIGKILL)
