"""Where a cgroup is delegated the kernel holds the memory of a run; elsewhere it is looked at."""

import os
import sys
from pathlib import Path

import msgspec
import pytest

from agent.running import cgroup
from agent.running.terms import Order
from tests.agent.running.conftest import Desk

LIMIT = 64 << 20
GROWS = "b = []\nwhile True: b.append(bytearray(b'x' * 1_000_000)); __import__('time').sleep(0.002)"


def order(desk: Desk, folder: str, *argv: str) -> Order:
    wanted = desk.order("R", *argv, memory_limit_bytes=LIMIT)
    return msgspec.structs.replace(wanted, cgroup=folder)


def test_a_group_has_the_limit_before_anybody_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cgroup.subtree_control").write_text("")
    folder = tmp_path / "run-R"
    made = os.mkdir

    def mkdir(path: str, mode: int) -> None:
        made(path, mode)
        for name in ("memory.max", "memory.oom.group", "memory.swap.max"):
            Path(path, name).touch()

    monkeypatch.setattr(os, "mkdir", mkdir)
    cgroup.make(str(folder), LIMIT)

    assert (tmp_path / "cgroup.subtree_control").read_text() == "+memory"
    assert (folder / "memory.max").read_text() == str(LIMIT)
    assert (folder / "memory.oom.group").read_text() == "1"
    assert (folder / "memory.swap.max").read_text() == "0"


def test_what_the_kernel_did_to_a_group_is_read(tmp_path: Path) -> None:
    events = tmp_path / "memory.events"
    assert not cgroup.was_out_of_memory(str(tmp_path))

    events.write_text("low 0\nhigh 0\nmax 12\noom 0\noom_kill 0\noom_group_kill 0\n")
    assert not cgroup.was_out_of_memory(str(tmp_path))

    events.write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\n")
    assert cgroup.was_out_of_memory(str(tmp_path))


@pytest.mark.parametrize("root", ["/no/such", "/proc", "/sys/fs/cgroup/unified"])
async def test_where_no_group_can_be_made_memory_is_looked_at(desk: Desk, root: str) -> None:
    folder = cgroup.folder_of(root, "R")

    await desk.keepers.start(order(desk, folder, sys.executable, "-S", "-c", GROWS))
    ended = await desk.end_of("R")

    assert ended.cause == "killed_memory"
    assert "64 MB allowed" in ended.detail
    assert not cgroup.is_there(folder)


def delegated() -> str:
    """A cgroup of this host in which groups with a memory limit can be made; empty if none."""
    root = "/sys/fs/cgroup"
    try:
        controls = Path(root, "cgroup.subtree_control").read_text().split()
    except OSError:
        return ""
    return root if "memory" in controls and os.access(root, os.W_OK) else ""


@pytest.mark.skipif(not delegated(), reason="no cgroup with a memory limit can be made here")
async def test_the_kernel_ends_a_run_at_the_limit_of_its_group(desk: Desk) -> None:
    folder = cgroup.folder_of(delegated(), "R")

    await desk.keepers.start(order(desk, folder, sys.executable, "-S", "-c", GROWS))
    ended = await desk.end_of("R")

    assert ended.cause == "killed_memory"
    assert "limit of its cgroup" in ended.detail
    assert not cgroup.is_there(folder)


async def test_a_command_joins_its_group_and_stays_what_it_was(desk: Desk, home: Path) -> None:
    words = cgroup.words_to_join(str(home))
    script = 'echo $$; cat "$1/cgroup.procs"; echo "$2"'

    started = await desk.keepers.start(
        desk.order("R", *words, "/bin/sh", "-c", script, "sh", str(home), "a b")
    )
    await desk.end_of("R")

    assert desk.output("R").splitlines() == [str(started.pid), str(started.pid), "a b"]
