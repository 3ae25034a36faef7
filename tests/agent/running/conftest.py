"""A keeper of one's own in a home of one's own, with nothing left behind."""

import asyncio
import fcntl
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from agent.running import keeping, link, processes
from agent.running.keeping import Keepers
from agent.running.terms import Ended, Order, Started

WAIT_S = 40.0  # a loaded host is slow; and less than what a test starts would last by itself
POLL_S = 0.01


async def until(holds: Callable[[], object], what: str = "it") -> None:
    """Wait for a condition; fails by name when it does not come true."""
    try:
        async with asyncio.timeout(WAIT_S):
            while not holds():  # noqa: ASYNC110 - what is waited for happens in other processes
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        pytest.fail(f"waited {WAIT_S:.0f} s in vain: {what}")


def is_alive(pid: int) -> bool:
    process = processes.look(pid)
    return process is not None and not process.is_over


def of_run(run_id: str) -> list[int]:
    """All living processes that carry a run's id."""
    return [
        pid
        for pid, process in processes.look_at_all().items()
        if not process.is_over and processes.run_of(pid) == run_id
    ]


class Desk:
    """Keepers, what they have told, and short ways to order."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.runtime = home / "run"
        self.ended: dict[str, Ended] = {}
        self.told_twice: list[str] = []
        self.keepers = self.make()

    def make(self) -> Keepers:
        return Keepers(self.runtime, on_ended=self._note)

    def order(
        self,
        run_id: str,
        *argv: str,
        timeout_ms: int = 0,
        grace_ms: int = 500,
        memory_limit_bytes: int | None = None,
        folder: str = "/",
        environment: dict[str, str] | None = None,
    ) -> Order:
        return Order(
            run_id=run_id,
            argv=argv,
            environment={"PATH": os.defpath, "SMARTCRON_RUN_ID": run_id, **(environment or {})},
            working_directory=folder,
            output_file=str(self.spool(run_id)),
            timeout_ms=timeout_ms,
            kill_grace_ms=grace_ms,
            memory_limit_bytes=memory_limit_bytes,
        )

    async def sh(
        self, run_id: str, script: str, *, timeout_ms: int = 0, grace_ms: int = 500
    ) -> Started:
        order = self.order(
            run_id, "/bin/sh", "-c", script, timeout_ms=timeout_ms, grace_ms=grace_ms
        )
        return await self.keepers.start(order)

    async def end_of(self, run_id: str) -> Ended:
        await until(lambda: run_id in self.ended, f"the end of {run_id}")
        return self.ended[run_id]

    def spool(self, run_id: str) -> Path:
        return self.home / f"{run_id}.out"

    def output(self, run_id: str) -> str:
        return self.spool(run_id).read_text() if self.spool(run_id).exists() else ""

    def _note(self, ended: Ended) -> None:
        if ended.run_id in self.ended:
            self.told_twice.append(ended.run_id)
        self.ended[ended.run_id] = ended


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """One test at a time on this host: they call their runs R, and keepers find runs by name."""
    with Path(tempfile.gettempdir(), "smartcron-tests-of-runs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A keeper may begin, answer and leave as late as a loaded host lets it."""
    monkeypatch.setattr(link, "CONNECT_WITHIN_S", WAIT_S)
    monkeypatch.setattr(link, "BEGIN_WITHIN_S", WAIT_S)
    monkeypatch.setattr(keeping, "GONE_WITHIN_S", WAIT_S)


@pytest.fixture
def home(tmp_path: Path, alone: None) -> Path:
    return tmp_path


@pytest.fixture
async def desk(home: Path) -> AsyncIterator[Desk]:
    desk = Desk(home)
    await desk.keepers.open()
    try:
        yield desk
    finally:
        await desk.keepers.close()
        assert desk.told_twice == []


@pytest.fixture(autouse=True)
def nothing_left(home: Path) -> Iterator[None]:
    """End what a failed test leaves; complain when one that passes leaves something."""
    yield
    keepers, runs = [], []
    for pid, process in processes.look_at_all().items():
        if process.is_over:
            continue
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(home / "run") in words and b"agent.running.keeper" in words:
            keepers.append(process)
        elif any(processes.writes_to(pid, str(path)) for path in home.glob("*.out")):
            runs.append(process)
    for process in [*keepers, *runs]:
        processes.send(process.pid, process.start, signal.SIGKILL)
    assert [process.pid for process in runs] == [], "runs were left behind"
