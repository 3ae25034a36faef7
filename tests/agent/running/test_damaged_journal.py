"""A keeper's journal that is damaged costs what cannot be read of it, and nothing is made up."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.boot import boot_id
from agent.running import journal, processes
from agent.running.keeping import Keepers
from agent.running.terms import Ended, Started
from tests.damages import damages

GONE = {"pid": 2_000_000_000, "start": 7}
KEEPER = {"e": "keeper", "v": 1, **GONE, "boot": boot_id()}
ORDER = {
    "e": "order", "run": "R", "output_file": "/none", "tick": 5, "timeout_ms": 0,
    "kill_grace_ms": 1, "memory_limit_bytes": None, "cpu_limit_s": None, "keeps_leftovers": None,
    "cgroup": None,
}  # fmt: skip
STARTED = {"e": "started", "run": "R", **GONE, "started_ms": 1_000, "started_mono_ms": 1}
EXITED = {
    "e": "exited", "run": "R", "pid": GONE["pid"], "started_ms": 1_000, "ended_ms": 5_000,
    "duration_ms": 4_000, "exit_status": 7, "signal": None, "cause": "", "cpu_ms": 1,
    "peak_rss": 2, "leftovers": 0, "detail": "",
}  # fmt: skip
ENDED = {**EXITED, "e": "ended"}
LINES = (KEEPER, ORDER, STARTED, EXITED, ENDED)
WHOLE = b"".join(map(journal.encoded, LINES))
OF_OLD = b"".join(journal._encode(line).encode() + b"\n" for line in LINES)


def put(home: Path, body: bytes) -> Path:
    runtime = home / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    path = runtime / "keeper-0.journal"
    path.write_bytes(body)
    return path


async def learned(runtime: Path) -> list[Started | Ended]:
    """What the next agent learns of earlier runs."""
    keepers = Keepers(runtime, on_ended=lambda _: None)
    try:
        return await keepers.open()
    finally:
        await keepers.close()


@pytest.mark.parametrize("how", damages(WHOLE))
async def test_an_end_is_the_true_one_or_it_is_lost(home: Path, how: str) -> None:
    path = put(home, damages(WHOLE)[how])

    found = [each for each in await learned(path.parent) if each.run_id == "R"]

    assert all(isinstance(each, Ended) for each in found)
    assert {(each.exit_status, each.cause) for each in found if isinstance(each, Ended)} <= {
        (7, ""),
        (None, "lost"),
    }


@pytest.mark.parametrize("how", damages(OF_OLD))
async def test_what_a_keeper_of_an_earlier_version_wrote_is_no_reason_to_stop(
    home: Path, how: str
) -> None:
    await learned(put(home, damages(OF_OLD)[how]).parent)


async def test_one_damaged_line_costs_no_other_and_a_copy_is_kept(home: Path) -> None:
    damaged = WHOLE.replace(b'"e":"ended"', b'"e":"ended\xff')
    path = put(home, damaged + journal.encoded({"e": "other"}))

    (found,) = await learned(path.parent)

    assert isinstance(found, Ended)
    assert found.exit_status == 7  # as the line before it says
    aside = path.with_name("damaged-keeper-0.journal")
    assert aside.read_bytes().startswith(damaged)
    assert aside.stat().st_mode & 0o777 == 0o600


async def test_a_folder_in_its_place_is_set_aside(home: Path) -> None:
    path = put(home, b"")
    path.unlink()
    path.mkdir()

    assert await learned(path.parent) == []
    assert path.with_name("damaged-keeper-0.journal").is_dir()


@pytest.fixture
def living() -> Iterator[processes.Process]:
    """A run that lives, as a keeper starts it."""
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"],
        env={**os.environ, "SMARTCRON_RUN_ID": "R"},
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    process = processes.look(child.pid)
    assert process is not None
    yield process
    child.kill()
    child.communicate()


@pytest.mark.parametrize("lost", [KEEPER, ORDER])
async def test_a_run_that_lives_is_looked_after_whatever_line_is_damaged(
    home: Path, living: processes.Process, lost: dict[str, object]
) -> None:
    started = {**STARTED, "pid": living.pid, "start": living.start}
    lines = [journal.encoded(line) for line in (KEEPER, ORDER, started) if line != lost]
    path = put(home, b'{"e":\xff}\n' + b"".join(lines))
    over = asyncio.Event()
    keepers = Keepers(path.parent, on_ended=lambda _: over.set())
    try:
        (found,) = await keepers.open()
        assert found == Started("R", living.pid, 1_000)
        assert await keepers.stop("R", grace_ms=60_000)
        await over.wait()
    finally:
        await keepers.close()


def test_a_line_says_itself_whether_it_is_whole() -> None:
    line = journal.encoded(ENDED).rstrip()

    assert journal._read(line) == ENDED
    for at in range(len(line)):
        read = journal._read(line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :])
        # Where the sum is not found any more, all that it was of is as it was.
        assert read is None or {name: read.get(name) for name in ENDED} == ENDED
