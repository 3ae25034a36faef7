"""On a disk without a byte left keepers live on: no end is lost, and no limit is late."""

import asyncio
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from agent.running import processes
from agent.running.terms import Ended, NoRoom, Standing
from tests.agent.running.conftest import Desk, is_alive, until
from tests.pulse import Pulse

STAND_IN = Path(__file__).with_name("stand_in_agent.py")
LARGE_BYTES = 256 << 10
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


@pytest.fixture(params=["tmpfs", "ext4"])
def home(tmp_path: Path, alone: None, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A home on a disk of 2 MB, or the smallest of ext4."""
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o700)
    if request.param == "tmpfs":
        words = ["-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs"]
    else:
        image = tmp_path / "image"
        with image.open("wb") as file:
            file.truncate(4 << 20)
        # No part of it is kept for root, and no inode's table made later.
        options = ["-q", "-m", "0", "-O", "^has_journal", "-E", "lazy_itable_init=0"]
        words = ["-o", "loop", str(image)]
        if not is_done(["mkfs.ext4", *options, str(image)]):
            pytest.skip("this host makes no ext4")
    if not is_done(["mount", *words, str(disk)]):
        pytest.skip("nothing can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def is_done(words: list[str]) -> bool:
    return bool(shutil.which(words[0])) and subprocess.run(words).returncode == 0


def fill(home: Path) -> Path:
    """Take every byte that is left, also those in the last page of the keepers' log."""
    filler = home / "filler"
    for path in (filler, home / "run" / "keeper.log"):
        with path.open("ab", buffering=0) as file, suppress(OSError):
            for size in (65536, 1):
                with suppress(OSError):
                    while True:
                        file.write(b"x" * size)
    with pytest.raises(OSError, match="No space left"), (home / "probe").open("wb") as probe:
        probe.write(b"x")
    (home / "probe").unlink()
    return filler


async def stand_in(home: Path, *orders: tuple[str, str]) -> asyncio.subprocess.Process:
    # This process is no agent yet, so the orphans of that one are nobody's, as in a new boot.
    ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)
    agent = await asyncio.create_subprocess_exec(
        sys.executable,
        str(STAND_IN),
        str(home),
        json.dumps(orders),
        stdout=asyncio.subprocess.PIPE,
    )
    assert agent.stdout is not None
    assert (await agent.stdout.readline()).strip() == b"ordered"
    return agent


async def kill(agent: asyncio.subprocess.Process) -> None:
    agent.send_signal(signal.SIGKILL)
    await agent.wait()


def keepers_of(home: Path) -> list[int]:
    mark = os.fsencode(home / "run") + b"/keeper-"
    return [
        pid
        for pid, process in processes.look_at_all().items()
        if not process.is_over and mark in processes.words_of(pid)
    ]


async def test_with_the_agent_dead_every_end_is_known_and_a_timeout_holds(
    home: Path, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    wait = f"while [ ! -e {go} ]; do sleep 0.05; done"
    agent = await stand_in(
        home,
        *((f"R{number}", f"{wait}; exit {10 + number}") for number in range(12)),
        ("timed 1500", "exec sleep 60"),
    )
    (keeper,) = keepers_of(home)
    filler = fill(home)
    await kill(agent)
    began_s = time.monotonic()
    go.touch()
    await until(lambda: not processes.below(keeper), "the end of all runs")
    took_s = time.monotonic() - began_s
    is_the_keeper_alive = is_alive(keeper)
    desk = Desk(home)
    filler.unlink()

    standing = {found.run_id: found for found in await desk.keepers.open()}
    await desk.keepers.forget(standing)
    await desk.keepers.close()

    assert is_the_keeper_alive
    assert took_s < 20, "the longest of them would have lasted a minute"
    ends = [standing[f"R{number}"] for number in range(12)]
    assert [_status(end) for end in ends] == [10 + number for number in range(12)]
    timed = standing["timed 1500"]
    assert isinstance(timed, Ended)
    assert timed.cause == "timeout"


async def test_with_the_keeper_dead_too_its_journal_tells_every_end(
    home: Path, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    wait = f"while [ ! -e {go} ]; do sleep 0.05; done"
    agent = await stand_in(
        home, *((f"R{number}", f"{wait}; exit {10 + number}") for number in range(12))
    )
    (keeper,) = keepers_of(home)
    filler = fill(home)
    await kill(agent)
    go.touch()
    await until(lambda: not processes.below(keeper), "the end of all runs")
    os.kill(keeper, signal.SIGKILL)
    await until(lambda: not is_alive(keeper), "the keeper's death")
    desk = Desk(home)
    filler.unlink()

    standing = {found.run_id: found for found in await desk.keepers.open()}
    await desk.keepers.close()

    ends = [standing[f"R{number}"] for number in range(12)]
    assert [_status(end) for end in ends] == [10 + number for number in range(12)]


async def test_a_large_journal_stays_when_there_is_no_room_for_a_smaller_one(desk: Desk) -> None:
    (journal,) = desk.runtime.glob("*.journal")
    over: list[str] = []
    while journal.stat().st_size < LARGE_BYTES:
        names = [f"R{len(over) + number}" for number in range(40)]
        for name in names:
            order = desk.order(name, "/bin/true", environment={})
            await desk.keepers.start(order)
        for name in names:
            await desk.end_of(name)
            desk.spool(name).unlink()
        over += names
    keeper = desk.keepers.own_pid
    await desk.sh("long", "sleep 1; exit 7")
    filler = fill(desk.home)

    await desk.keepers.forget(over)
    ended = await desk.end_of("long")

    assert (ended.exit_status, desk.keepers.own_pid) == (7, keeper)
    assert journal.stat().st_size > LARGE_BYTES
    assert not list(desk.runtime.glob("*.new"))
    filler.unlink()
    await until(lambda: "forgotten" in journal.read_text(), "what was let go of")
    for number in range(60):
        await desk.sh(f"later{number}", "exit 0")
        await desk.end_of(f"later{number}")
        await desk.keepers.forget([f"later{number}"])
    await until(lambda: journal.stat().st_size < LARGE_BYTES, "a smaller journal")


async def test_a_new_keeper_without_a_header_serves_and_starts_runs_when_there_is_room(
    desk: Desk,
) -> None:
    # Its journal stays where it is as long as this run is not forgotten.
    await desk.sh("R0", "exec sleep 60")
    filler = fill(desk.home)
    first = desk.keepers.own_pid
    os.kill(first, signal.SIGKILL)
    await until(lambda: desk.keepers.own_pid not in (0, first), "another keeper")
    await until(lambda: desk.keepers._has_own.is_set(), "its answer")
    second = desk.keepers.own_pid

    began_s = time.monotonic()
    with (
        Pulse() as pulse,
        pytest.raises(NoRoom, match="journal cannot be written: No space left"),
    ):
        await desk.sh("R", "exit 3")
    took_s = time.monotonic() - began_s
    filler.unlink()
    await desk.sh("next", "exit 4")

    assert took_s < 5 + pulse.worst_ms / 1_000, "who waits for an answer waits ten"
    assert (await desk.end_of("next")).exit_status == 4
    assert desk.keepers.own_pid == second
    await desk.keepers.stop("R0", grace_ms=0)
    await desk.end_of("R0")


@pytest.fixture
def fileless(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk that takes no more files."""
    folder = tmp_path / "fileless"
    folder.mkdir()
    if not is_done(["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=1", "tmpfs", str(folder)]):
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_run_for_whose_output_no_file_can_be_made_is_refused_for_want_of_room(
    desk: Desk, fileless: Path
) -> None:
    order = desk.order("R", "/bin/true")

    with pytest.raises(NoRoom, match=r"the output file .* cannot be made: no space left"):
        await desk.keepers.start(
            msgspec.structs.replace(order, output_file=str(fileless / "R.out"))
        )


async def test_what_the_disk_refused_is_written_by_itself_when_there_is_room(
    home: Path, tmp_path: Path
) -> None:
    agent = await stand_in(home, ("R", f"while [ ! -e {tmp_path / 'go'} ]; do sleep 0.05; done"))
    (journal,) = (home / "run").glob("*.journal")
    (keeper,) = keepers_of(home)
    filler = fill(home)
    # As on a file system that takes nothing ahead.
    _fill_reserve(journal)
    await kill(agent)
    (tmp_path / "go").touch()
    await until(lambda: not processes.below(keeper), "the end of the run")

    filler.unlink()

    await until(lambda: '"ended"' in journal.read_text(), "its end in the journal")
    os.kill(keeper, signal.SIGKILL)
    await until(lambda: not is_alive(keeper), "the keeper's death")
    desk = Desk(home)
    (standing,) = await desk.keepers.open()
    await desk.keepers.close()
    assert _status(standing) == 0


def _fill_reserve(journal: Path) -> None:
    with journal.open("ab", buffering=0) as file, suppress(OSError):
        for size in (4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"\n" * size)


def _status(standing: Standing) -> int | None:
    assert isinstance(standing, Ended), standing
    return standing.exit_status
